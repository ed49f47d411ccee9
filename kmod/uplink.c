// SPDX-License-Identifier: GPL-2.0
/*
 * Attach and detach uplinks, what is refused as one, and what the devices of
 * node and pods take over from them: MTU, GSO sizes, headroom. The packets of
 * an uplink are rx.c's matter.
 */
#include <linux/if_arp.h>
#include <linux/inetdevice.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/addrconf.h>

#include "dev.h"
#include "route.h"
#include "rx.h"
#include "uplink.h"

/**
 * shunt_uplink_lookup() - is a device an uplink?
 * @dev: any device
 *
 * Context: RTNL or RCU read side.
 * Return: the uplink, or NULL.
 */
struct shunt_uplink *shunt_uplink_lookup(const struct net_device *dev)
{
	if (rcu_access_pointer(dev->rx_handler) != shunt_rx_handle)
		return NULL;
	return rcu_dereference_rtnl(dev->rx_handler_data);
}

/**
 * shunt_uplink_node() - whose uplink is a device?
 * @dev: any device
 *
 * Context: RTNL or RCU read side.
 * Return: the node, or NULL.
 */
struct shunt_node *shunt_uplink_node(const struct net_device *dev)
{
	const struct shunt_uplink *uplink = shunt_uplink_lookup(dev);

	return uplink ? uplink->node : NULL;
}

static int refuse_slave(struct net_device *dev, struct netlink_ext_ack *extack)
{
	struct net_device *master = netdev_master_upper_dev_get(dev);

	if (!master || netif_is_l3_master(master))
		return 0;
	if (netif_is_ovs_port(dev)) {
		NL_SET_ERR_MSG_FMT(extack,
				   "%s is a port of Open vSwitch: attach the internal port of its bridge instead",
				   dev->name);
		return -EBUSY;
	}
	NL_SET_ERR_MSG_FMT(extack, "%s is a port of %s: attach %s instead",
			   dev->name, master->name, master->name);
	return -EBUSY;
}

/* Kinds of devices that take all packets of the device below. */
static const char *const takers[] = {
	"macvlan", "macvtap", "ipvlan", "ipvtap", "macsec",
};

static const struct net_device *find_taker(struct net_device *dev)
{
	struct net_device *upper;
	struct list_head *iter;

	netdev_for_each_upper_dev_rcu(dev, upper, iter)
		if (net_eq(dev_net(upper), dev_net(dev)) &&
		    upper->rtnl_link_ops &&
		    match_string(takers, ARRAY_SIZE(takers),
				 upper->rtnl_link_ops->kind) >= 0)
			return upper;
	return NULL;
}

static int refuse_busy(struct net_device *dev, struct netlink_ext_ack *extack)
{
	const struct net_device *taker;

	if (!netdev_is_rx_handler_busy(dev))
		return 0;
	taker = find_taker(dev);
	if (taker)
		NL_SET_ERR_MSG_FMT(extack,
				   "%s takes the packets of %s: attach %s instead",
				   taker->name, dev->name, taker->name);
	else
		NL_SET_ERR_MSG(extack,
			       "the device's packets go to another driver: attach another device of the node");
	return -EBUSY;
}

static int refuse(struct shunt_node *node, struct net_device *dev,
		  struct netlink_ext_ack *extack)
{
	int err;

	if (dev == node->dev) {
		NL_SET_ERR_MSG(extack,
			       "the node device is no uplink: attach a NIC");
		return -EINVAL;
	}
	if (dev->flags & IFF_LOOPBACK || netif_is_l3_master(dev)) {
		NL_SET_ERR_MSG(extack,
			       "loopback and VRF devices are no uplinks: attach a NIC");
		return -EINVAL;
	}
	if (shunt_uplink_lookup(dev)) {
		NL_SET_ERR_MSG(extack,
			       "the device is an uplink already: that is all it takes");
		return -EEXIST;
	}
	err = refuse_slave(dev, extack);
	if (err)
		return err;
	return refuse_busy(dev, extack);
}

/* Debian's default, and then nothing is steered: worth a word. */
static void warn_forwarding(const struct shunt_node *node,
			    const struct net_device *dev,
			    struct netlink_ext_ack *extack)
{
	struct in_device *in_dev = __in_dev_get_rtnl(dev);

	if (in_dev && !IN_DEV_FORWARD(in_dev))
		NL_SET_ERR_MSG(extack,
			       "IPv4 forwarding is off, packets take the stack's path: sysctl net.ipv4.ip_forward=1");
	else if (ipv6_mod_enabled() &&
		 !READ_ONCE(node->net->ipv6.devconf_all->forwarding))
		NL_SET_ERR_MSG(extack,
			       "IPv6 forwarding is off, packets take the stack's path: sysctl net.ipv6.conf.all.forwarding=1");
}

/**
 * shunt_uplink_add() - steer what arrives on a device
 * @node: the node that gets it
 * @dev: a device in the node's network namespace
 * @extack: says why not, or what else is needed
 *
 * Context: RTNL.
 * Return: 0, -EINVAL, -EEXIST, -EBUSY or -ENOMEM.
 */
int shunt_uplink_add(struct shunt_node *node, struct net_device *dev,
		     struct netlink_ext_ack *extack)
{
	struct shunt_uplink *uplink;
	int err;

	ASSERT_RTNL();
	err = refuse(node, dev, extack);
	if (err)
		return err;
	uplink = kzalloc(sizeof(*uplink), GFP_KERNEL);
	if (!uplink)
		return -ENOMEM;
	uplink->pod_filter = node->pod_filter;
	uplink->node = node;
	uplink->dev = dev;
	uplink->entry.iif = dev;
	err = netdev_rx_handler_register(dev, shunt_rx_handle, uplink);
	if (err) {
		kfree(uplink);
		return err;
	}
	dev_disable_lro(dev);
	list_add_tail(&uplink->list, &node->uplinks);
	node->changes++;
	shunt_uplink_follow(node);
	shunt_route_invalidate(node);
	warn_forwarding(node, dev, extack);
	return 0;
}

