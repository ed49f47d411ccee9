/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pods whose device somebody else has made: one end of a veth pair, whose other
 * end is in the node's network namespace.
 */
#ifndef SHUNT_VETH_H
#define SHUNT_VETH_H

#include <linux/jump_label.h>
#include <linux/netdevice.h>

#include "shunt.h"

struct netlink_ext_ack;

DECLARE_STATIC_KEY_FALSE(shunt_veth_used);

int shunt_veth_adopt(struct shunt_node *node, struct net_device *dev,
		     struct netlink_ext_ack *extack, struct shunt_pod **pod);
void shunt_veth_release(struct shunt_pod *pod);
const struct net_device *shunt_veth_door(const struct shunt_pod *pod);
void shunt_veth_event(struct net_device *dev, unsigned long event);
bool shunt_veth_receives(struct shunt_pod *pod, struct sk_buff *skb);

/* Is any pod of the machine on a pair? */
static __always_inline bool shunt_veth_is_used(void)
{
	return static_branch_unlikely(&shunt_veth_used);
}

/**
 * shunt_veth_takes() - has a pod a pair that wants to deliver a packet itself?
 * @pod: the receiver
 * @skb: packet for it, scrubbed, its data at the network header; consumed if so
 *
 * Nobody pays for the question where there are no such pods.
 *
 * Context: RCU read side, any.
 */
static __always_inline bool shunt_veth_takes(struct shunt_pod *pod,
					     struct sk_buff *skb)
{
	return shunt_veth_is_used() && pod->veth &&
	       shunt_veth_receives(pod, skb);
}

#endif /* SHUNT_VETH_H */
