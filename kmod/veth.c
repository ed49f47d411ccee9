// SPDX-License-Identifier: GPL-2.0
/*
 * Pods on a veth pair that somebody else has made, another CNI plugin: the pair
 * stays, the node's stack is left out.
 *
 * What the pod sends crosses the pair and is taken on the node's end, by an
 * rx_handler; where a bridge has that, by a netfilter hook that looks for the
 * bridge's own MAC address. What is for the pod gets to the pod's end without
 * crossing, unless somebody has hooked into the transmit pass of the node's
 * end. So packet sockets, tc and nftables on either end see what they would
 * see without shunt. To punt is to let pass, as on an uplink.
 */
#include <linux/etherdevice.h>
#include <linux/hashtable.h>
#include <linux/if_vlan.h>
#include <linux/netfilter.h>
#include <linux/rtnetlink.h>
#include <net/netfilter/nf_conntrack.h>

#include "deliver.h"
#include "host.h"
#include "pkt.h"
#include "pod.h"
#include "route.h"
#include "trace.h"
#include "tx.h"
#include "veth.h"

/**
 * struct end - one end of a pair, for the notifiers to find
 * @hash: in ends
 * @dev: the device
 * @veth: the pair
 * @tracker: of the reference on @dev
 */
struct end {
	struct hlist_node hash;
	struct net_device *dev;
	struct shunt_veth *veth;
	netdevice_tracker tracker;
};

/**
 * struct shunt_veth - a pair with a pod at one end
 * @pod: the pod; its device is the pod's end, and its &shunt_entry.iif where
 *	the node's stack receives: the node's end, or the bridge that has it
 * @ops: the hook on the node's end, if a bridge has that
 * @near: the node's end
 * @far: the pod's
 * @rcu: frees it
 */
struct shunt_veth {
	struct shunt_pod pod;
	struct nf_hook_ops ops;
	struct end near;
	struct end far;
	struct rcu_head rcu;
};

DEFINE_STATIC_KEY_FALSE(shunt_veth_used);

/* Of all nodes, under RTNL. */
static DEFINE_HASHTABLE(ends, 8);

static struct shunt_veth *to_veth(const struct shunt_pod *pod)
{
	return container_of(pod, struct shunt_veth, pod);
}

/* What the node's stack shall do with it is a stray of a direct flow, or all of
 * the flow is the stack's. A source that is not the pod's is the matter of who
 * made the pair.
 */
static void let_pass(struct shunt_veth *veth, struct sk_buff *skb,
		     enum shunt_stat why)
{
	struct shunt_node *node = rcu_dereference(veth->pod.node);
	struct shunt_addr saddr, daddr;

	if (why == SHUNT_STAT_DROP_SPOOF)
		why = SHUNT_STAT_PUNT_SOURCE;
	if (!shunt_stat_is_punt(why) || !node ||
	    !shunt_pkt_addrs(skb, &saddr, &daddr))
		return;
	why = shunt_host_claims(node, skb, &saddr, &daddr, why);
	shunt_stats_inc(veth->pod.stats, why);
	trace_shunt_punt(skb, veth->near.dev, why);
	if (shunt_stat_is_exception(why)) {
		nf_reset_ct(skb);
		nf_ct_set(skb, NULL, IP_CT_UNTRACKED);
	}
}

static void send(struct shunt_veth *veth, struct sk_buff *skb,
		 struct shunt_route *route)
{
	unsigned int len = skb->len + ETH_HLEN;
	struct shunt_pod *pod = &veth->pod;

	shunt_pkt_scrub(skb);
	shunt_pkt_age(skb);
	/* When it arrived here is not when it shall leave. */
	skb_clear_tstamp(skb);
	skb->priority = route->priority;
	if (route->pod) {
		trace_shunt_direct(skb, pod->dev, route->pod->dev);
		shunt_stats_packet(pod->stats, SHUNT_STAT_TX_LOCAL,
				   SHUNT_STAT_TX_BYTES, len);
		shunt_deliver_pod(route->pod, skb, SHUNT_STAT_RX_LOCAL);
		return;
	}
	trace_shunt_direct(skb, pod->dev, route->out);
	shunt_stats_packet(pod->stats, SHUNT_STAT_TX_DIRECT,
			   SHUNT_STAT_TX_BYTES, len);
	shunt_deliver_uplink(skb, route);
}

