/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHUNT_COMPAT_NET_HOTDATA_H
#define SHUNT_COMPAT_NET_HOTDATA_H

#include <linux/ipv6.h>
#include <linux/netdevice.h>
/* New in 6.9. */
#ifdef SHUNT_HAVE_HOTDATA
#include_next <net/hotdata.h>
#endif

/* dev_nit_active(), inline where the lists are to be had: until 6.15 those for
 * all devices were all namespaces'.
 */
static inline bool shunt_dev_has_tap(struct net_device *dev)
{
#if defined(SHUNT_HAVE_NET_PTYPE_ALL)
	return !list_empty(&dev_net(dev)->ptype_all) ||
	       !list_empty(&dev->ptype_all);
#elif defined(SHUNT_HAVE_HOTDATA)
	return !list_empty(&net_hotdata.ptype_all) ||
	       !list_empty(&dev->ptype_all);
#else
	return dev_nit_active(dev);
#endif
}

#endif /* SHUNT_COMPAT_NET_HOTDATA_H */
