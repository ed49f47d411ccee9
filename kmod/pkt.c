// SPDX-License-Identifier: GPL-2.0
/*
 * The questions that only odd packets are asked.
 */
#include <linux/icmpv6.h>
#include <net/ndisc.h>

#include "pkt.h"
#include "pod.h"

/**
 * shunt_pkt_why_v4() - why an IPv4 packet is not plainly simple
 * @skb: packet that shunt_pkt_test_v4() found odd
 *
 * Return: the counter of the reason.
 */
enum shunt_stat shunt_pkt_why_v4(const struct sk_buff *skb)
{
	const struct iphdr *iph = ip_hdr(skb);

	if (iph->version != 4 || iph->ihl < 5)
		return SHUNT_STAT_DROP_MALFORMED;
	if (iph->ihl > 5)
		return SHUNT_STAT_PUNT_OPTIONS;
	return SHUNT_STAT_PUNT_TTL;
}

/**
 * shunt_pkt_is_nd() - does an IPv6 packet carry neighbour discovery?
 * @skb: packet, its network header set and in the linear part
 *
 * Extension headers do not hide it.
 */
bool shunt_pkt_is_nd(const struct sk_buff *skb)
{
	int offset = skb_network_offset(skb) + sizeof(struct ipv6hdr);
	u8 nexthdr = ipv6_hdr(skb)->nexthdr;
	u8 _type, *type;
	__be16 frag;

	offset = ipv6_skip_exthdr(skb, offset, &nexthdr, &frag);
	/* That of fragments but the first is the fragment header. */
	if (offset < 0 || nexthdr != IPPROTO_ICMPV6)
		return false;
	type = skb_header_pointer(skb, offset, sizeof(_type), &_type);
	return type && *type >= NDISC_ROUTER_SOLICITATION &&
	       *type <= NDISC_REDIRECT;
}

/* Of those that routers or the anti-spoofing of pods care for: fragments, AH
 * and ESP go direct by their addresses alone.
 */
static bool is_option_v6(u8 nexthdr)
{
	return nexthdr == NEXTHDR_HOP || nexthdr == NEXTHDR_ROUTING ||
	       nexthdr == NEXTHDR_DEST;
}

/**
 * shunt_pkt_why_v6() - why an IPv6 packet may not be plainly simple
 * @skb: packet that shunt_pkt_test_v6() found odd
 *
 * The one extension header that is simple after all is the kernel's own, with
 * which it carries until Linux 7.0 the length of packets beyond 64 KiB (BIG
 * TCP).
 *
 * Return: SHUNT_DIRECT if it is simple, else the counter of the reason.
 */
enum shunt_stat shunt_pkt_why_v6(const struct sk_buff *skb)
{
	const struct ipv6hdr *ip6h = ipv6_hdr(skb);

	if (ip6h->version != 6)
		return SHUNT_STAT_DROP_MALFORMED;
	if (ip6h->hop_limit <= 1)
		return SHUNT_STAT_PUNT_TTL;
	if (ip6h->nexthdr == IPPROTO_ICMPV6)
		return shunt_pkt_is_nd(skb) ? SHUNT_STAT_DROP_ND : SHUNT_DIRECT;
	if (!is_option_v6(ip6h->nexthdr))
		return SHUNT_DIRECT;
	if (skb_is_gso(skb) && shunt_ipv6_jumbo_len(skb))
		return SHUNT_DIRECT;
	return SHUNT_STAT_PUNT_OPTIONS;
}

/**
 * shunt_pkt_addrs() - addresses of a packet of either family
 * @skb: packet, its network header set
 * @saddr: filled in
 * @daddr: filled in
 *
 * Return: false if the packet is no IP or its header is cut off.
 */
bool shunt_pkt_addrs(struct sk_buff *skb, struct shunt_addr *saddr,
		     struct shunt_addr *daddr)
{
	switch (skb->protocol) {
	case htons(ETH_P_IP):
		if (!pskb_network_may_pull(skb, sizeof(struct iphdr)))
			return false;
		*saddr = shunt_addr_v4(ip_hdr(skb)->saddr);
		*daddr = shunt_addr_v4(ip_hdr(skb)->daddr);
		return true;
	case htons(ETH_P_IPV6):
		if (!pskb_network_may_pull(skb, sizeof(struct ipv6hdr)))
			return false;
		*saddr = shunt_addr_v6(&ipv6_hdr(skb)->saddr);
		*daddr = shunt_addr_v6(&ipv6_hdr(skb)->daddr);
		return true;
	default:
		return false;
	}
}

static int length_v4(struct sk_buff *skb)
{
	if (!pskb_may_pull(skb, sizeof(struct iphdr)))
		return -1;
	return shunt_iph_totlen(skb, shunt_pkt_v4(skb));
}

static int length_v6(struct sk_buff *skb)
{
	if (!pskb_may_pull(skb, sizeof(struct ipv6hdr)))
		return -1;
	return sizeof(struct ipv6hdr) +
	       shunt_ipv6_payload_len(skb, shunt_pkt_v6(skb));
}

/**
 * shunt_pkt_trim() - let a packet end where its header says so
 * @skb: packet whose header a user may have written
 *
 * Return: false if there is less than the header says.
 */
bool shunt_pkt_trim(struct sk_buff *skb)
{
	int len = skb->len;

	if (skb->protocol == htons(ETH_P_IP))
		len = length_v4(skb);
	else if (skb->protocol == htons(ETH_P_IPV6))
		len = length_v6(skb);
	return len >= 0 && len <= skb->len && !pskb_trim_rcsum(skb, len);
}

/**
 * shunt_pkt_set_type() - the packet type that a link would have given
 * @skb: packet on its way to the host's stack
 * @daddr: its destination
 */
void shunt_pkt_set_type(struct sk_buff *skb, const struct shunt_addr *daddr)
{
	if (ipv6_addr_is_multicast(&daddr->v6) ||
	    (ipv6_addr_v4mapped(&daddr->v6) &&
	     ipv4_is_multicast(daddr->v6.s6_addr32[3])))
		skb->pkt_type = PACKET_MULTICAST;
	else if (ipv6_addr_v4mapped(&daddr->v6) &&
		 ipv4_is_lbcast(daddr->v6.s6_addr32[3]))
		skb->pkt_type = PACKET_BROADCAST;
	else
		skb->pkt_type = PACKET_HOST;
}