/* By a route that is known. Return: SHUNT_DIRECT if it is gone. */
static __always_inline enum shunt_stat
forward(struct shunt_node *node, struct shunt_veth *veth, struct sk_buff *skb,
	struct shunt_route *route)
{
	struct shunt_pod *pod = &veth->pod;
	enum shunt_stat why;

	if (unlikely(route->asks)) {
		why = shunt_route_answer(node, &pod->entry, skb, route);
		if (why != SHUNT_DIRECT)
			return why;
	}
	if (unlikely(!shunt_route_fits(skb, route)))
		return SHUNT_STAT_PUNT_MTU;
	if (unlikely(skb_cow_head(skb, route->headroom)))
		shunt_deliver_drop(pod->stats, pod->dev, skb,
				   SHUNT_STAT_DROP_NOMEM);
	else
		send(veth, skb, route);
	return SHUNT_DIRECT;
}

static noinline enum shunt_stat ask(struct shunt_node *node,
				    struct shunt_veth *veth,
				    struct sk_buff *skb)
{
	struct shunt_route route;
	enum shunt_stat why;

	why = shunt_route_ask(node, &veth->pod.entry, skb, &route);
	return why == SHUNT_DIRECT ? forward(node, veth, skb, &route) : why;
}

/* A frame for the node, which owns it. Return: SHUNT_DIRECT if it is gone, else
 * why it is the stack's.
 */
static enum shunt_stat take(struct shunt_veth *veth, struct sk_buff *skb)
{
	struct shunt_node *node = rcu_dereference(veth->pod.node);
	struct shunt_route *route;

	if (unlikely(!node || skb_vlan_tag_present(skb) ||
		     !shunt_pkt_trim(skb)))
		return SHUNT_NOT_OURS;
	/* Unlike what a pod device hears of the pod's own mark, tc on the
	 * node's end may have set one that the node's rules ask for.
	 */
	route = shunt_route_find(node, &veth->pod.entry, skb, false);
	if (unlikely(!route))
		return ask(node, veth, skb);
	return forward(node, veth, skb, route);
}

static rx_handler_result_t handle(struct sk_buff **pskb)
{
	struct shunt_veth *veth;
	enum shunt_stat why;
	struct sk_buff *skb;

	veth = rcu_dereference((*pskb)->dev->rx_handler_data);
	if ((*pskb)->pkt_type != PACKET_HOST)
		return RX_HANDLER_PASS;
	skb = skb_share_check(*pskb, GFP_ATOMIC);
	if (unlikely(!skb)) {
		shunt_stats_inc(veth->pod.stats, SHUNT_STAT_DROP_NOMEM);
		return RX_HANDLER_CONSUMED;
	}
	*pskb = skb;
	why = take(veth, skb);
	if (likely(why == SHUNT_DIRECT))
		return RX_HANDLER_CONSUMED;
	let_pass(veth, skb, why);
	return RX_HANDLER_PASS;
}

/* Hooks cannot put another packet in the place of one that others share. */
static enum shunt_stat take_shared(struct shunt_veth *veth, struct sk_buff *skb)
{
	struct sk_buff *clone = skb_clone(skb, GFP_ATOMIC);
	enum shunt_stat why;

	if (unlikely(!clone))
		return SHUNT_NOT_OURS;
	why = take(veth, clone);
	consume_skb(why == SHUNT_DIRECT ? skb : clone);
	return why;
}

/* Of a port's frames those that the bridge would hand to the node's stack. */
static unsigned int hook(void *priv, struct sk_buff *skb,
			 const struct nf_hook_state *state)
{
	struct shunt_veth *veth = priv;
	enum shunt_stat why;

	if (!ether_addr_equal(eth_hdr(skb)->h_dest,
			      veth->pod.entry.iif->dev_addr))
		return NF_ACCEPT;
	why = skb_shared(skb) ? take_shared(veth, skb) : take(veth, skb);
	if (likely(why == SHUNT_DIRECT))
		return NF_STOLEN;
	let_pass(veth, skb, why);
	return NF_ACCEPT;
}

/* The pair counts what crosses it, for both ends: so the pod sees its packets
 * in the statistics of its device.
 */
static void count(const struct shunt_veth *veth, unsigned int len)
{
	preempt_disable();
	shunt_dev_count_veth(veth->near.dev, len);
	preempt_enable();
}

