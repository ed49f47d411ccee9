/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Addresses of either family in one form.
 */
#ifndef SHUNT_ADDR_H
#define SHUNT_ADDR_H

#include <linux/hash.h>
#include <linux/in6.h>
#include <linux/unaligned.h>
#include <net/ipv6.h>

struct netlink_ext_ack;
struct nlattr;

/**
 * struct shunt_addr - an address of either family
 * @v6: the address, IPv4 in its v4-mapped form (::ffff:0:0/96)
 */
struct shunt_addr {
	struct in6_addr v6;
};

static inline struct shunt_addr shunt_addr_v4(__be32 v4)
{
	struct shunt_addr addr;

	ipv6_addr_set_v4mapped(v4, &addr.v6);
	return addr;
}

static inline bool shunt_addr_is_v4(const struct shunt_addr *addr)
{
	return ipv6_addr_v4mapped(&addr->v6);
}

/* Of a packet of IPv6. A v4-mapped one there is not the IPv4 address that it is
 * written like: nobody is sent to it, and who sends from it, as the loopback
 * address tells, is nobody either.
 */
static inline struct shunt_addr shunt_addr_v6(const struct in6_addr *v6)
{
	struct shunt_addr addr = { .v6 = *v6 };

	if (shunt_addr_is_v4(&addr))
		addr.v6 = in6addr_loopback;
	return addr;
}

/* The addresses in the table are the operator's: no secret is needed, and one
 * multiplication spreads them. It moves everything upwards, so the uppermost
 * bits are the good ones: there the last bytes arrive, in which pods differ.
 */
static inline u64 shunt_addr_hash_v4(__be32 v4)
{
	return (__force u32)v4 * GOLDEN_RATIO_64;
}

static inline u64 shunt_addr_hash_v6(const struct in6_addr *v6)
{
	u64 hi = get_unaligned_le64(&v6->s6_addr32[0]);
	u64 lo = get_unaligned_le64(&v6->s6_addr32[2]);

	return (rol64(hi, 29) ^ lo) * GOLDEN_RATIO_64;
}

static inline u64 shunt_addr_hash(const struct shunt_addr *addr)
{
	if (shunt_addr_is_v4(addr))
		return shunt_addr_hash_v4(addr->v6.s6_addr32[3]);
	return shunt_addr_hash_v6(&addr->v6);
}

int shunt_addr_get(const struct nlattr *nla, struct shunt_addr *addr,
		   struct netlink_ext_ack *extack);
int shunt_addr_put(struct sk_buff *skb, int type,
		   const struct shunt_addr *addr);

#endif /* SHUNT_ADDR_H */
