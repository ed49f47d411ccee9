// SPDX-License-Identifier: GPL-2.0
/*
 * The link kind "shunt": node devices and pod devices, how they are made and
 * how they go. Who may make them is decided here; what may be changed later is
 * netlink.c's matter.
 */
#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/inetdevice.h>
#include <linux/module.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/addrconf.h>
#include <net/netevent.h>
#include <net/netns/generic.h>
#include <net/rtnetlink.h>

#include "dev.h"
#include "ethtool.h"
#include "flow.h"
#include "host.h"
#include "path.h"
#include "pod.h"
#include "route.h"
#include "tx.h"
#include "uplink.h"
#include "veth.h"

static bool userns_nodes;
module_param(userns_nodes, bool, 0644);
MODULE_PARM_DESC(userns_nodes,
		 "allow node devices in network namespaces of other than the initial user namespace (default: no)");

/* The node device of each network namespace, under RTNL. */
static unsigned int dev_net_id __read_mostly;

struct dev_net {
	struct shunt_node *node;
};

static struct dev_net *dev_net_state(const struct net *net)
{
	return net_generic(net, dev_net_id);
}

/**
 * shunt_dev_find_node() - the node of a network namespace
 * @net: the namespace
 *
 * Context: RTNL.
 * Return: the node, or NULL.
 */
struct shunt_node *shunt_dev_find_node(struct net *net)
{
	ASSERT_RTNL();
	return dev_net_state(net)->node;
}

static int node_init(struct net_device *dev)
{
	struct shunt_node *node = netdev_priv(dev);
	int err;

	node->stats = alloc_percpu(struct shunt_stats);
	if (!node->stats)
		return -ENOMEM;
	err = shunt_pod_table_init(node);
	if (err)
		goto err_free_stats;
	err = shunt_path_table_init(node);
	if (err)
		goto err_destroy_pods;
	err = shunt_flow_table_alloc(node);
	if (err)
		goto err_destroy_paths;
	err = shunt_host_alloc(node);
	if (err)
		goto err_free_flows;
	err = shunt_route_cache_alloc(node);
	if (err)
		goto err_free_host;
	dev_net_state(node->net)->node = node;
	__module_get(THIS_MODULE);
	return 0;

err_free_host:
	shunt_host_free(node);
err_free_flows:
	shunt_flow_table_free(node);
err_destroy_paths:
	shunt_path_table_destroy(node);
err_destroy_pods:
	shunt_pod_table_destroy(node);
err_free_stats:
	free_percpu(node->stats);
	return err;
}

/* Pod devices are on the same kill list, and may have gone first or not. */
static void node_uninit(struct net_device *dev)
{
	struct shunt_node *node = netdev_priv(dev);
	struct shunt_uplink *uplink, *tmp;
	struct shunt_pod *pod, *next;

	WRITE_ONCE(node->dead, true);
	shunt_host_stop(node);
	list_for_each_entry_safe(pod, next, &node->pods, list)
		if (pod->veth)
			shunt_veth_release(pod);
	list_for_each_entry_safe(uplink, tmp, &node->uplinks, list)
		shunt_uplink_del(uplink);
	dev_net_state(node->net)->node = NULL;
}

/* All pods have let go of the device by now, and a grace period has passed. */
static void node_destruct(struct net_device *dev)
{
	struct shunt_node *node = netdev_priv(dev);

	shunt_route_cache_free(node);
	shunt_host_free(node);
	shunt_flow_table_free(node);
	shunt_path_table_destroy(node);
	shunt_pod_table_destroy(node);
	free_percpu(node->stats);
	module_put(THIS_MODULE);
}

/* Nobody on these links has routers to tell of, or is to be asked for some. */
static void refuse_ra(struct net_device *dev)
{
	struct inet6_dev *idev = __in6_dev_get(dev);

	if (idev)
		WRITE_ONCE(idev->cnf.accept_ra, 0);
}

/* A router for pods must not tell them of shorter ways. */
static int node_open(struct net_device *dev)
{
	struct in_device *in_dev = __in_dev_get_rtnl(dev);

	if (in_dev) {
		IPV4_DEVCONF_ALL(dev_net(dev), SEND_REDIRECTS) = false;
		IN_DEV_CONF_SET(in_dev, SEND_REDIRECTS, false);
	}
	refuse_ra(dev);
	shunt_route_invalidate(netdev_priv(dev));
	return 0;
}

static int node_stop(struct net_device *dev)
{
	shunt_route_invalidate(netdev_priv(dev));
	return 0;
}

