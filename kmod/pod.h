/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Addresses to pod devices.
 */
#ifndef SHUNT_POD_H
#define SHUNT_POD_H

#include <linux/rhashtable.h>
#include <net/ipv6.h>

#include "shunt.h"

struct netlink_ext_ack;
struct nlattr;

/**
 * struct shunt_pod_addr - one address of a pod
 * @hash: in &struct shunt_node.pod_table
 * @addr: the address, the key
 * @pod: its owner
 * @is_link_local: the one that comes with the MAC address, for the node alone
 * @list: in &struct shunt_pod.addrs
 * @rcu: frees it
 */
struct shunt_pod_addr {
	struct rhash_head hash;
	struct shunt_addr addr;
	struct shunt_pod *pod;
	bool is_link_local;
	struct list_head list;
	struct rcu_head rcu;
};

static inline u32 shunt_addr_hashfn(const void *key, u32 len, u32 seed)
{
	/* The table looks at the lowest bits. */
	return swab32(shunt_addr_hash(key) >> 32);
}

static inline int shunt_addr_cmp(struct rhashtable_compare_arg *arg,
				 const void *obj)
{
	const struct shunt_pod_addr *entry = obj;
	const struct shunt_addr *key = arg->key;

	return !ipv6_addr_equal(&entry->addr.v6, &key->v6);
}

static const struct rhashtable_params shunt_pod_params = {
	.key_len = sizeof(struct shunt_addr),
	.key_offset = offsetof(struct shunt_pod_addr, addr),
	.head_offset = offsetof(struct shunt_pod_addr, hash),
	.hashfn = shunt_addr_hashfn,
	.obj_cmpfn = shunt_addr_cmp,
	.automatic_shrinking = true,
};

/**
 * shunt_pod_lookup() - who has an address?
 * @node: the node
 * @addr: the address
 *
 * Context: RCU read side.
 * Return: the pod, not referenced, or NULL.
 */
static inline struct shunt_pod *shunt_pod_lookup(struct shunt_node *node,
						 const struct shunt_addr *addr)
{
	struct shunt_pod_addr *entry;

	entry = rhashtable_lookup(&node->pod_table, addr, shunt_pod_params);
	return entry ? entry->pod : NULL;
}

/* With as many addresses as 2,000 pods of both families have, 1 in 32 others
 * needs a lookup.
 */
#define SHUNT_POD_FILTER_BITS 17

static __always_inline unsigned int shunt_pod_filter_index(u64 hash)
{
	return hash >> (64 - SHUNT_POD_FILTER_BITS);
}

static __always_inline bool shunt_pod_filter_test(const u8 *filter, u64 hash)
{
	/* A byte cannot be read by halves: READ_ONCE() would only cost two
	 * more instructions.
	 */
	return data_race(filter[shunt_pod_filter_index(hash)]);
}

/**
 * shunt_pod_filter_v4() - could an IPv4 address be a pod's?
 * @filter: the node's, &struct shunt_node.pod_filter
 * @v4: the address
 *
 * Context: RCU read side.
 */
static __always_inline bool shunt_pod_filter_v4(const u8 *filter, __be32 v4)
{
	return shunt_pod_filter_test(filter, shunt_addr_hash_v4(v4));
}

/**
 * shunt_pod_filter_v6() - could an IPv6 address be a pod's?
 * @filter: the node's, &struct shunt_node.pod_filter
 * @v6: the address
 *
 * Context: RCU read side.
 */
static __always_inline bool shunt_pod_filter_v6(const u8 *filter,
						const struct in6_addr *v6)
{
	return shunt_pod_filter_test(filter, shunt_addr_hash_v6(v6));
}

void shunt_pod_join(struct shunt_pod *pod, struct shunt_node *node);
void shunt_pod_leave(struct shunt_pod *pod);
int shunt_pod_table_init(struct shunt_node *node);
void shunt_pod_table_destroy(struct shunt_node *node);
int shunt_pod_addr_add(struct shunt_pod *pod, const struct nlattr *nla,
		       struct netlink_ext_ack *extack);
int shunt_pod_addr_del(struct shunt_pod *pod, const struct nlattr *nla,
		       struct netlink_ext_ack *extack);
void shunt_pod_addr_add_link_local(struct shunt_pod *pod);
int shunt_pod_addr_fill(struct sk_buff *skb, const struct shunt_pod *pod,
			int type);

#endif /* SHUNT_POD_H */
