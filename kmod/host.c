// SPDX-License-Identifier: GPL-2.0
/*
 * In through the host means out through the host, and out means in: what the
 * stack has translated, or only tracks, it must see of both directions. So two
 * kinds of packets make a flow that is the host's:
 *
 * - what the stack sends into a pod for others than itself;
 * - what a pod has sent through the stack and leaves it by another door, still
 *   with the pod's address. Where to is known only after translation: a hook
 *   behind everything else at POST_ROUTING looks.
 *
 * All other packets of the host pay for that hook, so it comes with the first
 * such packet, which waits for it, or with the first pod that has a veth pair,
 * of which the hook sees both kinds. It goes with the node: whenever a hook
 * goes, the kernel drops what waits in the NFQUEUEs of the whole namespace.
 */
#include <linux/inetdevice.h>
#include <linux/netfilter.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <net/addrconf.h>
#include <net/l3mdev.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/tcp.h>

#include "deliver.h"
#include "flow.h"
#include "host.h"
#include "path.h"
#include "pkt.h"
#include "pod.h"
#include "veth.h"

#define MAX_WAITING 256

/**
 * struct shunt_host - what a node looks after in the host's stack
 * @node: the node
 * @ops: the hook
 * @watching: the hook is there
 * @waiting: packets for the stack that came before it was
 * @start: registers it
 */
struct shunt_host {
	struct shunt_node *node;
	struct nf_hook_ops ops;
	bool watching;
	struct sk_buff_head waiting;
	struct work_struct start;
};

/* Nobody translates or tracks anything where none of these hooks is used. */
static bool is_filtered(const struct net *net, __be16 protocol)
{
	struct nf_hook_entries __rcu *const *hooks = net->nf.hooks_ipv4;

	if (protocol == htons(ETH_P_IPV6))
		hooks = net->nf.hooks_ipv6;
	return rcu_access_pointer(hooks[NF_INET_PRE_ROUTING]) ||
	       rcu_access_pointer(hooks[NF_INET_LOCAL_IN]) ||
	       rcu_access_pointer(hooks[NF_INET_FORWARD]);
}

static bool is_own(const struct shunt_node *node, const struct shunt_addr *addr)
{
	struct net *net = node->net;

	if (shunt_addr_is_v4(addr))
		return inet_addr_type_dev_table(net, node->dev,
						addr->v6.s6_addr32[3]) ==
		       RTN_LOCAL;
	return ipv6_chk_addr(net, &addr->v6, NULL, 0);
}

/* The host's own packet with a source of its own: its answer is for the host in
 * any case.
 */
static bool is_hosts(const struct sk_buff *skb, const struct nf_conn *ct)
{
	const struct sock *sk = skb_to_full_sk(skb);

	return !skb->skb_iif && !(ct && ct->status & IPS_NAT_MASK) &&
	       !(sk && inet_sk_transparent(sk));
}

/* Whoever sent it through the stack untracked wants no state of it, and so do
 * the exceptions that shunt punts. IPVS marks what it translates the same way.
 */
static bool is_untracked(const struct sk_buff *skb, enum ip_conntrack_info info)
{
	return info == IP_CT_UNTRACKED && !shunt_pkt_is_ipvs(skb);
}

/**
 * shunt_host_sends() - the stack sends a packet into a pod
 * @node: the node
 * @pod: the pod
 * @skb: the packet, with what the stack knows of it
 *
 * What comes from under a stack prefix needs no flow: the pod's answers take
 * the stack because of that.
 *
 * Context: RCU read side, any.
 */
void shunt_host_sends(struct shunt_node *node, struct shunt_pod *pod,
		      struct sk_buff *skb)
{
	struct shunt_flow_key key, answer;
	enum ip_conntrack_info info;
	struct nf_conn *ct;

	if (!is_filtered(node->net, skb->protocol))
		return;
	ct = nf_ct_get(skb, &info);
	if (is_hosts(skb, ct) || is_untracked(skb, info) ||
	    !shunt_flow_read_key(skb, &key) ||
	    shunt_path_is_stack(node, &key.saddr) || is_own(node, &key.saddr))
		return;
	answer = shunt_flow_reversed(&key);
	shunt_flow_note(node, pod, &answer, ct);
}

/* In a VRF, that is the device that packets come from. */
static bool is_from(const struct net_device *in, struct net_device *dev)
{
	return in && (in == dev || in == l3mdev_master_dev_rcu(dev));
}

/* Errors about it come from anywhere, and only the stack can tell the pod what
 * it has sent.
 */
static bool is_redirected(const struct nf_conn *ct)
{
	return ct && ct->status & IPS_DST_NAT;
}

