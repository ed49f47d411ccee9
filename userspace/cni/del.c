// SPDX-License-Identifier: GPL-2.0
/*
 * DEL: nothing stays. It may come twice, or when the container, its network
 * namespace or the module are gone. The device goes before the address: else
 * the next pod would get one that is still in use.
 *
 * Only a device whose alias is that of the attachment goes: a runtime cleans up
 * after an ADD that failed because another network's device was there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cni.h"

/* A pod that has gone meanwhile has no alias any more. */
static bool is_attachment(struct cni *cni, const struct shunt_pod *pod,
			  const char *alias)
{
	bool same;
	char *its;

	if (strcmp(pod->name, cni->env.ifname) ||
	    shunt_pod_alias(cni->sh, pod, &its) || !its)
		return false;
	same = !strcmp(its, alias);
	free(its);
	return same;
}

/* In whichever network namespace it is. */
static int del_anywhere(struct cni *cni, const char *alias)
{
	struct shunt_pod *pods;
	unsigned int i, n;
	int err;

	err = shunt_pod_list(cni->sh, NULL, &pods, &n);
	/* All devices went with the node device, or with the module. */
	if (err == -ENODEV || err == -EOPNOTSUPP)
		return 0;
	if (err)
		return cni_fail_shunt(cni, CNI_FAILED);
	for (i = 0; i < n; i++) {
		if (is_attachment(cni, &pods[i], alias) &&
		    shunt_pod_remove(cni->sh, &pods[i], alias))
			cni_fail_shunt(cni, CNI_FAILED);
	}
	shunt_pod_free(pods, n);
	return cni->code;
}

/* Devices that have gone by themselves leave the node's routes to them. */
static int sweep(struct cni *cni)
{
	return shunt_node_sweep(cni->sh) ? cni_fail_shunt(cni, CNI_FAILED) : 0;
}

static bool has_any(const struct shunt_pod *pod, const struct cni_ips *ips)
{
	size_t i;

	for (i = 0; i < ips->n; i++) {
		if (shunt_pod_has(pod, &ips->addrs[i]))
			return true;
	}
	return false;
}

/* A network namespace on its way out lets nobody read an alias. */
static bool is_dying(struct cni *cni, const struct cni_ips *ips)
{
	struct shunt_pod *pods;
	bool dying = false;
	unsigned int i, n;
	char *alias;

	if (shunt_pod_list(cni->sh, NULL, &pods, &n))
		return false;
	for (i = 0; !dying && i < n; i++) {
		if (!has_any(&pods[i], ips))
			continue;
		dying = shunt_pod_alias(cni->sh, &pods[i], &alias);
		if (!dying)
			free(alias);
	}
	shunt_pod_free(pods, n);
	return dying;
}

/* The kernel ends network namespaces in its own time. Until then the device has
 * its addresses, and who got one of them next would be refused: better wait,
 * but not for ever.
 */
static void await_end(struct cni *cni)
{
	unsigned int turns = CNI_TURNS;
	struct cni_ips ips;

	if (cni_result_read_ips(cni, cni->config.prev, true, &ips))
		cni_error_clear(cni);
	while (ips.n && is_dying(cni, &ips) && cni_attachment_wait(&turns))
		;
	free(ips.addrs);
}

/* The network namespace has gone, and the device with it; or only its name
 * has.
 */
static int del_without_netns(struct cni *cni, const char *alias)
{
	int err = del_anywhere(cni, alias);

	if (!err)
		await_end(cni);
	return err ?: sweep(cni);
}

static int del_from(struct cni *cni, const struct shunt_netns *netns,
		    const char *alias)
{
	char *its;
	int err;

	err = shunt_netns_find(cni->sh, netns, cni->env.ifname, &its);
	if (err == -ENODEV)
		return sweep(cni);
	if (err)
		return cni_fail_shunt(cni, CNI_FAILED);
	if (its && !strcmp(its, alias))
		err = shunt_pod_del(cni->sh, netns, cni->env.ifname);
	free(its);
	/* Gone meanwhile, by itself or with the module. */
	if (err && err != -ENODEV && err != -EOPNOTSUPP)
		return cni_fail_shunt(cni, CNI_FAILED);
	return 0;
}

static int del_device(struct cni *cni, const char *alias)
{
	struct shunt_netns netns;
	int err;

	if (!cni->env.netns)
		return del_without_netns(cni, alias);
	err = shunt_netns_open(cni->sh, cni->env.netns, &netns);
	/* Gone, or a file that is left of it. */
	if (err == -ENOENT || err == -EINVAL)
		return del_without_netns(cni, alias);
	if (err)
		return cni_fail_shunt(cni, CNI_FAILED);
	err = del_from(cni, &netns, alias);
	shunt_netns_close(&netns);
	return err;
}

/**
 * cni_del() - the verb DEL
 * @cni: the run
 */
int cni_del(struct cni *cni)
{
	char *alias;
	int err;

	if (!cni->config.ipam && !cni->config.replace)
		return cni_chained_del(cni);
	err = cni_attachment_alias(cni, &alias);
	/* A name that is too long for it is one that no ADD has taken. */
	if (err == CNI_CONFIG) {
		cni_error_clear(cni);
		err = 0;
	} else if (!err) {
		err = del_device(cni, alias);
	}
	free(alias);
	if (!err)
		err = cni_ipam_run(cni, "DEL", NULL);
	if (!err)
		err = cni_record_del(cni, cni->env.container, cni->env.ifname);
	return err;
}
