/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The route cache: what the FIB has answered, as long as it would answer the
 * same again. The lookup of every packet is inline, the question itself stands
 * in route.c.
 */
#ifndef SHUNT_ROUTE_H
#define SHUNT_ROUTE_H

#include <linux/hash.h>
#include <linux/inetdevice.h>
#include <linux/unaligned.h>
#include <net/dst.h>
#include <net/inet_ecn.h>
#include <net/ip.h>
#include <net/ip6_fib.h>
#include <net/ipv6.h>
#include <net/route.h>

#include "pkt.h"
#include "shunt.h"

/**
 * struct shunt_route - one answer of the FIB
 * @addr: the question: source and destination, IPv4 in the first word
 * @entry: the question: where the packet comes from
 * @tag: the question: mark, family and DSCP, see shunt_route_tag_v4()
 * @generation: of the node when it was asked
 * @dst: the FIB's answer, held
 * @cookie: for dst_check()
 * @rp_filter: reverse path filter that was in force on &shunt_entry.iif
 * @update_priority: sysctl ip_forward_update_priority that was in force
 * @mtu: up to which a packet needs no second look, in bytes
 * @limit: up to which a packet fits, in bytes; IPv6: if @link_mtu is in force
 * @link_mtu: sysctl mtu of @dst's device that was in force, IPv6 only
 * @priority: that forwarding gives to &sk_buff.priority, 0 for pods
 * @headroom: that the output device wants, in bytes
 * @hh: @neigh's cached header will do, once there is one
 * @skip_hh: @neigh's cached header is of the other family
 * @via_gateway: the next hop is not the destination itself
 * @percpu: @dst is an IPv6 route of the usual kind, see
 *	shunt_route_is_fresh_v6()
 * @asks: what is still to be asked of each packet, &enum shunt_route_asks
 * @pod: the pod that is the destination, or NULL
 * @out: the uplink's device if @pod is NULL
 * @neigh: the gateway on @out, held, or NULL if it has to be looked up
 * @rcu: frees it
 */
struct shunt_route {
	u64 addr[4];
	const struct shunt_entry *entry;
	u64 tag;
	u64 generation;
	struct dst_entry *dst;
	struct shunt_pod *pod;
	struct net_device *out;
	struct neighbour *neigh;
	u32 cookie;
	u32 mtu;
	u32 limit;
	u32 link_mtu;
	u32 priority;
	u16 headroom;
	u8 rp_filter;
	u8 update_priority;
	bool hh;
	bool skip_hh;
	bool via_gateway;
	bool percpu;
	u8 asks;
	struct rcu_head rcu;
};

/**
 * enum shunt_route_asks - why a known route is not all there is to know
 * @SHUNT_ROUTE_ASKS_PATH: the remote address is under a stack prefix
 * @SHUNT_ROUTE_ASKS_FLOW: the pod has host flows
 * @SHUNT_ROUTE_ASKS_XFRM: the node has XFRM policies
 * @SHUNT_ROUTE_ASKS_DEVICE: nobody tells when IPv6 is switched off where the
 *	packet comes in, as there is no address to go with it
 */
enum shunt_route_asks {
	SHUNT_ROUTE_ASKS_PATH = BIT(0),
	SHUNT_ROUTE_ASKS_FLOW = BIT(1),
	SHUNT_ROUTE_ASKS_XFRM = BIT(2),
	SHUNT_ROUTE_ASKS_DEVICE = BIT(3),
};

/**
 * struct shunt_cache - direct-mapped table of answers, read by all CPUs
 * @evictions: how often a valid answer made way for another since @slot began;
 *	written by all, so readers of the others do not meet it
 * @shift: 64 less the binary logarithm of the number of slots
 * @slot: changes by xchg() alone, so that any CPU may
 */
struct shunt_cache {
	atomic_t evictions;
	unsigned int shift ____cacheline_aligned_in_smp;
	struct shunt_route __rcu *slot[];
};

enum shunt_stat shunt_route_ask(struct shunt_node *node,
				const struct shunt_entry *entry,
				struct sk_buff *skb, struct shunt_route *route);
enum shunt_stat shunt_route_answer(struct shunt_node *node,
				   const struct shunt_entry *entry,
				   struct sk_buff *skb,
				   const struct shunt_route *route);
bool shunt_route_fits_large(const struct sk_buff *skb,
			    const struct shunt_route *route);
int shunt_route_output(struct sk_buff *skb, struct shunt_route *route);

int shunt_route_cache_alloc(struct shunt_node *node);
void shunt_route_cache_free(struct shunt_node *node);
void shunt_route_flush(struct shunt_node *node);
int shunt_route_init(void);
void shunt_route_exit(void);

