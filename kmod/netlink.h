/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The generic netlink family "shunt". See netlink.c.
 */
#ifndef SHUNT_NETLINK_H
#define SHUNT_NETLINK_H

int shunt_netlink_init(void);
void shunt_netlink_exit(void);

#endif /* SHUNT_NETLINK_H */
