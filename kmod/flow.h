/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Flows: what is remembered of a connection. Packets of either direction find
 * it with one lookup.
 */
#ifndef SHUNT_FLOW_H
#define SHUNT_FLOW_H

#include <linux/rhashtable-types.h>

#include "addr.h"

struct nf_conn;
struct shunt_flows;
struct shunt_node;
struct shunt_pod;

/**
 * struct shunt_flow_key - what the packets of one direction have in common
 * @saddr: source
 * @daddr: destination
 * @sport: source port, or 0
 * @dport: destination port, or 0
 * @proto: protocol with ports, or 0 for all that two addresses exchange
 */
struct shunt_flow_key {
	struct shunt_addr saddr;
	struct shunt_addr daddr;
	__be16 sport;
	__be16 dport;
	u32 proto;
};

static inline struct shunt_flow_key
shunt_flow_reversed(const struct shunt_flow_key *key)
{
	return (struct shunt_flow_key){
		.saddr = key->daddr,
		.daddr = key->saddr,
		.sport = key->dport,
		.dport = key->sport,
		.proto = key->proto,
	};
}

enum shunt_flow_way {
	SHUNT_FLOW_OUT,		/* what the pod sends */
	SHUNT_FLOW_IN,		/* what it receives */
	SHUNT_FLOW_WAYS,
};

/**
 * struct shunt_flow_dir - one direction of a flow
 * @hash: in the table of flows
 * @key: of its packets
 * @way: which one it is
 */
struct shunt_flow_dir {
	struct rhash_head hash;
	struct shunt_flow_key key;
	enum shunt_flow_way way;
};

/**
 * struct shunt_flow - a connection of a pod
 * @dir: both directions, by &enum shunt_flow_way
 * @pod: whose it is
 * @pair: the flow of all that the two addresses exchange, or NULL if this is it
 * @ct: the host's own state, held: the flow lives as long, or NULL
 * @until: how long it lives without @ct, in jiffies
 * @members: flows whose @pair this is: it outlives them
 * @is_helped: of a pair: a connection of it has a helper, which may expect
 *	others between the two addresses
 * @list: in the list of flows
 * @rcu: frees it
 *
 * Readers find it under RCU, and look at @dir and @is_helped alone; the rest is
 * under the lock of the table.
 */
struct shunt_flow {
	struct shunt_flow_dir dir[SHUNT_FLOW_WAYS];
	struct shunt_pod *pod;
	struct shunt_flow *pair;
	struct nf_conn *ct;
	unsigned long until;
	unsigned int members;
	bool is_helped;
	struct list_head list;
	struct rcu_head rcu;
};

int shunt_flow_table_alloc(struct shunt_node *node);
void shunt_flow_table_free(struct shunt_node *node);
bool shunt_flow_read_key(const struct sk_buff *skb, struct shunt_flow_key *key);
bool shunt_flow_read_quoted(const struct sk_buff *skb,
			    struct shunt_flow_key *key);
struct shunt_flow *shunt_flow_lookup(struct shunt_flows *flows,
				     const struct shunt_flow_key *key);
bool shunt_flow_covers(struct shunt_flows *flows, const struct sk_buff *skb);
void shunt_flow_note(struct shunt_node *node, struct shunt_pod *pod,
		     const struct shunt_flow_key *key, struct nf_conn *ct);
void shunt_flow_forget(struct shunt_node *node, const struct shunt_pod *pod,
		       const struct shunt_addr *addr);
int shunt_flow_init(void);
void shunt_flow_exit(void);

#endif /* SHUNT_FLOW_H */
