// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses, neighbours and routes: what makes a pod reach the node, and the
 * node the pod. The node needs no route of its own for a pod where an operator
 * gave the node device a prefix that covers it: each route that comes or goes
 * costs all cached ones.
 *
 * Entry points: shunt_route_put_*() for the pod's side, shunt_route_add_hosts()
 * and shunt_route_del_hosts() for the node's.
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <stdlib.h>

#include "internal.h"

/* What pods send by, on the node's side of their devices. */
struct shunt_addr shunt_route_gateway(int family)
{
	return shunt_addr_of(family == AF_INET ? SHUNT_GATEWAY_V4 :
						 SHUNT_GATEWAY_V6);
}

static struct shunt_addr nexthop(int family)
{
	return shunt_addr_of(family == AF_INET ? SHUNT_NEXTHOP_V4 :
						 SHUNT_NEXTHOP_V6);
}

static void put_addr_attr(struct shunt_batch *b, int attr,
			  const struct shunt_addr *addr)
{
	shunt_nl_put(b, attr, addr->bytes, shunt_addr_len(addr));
}

/* No duplicate address detection: there is nobody to ask, and it would take a
 * second in which the address is of no use.
 */
void shunt_route_put_addr(struct shunt_batch *b, const char *what,
			  uint32_t ifindex, const struct shunt_addr *addr,
			  unsigned int prefix, int scope)
{
	struct ifaddrmsg head = {
		.ifa_family = addr->family,
		.ifa_prefixlen = prefix,
		.ifa_flags = addr->family == AF_INET6 ? IFA_F_NODAD : 0,
		.ifa_scope = scope,
		.ifa_index = ifindex,
	};

	shunt_nl_request(b, what, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL,
			 &head, sizeof(head));
	put_addr_attr(b, IFA_LOCAL, addr);
	put_addr_attr(b, IFA_ADDRESS, addr);
}

static void put_neighbour(struct shunt_batch *b, uint32_t ifindex,
			  const struct shunt_addr *addr)
{
	static const uint8_t mac[] = SHUNT_GATEWAY_MAC;
	struct ndmsg head = {
		.ndm_family = addr->family,
		.ndm_ifindex = ifindex,
		.ndm_state = NUD_PERMANENT,
	};

	shunt_nl_request(b, "gateway's neighbour entry", RTM_NEWNEIGH,
			 NLM_F_CREATE | NLM_F_REPLACE, &head, sizeof(head));
	put_addr_attr(b, NDA_DST, addr);
	shunt_nl_put(b, NDA_LLADDR, mac, sizeof(mac));
}

static void put_route(struct shunt_batch *b, const char *what, int type,
		      int flags, struct rtmsg *head, uint32_t ifindex,
		      const struct shunt_addr *via)
{
	head->rtm_table = RT_TABLE_MAIN;
	head->rtm_type = RTN_UNICAST;
	head->rtm_flags = RTNH_F_ONLINK;
	shunt_nl_request(b, what, type, flags, head, sizeof(*head));
	put_addr_attr(b, RTA_GATEWAY, via);
	shunt_nl_put_u32(b, RTA_OIF, ifindex);
}

/* Our own routes are onlink and do without; those that others make later by the
 * gateway that they read in a result are not. Every device has one, so it comes
 * behind those of others. IPv6 takes a link-local gateway as it is.
 */
static void put_link_route(struct shunt_batch *b, uint32_t ifindex,
			   const struct shunt_addr *via)
{
	struct rtmsg head = {
		.rtm_family = via->family,
		.rtm_dst_len = shunt_addr_len(via) * 8,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_BOOT,
		.rtm_scope = RT_SCOPE_LINK,
		.rtm_type = RTN_UNICAST,
	};

	shunt_nl_request(b, "route to the gateway", RTM_NEWROUTE,
			 NLM_F_CREATE | NLM_F_APPEND, &head, sizeof(head));
	put_addr_attr(b, RTA_DST, via);
	shunt_nl_put_u32(b, RTA_OIF, ifindex);
}

/* Who the gateway of a pod is. */
void shunt_route_put_gateway(struct shunt_batch *b, uint32_t ifindex,
			     int family)
{
	struct shunt_addr via = shunt_route_gateway(family);

	put_neighbour(b, ifindex, &via);
	if (family == AF_INET)
		put_link_route(b, ifindex, &via);
}

