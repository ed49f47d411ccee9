/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which remote addresses the direct path is for.
 */
#ifndef SHUNT_PATH_H
#define SHUNT_PATH_H

#include "lpm.h"
#include "shunt.h"

struct netlink_ext_ack;

/**
 * struct shunt_path - what was said about a prefix
 * @prefix: the prefix, in &struct shunt_node.path_table
 * @action: direct or stack, &enum shunt_path_action
 * @node: whose it is
 * @list: in &struct shunt_node.paths
 * @rcu: frees it
 */
struct shunt_path {
	struct shunt_prefix prefix;
	u8 action;
	struct shunt_node *node;
	struct list_head list;
	struct rcu_head rcu;
};

/**
 * shunt_path_is_stack() - do packets from and to an address take the stack?
 * @node: the node
 * @remote: the address that is not the pod's
 *
 * Context: RCU read side.
 */
static inline bool shunt_path_is_stack(struct shunt_node *node,
				       const struct shunt_addr *remote)
{
	const struct shunt_prefix *prefix;

	if (likely(!READ_ONCE(node->stack_paths)))
		return false;
	prefix = shunt_lpm_lookup(node->path_table, remote);
	return prefix && READ_ONCE(container_of_const(prefix, struct shunt_path,
						      prefix)->action) ==
				 SHUNT_PATH_ACTION_STACK;
}

int shunt_path_table_init(struct shunt_node *node);
void shunt_path_table_destroy(struct shunt_node *node);
struct shunt_path *shunt_path_find(struct shunt_node *node,
				   const struct shunt_prefix *prefix);
int shunt_path_add(struct shunt_node *node, const struct shunt_prefix *prefix,
		   u8 action);
int shunt_path_del(struct shunt_node *node, const struct shunt_prefix *prefix);

#endif /* SHUNT_PATH_H */
