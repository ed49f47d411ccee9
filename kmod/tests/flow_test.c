// SPDX-License-Identifier: GPL-2.0
#include "../flow.c"

#include "../pod.h"
#include "nodes.h"
#include "suites.h"
#include "test.h"

/* Packets, written byte by byte. */
struct bytes {
	struct sk_buff *skb;
	u8 *nexthdr;	/* of IPv6, the last one */
};

static bool bytes_begin(struct bytes *b, __be16 protocol)
{
	b->skb = alloc_skb(512, GFP_KERNEL);
	b->nexthdr = NULL;
	if (!b->skb)
		return false;
	b->skb->protocol = protocol;
	skb_reset_network_header(b->skb);
	return true;
}

static void put_v4(struct bytes *b, u8 proto, u16 frag, u32 from, u32 to)
{
	struct iphdr iph = {
		.version = 4,
		.ihl = 6,
		.protocol = proto,
		.frag_off = htons(frag),
		.saddr = htonl(from),
		.daddr = htonl(to),
	};

	skb_put_data(b->skb, &iph, sizeof(iph));
	/* Options are no ports. */
	skb_put_data(b->skb, "\x01\x01\x01\x01", 4);
}

static void put_v6(struct bytes *b, u8 nexthdr, u32 from, u32 to)
{
	struct ipv6hdr ip6h = {
		.version = 6,
		.nexthdr = nexthdr,
		.saddr.s6_addr32 = { htonl(0xfd000000), 0, 0, htonl(from) },
		.daddr.s6_addr32 = { htonl(0xfd000000), 0, 0, htonl(to) },
	};
	u8 *at = skb_put_data(b->skb, &ip6h, sizeof(ip6h));

	b->nexthdr = at + offsetof(struct ipv6hdr, nexthdr);
}

static void put_fragment(struct bytes *b, u8 nexthdr, u16 frag)
{
	struct frag_hdr fh = {
		.nexthdr = nexthdr,
		.frag_off = htons(frag),
	};

	*b->nexthdr = NEXTHDR_FRAGMENT;
	b->nexthdr = skb_put_data(b->skb, &fh, sizeof(fh));
}

static void put_ports(struct bytes *b, u16 sport, u16 dport)
{
	__be16 ports[4] = { htons(sport), htons(dport) };

	skb_put_data(b->skb, ports, sizeof(ports));
}

/* The type, and the rest of its header. */
static void put_icmp(struct bytes *b, u8 type)
{
	*(u8 *)skb_put_zero(b->skb, 8) = type;
}

static void expect_key(struct kunit *test, const struct shunt_flow_key *key,
		       u8 proto, u16 sport, u16 dport)
{
	KUNIT_EXPECT_EQ(test, key->proto, proto);
	KUNIT_EXPECT_EQ(test, ntohs(key->sport), sport);
	KUNIT_EXPECT_EQ(test, ntohs(key->dport), dport);
}

/* Each protocol, whole: with ports where it has some. */
static void protocols(struct kunit *test)
{
	struct shunt_flow_key key;
	int proto, family;
	struct bytes b;
	bool ports;

	for (proto = 0; proto < 256; proto++) {
		/* These are headers of IPv6, not protocols. */
		if (ipv6_ext_hdr(proto))
			continue;
		for (family = 4; family <= 6; family += 2) {
			KUNIT_ASSERT_TRUE(test, bytes_begin(&b, family == 4 ?
						htons(ETH_P_IP) :
						htons(ETH_P_IPV6)));
			if (family == 4)
				put_v4(&b, proto, IP_DF, 1, 2);
			else
				put_v6(&b, proto, 1, 2);
			put_ports(&b, 1000, 2000);
			ports = proto == IPPROTO_TCP ||
				proto == IPPROTO_UDP ||
				proto == IPPROTO_UDPLITE ||
				proto == IPPROTO_SCTP ||
				proto == IPPROTO_DCCP;
			KUNIT_EXPECT_TRUE(test,
					  shunt_flow_read_key(b.skb, &key));
			expect_key(test, &key, ports ? proto : 0,
				   ports ? 1000 : 0, ports ? 2000 : 0);
			kfree_skb(b.skb);
		}
	}
}

