// SPDX-License-Identifier: GPL-2.0
#include "../pkt.c"

#include <net/checksum.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/tcp.h>

#include "suites.h"
#include "test.h"

#define HEADROOM 64

/* A packet of so many bytes, its data at the network header. */
static struct sk_buff *packet(size_t len, __be16 protocol)
{
	struct sk_buff *skb = alloc_skb(HEADROOM + len, GFP_KERNEL);

	if (!skb)
		return NULL;
	skb_reserve(skb, HEADROOM);
	skb_put_zero(skb, len);
	skb_reset_network_header(skb);
	skb->protocol = protocol;
	return skb;
}

static struct sk_buff *packet_v4(size_t len)
{
	struct sk_buff *skb = packet(len, htons(ETH_P_IP));

	if (!skb)
		return NULL;
	*ip_hdr(skb) = (struct iphdr){
		.version = 4,
		.ihl = 5,
		.ttl = 64,
		.protocol = IPPROTO_UDP,
		.tot_len = htons(len),
		.saddr = htonl(0x0a000001),
		.daddr = htonl(0x0a000002),
	};
	ip_send_check(ip_hdr(skb));
	return skb;
}

static struct sk_buff *packet_v6(size_t len)
{
	struct sk_buff *skb = packet(len, htons(ETH_P_IPV6));

	if (!skb)
		return NULL;
	*ipv6_hdr(skb) = (struct ipv6hdr){
		.version = 6,
		.hop_limit = 64,
		.nexthdr = IPPROTO_UDP,
		.payload_len = htons(len - sizeof(struct ipv6hdr)),
		.saddr.s6_addr32[0] = htonl(0xfd000000),
		.daddr.s6_addr32[0] = htonl(0xfd010000),
	};
	return skb;
}

static enum shunt_stat expected_v4(u8 first, u8 ttl)
{
	if (first >> 4 != 4 || (first & 15) < 5)
		return SHUNT_STAT_DROP_MALFORMED;
	if ((first & 15) > 5)
		return SHUNT_STAT_PUNT_OPTIONS;
	return ttl > 1 ? SHUNT_DIRECT : SHUNT_STAT_PUNT_TTL;
}

/* Each version, header length and TTL. */
static void simple_v4(struct kunit *test)
{
	struct sk_buff *skb = packet_v4(100);
	int first, ttl;

	KUNIT_ASSERT_NOT_NULL(test, skb);
	for (first = 0; first < 256; first++)
		for (ttl = 0; ttl < 256; ttl++) {
			skb->data[0] = first;
			ip_hdr(skb)->ttl = ttl;
			KUNIT_EXPECT_EQ_MSG(test, shunt_pkt_test_v4(skb),
					    expected_v4(first, ttl),
					    "%#x, TTL %d", first, ttl);
		}
	kfree_skb(skb);
}

static enum shunt_stat expected_v6(u8 first, u8 hops, u8 nexthdr)
{
	if (first >> 4 != 6)
		return SHUNT_STAT_DROP_MALFORMED;
	if (hops <= 1)
		return SHUNT_STAT_PUNT_TTL;
	switch (nexthdr) {
	case NEXTHDR_HOP:
	case NEXTHDR_ROUTING:
	case NEXTHDR_DEST:
		return SHUNT_STAT_PUNT_OPTIONS;
	default:
		return SHUNT_DIRECT;
	}
}

/* Each version, hop limit and next header; ICMPv6 is an echo here. */
static void simple_v6(struct kunit *test)
{
	struct sk_buff *skb = packet_v6(100);
	int first, hops, nexthdr;

	KUNIT_ASSERT_NOT_NULL(test, skb);
	skb->data[sizeof(struct ipv6hdr)] = ICMPV6_ECHO_REQUEST;
	for (first = 0; first < 256; first += 15)
		for (hops = 0; hops < 256; hops += hops < 4 ? 1 : 63)
			for (nexthdr = 0; nexthdr < 256; nexthdr++) {
				skb->data[0] = first;
				ipv6_hdr(skb)->hop_limit = hops;
				ipv6_hdr(skb)->nexthdr = nexthdr;
				KUNIT_EXPECT_EQ_MSG(test,
						    shunt_pkt_test_v6(skb),
						    expected_v6(first, hops,
								nexthdr),
						    "%#x, %d hops, header %d",
						    first, hops, nexthdr);
			}
	kfree_skb(skb);
}

