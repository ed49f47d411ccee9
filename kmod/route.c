// SPDX-License-Identifier: GPL-2.0
/*
 * The only file that asks the FIB and neighbours. The question is the one that
 * forwarding would ask: an input route with the node device (for what pods
 * send) or the uplink (for what arrives) as the device it came from, so that
 * policy rules, VRFs, source validation and per-route MTUs come with it.
 *
 * Answers are kept in a table that all CPUs read. A route, neighbour or device
 * that changes voids them (dst_check(), the node's generation), and nothing is
 * kept that depends on more than the question: multipath, rules on ports.
 */
#include <linux/slab.h>
#include <net/arp.h>
#include <net/ip6_route.h>
#include <net/l3mdev.h>
#include <net/ndisc.h>
#include <net/route.h>
#include <net/xfrm.h>

#include "host.h"
#include "pod.h"
#include "route.h"
#include "uplink.h"

#define CACHE_MIN_BITS 8
#define CACHE_MAX_BITS 16

static struct kmem_cache *route_slab __ro_after_init;

static void route_free(struct shunt_route *route)
{
	dst_release(route->dst);
	if (route->neigh)
		neigh_release(route->neigh);
	kmem_cache_free(route_slab, route);
}

static void route_free_rcu(struct rcu_head *rcu)
{
	route_free(container_of(rcu, struct shunt_route, rcu));
}

static void route_free_later(struct shunt_route *route)
{
	call_rcu(&route->rcu, route_free_rcu);
}

static bool is_v6(const struct shunt_route *route)
{
	return (route->tag >> 16 & 0xff) == AF_INET6;
}

static u64 route_word(const struct shunt_route *route)
{
	const u64 *addr = route->addr;

	if (is_v6(route))
		return shunt_route_word_v6(addr[0], addr[1], addr[2], addr[3]);
	return addr[0];
}

/* Valid answers that push each other out call for a larger table. */
static void count_eviction(struct shunt_node *node, struct shunt_cache *cache)
{
	unsigned int slots = 1U << (64 - cache->shift);

	shunt_stats_inc(node->stats, SHUNT_STAT_ROUTE_EVICT);
	if (cache->shift <= 64 - CACHE_MAX_BITS)
		return;
	if (atomic_inc_return(&cache->evictions) == slots)
		queue_work(system_unbound_wq, &node->grow);
}

static bool same_question(const struct shunt_route *a,
			  const struct shunt_route *b)
{
	return a->entry == b->entry && a->tag == b->tag &&
	       !memcmp(a->addr, b->addr, sizeof(a->addr));
}

/* What the pod's stack has left on the packet is not for the node's FIB and
 * policies.
 */
static void forget_pod(const struct shunt_entry *entry, struct sk_buff *skb)
{
	if (!entry->pod || entry->pod->veth)
		return;
	skb->mark = 0;
	skb_ext_reset(skb);
	nf_reset_ct(skb);
}

/* From whom, and to whom: what the pod table says to a new question. */
static enum shunt_stat check_pods(struct shunt_node *node,
				  const struct shunt_entry *entry,
				  struct sk_buff *skb, struct shunt_pod **peer)
{
	struct shunt_addr saddr, daddr;

	if (!shunt_pkt_addrs(skb, &saddr, &daddr))
		return SHUNT_STAT_DROP_MALFORMED;
	*peer = shunt_pod_lookup(node, &daddr);
	if (!entry->pod && !*peer)
		return SHUNT_NOT_OURS;
	/* Nothing arrives on it, and it leads nowhere. */
	if (!netif_running(node->dev))
		return SHUNT_STAT_PUNT_DEVICE;
	if (shunt_pod_lookup(node, &saddr) != entry->pod)
		return entry->pod ? SHUNT_STAT_DROP_SPOOF :
				    SHUNT_STAT_PUNT_SOURCE;
	return SHUNT_DIRECT;
}

/* The route must lead to a pod of this node, or, for what a pod sends, to an
 * uplink: replies from elsewhere would not come back on the direct path.
 */
