/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What "ethtool" shows of node and pod devices. See ethtool.c.
 */
#ifndef SHUNT_ETHTOOL_H
#define SHUNT_ETHTOOL_H

#include <linux/ethtool.h>

extern const struct ethtool_ops shunt_ethtool_ops;

#endif /* SHUNT_ETHTOOL_H */
