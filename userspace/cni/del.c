// SPDX-License-Identifier: GPL-2.0
/*
 * DEL: nothing stays. It may come twice, or when the container, its network
 * namespace or the module are gone. The device goes before the address: else
 * the next pod would get one that is still in use.
 */
#include <errno.h>
#include <stdlib.h>

#include "cni.h"

static int del_device(struct cni *cni)
{
	struct shunt_netns netns;
	int err;

	err = shunt_netns_open(cni->sh, cni->env.netns, &netns);
	/* Gone, or a file that is left of it. */
	if (err == -ENOENT || err == -EINVAL)
		return 0;
	if (err)
		return cni_fail_shunt(cni, CNI_FAILED);
	err = shunt_pod_del(cni->sh, &netns, cni->env.ifname);
	shunt_netns_close(&netns);
	/* Gone, or somebody else's; or all devices went with the module. */
	if (err && err != -ENODEV && err != -EOPNOTSUPP)
		return cni_fail_shunt(cni, CNI_FAILED);
	return 0;
}

/* When the network namespace has gone first, it took the device along, but not
 * the node's routes to it. Which those are, the runtime tells if it knows.
 */
static int forget(struct cni *cni)
{
	struct cni_ips ips;
	int err;

	err = cni_result_read_ips(cni, cni->config.prev, true, &ips);
	if (!err && (ips.n ? shunt_pod_forget(cni->sh, ips.addrs, ips.n) :
			     shunt_node_sweep(cni->sh)))
		err = cni_fail_shunt(cni, CNI_FAILED);
	free(ips.addrs);
	return err;
}

/**
 * cni_del() - the verb DEL
 * @cni: the run
 */
int cni_del(struct cni *cni)
{
	json_t *said;
	int err = 0;

	if (cni->env.netns)
		err = del_device(cni);
	if (!err)
		err = forget(cni);
	if (!err)
		err = cni_ipam_run(cni, "DEL", &said);
	if (!err)
		json_decref(said);
	return err;
}
