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
 * All other packets of the host would pay for that hook, so it is there only
 * while there are such packets. The first one waits for it.
 */
#include <linux/inetdevice.h>
#include <linux/mutex.h>
#include <linux/netfilter.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <net/addrconf.h>
#include <net/netfilter/nf_conntrack.h>

#include "deliver.h"
#include "flow.h"
#include "host.h"
#include "path.h"
#include "pkt.h"
#include "pod.h"

#define WATCH_TIMEOUT (20 * HZ)
#define WATCH_INTERVAL (5 * HZ)
#define MAX_WAITING 256

/**
 * struct shunt_host - what a node looks after in the host's stack
 * @node: the node
 * @ops: the hook
 * @lock: of its registration
 * @watching: the hook is there
 * @punted: when a packet last needed it, in jiffies
 * @waiting: packets for the stack that came before it was
 * @start: registers it
 * @stop: unregisters it, when nobody has needed it for a while
 */
struct shunt_host {
	struct shunt_node *node;
	struct nf_hook_ops ops;
	struct mutex lock; /* of registration */
	bool watching;
	unsigned long punted;
	struct sk_buff_head waiting;
	struct work_struct start;
	struct delayed_work stop;
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

/* The host's own packet, its source not translated: its answer is for the
 * host in any case.
 */
static bool is_hosts(const struct sk_buff *skb, const struct nf_conn *ct)
{
	return !skb->skb_iif && !(ct && ct->status & IPS_NAT_MASK);
}

/* Whoever sent it through the stack untracked wants no state of it, and so do
 * the exceptions that shunt punts. IPVS marks what it translates the same way.
 */
static bool is_untracked(const struct sk_buff *skb, enum ip_conntrack_info info)
{
#if IS_ENABLED(CONFIG_IP_VS)
	if (skb->ipvs_property)
		return false;
#endif
	return info == IP_CT_UNTRACKED;
}

static void swap_ways(struct shunt_flow_key *key)
{
	swap(key->saddr, key->daddr);
	swap(key->sport, key->dport);
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
	enum ip_conntrack_info info;
	struct shunt_flow_key key;
	struct nf_conn *ct;

	if (!is_filtered(node->net, skb->protocol))
		return;
	ct = nf_ct_get(skb, &info);
	if (is_hosts(skb, ct) || is_untracked(skb, info) ||
	    !shunt_flow_read_key(skb, &key) ||
	    shunt_path_is_stack(node, &key.saddr) || is_own(node, &key.saddr))
		return;
	swap_ways(&key);
	shunt_flow_note(node, pod, &key, ct);
}

static unsigned int post_routing(void *priv, struct sk_buff *skb,
				 const struct nf_hook_state *state)
{
	struct shunt_host *host = priv;
	struct shunt_node *node = host->node;
	enum ip_conntrack_info info;
	struct shunt_flow_key key;
	struct shunt_pod *pod;
	struct nf_conn *ct;

	/* For other pods of the node, shunt_host_sends() looks. */
	if (state->in != node->dev || state->out == node->dev)
		return NF_ACCEPT;
	ct = nf_ct_get(skb, &info);
	if (is_untracked(skb, info) || !shunt_flow_read_key(skb, &key))
		return NF_ACCEPT;
	pod = shunt_pod_lookup(node, &key.saddr);
	if (pod && !shunt_path_is_stack(node, &key.daddr))
		shunt_flow_note(node, pod, &key, ct);
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
	int err = 0;

	mutex_lock(&host->lock);
	if (!host->watching)
		err = nf_register_net_hook(host->node->net, &host->ops);
	if (!err) {
		let_go(host);
		schedule_delayed_work(&host->stop, WATCH_INTERVAL);
	} else {
		drop_waiting(host, SHUNT_STAT_DROP_NOMEM);
	}
	mutex_unlock(&host->lock);
}

static bool is_needed(const struct shunt_host *host)
{
	return time_before(jiffies, READ_ONCE(host->punted) + WATCH_TIMEOUT);
}

/* Under the lock. */
static void unwatch(struct shunt_host *host)
{
	WRITE_ONCE(host->watching, false);
	/* Pairs with shunt_host_waits(): who has seen that it is there was
	 * seen here.
	 */
	smp_mb();
	if (is_needed(host) && !READ_ONCE(host->node->dead))
		let_go(host);
	else
		nf_unregister_net_hook(host->node->net, &host->ops);
}

static void stop(struct work_struct *work)
{
	struct shunt_host *host = container_of(to_delayed_work(work),
					       struct shunt_host, stop);

	mutex_lock(&host->lock);
	if (host->watching && !is_needed(host))
		unwatch(host);
	if (host->watching)
		schedule_delayed_work(&host->stop, WATCH_INTERVAL);
	mutex_unlock(&host->lock);
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
 * Return: true if the packet was taken, and will be delivered when the hook is
 * there, or was dropped because too many wait; false if it can go on.
 */
bool shunt_host_waits(struct shunt_node *node, struct sk_buff *skb)
{
	struct shunt_host *host = node->host;
	bool watching, full;

	if (!is_filtered(node->net, skb->protocol) || !is_forwardable(skb))
		return false;
	if (time_after(jiffies, READ_ONCE(host->punted))) {
		WRITE_ONCE(host->punted, jiffies);
		/* Pairs with unwatch(). */
		smp_mb();
	}
	if (likely(READ_ONCE(host->watching)))
		return false;
	spin_lock_bh(&host->waiting.lock);
	watching = host->watching;
	full = skb_queue_len(&host->waiting) >= MAX_WAITING;
	if (!watching && !full)
		__skb_queue_tail(&host->waiting, skb);
	spin_unlock_bh(&host->waiting.lock);
	if (watching)
		return false;
	if (full)
		shunt_deliver_drop(node->stats, node->dev, skb,
				   SHUNT_STAT_DROP_BACKLOG);
	schedule_work(&host->start);
	return true;
}

/**
 * shunt_host_owns() - is a packet of a pod, or for it, of a host flow?
 * @node: the node
 * @pod: the pod, whose &shunt_pod.asks is set
 * @skb: packet, its network header set and in the linear part
 *
 * Context: RCU read side.
 */
bool shunt_host_owns(struct shunt_node *node, const struct shunt_pod *pod,
		     const struct sk_buff *skb)
{
	return READ_ONCE(pod->whole) || shunt_flow_covers(node->flows, skb);
}

/**
 * shunt_host_claims() - an exception is to be punted: is its flow the host's?
 * @node: the node
 * @pod: the pod
 * @skb: packet, its network header set
 * @remote: the address that is not the pod's
 * @why: the reason so far
 *
 * Context: RCU read side.
 * Return: a reason for a flow punt if it is, else @why.
 */
enum shunt_stat shunt_host_claims(struct shunt_node *node,
				  const struct shunt_pod *pod,
				  const struct sk_buff *skb,
				  const struct shunt_addr *remote,
				  enum shunt_stat why)
{
	if (likely(!shunt_stat_is_exception(why)))
		return why;
	if (shunt_path_is_stack(node, remote))
		return SHUNT_STAT_PUNT_PATH;
	if (READ_ONCE(pod->asks) && shunt_host_owns(node, pod, skb))
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
	mutex_init(&host->lock);
	skb_queue_head_init(&host->waiting);
	INIT_WORK(&host->start, start);
	INIT_DELAYED_WORK(&host->stop, stop);
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
	mutex_lock(&host->lock);
	if (host->watching)
		unwatch(host);
	mutex_unlock(&host->lock);
	cancel_delayed_work_sync(&host->stop);
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
