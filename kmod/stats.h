/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Per-CPU counters. Every device has the same set; Documentation/counters.rst
 * tells what each one counts. A counter that says why a packet was punted or
 * dropped is also the datapath's return code for it.
 */
#ifndef SHUNT_STATS_H
#define SHUNT_STATS_H

#include <linux/percpu.h>
#include <linux/types.h>

struct rtnl_link_stats64;
struct shunt_node;

/* In the order of the attributes of the set "stats", checked in stats.c. */
#define SHUNT_STATS(X) \
	X(RX_DIRECT, rx_direct) \
	X(RX_LOCAL, rx_local) \
	X(RX_STACK, rx_stack) \
	X(RX_BYTES, rx_bytes) \
	X(TX_DIRECT, tx_direct) \
	X(TX_LOCAL, tx_local) \
	X(TX_STACK, tx_stack) \
	X(TX_BYTES, tx_bytes) \
	X(PUNT_ROUTE, punt_route) \
	X(PUNT_DEVICE, punt_device) \
	X(PUNT_SOURCE, punt_source) \
	X(PUNT_XFRM, punt_xfrm) \
	X(PUNT_PATH, punt_path) \
	X(PUNT_FLOW, punt_flow) \
	X(PUNT_TTL, punt_ttl) \
	X(PUNT_MTU, punt_mtu) \
	X(PUNT_OPTIONS, punt_options) \
	X(PUNT_RECURSION, punt_recursion) \
	X(DROP_SPOOF, drop_spoof) \
	X(DROP_NONIP, drop_nonip) \
	X(DROP_ND, drop_nd) \
	X(DROP_MALFORMED, drop_malformed) \
	X(DROP_UNREACHABLE, drop_unreachable) \
	X(DROP_TOOBIG, drop_toobig) \
	X(DROP_DOWN, drop_down) \
	X(DROP_BACKLOG, drop_backlog) \
	X(DROP_NOMEM, drop_nomem) \
	X(FALLBACK_TAP, fallback_tap) \
	X(FALLBACK_TC, fallback_tc) \
	X(FALLBACK_NF, fallback_nf) \
	X(FALLBACK_QDISC, fallback_qdisc) \
	X(FALLBACK_PRIO, fallback_prio) \
	X(FALLBACK_GSO, fallback_gso) \
	X(ROUTE_MISS, route_miss) \
	X(ROUTE_UNCACHED, route_uncached) \
	X(ROUTE_EVICT, route_evict) \
	X(FLOW_NEW, flow_new) \
	X(FLOW_END, flow_end) \
	X(FLOW_FULL, flow_full)

/* Index of a counter. The last two count nothing: the packet takes the direct
 * path, or is the host's and none of ours.
 */
enum shunt_stat {
#define X(id, name) SHUNT_STAT_##id,
	SHUNT_STATS(X)
#undef X
	SHUNT_STAT_COUNT,
	SHUNT_DIRECT = SHUNT_STAT_COUNT,
	SHUNT_NOT_OURS,
};

/**
 * struct shunt_stats - the counters of one device on one CPU
 * @count: by &enum shunt_stat
 *
 * Written with this_cpu_add() alone, which needs neither preemption nor BH
 * disabled. On 32-bit machines a reader may meet half an update.
 */
struct shunt_stats {
	u64 count[SHUNT_STAT_COUNT];
};

extern const char shunt_stats_names[SHUNT_STAT_COUNT][32];

static inline void shunt_stats_inc(struct shunt_stats __percpu *stats,
				   enum shunt_stat stat)
{
	this_cpu_inc(stats->count[stat]);
}

static inline void shunt_stats_packet(struct shunt_stats __percpu *stats,
				      enum shunt_stat packets,
				      enum shunt_stat bytes, unsigned int len)
{
	this_cpu_inc(stats->count[packets]);
	this_cpu_add(stats->count[bytes], len);
}

/* Is the packet the stack's, and if so, is it a stray of a direct flow? */
static inline bool shunt_stat_is_punt(enum shunt_stat stat)
{
	return stat >= SHUNT_STAT_PUNT_ROUTE && stat < SHUNT_STAT_DROP_SPOOF;
}

static inline bool shunt_stat_is_exception(enum shunt_stat stat)
{
	return stat >= SHUNT_STAT_PUNT_TTL && stat < SHUNT_STAT_DROP_SPOOF;
}

void shunt_stats_sum(struct shunt_stats *sum,
		     const struct shunt_stats __percpu *stats);
void shunt_stats_sum_node(struct shunt_stats *sum,
			  const struct shunt_node *node);
void shunt_stats_link(struct rtnl_link_stats64 *link,
		      const struct shunt_stats __percpu *stats);

#endif /* SHUNT_STATS_H */