static enum shunt_stat check_out(struct shunt_node *node,
				 const struct shunt_entry *entry,
				 struct net_device *out,
				 struct shunt_pod *peer)
{
	if (peer && out == peer->entry.iif) {
		if (!netif_running(peer->dev))
			return SHUNT_STAT_DROP_DOWN;
		return SHUNT_DIRECT;
	}
	if (out == node->dev)
		return SHUNT_STAT_PUNT_ROUTE;
	if (!entry->pod || shunt_uplink_node(out) != node)
		return SHUNT_STAT_PUNT_DEVICE;
	return SHUNT_DIRECT;
}

/* An uplink in a VRF serves the pods of that VRF alone. */
static bool is_other_vrf(const struct shunt_node *node,
			 const struct shunt_entry *entry)
{
	return !entry->pod && l3mdev_master_ifindex_rcu(entry->iif) !=
			      l3mdev_master_ifindex_rcu(node->dev);
}

/* Policies for xfrm interfaces count here, too: only a lookup tells. One that
 * is added later voids the routes.
 */
static bool has_xfrm(const struct net *net)
{
	return READ_ONCE(net->xfrm.policy_count[XFRM_POLICY_OUT]) ||
	       READ_ONCE(net->xfrm.policy_count[XFRM_POLICY_FWD]) ||
	       READ_ONCE(net->xfrm.policy_default[XFRM_POLICY_OUT]) !=
		       XFRM_USERPOLICY_ACCEPT ||
	       READ_ONCE(net->xfrm.policy_default[XFRM_POLICY_FWD]) !=
		       XFRM_USERPOLICY_ACCEPT;
}

/* A sysctl changes it. The addresses of the device go with it, which voids the
 * routes of IPv6; if there is none, nothing tells.
 */
static bool has_v6(const struct shunt_entry *entry)
{
	const struct inet6_dev *idev = __in6_dev_get(entry->iif);

	return idev && !READ_ONCE(idev->cnf.disable_ipv6);
}

static bool has_addr_v6(const struct shunt_entry *entry)
{
	const struct inet6_dev *idev = __in6_dev_get(entry->iif);

	return idev && !list_empty(&idev->addr_list);
}

/* What the route alone does not tell. */
static u8 ask_later(struct shunt_node *node, const struct shunt_entry *entry,
		    struct sk_buff *skb, const struct shunt_pod *peer)
{
	struct shunt_addr saddr, daddr;
	u8 asks;

	shunt_pkt_addrs(skb, &saddr, &daddr);
	asks = shunt_host_asks(node, entry->pod, peer, &saddr, &daddr);
	if (has_xfrm(node->net))
		asks |= SHUNT_ROUTE_ASKS_XFRM;
	if (skb->protocol == htons(ETH_P_IPV6) && !has_addr_v6(entry))
		asks |= SHUNT_ROUTE_ASKS_DEVICE;
	return asks;
}

/* What depends on the question alone, whatever the family. */
static enum shunt_stat route_make(struct shunt_node *node,
				  const struct shunt_entry *entry,
				  struct sk_buff *skb, struct shunt_pod *peer,
				  struct shunt_route *route)
{
	struct dst_entry *dst = skb_dst(skb);
	struct net_device *out = dst_dev(dst);
	enum shunt_stat why;

	if (is_other_vrf(node, entry))
		return SHUNT_STAT_PUNT_DEVICE;
	why = check_out(node, entry, out, peer);
	if (why != SHUNT_DIRECT)
		return why;
	route->entry = entry;
	route->dst = dst;
	route->asks = ask_later(node, entry, skb, peer);
	if (peer && out == peer->entry.iif) {
		route->pod = peer;
		route->headroom = ETH_HLEN;
	} else {
		route->out = out;
		route->headroom = LL_RESERVED_SPACE(out);
	}
	return SHUNT_DIRECT;
}

static struct neighbour *next_hop(struct sk_buff *skb,
				  const struct shunt_route *route)
{
	bool is_v6gw;

	if (route->neigh && !READ_ONCE(route->neigh->dead))
		return route->neigh;
	if (is_v6(route))
		return ip_neigh_gw6(route->out,
				    rt6_nexthop(dst_rt6_info(route->dst),
						&ipv6_hdr(skb)->daddr));
	return ip_neigh_for_gw(dst_rtable(route->dst), skb, &is_v6gw);
}

