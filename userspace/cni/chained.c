// SPDX-License-Identifier: GPL-2.0
/*
 * Behind another plugin, which has made a veth pair for the pod and given it
 * its addresses: ADD puts the pair onto the direct path, and DEL takes it off;
 * all else of the attachment is that plugin's. Or a pod device takes the pair's
 * place, which DEL removes like any other.
 */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "cni.h"

/* What Calico gives the node's end of its pairs. */
#define CALICO_MAC "ee:ee:ee:ee:ee:ee"
#define CALICO_NAME "cali"

static bool is_calico(const json_t *device)
{
	const char *name, *mac;

	name = json_string_value(json_object_get(device, "name"));
	mac = json_string_value(json_object_get(device, "mac"));
	return (mac && !strcasecmp(mac, CALICO_MAC)) ||
	       (name && !strncmp(name, CALICO_NAME, strlen(CALICO_NAME)));
}

/* Rules that sit in the node's FORWARD chain would not see packets any more. */
static int refuse_policy(struct cni *cni)
{
	json_t *device;
	size_t i;

	if (cni->config.ignore_policy)
		return 0;
	json_array_foreach(json_object_get(cni->config.prev, "interfaces"), i,
			   device) {
		if (is_calico(device))
			return cni_fail(cni, CNI_UNSUPPORTED,
					"prevResult: the device is Calico's, whose policy the direct path would leave out: say \"ignorePolicy\": true if you mean it");
	}
	return 0;
}

static int adopt(struct cni *cni, const struct shunt_netns *netns,
		 const struct cni_ips *ips)
{
	struct shunt_pod_request request = {
		.netns = *netns,
		.dev = cni->env.ifname,
		.node = cni->config.node,
		.addrs = ips->addrs,
		.n_addrs = ips->n,
	};
	int err;

	if (shunt_pod_adopt(cni->sh, &request))
		return cni_fail_shunt(cni, CNI_FAILED);
	err = cni_result_print(cni, cni->config.prev);
	if (err)
		shunt_pod_del(cni->sh, netns, cni->env.ifname);
	return err;
}

static int replace(struct cni *cni, const struct shunt_netns *netns,
		   const struct cni_ips *ips)
{
	struct shunt_pod pod = { 0 };
	char peer[IF_NAMESIZE];
	json_t *result;
	int err;

	err = cni_add_pod(cni, netns, cni->config.prev, ips, &pod, peer);
	if (err)
		return err;
	result = cni_result_replace(cni, ips, &pod, peer);
	err = cni_result_print(cni, result);
	json_decref(result);
	if (err)
		shunt_pod_del(cni->sh, netns, cni->env.ifname);
	return err;
}

static int add(struct cni *cni, const struct shunt_netns *netns,
	       const struct cni_ips *ips)
{
	int err;

	if (!ips->n)
		return cni_fail(cni, CNI_CONFIG,
				"prevResult: there is no address of %s in it",
				cni->env.ifname);
	err = cni_node_prepare(cni);
	if (err)
		return err;
	return cni->config.replace ? replace(cni, netns, ips) :
				     adopt(cni, netns, ips);
}

/**
 * cni_chained_add() - ADD behind another plugin
 * @cni: the run
 * @netns: the pod's network namespace
 *
 * Prints that plugin's result: as it is, or with the pod device in it.
 */
int cni_chained_add(struct cni *cni, const struct shunt_netns *netns)
{
	struct cni_ips ips;
	int err;

	err = refuse_policy(cni);
	if (err)
		return err;
	err = cni_result_read_ips(cni, cni->config.prev, true, &ips);
	if (!err)
		err = add(cni, netns, &ips);
	free(ips.addrs);
	return err;
}

static int give_back(struct cni *cni, const struct shunt_netns *netns)
{
	struct shunt_pod *pods;
	bool found = false;
	unsigned int i, n;
	int err;

	err = shunt_pod_list(cni->sh, netns, &pods, &n);
	if (err)
		return err;
	for (i = 0; !found && i < n; i++)
		found = pods[i].veth && !strcmp(pods[i].name, cni->env.ifname);
	shunt_pod_free(pods, n);
	return found ? shunt_pod_del(cni->sh, netns, cni->env.ifname) : 0;
}

/**
 * cni_chained_del() - DEL behind another plugin
 * @cni: the run
 *
 * With the pair, or one of its network namespaces, its place on the direct path
 * is gone by itself: nothing that is missing is an error.
 */
int cni_chained_del(struct cni *cni)
{
	struct shunt_netns netns;
	int err;

	if (!cni->env.netns)
		return 0;
	err = shunt_netns_open(cni->sh, cni->env.netns, &netns);
	if (err == -ENOENT || err == -EINVAL)
		return 0;
	if (err)
		return cni_fail_shunt(cni, CNI_FAILED);
	err = give_back(cni, &netns);
	shunt_netns_close(&netns);
	if (err && err != -ENODEV && err != -EOPNOTSUPP)
		return cni_fail_shunt(cni, CNI_FAILED);
	return 0;
}
