// SPDX-License-Identifier: GPL-2.0
/*
 * Which remote addresses the direct path is for: prefixes that the operator
 * has marked, such as service addresses that the host translates. They are
 * asked when a route is, and its answer remembers it.
 */
#include <linux/rtnetlink.h>
#include <linux/slab.h>

#include "path.h"
#include "route.h"

/**
 * shunt_path_table_init() - prepare a node's prefixes
 * @node: the node
 *
 * Return: 0 or -ENOMEM.
 */
int shunt_path_table_init(struct shunt_node *node)
{
	node->path_table = shunt_lpm_alloc();
	return node->path_table ? 0 : -ENOMEM;
}

/**
 * shunt_path_table_destroy() - free a node's prefixes
 * @node: the node, without readers
 */
void shunt_path_table_destroy(struct shunt_node *node)
{
	struct shunt_path *path, *tmp;

	shunt_lpm_free(node->path_table);
	list_for_each_entry_safe(path, tmp, &node->paths, list)
		kfree(path);
}

/**
 * shunt_path_find() - look for exactly this prefix
 * @node: the node
 * @prefix: the prefix
 *
 * Context: RTNL.
 * Return: what was said about it, or NULL.
 */
struct shunt_path *shunt_path_find(struct shunt_node *node,
				   const struct shunt_prefix *prefix)
{
	struct shunt_prefix *found;

	found = shunt_lpm_find(node->path_table, &prefix->addr, prefix->len);
	return found ? container_of(found, struct shunt_path, prefix) : NULL;
}

static void count_stack(struct shunt_node *node, u8 old, u8 new)
{
	unsigned int paths = node->stack_paths;

	paths += new == SHUNT_PATH_ACTION_STACK;
	paths -= old == SHUNT_PATH_ACTION_STACK;
	WRITE_ONCE(node->stack_paths, paths);
}

static void change(struct shunt_path *path, u8 action)
{
	count_stack(path->node, path->action, action);
	WRITE_ONCE(path->action, action);
}

static int insert(struct shunt_node *node, const struct shunt_prefix *prefix,
		  u8 action)
{
	struct shunt_path *path;
	int err;

	path = kzalloc(sizeof(*path), GFP_KERNEL);
	if (!path)
		return -ENOMEM;
	path->prefix = *prefix;
	path->action = action;
	path->node = node;
	err = shunt_lpm_add(node->path_table, &path->prefix);
	if (err) {
		kfree(path);
		return err;
	}
	count_stack(node, SHUNT_PATH_ACTION_DIRECT, action);
	list_add_tail(&path->list, &node->paths);
	node->changes++;
	return 0;
}

/**
 * shunt_path_add() - say which path packets from and to a prefix take
 * @node: the node
 * @prefix: the prefix
 * @action: direct or stack; takes the place of what was said before
 *
 * Context: RTNL.
 * Return: 0 or -ENOMEM.
 */
int shunt_path_add(struct shunt_node *node, const struct shunt_prefix *prefix,
		   u8 action)
{
	struct shunt_path *path = shunt_path_find(node, prefix);
	int err = 0;

	/* Said again, as each new pod may do: no reason to void any route. */
	if (path && path->action == action)
		return 0;
	if (path)
		change(path, action);
	else
		err = insert(node, prefix, action);
	if (!err)
		shunt_route_invalidate(node);
	return err;
}

/**
 * shunt_path_del() - forget a prefix
 * @node: the node
 * @prefix: the prefix
 *
 * Context: RTNL.
 * Return: 0 or -ENOENT.
 */
int shunt_path_del(struct shunt_node *node, const struct shunt_prefix *prefix)
{
	struct shunt_path *path = shunt_path_find(node, prefix);

	if (!path)
		return -ENOENT;
	change(path, SHUNT_PATH_ACTION_DIRECT);
	shunt_lpm_del(node->path_table, &path->prefix);
	list_del(&path->list);
	node->changes++;
	kfree_rcu(path, rcu);
	shunt_route_invalidate(node);
	return 0;
}