/* The first has ports, the others do not know them. */
static void fragments(struct kunit *test)
{
	static const u16 offsets[] = { 0, 1, 0x1fff };
	struct shunt_flow_key key;
	bool first;
	struct bytes b;
	int i;

	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		first = !offsets[i];
		KUNIT_ASSERT_TRUE(test, bytes_begin(&b, htons(ETH_P_IP)));
		put_v4(&b, IPPROTO_UDP, offsets[i] | IP_MF, 1, 2);
		put_ports(&b, 1000, 2000);
		KUNIT_EXPECT_TRUE(test, shunt_flow_read_key(b.skb, &key));
		expect_key(test, &key, first ? IPPROTO_UDP : 0,
			   first ? 1000 : 0, first ? 2000 : 0);
		kfree_skb(b.skb);

		KUNIT_ASSERT_TRUE(test, bytes_begin(&b, htons(ETH_P_IPV6)));
		put_v6(&b, 0, 1, 2);
		put_fragment(&b, IPPROTO_UDP, offsets[i] << 3 | IP6_MF);
		put_ports(&b, 1000, 2000);
		KUNIT_EXPECT_TRUE(test, shunt_flow_read_key(b.skb, &key));
		expect_key(test, &key, first ? IPPROTO_UDP : 0,
			   first ? 1000 : 0, first ? 2000 : 0);
		kfree_skb(b.skb);
	}
}

/* Which types of ICMP are errors, and what they quote; no error quotes one. */
static void quoted(struct kunit *test)
{
	struct shunt_flow_key key;
	struct bytes b;
	int type, error;

	for (type = 0; type < 256; type++) {
		error = type == ICMP_DEST_UNREACH ||
			type == ICMP_SOURCE_QUENCH || type == ICMP_REDIRECT ||
			type == ICMP_TIME_EXCEEDED ||
			type == ICMP_PARAMETERPROB;
		KUNIT_ASSERT_TRUE(test, bytes_begin(&b, htons(ETH_P_IP)));
		put_v4(&b, IPPROTO_ICMP, 0, 9, 2);
		put_icmp(&b, type);
		put_v4(&b, IPPROTO_TCP, 0, 2, 1);
		put_ports(&b, 1000, 2000);
		KUNIT_EXPECT_EQ_MSG(test, shunt_flow_read_quoted(b.skb, &key),
				    error, "type %d", type);
		if (error)
			KUNIT_EXPECT_EQ(test,
					ntohl(key.saddr.v6.s6_addr32[3]), 2);
		kfree_skb(b.skb);

		error = type >= ICMPV6_DEST_UNREACH && type <= ICMPV6_PARAMPROB;
		KUNIT_ASSERT_TRUE(test, bytes_begin(&b, htons(ETH_P_IPV6)));
		put_v6(&b, IPPROTO_ICMPV6, 9, 2);
		put_icmp(&b, type);
		put_v6(&b, IPPROTO_TCP, 2, 1);
		put_ports(&b, 1000, 2000);
		KUNIT_EXPECT_EQ_MSG(test, shunt_flow_read_quoted(b.skb, &key),
				    error, "type %d", type);
		if (error)
			KUNIT_EXPECT_EQ(test,
					ntohl(key.saddr.v6.s6_addr32[3]), 2);
		kfree_skb(b.skb);
	}
}

/* Nothing behind the end is read, whatever the packet promises. */
static void cut_off(struct kunit *test)
{
	struct shunt_flow_key key, whole;
	struct bytes b;
	int family, len;

	for (family = 4; family <= 6; family += 2) {
		KUNIT_ASSERT_TRUE(test, bytes_begin(&b, family == 4 ?
						    htons(ETH_P_IP) :
						    htons(ETH_P_IPV6)));
		if (family == 4) {
			put_v4(&b, IPPROTO_TCP, 0, 1, 2);
		} else {
			put_v6(&b, 0, 1, 2);
			put_fragment(&b, IPPROTO_TCP, 0);
		}
		put_ports(&b, 1000, 2000);
		len = b.skb->len - 4;
		KUNIT_EXPECT_TRUE(test, shunt_flow_read_key(b.skb, &whole));
		expect_key(test, &whole, IPPROTO_TCP, 1000, 2000);
		for (; len > 0; len--) {
			skb_trim(b.skb, len - 1);
			if (!shunt_flow_read_key(b.skb, &key))
				continue;
			expect_key(test, &key, 0, 0, 0);
			KUNIT_EXPECT_MEMEQ(test, &key.daddr, &whole.daddr,
					   sizeof(key.daddr));
		}
		kfree_skb(b.skb);
	}
}

