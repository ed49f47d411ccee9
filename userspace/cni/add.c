// SPDX-License-Identifier: GPL-2.0
/*
 * ADD: a pod gets its device, or another plugin's a better way. What fails is
 * undone, the address included.
 */
#include <stdlib.h>

#include "cni.h"

static int connect_pod(struct cni *cni, const struct shunt_netns *netns,
		       const struct cni_ips *ips,
		       const struct shunt_route *routes, unsigned int n_routes,
		       struct shunt_pod *pod, char *peer)
{
	const struct cni_config *config = &cni->config;
	struct shunt_pod_request request = {
		.netns = *netns,
		.dev = cni->env.ifname,
		.node = config->node,
		.mtu = config->mtu,
		.addrs = ips->addrs,
		.n_addrs = ips->n,
		.routes = n_routes ? routes : NULL,
		.n_routes = n_routes,
	};
	uint8_t mac[SHUNT_MAC_LEN];
	char *alias, why[SHUNT_TEXT_LEN];
	int err;

	if (config->mac && !shunt_mac_parse(config->mac, mac, why))
		request.mac = mac;
	err = cni_attachment_alias(cni, &alias);
	if (err)
		return err;
	request.alias = alias;
	err = peer ? shunt_pod_replace(cni->sh, &request, pod, peer) :
		     shunt_pod_add(cni->sh, &request, pod);
	free(alias);
	return err ? cni_fail_shunt(cni, CNI_FAILED) : 0;
}

/**
 * cni_add_pod() - make the pod's device
 * @cni: the run
 * @netns: the pod's network namespace
 * @result: that the routes come from
 * @ips: the addresses, at least one
 * @pod: the device as it came out
 * @peer: of shunt_pod_replace(), or NULL: there is no device yet
 */
int cni_add_pod(struct cni *cni, const struct shunt_netns *netns,
		const json_t *result, const struct cni_ips *ips,
		struct shunt_pod *pod, char *peer)
{
	struct shunt_route *routes = NULL;
	unsigned int n;
	int err;

	err = cni_result_read_routes(cni, result, &routes, &n);
	if (!err)
		err = connect_pod(cni, netns, ips, routes, n, pod, peer);
	free(routes);
	return err;
}

static int print(struct cni *cni, const json_t *ipam, const struct cni_ips *ips,
		 const struct shunt_pod *pod)
{
	json_t *result = cni_result_build(cni, ipam, ips, pod);
	int err = cni_result_print(cni, result);

	json_decref(result);
	return err;
}

static int add_device(struct cni *cni, const struct shunt_netns *netns,
		      const json_t *ipam)
{
	struct shunt_pod pod = { 0 };
	struct cni_ips ips;
	int err;

	err = cni_result_read_ips(cni, ipam, false, &ips);
	if (!err && !ips.n)
		err = cni_fail(cni, CNI_CONFIG,
			       "\"ipam\": no address came from it, and a pod needs one");
	if (!err)
		err = cni_add_pod(cni, netns, ipam, &ips, &pod, NULL);
	if (!err) {
		err = print(cni, ipam, &ips, &pod);
		if (err)
			shunt_pod_del(cni->sh, netns, cni->env.ifname);
	}
	free(ips.addrs);
	return err;
}

/* Its own errors would hide the one that matters. What may not have been given
 * back keeps its record.
 */
static void release(struct cni *cni, bool has_none)
{
	struct cni undo = *cni;

	undo.code = CNI_OK;
	undo.msg = NULL;
	undo.details = NULL;
	if (!cni_ipam_run(&undo, "DEL", NULL) || has_none)
		cni_record_del(&undo, cni->env.container, cni->env.ifname);
	cni_error_clear(&undo);
}

static int add(struct cni *cni, const struct shunt_netns *netns)
{
	bool has_none;
	json_t *ipam;
	char *alias;
	int err;

	err = cni_attachment_alias(cni, &alias);
	free(alias);
	if (err)
		return err;
	/* Before an address comes: a plugin that gives the same one twice would
	 * take that of the device that is there.
	 */
	err = shunt_netns_find(cni->sh, netns, cni->env.ifname, &alias);
	free(alias);
	if (!err)
		return cni_fail(cni, CNI_FAILED,
				"%s: there is a device %s already",
				netns->name, cni->env.ifname);
	err = cni_node_prepare(cni);
	if (!err)
		err = cni_ipam_check(cni, CNI_CONFIG);
	if (!err)
		err = cni_record_add(cni);
	if (err)
		return err;
	err = cni_ipam_run(cni, "ADD", &ipam);
	/* Who does not know the version has done nothing, and refuses DEL. */
	has_none = err == CNI_VERSION;
	if (!err)
		err = add_device(cni, netns, ipam);
	if (err)
		release(cni, has_none);
	json_decref(ipam);
	return err;
}

/**
 * cni_add() - the verb ADD
 * @cni: the run
 */
int cni_add(struct cni *cni)
{
	struct shunt_netns netns;
	int err;

	if (cni->config.prev && cni->config.ipam)
		return cni_fail(cni, CNI_UNSUPPORTED,
				"prevResult: with \"ipam\", shunt is to be the first plugin of the list; behind another, leave \"ipam\" to that one");
	if (!cni->config.prev && !cni->config.ipam)
		return cni_fail(cni, CNI_CONFIG,
				"\"ipam\": must be there, with the type of a plugin for addresses, unless another plugin comes before");
	if (cni->config.limited)
		return cni_fail(cni, CNI_UNSUPPORTED,
				"runtimeConfig.bandwidth: shunt limits no pods: leave that to the plugin bandwidth, behind shunt in mode \"accelerate\" and a plugin that makes veth pairs");
	err = cni_attachment_open_netns(cni, &netns);
	if (err)
		return err;
	err = cni->config.prev ? cni_chained_add(cni, &netns) :
				 add(cni, &netns);
	shunt_netns_close(&netns);
	return err;
}
