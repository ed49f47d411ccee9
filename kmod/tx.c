// SPDX-License-Identifier: GPL-2.0
/*
 * Pod or host to wherever. What a pod sends comes in by one of two doors: the
 * output of its neighbours (the single transmit pass: the device's own trip
 * through __dev_queue_xmit() costs more than all the rest), or, when somebody
 * has hooked into that trip, ndo_start_xmit at its end. What the host sends to
 * pods comes by the same doors of the node device.
 */
#include <linux/etherdevice.h>
#include <linux/icmpv6.h>
#include <linux/moduleparam.h>
#include <net/addrconf.h>
#include <net/arp.h>
#include <net/icmp.h>
#include <net/neighbour.h>

#include "deliver.h"
#include "host.h"
#include "pkt.h"
#include "pod.h"
#include "route.h"
#include "trace.h"
#include "tx.h"

static bool single_pass = true;
module_param(single_pass, bool, 0444);
MODULE_PARM_DESC(single_pass,
		 "take packets from the pods' neighbours, without a second transmit pass (default: yes)");

static bool is_local(const struct shunt_addr *addr)
{
	return ipv6_addr_any(&addr->v6) ||
	       ipv6_addr_type(&addr->v6) & IPV6_ADDR_LINKLOCAL;
}

static bool is_own_v6(struct shunt_node *node, const struct shunt_addr *addr)
{
	return ipv6_chk_addr(node->net, &addr->v6, node->dev, 0);
}

/* Unspecified and link-local sources have no business but with the node: MLD,
 * and what is addressed to the gateway. Which link-local address a pod has is
 * its own choice, as long as it is nobody's that is known.
 */
static bool is_local_scope(struct shunt_node *node, struct shunt_pod *pod,
			   const struct shunt_addr *saddr,
			   const struct shunt_addr *daddr)
{
	const struct shunt_pod *owner = shunt_pod_lookup(node, saddr);
	const u8 *to = daddr->v6.s6_addr;

	if ((owner && owner != pod) || is_own_v6(node, saddr))
		return false;
	return (to[0] == 0xff && to[1] == 0x02) ||
	       (!ipv6_addr_any(&saddr->v6) &&
		ipv6_addr_type(&daddr->v6) & IPV6_ADDR_LINKLOCAL &&
		is_own_v6(node, daddr));
}

/* May a pod send this at all? For packets that the route cache, whose answers
 * imply it, has not seen or has refused.
 */
static enum shunt_stat police(struct shunt_node *node, struct shunt_pod *pod,
			      struct sk_buff *skb, enum shunt_stat why)
{
	struct shunt_addr saddr, daddr;

	if (!shunt_pkt_addrs(skb, &saddr, &daddr))
		return SHUNT_STAT_DROP_MALFORMED;
	if (skb->protocol == htons(ETH_P_IPV6) && shunt_pkt_is_nd(skb))
		return SHUNT_STAT_DROP_ND;
	if (is_local(&saddr) ? !is_local_scope(node, pod, &saddr, &daddr) :
			       shunt_pod_lookup(node, &saddr) != pod)
		return SHUNT_STAT_DROP_SPOOF;
	if (why == SHUNT_STAT_DROP_SPOOF)
		return SHUNT_STAT_PUNT_ROUTE;
	return shunt_host_claims(node, skb, &saddr, &daddr, why);
}

/* To the sender all of it is sent: what becomes of it is a matter of the node,
 * as if there were a link in between.
 */
static noinline int tx_odd(struct shunt_node *node, struct shunt_pod *pod,
			   struct sk_buff *skb, enum shunt_stat why)
{
	if (shunt_stat_is_punt(why) || why == SHUNT_STAT_DROP_SPOOF)
		why = police(node, pod, skb, why);
	if (shunt_stat_is_punt(why))
		shunt_deliver_stack(node, pod, skb, why);
	else
		shunt_deliver_drop(pod->stats, pod->dev, skb, why);
	return NET_XMIT_SUCCESS;
}

static __always_inline int send(struct shunt_pod *pod, struct sk_buff *skb,
				struct shunt_route *route)
{
	unsigned int len = skb->len + ETH_HLEN;

	if (route->pod) {
		trace_shunt_direct(skb, pod->dev, route->pod->dev);
		shunt_stats_packet(pod->stats, SHUNT_STAT_TX_LOCAL,
				   SHUNT_STAT_TX_BYTES, len);
		return shunt_deliver_pod(route->pod, skb, SHUNT_STAT_RX_LOCAL);
	}
	trace_shunt_direct(skb, pod->dev, route->out);
	shunt_stats_packet(pod->stats, SHUNT_STAT_TX_DIRECT,
			   SHUNT_STAT_TX_BYTES, len);
	return shunt_deliver_uplink(skb, route);
}

/* By a route that is known. */
static __always_inline int forward(struct shunt_node *node,
				   struct shunt_pod *pod, struct sk_buff *skb,
				   struct shunt_route *route)
{
	enum shunt_stat why;