/* Zero is the kernel's choice. */
static void put_metrics(struct shunt_batch *b, uint32_t mtu, uint32_t advmss)
{
	size_t nest;

	if (!mtu && !advmss)
		return;
	nest = shunt_nl_nest(b, RTA_METRICS);
	if (mtu)
		shunt_nl_put_u32(b, RTAX_MTU, mtu);
	if (advmss)
		shunt_nl_put_u32(b, RTAX_ADVMSS, advmss);
	shunt_nl_nest_end(b, nest);
}

/* A pod's way out. If it has such a route already, by another device, it keeps
 * that.
 */
void shunt_route_put_way(struct shunt_batch *b, uint32_t ifindex,
			 const struct shunt_route *route)
{
	const struct shunt_prefix *dst = &route->dst;
	struct shunt_addr via = shunt_route_gateway(dst->addr.family);
	struct rtmsg head = {
		.rtm_family = dst->addr.family,
		.rtm_dst_len = dst->len,
		.rtm_protocol = RTPROT_BOOT,
	};

	put_route(b, dst->len ? "route" : "default route", RTM_NEWROUTE,
		  NLM_F_CREATE | NLM_F_EXCL, &head, ifindex, &via);
	if (dst->len)
		put_addr_attr(b, RTA_DST, &dst->addr);
	if (route->table)
		shunt_nl_put_u32(b, RTA_TABLE, route->table);
	if (route->priority)
		shunt_nl_put_u32(b, RTA_PRIORITY, route->priority);
	put_metrics(b, route->mtu, route->advmss);
	shunt_nl_tolerate(b, -EEXIST);
}

/**
 * struct answer - how the node routes to an address
 * @found: it does
 * @type: RTN_*
 * @protocol: who made the route
 * @prefix: its length
 * @ifindex: the device, 0 if it has several
 * @mtu: of the route, 0 if it has none
 */
struct answer {
	bool found;
	uint8_t type;
	uint8_t protocol;
	uint8_t prefix;
	uint32_t ifindex;
	uint32_t mtu;
};

static uint32_t read_mtu(struct nlattr *metrics)
{
	struct nlattr *tb[RTAX_MAX + 1];

	if (!metrics || nla_parse_nested(tb, RTAX_MAX, metrics, NULL) < 0 ||
	    !tb[RTAX_MTU])
		return 0;
	return nla_get_u32(tb[RTAX_MTU]);
}

static bool read_answer(struct nlmsghdr *nlh, struct answer *answer)
{
	struct nlattr *tb[RTA_MAX + 1];
	struct rtmsg *head;

	if (nlmsg_parse(nlh, sizeof(*head), tb, RTA_MAX, NULL) < 0)
		return false;
	head = nlmsg_data(nlh);
	*answer = (struct answer){
		.found = true,
		.type = head->rtm_type,
		.protocol = head->rtm_protocol,
		.prefix = head->rtm_dst_len,
		.mtu = read_mtu(tb[RTA_METRICS]),
	};
	if (tb[RTA_OIF])
		answer->ifindex = nla_get_u32(tb[RTA_OIF]);
	return true;
}

static void put_question(struct shunt_batch *b, const struct shunt_addr *addr)
{
	struct rtmsg head = {
		.rtm_family = addr->family,
		.rtm_dst_len = shunt_addr_len(addr) * 8,
		.rtm_flags = RTM_F_FIB_MATCH,
	};

	shunt_nl_request(b, "route", RTM_GETROUTE, 0, &head, sizeof(head));
	put_addr_attr(b, RTA_DST, addr);
	/* Unreachable and the like are answers, too: no route. */
	shunt_nl_tolerate(b, SHUNT_TOLERATE_ALL);
}

static int ask_routes(struct shunt *sh, const struct shunt_addr *addrs,
		      unsigned int n, struct answer *answers)
{
	struct shunt_batch b = { 0 };
	struct nlmsghdr *nlh = NULL;
	unsigned int i;
	int err;

	for (i = 0; i < n; i++)
		put_question(&b, &addrs[i]);
	err = shunt_nl_run(sh, sh->route, &b);
	while (!err && (nlh = shunt_nl_next(&b, nlh))) {
		if (!read_answer(nlh, &answers[nlh->nlmsg_seq - b.seq]))
			err = -EPROTO;
	}
	shunt_nl_free(&b);
	return err ? shunt_fail_kernel(sh, err, "routes to the pod") : 0;
}

