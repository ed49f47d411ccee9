// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses to pod devices: which pod has an address, and which addresses a
 * pod may have. Packets look up, netlink adds and deletes under RTNL.
 */
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/addrconf.h>
#include <net/ipv6.h>
#include <net/netlink.h>

#include "flow.h"
#include "pod.h"
#include "route.h"

/* So that one message carries them all. */
#define MAX_ADDRS 64

static u8 *filter_at(const struct shunt_node *node,
		     const struct shunt_addr *addr)
{
	return &node->pod_filter[shunt_pod_filter_index(shunt_addr_hash(addr))];
}

static void filter_add(struct shunt_node *node, const struct shunt_addr *addr)
{
	u8 *users = filter_at(node, addr);

	if (*users < U8_MAX)
		WRITE_ONCE(*users, *users + 1);
}

/* What is full may have more users than it tells: it stays. */
static void filter_del(struct shunt_node *node, const struct shunt_addr *addr)
{
	u8 *users = filter_at(node, addr);

	if (*users < U8_MAX)
		WRITE_ONCE(*users, *users - 1);
}

/**
 * shunt_pod_table_init() - prepare a node's table
 * @node: the node
 *
 * Return: 0 or -ENOMEM.
 */
int shunt_pod_table_init(struct shunt_node *node)
{
	int err;

	node->pod_filter = kvzalloc(1UL << SHUNT_POD_FILTER_BITS, GFP_KERNEL);
	if (!node->pod_filter)
		return -ENOMEM;
	err = rhashtable_init(&node->pod_table, &shunt_pod_params);
	if (err)
		kvfree(node->pod_filter);
	return err;
}

/**
 * shunt_pod_table_destroy() - free a node's table
 * @node: the node, without pods and readers
 */
void shunt_pod_table_destroy(struct shunt_node *node)
{
	rhashtable_destroy(&node->pod_table);
	kvfree(node->pod_filter);
}

/* Which unicast addresses the direct path can carry. */
static bool is_usable(const struct shunt_addr *addr)
{
	int type = ipv6_addr_type(&addr->v6);
	__be32 v4 = addr->v6.s6_addr32[3];

	if (shunt_addr_is_v4(addr))
		return !ipv4_is_zeronet(v4) && !ipv4_is_loopback(v4) &&
		       !ipv4_is_multicast(v4) && !ipv4_is_lbcast(v4) &&
		       !ipv4_is_linklocal_169(v4);
	return type & IPV6_ADDR_UNICAST &&
	       !(type & (IPV6_ADDR_LINKLOCAL | IPV6_ADDR_LOOPBACK));
}

static int check_addr(struct shunt_node *node, const struct nlattr *nla,
		      const struct shunt_addr *addr,
		      struct netlink_ext_ack *extack)
{
	bool used;

	if (!is_usable(addr)) {
		NL_SET_ERR_MSG_ATTR(extack, nla,
				    "a pod's address must be global unicast");
		return -EADDRNOTAVAIL;
	}
	rcu_read_lock();
	used = shunt_pod_lookup(node, addr);
	rcu_read_unlock();
	if (!used)
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, nla,
			    "address in use by a pod of this node: choose another or delete that pod");
	return -EADDRINUSE;
}

static int insert_addr(struct shunt_pod *pod, const struct shunt_addr *addr,
		       bool is_link_local)
{
	struct shunt_node *node = rtnl_dereference(pod->node);
	struct shunt_pod_addr *entry;
	int err;

	entry = kzalloc(sizeof(*entry), GFP_KERNEL);
	if (!entry)
		return -ENOMEM;
	entry->addr = *addr;
	entry->pod = pod;
	entry->is_link_local = is_link_local;
	err = rhashtable_insert_fast(&node->pod_table, &entry->hash,
				     shunt_pod_params);
	if (err) {
		kfree(entry);
		return err;
	}
	filter_add(node, addr);
	list_add_tail(&entry->list, &pod->addrs);
	shunt_route_invalidate(node);
	return 0;
}

/**
 * shunt_pod_addr_add() - give a pod an address
 * @pod: the pod
 * @nla: the address, 4 or 16 bytes in network order
 * @extack: says what is wrong
 *
 * Context: RTNL.
 * Return: 0, -EINVAL, -EADDRNOTAVAIL for what no pod can have, -EADDRINUSE,
 * -ENOSPC or -ENOMEM.
 */
int shunt_pod_addr_add(struct shunt_pod *pod, const struct nlattr *nla,
		       struct netlink_ext_ack *extack)
{
	struct shunt_node *node = rtnl_dereference(pod->node);
	struct shunt_addr addr;
	int err;

