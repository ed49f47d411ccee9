// SPDX-License-Identifier: GPL-2.0
#include "../route.c"

#include "nodes.h"
#include "suites.h"
#include "test.h"

/* DSCP is asked for, congestion marks and flow labels are not. */
static void tags(struct kunit *test)
{
	struct ipv6hdr ip6h = { .version = 6 };
	struct iphdr iph = {};
	u64 v4, v6;
	int tos;

	for (tos = 0; tos < 256; tos++) {
		iph.tos = tos & ~INET_ECN_MASK;
		v4 = shunt_route_tag_v4(1, &iph);
		*(__be32 *)&ip6h = htonl(0x60000000 | (tos & 0xfc) << 20);
		v6 = shunt_route_tag_v6(1, &ip6h);
		KUNIT_EXPECT_TRUE(test, v4 != v6);

		iph.tos = tos;
		KUNIT_EXPECT_TRUE(test, shunt_route_tag_v4(1, &iph) == v4);
		KUNIT_EXPECT_TRUE(test, shunt_route_tag_v4(2, &iph) != v4);
		iph.tos ^= 4;
		KUNIT_EXPECT_TRUE(test, shunt_route_tag_v4(1, &iph) != v4);

		*(__be32 *)&ip6h = htonl(0x600abcde | tos << 20);
		KUNIT_EXPECT_TRUE(test, shunt_route_tag_v6(1, &ip6h) == v6);
		KUNIT_EXPECT_TRUE(test, shunt_route_tag_v6(2, &ip6h) != v6);
		*(__be32 *)&ip6h ^= htonl(4 << 20);
		KUNIT_EXPECT_TRUE(test, shunt_route_tag_v6(1, &ip6h) != v6);
	}
}

/* A node that keeps answers, all of them the machine's own loopback route. */
struct asked {
	struct shunt_test_nodes *nodes;
	struct shunt_entry entry;
	struct shunt_route route;
	struct sk_buff *skb;
};

static bool asked_begin(struct asked *asked)
{
	struct flowi4 fl4 = { .daddr = htonl(INADDR_LOOPBACK) };
	struct rtable *rt;
	struct iphdr *iph;

	asked->nodes = shunt_test_nodes_begin();
	asked->skb = alloc_skb(256, GFP_KERNEL);
	rt = ip_route_output_key(&init_net, &fl4);
	if (!asked->nodes || !asked->skb || IS_ERR(rt))
		return false;
	asked->entry = (struct shunt_entry){
		.iif = init_net.loopback_dev,
		.pod = &asked->nodes->pod[0],
	};
	asked->route = (struct shunt_route){
		.entry = &asked->entry,
		.dst = &rt->dst,
	};
	iph = skb_put_zero(asked->skb, 100);
	*iph = (struct iphdr){ .version = 4, .ihl = 5, .ttl = 64 };
	skb_reset_network_header(asked->skb);
	asked->skb->protocol = htons(ETH_P_IP);
	return true;
}

static void asked_end(struct asked *asked)
{
	shunt_test_nodes_end(asked->nodes);
	kfree_skb(asked->skb);
	dst_release(asked->route.dst);
}

/* As ask_v4() leaves it. */
static void keep(struct asked *asked, u32 from, u32 to)
{
	struct shunt_node *node = &asked->nodes->node;
	struct iphdr *iph = ip_hdr(asked->skb);

	iph->saddr = htonl(from);
	iph->daddr = htonl(to);
	asked->route.addr[0] = shunt_route_word_v4(iph);
	asked->route.tag = shunt_route_tag_v4(0, iph);
	asked->route.generation = atomic64_read(&node->generation);
	asked->route.update_priority =
		READ_ONCE(init_net.ipv4.sysctl_ip_fwd_update_priority);
	rcu_read_lock();
	asked->route.rp_filter = shunt_route_rp_filter(node, &asked->entry,
						       asked->skb, true);
	route_keep(node, &asked->route, asked->skb);
	rcu_read_unlock();
}

static bool is_kept(struct asked *asked, u32 from, u32 to)
{
	struct iphdr *iph = ip_hdr(asked->skb);
	const struct shunt_route *route;

	iph->saddr = htonl(from);
	iph->daddr = htonl(to);
	rcu_read_lock();
	route = shunt_route_find(&asked->nodes->node, &asked->entry,
				 asked->skb, true);
	rcu_read_unlock();
	return route;
}