/* Flows of some pods, against an array of how many there should be. */
#define KEYS 60

static struct shunt_flow_key nth(int n)
{
	return (struct shunt_flow_key){
		.saddr = shunt_addr_v4(htonl(0x0a000001 + n % 4)),
		.daddr = shunt_addr_v4(htonl(0x0b000001 + n % 3)),
		.sport = htons(1000 + n),
		.dport = htons(80),
		.proto = n % 5 ? IPPROTO_TCP : IPPROTO_UDP,
	};
}

static struct shunt_flow *look(struct shunt_test_nodes *nodes,
			       const struct shunt_flow_key *key)
{
	struct shunt_flow *flow;

	rcu_read_lock();
	flow = shunt_flow_lookup(nodes->node.flows, key);
	rcu_read_unlock();
	return flow;
}

static void note(struct shunt_test_nodes *nodes, int n)
{
	struct shunt_flow_key key = nth(n);

	rcu_read_lock();
	shunt_flow_note(&nodes->node, &nodes->pod[n % 4], &key, NULL);
	rcu_read_unlock();
}

static void both_directions(struct kunit *test)
{
	struct shunt_flow_key key, back, addrs;
	struct shunt_test_nodes *nodes;
	struct shunt_flow *flow;
	unsigned int flows = 0;
	int n;

	nodes = shunt_test_nodes_begin();
	KUNIT_ASSERT_NOT_NULL(test, nodes);
	for (n = 0; n < KEYS; n++) {
		key = nth(n);
		back = (struct shunt_flow_key){
			.saddr = key.daddr,
			.daddr = key.saddr,
			.sport = key.dport,
			.dport = key.sport,
			.proto = key.proto,
		};
		KUNIT_EXPECT_NULL(test, look(nodes, &key));
		KUNIT_EXPECT_NULL(test, look(nodes, &back));
		note(nodes, n);
		note(nodes, n);
		flow = look(nodes, &key);
		KUNIT_ASSERT_NOT_NULL(test, flow);
		KUNIT_EXPECT_PTR_EQ(test, look(nodes, &back), flow);
		KUNIT_EXPECT_PTR_EQ(test, flow->pod, &nodes->pod[n % 4]);
		/* Fragments find all that the two addresses exchange. */
		addrs = (struct shunt_flow_key){ .saddr = key.daddr,
						 .daddr = key.saddr };
		KUNIT_EXPECT_PTR_EQ(test, look(nodes, &addrs), flow->pair);
		KUNIT_EXPECT_TRUE(test, nodes->pod[n % 4].asks);
	}
	for (n = 0; n < ARRAY_SIZE(nodes->pod); n++)
		flows += nodes->pod[n].flows;
	/* Each pair of addresses has one more. */
	KUNIT_EXPECT_EQ(test, flows, KEYS + 4 * 3);
	KUNIT_EXPECT_EQ(test, nodes->node.flows->count, flows);
	shunt_test_nodes_end(nodes);
}

