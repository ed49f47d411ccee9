/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Node and pod devices: which is which, and their coming and going. See dev.c.
 */
#ifndef SHUNT_DEV_H
#define SHUNT_DEV_H

#include <linux/netdevice.h>

struct shunt_node;

bool shunt_dev_is_node(const struct net_device *dev);
bool shunt_dev_is_pod(const struct net_device *dev);
struct shunt_node *shunt_dev_find_node(struct net *net);
void shunt_dev_follow_mtu(struct net_device *dev, unsigned int mtu);
void shunt_dev_delete_pod(struct net_device *dev);
int shunt_dev_init(void);
void shunt_dev_exit(void);

#endif /* SHUNT_DEV_H */