/* Both what the stack sends into a pod by its pair, and what a pod has sent;
 * what goes through the node device, shunt_host_sends() has seen.
 */
static unsigned int post_routing(void *priv, struct sk_buff *skb,
				 const struct nf_hook_state *state)
{
	struct shunt_host *host = priv;
	struct shunt_node *node = host->node;
	struct shunt_pod *from, *to;
	enum ip_conntrack_info info;
	struct shunt_flow_key key;
	struct nf_conn *ct;

	if (state->out == node->dev ||
	    (!shunt_veth_is_used() && !is_from(state->in, node->dev)))
		return NF_ACCEPT;
	ct = nf_ct_get(skb, &info);
	if (is_untracked(skb, info) || !shunt_flow_read_key(skb, &key))
		return NF_ACCEPT;
	to = shunt_pod_lookup(node, &key.daddr);
	if (to && state->out == to->entry.iif) {
		shunt_host_sends(node, to, skb);
		return NF_ACCEPT;
	}
	from = shunt_pod_lookup(node, &key.saddr);
	if (from && is_from(state->in, from->entry.iif) &&
	    (is_redirected(ct) || !shunt_path_is_stack(node, &key.daddr)))
		shunt_flow_note(node, from, &key, ct);
	return NF_ACCEPT;
}

/* What waited goes first. */
static void let_go(struct shunt_host *host)
{
	struct sk_buff *skb;

	spin_lock_bh(&host->waiting.lock);
	while ((skb = __skb_dequeue(&host->waiting)))
		shunt_deliver_punted(host->node, skb);
	WRITE_ONCE(host->watching, true);
	spin_unlock_bh(&host->waiting.lock);
}

static void drop_waiting(struct shunt_host *host, enum shunt_stat why)
{
	struct shunt_node *node = host->node;
	struct sk_buff *skb;

	while ((skb = skb_dequeue(&host->waiting)))
		shunt_deliver_drop(node->stats, node->dev, skb, why);
}

static void start(struct work_struct *work)
{
	struct shunt_host *host = container_of(work, struct shunt_host, start);

	if (!host->watching &&
	    nf_register_net_hook(host->node->net, &host->ops))
		drop_waiting(host, SHUNT_STAT_DROP_NOMEM);
	else
		let_go(host);
}

/**
 * shunt_host_watch() - look at what the stack sends from now on
 * @node: the node
 *
 * For pods whose packets for the stack do not come by shunt_host_waits().
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int shunt_host_watch(struct shunt_node *node)
{
	struct shunt_host *host = node->host;

	if (READ_ONCE(host->watching))
		return 0;
	schedule_work(&host->start);
	flush_work(&host->start);
	return READ_ONCE(host->watching) ? 0 : -ENOMEM;
}

static bool is_forwardable(const struct sk_buff *skb)
{
	return skb->pkt_type == PACKET_HOST;
}

/**
 * shunt_host_waits() - a packet is about to be punted
 * @node: the node
 * @skb: packet of a pod, ready for the node device to receive
 *
 * Context: RCU read side, any.
 * Return: what became of it, &enum shunt_host_wait.
 */
enum shunt_host_wait shunt_host_waits(struct shunt_node *node,
				      struct sk_buff *skb)
{
	struct shunt_host *host = node->host;
	bool watching, full;

	if (!is_filtered(node->net, skb->protocol) || !is_forwardable(skb))
		return SHUNT_HOST_GOES_ON;
	if (likely(READ_ONCE(host->watching)))
		return SHUNT_HOST_GOES_ON;
	spin_lock_bh(&host->waiting.lock);
	watching = host->watching;
	full = skb_queue_len(&host->waiting) >= MAX_WAITING;
	if (!watching && !full)
		__skb_queue_tail(&host->waiting, skb);
	spin_unlock_bh(&host->waiting.lock);
	if (watching)
		return SHUNT_HOST_GOES_ON;
	schedule_work(&host->start);
	if (!full)
		return SHUNT_HOST_WAITS;
	shunt_deliver_drop(node->stats, node->dev, skb,
			   SHUNT_STAT_DROP_BACKLOG);
	return SHUNT_HOST_DROPPED;
}

/* Has a pod host flows, or had lately? */
static bool asks(const struct shunt_pod *pod)
{
	return pod && READ_ONCE(pod->asks);
}

static bool is_whole(const struct shunt_pod *pod)
{
	return pod && READ_ONCE(pod->whole);
}

