/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The last step of each walk: hand a packet to a pod, an uplink or the host's
 * stack, or drop it with a reason. All of them consume the packet.
 */
#ifndef SHUNT_DELIVER_H
#define SHUNT_DELIVER_H

#include <net/neighbour.h>

#include "route.h"
#include "shunt.h"

int shunt_deliver_pod(struct shunt_pod *pod, struct sk_buff *skb,
		      enum shunt_stat stat);
void shunt_deliver_stack(struct shunt_node *node, struct shunt_pod *pod,
			 struct sk_buff *skb, enum shunt_stat why);
bool shunt_deliver_punted(struct shunt_node *node, struct sk_buff *skb);
void shunt_deliver_drop(struct shunt_stats __percpu *stats,
			const struct net_device *dev, struct sk_buff *skb,
			enum shunt_stat why);
void shunt_deliver_eth_header(struct sk_buff *skb,
			      const struct net_device *dev);

/* In these states neigh_event_send() has nothing to do, so the cached header is
 * as good in all of them. A node that only forwards gets no confirmations from
 * TCP: its neighbours are in DELAY for 5 s out of about 35.
 */
#define SHUNT_NUD_USABLE (NUD_CONNECTED | NUD_DELAY | NUD_PROBE)

/**
 * shunt_deliver_uplink() - send a packet by an uplink
 * @skb: packet, scrubbed, with the headroom that the route asks for; consumed
 * @route: where it goes
 *
 * The kernel's own output for a neighbour with a cached header, less the dst,
 * which the device would only drop again.
 *
 * Context: RCU read side, any.
 * Return: a NET_XMIT code.
 */
static __always_inline int shunt_deliver_uplink(struct sk_buff *skb,
						struct shunt_route *route)
{
	struct neighbour *neigh = route->neigh;

	skb->dev = route->out;
	if (likely(route->hh && !READ_ONCE(neigh->dead) &&
		   READ_ONCE(neigh->nud_state) & SHUNT_NUD_USABLE &&
		   READ_ONCE(neigh->hh.hh_len) &&
		   route->out->priv_flags & IFF_XMIT_DST_RELEASE))
		return neigh_hh_output(&neigh->hh, skb);
	return shunt_route_output(skb, route);
}

#endif /* SHUNT_DELIVER_H */