/* No byte behind the end is looked at. */
static void cut_off(struct kunit *test)
{
	struct shunt_addr saddr, daddr;
	struct sk_buff *skb;
	size_t len;

	for (len = 0; len < sizeof(struct iphdr); len++) {
		skb = packet(len, htons(ETH_P_IP));
		KUNIT_ASSERT_NOT_NULL(test, skb);
		KUNIT_EXPECT_EQ(test, shunt_pkt_test_v4(skb),
				SHUNT_STAT_DROP_MALFORMED);
		KUNIT_EXPECT_FALSE(test, shunt_pkt_addrs(skb, &saddr, &daddr));
		KUNIT_EXPECT_FALSE(test, shunt_pkt_trim(skb));
		kfree_skb(skb);
	}
	for (len = 0; len < sizeof(struct ipv6hdr); len++) {
		skb = packet(len, htons(ETH_P_IPV6));
		KUNIT_ASSERT_NOT_NULL(test, skb);
		KUNIT_EXPECT_EQ(test, shunt_pkt_test_v6(skb),
				SHUNT_STAT_DROP_MALFORMED);
		KUNIT_EXPECT_FALSE(test, shunt_pkt_addrs(skb, &saddr, &daddr));
		KUNIT_EXPECT_FALSE(test, shunt_pkt_trim(skb));
		kfree_skb(skb);
	}
	skb = packet(100, htons(ETH_P_ARP));
	KUNIT_ASSERT_NOT_NULL(test, skb);
	KUNIT_EXPECT_FALSE(test, shunt_pkt_addrs(skb, &saddr, &daddr));
	kfree_skb(skb);
}

static void addresses(struct kunit *test)
{
	struct sk_buff *v4 = packet_v4(28), *v6 = packet_v6(48);
	struct shunt_addr saddr, daddr, source, dest;

	KUNIT_ASSERT_TRUE(test, v4 && v6);
	source = shunt_addr_v4(htonl(0x0a000001));
	dest = shunt_addr_v4(htonl(0x0a000002));
	KUNIT_EXPECT_TRUE(test, shunt_pkt_addrs(v4, &saddr, &daddr));
	KUNIT_EXPECT_MEMEQ(test, &saddr, &source, sizeof(source));
	KUNIT_EXPECT_MEMEQ(test, &daddr, &dest, sizeof(dest));
	KUNIT_EXPECT_TRUE(test, shunt_pkt_addrs(v6, &saddr, &daddr));
	KUNIT_EXPECT_MEMEQ(test, &saddr, &ipv6_hdr(v6)->saddr, sizeof(saddr));
	KUNIT_EXPECT_MEMEQ(test, &daddr, &ipv6_hdr(v6)->daddr, sizeof(daddr));
	/* What is written like an IPv4 address in IPv6 is not that. */
	ipv6_hdr(v6)->saddr = source.v6;
	ipv6_hdr(v6)->daddr = dest.v6;
	KUNIT_EXPECT_TRUE(test, shunt_pkt_addrs(v6, &saddr, &daddr));
	KUNIT_EXPECT_FALSE(test, shunt_addr_is_v4(&saddr));
	KUNIT_EXPECT_FALSE(test, shunt_addr_is_v4(&daddr));
	kfree_skb(v4);
	kfree_skb(v6);
}

/* The sum of an IPv4 header stays right, a wrong one wrong; what a NIC has
 * summed up stays the sum of what is there.
 */