/**
 * shunt_route_invalidate() - forget all answers, cheaply
 * @node: the node
 *
 * For changes that the FIB does not see: pods, addresses, uplinks, MTUs. What
 * readers meanwhile go on with is what they would have found a moment before;
 * pods and uplinks are freed a grace period after this.
 *
 * Context: any.
 */
static inline void shunt_route_invalidate(struct shunt_node *node)
{
	/* After the change itself; pairs with shunt_route_ask(). */
	atomic64_inc_return_release(&node->generation);
}

/* One word of all that is asked besides addresses and way in: mark, family and
 * DSCP, the last as it stands in the header.
 */
static __always_inline u64 shunt_route_tag_v4(u32 mark,
					      const struct iphdr *iph)
{
	return (u64)mark << 32 | AF_INET << 16 | (iph->tos & ~INET_ECN_MASK);
}

static __always_inline u64 shunt_route_tag_v6(u32 mark,
					      const struct ipv6hdr *ip6h)
{
	const __be16 dscp = *(const __be16 *)ip6h &
			    htons((0xff & ~INET_ECN_MASK) << 4);

	return (u64)mark << 32 | AF_INET6 << 16 | (__force u16)dscp;
}

/* Outsiders can choose addresses, but all they win in a direct-mapped table
 * is that their own packets ask the FIB.
 */
static __always_inline struct shunt_route *
shunt_route_slot(const struct shunt_cache *cache, u64 word)
{
	return rcu_dereference(cache->slot[word * GOLDEN_RATIO_64 >>
					   cache->shift]);
}

static __always_inline u64 shunt_route_word_v4(const struct iphdr *iph)
{
	return get_unaligned((const u64 *)&iph->saddr);
}

static __always_inline u64 shunt_route_part_v6(const struct ipv6hdr *ip6h,
					       unsigned int i)
{
	const u64 *part = (const void *)&ip6h->saddr;

	return get_unaligned(part + i);
}

static __always_inline u64 shunt_route_word_v6(u64 a, u64 b, u64 c, u64 d)
{
	return a ^ rol64(b, 11) ^ rol64(c, 23) ^ rol64(d, 37);
}

/* Changes of rp_filter do not void routes: an answer is good for the one that
 * was in force. Packets that came through IPsec are spared it by the stack.
 */
static __always_inline u8 shunt_route_rp_filter(const struct shunt_node *node,
						const struct shunt_entry *entry,
						const struct sk_buff *skb,
						bool from_pod)
{
	struct in_device *in_dev = __in_dev_get_rcu(entry->iif);

	if (unlikely(!in_dev || (!from_pod && secpath_exists(skb))))
		return 0;
	return max(IPV4_DEVCONF_ALL(node->net, RP_FILTER),
		   IN_DEV_CONF_GET(in_dev, RP_FILTER));
}

/* What ipv4_dst_check() says, without two calls: 25 instructions a packet. */
static __always_inline bool
shunt_route_is_fresh_v4(const struct shunt_node *node,
			const struct dst_entry *dst)
{
	return READ_ONCE(dst->obsolete) == DST_OBSOLETE_FORCE_CHK &&
	       dst_rtable(dst)->rt_genid == rt_genid_ipv4(node->net);
}

/* What ip6_dst_check() says of the usual, per-CPU routes, without its calls: 40
 * instructions a packet.
 */
static __always_inline bool
shunt_route_is_fresh_v6(const struct shunt_route *route)
{
	struct dst_entry *dst = route->dst;
	const struct fib6_info *from;
	const struct fib6_node *fn;

	from = rcu_dereference(dst_rt6_info(dst)->from);
	if (unlikely(!route->percpu || !from || from->fib6_flags & RTF_EXPIRES))
		return dst_check(dst, route->cookie);
	fn = rcu_dereference(from->fib6_node);
	return fn && READ_ONCE(fn->fn_sernum) == route->cookie &&
	       READ_ONCE(dst->obsolete) == DST_OBSOLETE_FORCE_CHK;
}

/* Does a kept answer to a question on the same addresses still hold? */
static __always_inline bool
shunt_route_holds_v4(const struct shunt_route *route,
		     const struct shunt_node *node,
		     const struct shunt_entry *entry,
		     const struct sk_buff *skb, bool from_pod)
{
	const struct netns_ipv4 *ipv4 = &node->net->ipv4;
	u32 mark = from_pod ? 0 : skb->mark;
	u8 rp_filter = shunt_route_rp_filter(node, entry, skb, from_pod);

	return route->entry == entry &&
	       route->tag == shunt_route_tag_v4(mark, shunt_pkt_v4(skb)) &&
	       route->generation == atomic64_read(&node->generation) &&
	       route->rp_filter == rp_filter &&
	       route->update_priority ==
		       READ_ONCE(ipv4->sysctl_ip_fwd_update_priority) &&
	       !READ_ONCE(ipv4->sysctl_ip_fwd_use_pmtu) &&
	       shunt_route_is_fresh_v4(node, route->dst);
}

