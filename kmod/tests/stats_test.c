// SPDX-License-Identifier: GPL-2.0
#include "../stats.c"

#include "suites.h"
#include "test.h"

static bool begins(enum shunt_stat stat, const char *word)
{
	return !strncmp(shunt_stats_names[stat], word, strlen(word));
}

/* Names tell what a counter is, and the datapath's questions must agree. */
static void kinds(struct kunit *test)
{
	int i, n, prefix;

	for (i = 0; i < SHUNT_STAT_COUNT; i++) {
		KUNIT_EXPECT_EQ_MSG(test, shunt_stat_is_punt(i),
				    begins(i, "punt_"), "%s",
				    shunt_stats_names[i]);
		prefix = begins(i, "drop_") ? 1 : 0;
		n = i >= SHUNT_STAT_DROP_SPOOF && i <= SHUNT_STAT_DROP_NOMEM;
		KUNIT_EXPECT_EQ_MSG(test, n, prefix, "%s",
				    shunt_stats_names[i]);
		if (shunt_stat_is_exception(i))
			KUNIT_EXPECT_TRUE(test, shunt_stat_is_punt(i));
	}
	KUNIT_EXPECT_FALSE(test, shunt_stat_is_punt(SHUNT_DIRECT));
	KUNIT_EXPECT_FALSE(test, shunt_stat_is_punt(SHUNT_NOT_OURS));
	/* Sources and paths are of a whole flow, these of one packet. */
	KUNIT_EXPECT_FALSE(test, shunt_stat_is_exception(SHUNT_STAT_PUNT_FLOW));
	KUNIT_EXPECT_TRUE(test, shunt_stat_is_exception(SHUNT_STAT_PUNT_TTL));
	KUNIT_EXPECT_TRUE(test, shunt_stat_is_exception(SHUNT_STAT_PUNT_MTU));
}

/* Each counter of each CPU has a number of its own. */
static void number(struct shunt_stats __percpu *stats, u64 base)
{
	int cpu, i;

	for_each_possible_cpu(cpu)
		for (i = 0; i < SHUNT_STAT_COUNT; i++)
			per_cpu_ptr(stats, cpu)->count[i] =
				base + ((u64)cpu << 40) + (1ULL << i % 32);
}

static u64 sum_of(int i, u64 base)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += base + ((u64)cpu << 40) + (1ULL << i % 32);
	return sum;
}

static void sums(struct kunit *test)
{
	struct shunt_stats __percpu *stats;
	struct shunt_stats sum;
	int i;

	stats = alloc_percpu(struct shunt_stats);
	KUNIT_ASSERT_NOT_NULL(test, stats);
	number(stats, 0);
	memset(&sum, 0, sizeof(sum));
	sum.count[3] = 5;
	shunt_stats_sum(&sum, stats);
	for (i = 0; i < SHUNT_STAT_COUNT; i++)
		KUNIT_EXPECT_TRUE(test, sum.count[i] ==
				  sum_of(i, 0) + (i == 3 ? 5 : 0));
	free_percpu(stats);
}

/* A node's own packets are the other side of its pods', its reasons are not. */
static void node_sums(struct kunit *test)
{
	struct shunt_stats __percpu *of_node, *of_pod;
	struct shunt_node *node;
	struct shunt_pod *pod;
	struct shunt_stats sum = {};
	int i;

	node = kunit_kzalloc(test, sizeof(*node), GFP_KERNEL);
	pod = kunit_kzalloc(test, sizeof(*pod), GFP_KERNEL);
	of_node = alloc_percpu(struct shunt_stats);
	of_pod = alloc_percpu(struct shunt_stats);
	KUNIT_ASSERT_TRUE(test, node && pod && of_node && of_pod);
	number(of_node, 1000);
	number(of_pod, 5000000);
	node->stats = of_node;
	pod->stats = of_pod;
	INIT_LIST_HEAD(&node->pods);
	list_add(&pod->list, &node->pods);
	for (i = 0; i < SHUNT_STAT_COUNT; i++)
		node->gone.count[i] = i;
	rtnl_lock();
	shunt_stats_sum_node(&sum, node);
	rtnl_unlock();
	for (i = 0; i < SHUNT_STAT_COUNT; i++)
		KUNIT_EXPECT_TRUE(test, sum.count[i] == sum_of(i, 5000000) + i +
				  (begins(i, "rx_") || begins(i, "tx_") ?
				   0 : sum_of(i, 1000)));
	free_percpu(of_node);
	free_percpu(of_pod);
}

/* No packet that was dropped is counted twice, and none is missed. */
static void link_counters(struct kunit *test)
{
	struct shunt_stats __percpu *stats;
	struct rtnl_link_stats64 link = {};
	u64 dropped = 0;
	int i;

	stats = alloc_percpu(struct shunt_stats);
	KUNIT_ASSERT_NOT_NULL(test, stats);
	number(stats, 0);
	shunt_stats_link(&link, stats);
	for (i = 0; i < SHUNT_STAT_COUNT; i++)
		if (begins(i, "drop_"))
			dropped += sum_of(i, 0);
	KUNIT_EXPECT_TRUE(test, link.tx_dropped + link.rx_dropped == dropped);
	KUNIT_EXPECT_TRUE(test, link.rx_dropped ==
				sum_of(SHUNT_STAT_DROP_BACKLOG, 0));
	KUNIT_EXPECT_TRUE(test, link.rx_packets ==
				sum_of(SHUNT_STAT_RX_DIRECT, 0) +
				sum_of(SHUNT_STAT_RX_LOCAL, 0) +
				sum_of(SHUNT_STAT_RX_STACK, 0));
	KUNIT_EXPECT_TRUE(test, link.tx_packets ==
				sum_of(SHUNT_STAT_TX_DIRECT, 0) +
				sum_of(SHUNT_STAT_TX_LOCAL, 0) +
				sum_of(SHUNT_STAT_TX_STACK, 0));
	KUNIT_EXPECT_TRUE(test, link.rx_bytes ==
				sum_of(SHUNT_STAT_RX_BYTES, 0));
	KUNIT_EXPECT_TRUE(test, link.tx_bytes ==
				sum_of(SHUNT_STAT_TX_BYTES, 0));
	free_percpu(stats);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(kinds),
	KUNIT_CASE(sums),
	KUNIT_CASE(node_sums),
	KUNIT_CASE(link_counters),
	{}
};

struct kunit_suite shunt_stats_suite = {
	.name = "shunt-stats",
	.test_cases = cases,
};