static void hops(struct kunit *test)
{
	struct sk_buff *v4 = packet_v4(100), *v6 = packet_v6(100);
	int ttl;

	KUNIT_ASSERT_TRUE(test, v4 && v6);
	for (ttl = 255; ttl > 1; ttl--) {
		ip_hdr(v4)->ttl = ttl;
		ip_send_check(ip_hdr(v4));
		shunt_pkt_age(v4);
		KUNIT_EXPECT_EQ(test, ip_hdr(v4)->ttl, ttl - 1);
		KUNIT_EXPECT_FALSE(test, ip_fast_csum(v4->data, 5));

		ipv6_hdr(v6)->hop_limit = ttl;
		v6->ip_summed = CHECKSUM_COMPLETE;
		v6->csum = csum_partial(v6->data, v6->len, 0);
		shunt_pkt_age(v6);
		KUNIT_EXPECT_EQ(test, ipv6_hdr(v6)->hop_limit, ttl - 1);
		KUNIT_EXPECT_EQ(test, (__force u16)csum_fold(v6->csum),
				(__force u16)csum_fold(csum_partial(v6->data,
								    v6->len,
								    0)));
	}
	ip_hdr(v4)->ttl = 64;
	ip_send_check(ip_hdr(v4));
	ip_hdr(v4)->check = ~ip_hdr(v4)->check;
	shunt_pkt_age(v4);
	KUNIT_EXPECT_TRUE(test, ip_fast_csum(v4->data, 5));
	kfree_skb(v4);
	kfree_skb(v6);
}

/* Half of the packet in a page. */
static struct sk_buff *scattered(struct sk_buff *skb)
{
	int half = skb->len / 2;
	struct page *page = alloc_page(GFP_KERNEL);

	if (!page)
		return skb;
	memcpy(page_address(page), skb->data + half, skb->len - half);
	skb_add_rx_frag(skb, 0, page, 0, skb->len - half, PAGE_SIZE);
	skb->tail -= skb->len - skb->data_len - half;
	skb->len = half + skb->data_len;
	return skb;
}

static void trim_to(struct kunit *test, struct sk_buff *skb, unsigned int says)
{
	unsigned int was = skb->len;

	skb->ip_summed = CHECKSUM_COMPLETE;
	skb->csum = skb_checksum(skb, 0, skb->len, 0);
	KUNIT_EXPECT_EQ(test, shunt_pkt_trim(skb), says <= was);
	KUNIT_EXPECT_EQ(test, skb->len, says <= was ? says : was);
	KUNIT_EXPECT_TRUE(test, skb->ip_summed == CHECKSUM_NONE ||
			  csum_fold(skb->csum) ==
			  csum_fold(skb_checksum(skb, 0, skb->len, 0)));
	kfree_skb(skb);
}

static void trim(struct kunit *test)
{
	struct rnd_state rnd;
	struct sk_buff *skb;
	unsigned int len, says;
	int i;

	prandom_seed_state(&rnd, shunt_test_seed());
	for (i = 0; i < 500; i++) {
		len = 100 + shunt_test_random(&rnd, 1000);
		says = sizeof(struct iphdr) + shunt_test_random(&rnd, 1200);
		skb = packet_v4(len);
		KUNIT_ASSERT_NOT_NULL(test, skb);
		prandom_bytes_state(&rnd, skb->data + sizeof(struct iphdr),
				    len - sizeof(struct iphdr));
		ip_hdr(skb)->tot_len = htons(says);
		trim_to(test, i & 1 ? scattered(skb) : skb, says);

		/* Without a payload it would be one of BIG TCP. */
		says = sizeof(struct ipv6hdr) + 1 +
		       shunt_test_random(&rnd, 1200);
		skb = packet_v6(len);
		KUNIT_ASSERT_NOT_NULL(test, skb);
		prandom_bytes_state(&rnd, skb->data + sizeof(struct ipv6hdr),
				    len - sizeof(struct ipv6hdr));
		ipv6_hdr(skb)->payload_len =
			htons(says - sizeof(struct ipv6hdr));
		trim_to(test, i & 1 ? scattered(skb) : skb, says);
	}
}