/* Who goes takes its own flows along, and asks no more. */
static void forget(struct kunit *test)
{
	struct shunt_addr addr = shunt_addr_v4(htonl(0x0a000002));
	struct shunt_test_nodes *nodes;
	struct shunt_flow_key key;
	s64 before;
	int n;

	nodes = shunt_test_nodes_begin();
	KUNIT_ASSERT_NOT_NULL(test, nodes);
	for (n = 0; n < KEYS; n++)
		note(nodes, n);
	before = atomic64_read(&nodes->node.generation);
	shunt_flow_forget(&nodes->node, &nodes->pod[0], &addr);
	KUNIT_EXPECT_EQ(test, nodes->pod[0].flows, KEYS / 4 + 3);
	shunt_flow_forget(&nodes->node, &nodes->pod[1], &addr);
	KUNIT_EXPECT_EQ(test, nodes->pod[1].flows, 0);
	KUNIT_EXPECT_FALSE(test, nodes->pod[1].asks);
	KUNIT_EXPECT_NE(test, atomic64_read(&nodes->node.generation), before);
	for (n = 0; n < KEYS; n++) {
		key = nth(n);
		KUNIT_EXPECT_EQ(test, !look(nodes, &key), n % 4 == 1);
	}
	rtnl_lock();
	shunt_pod_leave(&nodes->pod[2]);
	rtnl_unlock();
	KUNIT_EXPECT_EQ(test, nodes->pod[2].flows, 0);
	KUNIT_EXPECT_EQ(test, nodes->node.flows->count, 2 * (KEYS / 4 + 3));
	shunt_test_nodes_end(nodes);
}

/* A pod that finds no room is the host's as a whole, others are not. */
static void full(struct kunit *test)
{
	unsigned int max = flow_max;
	struct shunt_test_nodes *nodes;
	struct shunt_flow_key key;

	nodes = shunt_test_nodes_begin();
	KUNIT_ASSERT_NOT_NULL(test, nodes);
	nodes->pod[1].dev = init_net.loopback_dev;
	note(nodes, 0);
	flow_max = nodes->node.flows->count + 1;
	note(nodes, 1);
	flow_max = max;
	KUNIT_EXPECT_TRUE(test, nodes->pod[1].whole);
	KUNIT_EXPECT_TRUE(test, nodes->pod[1].asks);
	KUNIT_EXPECT_FALSE(test, nodes->pod[0].whole);
	key = nth(1);
	KUNIT_EXPECT_NULL(test, look(nodes, &key));
	/* For good: it is not known what was missed. */
	note(nodes, 5);
	key = nth(5);
	KUNIT_EXPECT_NULL(test, look(nodes, &key));
	shunt_flow_forget(&nodes->node, &nodes->pod[1], NULL);
	KUNIT_EXPECT_TRUE(test, nodes->pod[1].asks);
	shunt_test_nodes_end(nodes);
}

/* As if nobody had refreshed it for as long as it lives. */
static void expire(struct shunt_flow *flow)
{
	flow->until = jiffies;
	flow->pair->until = jiffies;
}

/* What nobody refreshes ends; a pair when its members have. */
static void collector(struct kunit *test)
{
	struct shunt_test_nodes *nodes;
	struct shunt_flow *flow;
	struct shunt_flow_key key;

	nodes = shunt_test_nodes_begin();
	KUNIT_ASSERT_NOT_NULL(test, nodes);
	note(nodes, 0);
	note(nodes, 12);
	key = nth(0);
	flow = look(nodes, &key);
	KUNIT_ASSERT_NOT_NULL(test, flow);
	KUNIT_EXPECT_EQ(test, flow->pair->members, 2);
	collect(&nodes->node.flows->collect.work);
	KUNIT_EXPECT_EQ(test, nodes->node.flows->count, 3);
	expire(flow);
	collect(&nodes->node.flows->collect.work);
	KUNIT_EXPECT_NULL(test, look(nodes, &key));
	KUNIT_EXPECT_EQ(test, nodes->node.flows->count, 2);
	key = nth(12);
	flow = look(nodes, &key);
	KUNIT_ASSERT_NOT_NULL(test, flow);
	expire(flow);
	/* The pair may come before its last member. */
	collect(&nodes->node.flows->collect.work);
	collect(&nodes->node.flows->collect.work);
	KUNIT_EXPECT_EQ(test, nodes->node.flows->count, 0);
	KUNIT_EXPECT_FALSE(test, nodes->pod[0].asks);
	shunt_test_nodes_end(nodes);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(protocols),
	KUNIT_CASE(fragments),
	KUNIT_CASE(quoted),
	KUNIT_CASE(cut_off),
	KUNIT_CASE(both_directions),
	KUNIT_CASE(forget),
	KUNIT_CASE(full),
	KUNIT_CASE(collector),
	{}
};

struct kunit_suite shunt_flow_suite = {
	.name = "shunt-flow",
	.test_cases = cases,
};
