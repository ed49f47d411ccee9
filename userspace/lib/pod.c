// SPDX-License-Identifier: GPL-2.0
/*
 * Connecting and disconnecting pods. A pod's device is made at once in the
 * pod's network namespace and under its final name; what is inside the pod is
 * then configured over a socket in that namespace, all in one batch.
 *
 * Entry points: shunt_pod_add(), shunt_pod_replace(), shunt_pod_adopt(),
 * shunt_pod_del(), shunt_pod_remove(), shunt_pod_addr_*(). Reading pods is
 * podlist.c's.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/ipv6.h>
#include <string.h>

#include "internal.h"

static bool has_family(const struct shunt_pod_request *req, int family)
{
	unsigned int i;

	for (i = 0; i < req->n_addrs; i++) {
		if (req->addrs[i].family == family)
			return true;
	}
	return false;
}

static int check_addrs(struct shunt *sh, const struct shunt_pod_request *req)
{
	char text[SHUNT_TEXT_LEN];
	unsigned int i, j;

	if (!req->n_addrs)
		return shunt_fail(sh, -EINVAL, "a pod needs an address");
	for (i = 0; i < req->n_addrs; i++) {
		if (shunt_addr_check(&req->addrs[i], text))
			return shunt_fail(sh, -EINVAL, "%s", text);
		for (j = 0; j < i; j++) {
			if (!shunt_addr_equal(&req->addrs[i], &req->addrs[j]))
				continue;
			return shunt_fail(sh, -EINVAL, "%s: given twice",
					  shunt_addr_format(&req->addrs[i],
							    text));
		}
	}
	return 0;
}

static int check_request(struct shunt *sh, const struct shunt_pod_request *req)
{
	char text[SHUNT_TEXT_LEN];

	if (!shunt_device_name_valid(req->dev))
		return shunt_fail(sh, -EINVAL,
				  "%s: not a name for a device, those have 1 to 15 characters without / : %% and spaces",
				  req->dev);
	if (req->mac && shunt_mac_check(req->mac, text))
		return shunt_fail(sh, -EINVAL, "%s", text);
	if (req->mtu && req->mtu < IPV6_MIN_MTU && has_family(req, AF_INET6))
		return shunt_fail(sh, -EINVAL,
				  "mtu %u: IPv6 needs at least %u", req->mtu,
				  IPV6_MIN_MTU);
	return check_addrs(sh, req);
}

/* The kernel may name the attribute at fault, which tells the address. */
static int refused(struct shunt *sh, int err,
		   const struct shunt_pod_request *req, size_t offset)
{
	const struct shunt_addr *addr = req->addrs;
	char buf[INET6_ADDRSTRLEN];

	for (; addr < req->addrs + req->n_addrs; addr++) {
		if (offset == sh->ext_offset)
			return shunt_fail_kernel(sh, err, "%s",
						 shunt_addr_format(addr, buf));
		offset += nla_total_size(shunt_addr_len(addr));
	}
	return shunt_fail_kernel(sh, err, "%s: %s", req->netns.name, req->dev);
}

static int create_failed(struct shunt *sh, int err,
			 const struct shunt_pod_request *req, size_t offset)
{
	if (err == -EEXIST)
		return shunt_fail(sh, err,
				  "%s: there is a device %s already (shuntctl pod del %s)",
				  req->netns.name, req->dev, req->netns.name);
	return refused(sh, err, req, offset);
}

/* Returns where in the request the first one is. */
static size_t put_addrs(struct shunt_batch *b, int attr,
			const struct shunt_pod_request *req)
{
	size_t first = shunt_nl_offset(b);
	unsigned int i;

	for (i = 0; i < req->n_addrs; i++)
		shunt_nl_put(b, attr, req->addrs[i].bytes,
			     shunt_addr_len(&req->addrs[i]));
	return first;
}

