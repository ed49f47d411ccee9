/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the datapath reads of a packet, and the little it changes. The tests of
 * every packet are inline, what only odd ones are asked stands in pkt.c.
 */
#ifndef SHUNT_PKT_H
#define SHUNT_PKT_H

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <net/gso.h>
#include <net/ip.h>
#include <net/ipv6.h>

#include "shunt.h"

enum shunt_stat shunt_pkt_why_v4(const struct sk_buff *skb);
enum shunt_stat shunt_pkt_why_v6(const struct sk_buff *skb);
bool shunt_pkt_is_nd(const struct sk_buff *skb);
bool shunt_pkt_addrs(struct sk_buff *skb, struct shunt_addr *saddr,
		     struct shunt_addr *daddr);
bool shunt_pkt_trim(struct sk_buff *skb);
void shunt_pkt_set_type(struct sk_buff *skb, const struct shunt_addr *daddr);

/* In both walks a packet's data is at its network header: rx_handlers and
 * neighbours' outputs are called like that.
 */
static inline struct iphdr *shunt_pkt_v4(const struct sk_buff *skb)
{
	return (struct iphdr *)skb->data;
}

static inline struct ipv6hdr *shunt_pkt_v6(const struct sk_buff *skb)
{
	return (struct ipv6hdr *)skb->data;
}

/**
 * shunt_pkt_test_v4() - is an IPv4 packet plainly simple?
 * @skb: packet
 *
 * Simple is a header without options whose TTL survives a hop. Its checksum
 * is not looked at: TTL and checksum change together, so that a wrong one
 * stays wrong and the pod's stack drops it.
 *
 * Return: SHUNT_DIRECT, or the counter that says why not.
 */
static __always_inline enum shunt_stat
shunt_pkt_test_v4(struct sk_buff *skb)
{
	const struct iphdr *iph;

	if (unlikely(!pskb_may_pull(skb, sizeof(*iph))))
		return SHUNT_STAT_DROP_MALFORMED;
	iph = shunt_pkt_v4(skb);
	if (unlikely(*(const u8 *)iph != 0x45 || iph->ttl <= 1))
		return shunt_pkt_why_v4(skb);
	return SHUNT_DIRECT;
}

/* TCP, UDP and what else has a number between the two lowest of those that a
 * router may have to look at, in one comparison.
 */
static __always_inline bool shunt_pkt_is_plain_v6(u8 nexthdr)
{
	BUILD_BUG_ON(NEXTHDR_HOP != 0);
	return (u8)(nexthdr - 1) < NEXTHDR_ROUTING - 1;
}

/**
 * shunt_pkt_test_v6() - is an IPv6 packet plainly simple?
 * @skb: packet
 *
 * Return: SHUNT_DIRECT, or the counter that says why not.
 */
static __always_inline enum shunt_stat
shunt_pkt_test_v6(struct sk_buff *skb)
{
	const struct ipv6hdr *ip6h;

	if (unlikely(!pskb_may_pull(skb, sizeof(*ip6h))))
		return SHUNT_STAT_DROP_MALFORMED;
	ip6h = shunt_pkt_v6(skb);
	if (unlikely((*(const u8 *)ip6h & 0xf0) != 0x60 ||
		     ip6h->hop_limit <= 1 ||
		     !shunt_pkt_is_plain_v6(ip6h->nexthdr)))
		return shunt_pkt_why_v6(skb);
	return SHUNT_DIRECT;
}

/* GSO packets are judged by their segments, of which the header that carries
 * the length of BIG TCP's packets is no part.
 */
static inline bool shunt_pkt_fits(const struct sk_buff *skb, u32 mtu)
{
	if (skb->len <= mtu)
		return true;
	if (!skb_is_gso(skb))
		return false;
	mtu += shunt_ipv6_jumbo_len(skb);
	/* The same at a third of the cost, for nearly all. */
	if (likely(skb_is_gso_tcp(skb) && !skb->encapsulation))
		return skb_transport_offset(skb) + tcp_hdrlen(skb) +
		       skb_shinfo(skb)->gso_size <= mtu;
	return skb_gso_validate_network_len(skb, mtu);
}

/* Are these segments of TCP that devices only get one by one, see
 * netif_needs_gso()? GRO leaves to a list (rx-gro-list) the sum that the first
 * of its packets had, and TCP would not believe it. UDP takes lists apart where
 * it receives them.
 */
static __always_inline bool shunt_pkt_is_loose(const struct sk_buff *skb)
{
	return unlikely(skb->ip_summed != CHECKSUM_PARTIAL &&
			skb->ip_summed != CHECKSUM_UNNECESSARY) &&
	       skb_is_gso(skb) && skb_is_gso_tcp(skb);
}

/**
 * shunt_pkt_age() - the one hop that the host's stack would have been
 * @skb: simple packet, its header writable
 */
static __always_inline void shunt_pkt_age(struct sk_buff *skb)
{
	if (likely(skb->protocol == htons(ETH_P_IP))) {
		ip_decrease_ttl(shunt_pkt_v4(skb));
		return;
	}
	/* No checksum of the packet covers it but the one of the NIC. */
	if (skb->ip_summed == CHECKSUM_COMPLETE)
		skb->csum = csum_sub(skb->csum, (__force __wsum)htons(1));
	shunt_pkt_v6(skb)->hop_limit--;
}

/**
 * shunt_pkt_may_be_icmp() - is an IP packet neither TCP nor UDP?
 * @skb: packet, its network header set
 *
 * Behind other headers of IPv6 there may be anything.
 */
static inline bool shunt_pkt_may_be_icmp(const struct sk_buff *skb)
{
	u8 proto = skb->protocol == htons(ETH_P_IP) ? ip_hdr(skb)->protocol :
						      ipv6_hdr(skb)->nexthdr;

	return proto != IPPROTO_TCP && proto != IPPROTO_UDP;
}

/* IPVS marks what it translates. */
static inline bool shunt_pkt_is_ipvs(const struct sk_buff *skb)
{
#if IS_ENABLED(CONFIG_IP_VS)
	return skb->ipvs_property;
#else
	return false;
#endif
}

/**
 * shunt_pkt_scrub() - take off what must not cross a network namespace
 * @skb: packet
 *
 * skb_scrub_packet(), but delivery times and receive timestamps stay.
 */
static __always_inline void shunt_pkt_scrub(struct sk_buff *skb)
{
	skb->ignore_df = 0;
	skb->mark = 0;
	skb_set_queue_mapping(skb, 0);
	skb_dst_drop(skb);
	skb_ext_reset(skb);
	nf_reset_ct(skb);
	nf_reset_trace(skb);
	ipvs_reset(skb);
#ifdef CONFIG_NET_SWITCHDEV
	skb->offload_fwd_mark = 0;
	skb->offload_l3_fwd_mark = 0;
#endif
}

#endif /* SHUNT_PKT_H */