static int node_change_mtu(struct net_device *dev, int mtu)
{
	struct shunt_node *node = netdev_priv(dev);

	node->follow_mtu = false;
	WRITE_ONCE(dev->mtu, mtu);
	shunt_route_invalidate(node);
	return 0;
}

static void node_get_stats64(struct net_device *dev,
			     struct rtnl_link_stats64 *link)
{
	struct shunt_node *node = netdev_priv(dev);

	shunt_stats_link(link, node->stats);
}

static const struct net_device_ops node_ops = {
	.ndo_init = node_init,
	.ndo_uninit = node_uninit,
	.ndo_open = node_open,
	.ndo_stop = node_stop,
	.ndo_start_xmit = shunt_tx_node_xmit,
	.ndo_change_mtu = node_change_mtu,
	.ndo_get_stats64 = node_get_stats64,
	.ndo_neigh_construct = shunt_tx_node_neigh_construct,
};

static int pod_init(struct net_device *dev)
{
	struct shunt_pod *pod = netdev_priv(dev);
	struct shunt_node *node = rtnl_dereference(pod->node);

	pod->stats = alloc_percpu(struct shunt_stats);
	if (!pod->stats)
		return -ENOMEM;
	netdev_hold(node->dev, &pod->tracker, GFP_KERNEL);
	shunt_pod_join(pod, node);
	__module_get(THIS_MODULE);
	return 0;
}

/* The core waits for a grace period between this and the destructor. */
static void pod_uninit(struct net_device *dev)
{
	shunt_pod_leave(netdev_priv(dev));
}

static void pod_destruct(struct net_device *dev)
{
	struct shunt_pod *pod = netdev_priv(dev);

	netdev_put(pod->entry.iif, &pod->tracker);
	free_percpu(pod->stats);
	module_put(THIS_MODULE);
}

/* Answers of the route cache imply that the destination is up. */
static void pod_invalidate(struct net_device *dev)
{
	struct shunt_pod *pod = netdev_priv(dev);
	struct shunt_node *node = rtnl_dereference(pod->node);

	if (node)
		shunt_route_invalidate(node);
}

static int pod_open(struct net_device *dev)
{
	refuse_ra(dev);
	pod_invalidate(dev);
	return 0;
}

static int pod_stop(struct net_device *dev)
{
	pod_invalidate(dev);
	return 0;
}

static int pod_change_mtu(struct net_device *dev, int mtu)
{
	struct shunt_pod *pod = netdev_priv(dev);

	pod->follow_mtu = false;
	WRITE_ONCE(dev->mtu, mtu);
	pod_invalidate(dev);
	return 0;
}

static void pod_get_stats64(struct net_device *dev,
			    struct rtnl_link_stats64 *link)
{
	struct shunt_pod *pod = netdev_priv(dev);

	shunt_stats_link(link, pod->stats);
}

static const struct net_device_ops pod_ops = {
	.ndo_init = pod_init,
	.ndo_uninit = pod_uninit,
	.ndo_open = pod_open,
	.ndo_stop = pod_stop,
	.ndo_start_xmit = shunt_tx_pod_xmit,
	.ndo_change_mtu = pod_change_mtu,
	.ndo_get_stats64 = pod_get_stats64,
	.ndo_set_mac_address = eth_mac_addr,
	.ndo_validate_addr = eth_validate_addr,
	.ndo_neigh_construct = shunt_tx_pod_neigh_construct,
};

/* Ethernet's, less the cache: a neighbour with a cached header would not come
 * by its output.
 */
static const struct header_ops pod_header_ops = {
	.create = eth_header,
	.parse = eth_header_parse,
	.parse_protocol = eth_header_parse_protocol,
};

bool shunt_dev_is_node(const struct net_device *dev)
{
	return dev->netdev_ops == &node_ops;
}

bool shunt_dev_is_pod(const struct net_device *dev)
{
	return dev->netdev_ops == &pod_ops;
}

/**
 * shunt_dev_follow_mtu() - change the MTU as the uplinks did
 * @dev: node or pod device whose MTU follows them
 * @mtu: the new one
 *
 * Context: RTNL.
 */
void shunt_dev_follow_mtu(struct net_device *dev, unsigned int mtu)
{
	struct shunt_node *node = netdev_priv(dev);
	struct shunt_pod *pod = netdev_priv(dev);

	dev_set_mtu(dev, mtu);
	if (shunt_dev_is_node(dev))
		node->follow_mtu = true;
	else
		pod->follow_mtu = true;
}

static const struct device_type device_type = { .name = "shunt" };