/* A neighbour that somebody holds is never collected, and the tables that they
 * share with the whole machine are small: so no more are held than there are
 * gateways, and of these only who is there.
 */
static void hold_neigh(struct shunt_route *route, struct sk_buff *skb)
{
	struct neighbour *neigh;

	if (!route->via_gateway)
		return;
	neigh = next_hop(skb, route);
	if (IS_ERR(neigh) || !(READ_ONCE(neigh->nud_state) & NUD_VALID) ||
	    !refcount_inc_not_zero(&neigh->refcnt))
		return;
	route->neigh = neigh;
	route->hh = !route->skip_hh;
}

/* What is not kept is good for the packet at hand all the same. */
static void route_keep(struct shunt_node *node, const struct shunt_route *asked,
		       struct sk_buff *skb)
{
	struct shunt_cache *cache = rcu_dereference(node->cache);
	struct shunt_route *route, *old;
	u64 slot;

	route = kmem_cache_alloc(route_slab, GFP_ATOMIC | __GFP_NOWARN);
	if (!route)
		return;
	*route = *asked;
	if (!dst_hold_safe(route->dst)) {
		kmem_cache_free(route_slab, route);
		return;
	}
	hold_neigh(route, skb);
	slot = route_word(route) * GOLDEN_RATIO_64 >> cache->shift;
	old = unrcu_pointer(xchg(&cache->slot[slot], RCU_INITIALIZER(route)));
	if (!old)
		return;
	if (old->generation == route->generation && !same_question(old, route))
		count_eviction(node, cache);
	route_free_later(old);
}

static bool is_direct_v4(const struct sk_buff *skb)
{
	const struct rtable *rt = skb_rtable(skb);

	return rt_is_input_route(rt) && rt->rt_type == RTN_UNICAST &&
	       !rt->dst.error && !rt->dst.lwtstate &&
	       !(IPCB(skb)->flags & IPSKB_DOREDIRECT);
}

/* PMTUs expire, and multipath hashes and rules on ports take in more than the
 * question. With a mark, what the reverse path filter says hangs on a sysctl
 * (src_valid_mark) that nobody tells of.
 */
static bool may_keep_v4(const struct sk_buff *skb, const struct net *net,
			u8 rp_filter)
{
	return !(IPCB(skb)->flags & IPSKB_MULTIPATH) &&
	       !(rp_filter && skb->mark) &&
	       !shunt_fib4_asks_ports(net) &&
	       !READ_ONCE(net->ipv4.sysctl_ip_fwd_use_pmtu) &&
	       !ip_mtu_locked(skb_dst(skb));
}

static enum shunt_stat make_v4(struct shunt_node *node,
			       const struct shunt_entry *entry,
			       struct sk_buff *skb, struct shunt_pod *peer,
			       struct shunt_route *route)
{
	const struct iphdr *iph = ip_hdr(skb);
	struct rtable *rt = skb_rtable(skb);
	enum shunt_stat why;

	why = route_make(node, entry, skb, peer, route);
	if (why != SHUNT_DIRECT)
		return why;
	route->addr[0] = shunt_route_word_v4(iph);
	route->tag = shunt_route_tag_v4(skb->mark, iph);
	route->mtu = ip_dst_mtu_maybe_forward(&rt->dst, true);
	if (route->pod)
		route->mtu = min(route->mtu, READ_ONCE(peer->dev->mtu));
	route->limit = route->mtu;
	route->update_priority =
		READ_ONCE(node->net->ipv4.sysctl_ip_fwd_update_priority);
	/* A pod is behind a link, which clears it. */
	if (route->update_priority && !route->pod)
		route->priority = rt_tos2priority(iph->tos);
	route->via_gateway = route->out && rt->rt_gw_family;
	route->skip_hh = rt->rt_gw_family == AF_INET6;
	return SHUNT_DIRECT;
}

static enum shunt_stat ask_v4(struct shunt_node *node,
			      const struct shunt_entry *entry,
			      struct sk_buff *skb, struct shunt_pod *peer,
			      struct shunt_route *route, bool *keep)
{
	const struct iphdr *iph = ip_hdr(skb);

	memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
	/* Before the question, as the generation. */
	route->rp_filter = shunt_route_rp_filter(node, entry, skb, entry->pod);
	if (ip_route_input_noref(skb, iph->daddr, iph->saddr, iph->tos,
				 entry->iif) || !is_direct_v4(skb))
		return SHUNT_STAT_PUNT_ROUTE;
	*keep = may_keep_v4(skb, node->net, route->rp_filter);
	return make_v4(node, entry, skb, peer, route);
}

static bool is_global_v6(const struct in6_addr *addr)
{
	int type = ipv6_addr_type(addr);

	return type & IPV6_ADDR_UNICAST &&
	       !(type & (IPV6_ADDR_LOOPBACK | IPV6_ADDR_LINKLOCAL));
}

/* What ip6_rcv() and ip6_forward() ask of device and addresses. */
static bool is_forwarded_v6(const struct shunt_node *node,
			    const struct shunt_entry *entry,
			    const struct sk_buff *skb)
{
	return has_v6(entry) &&
	       READ_ONCE(node->net->ipv6.devconf_all->forwarding) &&
	       is_global_v6(&ipv6_hdr(skb)->saddr) &&
	       is_global_v6(&ipv6_hdr(skb)->daddr);
}

static struct dst_entry *lookup_v6(struct shunt_node *node,
				   const struct shunt_entry *entry,
				   struct sk_buff *skb)
{
	const struct ipv6hdr *ip6h = ipv6_hdr(skb);
	struct flowi6 fl6 = {
		.flowi6_iif = entry->iif->ifindex,
		.daddr = ip6h->daddr,
		.saddr = ip6h->saddr,
		.flowlabel = ip6_flowinfo(ip6h),
		.flowi6_mark = skb->mark,
		.flowi6_proto = ip6h->nexthdr,
	};
	struct flow_keys keys;

	fib6_rules_early_flow_dissect(node->net, skb, &fl6, &keys);
	return ip6_route_input_lookup(node->net, entry->iif, &fl6, skb,
				      RT6_LOOKUP_F_HAS_SADDR);
}

static bool is_direct_v6(const struct dst_entry *dst)
{
	return !dst->error && !dst->lwtstate &&
	       !(dst_rt6_info(dst)->rt6i_flags &
		 (RTF_LOCAL | RTF_ANYCAST | RTF_REJECT));
}

static bool may_keep_v6(const struct sk_buff *skb, const struct net *net)
{
	return !(IP6CB(skb)->flags & IP6SKB_MULTIPATH) &&
	       !shunt_fib6_asks_ports(net);
}

/* A sysctl changes it, and nobody is told. */
static u32 link_mtu_v6(const struct dst_entry *dst)
{
	const struct inet6_dev *idev = __in6_dev_get(dst->dev);

	return likely(idev) ? READ_ONCE(idev->cnf.mtu6) : 0;
}

/* Forwarding asks one, what fragments after it asks the other, which knows of
 * MTUs of routes and of paths. The latter change in place, in routes that are
 * no per-CPU ones.
 */
static u32 limit_v6(const struct shunt_route *route)
{
	u32 mtu = min(ip6_dst_mtu_maybe_forward(route->dst, true),
		      dst_mtu(route->dst));

	mtu = max_t(u32, mtu, IPV6_MIN_MTU);
	return route->pod ? min(mtu, READ_ONCE(route->pod->dev->mtu)) : mtu;
}

static void set_mtu_v6(struct shunt_route *route)
{
	/* What every link carries. */
	route->mtu = IPV6_MIN_MTU;
	/* Before the limit: if it changes in between, they do not match. */
	route->link_mtu = link_mtu_v6(route->dst);
	route->limit = limit_v6(route);
}

static enum shunt_stat make_v6(struct shunt_node *node,
			       const struct shunt_entry *entry,
			       struct sk_buff *skb, struct shunt_pod *peer,
			       struct shunt_route *route)
{
	const struct ipv6hdr *ip6h = ipv6_hdr(skb);
	struct rt6_info *rt = dst_rt6_info(skb_dst(skb));
	enum shunt_stat why;
	unsigned int i;

