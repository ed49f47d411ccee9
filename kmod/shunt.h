/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The few types that all files share. What a thing does stands in the file
 * that carries its name; Documentation/architecture.rst tells for each object
 * who finds it, what keeps it alive and who frees it.
 */
#ifndef SHUNT_H
#define SHUNT_H

#include <linux/list.h>
#include <linux/netdevice.h>
#include <linux/rhashtable-types.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include <uapi/linux/shunt.h>

#include "addr.h"
#include "stats.h"

struct shunt_cache;
struct shunt_flows;
struct shunt_host;
struct shunt_lpm;
struct shunt_node;
struct shunt_pod;

/* The MAC address of every pod's gateway, the letters of "shunt". User space
 * gives it to the pods' permanent neighbours.
 */
#define SHUNT_GATEWAY_MAC { 0x02, 's', 'h', 'u', 'n', 't' }

/**
 * struct shunt_entry - where packets of a pod or an uplink enter a node
 * @iif: the device that routes are asked for, and that routes to the pod lead
 *	to: the node device for pods, the uplink itself for what arrives on it
 * @pod: the sender, NULL for an uplink
 *
 * Its address is part of the question that the route cache answers.
 */
struct shunt_entry {
	struct net_device *iif;
	struct shunt_pod *pod;
};

/**
 * struct shunt_node - private part of a node device, one per network namespace
 * @dev: the node device
 * @net: its network namespace, which it never leaves
 * @stats: counters of the node device and of what became of former pods
 * @cache: the route cache
 * @generation: what the route cache knows is void when this has moved
 * @dead: no more answers may be kept, the device is on its way out
 * @stack_paths: how many of @paths lead to the stack
 * @pod_filter: says of most other addresses that they are not in @pod_table:
 *	how many addresses of pods share a hash, written under RTNL
 * @pod_table: &struct shunt_pod_addr by address
 * @path_table: &struct shunt_path by prefix
 * @flows: the flows that are remembered
 * @host: what the node looks after in the host's stack
 * @pods: &struct shunt_pod.list, under RTNL
 * @uplinks: &struct shunt_uplink.list, under RTNL
 * @paths: &struct shunt_path.list, under RTNL
 * @grow: enlarges @cache
 * @changes: to @pods, @uplinks and @paths, for dumps to notice; never 0
 * @gone: what pods that are gone have counted, under RTNL
 * @follow_mtu: the MTU is the smallest uplink's, nobody has set another one
 */
struct shunt_node {
	/* read by every packet */
	struct net_device *dev;
	struct net *net;
	struct shunt_stats __percpu *stats;
	struct shunt_cache __rcu *cache;
	atomic64_t generation;
	bool dead;
	unsigned int stack_paths;
	u8 *pod_filter;
	struct rhashtable pod_table;
	struct shunt_lpm *path_table;
	struct shunt_flows *flows;
	struct shunt_host *host;

	/* slow path */
	struct list_head pods;
	struct list_head uplinks;
	struct list_head paths;
	struct work_struct grow;
	u32 changes;
	struct shunt_stats gone;
	bool follow_mtu;
};

/**
 * struct shunt_pod - private part of a pod device
 * @dev: the pod device, in the pod's network namespace
 * @node: the node, NULL once the device is unregistered; under RTNL and RCU
 * @stats: counters
 * @entry: what the pod sends enters here
 * @asks: the pod has, or had, host flows; each packet asks for its own
 * @whole: there was no room for all of them: all packets are the host's
 * @veth: it is on a pair that somebody else has made, see veth.c
 * @flows: how many there are, under the lock of flows
 * @list: in &struct shunt_node.pods
 * @addrs: &struct shunt_pod_addr.list, under RTNL
 * @follow_mtu: the MTU is the smallest uplink's, nobody has set another one
 * @tracker: of the reference on the node device
 */
struct shunt_pod {
	/* read by every packet */
	struct net_device *dev;
	struct shunt_node __rcu *node;
	struct shunt_stats __percpu *stats;
	struct shunt_entry entry;
	bool asks;
	bool whole;
	bool veth;

	/* slow path, whose counts share no line with the above */
	unsigned int flows ____cacheline_aligned_in_smp;
	struct list_head list;
	struct list_head addrs;
	bool follow_mtu;
	netdevice_tracker tracker;
};

/**
 * struct shunt_uplink - a device of the node that pods are reached through
 * @pod_filter: the node's, for what the host's own packets ask alone
 * @node: the node
 * @dev: the device; its rx_handler_data is this object
 * @entry: what arrives on it enters here
 * @list: in &struct shunt_node.uplinks
 * @rcu: frees it
 */
struct shunt_uplink {
	const u8 *pod_filter;
	struct shunt_node *node;
	struct net_device *dev;
	struct shunt_entry entry;
	struct list_head list;
	struct rcu_head rcu;
};

#endif /* SHUNT_H */