/**
 * shunt_host_asks() - what are packets between two ends to be asked?
 * @node: the node
 * @from: the pod that sends, or NULL
 * @to: the pod that receives, or NULL
 * @saddr: source
 * @daddr: destination
 *
 * Each end that is a pod counts, and sees the other one as remote.
 *
 * Context: RCU read side.
 * Return: of &enum shunt_route_asks.
 */
u8 shunt_host_asks(struct shunt_node *node, const struct shunt_pod *from,
		   const struct shunt_pod *to, const struct shunt_addr *saddr,
		   const struct shunt_addr *daddr)
{
	u8 bits = 0;

	if ((from && shunt_path_is_stack(node, daddr)) ||
	    (to && shunt_path_is_stack(node, saddr)))
		bits |= SHUNT_ROUTE_ASKS_PATH;
	if (asks(from) || asks(to))
		bits |= SHUNT_ROUTE_ASKS_FLOW;
	return bits;
}

/**
 * shunt_host_takes_icmp() - the rest of shunt_host_takes()
 * @node: the node
 * @from: the pod that sends, or NULL
 * @to: the pod that receives, or NULL
 * @skb: packet, its network header set
 *
 * Context: RCU read side.
 */
bool shunt_host_takes_icmp(struct shunt_node *node,
			   const struct shunt_pod *from,
			   const struct shunt_pod *to,
			   const struct sk_buff *skb)
{
	struct shunt_flow_key quoted;

	return !shunt_flow_read_quoted(skb, &quoted) ||
	       shunt_host_asks(node, to, from, &quoted.saddr, &quoted.daddr) &
		       SHUNT_ROUTE_ASKS_PATH;
}

/**
 * shunt_host_owns() - is a packet of a host flow?
 * @node: the node
 * @from: the pod that sends, or NULL
 * @to: the pod that receives, or NULL
 * @skb: packet, its network header set
 *
 * Context: RCU read side.
 */
bool shunt_host_owns(struct shunt_node *node, const struct shunt_pod *from,
		     const struct shunt_pod *to, const struct sk_buff *skb)
{
	return is_whole(from) || is_whole(to) ||
	       shunt_flow_covers(node->flows, skb);
}

/**
 * shunt_host_claims() - an exception is to be punted: is its flow the host's?
 * @node: the node
 * @skb: packet, its network header set
 * @saddr: source
 * @daddr: destination
 * @why: the reason so far
 *
 * Context: RCU read side.
 * Return: a reason for a flow punt if it is, else @why.
 */
enum shunt_stat shunt_host_claims(struct shunt_node *node,
				  const struct sk_buff *skb,
				  const struct shunt_addr *saddr,
				  const struct shunt_addr *daddr,
				  enum shunt_stat why)
{
	const struct shunt_pod *from, *to;
	u8 bits;

	if (likely(!shunt_stat_is_exception(why)))
		return why;
	from = shunt_pod_lookup(node, saddr);
	to = shunt_pod_lookup(node, daddr);
	bits = shunt_host_asks(node, from, to, saddr, daddr);
	if (bits & SHUNT_ROUTE_ASKS_PATH &&
	    shunt_host_takes(node, from, to, skb))
		return SHUNT_STAT_PUNT_PATH;
	if (bits & SHUNT_ROUTE_ASKS_FLOW &&
	    shunt_host_owns(node, from, to, skb))
		return SHUNT_STAT_PUNT_FLOW;
	return why;
}

/**
 * shunt_host_alloc() - prepare a node
 * @node: the node
 *
 * Return: 0 or -ENOMEM.
 */
int shunt_host_alloc(struct shunt_node *node)
{
	struct shunt_host *host;

	host = kzalloc(sizeof(*host), GFP_KERNEL);
	if (!host)
		return -ENOMEM;
	host->node = node;
	host->ops.hook = post_routing;
	host->ops.priv = host;
	host->ops.pf = NFPROTO_INET;
	host->ops.hooknum = NF_INET_POST_ROUTING;
	host->ops.priority = INT_MAX;
	skb_queue_head_init(&host->waiting);
	INIT_WORK(&host->start, start);
	node->host = host;
	return 0;
}

/**
 * shunt_host_stop() - let go of the stack
 * @node: the node, marked dead; no packet is punted any more
 *
 * Context: may sleep.
 */
void shunt_host_stop(struct shunt_node *node)
{
	struct shunt_host *host = node->host;

	cancel_work_sync(&host->start);
	if (host->watching)
		nf_unregister_net_hook(node->net, &host->ops);
	drop_waiting(host, SHUNT_STAT_DROP_DOWN);
}

/**
 * shunt_host_free() - free what shunt_host_alloc() made
 * @node: the node, without readers
 */
void shunt_host_free(struct shunt_node *node)
{
	kfree(node->host);
}
