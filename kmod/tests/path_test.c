// SPDX-License-Identifier: GPL-2.0
#include "../path.c"

#include "nodes.h"
#include "suites.h"
#include "test.h"

#define LENGTHS 33

/* Of each length the prefix of one address: what was said, 0 if nothing. */
struct said {
	struct shunt_node *node;
	u8 action[LENGTHS];
};

static struct shunt_prefix prefix_of(__be32 v4, u32 len)
{
	struct shunt_addr addr = shunt_addr_v4(v4);
	struct shunt_prefix prefix = { .len = SHUNT_LPM_V4_LEN + len };

	ipv6_addr_prefix(&prefix.addr.v6, &addr.v6, prefix.len);
	return prefix;
}

static u8 longest(const struct said *said)
{
	int len;

	for (len = LENGTHS - 1; len >= 0; len--)
		if (said->action[len])
			return said->action[len];
	return SHUNT_PATH_ACTION_DIRECT;
}

static unsigned int count(const struct said *said, u8 action)
{
	unsigned int n = 0;
	int len;

	for (len = 0; len < LENGTHS; len++)
		n += said->action[len] == action;
	return n;
}

/* Routes are asked anew whenever something else is said, and only then. */
static void say(struct kunit *test, struct said *said, u32 len, u8 action)
{
	struct shunt_prefix prefix = prefix_of(htonl(0x0a010203), len);
	s64 before = atomic64_read(&said->node->generation);
	u8 old = said->action[len];
	int err;

	if (action)
		err = shunt_path_add(said->node, &prefix, action);
	else
		err = shunt_path_del(said->node, &prefix);
	KUNIT_EXPECT_EQ(test, err, !action && !old ? -ENOENT : 0);
	KUNIT_EXPECT_EQ(test, atomic64_read(&said->node->generation) != before,
			action != old);
	said->action[len] = action;
}

static void like_longest(struct kunit *test)
{
	static const u8 actions[] = {
		0, SHUNT_PATH_ACTION_DIRECT, SHUNT_PATH_ACTION_STACK,
	};
	struct shunt_addr addr = shunt_addr_v4(htonl(0x0a010203));
	struct shunt_test_nodes *nodes;
	struct shunt_node *node;
	struct said said = {};
	struct rnd_state rnd;
	u32 len;
	int i;

	prandom_seed_state(&rnd, shunt_test_seed());
	nodes = shunt_test_nodes_begin();
	KUNIT_ASSERT_NOT_NULL(test, nodes);
	node = &nodes->node;
	said.node = node;
	rtnl_lock();
	for (i = 0; i < 2000; i++) {
		len = shunt_test_random(&rnd, LENGTHS);
		say(test, &said, len,
		    actions[shunt_test_random(&rnd, ARRAY_SIZE(actions))]);
		KUNIT_EXPECT_EQ(test, node->stack_paths,
				count(&said, SHUNT_PATH_ACTION_STACK));
		KUNIT_EXPECT_EQ(test, list_count_nodes(&node->paths),
				LENGTHS - count(&said, 0));
		rcu_read_lock();
		KUNIT_EXPECT_EQ(test, shunt_path_is_stack(node, &addr),
				longest(&said) == SHUNT_PATH_ACTION_STACK);
		rcu_read_unlock();
	}
	rtnl_unlock();
	/* With whatever is left in it. */
	shunt_test_nodes_end(nodes);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(like_longest),
	{}
};

struct kunit_suite shunt_path_suite = {
	.name = "shunt-path",
	.test_cases = cases,
};
