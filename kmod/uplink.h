/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Devices of the node by which packets come and go. See uplink.c.
 */
#ifndef SHUNT_UPLINK_H
#define SHUNT_UPLINK_H

#include <linux/netdevice.h>

struct netlink_ext_ack;
struct shunt_node;
struct shunt_uplink;

struct shunt_uplink *shunt_uplink_lookup(const struct net_device *dev);
struct shunt_node *shunt_uplink_node(const struct net_device *dev);
int shunt_uplink_add(struct shunt_node *node, struct net_device *dev,
		     struct netlink_ext_ack *extack);
void shunt_uplink_del(struct shunt_uplink *uplink);
void shunt_uplink_follow(struct shunt_node *node);
void shunt_uplink_follow_pod(struct shunt_node *node, struct shunt_pod *pod);
void shunt_uplink_event(struct net_device *dev, unsigned long event);

#endif /* SHUNT_UPLINK_H */
