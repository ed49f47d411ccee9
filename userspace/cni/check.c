// SPDX-License-Identifier: GPL-2.0
/*
 * CHECK: is everything still as ADD has said?
 */
#include <stdlib.h>
#include <string.h>

#include "cni.h"

static int check_inside(struct cni *cni, const struct shunt_netns *netns,
			const struct cni_ips *ips)
{
	const json_t *prev = cni->config.prev;
	const char *text = cni_result_find_mac(cni, prev);
	struct shunt_pod_request request = {
		.netns = *netns,
		.dev = cni->env.ifname,
		.addrs = ips->addrs,
		.n_addrs = ips->n,
	};
	uint8_t mac[SHUNT_MAC_LEN];
	struct shunt_route *routes = NULL;
	char why[SHUNT_TEXT_LEN];
	int err;

	if (text && !shunt_mac_parse(text, mac, why))
		request.mac = mac;
	err = cni_result_read_routes(cni, prev, &routes, &request.n_routes);
	request.routes = routes;
	if (!err && shunt_pod_verify(cni->sh, &request))
		err = cni_fail_shunt(cni, CNI_CHANGED);
	free(routes);
	return err;
}

static int check_pod(struct cni *cni, const struct shunt_pod *pods,
		     unsigned int n, const struct cni_ips *ips)
{
	char text[INET6_ADDRSTRLEN];
	const struct shunt_pod *pod;
	size_t i;

	for (pod = pods; pod < pods + n; pod++) {
		if (!strcmp(pod->name, cni->env.ifname))
			break;
	}
	if (pod == pods + n)
		return cni_fail(cni, CNI_CHANGED,
				"%s: the node does not know the device %s",
				cni->env.netns, cni->env.ifname);
	for (i = 0; i < ips->n; i++) {
		if (!shunt_pod_has(pod, &ips->addrs[i]))
			return cni_fail(cni, CNI_CHANGED,
					"%s: the node does not know that %s has %s",
					cni->env.netns, cni->env.ifname,
					shunt_addr_format(&ips->addrs[i],
							  text));
	}
	return 0;
}

static int check_outside(struct cni *cni, const struct shunt_netns *netns,
			 const struct cni_ips *ips)
{
	struct shunt_pod *pods;
	unsigned int n;
	int err;

	if (shunt_pod_list(cni->sh, netns, &pods, &n))
		return cni_fail_shunt(cni, CNI_CHANGED);
	err = check_pod(cni, pods, n, ips);
	shunt_pod_free(pods, n);
	return err;
}

static int check_uplinks(struct cni *cni)
{
	struct shunt_uplink *uplinks;
	unsigned int i, n;
	const char *name;
	json_t *each;
	size_t k;
	int err = 0;

	if (shunt_uplink_list(cni->sh, &uplinks, &n))
		return cni_fail_shunt(cni, CNI_CHANGED);
	json_array_foreach(cni->config.uplinks, k, each) {
		name = json_string_value(each);
		for (i = 0; i < n && strcmp(uplinks[i].name, name); i++)
			;
		if (i == n)
			err = cni_fail(cni, CNI_CHANGED,
				       "%s is not an uplink any more", name);
	}
	if (!n)
		err = cni_fail(cni, CNI_CHANGED, "the node has no uplink");
	free(uplinks);
	return err;
}

static int check(struct cni *cni, const struct shunt_netns *netns,
		 const struct cni_ips *ips)
{
	int err;

	if (!ips->n)
		return cni_fail(cni, CNI_CONFIG,
				"prevResult: there is no address of %s in it",
				cni->env.ifname);
	/* What another plugin has made is for that one to check. */
	err = cni->config.ipam || cni->config.replace ?
		check_inside(cni, netns, ips) : 0;
	if (!err)
		err = check_outside(cni, netns, ips);
	if (!err)
		err = check_uplinks(cni);
	if (!err)
		err = cni_ipam_run(cni, "CHECK", NULL);
	return err;
}

/**
 * cni_check() - the verb CHECK
 * @cni: the run
 */
int cni_check(struct cni *cni)
{
	struct shunt_netns netns;
	struct cni_ips ips;
	int err;

	if (cni->config.version->number < CNI_0_4_0)
		return cni_fail(cni, CNI_VERSION,
				"cniVersion: \"%s\" has no CHECK, 0.4.0 is the first",
				cni->config.version->text);
	if (!cni->config.prev)
		return cni_fail(cni, CNI_CONFIG,
				"prevResult: CHECK needs the result of the ADD");
	err = cni_attachment_open_netns(cni, &netns);
	if (err)
		return err;
	err = cni_result_read_ips(cni, cni->config.prev, true, &ips);
	if (!err)
		err = check(cni, &netns, &ips);
	free(ips.addrs);
	shunt_netns_close(&netns);
	return err;
}
