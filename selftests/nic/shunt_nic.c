// SPDX-License-Identifier: GPL-2.0
/*
 * A network card for tests: two of them are the ends of a cable. It does what
 * the lab's veth pair does not:
 *
 * - it has several queues;
 * - of what it receives it tells the sum of all bytes (CHECKSUM_COMPLETE), as
 *   many real cards do;
 * - it marks what it receives as forwarded already, as those with a switch do;
 * - nothing but the bytes gets across, and the sender's packet is freed when
 *   the other end has it;
 * - it counts what packets carry beside their bytes when they leave.
 *
 *   ip link add numtxqueues N numrxqueues N type shunt_nic
 *
 * Every second one is joined to the one before.
 */
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/slab.h>
#include <net/rtnetlink.h>

#define MAX_QUEUED 1024

enum carried {
	CARRIED_CONNTRACK,
	CARRIED_MARK,
	CARRIED_PRIORITY,
	CARRIED_EXTENSIONS,
	CARRIED_IPVS,
	CARRIED_OFFLOAD,
	CARRIED_SOCKET,
	CARRIED_COUNT,
};

static const char carried_names[CARRIED_COUNT][ETH_GSTRING_LEN] = {
	[CARRIED_CONNTRACK] = "tx_with_conntrack",
	[CARRIED_MARK] = "tx_with_mark",
	[CARRIED_PRIORITY] = "tx_with_priority",
	[CARRIED_EXTENSIONS] = "tx_with_extensions",
	[CARRIED_IPVS] = "tx_with_ipvs",
	[CARRIED_OFFLOAD] = "tx_with_offload",
	[CARRIED_SOCKET] = "tx_with_socket",
};

/**
 * struct nic_queue - a queue of each direction
 * @napi: polls @arriving
 * @arriving: what the other end has sent
 * @dev: whose it is
 * @index: its number
 * @tx_packets: sent, under the lock of the transmit queue
 * @tx_bytes: the same
 * @carried: packets that carried that, the same
 * @rx_packets: received, by @napi
 * @rx_bytes: the same
 */
struct nic_queue {
	struct napi_struct napi;
	struct sk_buff_head arriving;
	struct net_device *dev;
	unsigned int index;
	u64 tx_packets;
	u64 tx_bytes;
	u64 carried[CARRIED_COUNT];
	u64 rx_packets;
	u64 rx_bytes;
};

/**
 * struct nic - one end of a cable
 * @peer: the other one, or NULL
 * @queues: @count of them
 * @count: of the direction that has more
 * @up: it takes packets from @peer
 */
struct nic {
	struct net_device __rcu *peer;
	struct nic_queue *queues;
	unsigned int count;
	bool up;
};

static struct net_device *unpaired; /* under RTNL */

static void receive(struct nic_queue *queue, struct sk_buff *sent)
{
	struct net_device *dev = queue->dev;
	struct sk_buff *skb;

	skb = netdev_alloc_skb_ip_align(dev, sent->len);
	if (!skb)
		return;
	skb_copy_bits(sent, 0, skb_put(skb, sent->len), sent->len);
	queue->rx_packets++;
	queue->rx_bytes += skb->len;
	skb->protocol = eth_type_trans(skb, dev);
	skb->csum = skb_checksum(skb, 0, skb->len, 0);
	skb->ip_summed = CHECKSUM_COMPLETE;
#ifdef CONFIG_NET_SWITCHDEV
	skb->offload_fwd_mark = 1;
#endif
	skb_record_rx_queue(skb, queue->index);
	napi_gro_receive(&queue->napi, skb);
}

static int nic_poll(struct napi_struct *napi, int budget)
{
	struct nic_queue *queue = container_of(napi, struct nic_queue, napi);
	struct sk_buff *sent;
	int done = 0;

	while (done < budget && (sent = skb_dequeue(&queue->arriving))) {
		receive(queue, sent);
		napi_consume_skb(sent, budget);
		done++;
	}
	if (done < budget && napi_complete_done(napi, done) &&
	    !skb_queue_empty_lockless(&queue->arriving))
		napi_schedule(napi);
	return done;
}

static bool is_ipvs(const struct sk_buff *skb)
{
#if IS_ENABLED(CONFIG_IP_VS)
	return skb->ipvs_property;
#else
	return false;
#endif
}

