// SPDX-License-Identifier: GPL-2.0
/*
 * Sums of the per-CPU counters, for netlink, ethtool and "ip -s link". Nobody
 * is stopped for them: a sum may miss what other CPUs count meanwhile.
 */
#include <linux/build_bug.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "shunt.h"
#include "stats.h"

#define X(id, name) \
	static_assert(SHUNT_STAT_##id == \
		      SHUNT_A_STATS_##id - SHUNT_A_STATS_RX_DIRECT);
SHUNT_STATS(X)
#undef X
static_assert(SHUNT_STAT_COUNT ==
	      SHUNT_A_STATS_MAX + 1 - SHUNT_A_STATS_RX_DIRECT);

/* Of the size that ethtool wants. */
const char shunt_stats_names[SHUNT_STAT_COUNT][32] = {
#define X(id, name) [SHUNT_STAT_##id] = #name,
	SHUNT_STATS(X)
#undef X
};

/**
 * shunt_stats_sum() - add up one device's counters
 * @sum: added to
 * @stats: of the device
 */
void shunt_stats_sum(struct shunt_stats *sum,
		     const struct shunt_stats __percpu *stats)
{
	int cpu, i;

	for_each_possible_cpu(cpu) {
		const struct shunt_stats *one = per_cpu_ptr(stats, cpu);

		for (i = 0; i < SHUNT_STAT_COUNT; i++)
			sum->count[i] += READ_ONCE(one->count[i]);
	}
}

/**
 * shunt_stats_sum_node() - add up the counters of a node and all its pods
 * @sum: added to
 * @node: the node
 *
 * What the node device itself received and sent is the other side of what the
 * pods sent to and received from the stack, and does not count twice.
 *
 * Context: RTNL.
 */
void shunt_stats_sum_node(struct shunt_stats *sum,
			  const struct shunt_node *node)
{
	struct shunt_stats own = {};
	const struct shunt_pod *pod;
	int i;

	ASSERT_RTNL();
	shunt_stats_sum(&own, node->stats);
	for (i = 0; i < SHUNT_STAT_COUNT; i++) {
		sum->count[i] += node->gone.count[i];
		if (i >= SHUNT_STAT_PUNT_ROUTE)
			sum->count[i] += own.count[i];
	}
	list_for_each_entry(pod, &node->pods, list)
		shunt_stats_sum(sum, pod->stats);
}

/**
 * shunt_stats_link() - the counters in the words of "ip -s link"
 * @link: filled in
 * @stats: of the device
 */
void shunt_stats_link(struct rtnl_link_stats64 *link,
		      const struct shunt_stats __percpu *stats)
{
	struct shunt_stats sum = {};
	const u64 *count = sum.count;
	int i;

	shunt_stats_sum(&sum, stats);
	for (i = SHUNT_STAT_DROP_SPOOF; i <= SHUNT_STAT_DROP_NOMEM; i++)
		link->tx_dropped += count[i];
	/* Met by the receiving device. */
	link->rx_dropped = count[SHUNT_STAT_DROP_BACKLOG];
	link->tx_dropped -= count[SHUNT_STAT_DROP_BACKLOG];
	link->rx_packets = count[SHUNT_STAT_RX_DIRECT] +
			   count[SHUNT_STAT_RX_LOCAL] +
			   count[SHUNT_STAT_RX_STACK];
	link->rx_bytes = count[SHUNT_STAT_RX_BYTES];
	link->tx_packets = count[SHUNT_STAT_TX_DIRECT] +
			   count[SHUNT_STAT_TX_LOCAL] +
			   count[SHUNT_STAT_TX_STACK];
	link->tx_bytes = count[SHUNT_STAT_TX_BYTES];
}