static __always_inline bool
shunt_route_holds_v6(const struct shunt_route *route,
		     const struct shunt_node *node,
		     const struct shunt_entry *entry,
		     const struct sk_buff *skb, bool from_pod)
{
	u32 mark = from_pod ? 0 : skb->mark;

	return route->entry == entry &&
	       route->tag == shunt_route_tag_v6(mark, shunt_pkt_v6(skb)) &&
	       route->generation == atomic64_read(&node->generation) &&
	       READ_ONCE(node->net->ipv6.devconf_all->forwarding) &&
	       shunt_route_is_fresh_v6(route);
}

static __always_inline struct shunt_route *
shunt_route_find_v4(const struct shunt_node *node,
		    const struct shunt_entry *entry, struct sk_buff *skb,
		    bool from_pod)
{
	const struct shunt_cache *cache = rcu_dereference(node->cache);
	struct shunt_route *route;
	u64 word;

	if (unlikely(shunt_pkt_test_v4(skb) != SHUNT_DIRECT))
		return NULL;
	word = shunt_route_word_v4(shunt_pkt_v4(skb));
	route = shunt_route_slot(cache, word);
	if (likely(route && route->addr[0] == word &&
		   shunt_route_holds_v4(route, node, entry, skb, from_pod)))
		return route;
	return NULL;
}

static __always_inline struct shunt_route *
shunt_route_find_v6(const struct shunt_node *node,
		    const struct shunt_entry *entry, struct sk_buff *skb,
		    bool from_pod)
{
	const struct shunt_cache *cache = rcu_dereference(node->cache);
	const struct ipv6hdr *ip6h;
	struct shunt_route *route;
	u64 a, b, c, d;

	if (unlikely(shunt_pkt_test_v6(skb) != SHUNT_DIRECT))
		return NULL;
	ip6h = shunt_pkt_v6(skb);
	/* Raw sockets write what they like; for IPv4 the kernel mends it. */
	if (from_pod &&
	    unlikely(ntohs(ip6h->payload_len) + sizeof(*ip6h) != skb->len) &&
	    !shunt_pkt_trim(skb))
		return NULL;
	a = shunt_route_part_v6(ip6h, 0);
	b = shunt_route_part_v6(ip6h, 1);
	c = shunt_route_part_v6(ip6h, 2);
	d = shunt_route_part_v6(ip6h, 3);
	route = shunt_route_slot(cache, shunt_route_word_v6(a, b, c, d));
	if (likely(route &&
		   !((route->addr[0] ^ a) | (route->addr[1] ^ b) |
		     (route->addr[2] ^ c) | (route->addr[3] ^ d)) &&
		   shunt_route_holds_v6(route, node, entry, skb, from_pod)))
		return route;
	return NULL;
}

/**
 * shunt_route_find() - a kept answer to where a packet goes
 * @node: the node, which has or had a pod
 * @entry: where the packet comes from
 * @skb: packet
 * @from_pod: whether @entry is a pod's, which each caller knows
 *
 * Context: RCU read side, any.
 * Return: the answer, good until the end of the RCU section, or NULL if
 * shunt_route_ask() is to be asked: none is kept, or the packet is odd.
 */
static __always_inline struct shunt_route *
shunt_route_find(const struct shunt_node *node,
		 const struct shunt_entry *entry, struct sk_buff *skb,
		 bool from_pod)
{
	if (likely(skb->protocol == htons(ETH_P_IP)))
		return shunt_route_find_v4(node, entry, skb, from_pod);
	if (likely(skb->protocol == htons(ETH_P_IPV6)))
		return shunt_route_find_v6(node, entry, skb, from_pod);
	return NULL;
}

/**
 * shunt_route_fits() - may a packet leave by a route in one piece?
 * @skb: packet, its data at the network header
 * @route: the route
 *
 * GSO packets are judged by their segments.
 */
static __always_inline bool shunt_route_fits(const struct sk_buff *skb,
					     const struct shunt_route *route)
{
	return likely(skb->len <= route->mtu) ||
	       shunt_route_fits_large(skb, route);
}

#endif /* SHUNT_ROUTE_H */