static bool is_offloaded(const struct sk_buff *skb)
{
#ifdef CONFIG_NET_SWITCHDEV
	return skb->offload_fwd_mark || skb->offload_l3_fwd_mark;
#else
	return false;
#endif
}

static void count_carried(struct nic_queue *queue, struct sk_buff *skb)
{
	queue->carried[CARRIED_CONNTRACK] += !!skb_get_nfct(skb);
	queue->carried[CARRIED_MARK] += !!skb->mark;
	queue->carried[CARRIED_PRIORITY] += !!skb->priority;
	queue->carried[CARRIED_EXTENSIONS] += skb_has_extensions(skb);
	queue->carried[CARRIED_IPVS] += is_ipvs(skb);
	queue->carried[CARRIED_OFFLOAD] += is_offloaded(skb);
	queue->carried[CARRIED_SOCKET] += !!skb->sk;
}

static netdev_tx_t nic_start_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct nic *nic = netdev_priv(dev), *other;
	unsigned int n = skb_get_queue_mapping(skb);
	struct nic_queue *to;
	struct net_device *peer;

	peer = rcu_dereference_bh(nic->peer);
	other = peer ? netdev_priv(peer) : NULL;
	if (!other || !READ_ONCE(other->up))
		goto drop;
	to = &other->queues[n % other->count];
	if (skb_queue_len_lockless(&to->arriving) >= MAX_QUEUED)
		goto drop;
	nic->queues[n].tx_packets++;
	nic->queues[n].tx_bytes += skb->len;
	count_carried(&nic->queues[n], skb);
	skb_tx_timestamp(skb);
	skb_queue_tail(&to->arriving, skb);
	napi_schedule(&to->napi);
	return NETDEV_TX_OK;

drop:
	dev_core_stats_tx_dropped_inc(dev);
	dev_kfree_skb_any(skb);
	return NETDEV_TX_OK;
}

static int nic_open(struct net_device *dev)
{
	struct nic *nic = netdev_priv(dev);
	unsigned int n;

	for (n = 0; n < nic->count; n++)
		napi_enable(&nic->queues[n].napi);
	WRITE_ONCE(nic->up, true);
	return 0;
}

static int nic_stop(struct net_device *dev)
{
	struct nic *nic = netdev_priv(dev);
	unsigned int n;

	WRITE_ONCE(nic->up, false);
	synchronize_net();
	for (n = 0; n < nic->count; n++) {
		napi_disable(&nic->queues[n].napi);
		skb_queue_purge(&nic->queues[n].arriving);
	}
	return 0;
}

static int nic_init(struct net_device *dev)
{
	struct nic *nic = netdev_priv(dev);
	struct nic_queue *queue;
	unsigned int n;

	nic->count = max(dev->num_tx_queues, dev->num_rx_queues);
	nic->queues = kvcalloc(nic->count, sizeof(*nic->queues), GFP_KERNEL);
	if (!nic->queues)
		return -ENOMEM;
	for (n = 0; n < nic->count; n++) {
		queue = &nic->queues[n];
		queue->dev = dev;
		queue->index = n;
		skb_queue_head_init(&queue->arriving);
		netif_napi_add(dev, &queue->napi, nic_poll);
	}
	return 0;
}

static void nic_uninit(struct net_device *dev)
{
	struct nic *nic = netdev_priv(dev);
	unsigned int n;

	for (n = 0; n < nic->count; n++)
		netif_napi_del(&nic->queues[n].napi);
	kvfree(nic->queues);
}

static void nic_get_stats64(struct net_device *dev,
			    struct rtnl_link_stats64 *stats)
{
	const struct nic *nic = netdev_priv(dev);
	unsigned int n;

	for (n = 0; n < nic->count; n++) {
		stats->tx_packets += READ_ONCE(nic->queues[n].tx_packets);
		stats->tx_bytes += READ_ONCE(nic->queues[n].tx_bytes);
		stats->rx_packets += READ_ONCE(nic->queues[n].rx_packets);
		stats->rx_bytes += READ_ONCE(nic->queues[n].rx_bytes);
	}
}

static const struct net_device_ops nic_ops = {
	.ndo_init = nic_init,
	.ndo_uninit = nic_uninit,
	.ndo_open = nic_open,
	.ndo_stop = nic_stop,
	.ndo_start_xmit = nic_start_xmit,
	.ndo_get_stats64 = nic_get_stats64,
	.ndo_set_mac_address = eth_mac_addr,
	.ndo_validate_addr = eth_validate_addr,
};

