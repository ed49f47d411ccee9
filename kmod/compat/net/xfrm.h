/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHUNT_COMPAT_NET_XFRM_H
#define SHUNT_COMPAT_NET_XFRM_H

#include_next <net/xfrm.h>

/* Until 6.7 the namespace was the device's. */
static inline int shunt_xfrm_decode_session(struct net *net,
					    struct sk_buff *skb,
					    struct flowi *fl,
					    unsigned short family)
{
#ifdef SHUNT_HAVE_XFRM_DECODE_NET
	return xfrm_decode_session(net, skb, fl, family);
#else
	return xfrm_decode_session(skb, fl, family);
#endif
}

#endif /* SHUNT_COMPAT_NET_XFRM_H */
