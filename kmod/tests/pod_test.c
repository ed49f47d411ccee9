// SPDX-License-Identifier: GPL-2.0
#include "../pod.c"

#include "nodes.h"
#include "suites.h"
#include "test.h"

typedef int (*change_fn)(struct shunt_pod *pod, const struct nlattr *nla,
			 struct netlink_ext_ack *extack);

static int change(struct shunt_test_nodes *nodes, int pod, change_fn fn,
		  const struct shunt_addr *addr)
{
	struct { struct nlattr nla; struct in6_addr v6; } attr = {
		.nla.nla_len = nla_attr_size(sizeof(attr.v6)),
		.v6 = addr->v6,
	};
	int err;

	memset(&nodes->extack, 0, sizeof(nodes->extack));
	rtnl_lock();
	err = fn(&nodes->pod[pod], &attr.nla, &nodes->extack);
	rtnl_unlock();
	return err;
}

static int add(struct shunt_test_nodes *nodes, int pod,
	       const struct shunt_addr *addr)
{
	return change(nodes, pod, shunt_pod_addr_add, addr);
}

static int del(struct shunt_test_nodes *nodes, int pod,
	       const struct shunt_addr *addr)
{
	return change(nodes, pod, shunt_pod_addr_del, addr);
}

static struct shunt_pod *lookup(struct shunt_test_nodes *nodes,
				const struct shunt_addr *addr)
{
	struct shunt_pod *pod;

	rcu_read_lock();
	pod = shunt_pod_lookup(&nodes->node, addr);
	/* What has an address must pass the filter. */
	if (pod && !shunt_pod_filter_test(nodes->node.pod_filter,
					  shunt_addr_hash(addr)))
		pod = ERR_PTR(-ENOENT);
	rcu_read_unlock();
	return pod;
}

/* Which pod has each of some addresses, against an array. */
#define ADDRS 100

static struct shunt_addr nth(int n)
{
	struct shunt_addr v6 = {
		.v6.s6_addr32 = { htonl(0xfd000000), 0, 0, htonl(n) },
	};

	return n & 1 ? shunt_addr_v4(htonl(0x0a000000 + n)) : v6;
}

static void like_an_array(struct kunit *test)
{
	int i, n, pod, err, owner[ADDRS];
	struct shunt_addr addr;
	struct rnd_state rnd;
	struct shunt_test_nodes *nodes;
	s64 before;

	prandom_seed_state(&rnd, shunt_test_seed());
	nodes = shunt_test_nodes_begin();
	KUNIT_ASSERT_NOT_NULL(test, nodes);
	memset(owner, 0xff, sizeof(owner));
	for (i = 0; i < 3000; i++) {
		n = shunt_test_random(&rnd, ADDRS);
		pod = shunt_test_random(&rnd, ARRAY_SIZE(nodes->pod));
		addr = nth(n);
		before = atomic64_read(&nodes->node.generation);
		if (shunt_test_random(&rnd, 3)) {
			err = add(nodes, pod, &addr);
			KUNIT_EXPECT_EQ(test, err,
					owner[n] < 0 ? 0 : -EADDRINUSE);
			if (!err)
				owner[n] = pod;
		} else {
			err = del(nodes, pod, &addr);
			KUNIT_EXPECT_EQ(test, err, owner[n] == pod ?
					0 : -EADDRNOTAVAIL);
			if (!err)
				owner[n] = -1;
		}
		/* Who is refused is told why, and of which attribute. */
		KUNIT_EXPECT_EQ(test, !!nodes->extack._msg, !!err);
		KUNIT_EXPECT_EQ(test, !!nodes->extack.bad_attr, !!err);
		KUNIT_EXPECT_EQ(test, atomic64_read(&nodes->node.generation) !=
				before, !err);
		KUNIT_EXPECT_PTR_EQ(test, lookup(nodes, &addr), owner[n] < 0 ?
				    NULL : &nodes->pod[owner[n]]);
	}
	shunt_test_nodes_end(nodes);
}

/* Nothing is left of a pod that has gone, and nobody else loses anything. */
static void leave(struct kunit *test)
{
	struct shunt_addr addr;
	struct shunt_test_nodes *nodes;
	int n;

	nodes = shunt_test_nodes_begin();
	KUNIT_ASSERT_NOT_NULL(test, nodes);
	for (n = 0; n < 40; n++) {
		addr = nth(n);
		KUNIT_EXPECT_EQ(test, add(nodes, n % 2, &addr), 0);
	}
	rtnl_lock();
	shunt_pod_leave(&nodes->pod[1]);
	rtnl_unlock();
	for (n = 0; n < 40; n++) {
		addr = nth(n);
		KUNIT_EXPECT_PTR_EQ(test, lookup(nodes, &addr),
				    n % 2 ? NULL : &nodes->pod[0]);
	}
	KUNIT_EXPECT_EQ(test, list_count_nodes(&nodes->node.pods),
			ARRAY_SIZE(nodes->pod) - 1);
	shunt_test_nodes_end(nodes);
}