/* Of both roles; which one it will be is not known yet. */
static void setup(struct net_device *dev)
{
	const netdev_features_t features = NETIF_F_SG | NETIF_F_FRAGLIST |
		NETIF_F_HIGHDMA | NETIF_F_HW_CSUM | NETIF_F_GSO_SOFTWARE |
		NETIF_F_GSO_ENCAP_ALL | NETIF_F_RXCSUM;

	ether_setup(dev);
	dev->features |= features;
	dev->hw_features |= features;
	dev->hw_enc_features |= features;
	dev->vlan_features |= features;
	/* What sends with interrupts off cannot come by neighbours. */
	dev->priv_flags |= IFF_NO_QUEUE | IFF_DISABLE_NETPOLL;
	dev->priv_flags &= ~IFF_TX_SKB_SHARING;
	/* Nobody has it cached: the address may change while the device is up,
	 * as a veth's may, which others take for granted.
	 */
	dev->priv_flags |= IFF_LIVE_ADDR_CHANGE;
	dev->flags |= IFF_NOARP;
	dev->flags &= ~(IFF_BROADCAST | IFF_MULTICAST);
	dev->min_mtu = ETH_MIN_MTU;
	dev->max_mtu = ETH_MAX_MTU;
	dev->ethtool_ops = &shunt_ethtool_ops;
	dev->needs_free_netdev = true;
	shunt_dev_set_lltx(dev);
	shunt_dev_set_netns_immutable(dev);
	netif_set_tso_max_size(dev, GSO_MAX_SIZE);
	SET_NETDEV_DEVTYPE(dev, &device_type);
}

static void setup_node(struct net_device *dev)
{
	struct shunt_node *node = netdev_priv(dev);

	dev->type = ARPHRD_NONE;
	dev->hard_header_len = 0;
	dev->addr_len = 0;
	dev->header_ops = NULL;
	dev->flags |= IFF_POINTOPOINT;
	dev->netdev_ops = &node_ops;
	/* It refuses with ICMP errors, which need the dst. */
	netif_keep_dst(dev);
	dev->priv_destructor = node_destruct;
	node->dev = dev;
	node->net = dev_net(dev);
	node->changes = 1;
	INIT_LIST_HEAD(&node->pods);
	INIT_LIST_HEAD(&node->uplinks);
	INIT_LIST_HEAD(&node->paths);
}

static int new_node(struct net_device *dev, struct nlattr *tb[],
		    struct netlink_ext_ack *extack)
{
	struct shunt_node *node = netdev_priv(dev);
	struct net *net = dev_net(dev);

	if (net->user_ns != &init_user_ns && !READ_ONCE(userns_nodes)) {
		NL_SET_ERR_MSG(extack,
			       "node devices in other user namespaces need the module parameter userns_nodes=1");
		return -EPERM;
	}
	if (shunt_dev_find_node(net)) {
		NL_SET_ERR_MSG(extack,
			       "this network namespace has a node device already: use that one");
		return -EEXIST;
	}
	if (tb[IFLA_ADDRESS]) {
		NL_SET_ERR_MSG_ATTR(extack, tb[IFLA_ADDRESS],
				    "node devices have no MAC address: leave it out");
		return -EINVAL;
	}
	setup_node(dev);
	node->follow_mtu = !tb[IFLA_MTU];
	return register_netdevice(dev);
}

/* The attribute may occur more than once, which a parsed table cannot say. */
static int add_addrs(struct shunt_pod *pod, const struct nlattr *linkinfo,
		     struct netlink_ext_ack *extack)
{
	const struct nlattr *nla, *data;
	int rem, err;

	data = nla_find_nested(linkinfo, IFLA_INFO_DATA);
	nla_for_each_nested(nla, data, rem) {
		if (nla_type(nla) != IFLA_SHUNT_ADDRESS)
			continue;
		err = shunt_pod_addr_add(pod, nla, extack);
		if (err)
			return err;
	}
	return 0;
}

static struct shunt_node *find_node_of_pod(struct net *src_net,
					   struct net_device *dev,
					   struct nlattr *data[],
					   struct netlink_ext_ack *extack)
{
	struct net_device *node_dev;

	if (net_eq(dev_net(dev), src_net)) {
		NL_SET_ERR_MSG(extack,
			       "a pod device belongs into the pod's network namespace: say netns NAME");
		return ERR_PTR(-EINVAL);
	}
	node_dev = __dev_get_by_index(src_net,
				      nla_get_u32(data[IFLA_SHUNT_NODE]));
	if (!node_dev || !shunt_dev_is_node(node_dev)) {
		NL_SET_ERR_MSG_ATTR(extack, data[IFLA_SHUNT_NODE],
				    "no node device of this network namespace: ip link add shunt0 type shunt");
		return ERR_PTR(-ENODEV);
	}
	return netdev_priv(node_dev);
}