/**
 * shunt_uplink_del() - leave a device alone again
 * @uplink: its uplink, freed
 *
 * Context: RTNL. Waits for a grace period, after which no packet finds the
 * device any more, and only then lets go of its neighbours.
 */
void shunt_uplink_del(struct shunt_uplink *uplink)
{
	struct shunt_node *node = uplink->node;

	ASSERT_RTNL();
	netdev_rx_handler_unregister(uplink->dev);
	list_del(&uplink->list);
	node->changes++;
	shunt_route_flush(node);
	shunt_uplink_follow(node);
	kfree_rcu(uplink, rcu);
}

/* Sizes that suit every uplink of a node. */
struct limits {
	unsigned int mtu;
	unsigned int gso_max_size;
	unsigned int gso_ipv4_max_size;
	unsigned int gro_max_size;
	unsigned int gro_ipv4_max_size;
	unsigned int gso_max_segs;
	unsigned int headroom;
};

static const struct limits no_uplinks = {
	.mtu = ETH_DATA_LEN,
	.gso_max_size = GSO_LEGACY_MAX_SIZE,
	.gso_ipv4_max_size = GSO_LEGACY_MAX_SIZE,
	.gro_max_size = GRO_LEGACY_MAX_SIZE,
	.gro_ipv4_max_size = GRO_LEGACY_MAX_SIZE,
	.gso_max_segs = GSO_MAX_SEGS,
};

static void lower(unsigned int *limit, unsigned int value)
{
	*limit = min(*limit, value);
}

static void heed(struct limits *limits, const struct net_device *dev)
{
	lower(&limits->mtu, dev->mtu);
	lower(&limits->gso_max_size, dev->gso_max_size);
	lower(&limits->gso_ipv4_max_size, shunt_dev_gso_ipv4_max_size(dev));
	lower(&limits->gro_max_size, dev->gro_max_size);
	lower(&limits->gro_ipv4_max_size, shunt_dev_gro_ipv4_max_size(dev));
	lower(&limits->gso_max_segs, dev->gso_max_segs);
	limits->headroom = max_t(unsigned int, limits->headroom,
				 LL_RESERVED_SPACE(dev));
}

static struct limits find_limits(const struct shunt_node *node)
{
	struct limits limits = {
		.mtu = UINT_MAX,
		.gso_max_size = UINT_MAX,
		.gso_ipv4_max_size = UINT_MAX,
		.gro_max_size = UINT_MAX,
		.gro_ipv4_max_size = UINT_MAX,
		.gso_max_segs = UINT_MAX,
	};
	const struct shunt_uplink *uplink;

	if (list_empty(&node->uplinks))
		return no_uplinks;
	list_for_each_entry(uplink, &node->uplinks, list)
		heed(&limits, uplink->dev);
	return limits;
}

static void apply_limits(struct net_device *dev, const struct limits *limits,
			 bool follow_mtu)
{
	if (follow_mtu && dev->mtu != limits->mtu)
		shunt_dev_follow_mtu(dev, limits->mtu);
	WRITE_ONCE(dev->gso_max_size, limits->gso_max_size);
	WRITE_ONCE(dev->gso_max_segs, limits->gso_max_segs);
	WRITE_ONCE(dev->gro_max_size, limits->gro_max_size);
	shunt_dev_set_ipv4_max_sizes(dev, limits->gso_ipv4_max_size,
				     limits->gro_ipv4_max_size);
	dev->needed_headroom = limits->headroom;
}

/**
 * shunt_uplink_follow() - let node and pods follow the uplinks' sizes
 * @node: the node
 *
 * Context: RTNL.
 */
void shunt_uplink_follow(struct shunt_node *node)
{
	struct limits limits = find_limits(node);
	struct shunt_pod *pod;

	if (node->dead)
		return;
	apply_limits(node->dev, &limits, node->follow_mtu);
	list_for_each_entry(pod, &node->pods, list)
		if (!pod->veth)
			apply_limits(pod->dev, &limits, pod->follow_mtu);
}

/**
 * shunt_uplink_follow_pod() - the sizes of a pod device before it is registered
 * @node: the node
 * @pod: the pod, which knows whether its MTU is one of them
 *
 * Context: RTNL.
 */
void shunt_uplink_follow_pod(struct shunt_node *node, struct shunt_pod *pod)
{
	struct limits limits = find_limits(node);

	if (pod->follow_mtu)
		pod->dev->mtu = limits.mtu;
	apply_limits(pod->dev, &limits, false);
}

/**
 * shunt_uplink_event() - something happened to a device
 * @dev: any device
 * @event: of the netdevice notifiers
 *
 * Context: RTNL.
 */
void shunt_uplink_event(struct net_device *dev, unsigned long event)
{
	struct shunt_uplink *uplink = shunt_uplink_lookup(dev);

	if (event == NETDEV_CHANGEUPPER && shunt_dev_is_node(dev))
		shunt_route_invalidate(netdev_priv(dev));
	if (!uplink)
		return;
	switch (event) {
	case NETDEV_CHANGEUPPER:
		shunt_route_invalidate(uplink->node);
		break;
	case NETDEV_UNREGISTER:
		shunt_uplink_del(uplink);
		break;
	case NETDEV_CHANGEMTU:
	case NETDEV_CHANGE:
	case NETDEV_FEAT_CHANGE:
		shunt_uplink_follow(uplink->node);
		shunt_route_invalidate(uplink->node);
		break;
	}
}