	if (unlikely(route->asks)) {
		why = shunt_route_answer(node, &pod->entry, skb, route);
		if (why != SHUNT_DIRECT)
			return tx_odd(node, pod, skb, why);
	}
	if (unlikely(!shunt_route_fits(skb, route)))
		return tx_odd(node, pod, skb, SHUNT_STAT_PUNT_MTU);
	/* After the last question: from here on it is sent or dropped. */
	if (unlikely(skb_cow_head(skb, route->headroom)))
		return tx_odd(node, pod, skb, SHUNT_STAT_DROP_NOMEM);
	shunt_pkt_scrub(skb);
	shunt_pkt_age(skb);
	skb->priority = route->priority;
	return send(pod, skb, route);
}

static noinline int tx_ask(struct shunt_node *node, struct shunt_pod *pod,
			   struct sk_buff *skb)
{
	struct shunt_route route;
	enum shunt_stat why;

	why = shunt_route_ask(node, &pod->entry, skb, &route);
	if (why != SHUNT_DIRECT)
		return tx_odd(node, pod, skb, why);
	return forward(node, pod, skb, &route);
}

static __always_inline int tx(struct shunt_pod *pod, struct sk_buff *skb)
{
	struct shunt_node *node = rcu_dereference(pod->node);
	struct shunt_route *route;

	if (unlikely(!node))
		return tx_odd(node, pod, skb, SHUNT_STAT_DROP_DOWN);
	/* An uplink may be a pod device of another node, and so on. */
	if (unlikely(dev_recursion_level() > XMIT_RECURSION_LIMIT))
		return tx_odd(node, pod, skb, SHUNT_STAT_PUNT_RECURSION);
	route = shunt_route_find(node, &pod->entry, skb, true);
	if (unlikely(!route))
		return tx_ask(node, pod, skb);
	return forward(node, pod, skb, route);
}

static int drop_host(struct shunt_node *node, struct sk_buff *skb,
		     enum shunt_stat why)
{
	shunt_deliver_drop(node->stats, node->dev, skb, why);
	return NET_XMIT_SUCCESS;
}

/* An ICMP error to the host or through it, if the packet deserves one. */
static int refuse(struct shunt_node *node, struct sk_buff *skb,
		  enum shunt_stat why, u32 mtu)
{
	bool toobig = why == SHUNT_STAT_DROP_TOOBIG;

	if (skb->protocol == htons(ETH_P_IP))
		icmp_ndo_send(skb, ICMP_DEST_UNREACH,
			      toobig ? ICMP_FRAG_NEEDED : ICMP_HOST_UNREACH,
			      htonl(mtu));
	else if (toobig)
		icmpv6_ndo_send(skb, ICMPV6_PKT_TOOBIG, 0, mtu);
	else
		icmpv6_ndo_send(skb, ICMPV6_DEST_UNREACH, ICMPV6_ADDR_UNREACH,
				0);
	return drop_host(node, skb, why);
}

/* The stack has routed, counted and filtered it: all that is left is to find
 * the pod.
 */
static int tx_host(struct shunt_node *node, struct sk_buff *skb)
{
	struct shunt_addr saddr, daddr;
	struct shunt_pod *pod;
	u32 mtu;

	if (!shunt_pkt_addrs(skb, &saddr, &daddr))
		return drop_host(node, skb, SHUNT_STAT_DROP_NONIP);
	pod = shunt_pod_lookup(node, &daddr);
	if (!pod)
		return refuse(node, skb, SHUNT_STAT_DROP_UNREACHABLE, 0);
	mtu = READ_ONCE(pod->dev->mtu);
	if (unlikely(!shunt_pkt_fits(skb, mtu)))
		return refuse(node, skb, SHUNT_STAT_DROP_TOOBIG, mtu);
	if (unlikely(skb_cow_head(skb, ETH_HLEN)))
		return drop_host(node, skb, SHUNT_STAT_DROP_NOMEM);
	shunt_stats_packet(node->stats, SHUNT_STAT_TX_STACK,
			   SHUNT_STAT_TX_BYTES, skb->len + ETH_HLEN);
	shunt_host_sends(node, pod, skb);
	shunt_pkt_scrub(skb);
	skb->priority = 0;
	return shunt_deliver_pod(pod, skb, SHUNT_STAT_RX_STACK);
}

/* This device's pass has told whoever asked when the packet was queued, and
 * the uplink's would tell him again.
 */
static void clear_sched_tstamp(struct sk_buff *skb)
{
	if (unlikely(skb_shinfo(skb)->tx_flags & SKBTX_SCHED_TSTAMP))
		skb_shinfo(skb)->tx_flags &= ~SKBTX_SCHED_TSTAMP;
}

/**
 * shunt_tx_pod_xmit() - ndo_start_xmit of pod devices
 * @skb: Ethernet frame, consumed
 * @dev: the pod device
 *
 * Complete without the other door: packet sockets, and all packets while
 * somebody has hooked into the device's transmit pass.
 */
