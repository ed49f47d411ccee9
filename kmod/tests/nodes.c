// SPDX-License-Identifier: GPL-2.0
#include <linux/rtnetlink.h>
#include <linux/slab.h>

#include "../flow.h"
#include "../path.h"
#include "../pod.h"
#include "../route.h"
#include "nodes.h"

/**
 * shunt_test_nodes_begin() - make a node and its pods
 *
 * Not the test's own: if an assertion ends it, work that was put off finds them
 * all the same.
 *
 * Return: them, or NULL.
 */
struct shunt_test_nodes *shunt_test_nodes_begin(void)
{
	struct shunt_test_nodes *nodes;
	struct shunt_node *node;
	int i;

	nodes = kzalloc(sizeof(*nodes), GFP_KERNEL);
	if (!nodes)
		return NULL;
	node = &nodes->node;
	INIT_LIST_HEAD(&node->pods);
	INIT_LIST_HEAD(&node->uplinks);
	INIT_LIST_HEAD(&node->paths);
	node->net = &init_net;
	node->stats = alloc_percpu(struct shunt_stats);
	if (!node->stats || shunt_pod_table_init(node) ||
	    shunt_path_table_init(node) || shunt_flow_table_alloc(node) ||
	    shunt_route_cache_alloc(node))
		return NULL;
	rtnl_lock();
	for (i = 0; i < ARRAY_SIZE(nodes->pod); i++) {
		INIT_LIST_HEAD(&nodes->pod[i].addrs);
		nodes->pod[i].stats = node->stats;
		rcu_assign_pointer(nodes->pod[i].node, node);
		shunt_pod_join(&nodes->pod[i], node);
	}
	rtnl_unlock();
	return nodes;
}

/**
 * shunt_test_nodes_end() - free what belongs to a node and its pods
 * @nodes: with whatever is left in their tables
 */
void shunt_test_nodes_end(struct shunt_test_nodes *nodes)
{
	struct shunt_node *node = &nodes->node;
	int i;

	rtnl_lock();
	for (i = 0; i < ARRAY_SIZE(nodes->pod); i++)
		if (rtnl_dereference(nodes->pod[i].node))
			shunt_pod_leave(&nodes->pod[i]);
	rtnl_unlock();
	synchronize_rcu();
	shunt_route_cache_free(node);
	shunt_flow_table_free(node);
	shunt_path_table_destroy(node);
	shunt_pod_table_destroy(node);
	free_percpu(node->stats);
	kfree(nodes);
}
