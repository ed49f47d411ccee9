/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHUNT_TX_H
#define SHUNT_TX_H

#include <linux/netdevice.h>
#include <net/neighbour.h>

netdev_tx_t shunt_tx_pod_xmit(struct sk_buff *skb, struct net_device *dev);
netdev_tx_t shunt_tx_node_xmit(struct sk_buff *skb, struct net_device *dev);
int shunt_tx_pod_neigh_construct(struct net_device *dev, struct neighbour *n);
int shunt_tx_node_neigh_construct(struct net_device *dev, struct neighbour *n);

#endif /* SHUNT_TX_H */
