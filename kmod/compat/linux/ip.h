/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHUNT_COMPAT_LINUX_IP_H
#define SHUNT_COMPAT_LINUX_IP_H

#include_next <linux/ip.h>

/* Until 6.3 IPv4 had no packets beyond 64 KiB, whatever iph_totlen() says that
 * was taken back to some of these kernels.
 */
static inline unsigned int shunt_iph_totlen(const struct sk_buff *skb,
					    const struct iphdr *iph)
{
#ifdef SHUNT_HAVE_GSO_IPV4_MAX_SIZE
	return iph_totlen(skb, iph);
#else
	return ntohs(iph->tot_len);
#endif
}

#endif /* SHUNT_COMPAT_LINUX_IP_H */
