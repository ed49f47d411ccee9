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
#include <net/ipv6.h>
#include <net/xfrm.h>

#include "pkt.h"
#include "shunt.h"

/**
 * struct shunt_route - one answer of the FIB
 * @addr: the question: source and destination, IPv4 in the first word
 * @entry: the question: where the packet comes from
 * @tag: the question: mark, DSCP and family, see shunt_route_tag()
 * @generation: of the node when it was asked
 * @dst: the FIB's answer, held
 * @cookie: for dst_check()
 * @rp_filter: reverse path filter that was in force on &shunt_entry.iif
 * @mtu: up to which a packet needs no second look, in bytes
 * @priority: that forwarding gives to &sk_buff.priority
 * @headroom: that the output device wants, in bytes
 * @skip_hh: the neighbour's cached header is of the other family
 * @pod: the pod that is the destination, or NULL
 * @out: the uplink's device if @pod is NULL
 * @neigh: next hop on @out, held, or NULL
 * @rcu: frees it
 */
struct shunt_route {
	u64 addr[4];
	const struct shunt_entry *entry;
	u64 tag;
	u32 generation;
	u32 cookie;
	struct dst_entry *dst;
	struct shunt_pod *pod;
	struct net_device *out;
	struct neighbour *neigh;
	u32 mtu;
	u32 priority;
	u16 headroom;
	u8 rp_filter;
	bool skip_hh;
	struct rcu_head rcu;
};

/**
 * struct shunt_cache - direct-mapped table of answers, read by all CPUs
 * @shift: 64 less the binary logarithm of the number of slots
 * @evictions: how often a valid answer made way for another since @slot began
 * @slot: changes by xchg() alone, so that any CPU may
 */
struct shunt_cache {
	unsigned int shift;
	atomic_t evictions;
	struct shunt_route __rcu *slot[];
};

struct shunt_route *shunt_route_ask_v4(struct shunt_node *node,
				       const struct shunt_entry *entry,
				       struct sk_buff *skb,
				       enum shunt_stat *why);
struct shunt_route *shunt_route_ask_v6(struct shunt_node *node,
				       const struct shunt_entry *entry,
				       struct sk_buff *skb,
				       enum shunt_stat *why);
bool shunt_route_xfrm_applies(struct sk_buff *skb, const struct shunt_entry *entry,
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
 * Context: RTNL.
 */
static inline void shunt_route_invalidate(struct shunt_node *node)
{
	ASSERT_RTNL();
	smp_store_release(&node->generation, node->generation + 1);
}

/* One word of all that is asked besides addresses and way in. */
static __always_inline u64 shunt_route_tag(u32 mark, u8 dsfield, u16 family)
{
	return (u64)mark << 32 | family << 8 | (dsfield & ~INET_ECN_MASK);
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

static __always_inline u64 shunt_route_word_v6(const u64 addr[4])
{
	return addr[0] ^ rol64(addr[1], 11) ^ rol64(addr[2], 23) ^
	       rol64(addr[3], 37);
}

/* Changes of rp_filter do not void routes: an answer is good for the one that
 * was in force. Packets that came through IPsec are spared it by the stack.
 */
static __always_inline u8 shunt_route_rp_filter(const struct shunt_entry *entry,
						const struct sk_buff *skb)
{
	struct in_device *in_dev = __in_dev_get_rcu(entry->iif);

	if (unlikely(!in_dev || secpath_exists(skb)))
		return 0;
	return IN_DEV_RPFILTER(in_dev);
}

/**
 * shunt_route_lookup_v4() - where an IPv4 packet goes
 * @node: the node
 * @entry: where it comes from
 * @skb: packet that shunt_pkt_test_v4() found simple
 * @why: set if there is no answer: a punt or a drop, or SHUNT_DIRECT for what
 *	arrived on an uplink and is for no pod
 *
 * Context: RCU read side, any.
 * Return: the answer, good until the end of the RCU section, or NULL.
 */
static __always_inline struct shunt_route *
shunt_route_lookup_v4(struct shunt_node *node, const struct shunt_entry *entry,
		      struct sk_buff *skb, enum shunt_stat *why)
{
	const struct iphdr *iph = ip_hdr(skb);
	const struct shunt_cache *cache = rcu_dereference(node->cache);
	u64 word = shunt_route_word_v4(iph);
	u32 mark = entry->pod ? 0 : skb->mark;
	struct shunt_route *route;

	if (unlikely(!cache))
		goto ask;
	route = shunt_route_slot(cache, word);
	if (likely(route && route->addr[0] == word && route->entry == entry &&
		   route->tag == shunt_route_tag(mark, iph->tos, AF_INET) &&
		   route->generation == READ_ONCE(node->generation) &&
		   route->rp_filter == shunt_route_rp_filter(entry, skb) &&
		   !READ_ONCE(node->net->ipv4.sysctl_ip_fwd_use_pmtu) &&
		   dst_check(route->dst, 0)))
		return route;
ask:
	return shunt_route_ask_v4(node, entry, skb, why);
}

/**
 * shunt_route_lookup_v6() - where an IPv6 packet goes
 * @node: the node
 * @entry: where it comes from
 * @skb: packet that shunt_pkt_test_v6() found simple
 * @why: as for shunt_route_lookup_v4()
 *
 * Context: RCU read side, any.
 * Return: the answer, good until the end of the RCU section, or NULL.
 */
static __always_inline struct shunt_route *
shunt_route_lookup_v6(struct shunt_node *node, const struct shunt_entry *entry,
		      struct sk_buff *skb, enum shunt_stat *why)
{
	const struct ipv6hdr *ip6h = ipv6_hdr(skb);
	const struct shunt_cache *cache = rcu_dereference(node->cache);
	const void *saddr = &ip6h->saddr;
	u32 mark = entry->pod ? 0 : skb->mark;
	struct shunt_route *route;
	u64 addr[4];

	if (unlikely(!cache))
		goto ask;
	memcpy(addr, saddr, sizeof(addr));
	route = shunt_route_slot(cache, shunt_route_word_v6(addr));
	if (likely(route && route->entry == entry &&
		   !((route->addr[0] ^ addr[0]) | (route->addr[1] ^ addr[1]) |
		     (route->addr[2] ^ addr[2]) | (route->addr[3] ^ addr[3])) &&
		   route->tag == shunt_route_tag(mark, ipv6_get_dsfield(ip6h),
						 AF_INET6) &&
		   route->generation == READ_ONCE(node->generation) &&
		   READ_ONCE(node->net->ipv6.devconf_all->forwarding) &&
		   dst_check(route->dst, route->cookie)))
		return route;
ask:
	return shunt_route_ask_v6(node, entry, skb, why);
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

/* Policies for xfrm interfaces count here, too: only a lookup tells. */
static __always_inline bool shunt_route_has_xfrm(const struct net *net)
{
	return READ_ONCE(net->xfrm.policy_count[XFRM_POLICY_OUT]) |
	       READ_ONCE(net->xfrm.policy_count[XFRM_POLICY_FWD]) |
	       (READ_ONCE(net->xfrm.policy_default[XFRM_POLICY_OUT]) ^
		XFRM_USERPOLICY_ACCEPT) |
	       (READ_ONCE(net->xfrm.policy_default[XFRM_POLICY_FWD]) ^
		XFRM_USERPOLICY_ACCEPT);
}

#endif /* SHUNT_ROUTE_H */
