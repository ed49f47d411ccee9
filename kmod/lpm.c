// SPDX-License-Identifier: GPL-2.0
/*
 * Longest prefix match, see lpm.h.
 */
#include <linux/bitmap.h>
#include <linux/rhashtable.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>

#include "lpm.h"

/**
 * struct shunt_lpm - a set of prefixes
 * @table: &struct shunt_prefix by address and length
 * @lengths: those that occur
 * @count: how many prefixes there are of each length
 *
 * Read under RCU, changed under RTNL.
 */
struct shunt_lpm {
	struct rhashtable table;
	DECLARE_BITMAP(lengths, SHUNT_LPM_MAX_LEN + 1);
	unsigned int count[SHUNT_LPM_MAX_LEN + 1];
};

static const struct rhashtable_params lpm_params = {
	.key_len = offsetofend(struct shunt_prefix, len) -
		   offsetof(struct shunt_prefix, addr),
	.key_offset = offsetof(struct shunt_prefix, addr),
	.head_offset = offsetof(struct shunt_prefix, hash),
	.automatic_shrinking = true,
};

/**
 * shunt_lpm_alloc() - make an empty set
 *
 * Return: the set or NULL.
 */
struct shunt_lpm *shunt_lpm_alloc(void)
{
	struct shunt_lpm *lpm;

	lpm = kzalloc(sizeof(*lpm), GFP_KERNEL);
	if (lpm && rhashtable_init(&lpm->table, &lpm_params)) {
		kfree(lpm);
		return NULL;
	}
	return lpm;
}

/**
 * shunt_lpm_free() - free a set, not its prefixes
 * @lpm: the set, without readers
 */
void shunt_lpm_free(struct shunt_lpm *lpm)
{
	rhashtable_destroy(&lpm->table);
	kfree(lpm);
}

/**
 * shunt_lpm_add() - add a prefix
 * @lpm: the set
 * @prefix: the prefix, no bits set behind its length
 *
 * Context: RTNL.
 * Return: 0, -EEXIST or -ENOMEM.
 */
int shunt_lpm_add(struct shunt_lpm *lpm, struct shunt_prefix *prefix)
{
	int err;

	ASSERT_RTNL();
	err = rhashtable_lookup_insert_fast(&lpm->table, &prefix->hash,
					    lpm_params);
	if (err)
		return err;
	if (!lpm->count[prefix->len]++)
		set_bit(prefix->len, lpm->lengths);
	return 0;
}

/**
 * shunt_lpm_del() - take a prefix out
 * @lpm: the set
 * @prefix: a prefix of it; readers may find it for one more grace period
 *
 * Context: RTNL.
 */
void shunt_lpm_del(struct shunt_lpm *lpm, struct shunt_prefix *prefix)
{
	ASSERT_RTNL();
	rhashtable_remove_fast(&lpm->table, &prefix->hash, lpm_params);
	if (!--lpm->count[prefix->len])
		clear_bit(prefix->len, lpm->lengths);
}

/**
 * shunt_lpm_find() - look for exactly this prefix
 * @lpm: the set
 * @addr: address; bits behind @len do not matter
 * @len: in bits, of the v4-mapped form
 *
 * Context: RTNL or RCU read side.
 * Return: the prefix or NULL.
 */
struct shunt_prefix *shunt_lpm_find(struct shunt_lpm *lpm,
				    const struct shunt_addr *addr, u32 len)
{
	struct shunt_prefix key = { .len = len };

	ipv6_addr_prefix(&key.addr.v6, &addr->v6, len);
	return rhashtable_lookup_fast(&lpm->table, &key.addr, lpm_params);
}

/**
 * shunt_lpm_lookup() - find the longest prefix of an address
 * @lpm: the set
 * @addr: the address
 *
 * Those of IPv6 do not match IPv4: not even ::/0 does.
 *
 * Context: RCU read side.
 * Return: the prefix or NULL.
 */
struct shunt_prefix *shunt_lpm_lookup(struct shunt_lpm *lpm,
				      const struct shunt_addr *addr)
{
	u32 shortest = shunt_addr_is_v4(addr) ? SHUNT_LPM_V4_LEN : 0;
	unsigned long len, end = SHUNT_LPM_MAX_LEN + 1;
	struct shunt_prefix *prefix;

	for (;;) {
		len = find_last_bit(lpm->lengths, end);
		if (len >= end || len < shortest)
			return NULL;
		prefix = shunt_lpm_find(lpm, addr, len);
		if (prefix)
			return prefix;
		end = len;
	}
}