static void setup_pod(struct net_device *dev, struct shunt_node *node)
{
	struct shunt_pod *pod = netdev_priv(dev);

	dev->header_ops = &pod_header_ops;
	dev->netdev_ops = &pod_ops;
	dev->priv_destructor = pod_destruct;
	pod->dev = dev;
	RCU_INIT_POINTER(pod->node, node);
	pod->entry.iif = node->dev;
	pod->entry.pod = pod;
	INIT_LIST_HEAD(&pod->addrs);
	shunt_uplink_follow_pod(node, pod);
}

static int check_mac(const struct nlattr *nla, struct netlink_ext_ack *extack)
{
	if (!nla || (nla_len(nla) == ETH_ALEN &&
		     is_valid_ether_addr(nla_data(nla))))
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, nla,
			    "a pod's MAC address must be unicast and not zero");
	return -EADDRNOTAVAIL;
}

static int set_name(struct net_device *dev, const struct nlattr *nla,
		    struct netlink_ext_ack *extack)
{
	if (!nla)
		return 0;
	nla_strscpy(dev->name, nla, IFNAMSIZ);
	dev->name_assign_type = NET_NAME_USER;
	if (dev_valid_name(dev->name))
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, nla,
			    "no name for a device: leave out slashes, colons and spaces");
	return -EINVAL;
}

/* Only of a registered device: nobody would free that of another. */
static int set_alias(struct net_device *dev, const struct nlattr *nla)
{
	int len;

	if (!nla)
		return 0;
	len = dev_set_alias(dev, nla_data(nla), nla_len(nla) - 1);
	return min(len, 0);
}

static int new_pod(struct net *src_net, struct net_device *dev,
		   struct nlattr *tb[], struct nlattr *data[],
		   struct netlink_ext_ack *extack)
{
	struct shunt_pod *pod = netdev_priv(dev);
	struct shunt_node *node;
	int err;

	node = find_node_of_pod(src_net, dev, data, extack);
	if (IS_ERR(node))
		return PTR_ERR(node);
	err = check_mac(tb[IFLA_ADDRESS], extack);
	if (err)
		return err;
	pod->follow_mtu = !tb[IFLA_MTU];
	setup_pod(dev, node);
	if (!tb[IFLA_ADDRESS])
		eth_hw_addr_random(dev);
	err = set_name(dev, data[IFLA_SHUNT_NAME], extack);
	if (err)
		return err;
	err = register_netdevice(dev);
	if (err == -EEXIST)
		NL_SET_ERR_MSG(extack,
			       "the pod has a device of that name already");
	if (err)
		return err;
	err = set_alias(dev, data[IFLA_SHUNT_ALIAS]);
	if (!err)
		err = add_addrs(pod, tb[IFLA_LINKINFO], extack);
	if (err) {
		unregister_netdevice(dev);
		return err;
	}
	shunt_pod_addr_add_link_local(pod);
	return 0;
}

static int new_dev(struct net_device *dev, struct rtnl_newlink_params *params,
		   struct netlink_ext_ack *extack)
{
	struct nlattr **tb = params->tb, **data = params->data;

	if (tb[IFLA_LINK_NETNSID]) {
		NL_SET_ERR_MSG_ATTR(extack, tb[IFLA_LINK_NETNSID],
				    "shunt devices are made from the node's network namespace alone");
		return -EINVAL;
	}
	if (data && data[IFLA_SHUNT_ROLE]) {
		NL_SET_ERR_MSG_ATTR(extack, data[IFLA_SHUNT_ROLE],
				    "the role is reported only: a device with a node is a pod's");
		return -EINVAL;
	}
	if (data && data[IFLA_SHUNT_NODE])
		return new_pod(params->src_net, dev, tb, data, extack);
	if (data && (data[IFLA_SHUNT_ADDRESS] || data[IFLA_SHUNT_NAME] ||
		     data[IFLA_SHUNT_ALIAS])) {
		NL_SET_ERR_MSG(extack,
			       "attributes of a pod device need the node it belongs to");
		return -EINVAL;
	}
	return new_node(dev, tb, extack);
}

SHUNT_NEWLINK(newlink, new_dev)

/* The kernel does not tell who asks: so the answer is no. */
static int changelink(struct net_device *dev, struct nlattr *tb[],
		      struct nlattr *data[], struct netlink_ext_ack *extack)
{
	NL_SET_ERR_MSG(extack,
		       "attributes of shunt devices do not change: use shuntctl on the node");
	return -EOPNOTSUPP;
}