netdev_tx_t shunt_tx_pod_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct shunt_pod *pod = netdev_priv(dev);

	if (unlikely(!pskb_may_pull(skb, ETH_HLEN)))
		goto drop_malformed;
	/* Not all packet sockets have. */
	skb_reset_mac_header(skb);
	clear_sched_tstamp(skb);
	skb->protocol = eth_hdr(skb)->h_proto;
	if (unlikely(skb_vlan_tag_present(skb)))
		skb->protocol = htons(ETH_P_8021Q);
	__skb_pull(skb, ETH_HLEN);
	skb_reset_network_header(skb);
	if (unlikely(!shunt_pkt_trim(skb)))
		goto drop_malformed;
	rcu_read_lock();
	tx(pod, skb);
	rcu_read_unlock();
	return NETDEV_TX_OK;

drop_malformed:
	shunt_deliver_drop(pod->stats, dev, skb, SHUNT_STAT_DROP_MALFORMED);
	return NETDEV_TX_OK;
}

/**
 * shunt_tx_node_xmit() - ndo_start_xmit of node devices
 * @skb: IP packet, consumed
 * @dev: the node device
 */
netdev_tx_t shunt_tx_node_xmit(struct sk_buff *skb, struct net_device *dev)
{
	clear_sched_tstamp(skb);
	skb_reset_network_header(skb);
	rcu_read_lock();
	tx_host(netdev_priv(dev), skb);
	rcu_read_unlock();
	return NETDEV_TX_OK;
}

static noinline int queue(struct shunt_stats __percpu *stats,
			  struct neighbour *n, struct sk_buff *skb,
			  enum shunt_stat why)
{
	struct net_device *dev = n->dev;

	shunt_stats_inc(stats, why);
	if (unlikely(skb_cow_head(skb, LL_RESERVED_SPACE(dev)))) {
		shunt_deliver_drop(stats, dev, skb, SHUNT_STAT_DROP_NOMEM);
		return NET_XMIT_DROP;
	}
	dev_hard_header(skb, dev, ntohs(skb->protocol), n->ha, NULL, skb->len);
	return dev_queue_xmit(skb);
}

/* Does a packet need the ordinary pass? */
static __always_inline enum shunt_stat
why_not_single(struct net_device *dev, const struct sk_buff *skb)
{
	if (unlikely(shunt_pkt_is_loose(skb)))
		return SHUNT_STAT_FALLBACK_GSO;
	return shunt_tx_hooked(dev);
}

/* Runs with BH enabled, perhaps in process context under a socket's lock. */
static int pod_output(struct neighbour *n, struct sk_buff *skb)
{
	struct shunt_pod *pod = netdev_priv(n->dev);
	enum shunt_stat why;

	why = why_not_single(n->dev, skb);
	if (unlikely(why != SHUNT_DIRECT))
		return queue(pod->stats, n, skb, why);
	return tx(pod, skb);
}

static int node_output(struct neighbour *n, struct sk_buff *skb)
{
	struct shunt_node *node = netdev_priv(n->dev);
	enum shunt_stat why;

	why = why_not_single(n->dev, skb);
	if (unlikely(why != SHUNT_DIRECT))
		return queue(node->stats, n, skb, why);
	return tx_host(node, skb);
}

/* Nothing is ever queued for resolution, but the core asks without looking. */
static void error_report(struct neighbour *n, struct sk_buff *skb)
{
	kfree_skb_reason(skb, SKB_DROP_REASON_NEIGH_FAILED);
}

static const struct neigh_ops pod_neigh_ops[] = {
	{
		.family = AF_INET,
		.error_report = error_report,
		.output = pod_output,
		.connected_output = pod_output,
	}, {
		.family = AF_INET6,
		.error_report = error_report,
		.output = pod_output,
		.connected_output = pod_output,
	},
};

static const struct neigh_ops node_neigh_ops[] = {
	{
		.family = AF_INET,
		.error_report = error_report,
		.output = node_output,
		.connected_output = node_output,
	}, {
		.family = AF_INET6,
		.error_report = error_report,
		.output = node_output,
		.connected_output = node_output,
	},
};

static void take_output(struct neighbour *n, const struct neigh_ops ops[2])
{
	if (!single_pass)
		return;
	n->ops = &ops[n->tbl->family == AF_INET6];
	n->output = n->ops->output;
}

/**
 * shunt_tx_pod_neigh_construct() - ndo_neigh_construct of pod devices
 * @dev: the pod device
 * @n: a new neighbour on it
 *
 * The neighbour's state means nothing from here on: there is nobody to resolve
 * and nothing to wait for.
 */
int shunt_tx_pod_neigh_construct(struct net_device *dev, struct neighbour *n)
{
	take_output(n, pod_neigh_ops);
	return 0;
}

/**
 * shunt_tx_node_neigh_construct() - ndo_neigh_construct of node devices
 * @dev: the node device
 * @n: a new neighbour on it
 */
int shunt_tx_node_neigh_construct(struct net_device *dev, struct neighbour *n)
{
	take_output(n, node_neigh_ops);
	return 0;
}
