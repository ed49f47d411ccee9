/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Longest prefix match over both families: a hash table of masked addresses
 * and lengths, which is asked once for each length that occurs, the longest
 * first (tuple space search: Srinivasan, Suri, Varghese, "Packet
 * Classification using Tuple Space Search", SIGCOMM 1999). A set of many
 * single addresses costs one question, a trie would cost one for each bit.
 */
#ifndef SHUNT_LPM_H
#define SHUNT_LPM_H

#include <linux/rhashtable-types.h>

#include "addr.h"

/* Of the v4-mapped form: that of an IPv4 prefix is 96 more than users say. */
#define SHUNT_LPM_MAX_LEN 128
#define SHUNT_LPM_V4_LEN 96

/**
 * struct shunt_prefix - one prefix, part of whatever it stands for
 * @hash: in the table of its set
 * @addr: the address, without bits behind the length; with @len the key
 * @len: in bits, of the v4-mapped form
 */
struct shunt_prefix {
	struct rhash_head hash;
	struct shunt_addr addr;
	u32 len;
};

struct shunt_lpm;

struct shunt_lpm *shunt_lpm_alloc(void);
void shunt_lpm_free(struct shunt_lpm *lpm);
int shunt_lpm_add(struct shunt_lpm *lpm, struct shunt_prefix *prefix);
void shunt_lpm_del(struct shunt_lpm *lpm, struct shunt_prefix *prefix);
struct shunt_prefix *shunt_lpm_find(struct shunt_lpm *lpm,
				    const struct shunt_addr *addr, u32 len);
struct shunt_prefix *shunt_lpm_lookup(struct shunt_lpm *lpm,
				      const struct shunt_addr *addr);

#endif /* SHUNT_LPM_H */