static u64 evictions(struct asked *asked)
{
	struct shunt_stats sum = {};

	shunt_stats_sum(&sum, asked->nodes->node.stats);
	return sum.count[SHUNT_STAT_ROUTE_EVICT];
}

/* Each of what makes the question, and of what the answer hangs on. */
static void holds(struct kunit *test)
{
	struct shunt_entry other = { .iif = init_net.loopback_dev };
	struct asked asked;
	struct iphdr *iph;

	KUNIT_ASSERT_TRUE(test, asked_begin(&asked));
	iph = ip_hdr(asked.skb);
	KUNIT_EXPECT_FALSE(test, is_kept(&asked, 1, 2));
	keep(&asked, 1, 2);
	KUNIT_EXPECT_TRUE(test, is_kept(&asked, 1, 2));
	KUNIT_EXPECT_FALSE(test, is_kept(&asked, 2, 1));
	KUNIT_EXPECT_FALSE(test, is_kept(&asked, 1, 3));
	KUNIT_EXPECT_FALSE(test, is_kept(&asked, 3, 2));
	iph->tos = 3;
	KUNIT_EXPECT_TRUE(test, is_kept(&asked, 1, 2));
	iph->tos = 4;
	KUNIT_EXPECT_FALSE(test, is_kept(&asked, 1, 2));
	iph->tos = 0;
	iph->ttl = 1;
	KUNIT_EXPECT_FALSE(test, is_kept(&asked, 1, 2));
	iph->ttl = 64;
	/* What the pod's stack marks is not asked. */
	asked.skb->mark = 1;
	KUNIT_EXPECT_TRUE(test, is_kept(&asked, 1, 2));
	rcu_read_lock();
	KUNIT_EXPECT_NULL(test, shunt_route_find(&asked.nodes->node, &other,
						 asked.skb, true));
	KUNIT_EXPECT_NULL(test, shunt_route_find(&asked.nodes->node,
						 &asked.entry, asked.skb,
						 false));
	rcu_read_unlock();
	shunt_route_invalidate(&asked.nodes->node);
	KUNIT_EXPECT_FALSE(test, is_kept(&asked, 1, 2));
	keep(&asked, 1, 2);
	KUNIT_EXPECT_TRUE(test, is_kept(&asked, 1, 2));
	rtnl_lock();
	shunt_route_flush(&asked.nodes->node);
	rtnl_unlock();
	KUNIT_EXPECT_FALSE(test, is_kept(&asked, 1, 2));
	asked_end(&asked);
}

/* Whoever takes the place of a valid answer to another question counts. */
static void pushed_out(struct kunit *test)
{
	struct shunt_node *node;
	struct asked asked;
	u32 to;

	KUNIT_ASSERT_TRUE(test, asked_begin(&asked));
	node = &asked.nodes->node;
	keep(&asked, 1, 1);
	keep(&asked, 1, 1);
	KUNIT_EXPECT_TRUE(test, evictions(&asked) == 0);
	for (to = 2; is_kept(&asked, 1, 1); to++)
		keep(&asked, 1, to);
	KUNIT_EXPECT_TRUE(test, evictions(&asked) > 0);
	KUNIT_EXPECT_TRUE(test, is_kept(&asked, 1, to - 1));
	to = evictions(&asked);
	shunt_route_invalidate(node);
	keep(&asked, 1, 1);
	KUNIT_EXPECT_TRUE(test, evictions(&asked) == to);
	asked_end(&asked);
}

static unsigned int bits(const struct shunt_node *node)
{
	return 64 - rcu_access_pointer(node->cache)->shift;
}

/* It grows while answers push each other out. */
static void grows(struct kunit *test)
{
	struct rnd_state rnd;
	struct shunt_node *node;
	unsigned int before;
	struct asked asked;
	int i;

	prandom_seed_state(&rnd, shunt_test_seed());
	KUNIT_ASSERT_TRUE(test, asked_begin(&asked));
	node = &asked.nodes->node;
	KUNIT_EXPECT_EQ(test, bits(node), CACHE_MIN_BITS);
	for (before = bits(node); before < 11; before++) {
		for (i = 0; i < 4 << before && bits(node) == before; i++) {
			keep(&asked, prandom_u32_state(&rnd),
			     prandom_u32_state(&rnd));
			if (work_pending(&node->grow))
				flush_work(&node->grow);
		}
		flush_work(&node->grow);
		KUNIT_EXPECT_EQ(test, bits(node), before + 1);
	}
	keep(&asked, 1, 2);
	KUNIT_EXPECT_TRUE(test, is_kept(&asked, 1, 2));
	asked_end(&asked);
}