static size_t put_device(struct shunt_batch *b, uint32_t node,
			 const struct shunt_pod_request *req)
{
	struct ifinfomsg head = { .ifi_family = AF_UNSPEC };
	size_t info, data, first;

	shunt_nl_request(b, "device", RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL,
			 &head, sizeof(head));
	shunt_nl_put_u32(b, IFLA_NET_NS_FD, req->netns.fd);
	if (req->mtu)
		shunt_nl_put_u32(b, IFLA_MTU, req->mtu);
	if (req->mac)
		shunt_nl_put(b, IFLA_ADDRESS, req->mac, SHUNT_MAC_LEN);
	info = shunt_nl_nest(b, IFLA_LINKINFO);
	shunt_nl_put_string(b, IFLA_INFO_KIND, "shunt");
	data = shunt_nl_nest(b, IFLA_INFO_DATA);
	shunt_nl_put_u32(b, IFLA_SHUNT_NODE, node);
	/* Kernels before 6.15 would look for IFLA_IFNAME on the node. */
	shunt_nl_put_string(b, IFLA_SHUNT_NAME, req->dev);
	/* Whoever is killed after this has told whose it is. */
	if (req->alias)
		shunt_nl_put_string(b, IFLA_SHUNT_ALIAS, req->alias);
	first = put_addrs(b, IFLA_SHUNT_ADDRESS, req);
	shunt_nl_nest_end(b, data);
	shunt_nl_nest_end(b, info);
	return first;
}

static int create(struct shunt *sh, uint32_t node,
		  const struct shunt_pod_request *req)
{
	struct shunt_batch b = { 0 };
	size_t first;
	int err;

	first = put_device(&b, node, req);
	err = shunt_nl_run(sh, sh->route, &b);
	shunt_nl_free(&b);
	return err ? create_failed(sh, err, req, first) : 0;
}

static int destroy(struct shunt *sh, struct nl_sock *sk, const char *dev)
{
	struct shunt_batch b = { 0 };
	int err;

	shunt_link_put_del(&b, dev);
	err = shunt_nl_run(sh, sk, &b);
	shunt_nl_free(&b);
	return err;
}

static const char address_v4[] = "IPv4 address";
static const char address_v6[] = "IPv6 address";

static void put_ways(struct shunt_batch *b, uint32_t ifindex,
		     const struct shunt_pod_request *req)
{
	static const struct shunt_route defaults[] = {
		{ .dst.addr.family = AF_INET },
		{ .dst.addr.family = AF_INET6 },
	};
	unsigned int i;
	int family;

	for (i = 0; i < 2; i++) {
		family = defaults[i].dst.addr.family;
		if (!has_family(req, family))
			continue;
		shunt_route_put_gateway(b, ifindex, family);
		if (!req->routes)
			shunt_route_put_way(b, ifindex, &defaults[i]);
	}
	for (i = 0; i < req->n_routes; i++) {
		if (has_family(req, req->routes[i].dst.addr.family))
			shunt_route_put_way(b, ifindex, &req->routes[i]);
	}
}

static void put_inside(struct shunt_batch *b, uint32_t ifindex,
		       const struct shunt_pod_request *req)
{
	const struct shunt_addr *addr;
	unsigned int i;

	/* lo has this ifindex in every network namespace. */
	shunt_link_put_up(b, "lo", 1);
	for (i = 0; i < req->n_addrs; i++) {
		addr = &req->addrs[i];
		shunt_route_put_addr(b, addr->family == AF_INET ? address_v4 :
								  address_v6,
				     ifindex, addr, shunt_addr_len(addr) * 8,
				     RT_SCOPE_UNIVERSE);
	}
	shunt_link_put_up(b, "set up", ifindex);
	put_ways(b, ifindex, req);
}

static int inside_failed(struct shunt *sh, int err,
			 const struct shunt_pod_request *req, const char *what)
{
	if ((err == -EACCES || err == -EOPNOTSUPP) && what == address_v6)
		return shunt_fail(sh, err,
				  "%s: IPv6 is disabled there: sysctl net.ipv6.conf.all.disable_ipv6=0 and net.ipv6.conf.default.disable_ipv6=0, or give IPv4 addresses only",
				  req->netns.name);
	return shunt_fail_kernel(sh, err, "%s: %s: %s", req->netns.name,
				 req->dev, what);
}