	why = route_make(node, entry, skb, peer, route);
	if (why != SHUNT_DIRECT)
		return why;
	for (i = 0; i < ARRAY_SIZE(route->addr); i++)
		route->addr[i] = shunt_route_part_v6(ip6h, i);
	route->tag = shunt_route_tag_v6(skb->mark, ip6h);
	route->cookie = rt6_get_cookie(rt);
	/* Neither changes in the life of one. */
	route->percpu = !rt->sernum && (rt->rt6i_flags &
					(RTF_PCPU | RTF_EXPIRES)) == RTF_PCPU;
	set_mtu_v6(route);
	route->via_gateway = route->out && rt->rt6i_flags & RTF_GATEWAY;
	return SHUNT_DIRECT;
}

static enum shunt_stat ask_v6(struct shunt_node *node,
			      const struct shunt_entry *entry,
			      struct sk_buff *skb, struct shunt_pod *peer,
			      struct shunt_route *route, bool *keep)
{
	struct dst_entry *dst;

	if (!is_forwarded_v6(node, entry, skb))
		return SHUNT_STAT_PUNT_ROUTE;
	memset(IP6CB(skb), 0, sizeof(*IP6CB(skb)));
	dst = lookup_v6(node, entry, skb);
	skb_dst_set(skb, dst);
	if (!is_direct_v6(dst))
		return SHUNT_STAT_PUNT_ROUTE;
	*keep = may_keep_v6(skb, node->net);
	return make_v6(node, entry, skb, peer, route);
}

/* A packet that the direct path could carry, as far as it alone can tell. */
static enum shunt_stat test(const struct shunt_entry *entry,
			    struct sk_buff *skb)
{
	enum shunt_stat why;

	switch (skb->protocol) {
	case htons(ETH_P_IP):
		return shunt_pkt_test_v4(skb);
	case htons(ETH_P_IPV6):
		why = shunt_pkt_test_v6(skb);
		if (why == SHUNT_DIRECT && entry->pod && !shunt_pkt_trim(skb))
			return SHUNT_STAT_DROP_MALFORMED;
		return why;
	default:
		return SHUNT_STAT_DROP_NONIP;
	}
}

static enum shunt_stat ask(struct shunt_node *node,
			   const struct shunt_entry *entry, struct sk_buff *skb,
			   struct shunt_pod *peer, struct shunt_route *route)
{
	enum shunt_stat why;
	bool keep;

	shunt_stats_inc(node->stats, SHUNT_STAT_ROUTE_MISS);
	forget_pod(entry, skb);
	skb_dst_drop(skb);
	if (skb->protocol == htons(ETH_P_IP))
		why = ask_v4(node, entry, skb, peer, route, &keep);
	else
		why = ask_v6(node, entry, skb, peer, route, &keep);
	if (why != SHUNT_DIRECT)
		return why;
	if (keep && !READ_ONCE(node->dead))
		route_keep(node, route, skb);
	else
		shunt_stats_inc(node->stats, SHUNT_STAT_ROUTE_UNCACHED);
	return SHUNT_DIRECT;
}

/**
 * shunt_route_ask() - ask the FIB where a packet goes, and keep the answer
 * @node: the node, which has or had a pod
 * @entry: where the packet comes from
 * @skb: packet; its dst and control block are lost
 * @route: filled in with the answer, good until the end of the RCU section
 *
 * Context: RCU read side, any.
 * Return: SHUNT_DIRECT if there is an answer that the direct path can use, else
 * why not: a punt, a drop, or SHUNT_NOT_OURS for what arrived on an uplink and
 * is for no pod.
 */
enum shunt_stat shunt_route_ask(struct shunt_node *node,
				const struct shunt_entry *entry,
				struct sk_buff *skb, struct shunt_route *route)
{
	struct shunt_pod *peer;
	enum shunt_stat why;

	memset(route, 0, sizeof(*route));
	/* Before the question, or a change during it would go unnoticed. */
	route->generation = atomic64_read_acquire(&node->generation);
	why = test(entry, skb);
	if (why == SHUNT_DIRECT)
		why = check_pods(node, entry, skb, &peer);
	if (why != SHUNT_DIRECT)
		return why;
	local_bh_disable();
	why = ask(node, entry, skb, peer, route);
	/* What it refers to stays until the end of the RCU section. */
	skb_dst_drop(skb);
	local_bh_enable();
	return why;
}

