// SPDX-License-Identifier: GPL-2.0
/*
 * Routes of the node that lead to nobody: a network namespace that ends takes
 * the pod's device along, but not the node's route.
 *
 * A pod's device, with its addresses, is made before the route. So a route that
 * was seen first is stale if no pod has the address. By the time that it goes,
 * the address may be a new pod's, and the route with it: whoever is there
 * afterwards gets it back.
 *
 * Entry point: shunt_node_sweep().
 */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

/**
 * struct addrs - addresses as they are collected
 * @list: those so far
 * @n: how many
 */
struct addrs {
	struct shunt_addr *list;
	unsigned int n;
};

static int read_route(struct nlmsghdr *nlh, struct addrs *addrs)
{
	struct rtmsg *head = nlmsg_data(nlh);
	struct nlattr *tb[RTA_MAX + 1];
	struct shunt_addr addr, *grown;

	if (nlmsg_parse(nlh, sizeof(*head), tb, RTA_MAX, NULL) < 0)
		return -EPROTO;
	if (head->rtm_protocol != SHUNT_RTPROT || !tb[RTA_DST] ||
	    !shunt_addr_get(tb[RTA_DST], &addr) ||
	    head->rtm_dst_len != shunt_addr_len(&addr) * 8)
		return 0;
	grown = realloc(addrs->list, (addrs->n + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	grown[addrs->n++] = addr;
	addrs->list = grown;
	return 0;
}

/* Kernels that do not filter give all. */
static int find_routes(struct shunt *sh, uint32_t node, int family,
		       struct addrs *addrs)
{
	struct rtmsg head = {
		.rtm_family = family,
		.rtm_protocol = SHUNT_RTPROT,
	};
	struct shunt_batch b = { 0 };
	struct nlmsghdr *nlh = NULL;
	int err;

	shunt_nl_request(&b, "routes", RTM_GETROUTE, NLM_F_DUMP, &head,
			 sizeof(head));
	shunt_nl_put_u32(&b, RTA_OIF, node);
	err = shunt_nl_run(sh, sh->route, &b);
	while (!err && (nlh = shunt_nl_next(&b, nlh)))
		err = read_route(nlh, addrs);
	shunt_nl_free(&b);
	return err;
}

static const struct shunt_pod *find_pod(const struct shunt_pod *pods,
					unsigned int n,
					const struct shunt_addr *addr)
{
	const struct shunt_pod *pod;

	for (pod = pods; pod < pods + n; pod++) {
		if (shunt_pod_has(pod, addr))
			return pod;
	}
	return NULL;
}

static int keep_stale(struct shunt *sh, struct addrs *addrs)
{
	unsigned int i, stale = 0, n;
	struct shunt_pod *pods;
	int err;

	err = shunt_pod_list(sh, NULL, &pods, &n);
	if (err)
		return err;
	for (i = 0; i < addrs->n; i++) {
		if (!find_pod(pods, n, &addrs->list[i]))
			addrs->list[stale++] = addrs->list[i];
	}
	shunt_pod_free(pods, n);
	addrs->n = stale;
	return 0;
}

/* To who has come meanwhile. */
static int give_back(struct shunt *sh, const struct shunt_node *node,
		     const struct addrs *addrs)
{
	const struct shunt_addr *addr;
	const struct shunt_pod *pod;
	struct shunt_pod *pods;
	unsigned int n;
	int err;

	err = shunt_pod_list(sh, NULL, &pods, &n);
	if (err)
		return err;
	for (addr = addrs->list; !err && addr < addrs->list + addrs->n;
	     addr++) {
		pod = find_pod(pods, n, addr);
		if (pod && !pod->veth)
			err = shunt_route_add_hosts(sh, node, addr, 1,
						    pod->mtu);
	}
	shunt_pod_free(pods, n);
	return err;
}

static int remove_stale(struct shunt *sh, const struct shunt_node *node,
			struct addrs *addrs)
{
	int err;

	err = keep_stale(sh, addrs);
	if (err || !addrs->n)
		return err;
	err = shunt_route_del_hosts(sh, node->ifindex, addrs->list, addrs->n);
	if (err)
		return shunt_fail_kernel(sh, err, "routes to pods");
	return give_back(sh, node, addrs);
}

int shunt_node_sweep(struct shunt *sh)
{
	struct addrs addrs = { 0 };
	struct shunt_node node;
	int err;

	err = shunt_node_get(sh, NULL, &node);
	if (err == -ENODEV || err == -EOPNOTSUPP)
		return 0;
	if (err)
		return err;
	err = find_routes(sh, node.ifindex, AF_INET, &addrs);
	if (!err)
		err = find_routes(sh, node.ifindex, AF_INET6, &addrs);
	if (err)
		err = shunt_fail_kernel(sh, err, "routes to pods");
	else if (addrs.n)
		err = remove_stale(sh, &node, &addrs);
	free(addrs.list);
	return err;
}