static int configure(struct shunt *sh, struct nl_sock *sk,
		     const struct shunt_pod_request *req,
		     struct shunt_link *link)
{
	struct shunt_batch b = { 0 };
	const char *what = "configuration";
	int err;

	err = shunt_link_get(sh, sk, req->dev, link);
	if (!err) {
		put_inside(&b, link->ifindex, req);
		err = shunt_nl_run(sh, sk, &b);
		if (err && b.failed < b.n)
			what = b.requests[b.failed].what;
	}
	if (err)
		err = inside_failed(sh, err, req, what);
	shunt_nl_free(&b);
	return err;
}

/* With the device made, all that can fail has a way back. */
static int connect_pod(struct shunt *sh, struct nl_sock *sk,
		       const struct shunt_node *node,
		       const struct shunt_pod_request *req,
		       struct shunt_link *link)
{
	int err;

	err = create(sh, node->ifindex, req);
	if (err)
		return err;
	err = configure(sh, sk, req, link);
	if (err)
		goto err_destroy;
	err = shunt_route_add_hosts(sh, node, req->addrs, req->n_addrs,
				    req->mtu);
	if (err)
		goto err_routes;
	return 0;

err_routes:
	shunt_route_del_hosts(sh, node->ifindex, req->addrs, req->n_addrs);
err_destroy:
	destroy(sh, sk, req->dev);
	return err;
}

/* The request makes sense, and the node can serve it. */
static int prepare(struct shunt *sh, const struct shunt_pod_request *req,
		   struct shunt_node *node)
{
	int err;

	shunt_begin(sh);
	err = check_request(sh, req);
	if (!err)
		err = shunt_node_get(sh, req->node, node);
	if (!err)
		err = shunt_node_ensure(sh, node, has_family(req, AF_INET),
					has_family(req, AF_INET6));
	return err;
}

static int device_failed(struct shunt *sh, int err,
			 const struct shunt_netns *netns, const char *dev)
{
	if (err == -ENODEV)
		return shunt_fail(sh, err, "%s: there is no device %s",
				  netns->name, dev);
	return shunt_fail_kernel(sh, err, "%s: %s", netns->name, dev);
}

/* The node's end of a pair whose other end is the pod's device. */
static void find_peer(struct shunt *sh, const struct shunt_link *dev,
		      char *name)
{
	struct shunt_link peer;

	*name = 0;
	/* In another network namespace, the same number is another device's. */
	if (dev->veth && !shunt_link_get_by_index(sh, dev->lower, &peer) &&
	    peer.veth && peer.lower == dev->ifindex)
		memcpy(name, peer.name, IF_NAMESIZE);
}

static int replace(struct shunt *sh, struct nl_sock *sk,
		   const struct shunt_node *node,
		   const struct shunt_pod_request *req,
		   struct shunt_link *link, char *peer)
{
	struct shunt_pod_request like = *req;
	struct shunt_link old;
	int err;

	err = shunt_link_get(sh, sk, req->dev, &old);
	if (err)
		return device_failed(sh, err, &req->netns, req->dev);
	if (old.shunt)
		return shunt_fail(sh, -EINVAL,
				  "%s: %s is a shunt device already",
				  req->netns.name, req->dev);
	find_peer(sh, &old, peer);
	if (!like.mac)
		like.mac = old.mac;
	if (!like.mtu)
		like.mtu = old.mtu;
	err = destroy(sh, sk, req->dev);
	if (err)
		return device_failed(sh, err, &req->netns, req->dev);
	return connect_pod(sh, sk, node, &like, link);
}

/* In the place of another device, if PEER is asked for. */
static int add(struct shunt *sh, const struct shunt_pod_request *req,
	       struct shunt_pod *pod, char *peer)
{
	struct shunt_link link = { 0 };
	struct shunt_node node;
	struct nl_sock *sk;
	int err;