/* Generic XDP has its place behind the pair's, where all packets come by. */
static bool has_xdp(const struct net_device *dev)
{
	const struct bpf_xdp_entity *xdp = &dev->xdp_state[XDP_MODE_DRV];

	return READ_ONCE(xdp->prog) || READ_ONCE(xdp->link);
}

/* Who would miss it if the packet did not cross the pair? */
static enum shunt_stat hooked(const struct shunt_veth *veth)
{
	if (unlikely(has_xdp(veth->pod.dev)))
		return SHUNT_STAT_FALLBACK_TC;
	return shunt_tx_hooked(veth->near.dev);
}

static void cross(struct shunt_veth *veth, struct sk_buff *skb)
{
	struct shunt_pod *pod = &veth->pod;
	struct net_device *dev = veth->near.dev;

	if (unlikely(skb_cow_head(skb, LL_RESERVED_SPACE(dev)))) {
		shunt_deliver_drop(pod->stats, pod->dev, skb,
				   SHUNT_STAT_DROP_NOMEM);
		return;
	}
	skb_clear_tstamp(skb);
	skb->dev = dev;
	dev_hard_header(skb, dev, ntohs(skb->protocol), pod->dev->dev_addr,
			pod->entry.iif->dev_addr, skb->len);
	dev_queue_xmit(skb);
}

/**
 * shunt_veth_receives() - the rest of shunt_veth_takes()
 * @pod: the receiver, which has a pair
 * @skb: packet for it, scrubbed, its data at the network header; consumed if so
 *
 * Context: RCU read side, any.
 * Return: whether the packet has crossed the pair.
 */
bool shunt_veth_receives(struct shunt_pod *pod, struct sk_buff *skb)
{
	struct shunt_veth *veth = to_veth(pod);
	enum shunt_stat why = hooked(veth);

	if (likely(why == SHUNT_DIRECT)) {
		count(veth, skb->len + ETH_HLEN);
		return false;
	}
	shunt_stats_inc(pod->stats, why);
	cross(veth, skb);
	return true;
}

/**
 * shunt_veth_door() - the node's end of a pod's pair
 * @pod: a pod of a node
 *
 * Context: RTNL.
 * Return: the device, or NULL if the pod has a pod device.
 */
const struct net_device *shunt_veth_door(const struct shunt_pod *pod)
{
	return pod->veth ? to_veth(pod)->near.dev : NULL;
}

static struct net_device *find_iif(struct net_device *dev)
{
	return netif_is_bridge_port(dev) ? netdev_master_upper_dev_get(dev) :
					   dev;
}

static int attach(struct shunt_veth *veth, struct shunt_node *node,
		  struct netlink_ext_ack *extack)
{
	struct net_device *dev = veth->near.dev;
	int err;

	if (veth->pod.entry.iif == dev) {
		err = netdev_rx_handler_register(dev, handle, veth);
		if (err)
			NL_SET_ERR_MSG_FMT(extack,
					   "the packets of %s go to another driver",
					   dev->name);
		return err;
	}
	veth->ops.hook = hook;
	veth->ops.priv = veth;
	veth->ops.dev = dev;
	veth->ops.pf = NFPROTO_NETDEV;
	veth->ops.hooknum = NF_NETDEV_INGRESS;
	veth->ops.priority = INT_MAX;
	return nf_register_net_hook(node->net, &veth->ops);
}

static void detach(struct shunt_veth *veth, struct shunt_node *node)
{
	if (veth->ops.hook)
		nf_unregister_net_hook(node->net, &veth->ops);
	else
		netdev_rx_handler_unregister(veth->near.dev);
}

static void add_end(struct shunt_veth *veth, struct end *end)
{
	end->veth = veth;
	netdev_hold(end->dev, &end->tracker, GFP_KERNEL);
	hash_add(ends, &end->hash, (unsigned long)end->dev);
}

static void del_end(struct end *end)
{
	hash_del(&end->hash);
	netdev_put(end->dev, &end->tracker);
}

static struct shunt_veth *find(const struct net_device *dev)
{
	struct end *end;

	hash_for_each_possible(ends, end, hash, (unsigned long)dev)
		if (end->dev == dev)
			return end->veth;
	return NULL;
}

static struct net_device *find_peer(struct net_device *dev)
{
	struct net_device *peer;

	if (!dev->rtnl_link_ops || strcmp(dev->rtnl_link_ops->kind, "veth"))
		return NULL;
	rcu_read_lock();
	peer = dev->netdev_ops->ndo_get_peer_dev(dev);
	rcu_read_unlock();
	return peer;
}

