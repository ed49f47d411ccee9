// SPDX-License-Identifier: GPL-2.0
/*
 * The node device: finding it, making it, and what it must have before pods
 * can use it.
 *
 * Entry points: shunt_node_get(), shunt_node_create(), shunt_node_ensure().
 */
#include <errno.h>
#include <string.h>

#include "internal.h"

static int not_found(struct shunt *sh)
{
	int err;

	err = shunt_genl_family(sh);
	if (err)
		return err;
	return shunt_fail(sh, -ENODEV,
			  "there is no node device here, make one: ip link add shunt0 type shunt");
}

static int get_any(struct shunt *sh, struct shunt_link *link)
{
	int err = shunt_link_find_node(sh, link);

	if (err == -ENODEV)
		return not_found(sh);
	return err ? shunt_fail_kernel(sh, err, "node device") : 0;
}

static int get_by_name(struct shunt *sh, const char *name,
		       struct shunt_link *link)
{
	int err = shunt_link_get(sh, sh->route, name, link);

	if (err == -ENODEV)
		return shunt_fail(sh, err,
				  "%s: there is no such device, make it: ip link add %s type shunt",
				  name, name);
	if (err)
		return shunt_fail_kernel(sh, err, "%s", name);
	if (!link->shunt || link->role != SHUNT_ROLE_NODE)
		return shunt_fail(sh, -EINVAL, "%s: not a node device", name);
	return 0;
}

int shunt_node_get(struct shunt *sh, const char *name, struct shunt_node *node)
{
	struct shunt_link link;
	int err;

	shunt_begin(sh);
	err = name ? get_by_name(sh, name, &link) : get_any(sh, &link);
	if (err)
		return err;
	*node = (struct shunt_node){
		.ifindex = link.ifindex,
		.mtu = link.mtu,
		.up = link.flags & IFF_UP,
	};
	memcpy(node->name, link.name, sizeof(node->name));
	return 0;
}

int shunt_node_create(struct shunt *sh, const char *name)
{
	struct ifinfomsg head = { .ifi_family = AF_UNSPEC };
	struct shunt_batch b = { 0 };
	size_t nest;
	int err;

	shunt_begin(sh);
	shunt_nl_request(&b, "device", RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL,
			 &head, sizeof(head));
	shunt_nl_put_string(&b, IFLA_IFNAME, name);
	nest = shunt_nl_nest(&b, IFLA_LINKINFO);
	shunt_nl_put_string(&b, IFLA_INFO_KIND, "shunt");
	shunt_nl_nest_end(&b, nest);
	err = shunt_nl_run(sh, sh->route, &b);
	shunt_nl_free(&b);
	if (err == -EOPNOTSUPP && shunt_genl_family(sh))
		return err;
	return err ? shunt_fail_kernel(sh, err, "%s", name) : 0;
}

static void put_gateway_addr(struct shunt_batch *b, const char *text,
			     uint32_t ifindex, unsigned int prefix)
{
	struct shunt_addr addr = shunt_addr_of(text);

	/* Of link scope, so that the node never speaks to others from it. */
	shunt_route_put_addr(b, text, ifindex, &addr, prefix, RT_SCOPE_LINK);
	shunt_nl_tolerate(b, -EEXIST);
}

static int ensure_failed(struct shunt *sh, int err, const char *name,
			 const char *what)
{
	if ((err == -EACCES || err == -EOPNOTSUPP) &&
	    !strcmp(what, SHUNT_GATEWAY_V6))
		return shunt_fail(sh, err,
				  "%s: IPv6 is disabled on the node: sysctl net.ipv6.conf.%s.disable_ipv6=0, or give the pod IPv4 addresses only",
				  name, name);
	return shunt_fail_kernel(sh, err, "%s: %s", name, what);
}

int shunt_node_ensure(struct shunt *sh, const struct shunt_node *node, bool v4,
		      bool v6)
{
	struct shunt_batch b = { 0 };
	int err;

	shunt_begin(sh);
	/* Up first: as it comes up, it sets how it treats addresses. */
	if (!node->up)
		shunt_link_put_up(&b, "set up", node->ifindex);
	if (v4)
		put_gateway_addr(&b, SHUNT_GATEWAY_V4, node->ifindex, 32);
	if (v6)
		put_gateway_addr(&b, SHUNT_GATEWAY_V6, node->ifindex, 64);
	err = shunt_nl_run(sh, sh->route, &b);
	if (err && b.failed < b.n)
		err = ensure_failed(sh, err, node->name,
				    b.requests[b.failed].what);
	else if (err)
		err = shunt_fail_kernel(sh, err, "%s", node->name);
	shunt_nl_free(&b);
	return err;
}