	err = prepare(sh, req, &node);
	if (!err)
		err = shunt_netns_socket(sh, &req->netns, &sk);
	if (err)
		return err;
	err = peer ? replace(sh, sk, &node, req, &link, peer) :
		     connect_pod(sh, sk, &node, req, &link);
	nl_socket_free(sk);
	if (err || !pod)
		return err;
	*pod = (struct shunt_pod){
		.ifindex = link.ifindex,
		.mtu = link.mtu,
		.node = node.ifindex,
		.netnsid = -1,
	};
	memcpy(pod->mac, link.mac, sizeof(pod->mac));
	memcpy(pod->name, link.name, sizeof(pod->name));
	return 0;
}

int shunt_pod_add(struct shunt *sh, const struct shunt_pod_request *req,
		  struct shunt_pod *pod)
{
	return add(sh, req, pod, NULL);
}

int shunt_pod_replace(struct shunt *sh, const struct shunt_pod_request *req,
		      struct shunt_pod *pod, char *peer)
{
	return add(sh, req, pod, peer);
}

/* Which device is meant: 0 stands for the only one there. */
static int find_device(struct shunt *sh, const struct shunt_netns *netns,
		       const char *dev, uint32_t *ifindex)
{
	struct shunt_link link;
	struct nl_sock *sk;
	int err;

	*ifindex = 0;
	if (!dev)
		return 0;
	err = shunt_netns_socket(sh, netns, &sk);
	if (err)
		return err;
	err = shunt_link_get(sh, sk, dev, &link);
	nl_socket_free(sk);
	if (err)
		return device_failed(sh, err, netns, dev);
	*ifindex = link.ifindex;
	return 0;
}

static int adopt(struct shunt *sh, const struct shunt_pod_request *req)
{
	struct shunt_batch b = { 0 };
	uint32_t ifindex;
	size_t first;
	int err;

	err = find_device(sh, &req->netns, req->dev, &ifindex);
	if (!err)
		err = shunt_genl_family(sh);
	if (err)
		return err;
	shunt_genl_request(sh, &b, SHUNT_CMD_POD_ADOPT, 0);
	shunt_nl_put_u32(&b, SHUNT_A_POD_NETNS_FD, req->netns.fd);
	shunt_nl_put_u32(&b, SHUNT_A_POD_IFINDEX, ifindex);
	first = put_addrs(&b, SHUNT_A_POD_ADDRESS, req);
	err = shunt_nl_run(sh, sh->genl, &b);
	shunt_nl_free(&b);
	return err ? refused(sh, err, req, first) : 0;
}

int shunt_pod_adopt(struct shunt *sh, const struct shunt_pod_request *req)
{
	struct shunt_node node;
	int err;

	err = prepare(sh, req, &node);
	return err ?: adopt(sh, req);
}

/* One request about one pod; what comes back stays in the batch. */
static int request(struct shunt *sh, struct shunt_batch *b, int cmd,
		   const struct shunt_netns *netns, uint32_t ifindex,
		   const struct shunt_addr *addr)
{
	char buf[INET6_ADDRSTRLEN];
	int err;

	err = shunt_genl_family(sh);
	if (err)
		return err;
	shunt_genl_request(sh, b, cmd, 0);
	shunt_nl_put_u32(b, SHUNT_A_POD_NETNS_FD, netns->fd);
	if (ifindex)
		shunt_nl_put_u32(b, SHUNT_A_POD_IFINDEX, ifindex);
	if (addr)
		shunt_nl_put(b, SHUNT_A_POD_ADDRESS, addr->bytes,
			     shunt_addr_len(addr));
	err = shunt_nl_run(sh, sh->genl, b);
	if (err && addr)
		return shunt_fail_kernel(sh, err, "%s: %s", netns->name,
					 shunt_addr_format(addr, buf));
	return err ? shunt_fail_kernel(sh, err, "%s", netns->name) : 0;
}

