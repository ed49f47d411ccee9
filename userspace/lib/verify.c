// SPDX-License-Identifier: GPL-2.0
/*
 * Whether the inside of a pod is still as it was made.
 *
 * Entry point: shunt_pod_verify().
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/**
 * struct wanted - what a dump must contain
 * @prefix: the address with all its bits, or the prefix of a route
 * @found: it was in it
 */
struct wanted {
	struct shunt_prefix prefix;
	bool found;
};

/**
 * struct list - all that a dump must contain
 * @items: each of it
 * @n: how many
 * @ifindex: addresses on this device
 */
struct list {
	struct wanted *items;
	unsigned int n;
	uint32_t ifindex;
};

static void found(struct list *list, const struct nlattr *attr, int family,
		  uint8_t len)
{
	struct shunt_prefix prefix = { .addr.family = family, .len = len };
	struct wanted *item;

	/* A default route has no attribute. */
	if (attr && !shunt_addr_get(attr, &prefix.addr))
		return;
	for (item = list->items; item < list->items + list->n; item++) {
		if (item->prefix.len == len &&
		    shunt_addr_equal(&item->prefix.addr, &prefix.addr))
			item->found = true;
	}
}

static int read_addr(struct nlmsghdr *nlh, struct list *list)
{
	struct ifaddrmsg *head = nlmsg_data(nlh);
	struct nlattr *tb[IFA_MAX + 1], *attr;

	if (nlmsg_parse(nlh, sizeof(*head), tb, IFA_MAX, NULL) < 0)
		return -EPROTO;
	attr = tb[IFA_LOCAL] ?: tb[IFA_ADDRESS];
	if (attr && head->ifa_index == list->ifindex)
		found(list, attr, head->ifa_family, nla_len(attr) * 8);
	return 0;
}

/* By the device, but not by the node. By another device is another network's
 * way, which was there first.
 */
static bool leads_astray(struct nlattr *tb[], int family,
			 const struct list *list)
{
	struct shunt_addr gateway = shunt_route_gateway(family), via;

	if (!tb[RTA_OIF] || nla_get_u32(tb[RTA_OIF]) != list->ifindex)
		return false;
	return !tb[RTA_GATEWAY] || !shunt_addr_get(tb[RTA_GATEWAY], &via) ||
	       !shunt_addr_equal(&via, &gateway);
}

static int read_route(struct nlmsghdr *nlh, struct list *list)
{
	struct rtmsg *head = nlmsg_data(nlh);
	struct nlattr *tb[RTA_MAX + 1];

	if (nlmsg_parse(nlh, sizeof(*head), tb, RTA_MAX, NULL) < 0)
		return -EPROTO;
	if (head->rtm_type == RTN_UNICAST &&
	    !leads_astray(tb, head->rtm_family, list))
		found(list, tb[RTA_DST], head->rtm_family, head->rtm_dst_len);
	return 0;
}

/* Everything of both families. */
static int dump(struct shunt *sh, struct nl_sock *sk, struct shunt_batch *b,
		int (*read)(struct nlmsghdr *nlh, struct list *list),
		struct list *list)
{
	struct nlmsghdr *nlh = NULL;
	int err;

	err = shunt_nl_run(sh, sk, b);
	while (!err && (nlh = shunt_nl_next(b, nlh)))
		err = read(nlh, list);
	shunt_nl_free(b);
	return err;
}

static int missing(struct shunt *sh, const struct shunt_pod_request *req,
		   const struct list *list, const char *what)
{
	char text[SHUNT_PREFIX_LEN];
	const struct wanted *item;

	for (item = list->items; item < list->items + list->n; item++) {
		if (item->found)
			continue;
		shunt_prefix_format(&item->prefix, text);
		return shunt_fail(sh, -ENOENT, "%s: %s has no %s %s",
				  req->netns.name, req->dev, what, text);
	}
	return 0;
}

static int verify_addrs(struct shunt *sh, struct nl_sock *sk,
			const struct shunt_pod_request *req, struct list *list)
{
	struct ifaddrmsg head = { .ifa_family = AF_UNSPEC };
	struct shunt_batch b = { 0 };
	unsigned int i;
	int err;

	for (i = 0; i < req->n_addrs; i++)
		list->items[i] = (struct wanted){
			.prefix.addr = req->addrs[i],
			.prefix.len = shunt_addr_len(&req->addrs[i]) * 8,
		};
	list->n = req->n_addrs;
	shunt_nl_request(&b, "addresses", RTM_GETADDR, NLM_F_DUMP, &head,
			 sizeof(head));
	err = dump(sh, sk, &b, read_addr, list);
	return err ? shunt_fail_kernel(sh, err, "%s", req->netns.name) :
		     missing(sh, req, list, "address");
}

static int verify_routes(struct shunt *sh, struct nl_sock *sk,
			 const struct shunt_pod_request *req,
			 struct list *list)
{
	struct rtmsg head = { .rtm_family = AF_UNSPEC };
	struct shunt_batch b = { 0 };
	unsigned int i;
	int err;

	for (i = 0; i < req->n_routes; i++)
		list->items[i] = (struct wanted){
			.prefix = req->routes[i].dst,
		};
	list->n = req->n_routes;
	shunt_nl_request(&b, "routes", RTM_GETROUTE, NLM_F_DUMP, &head,
			 sizeof(head));
	err = dump(sh, sk, &b, read_route, list);
	return err ? shunt_fail_kernel(sh, err, "%s", req->netns.name) :
		     missing(sh, req, list, "route to");
}

static int verify_device(struct shunt *sh, struct nl_sock *sk,
			 const struct shunt_pod_request *req,
			 uint32_t *ifindex)
{
	struct shunt_link link;
	int err;

	err = shunt_link_get(sh, sk, req->dev, &link);
	if (err && err != -ENODEV)
		return shunt_fail_kernel(sh, err, "%s: %s", req->netns.name,
					 req->dev);
	if (err || !link.shunt)
		return shunt_fail(sh, -ENODEV, "%s: %s is not a shunt device",
				  req->netns.name, req->dev);
	if (!(link.flags & IFF_UP))
		return shunt_fail(sh, -ENOENT, "%s: %s is down",
				  req->netns.name, req->dev);
	if (req->mac && memcmp(req->mac, link.mac, sizeof(link.mac)))
		return shunt_fail(sh, -ENOENT,
				  "%s: %s has another hardware address",
				  req->netns.name, req->dev);
	*ifindex = link.ifindex;
	return 0;
}

int shunt_pod_verify(struct shunt *sh, const struct shunt_pod_request *req)
{
	struct list list = { 0 };
	struct nl_sock *sk;
	int err;

	shunt_begin(sh);
	err = shunt_netns_socket(sh, &req->netns, &sk);
	if (err)
		return err;
	err = verify_device(sh, sk, req, &list.ifindex);
	list.items = calloc(req->n_addrs + req->n_routes + 1,
			    sizeof(*list.items));
	if (!err && !list.items)
		err = shunt_fail(sh, -ENOMEM, "out of memory");
	if (!err)
		err = verify_addrs(sh, sk, req, &list);
	if (!err)
		err = verify_routes(sh, sk, req, &list);
	free(list.items);
	nl_socket_free(sk);
	return err;
}
