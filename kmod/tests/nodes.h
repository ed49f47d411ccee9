/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A node with pods, all without devices: tables, lists and counters.
 */
#ifndef SHUNT_TEST_NODES_H
#define SHUNT_TEST_NODES_H

#include <linux/netlink.h>

#include "../shunt.h"

/**
 * struct shunt_test_nodes - a node and its pods
 * @node: the node
 * @pod: pods, which have no addresses yet; their counters are the node's
 * @extack: room for what is said of a request
 */
struct shunt_test_nodes {
	struct shunt_node node;
	struct shunt_pod pod[4];
	struct netlink_ext_ack extack;
};

struct shunt_test_nodes *shunt_test_nodes_begin(void);
void shunt_test_nodes_end(struct shunt_test_nodes *nodes);

#endif /* SHUNT_TEST_NODES_H */