/* A length of 0 is that of a packet beyond 64 KiB, or means what it says. */
static void no_length(struct kunit *test)
{
	struct sk_buff *skb = packet_v6(500);

	KUNIT_ASSERT_NOT_NULL(test, skb);
	ipv6_hdr(skb)->payload_len = 0;
	trim_to(test, skb, sizeof(struct ipv6hdr));

	skb = packet_v6(500);
	KUNIT_ASSERT_NOT_NULL(test, skb);
	ipv6_hdr(skb)->payload_len = 0;
	/* Older kernels know it by the header, newer ones by the segments. */
	ipv6_hdr(skb)->nexthdr = NEXTHDR_HOP;
	skb_shinfo(skb)->gso_size = 100;
	skb_shinfo(skb)->gso_type = SKB_GSO_TCPV6;
	trim_to(test, skb, 500);
}

static void packet_types(struct kunit *test)
{
	static const struct { u32 v4; u8 type; } of_v4[] = {
		{ 0x0a000001, PACKET_HOST },
		{ 0xdfffffff, PACKET_HOST },
		{ 0xe0000001, PACKET_MULTICAST },
		{ 0xefffffff, PACKET_MULTICAST },
		{ 0xf0000000, PACKET_HOST },
		{ 0xfffffffe, PACKET_HOST },
		{ 0xffffffff, PACKET_BROADCAST },
	};
	struct sk_buff *skb = packet_v4(100);
	struct shunt_addr addr = {};
	int i;

	KUNIT_ASSERT_NOT_NULL(test, skb);
	for (i = 0; i < ARRAY_SIZE(of_v4); i++) {
		addr = shunt_addr_v4(htonl(of_v4[i].v4));
		shunt_pkt_set_type(skb, &addr);
		KUNIT_EXPECT_EQ_MSG(test, (int)skb->pkt_type, of_v4[i].type,
				    "%#x", of_v4[i].v4);
	}
	for (i = 0; i < 256; i++) {
		addr.v6 = (struct in6_addr){ .s6_addr = { i, 2 } };
		shunt_pkt_set_type(skb, &addr);
		KUNIT_EXPECT_EQ(test, (int)skb->pkt_type,
				i == 255 ? PACKET_MULTICAST : PACKET_HOST);
	}
	kfree_skb(skb);
}

static unsigned int add_exthdr(u8 *at, struct rnd_state *rnd, u8 *nexthdr)
{
	static const u8 kinds[] = {
		NEXTHDR_HOP, NEXTHDR_ROUTING, NEXTHDR_DEST,
	};
	u8 words = shunt_test_random(rnd, 3);

	*nexthdr = kinds[shunt_test_random(rnd, ARRAY_SIZE(kinds))];
	at[1] = words;
	return (words + 1) * 8;
}

/* Behind none to three other headers, and cut off anywhere; bytes of other
 * protocols may look like it.
 */
static void neighbour_discovery(struct kunit *test)
{
	struct rnd_state rnd;
	struct sk_buff *skb;
	int i, headers, end;
	u8 *next, type;

	prandom_seed_state(&rnd, shunt_test_seed());
	for (i = 0; i < 2000; i++) {
		skb = packet_v6(200);
		KUNIT_ASSERT_NOT_NULL(test, skb);
		next = &ipv6_hdr(skb)->nexthdr;
		end = sizeof(struct ipv6hdr);
		for (headers = i % 4; headers; headers--) {
			u8 *at = skb->data + end;

			end += add_exthdr(at, &rnd, next);
			next = at;
		}
		*next = i % 5 ? IPPROTO_ICMPV6 : IPPROTO_UDP;
		type = 128 + shunt_test_random(&rnd, 16);
		skb->data[end] = type;
		KUNIT_EXPECT_EQ(test, shunt_pkt_is_nd(skb), i % 5 &&
				type >= NDISC_ROUTER_SOLICITATION &&
				type <= NDISC_REDIRECT);
		skb_trim(skb, sizeof(struct ipv6hdr) +
			 shunt_test_random(&rnd, end + 1 -
					   sizeof(struct ipv6hdr)));
		KUNIT_EXPECT_FALSE(test, shunt_pkt_is_nd(skb));
		kfree_skb(skb);
	}
}

