/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Packets that arrive on uplinks. See rx.c.
 */
#ifndef SHUNT_RX_H
#define SHUNT_RX_H

#include <linux/netdevice.h>

rx_handler_result_t shunt_rx_handle(struct sk_buff **pskb);

#endif /* SHUNT_RX_H */