/**
 * shunt_route_fits_large() - the rest of shunt_route_fits()
 * @skb: packet larger than &shunt_route.mtu
 * @route: the route
 */
bool shunt_route_fits_large(const struct sk_buff *skb,
			    const struct shunt_route *route)
{
	u32 limit = route->limit;

	if (is_v6(route) &&
	    unlikely(!route->percpu ||
		     link_mtu_v6(route->dst) != route->link_mtu))
		limit = limit_v6(route);
	return shunt_pkt_fits(skb, limit);
}

/* Would XFRM policies of the node apply? Route-based IPsec is no matter of
 * policies here: those of xfrm interfaces carry an if_id, which an uplink asks
 * for after this.
 */
static bool xfrm_applies(const struct shunt_entry *entry, struct sk_buff *skb,
			 const struct shunt_route *route)
{
	u16 family = is_v6(route) ? AF_INET6 : AF_INET;
	struct net *net = dev_net(entry->iif);
	struct net_device *dev = skb->dev;
	struct dst_entry *dst;
	struct flowi fl;
	bool applies;

	forget_pod(entry, skb);
	/* Which interface it came through is looked for there, and found in
	 * what GRO has left.
	 */
	memset(skb->cb, 0, max(sizeof(*IPCB(skb)), sizeof(*IP6CB(skb))));
	skb->dev = entry->iif;
	skb_dst_drop(skb);
	skb_dst_set_noref(skb, route->dst);
	local_bh_disable();
	applies = !__xfrm_policy_check(NULL, XFRM_POLICY_FWD, skb, family) ||
		  shunt_xfrm_decode_session(net, skb, &fl, family) < 0;
	/* Nobody may hold it any more, if the answer was not kept. */
	if (!applies && !dst_hold_safe(route->dst))
		applies = true;
	if (!applies) {
		dst = xfrm_lookup(net, route->dst, &fl, NULL, 0);
		applies = IS_ERR(dst) || dst != route->dst;
		if (!IS_ERR(dst))
			dst_release(dst);
	}
	local_bh_enable();
	skb_dst_drop(skb);
	skb->dev = dev;
	return applies;
}

/**
 * shunt_route_answer() - ask what a route has left open
 * @node: the node
 * @entry: where the packet comes from
 * @skb: packet, its device still the one it came from
 * @route: where it goes, its &shunt_route.asks not 0
 *
 * Context: RCU read side, any.
 * Return: SHUNT_DIRECT, or the punt that the packet is for.
 */
enum shunt_stat shunt_route_answer(struct shunt_node *node,
				   const struct shunt_entry *entry,
				   struct sk_buff *skb,
				   const struct shunt_route *route)
{
	if (route->asks & SHUNT_ROUTE_ASKS_DEVICE && !has_v6(entry))
		return SHUNT_STAT_PUNT_ROUTE;
	if (route->asks & SHUNT_ROUTE_ASKS_PATH &&
	    shunt_host_takes(node, entry->pod, route->pod, skb))
		return SHUNT_STAT_PUNT_PATH;
	if (route->asks & SHUNT_ROUTE_ASKS_FLOW &&
	    shunt_host_owns(node, entry->pod, route->pod, skb))
		return SHUNT_STAT_PUNT_FLOW;
	if (route->asks & SHUNT_ROUTE_ASKS_XFRM &&
	    xfrm_applies(entry, skb, route))
		return SHUNT_STAT_PUNT_XFRM;
	return SHUNT_DIRECT;
}

/**
 * shunt_route_output() - send to the next hop, however that is done
 * @skb: packet for &shunt_route.out, consumed
 * @route: where it goes
 *
 * For neighbours that are not resolved, devices without a header cache and
 * those that want to see the dst. The neighbour's output may be this module's
 * own (an uplink that is a pod device itself), and what leads back here is
 * cut off like any other recursion of virtual devices.
 *
 * Context: RCU read side, any.
 * Return: a NET_XMIT code.
 */
