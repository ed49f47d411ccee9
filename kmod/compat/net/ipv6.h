/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHUNT_COMPAT_NET_IPV6_H
#define SHUNT_COMPAT_NET_IPV6_H

#include_next <net/ipv6.h>

/* Until 7.0 packets beyond 64 KiB had their length in a header of hop-by-hop
 * options.
 */
static inline unsigned int shunt_ipv6_payload_len(const struct sk_buff *skb,
						  const struct ipv6hdr *ip6h)
{
#ifdef SHUNT_HAVE_JUMBO_HEADER
	if (!ip6h->payload_len && ip6h->nexthdr == NEXTHDR_HOP)
		return skb->len - skb_network_offset(skb) - sizeof(*ip6h);
	return ntohs(ip6h->payload_len);
#else
	return ipv6_payload_len(skb, ip6h);
#endif
}

/* That header, which their segments do not have. */
static inline unsigned int shunt_ipv6_jumbo_len(const struct sk_buff *skb)
{
#ifdef SHUNT_HAVE_JUMBO_HEADER
	return ipv6_has_hopopt_jumbo(skb) ? sizeof(struct hop_jumbo_hdr) : 0;
#else
	return 0;
#endif
}

#endif /* SHUNT_COMPAT_NET_IPV6_H */