static int nic_get_sset_count(struct net_device *dev, int set)
{
	const struct nic *nic = netdev_priv(dev);

	return set == ETH_SS_STATS ? nic->count * 2 + CARRIED_COUNT :
				     -EOPNOTSUPP;
}

static void nic_get_strings(struct net_device *dev, u32 set, u8 *data)
{
	const struct nic *nic = netdev_priv(dev);
	unsigned int n;

	if (set != ETH_SS_STATS)
		return;
	for (n = 0; n < nic->count; n++) {
		ethtool_sprintf(&data, "tx_queue_%u_packets", n);
		ethtool_sprintf(&data, "rx_queue_%u_packets", n);
	}
	memcpy(data, carried_names, sizeof(carried_names));
}

static void nic_get_ethtool_stats(struct net_device *dev,
				  struct ethtool_stats *stats, u64 *data)
{
	const struct nic *nic = netdev_priv(dev);
	unsigned int n, what;

	for (n = 0; n < nic->count; n++) {
		*data++ = READ_ONCE(nic->queues[n].tx_packets);
		*data++ = READ_ONCE(nic->queues[n].rx_packets);
	}
	for (what = 0; what < CARRIED_COUNT; what++, data++) {
		*data = 0;
		for (n = 0; n < nic->count; n++)
			*data += READ_ONCE(nic->queues[n].carried[what]);
	}
}

static const struct ethtool_ops nic_ethtool_ops = {
	.get_link = ethtool_op_get_link,
	.get_sset_count = nic_get_sset_count,
	.get_strings = nic_get_strings,
	.get_ethtool_stats = nic_get_ethtool_stats,
};

static void nic_setup(struct net_device *dev)
{
	ether_setup(dev);
	dev->netdev_ops = &nic_ops;
	dev->ethtool_ops = &nic_ethtool_ops;
	dev->max_mtu = ETH_MAX_MTU;
	netif_set_tso_max_size(dev, GSO_MAX_SIZE);
	dev->needs_free_netdev = true;
	dev->features = NETIF_F_RXCSUM | NETIF_F_HIGHDMA;
	dev->hw_features = dev->features;
	eth_hw_addr_random(dev);
}

static int nic_new(struct net_device *dev, struct rtnl_newlink_params *params,
		   struct netlink_ext_ack *extack)
{
	struct nic *nic = netdev_priv(dev);
	int err;

	if (params->tb[IFLA_ADDRESS])
		eth_hw_addr_set(dev, nla_data(params->tb[IFLA_ADDRESS]));
	err = register_netdevice(dev);
	if (err)
		return err;
	if (!unpaired) {
		netif_carrier_off(dev);
		unpaired = dev;
		return 0;
	}
	rcu_assign_pointer(nic->peer, unpaired);
	nic = netdev_priv(unpaired);
	rcu_assign_pointer(nic->peer, dev);
	netif_carrier_on(unpaired);
	unpaired = NULL;
	return 0;
}

SHUNT_NEWLINK(nic_newlink, nic_new)

static void nic_dellink(struct net_device *dev, struct list_head *head)
{
	struct nic *nic = netdev_priv(dev);
	struct net_device *peer = rtnl_dereference(nic->peer);

	if (peer) {
		RCU_INIT_POINTER(nic->peer, NULL);
		nic = netdev_priv(peer);
		RCU_INIT_POINTER(nic->peer, NULL);
		netif_carrier_off(peer);
	}
	if (unpaired == dev)
		unpaired = NULL;
	unregister_netdevice_queue(dev, head);
}

static unsigned int nic_num_queues(void)
{
	return 4;
}

static struct rtnl_link_ops nic_link_ops __read_mostly = {
	.kind = "shunt_nic",
	.priv_size = sizeof(struct nic),
	.setup = nic_setup,
	.newlink = nic_newlink,
	.dellink = nic_dellink,
	.get_num_tx_queues = nic_num_queues,
	.get_num_rx_queues = nic_num_queues,
};

static int __init nic_module_init(void)
{
	return rtnl_link_register(&nic_link_ops);
}

static void __exit nic_module_exit(void)
{
	rtnl_link_unregister(&nic_link_ops);
}

module_init(nic_module_init);
module_exit(nic_module_exit);
MODULE_DESCRIPTION("Network card for the tests of shunt");
MODULE_LICENSE("GPL");
MODULE_ALIAS_RTNL_LINK("shunt_nic");