static void usable(struct kunit *test)
{
	static const struct { u32 v4; bool ok; } of_v4[] = {
		/* The kernel has taken the rest of 0.0.0.0/8 for unicast since
		 * 5.3.
		 */
		{ 0x00000000, false }, { 0x00000001, true },
		{ 0x01000000, true }, { 0x7effffff, true },
		{ 0x7f000001, false }, { 0x80000000, true },
		{ 0xa9fdffff, true }, { 0xa9fe0000, false },
		{ 0xa9feffff, false }, { 0xa9ff0000, true },
		{ 0xdfffffff, true }, { 0xe0000000, false },
		{ 0xefffffff, false }, { 0xffffffff, false },
	};
	static const struct { u32 first, last; bool ok; } of_v6[] = {
		{ 0, 0, false }, { 0, 1, false }, { 0x20010db8, 1, true },
		{ 0xfd000000, 1, true }, { 0xfe800000, 1, false },
		{ 0xfebfffff, 1, false }, { 0xff020000, 1, false },
	};
	struct shunt_addr addr;
	struct shunt_test_nodes *nodes;
	int i;

	nodes = shunt_test_nodes_begin();
	KUNIT_ASSERT_NOT_NULL(test, nodes);
	for (i = 0; i < ARRAY_SIZE(of_v4); i++) {
		addr = shunt_addr_v4(htonl(of_v4[i].v4));
		KUNIT_EXPECT_EQ_MSG(test, add(nodes, 0, &addr), of_v4[i].ok ?
				    0 : -EADDRNOTAVAIL, "%#x", of_v4[i].v4);
	}
	for (i = 0; i < ARRAY_SIZE(of_v6); i++) {
		addr.v6 = (struct in6_addr){ .s6_addr32 = {
			htonl(of_v6[i].first), 0, 0, htonl(of_v6[i].last) } };
		KUNIT_EXPECT_EQ_MSG(test, add(nodes, 0, &addr), of_v6[i].ok ?
				    0 : -EADDRNOTAVAIL, "%#x::%u",
				    of_v6[i].first, of_v6[i].last);
	}
	shunt_test_nodes_end(nodes);
}

/* All fit into one message. */
static void as_many_as(struct kunit *test)
{
	struct shunt_addr addr;
	struct shunt_test_nodes *nodes;
	int n, err = 0;

	nodes = shunt_test_nodes_begin();
	KUNIT_ASSERT_NOT_NULL(test, nodes);
	for (n = 0; !err; n++) {
		addr = nth(n);
		err = add(nodes, 0, &addr);
	}
	KUNIT_EXPECT_EQ(test, err, -ENOSPC);
	KUNIT_EXPECT_NOT_NULL(test, nodes->extack._msg);
	KUNIT_EXPECT_LE(test, 64, n - 1);
	addr = nth(0);
	KUNIT_EXPECT_EQ(test, del(nodes, 0, &addr), 0);
	KUNIT_EXPECT_EQ(test, add(nodes, 0, &addr), 0);
	shunt_test_nodes_end(nodes);
}

/* An entry of the filter that has had more users than it can count stays. */
static void filter_is_full(struct kunit *test)
{
	struct shunt_addr addr = shunt_addr_v4(htonl(0x0a000001));
	struct shunt_test_nodes *nodes;
	u8 *users;

	nodes = shunt_test_nodes_begin();
	KUNIT_ASSERT_NOT_NULL(test, nodes);
	users = filter_at(&nodes->node, &addr);
	*users = U8_MAX - 1;
	KUNIT_EXPECT_EQ(test, add(nodes, 0, &addr), 0);
	KUNIT_EXPECT_EQ(test, *users, U8_MAX);
	filter_add(&nodes->node, &addr);
	KUNIT_EXPECT_EQ(test, *users, U8_MAX);
	KUNIT_EXPECT_EQ(test, del(nodes, 0, &addr), 0);
	KUNIT_EXPECT_EQ(test, *users, U8_MAX);
	shunt_test_nodes_end(nodes);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(like_an_array),
	KUNIT_CASE(leave),
	KUNIT_CASE(usable),
	KUNIT_CASE(as_many_as),
	KUNIT_CASE(filter_is_full),
	{}
};

struct kunit_suite shunt_pod_suite = {
	.name = "shunt-pod",
	.test_cases = cases,
};