/* The first fragment has the header, in the others anything may stand there. */
static void fragments(struct kunit *test)
{
	struct sk_buff *skb = packet_v6(200);
	struct frag_hdr *fh;

	KUNIT_ASSERT_NOT_NULL(test, skb);
	ipv6_hdr(skb)->nexthdr = NEXTHDR_FRAGMENT;
	fh = (void *)(skb->data + sizeof(struct ipv6hdr));
	fh->nexthdr = IPPROTO_ICMPV6;
	*(u8 *)(fh + 1) = NDISC_NEIGHBOUR_ADVERTISEMENT;
	fh->frag_off = htons(IP6_MF);
	KUNIT_EXPECT_TRUE(test, shunt_pkt_is_nd(skb));
	fh->frag_off = htons(8);
	KUNIT_EXPECT_FALSE(test, shunt_pkt_is_nd(skb));
	kfree_skb(skb);
}

/* The quick way to add up a segment says what the kernel's would. */
static void segments(struct kunit *test)
{
	unsigned int size, mtu, options;
	struct rnd_state rnd;
	struct sk_buff *skb;
	int i;

	prandom_seed_state(&rnd, shunt_test_seed());
	for (i = 0; i < 2000; i++) {
		skb = i & 1 ? packet_v4(3000) : packet_v6(3000);
		KUNIT_ASSERT_NOT_NULL(test, skb);
		skb_set_transport_header(skb, i & 1 ? sizeof(struct iphdr) :
						      sizeof(struct ipv6hdr));
		options = shunt_test_random(&rnd, 11);
		tcp_hdr(skb)->doff = 5 + options;
		size = 500 + shunt_test_random(&rnd, 1000);
		skb_shinfo(skb)->gso_type = i & 1 ? SKB_GSO_TCPV4 :
						    SKB_GSO_TCPV6;
		skb_shinfo(skb)->gso_size = size;
		mtu = skb_transport_offset(skb) + tcp_hdrlen(skb) + size - 2 +
		      shunt_test_random(&rnd, 5);
		KUNIT_EXPECT_EQ(test, shunt_pkt_fits(skb, mtu),
				skb_gso_validate_network_len(skb, mtu));
		KUNIT_EXPECT_TRUE(test, shunt_pkt_fits(skb, 3000));
		skb_shinfo(skb)->gso_size = 0;
		KUNIT_EXPECT_FALSE(test, shunt_pkt_fits(skb, 2999));
		kfree_skb(skb);
	}
}

static void scrub(struct kunit *test)
{
	struct sk_buff *skb = packet_v4(100);

	KUNIT_ASSERT_NOT_NULL(test, skb);
	skb->mark = 7;
	skb->ignore_df = 1;
	skb_set_queue_mapping(skb, 3);
	skb->priority = 6;
	skb->tstamp = 1234567;
	nf_ct_set(skb, NULL, IP_CT_UNTRACKED);
	shunt_pkt_scrub(skb);
	KUNIT_EXPECT_EQ(test, skb->mark, 0);
	KUNIT_EXPECT_EQ(test, (int)skb->ignore_df, 0);
	KUNIT_EXPECT_EQ(test, skb_get_queue_mapping(skb), 0);
	KUNIT_EXPECT_EQ(test, skb_get_nfct(skb), 0);
	/* Whoever calls it decides about the priority. */
	KUNIT_EXPECT_EQ(test, skb->priority, 6);
	KUNIT_EXPECT_EQ(test, skb->tstamp, 1234567);
	kfree_skb(skb);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(simple_v4),
	KUNIT_CASE(simple_v6),
	KUNIT_CASE(cut_off),
	KUNIT_CASE(addresses),
	KUNIT_CASE(hops),
	KUNIT_CASE(trim),
	KUNIT_CASE(no_length),
	KUNIT_CASE(packet_types),
	KUNIT_CASE(neighbour_discovery),
	KUNIT_CASE(fragments),
	KUNIT_CASE(segments),
	KUNIT_CASE(scrub),
	{}
};

struct kunit_suite shunt_pkt_suite = {
	.name = "shunt-pkt",
	.test_cases = cases,
};