	if (list_count_nodes(&pod->addrs) > MAX_ADDRS) {
		NL_SET_ERR_MSG(extack,
			       "a pod has no room for more addresses: delete one");
		return -ENOSPC;
	}
	err = shunt_addr_get(nla, &addr, extack);
	if (!err)
		err = check_addr(node, nla, &addr, extack);
	return err ?: insert_addr(pod, &addr, false);
}

static void remove_addr(struct shunt_node *node, struct shunt_pod_addr *entry)
{
	filter_del(node, &entry->addr);
	rhashtable_remove_fast(&node->pod_table, &entry->hash,
			       shunt_pod_params);
	list_del(&entry->list);
	kfree_rcu(entry, rcu);
}

/**
 * shunt_pod_addr_del() - take an address from a pod
 * @pod: the pod
 * @nla: the address, 4 or 16 bytes in network order
 * @extack: says what is wrong
 *
 * Context: RTNL.
 * Return: 0, -EINVAL, or -EADDRNOTAVAIL if the pod does not have it.
 */
int shunt_pod_addr_del(struct shunt_pod *pod, const struct nlattr *nla,
		       struct netlink_ext_ack *extack)
{
	struct shunt_node *node = rtnl_dereference(pod->node);
	struct shunt_pod_addr *entry;
	struct shunt_addr addr;
	int err;

	err = shunt_addr_get(nla, &addr, extack);
	if (err)
		return err;
	list_for_each_entry(entry, &pod->addrs, list) {
		if (entry->is_link_local ||
		    !ipv6_addr_equal(&entry->addr.v6, &addr.v6))
			continue;
		remove_addr(node, entry);
		shunt_route_invalidate(node);
		shunt_flow_forget(node, pod, &addr);
		return 0;
	}
	NL_SET_ERR_MSG_ATTR(extack, nla,
			    "the pod does not have this address: see shuntctl pod show");
	return -EADDRNOTAVAIL;
}

/**
 * shunt_pod_addr_add_link_local() - let the node find a pod's link-local one
 * @pod: a new pod, with the MAC address that the node has given it
 *
 * Of what a pod may choose for itself the node knows nothing: only the address
 * that the kernel makes of the MAC address by default is known, and only of
 * the first pod that has it. Nothing depends on it but answers to pods that
 * talk to their gateway's link-local address.
 *
 * Context: RTNL.
 */
void shunt_pod_addr_add_link_local(struct shunt_pod *pod)
{
	struct shunt_node *node = rtnl_dereference(pod->node);
	struct shunt_addr addr = {};
	bool used;

	addr.v6.s6_addr32[0] = htonl(0xfe800000);
	addrconf_addr_eui48(&addr.v6.s6_addr[8], pod->dev->dev_addr);
	rcu_read_lock();
	used = shunt_pod_lookup(node, &addr);
	rcu_read_unlock();
	if (!used)
		insert_addr(pod, &addr, true);
}

static void del_addrs(struct shunt_pod *pod)
{
	struct shunt_node *node = rtnl_dereference(pod->node);
	struct shunt_pod_addr *entry, *tmp;

	list_for_each_entry_safe(entry, tmp, &pod->addrs, list)
		remove_addr(node, entry);
	shunt_route_invalidate(node);
}

/**
 * shunt_pod_join() - a pod becomes one of a node's
 * @pod: the pod
 * @node: the node
 *
 * Context: RTNL.
 */
void shunt_pod_join(struct shunt_pod *pod, struct shunt_node *node)
{
	list_add_tail(&pod->list, &node->pods);
	node->changes++;
}

/**
 * shunt_pod_leave() - a pod is no longer one of its node's
 * @pod: the pod; what it has counted stays with the node
 *
 * Context: RTNL. A grace period must pass before the pod may be freed.
 */
void shunt_pod_leave(struct shunt_pod *pod)
{
	struct shunt_node *node = rtnl_dereference(pod->node);

	del_addrs(pod);
	list_del(&pod->list);
	node->changes++;
	RCU_INIT_POINTER(pod->node, NULL);
	shunt_flow_forget(node, pod, NULL);
	shunt_stats_sum(&node->gone, pod->stats);
}

/**
 * shunt_pod_addr_fill() - a pod's addresses as attributes
 * @skb: message
 * @pod: the pod
 * @type: of the attribute
 *
 * Context: RTNL.
 * Return: 0 or -EMSGSIZE.
 */
int shunt_pod_addr_fill(struct sk_buff *skb, const struct shunt_pod *pod,
			int type)
{
	const struct shunt_pod_addr *entry;
	int err;

	list_for_each_entry(entry, &pod->addrs, list) {
		if (entry->is_link_local)
			continue;
		err = shunt_addr_put(skb, type, &entry->addr);
		if (err)
			return err;
	}
	return 0;
}