/* A pod's MTU below the node device's must be known to the node, so that who
 * sends too much hears of it. That takes a route that says so.
 */
static bool covered(const struct answer *answer, uint32_t ifindex,
		    uint32_t mtu)
{
	return answer->found && answer->ifindex == ifindex &&
	       (!mtu || (answer->mtu && answer->mtu <= mtu));
}

/* Left behind by a pod whose end nobody told. */
static bool leftover(const struct answer *answer, uint32_t ifindex,
		     const struct shunt_addr *addr)
{
	return answer->found && answer->ifindex == ifindex &&
	       answer->protocol == SHUNT_RTPROT &&
	       answer->prefix == shunt_addr_len(addr) * 8;
}

static void put_host(struct shunt_batch *b, int type, int flags,
		     uint32_t ifindex, const struct shunt_addr *addr,
		     uint32_t mtu)
{
	struct shunt_addr via = nexthop(addr->family);
	struct rtmsg head = {
		.rtm_family = addr->family,
		.rtm_dst_len = shunt_addr_len(addr) * 8,
		.rtm_protocol = SHUNT_RTPROT,
	};

	put_route(b, "route", type, flags, &head, ifindex, &via);
	put_addr_attr(b, RTA_DST, addr);
	put_metrics(b, mtu, 0);
}

static int put_hosts(struct shunt *sh, struct shunt_batch *b,
		     uint32_t ifindex, const struct shunt_addr *addrs,
		     const struct answer *answers, unsigned int n,
		     uint32_t mtu)
{
	char buf[INET6_ADDRSTRLEN];
	unsigned int i;
	bool replace;

	for (i = 0; i < n; i++) {
		replace = leftover(&answers[i], ifindex, &addrs[i]);
		if (!replace && covered(&answers[i], ifindex, mtu))
			continue;
		if (answers[i].found && answers[i].type != RTN_UNICAST)
			return shunt_fail(sh, -EADDRINUSE,
					  "%s: an address of the node itself",
					  shunt_addr_format(&addrs[i], buf));
		put_host(b, RTM_NEWROUTE, NLM_F_CREATE |
			 (replace ? NLM_F_REPLACE : NLM_F_EXCL), ifindex,
			 &addrs[i], mtu);
	}
	return 0;
}

static int add_hosts_failed(struct shunt *sh, int err)
{
	if (err == -EEXIST)
		return shunt_fail(sh, err,
				  "the node has another route to the pod's address, remove it first (ip route get)");
	return shunt_fail_kernel(sh, err, "the node's route to the pod");
}

static int add_hosts(struct shunt *sh, const struct shunt_node *node,
		     const struct shunt_addr *addrs, unsigned int n,
		     uint32_t mtu)
{
	struct shunt_batch b = { 0 };
	struct answer *answers;
	int err;

	if (mtu >= node->mtu)
		mtu = 0;
	answers = calloc(n, sizeof(*answers));
	if (!answers)
		return shunt_fail(sh, -ENOMEM, "out of memory");
	err = ask_routes(sh, addrs, n, answers);
	if (!err)
		err = put_hosts(sh, &b, node->ifindex, addrs, answers, n, mtu);
	if (!err) {
		err = shunt_nl_run(sh, sh->route, &b);
		if (err)
			err = add_hosts_failed(sh, err);
	}
	shunt_nl_free(&b);
	free(answers);
	return err;
}

/* Make the node reach a pod. MTU is the pod's if it was given. Who sweeps may
 * have given a route back after we had asked: then it will do, or is replaced.
 */
int shunt_route_add_hosts(struct shunt *sh, const struct shunt_node *node,
			  const struct shunt_addr *addrs, unsigned int n,
			  uint32_t mtu)
{
	int err = add_hosts(sh, node, addrs, n, mtu);

	return err == -EEXIST ? add_hosts(sh, node, addrs, n, mtu) : err;
}

/* The inverse. Only what has our protocol goes, and nothing is no error. */
int shunt_route_del_hosts(struct shunt *sh, uint32_t node,
			  const struct shunt_addr *addrs, unsigned int n)
{
	struct shunt_batch b = { 0 };
	unsigned int i;
	int err;

	for (i = 0; i < n; i++) {
		put_host(&b, RTM_DELROUTE, 0, node, &addrs[i], 0);
		shunt_nl_tolerate(&b, -ESRCH);
	}
	err = shunt_nl_run(sh, sh->route, &b);
	shunt_nl_free(&b);
	return err;
}