static void dellink(struct net_device *dev, struct list_head *head)
{
	struct shunt_node *node = netdev_priv(dev);
	struct shunt_pod *pod;

	if (shunt_dev_is_node(dev)) {
		WRITE_ONCE(node->dead, true);
		list_for_each_entry(pod, &node->pods, list)
			if (!pod->veth)
				unregister_netdevice_queue(pod->dev, head);
	}
	unregister_netdevice_queue(dev, head);
}

/**
 * shunt_dev_delete_pod() - delete a pod device
 * @dev: the pod device
 *
 * Context: RTNL.
 */
void shunt_dev_delete_pod(struct net_device *dev)
{
	LIST_HEAD(head);

	dellink(dev, &head);
	unregister_netdevice_many(&head);
}

static size_t get_size(const struct net_device *dev)
{
	const struct shunt_pod *pod = netdev_priv(dev);
	size_t size = nla_total_size(sizeof(u8)) + nla_total_size(sizeof(u32));
	const struct shunt_pod_addr *entry;

	if (!shunt_dev_is_pod(dev))
		return size;
	list_for_each_entry(entry, &pod->addrs, list)
		size += nla_total_size(sizeof(struct in6_addr));
	return size;
}

static int fill_info(struct sk_buff *skb, const struct net_device *dev)
{
	const struct shunt_pod *pod = netdev_priv(dev);

	if (shunt_dev_is_node(dev))
		return nla_put_u8(skb, IFLA_SHUNT_ROLE, SHUNT_ROLE_NODE);
	if (nla_put_u8(skb, IFLA_SHUNT_ROLE, SHUNT_ROLE_POD) ||
	    nla_put_u32(skb, IFLA_SHUNT_NODE, pod->entry.iif->ifindex))
		return -EMSGSIZE;
	return shunt_pod_addr_fill(skb, pod, IFLA_SHUNT_ADDRESS);
}

static struct net *get_link_net(const struct net_device *dev)
{
	const struct shunt_pod *pod = netdev_priv(dev);

	return shunt_dev_is_pod(dev) ? dev_net(pod->entry.iif) : dev_net(dev);
}

static const struct nla_policy link_policy[IFLA_SHUNT_MAX + 1] = {
	[IFLA_SHUNT_ROLE] = { .type = NLA_U8 },
	[IFLA_SHUNT_NODE] = { .type = NLA_U32 },
	[IFLA_SHUNT_ADDRESS] = NLA_POLICY_RANGE(NLA_BINARY,
						sizeof(struct in_addr),
						sizeof(struct in6_addr)),
	[IFLA_SHUNT_NAME] = { .type = NLA_NUL_STRING, .len = IFNAMSIZ - 1 },
	[IFLA_SHUNT_ALIAS] = { .type = NLA_NUL_STRING, .len = IFALIASZ - 1 },
};

union dev_priv {
	struct shunt_node node;
	struct shunt_pod pod;
};

static struct rtnl_link_ops link_ops __read_mostly = {
	.kind = "shunt",
	.maxtype = IFLA_SHUNT_MAX,
	.policy = link_policy,
	.priv_size = sizeof(union dev_priv),
	.setup = setup,
	.newlink = newlink,
	.changelink = changelink,
	.dellink = dellink,
	.get_size = get_size,
	.fill_info = fill_info,
	.get_link_net = get_link_net,
};

static int netdevice_event(struct notifier_block *nb, unsigned long event,
			   void *ptr)
{
	struct net_device *dev = netdev_notifier_info_to_dev(ptr);

	shunt_uplink_event(dev, event);
	shunt_veth_event(dev, event);
	return NOTIFY_DONE;
}

static struct notifier_block netdevice_notifier = {
	.notifier_call = netdevice_event,
};

static struct pernet_operations net_ops = {
	.id = &dev_net_id,
	.size = sizeof(struct dev_net),
};

int __init shunt_dev_init(void)
{
	int err;

	err = register_pernet_subsys(&net_ops);
	if (err)
		return err;
	err = register_netdevice_notifier(&netdevice_notifier);
	if (err)
		goto err_unregister_pernet;
	err = rtnl_link_register(&link_ops);
	if (err)
		goto err_unregister_notifier;
	return 0;

err_unregister_notifier:
	unregister_netdevice_notifier(&netdevice_notifier);
err_unregister_pernet:
	unregister_pernet_subsys(&net_ops);
	return err;
}

void shunt_dev_exit(void)
{
	rtnl_link_unregister(&link_ops);
	unregister_netdevice_notifier(&netdevice_notifier);
	unregister_pernet_subsys(&net_ops);
}

MODULE_ALIAS_RTNL_LINK("shunt");