static struct shunt_veth *alloc(struct shunt_node *node,
				struct net_device *dev,
				struct net_device *peer)
{
	struct shunt_veth *veth = kzalloc(sizeof(*veth), GFP_KERNEL);

	if (!veth)
		return NULL;
	veth->pod.stats = alloc_percpu(struct shunt_stats);
	if (!veth->pod.stats) {
		kfree(veth);
		return NULL;
	}
	veth->near.dev = peer;
	veth->far.dev = dev;
	veth->pod.dev = dev;
	veth->pod.veth = true;
	veth->pod.entry.iif = find_iif(peer);
	veth->pod.entry.pod = &veth->pod;
	INIT_LIST_HEAD(&veth->pod.addrs);
	RCU_INIT_POINTER(veth->pod.node, node);
	return veth;
}

static void free_rcu(struct rcu_head *rcu)
{
	struct shunt_veth *veth = container_of(rcu, struct shunt_veth, rcu);

	free_percpu(veth->pod.stats);
	kfree(veth);
}

static int check(const struct shunt_node *node, const struct net_device *dev,
		 const struct net_device *peer, struct netlink_ext_ack *extack)
{
	if (!peer) {
		NL_SET_ERR_MSG_FMT(extack,
				   "%s is no veth device: shunt makes its own (shuntctl pod add)",
				   dev->name);
		return -EINVAL;
	}
	if (!net_eq(dev_net(peer), node->net)) {
		NL_SET_ERR_MSG_FMT(extack,
				   "the other end of %s is not in this network namespace",
				   dev->name);
		return -EINVAL;
	}
	if (find(dev)) {
		NL_SET_ERR_MSG_FMT(extack, "%s is on the direct path already",
				   dev->name);
		return -EEXIST;
	}
	return 0;
}

/**
 * shunt_veth_adopt() - put a pod with a veth pair onto the direct path
 * @node: the node
 * @dev: the pod's end of the pair
 * @extack: says why not
 * @pod: the pod, still without an address
 *
 * Context: RTNL.
 * Return: 0, -EINVAL, -EEXIST, -EBUSY or -ENOMEM.
 */
int shunt_veth_adopt(struct shunt_node *node, struct net_device *dev,
		     struct netlink_ext_ack *extack, struct shunt_pod **pod)
{
	struct net_device *peer = find_peer(dev);
	struct shunt_veth *veth;
	int err;

	ASSERT_RTNL();
	err = check(node, dev, peer, extack);
	if (!err)
		err = shunt_host_watch(node);
	if (err)
		return err;
	veth = alloc(node, dev, peer);
	if (!veth)
		return -ENOMEM;
	err = attach(veth, node, extack);
	if (err) {
		free_rcu(&veth->rcu);
		return err;
	}
	add_end(veth, &veth->near);
	add_end(veth, &veth->far);
	shunt_pod_join(&veth->pod, node);
	static_branch_inc(&shunt_veth_used);
	*pod = &veth->pod;
	return 0;
}

/**
 * shunt_veth_release() - give a pair back to the node's stack
 * @pod: the pod, freed
 *
 * Context: RTNL, may sleep.
 */
void shunt_veth_release(struct shunt_pod *pod)
{
	struct shunt_node *node = rtnl_dereference(pod->node);
	struct shunt_veth *veth = to_veth(pod);

	detach(veth, node);
	shunt_pod_leave(pod);
	del_end(&veth->near);
	del_end(&veth->far);
	static_branch_dec(&shunt_veth_used);
	call_rcu(&veth->rcu, free_rcu);
}

/**
 * shunt_veth_event() - something happened to a device
 * @dev: any device
 * @event: of the netdevice notifiers
 *
 * Context: RTNL.
 */
void shunt_veth_event(struct net_device *dev, unsigned long event)
{
	struct shunt_veth *veth = find(dev);

	if (!veth)
		return;
	switch (event) {
	case NETDEV_UNREGISTER:
		shunt_veth_release(&veth->pod);
		break;
	case NETDEV_CHANGEUPPER:
		if (find_iif(veth->near.dev) != veth->pod.entry.iif) {
			shunt_veth_release(&veth->pod);
			break;
		}
		fallthrough;
	case NETDEV_UP:
	case NETDEV_DOWN:
	case NETDEV_CHANGEMTU:
		shunt_route_invalidate(rtnl_dereference(veth->pod.node));
		break;
	}
}
