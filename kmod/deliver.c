// SPDX-License-Identifier: GPL-2.0
/*
 * Hand over: to a pod, to the host's stack, or to the counter of a drop. The
 * way to an uplink is inline, in deliver.h.
 */
#include <linux/etherdevice.h>
#include <net/netfilter/nf_conntrack.h>

#include "deliver.h"
#include "host.h"
#include "pkt.h"
#include "trace.h"
#include "veth.h"

/* The MAC address that pods see their gateway by. */
static const u8 gateway_mac[ETH_ALEN] __aligned(2) = SHUNT_GATEWAY_MAC;

/* The core has no reasons of ours: the nearest of its own. */
static enum skb_drop_reason core_reason(enum shunt_stat why)
{
	switch (why) {
	case SHUNT_STAT_DROP_SPOOF:
		return SKB_DROP_REASON_IP_INADDRERRORS;
	case SHUNT_STAT_DROP_NONIP:
		return SKB_DROP_REASON_UNHANDLED_PROTO;
	case SHUNT_STAT_DROP_MALFORMED:
		return SKB_DROP_REASON_IP_INHDR;
	case SHUNT_STAT_DROP_UNREACHABLE:
		return SKB_DROP_REASON_IP_OUTNOROUTES;
	case SHUNT_STAT_DROP_TOOBIG:
		return SKB_DROP_REASON_PKT_TOO_BIG;
	case SHUNT_STAT_DROP_DOWN:
		return SKB_DROP_REASON_DEV_READY;
	case SHUNT_STAT_DROP_NOMEM:
		return SKB_DROP_REASON_NOMEM;
	default:
		return SKB_DROP_REASON_NOT_SPECIFIED;
	}
}

/**
 * shunt_deliver_drop() - the end of a packet
 * @stats: that count it
 * @dev: device to name in the trace
 * @skb: packet, consumed
 * @why: the reason, a DROP counter
 */
void shunt_deliver_drop(struct shunt_stats __percpu *stats,
			const struct net_device *dev, struct sk_buff *skb,
			enum shunt_stat why)
{
	shunt_stats_inc(stats, why);
	trace_shunt_drop(skb, dev, why);
	kfree_skb_reason(skb, core_reason(why));
}

/**
 * shunt_deliver_eth_header() - write a header as if a link had been crossed
 * @skb: packet with ETH_HLEN bytes of headroom before its data
 * @dev: the pod device that receives it
 */
void shunt_deliver_eth_header(struct sk_buff *skb,
			      const struct net_device *dev)
{
	struct ethhdr *eth;

	skb_set_mac_header(skb, -ETH_HLEN);
	eth = eth_hdr(skb);
	ether_addr_copy(eth->h_dest, dev->dev_addr);
	ether_addr_copy(eth->h_source, gateway_mac);
	eth->h_proto = skb->protocol;
}

/**
 * shunt_deliver_pod() - hand a packet of this node to one of its pods
 * @pod: the receiver
 * @skb: packet, scrubbed, with ETH_HLEN bytes of headroom; consumed
 * @stat: what it counts as, RX_LOCAL or RX_STACK
 *
 * Always by way of the CPU's backlog: the sender may hold its socket's lock,
 * and what the receiver answers would want it.
 *
 * Context: RCU read side, any.
 * Return: a NET_XMIT code.
 */
int shunt_deliver_pod(struct shunt_pod *pod, struct sk_buff *skb,
		      enum shunt_stat stat)
{
	unsigned int len = skb->len + ETH_HLEN;

	if (unlikely(!netif_running(pod->dev))) {
		shunt_deliver_drop(pod->stats, pod->dev, skb,
				   SHUNT_STAT_DROP_DOWN);
		return NET_XMIT_SUCCESS;
	}
	if (shunt_veth_takes(pod, skb)) {
		shunt_stats_packet(pod->stats, stat, SHUNT_STAT_RX_BYTES, len);
		return NET_XMIT_SUCCESS;
	}
	shunt_deliver_eth_header(skb, pod->dev);
	skb_orphan(skb);
	skb_clear_tstamp(skb);
	skb->pkt_type = PACKET_HOST;
	skb->dev = pod->dev;
	if (unlikely(netif_rx(skb) != NET_RX_SUCCESS)) {
		shunt_stats_inc(pod->stats, SHUNT_STAT_DROP_BACKLOG);
		return NET_XMIT_DROP;
	}
	shunt_stats_packet(pod->stats, stat, SHUNT_STAT_RX_BYTES, len);
	return NET_XMIT_SUCCESS;
}

/**
 * shunt_deliver_punted() - let the stack receive what a pod has sent
 * @node: the node whose stack it is
 * @skb: packet, as the node device receives it; consumed
 *
 * Context: RCU read side or node device not gone, any.
 * Return: false if it was dropped.
 */
bool shunt_deliver_punted(struct shunt_node *node, struct sk_buff *skb)
{
	unsigned int len = skb->len + ETH_HLEN;

	if (unlikely(netif_rx(skb) != NET_RX_SUCCESS)) {
		shunt_stats_inc(node->stats, SHUNT_STAT_DROP_BACKLOG);
		return false;
	}
	shunt_stats_packet(node->stats, SHUNT_STAT_RX_STACK,
			   SHUNT_STAT_RX_BYTES, len);
	return true;
}

/**
 * shunt_deliver_stack() - punt what a pod has sent
 * @node: the node whose stack gets it
 * @pod: the sender
 * @skb: packet, unchanged but for what its stack has done; consumed
 * @why: the reason, a PUNT counter
 *
 * Conntrack has not seen the flow that an exception belongs to and would call
 * it new or invalid: such packets go untracked.
 *
 * Context: RCU read side, any.
 */
void shunt_deliver_stack(struct shunt_node *node, struct shunt_pod *pod,
			 struct sk_buff *skb, enum shunt_stat why)
{
	enum shunt_host_wait wait = SHUNT_HOST_GOES_ON;
	unsigned int len = skb->len + ETH_HLEN;
	struct shunt_addr saddr, daddr;

	if (unlikely(!netif_running(node->dev))) {
		shunt_deliver_drop(node->stats, node->dev, skb,
				   SHUNT_STAT_DROP_DOWN);
		return;
	}
	shunt_stats_inc(pod->stats, why);
	trace_shunt_punt(skb, pod->dev, why);
	skb_scrub_packet(skb, true);
	skb->priority = 0;
	if (shunt_pkt_addrs(skb, &saddr, &daddr))
		shunt_pkt_set_type(skb, &daddr);
	skb_reset_mac_header(skb);
	skb->dev = node->dev;
	if (shunt_stat_is_exception(why))
		nf_ct_set(skb, NULL, IP_CT_UNTRACKED);
	else
		wait = shunt_host_waits(node, skb);
	if (wait == SHUNT_HOST_DROPPED ||
	    (wait == SHUNT_HOST_GOES_ON && !shunt_deliver_punted(node, skb)))
		return;
	shunt_stats_packet(pod->stats, SHUNT_STAT_TX_STACK,
			   SHUNT_STAT_TX_BYTES, len);
}
