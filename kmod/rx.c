// SPDX-License-Identifier: GPL-2.0
/*
 * Uplink to pod: the rx_handler of uplinks. What is for a pod and plainly
 * simple changes its device and is received once more, as the pod's, in the
 * same softirq. To punt is to let it pass: it is in the host's stack already.
 */
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <net/netdev_rx_queue.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/rps.h>

#include "deliver.h"
#include "host.h"
#include "pkt.h"
#include "pod.h"
#include "route.h"
#include "rx.h"
#include "trace.h"
#include "veth.h"

/* The reason is only of interest if the packet is for a pod: then its stray
 * packets go untracked, as its others did.
 */
static rx_handler_result_t pass(struct shunt_uplink *uplink,
				struct sk_buff *skb, enum shunt_stat why)
{
	struct shunt_addr saddr, daddr;
	struct shunt_pod *pod;

	if (!shunt_stat_is_punt(why) || !shunt_pkt_addrs(skb, &saddr, &daddr))
		return RX_HANDLER_PASS;
	pod = shunt_pod_lookup(uplink->node, &daddr);
	if (!pod)
		return RX_HANDLER_PASS;
	why = shunt_host_claims(uplink->node, skb, &saddr, &daddr, why);
	shunt_stats_inc(pod->stats, why);
	trace_shunt_punt(skb, uplink->dev, why);
	if (shunt_stat_is_exception(why)) {
		nf_reset_ct(skb);
		nf_ct_set(skb, NULL, IP_CT_UNTRACKED);
	}
	return RX_HANDLER_PASS;
}

static rx_handler_result_t drop(struct shunt_pod *pod, struct sk_buff *skb,
				enum shunt_stat why)
{
	shunt_deliver_drop(pod->stats, pod->dev, skb, why);
	return RX_HANDLER_CONSUMED;
}

/* Another round on the pod's device, unless it wants other CPUs: the round
 * would skip them.
 */
static __always_inline rx_handler_result_t
receive(struct shunt_uplink *uplink, struct shunt_pod *pod, struct sk_buff *skb)
{
	trace_shunt_direct(skb, uplink->dev, pod->dev);
	shunt_stats_packet(pod->stats, SHUNT_STAT_RX_DIRECT,
			   SHUNT_STAT_RX_BYTES, skb->len + ETH_HLEN);
	if (shunt_veth_takes(pod, skb))
		return RX_HANDLER_CONSUMED;
	if (unlikely(uplink->dev->type != ARPHRD_ETHER)) {
		if (skb_cow_head(skb, ETH_HLEN))
			return drop(pod, skb, SHUNT_STAT_DROP_NOMEM);
		shunt_deliver_eth_header(skb, pod->dev);
		skb_reset_mac_len(skb);
	}
	skb->dev = pod->dev;
	if (static_branch_unlikely(&rps_needed) &&
	    shunt_rx_queue_is_steered(pod->dev->_rx)) {
		netif_receive_skb(skb);
		return RX_HANDLER_CONSUMED;
	}
	return RX_HANDLER_ANOTHER;
}

/* In the pieces that a device would have got, and the stack would have made on
 * its way to one, which also leaves it to the receiver to sum their bytes.
 */
static noinline rx_handler_result_t
receive_segments(struct shunt_uplink *uplink, struct shunt_pod *pod,
		 struct sk_buff *skb)
{
	struct sk_buff *segment, *next;

	skb_forward_csum(skb);
	segment = skb_gso_segment(skb, pod->dev->features);
	if (IS_ERR_OR_NULL(segment))
		return drop(pod, skb, SHUNT_STAT_DROP_NOMEM);
	consume_skb(skb);
	skb_list_walk_safe(segment, segment, next) {
		skb_mark_not_on_list(segment);
		if (skb_cow_head(segment, ETH_HLEN)) {
			drop(pod, segment, SHUNT_STAT_DROP_NOMEM);
			continue;
		}
		shunt_deliver_eth_header(segment, pod->dev);
		if (receive(uplink, pod, segment) == RX_HANDLER_ANOTHER)
			netif_receive_skb(segment);
	}
	return RX_HANDLER_CONSUMED;
}

