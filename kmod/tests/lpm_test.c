// SPDX-License-Identifier: GPL-2.0
#include "../lpm.c"

#include "suites.h"
#include "test.h"

#define MANY 400

/* A set, and the same without any order, which is asked one by one. */
struct sets {
	struct shunt_lpm *lpm;
	struct shunt_prefix prefix[MANY];
	bool used[MANY];
};

static bool matches(const struct shunt_prefix *prefix,
		    const struct shunt_addr *addr)
{
	if (shunt_addr_is_v4(addr) && prefix->len < SHUNT_LPM_V4_LEN)
		return false;
	return ipv6_prefix_equal(&prefix->addr.v6, &addr->v6, prefix->len);
}

static struct shunt_prefix *longest(struct sets *sets,
				    const struct shunt_addr *addr)
{
	struct shunt_prefix *best = NULL;
	int i;

	for (i = 0; i < MANY; i++)
		if (sets->used[i] && matches(&sets->prefix[i], addr) &&
		    (!best || best->len < sets->prefix[i].len))
			best = &sets->prefix[i];
	return best;
}

/* Addresses that have much in common, of both families, on and beside each
 * boundary of a word.
 */
static struct shunt_addr random_addr(struct rnd_state *rnd)
{
	struct shunt_addr addr = { .v6.s6_addr32[0] = htonl(0xfd000000) };

	if (shunt_test_random(rnd, 2))
		addr = shunt_addr_v4(htonl(0x0a000000));
	addr.v6.s6_addr32[3] ^= htonl(shunt_test_random(rnd, 4) |
				      shunt_test_random(rnd, 2) << 31);
	if (!shunt_addr_is_v4(&addr))
		addr.v6.s6_addr32[1 + shunt_test_random(rnd, 2)] =
			htonl(shunt_test_random(rnd, 2) << 31 |
			      shunt_test_random(rnd, 2));
	return addr;
}

static u32 random_len(struct rnd_state *rnd, const struct shunt_addr *addr)
{
	u32 least = shunt_addr_is_v4(addr) ? SHUNT_LPM_V4_LEN : 0;
	u32 len = least + shunt_test_random(rnd, SHUNT_LPM_MAX_LEN + 1 - least);

	if (shunt_test_random(rnd, 2))
		return len;
	return clamp(round_up(len, 32) - 1 + shunt_test_random(rnd, 3), least,
		     (u32)SHUNT_LPM_MAX_LEN);
}

static void fill(struct shunt_prefix *prefix, const struct shunt_addr *addr,
		 u32 len)
{
	memset(prefix, 0, sizeof(*prefix));
	ipv6_addr_prefix(&prefix->addr.v6, &addr->v6, len);
	prefix->len = len;
}

static bool has(struct sets *sets, const struct shunt_addr *addr, u32 len)
{
	struct shunt_prefix key;
	int i;

	fill(&key, addr, len);
	for (i = 0; i < MANY; i++)
		if (sets->used[i] && sets->prefix[i].len == len &&
		    ipv6_addr_equal(&sets->prefix[i].addr.v6, &key.addr.v6))
			return true;
	return false;
}

static void add_or_del(struct kunit *test, struct sets *sets,
		       struct rnd_state *rnd)
{
	int i = shunt_test_random(rnd, MANY);
	struct shunt_addr addr = random_addr(rnd);
	u32 len = random_len(rnd, &addr);
	bool exists;

	if (sets->used[i]) {
		shunt_lpm_del(sets->lpm, &sets->prefix[i]);
		sets->used[i] = false;
		return;
	}
	exists = has(sets, &addr, len);
	KUNIT_EXPECT_EQ(test, !!shunt_lpm_find(sets->lpm, &addr, len), exists);
	/* Its readers are gone: nobody but this looks. */
	fill(&sets->prefix[i], &addr, len);
	KUNIT_EXPECT_EQ(test, shunt_lpm_add(sets->lpm, &sets->prefix[i]),
			exists ? -EEXIST : 0);
	sets->used[i] = !exists;
}

static void like_one_by_one(struct kunit *test)
{
	struct shunt_addr addr;
	struct rnd_state rnd;
	struct sets *sets;
	int i;

	prandom_seed_state(&rnd, shunt_test_seed());
	sets = kunit_kzalloc(test, sizeof(*sets), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, sets);
	sets->lpm = shunt_lpm_alloc();
	KUNIT_ASSERT_NOT_NULL(test, sets->lpm);
	rtnl_lock();
	rcu_read_lock();
	for (i = 0; i < 5000; i++) {
		add_or_del(test, sets, &rnd);
		addr = random_addr(&rnd);
		KUNIT_EXPECT_PTR_EQ(test, shunt_lpm_lookup(sets->lpm, &addr),
				    longest(sets, &addr));
	}
	rcu_read_unlock();
	for (i = 0; i < MANY; i++)
		if (sets->used[i])
			shunt_lpm_del(sets->lpm, &sets->prefix[i]);
	KUNIT_EXPECT_TRUE(test, bitmap_empty(sets->lpm->lengths,
					     SHUNT_LPM_MAX_LEN + 1));
	rtnl_unlock();
	shunt_lpm_free(sets->lpm);
}

/* Everything of a family, and no other's. */
static void whole_families(struct kunit *test)
{
	struct shunt_addr v4 = shunt_addr_v4(htonl(0x0a000001));
	struct shunt_addr v6 = { .v6.s6_addr32[0] = htonl(0xfd000000) };
	struct shunt_prefix all_v4, all_v6;
	struct shunt_lpm *lpm;

	lpm = shunt_lpm_alloc();
	KUNIT_ASSERT_NOT_NULL(test, lpm);
	fill(&all_v4, &v4, SHUNT_LPM_V4_LEN);
	fill(&all_v6, &v6, 0);
	rtnl_lock();
	rcu_read_lock();
	KUNIT_EXPECT_NULL(test, shunt_lpm_lookup(lpm, &v4));
	KUNIT_EXPECT_EQ(test, shunt_lpm_add(lpm, &all_v6), 0);
	KUNIT_EXPECT_NULL(test, shunt_lpm_lookup(lpm, &v4));
	KUNIT_EXPECT_PTR_EQ(test, shunt_lpm_lookup(lpm, &v6), &all_v6);
	KUNIT_EXPECT_EQ(test, shunt_lpm_add(lpm, &all_v4), 0);
	KUNIT_EXPECT_PTR_EQ(test, shunt_lpm_lookup(lpm, &v4), &all_v4);
	KUNIT_EXPECT_PTR_EQ(test, shunt_lpm_lookup(lpm, &v6), &all_v6);
	shunt_lpm_del(lpm, &all_v6);
	KUNIT_EXPECT_NULL(test, shunt_lpm_lookup(lpm, &v6));
	shunt_lpm_del(lpm, &all_v4);
	rcu_read_unlock();
	rtnl_unlock();
	shunt_lpm_free(lpm);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(like_one_by_one),
	KUNIT_CASE(whole_families),
	{}
};

struct kunit_suite shunt_lpm_suite = {
	.name = "shunt-lpm",
	.test_cases = cases,
};
