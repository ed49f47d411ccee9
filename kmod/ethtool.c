// SPDX-License-Identifier: GPL-2.0
/*
 * ethtool -i, -k and -S. A node device shows the counters of the whole node, a
 * pod device its own and nobody else's.
 */
#include <linux/ethtool.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>

#include "dev.h"
#include "ethtool.h"
#include "shunt.h"

static void get_drvinfo(struct net_device *dev, struct ethtool_drvinfo *info)
{
	strscpy(info->driver, "shunt", sizeof(info->driver));
	strscpy(info->version, SHUNT_VERSION, sizeof(info->version));
	strscpy(info->bus_info, shunt_dev_is_node(dev) ? "node" : "pod",
		sizeof(info->bus_info));
}

static int get_sset_count(struct net_device *dev, int sset)
{
	return sset == ETH_SS_STATS ? SHUNT_STAT_COUNT : -EOPNOTSUPP;
}

static void get_strings(struct net_device *dev, u32 sset, u8 *data)
{
	static_assert(sizeof(shunt_stats_names[0]) == ETH_GSTRING_LEN);

	if (sset == ETH_SS_STATS)
		memcpy(data, shunt_stats_names, sizeof(shunt_stats_names));
}

static void get_ethtool_stats(struct net_device *dev,
			      struct ethtool_stats *stats, u64 *data)
{
	struct shunt_stats sum = {};
	struct shunt_pod *pod = netdev_priv(dev);

	if (shunt_dev_is_node(dev))
		shunt_stats_sum_node(&sum, netdev_priv(dev));
	else
		shunt_stats_sum(&sum, pod->stats);
	memcpy(data, sum.count, sizeof(sum.count));
}

const struct ethtool_ops shunt_ethtool_ops = {
	.get_drvinfo = get_drvinfo,
	.get_link = ethtool_op_get_link,
	.get_ts_info = ethtool_op_get_ts_info,
	.get_sset_count = get_sset_count,
	.get_strings = get_strings,
	.get_ethtool_stats = get_ethtool_stats,
};