int shunt_route_output(struct sk_buff *skb, struct shunt_route *route)
{
	struct neighbour *neigh = next_hop(skb, route);
	int ret;

	/* The next packet asks anew, and holds the one that is there now. */
	if (route->via_gateway && neigh != route->neigh && !IS_ERR(neigh) &&
	    READ_ONCE(neigh->nud_state) & NUD_VALID)
		WRITE_ONCE(route->generation, route->generation - 1);
	if (IS_ERR(neigh)) {
		kfree_skb_reason(skb, SKB_DROP_REASON_NEIGH_CREATEFAIL);
		return NET_XMIT_DROP;
	}
	skb_dst_set_noref(skb, route->dst);
	local_bh_disable();
	dev_xmit_recursion_inc();
	ret = neigh_output(neigh, skb, route->skip_hh);
	dev_xmit_recursion_dec();
	local_bh_enable();
	return ret;
}

static struct shunt_cache *cache_alloc(unsigned int bits)
{
	struct shunt_cache *cache;

	cache = kvzalloc(struct_size(cache, slot, 1UL << bits), GFP_KERNEL);
	if (cache)
		cache->shift = 64 - bits;
	return cache;
}

static void cache_flush(struct shunt_cache *cache,
			void (*free)(struct shunt_route *route))
{
	struct shunt_route *route;
	u32 i;

	for (i = 0; i < 1U << (64 - cache->shift); i++) {
		if (!rcu_access_pointer(cache->slot[i]))
			continue;
		route = unrcu_pointer(xchg(&cache->slot[i], NULL));
		if (route)
			free(route);
	}
}

static void cache_grow(struct work_struct *work)
{
	struct shunt_node *node = container_of(work, struct shunt_node, grow);
	struct shunt_cache *old, *new;

	old = rcu_dereference_protected(node->cache, 1);
	new = cache_alloc(64 - old->shift + 1);
	if (!new) {
		atomic_set(&old->evictions, 0);
		return;
	}
	rcu_assign_pointer(node->cache, new);
	synchronize_rcu();
	cache_flush(old, route_free);
	kvfree(old);
}

/**
 * shunt_route_cache_alloc() - make a node's cache
 * @node: the node
 *
 * Return: 0 or -ENOMEM.
 */
int shunt_route_cache_alloc(struct shunt_node *node)
{
	struct shunt_cache *cache;

	cache = cache_alloc(CACHE_MIN_BITS);
	if (!cache)
		return -ENOMEM;
	INIT_WORK(&node->grow, cache_grow);
	rcu_assign_pointer(node->cache, cache);
	return 0;
}

/**
 * shunt_route_cache_free() - free a dead node's cache
 * @node: the node; a grace period has passed since it was marked dead
 *
 * An IPv6 route must not outlive its network namespace, which may be next to
 * go: so nothing is left to RCU here.
 *
 * Context: may sleep.
 */
void shunt_route_cache_free(struct shunt_node *node)
{
	struct shunt_cache *cache;

	cancel_work_sync(&node->grow);
	cache = rcu_dereference_protected(node->cache, 1);
	RCU_INIT_POINTER(node->cache, NULL);
	cache_flush(cache, route_free);
	kvfree(cache);
	rcu_barrier();
}

/**
 * shunt_route_flush() - let go of all routes and neighbours
 * @node: the node
 *
 * A neighbour holds its device: this is for uplinks that go away, after the
 * grace period in which packets may still have found them.
 *
 * Context: RTNL.
 */
void shunt_route_flush(struct shunt_node *node)
{
	struct shunt_cache *cache;

	shunt_route_invalidate(node);
	rcu_read_lock();
	cache = rcu_dereference(node->cache);
	cache_flush(cache, route_free_later);
	rcu_read_unlock();
}

int __init shunt_route_init(void)
{
	route_slab = KMEM_CACHE(shunt_route, SLAB_HWCACHE_ALIGN);
	return route_slab ? 0 : -ENOMEM;
}

/* After the last device is gone. */
void shunt_route_exit(void)
{
	rcu_barrier();
	kmem_cache_destroy(route_slab);
}
