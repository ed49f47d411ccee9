/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Packets that pods and the host send, and who hooks into their way out. See
 * tx.c.
 */
#ifndef SHUNT_TX_H
#define SHUNT_TX_H

#include <linux/netdevice.h>
#include <net/hotdata.h>
#include <net/neighbour.h>
#include <net/sch_generic.h>

#include "stats.h"

netdev_tx_t shunt_tx_pod_xmit(struct sk_buff *skb, struct net_device *dev);
netdev_tx_t shunt_tx_node_xmit(struct sk_buff *skb, struct net_device *dev);
int shunt_tx_pod_neigh_construct(struct net_device *dev, struct neighbour *n);
int shunt_tx_node_neigh_construct(struct net_device *dev, struct neighbour *n);

/**
 * shunt_tx_hooked() - who would miss a device's transmit pass, if left out?
 * @dev: a pod or node device, or the node's end of a pod's pair
 *
 * The other hooks on a packet's way out ran before its neighbour was asked, or
 * run on the uplink.
 *
 * Context: RCU read side, any.
 * Return: SHUNT_DIRECT for nobody, or a FALLBACK counter.
 */
static __always_inline enum shunt_stat shunt_tx_hooked(struct net_device *dev)
{
	const struct Qdisc *qdisc;

	if (unlikely(shunt_dev_has_tap(dev)))
		return SHUNT_STAT_FALLBACK_TAP;
	if (unlikely(shunt_dev_has_tc_egress(dev)))
		return SHUNT_STAT_FALLBACK_TC;
	if (unlikely(shunt_dev_has_nf_egress(dev)))
		return SHUNT_STAT_FALLBACK_NF;
	qdisc = rcu_dereference(netdev_get_tx_queue(dev, 0)->qdisc);
	/* That of a device that is down, too. */
	if (unlikely(qdisc->enqueue))
		return SHUNT_STAT_FALLBACK_QDISC;
	if (unlikely(shunt_dev_has_priomap(dev)))
		return SHUNT_STAT_FALLBACK_PRIO;
	return SHUNT_DIRECT;
}

#endif /* SHUNT_TX_H */