/* By a route that is known. */
static __always_inline rx_handler_result_t
forward(struct shunt_uplink *uplink, struct sk_buff *skb,
	struct shunt_route *route)
{
	enum shunt_stat why;

	if (unlikely(route->asks)) {
		why = shunt_route_answer(uplink->node, &uplink->entry, skb,
					 route);
		if (why != SHUNT_DIRECT)
			return pass(uplink, skb, why);
	}
	if (unlikely(!shunt_route_fits(skb, route)))
		return pass(uplink, skb, SHUNT_STAT_PUNT_MTU);
	/* After the last question: from here on it is delivered or dropped. */
	if (unlikely(skb_cow_head(skb, 0)))
		return drop(route->pod, skb, SHUNT_STAT_DROP_NOMEM);
	/* A socket that tc has chosen on the uplink is the host's. */
	skb_orphan(skb);
	shunt_pkt_scrub(skb);
	shunt_pkt_age(skb);
	skb->priority = route->priority;
	if (unlikely(shunt_pkt_is_loose(skb)))
		return receive_segments(uplink, route->pod, skb);
	return receive(uplink, route->pod, skb);
}

static noinline rx_handler_result_t steer_ask(struct shunt_uplink *uplink,
					      struct sk_buff *skb)
{
	struct shunt_route route;
	enum shunt_stat why;

	why = shunt_route_ask(uplink->node, &uplink->entry, skb, &route);
	if (why != SHUNT_DIRECT)
		return pass(uplink, skb, why);
	return forward(uplink, skb, &route);
}

/* Steered is only what the host would have taken for itself: unicast to its own
 * MAC address, outside of VLANs, without a tunnel's metadata.
 */
static bool is_for_host(const struct sk_buff *skb)
{
	return skb->pkt_type == PACKET_HOST && !skb_vlan_tag_present(skb) &&
	       !skb_dst(skb);
}

/* Out of line, so that the host's own packets do not pay for its frame. */
static noinline rx_handler_result_t steer(struct shunt_uplink *uplink,
					  struct sk_buff **pskb)
{
	struct shunt_route *route;
	struct sk_buff *skb;

	if (unlikely(!is_for_host(*pskb)))
		return RX_HANDLER_PASS;
	skb = skb_share_check(*pskb, GFP_ATOMIC);
	if (unlikely(!skb)) {
		shunt_stats_inc(uplink->node->stats, SHUNT_STAT_DROP_NOMEM);
		return RX_HANDLER_CONSUMED;
	}
	*pskb = skb;
	route = shunt_route_find(uplink->node, &uplink->entry, skb, false);
	if (unlikely(!route))
		return steer_ask(uplink, skb);
	return forward(uplink, skb, route);
}

/* Could the destination be a pod? All that the host's own packets pay, once
 * they are known to be IP; who has no header at hand is asked later.
 */
static __always_inline bool is_candidate(const u8 *filter,
					 const struct sk_buff *skb)
{
	if (skb->protocol == htons(ETH_P_IP))
		return skb_headlen(skb) < sizeof(struct iphdr) ||
		       shunt_pod_filter_v4(filter, shunt_pkt_v4(skb)->daddr);
	if (skb->protocol == htons(ETH_P_IPV6))
		return skb_headlen(skb) < sizeof(struct ipv6hdr) ||
		       shunt_pod_filter_v6(filter, &shunt_pkt_v6(skb)->daddr);
	return false;
}

/**
 * shunt_rx_handle() - a packet has arrived on an uplink
 * @pskb: the packet, its data at the network header; may be replaced
 *
 * Context: rx_handler of an uplink, RCU read side, softirq.
 * Return: PASS for the host's packets and punts, ANOTHER for the pod's,
 * CONSUMED for what is gone.
 */
rx_handler_result_t shunt_rx_handle(struct sk_buff **pskb)
{
	struct shunt_uplink *uplink;

	uplink = rcu_dereference((*pskb)->dev->rx_handler_data);
	if (!is_candidate(uplink->pod_filter, *pskb))
		return RX_HANDLER_PASS;
	return steer(uplink, pskb);
}
