/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHUNT_COMPAT_NET_IP_FIB_H
#define SHUNT_COMPAT_NET_IP_FIB_H

#include_next <net/ip_fib.h>

/* Do rules look at ports, which are no part of an address? */
static inline bool shunt_fib4_asks_ports(const struct net *net)
{
#ifdef CONFIG_IP_MULTIPLE_TABLES
	return READ_ONCE(net->ipv4.fib_rules_require_fldissect);
#else
	return false;
#endif
}

#endif /* SHUNT_COMPAT_NET_IP_FIB_H */
