// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses to pod devices: which pod has an address, and which addresses a
 * pod may have. Packets look up, netlink adds and deletes under RTNL.
 */
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/ipv6.h>
#include <net/netlink.h>

#include "pod.h"
#include "route.h"

/**
 * shunt_pod_table_init() - prepare a node's table
 * @node: the node
 *
 * Return: 0 or -ENOMEM.
 */
int shunt_pod_table_init(struct shunt_node *node)
{
	return rhashtable_init(&node->pod_table, &shunt_pod_params);
}

/**
 * shunt_pod_table_destroy() - free a node's table
 * @node: the node, without pods and readers
 */
void shunt_pod_table_destroy(struct shunt_node *node)
{
	rhashtable_destroy(&node->pod_table);
}

/* Which unicast addresses the direct path can carry. */
static bool is_usable(const struct shunt_addr *addr)
{
	int type = ipv6_addr_type(&addr->v6);
	__be32 v4 = addr->v6.s6_addr32[3];

	if (ipv6_addr_v4mapped(&addr->v6))
		return !ipv4_is_zeronet(v4) && !ipv4_is_loopback(v4) &&
		       !ipv4_is_multicast(v4) && !ipv4_is_lbcast(v4) &&
		       !ipv4_is_linklocal_169(v4);
	return type & IPV6_ADDR_UNICAST &&
	       !(type & (IPV6_ADDR_LINKLOCAL | IPV6_ADDR_LOOPBACK));
}

/**
 * shunt_pod_addr_check() - may a pod have an address?
 * @node: the pod's node
 * @addr: the address
 * @extack: says why not
 *
 * Context: RTNL.
 * Return: 0, -EADDRNOTAVAIL for what no pod can have, -EADDRINUSE.
 */
int shunt_pod_addr_check(struct shunt_node *node,
			 const struct shunt_addr *addr,
			 struct netlink_ext_ack *extack)
{
	ASSERT_RTNL();
	if (!is_usable(addr)) {
		NL_SET_ERR_MSG(extack,
			       "a pod's address must be global unicast");
		return -EADDRNOTAVAIL;
	}
	rcu_read_lock();
	if (shunt_pod_lookup(node, addr)) {
		rcu_read_unlock();
		NL_SET_ERR_MSG(extack,
			       "address in use by a pod of this node: choose another or delete that pod");
		return -EADDRINUSE;
	}
	rcu_read_unlock();
	return 0;
}

/**
 * shunt_pod_addr_add() - give a pod an address
 * @pod: the pod
 * @addr: the address
 * @extack: says what is wrong
 *
 * Context: RTNL.
 * Return: 0, as shunt_pod_addr_check(), or -ENOMEM.
 */
int shunt_pod_addr_add(struct shunt_pod *pod, const struct shunt_addr *addr,
		       struct netlink_ext_ack *extack)
{
	struct shunt_node *node = rtnl_dereference(pod->node);
	struct shunt_pod_addr *entry;
	int err;

	err = shunt_pod_addr_check(node, addr, extack);
	if (err)
		return err;
	entry = kzalloc(sizeof(*entry), GFP_KERNEL);
	if (!entry)
		return -ENOMEM;
	entry->addr = *addr;
	entry->pod = pod;
	err = rhashtable_insert_fast(&node->pod_table, &entry->hash,
				     shunt_pod_params);
	if (err) {
		kfree(entry);
		return err;
	}
	list_add_tail(&entry->list, &pod->addrs);
	shunt_route_invalidate(node);
	return 0;
}

static void remove_addr(struct shunt_node *node, struct shunt_pod_addr *entry)
{
	rhashtable_remove_fast(&node->pod_table, &entry->hash,
			       shunt_pod_params);
	list_del(&entry->list);
	kfree_rcu(entry, rcu);
}

/**
 * shunt_pod_addr_del() - take an address from a pod
 * @pod: the pod
 * @addr: the address
 * @extack: says what is wrong
 *
 * Context: RTNL.
 * Return: 0, or -EADDRNOTAVAIL if the pod does not have it.
 */
int shunt_pod_addr_del(struct shunt_pod *pod, const struct shunt_addr *addr,
		       struct netlink_ext_ack *extack)
{
	struct shunt_node *node = rtnl_dereference(pod->node);
	struct shunt_pod_addr *entry;

	list_for_each_entry(entry, &pod->addrs, list) {
		if (!ipv6_addr_equal(&entry->addr.v6, &addr->v6))
			continue;
		remove_addr(node, entry);
		shunt_route_invalidate(node);
		return 0;
	}
	NL_SET_ERR_MSG(extack, "the pod does not have this address");
	return -EADDRNOTAVAIL;
}

/**
 * shunt_pod_addr_del_all() - take all addresses from a pod that goes away
 * @pod: the pod
 *
 * Context: RTNL. A grace period must pass before the pod may be freed.
 */
void shunt_pod_addr_del_all(struct shunt_pod *pod)
{
	struct shunt_node *node = rtnl_dereference(pod->node);
	struct shunt_pod_addr *entry, *tmp;

	list_for_each_entry_safe(entry, tmp, &pod->addrs, list)
		remove_addr(node, entry);
	shunt_route_invalidate(node);
}

/**
 * shunt_pod_addr_parse() - an address attribute
 * @nla: 4 or 16 bytes in network order
 * @addr: filled in
 * @extack: says what is wrong
 *
 * Return: 0 or -EINVAL.
 */
int shunt_pod_addr_parse(const struct nlattr *nla, struct shunt_addr *addr,
			 struct netlink_ext_ack *extack)
{
	switch (nla_len(nla)) {
	case sizeof(struct in_addr):
		*addr = shunt_addr_v4(nla_get_in_addr(nla));
		return 0;
	case sizeof(struct in6_addr):
		addr->v6 = nla_get_in6_addr(nla);
		return 0;
	default:
		NL_SET_ERR_MSG_ATTR(extack, nla,
				    "an address has 4 or 16 bytes");
		return -EINVAL;
	}
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
	const struct in6_addr *v6;
	int err;

	list_for_each_entry(entry, &pod->addrs, list) {
		v6 = &entry->addr.v6;
		if (ipv6_addr_v4mapped(v6))
			err = nla_put_in_addr(skb, type, v6->s6_addr32[3]);
		else
			err = nla_put_in6_addr(skb, type, v6);
		if (err)
			return err;
	}
	return 0;
}
