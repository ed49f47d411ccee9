/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHUNT_COMPAT_NET_IP6_FIB_H
#define SHUNT_COMPAT_NET_IP6_FIB_H

#include_next <net/ip6_fib.h>

/* New in 6.10. */
#ifndef dst_rt6_info
#define dst_rt6_info(_ptr) container_of_const(_ptr, struct rt6_info, dst)
#endif

/* Do rules look at ports, which are no part of an address? */
static inline bool shunt_fib6_asks_ports(const struct net *net)
{
#ifdef CONFIG_IPV6_MULTIPLE_TABLES
	return READ_ONCE(net->ipv6.fib6_rules_require_fldissect);
#else
	return false;
#endif
}

#endif /* SHUNT_COMPAT_NET_IP6_FIB_H */
