/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHUNT_COMPAT_NET_ROUTE_H
#define SHUNT_COMPAT_NET_ROUTE_H

#include_next <net/route.h>

/* New in 6.10. */
#ifndef dst_rtable
#define dst_rtable(_ptr) container_of_const(_ptr, struct rtable, dst)
#endif

#endif /* SHUNT_COMPAT_NET_ROUTE_H */