static int change(struct shunt *sh, int cmd, const struct shunt_netns *netns,
		  uint32_t ifindex, const struct shunt_addr *addr)
{
	struct shunt_batch b = { 0 };
	int err;

	err = request(sh, &b, cmd, netns, ifindex, addr);
	shunt_nl_free(&b);
	return err;
}

static int get(struct shunt *sh, const struct shunt_netns *netns,
	       uint32_t ifindex, struct shunt_pod *pod)
{
	struct shunt_batch b = { 0 };
	struct nlmsghdr *nlh;
	int err;

	err = request(sh, &b, SHUNT_CMD_POD_GET, netns, ifindex, NULL);
	nlh = shunt_nl_next(&b, NULL);
	if (!err)
		err = nlh ? shunt_pod_parse(sh, nlh, pod) :
			    shunt_fail_reply(sh, netns->name);
	shunt_nl_free(&b);
	return err;
}

/* Routes first: once the device is gone, the next pod may have the address,
 * and the route would be that one's.
 */
int shunt_pod_del(struct shunt *sh, const struct shunt_netns *netns,
		  const char *dev)
{
	struct shunt_pod pod = { 0 };
	uint32_t ifindex;
	int err;

	shunt_begin(sh);
	err = find_device(sh, netns, dev, &ifindex);
	if (!err)
		err = get(sh, netns, ifindex, &pod);
	if (err)
		return err;
	err = shunt_route_del_hosts(sh, pod.node, pod.addrs, pod.n_addrs);
	if (err)
		err = shunt_fail_kernel(sh, err, "%s: routes to it",
					netns->name);
	else
		err = change(sh, SHUNT_CMD_POD_DEL, netns, pod.ifindex, NULL);
	shunt_pod_clear(&pod);
	return err;
}

/* By now, the id may be another network namespace's, and the number that of a
 * device there: the kernel looks whose alias it has.
 */
int shunt_pod_remove(struct shunt *sh, const struct shunt_pod *pod,
		     const char *alias)
{
	struct shunt_batch b = { 0 };
	int err;

	shunt_begin(sh);
	if (pod->veth)
		return 0;
	err = shunt_genl_family(sh);
	if (err)
		return err;
	shunt_genl_request(sh, &b, SHUNT_CMD_POD_DEL, 0);
	shunt_nl_put_u32(&b, SHUNT_A_POD_NETNSID, pod->netnsid);
	shunt_nl_put_u32(&b, SHUNT_A_POD_IFINDEX, pod->ifindex);
	shunt_nl_put_string(&b, SHUNT_A_POD_ALIAS, alias);
	err = shunt_nl_run(sh, sh->genl, &b);
	shunt_nl_free(&b);
	/* Gone, by itself or with the module. */
	if (!err || err == -ENODEV || err == -ENOENT)
		return 0;
	return shunt_fail_kernel(sh, err, "%s of %s", pod->name,
				 pod->netns ?: "a pod");
}

int shunt_pod_addr_add(struct shunt *sh, const struct shunt_netns *netns,
		       const char *dev, const struct shunt_addr *addr)
{
	char why[SHUNT_TEXT_LEN];
	uint32_t ifindex;
	int err;

	shunt_begin(sh);
	if (shunt_addr_check(addr, why))
		return shunt_fail(sh, -EINVAL, "%s", why);
	err = find_device(sh, netns, dev, &ifindex);
	if (err)
		return err;
	return change(sh, SHUNT_CMD_POD_ADDR_ADD, netns, ifindex, addr);
}

int shunt_pod_addr_del(struct shunt *sh, const struct shunt_netns *netns,
		       const char *dev, const struct shunt_addr *addr)
{
	uint32_t ifindex;
	int err;

	shunt_begin(sh);
	err = find_device(sh, netns, dev, &ifindex);
	if (err)
		return err;
	return change(sh, SHUNT_CMD_POD_ADDR_DEL, netns, ifindex, addr);
}
