// SPDX-License-Identifier: GPL-2.0
#include "../addr.c"

#include "../pod.h"
#include "suites.h"
#include "test.h"

/* An attribute of so many bytes, and nothing behind it. */
struct addr_attr {
	struct nlattr nla;
	u8 data[32];
};

static int get(struct addr_attr *attr, size_t len, struct shunt_addr *addr,
	       struct netlink_ext_ack *extack)
{
	attr->nla.nla_type = 1;
	attr->nla.nla_len = nla_attr_size(len);
	memset(extack, 0, sizeof(*extack));
	return shunt_addr_get(&attr->nla, addr, extack);
}

static void lengths(struct kunit *test)
{
	struct netlink_ext_ack extack;
	struct addr_attr attr = {};
	struct shunt_addr addr;
	size_t len;
	int err;

	for (len = 0; len <= sizeof(attr.data); len++) {
		err = get(&attr, len, &addr, &extack);
		KUNIT_EXPECT_EQ_MSG(test, err, len == 4 || len == 16 ?
				    0 : -EINVAL, "%zu bytes", len);
		if (!err)
			continue;
		KUNIT_EXPECT_NOT_NULL(test, extack._msg);
		KUNIT_EXPECT_PTR_EQ(test, extack.bad_attr, &attr.nla);
	}
}

/* What was read is written the same, and mapped IPv4 as IPv4: one address has
 * one form.
 */
static void both_ways(struct kunit *test)
{
	struct netlink_ext_ack extack;
	struct shunt_addr addr, again;
	struct addr_attr attr = {};
	struct rnd_state rnd;
	struct sk_buff *skb;
	const struct nlattr *nla;
	int i, len;

	prandom_seed_state(&rnd, shunt_test_seed());
	skb = alloc_skb(NLMSG_GOODSIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, skb);
	for (i = 0; i < 1000; i++) {
		len = i & 1 ? 4 : 16;
		prandom_bytes_state(&rnd, attr.data, len);
		if (i % 4 == 2)
			ipv6_addr_set_v4mapped(htonl(i), (void *)attr.data);
		get(&attr, len, &addr, &extack);
		KUNIT_EXPECT_EQ(test, shunt_addr_is_v4(&addr),
				i & 1 || i % 4 == 2);
		skb_trim(skb, 0);
		KUNIT_EXPECT_EQ(test, shunt_addr_put(skb, 7, &addr), 0);
		nla = (const void *)skb->data;
		KUNIT_EXPECT_EQ(test, nla_type(nla), 7);
		KUNIT_EXPECT_EQ(test, nla_len(nla),
				shunt_addr_is_v4(&addr) ? 4 : 16);
		KUNIT_EXPECT_EQ(test, shunt_addr_get(nla, &again, &extack), 0);
		KUNIT_EXPECT_MEMEQ(test, &again, &addr, sizeof(addr));
	}
	kfree_skb(skb);
}

static void no_room(struct kunit *test)
{
	struct shunt_addr addr = shunt_addr_v4(htonl(0x0a000001));
	struct sk_buff *skb;

	skb = alloc_skb(64, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, skb);
	skb_put(skb, skb_tailroom(skb) - nla_total_size(4) + 1);
	KUNIT_EXPECT_EQ(test, shunt_addr_put(skb, 1, &addr), -EMSGSIZE);
	kfree_skb(skb);
}

/* Users choose what is in a header, so that of one address is one. */
static void one_hash(struct kunit *test)
{
	struct shunt_addr addr;
	struct rnd_state rnd;
	__be32 v4;
	int i;

	prandom_seed_state(&rnd, shunt_test_seed());
	for (i = 0; i < 1000; i++) {
		v4 = (__force __be32)prandom_u32_state(&rnd);
		addr = shunt_addr_v4(v4);
		KUNIT_EXPECT_TRUE(test, shunt_addr_hash(&addr) ==
					shunt_addr_hash_v4(v4));
	}
}

/* Pods have neighbouring addresses: of 1,000 of them hardly any may share an
 * entry of the filter.
 */
static void spread(struct kunit *test)
{
	struct in6_addr v6 = { .s6_addr32[0] = htonl(0xfd000000) };
	unsigned int i, at, shared[2] = {};
	u64 hash;
	u8 *used;

	used = kunit_kzalloc(test, 1 << SHUNT_POD_FILTER_BITS, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, used);
	for (i = 0; i < 1000; i++) {
		hash = shunt_addr_hash_v4(htonl(0x0af40000 + i));
		at = shunt_pod_filter_index(hash);
		shared[0] += used[at] & 1;
		used[at] |= 1;
		v6.s6_addr32[3] = htonl(i);
		hash = shunt_addr_hash_v6(&v6);
		at = shunt_pod_filter_index(hash);
		shared[1] += used[at] >> 1;
		used[at] |= 2;
	}
	KUNIT_EXPECT_LE(test, shared[0], 10);
	KUNIT_EXPECT_LE(test, shared[1], 10);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(lengths),
	KUNIT_CASE(both_ways),
	KUNIT_CASE(no_room),
	KUNIT_CASE(one_hash),
	KUNIT_CASE(spread),
	{}
};

struct kunit_suite shunt_addr_suite = {
	.name = "shunt-addr",
	.test_cases = cases,
};