/* The last answer that is pushed out before the cache asks for more room. */
static void push_last(struct asked *asked, struct rnd_state *rnd)
{
	struct shunt_node *node = &asked->nodes->node;
	u64 before = evictions(asked);
	struct shunt_cache *cache;

	cache = rcu_dereference_protected(node->cache, 1);
	atomic_set(&cache->evictions, (1 << bits(node)) - 1);
	while (evictions(asked) == before)
		keep(asked, prandom_u32_state(rnd), prandom_u32_state(rnd));
	flush_work(&node->grow);
}

/* Whatever a pod asks for, there is an end to it. */
static void limit(struct kunit *test)
{
	struct rnd_state rnd;
	struct shunt_node *node;
	struct asked asked;
	unsigned int n;

	prandom_seed_state(&rnd, shunt_test_seed());
	KUNIT_ASSERT_TRUE(test, asked_begin(&asked));
	node = &asked.nodes->node;
	for (n = CACHE_MIN_BITS; n < CACHE_MAX_BITS; n++) {
		push_last(&asked, &rnd);
		KUNIT_EXPECT_EQ(test, bits(node), n + 1);
	}
	for (n = 0; n < 3; n++)
		push_last(&asked, &rnd);
	KUNIT_EXPECT_EQ(test, bits(node), CACHE_MAX_BITS);
	asked_end(&asked);
}

/* Pods and remotes have neighbouring addresses, too: of as many as there are
 * slots, most have one of their own, in both directions.
 */
static void spread(struct kunit *test)
{
	const struct shunt_node *node;
	unsigned int n, kept = 0;
	struct asked asked;

	KUNIT_ASSERT_TRUE(test, asked_begin(&asked));
	node = &asked.nodes->node;
	for (n = 0; n < 64; n++) {
		keep(&asked, 0x0af40000 + n, 0x0af50001);
		keep(&asked, 0x0af50001, 0x0af40000 + n);
	}
	for (n = 0; n < 64; n++) {
		kept += is_kept(&asked, 0x0af40000 + n, 0x0af50001);
		kept += is_kept(&asked, 0x0af50001, 0x0af40000 + n);
	}
	KUNIT_EXPECT_EQ(test, bits(node), CACHE_MIN_BITS);
	KUNIT_EXPECT_LE(test, 96, kept);
	asked_end(&asked);
}

static unsigned int slot_v6(struct ipv6hdr *ip6h, u32 from, u32 to)
{
	ip6h->saddr.s6_addr32[0] = htonl(0xfd000000);
	ip6h->saddr.s6_addr32[3] = htonl(from);
	ip6h->daddr.s6_addr32[0] = htonl(0xfd000000);
	ip6h->daddr.s6_addr32[3] = htonl(to);
	return shunt_route_word_v6(shunt_route_part_v6(ip6h, 0),
				   shunt_route_part_v6(ip6h, 1),
				   shunt_route_part_v6(ip6h, 2),
				   shunt_route_part_v6(ip6h, 3)) *
	       GOLDEN_RATIO_64 >> (64 - CACHE_MIN_BITS);
}

static void spread_v6(struct kunit *test)
{
	DECLARE_BITMAP(used, 1 << CACHE_MIN_BITS) = {};
	struct ipv6hdr ip6h = {};
	unsigned int n;

	for (n = 0; n < 64; n++) {
		__set_bit(slot_v6(&ip6h, n, 0x10001), used);
		__set_bit(slot_v6(&ip6h, 0x10001, n), used);
	}
	KUNIT_EXPECT_LE(test, 80, bitmap_weight(used, 1 << CACHE_MIN_BITS));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(tags),
	KUNIT_CASE(holds),
	KUNIT_CASE(pushed_out),
	KUNIT_CASE(grows),
	KUNIT_CASE(limit),
	KUNIT_CASE(spread),
	KUNIT_CASE(spread_v6),
	{}
};

struct kunit_suite shunt_route_suite = {
	.name = "shunt-route",
	.test_cases = cases,
};
