// SPDX-License-Identifier: GPL-2.0
/*
 * The table of flows, and how long they live. Who makes them stands in host.c.
 *
 * A flow comes with a pair, a flow of its two addresses alone: for fragments
 * and ICMP errors, which have no ports. Both live as long as the host's
 * conntrack entry does, or for a fixed time since the host last sent a packet
 * of theirs. A collector looks after them, off the packets' way.
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/jiffies.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <net/netfilter/nf_conntrack.h>

#include "flow.h"
#include "pkt.h"
#include "route.h"

/* A dead flow does no harm, its packets only take the longer way. */
#define COLLECT_INTERVAL (2 * HZ)
#define COLLECT_BATCH 64
/* As long as the longest timeout of IPVS, who translates without conntrack. */
#define IDLE_TIMEOUT (15 * 60 * HZ)
/* A conntrack entry is confirmed with its first packet, or never. */
#define CONFIRM_TIMEOUT (10 * HZ)

/* A connection may take two, and conntrack's own default is not more than half
 * of this: so its limit comes first.
 */
static unsigned int flow_max = 524288;
module_param(flow_max, uint, 0644);
MODULE_PARM_DESC(flow_max,
		 "flows that a node remembers; a pod that finds no room is punted whole (default: 524288)");

/**
 * struct shunt_flows - the flows of a node
 * @table: &struct shunt_flow_dir by key
 * @helped: how many are &shunt_flow.is_helped
 * @lock: serializes changes
 * @walk: held by who goes round @list, which two at once would not see all of
 * @list: all flows, who was not looked after for longest first
 * @count: how many there are
 * @collect: removes those that are over
 * @node: whose they are
 */
struct shunt_flows {
	struct rhashtable table;
	unsigned int helped;
	/* Readers of the above do not meet it. */
	spinlock_t lock ____cacheline_aligned_in_smp; /* of all changes */
	struct mutex walk; /* of who goes round @list */
	struct list_head list;
	unsigned int count;
	struct delayed_work collect;
	struct shunt_node *node;
};

static struct kmem_cache *flow_slab __ro_after_init;

static const struct rhashtable_params flow_params = {
	.key_len = sizeof(struct shunt_flow_key),
	.key_offset = offsetof(struct shunt_flow_dir, key),
	.head_offset = offsetof(struct shunt_flow_dir, hash),
	.automatic_shrinking = true,
};

static bool has_ports(u8 proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP ||
	       proto == IPPROTO_SCTP || proto == IPPROTO_UDPLITE ||
	       proto == IPPROTO_DCCP;
}

/**
 * struct transport - what comes behind an IP header
 * @offset: where it is, from &sk_buff.data; negative if it is not there
 * @proto: its protocol
 * @is_fragment: some of it is in other packets
 */
struct transport {
	int offset;
	u8 proto;
	bool is_fragment;
};

static struct transport find_v4(const struct iphdr *iph, int offset)
{
	return (struct transport){
		.offset = iph->frag_off & htons(IP_OFFSET) ?
			  -1 : offset + iph->ihl * 4,
		.proto = iph->protocol,
		.is_fragment = ip_is_fragment(iph),
	};
}

/* The protocol of fragments but the first is the fragment header, the last one
 * that they have.
 */
static struct transport find_v6(const struct sk_buff *skb,
				const struct ipv6hdr *ip6h, int offset)
{
	struct transport t = { .proto = ip6h->nexthdr };
	__be16 frag = 0;

	t.offset = ipv6_skip_exthdr(skb, offset + sizeof(*ip6h), &t.proto,
				    &frag);
	t.is_fragment = frag;
	return t;
}

/* The IP header at OFFSET, of the packet or of one that it quotes. */
static bool read_addrs(const struct sk_buff *skb, int offset,
		       struct shunt_flow_key *key, struct transport *t)
{
	const struct ipv6hdr *ip6h;
	struct ipv6hdr _ip6h;
	const struct iphdr *iph;
	struct iphdr _iph;

	memset(key, 0, sizeof(*key));
	switch (skb->protocol) {
	case htons(ETH_P_IP):
		iph = skb_header_pointer(skb, offset, sizeof(_iph), &_iph);
		if (!iph)
			return false;
		key->saddr = shunt_addr_v4(iph->saddr);
		key->daddr = shunt_addr_v4(iph->daddr);
		*t = find_v4(iph, offset);
		return true;
	case htons(ETH_P_IPV6):
		ip6h = skb_header_pointer(skb, offset, sizeof(_ip6h), &_ip6h);
		if (!ip6h)
			return false;
		key->saddr = shunt_addr_v6(&ip6h->saddr);
		key->daddr = shunt_addr_v6(&ip6h->daddr);
		*t = find_v6(skb, ip6h, offset);
		return true;
	default:
		return false;
	}
}

static void read_ports(const struct sk_buff *skb, const struct transport *t,
		       struct shunt_flow_key *key)
{
	struct { __be16 source, dest; } _ports, *ports;

	if (t->offset < 0 || !has_ports(t->proto))
		return;
	ports = skb_header_pointer(skb, t->offset, sizeof(_ports), &_ports);
	if (!ports)
		return;
	key->proto = t->proto;
	key->sport = ports->source;
	key->dport = ports->dest;
}

/**
 * shunt_flow_read_key() - which flow does a packet make?
 * @skb: packet, its network header set
 * @key: filled in; without protocol and ports if the packet has none
 *
 * Those of the first fragment are those of the flow, whose other packets may be
 * whole.
 *
 * Return: false if the packet is no IP.
 */
bool shunt_flow_read_key(const struct sk_buff *skb, struct shunt_flow_key *key)
{
	struct transport t;

	if (!read_addrs(skb, skb_network_offset(skb), key, &t))
		return false;
	read_ports(skb, &t, key);
	return true;
}

/**
 * shunt_flow_lookup() - find the flow of a key
 * @flows: the node's flows
 * @key: of either direction
 *
 * Context: RCU read side.
 * Return: the flow or NULL.
 */
struct shunt_flow *shunt_flow_lookup(struct shunt_flows *flows,
				     const struct shunt_flow_key *key)
{
	struct shunt_flow_dir *dir;

	dir = rhashtable_lookup(&flows->table, key, flow_params);
	return dir ? container_of(dir - dir->way, struct shunt_flow, dir[0]) :
		     NULL;
}

/* An ICMP error is of the flow that the packet in it is of: where that begins,
 * or 0.
 */
static int find_quoted(const struct sk_buff *skb, const struct transport *t)
{
	u8 _type, *type;

	if (t->offset < 0 || t->is_fragment)
		return 0;
	type = skb_header_pointer(skb, t->offset, sizeof(_type), &_type);
	if (!type)
		return 0;
	if (t->proto == IPPROTO_ICMP && icmp_is_err(*type))
		return t->offset + sizeof(struct icmphdr);
	if (t->proto == IPPROTO_ICMPV6 && icmpv6_is_err(*type))
		return t->offset + sizeof(struct icmp6hdr);
	return 0;
}

/**
 * shunt_flow_read_quoted() - which flow is an ICMP error about?
 * @skb: packet, its network header set
 * @key: filled in with the addresses of the packet that it quotes
 *
 * Return: false if the packet is no ICMP error.
 */
bool shunt_flow_read_quoted(const struct sk_buff *skb,
			    struct shunt_flow_key *key)
{
	struct transport t;
	int quoted;

	if (!read_addrs(skb, skb_network_offset(skb), key, &t))
		return false;
	quoted = find_quoted(skb, &t);
	return quoted && read_addrs(skb, quoted, key, &t);
}

/* Does a helper look after another connection between the two addresses? */
static bool is_expected(struct shunt_flows *flows,
			const struct shunt_flow_key *key)
{
	const struct shunt_flow_key addrs = {
		.saddr = key->saddr,
		.daddr = key->daddr,
	};
	const struct shunt_flow *pair;

	if (likely(!READ_ONCE(flows->helped)))
		return false;
	pair = shunt_flow_lookup(flows, &addrs);
	return pair && READ_ONCE(pair->is_helped);
}

/**
 * shunt_flow_covers() - is a packet of a flow that is remembered?
 * @flows: the node's flows
 * @skb: packet, its network header set
 *
 * Fragments are looked for by their addresses alone, as all of a datagram must
 * go the same way. So is what a helper of the stack may expect: it is no flow
 * before the stack has seen its first packet.
 *
 * Context: RCU read side.
 */
bool shunt_flow_covers(struct shunt_flows *flows, const struct sk_buff *skb)
{
	struct shunt_flow_key key;
	struct transport t;
	int quoted;

	if (!read_addrs(skb, skb_network_offset(skb), &key, &t))
		return false;
	quoted = find_quoted(skb, &t);
	if (quoted && !read_addrs(skb, quoted, &key, &t))
		return false;
	if (!t.is_fragment)
		read_ports(skb, &t, &key);
	return shunt_flow_lookup(flows, &key) || is_expected(flows, &key);
}

static void free_rcu(struct rcu_head *rcu)
{
	kmem_cache_free(flow_slab, container_of(rcu, struct shunt_flow, rcu));
}

static void insert(struct shunt_flows *flows, struct shunt_flow *flow,
		   enum shunt_flow_way way, const struct shunt_flow_key *key,
		   int *err)
{
	struct shunt_flow_dir *dir = &flow->dir[way];

	dir->way = way;
	dir->key = *key;
	if (!*err)
		*err = rhashtable_insert_fast(&flows->table, &dir->hash,
					      flow_params);
}

/* Under the lock, from here on. */
static void forget_ct(struct shunt_flow *flow)
{
	if (flow->ct)
		nf_conntrack_put(&flow->ct->ct_general);
	WRITE_ONCE(flow->ct, NULL);
}

static void remove(struct shunt_node *node, struct shunt_flow *flow)
{
	struct shunt_flows *flows = node->flows;
	struct shunt_pod *pod = flow->pod;
	int way;

	for (way = 0; way < SHUNT_FLOW_WAYS; way++)
		rhashtable_remove_fast(&flows->table, &flow->dir[way].hash,
				       flow_params);
	list_del(&flow->list);
	flows->count--;
	if (flow->is_helped)
		WRITE_ONCE(flows->helped, flows->helped - 1);
	shunt_stats_inc(pod->stats, SHUNT_STAT_FLOW_END);
	if (flow->pair)
		flow->pair->members--;
	forget_ct(flow);
	call_rcu(&flow->rcu, free_rcu);
	if (--pod->flows || pod->whole)
		return;
	WRITE_ONCE(pod->asks, false);
	shunt_route_invalidate(node);
}

static struct shunt_flow *create(struct shunt_node *node, struct shunt_pod *pod,
				 const struct shunt_flow_key *key)
{
	struct shunt_flow_key in = shunt_flow_reversed(key);
	struct shunt_flows *flows = node->flows;
	struct shunt_flow *flow;
	int err = 0;

	if (flows->count >= READ_ONCE(flow_max))
		return NULL;
	flow = kmem_cache_zalloc(flow_slab, GFP_ATOMIC | __GFP_NOWARN);
	if (!flow)
		return NULL;
	flow->pod = pod;
	flow->until = jiffies;
	insert(flows, flow, SHUNT_FLOW_OUT, key, &err);
	insert(flows, flow, SHUNT_FLOW_IN, &in, &err);
	if (err) {
		/* Does nothing if that was the one that failed. */
		rhashtable_remove_fast(&flows->table,
				       &flow->dir[SHUNT_FLOW_OUT].hash,
				       flow_params);
		call_rcu(&flow->rcu, free_rcu);
		return NULL;
	}
	list_add_tail(&flow->list, &flows->list);
	flows->count++;
	pod->flows++;
	shunt_stats_inc(pod->stats, SHUNT_STAT_FLOW_NEW);
	return flow;
}

/* Who cannot be remembered in part is remembered as a whole, for good: which
 * connections are the host's is no longer known.
 */
static void punt_whole(struct shunt_pod *pod)
{
	if (pod->whole)
		return;
	shunt_stats_inc(pod->stats, SHUNT_STAT_FLOW_FULL);
	WRITE_ONCE(pod->whole, true);
	if (net_ratelimit())
		netdev_warn(pod->dev,
			    "no room for more host flows: all packets of the pod take the host's stack (module parameter flow_max)\n");
}

/* From here on the pod's packets ask. */
static void start_asking(struct shunt_node *node, struct shunt_pod *pod)
{
	if (pod->asks)
		return;
	WRITE_ONCE(pod->asks, true);
	shunt_route_invalidate(node);
}

static struct shunt_flow *create_both(struct shunt_node *node,
				      struct shunt_pod *pod,
				      const struct shunt_flow_key *key)
{
	struct shunt_flow_key addrs = {
		.saddr = key->saddr,
		.daddr = key->daddr,
	};
	struct shunt_flow *pair, *flow;

	pair = shunt_flow_lookup(node->flows, &addrs);
	/* That of a pod that is going takes no more members. */
	if (!pair || !rcu_access_pointer(pair->pod->node))
		pair = create(node, pod, &addrs);
	if (!pair || !key->proto)
		return pair;
	flow = create(node, pod, key);
	if (!flow)
		return NULL;
	flow->pair = pair;
	pair->members++;
	return flow;
}

/* Some packets of a tracked connection have no entry with them, such as those
 * that a flowtable forwards: the one that is known stays.
 */
static void refresh(struct shunt_flow *flow, struct nf_conn *ct)
{
	unsigned long timeout = ct ? CONFIRM_TIMEOUT : IDLE_TIMEOUT;

	WRITE_ONCE(flow->until, jiffies + timeout);
	if (!ct || flow->ct == ct)
		return;
	forget_ct(flow);
	nf_conntrack_get(&ct->ct_general);
	WRITE_ONCE(flow->ct, ct);
}

static void note_helper(struct shunt_flows *flows, struct shunt_flow *flow,
			const struct nf_conn *ct)
{
	struct shunt_flow *pair = flow->pair ?: flow;

	if (!ct || !test_bit(IPS_HELPER_BIT, &ct->status) || pair->is_helped)
		return;
	WRITE_ONCE(pair->is_helped, true);
	WRITE_ONCE(flows->helped, flows->helped + 1);
}

/* Known, and not to be refreshed so soon: no need for the lock. */
static bool is_fresh(const struct shunt_flow *flow, const struct nf_conn *ct)
{
	if (!flow)
		return false;
	if (ct)
		return READ_ONCE(flow->ct) == ct;
	return time_before(jiffies + IDLE_TIMEOUT / 2, READ_ONCE(flow->until));
}

/**
 * shunt_flow_note() - remember the flow of a packet
 * @node: the node
 * @pod: whose flow it is
 * @key: of the packet, as the pod sends or would answer it
 * @ct: the host's state of the connection, or NULL
 *
 * Context: RCU read side, any.
 */
void shunt_flow_note(struct shunt_node *node, struct shunt_pod *pod,
		     const struct shunt_flow_key *key, struct nf_conn *ct)
{
	struct shunt_flows *flows = node->flows;
	struct shunt_flow *flow;

	/* Who is punted whole needs nothing of the room that others may. */
	if (READ_ONCE(pod->whole))
		return;
	if (is_fresh(shunt_flow_lookup(flows, key), ct) &&
	    READ_ONCE(pod->asks))
		return;
	spin_lock_bh(&flows->lock);
	/* Nobody would sweep up after who comes later than the end. */
	if (!rcu_access_pointer(pod->node) || READ_ONCE(node->dead))
		goto unlock;
	flow = shunt_flow_lookup(flows, key);
	if (!flow)
		flow = create_both(node, pod, key);
	if (flow) {
		refresh(flow, ct);
		note_helper(flows, flow, ct);
	} else {
		punt_whole(pod);
	}
	start_asking(node, pod);
	schedule_delayed_work(&flows->collect, COLLECT_INTERVAL);
unlock:
	spin_unlock_bh(&flows->lock);
}

static bool is_ct_over(const struct shunt_flow *flow)
{
	const struct nf_conn *ct = flow->ct;

	if (ct && nf_ct_is_confirmed(ct))
		return nf_ct_is_dying(ct) || nf_ct_is_expired(ct);
	return time_after_eq(jiffies, flow->until);
}

/* A pair lives as long as its members, what it held of its own does not. */
static bool fn_is_over(struct shunt_flow *flow, const void *arg)
{
	if (!is_ct_over(flow))
		return false;
	if (!flow->members)
		return true;
	forget_ct(flow);
	WRITE_ONCE(flow->until, jiffies);
	return false;
}

typedef bool (*flow_fn)(struct shunt_flow *flow, const void *arg);

/* Once around the list, a few at a time. Who comes meanwhile is behind them. */
static void remove_if(struct shunt_node *node, flow_fn fn, const void *arg)
{
	struct shunt_flows *flows = node->flows;
	unsigned int i = 0, n = READ_ONCE(flows->count);
	struct shunt_flow *flow;

	while (i < n) {
		spin_lock_bh(&flows->lock);
		do {
			flow = list_first_entry_or_null(&flows->list,
							struct shunt_flow,
							list);
			if (!flow)
				break;
			list_move_tail(&flow->list, &flows->list);
			if (fn(flow, arg))
				remove(node, flow);
		} while (++i % COLLECT_BATCH);
		spin_unlock_bh(&flows->lock);
		if (!flow)
			break;
		cond_resched();
	}
}

static void collect(struct work_struct *work)
{
	struct shunt_flows *flows = container_of(to_delayed_work(work),
						 struct shunt_flows, collect);

	mutex_lock(&flows->walk);
	remove_if(flows->node, fn_is_over, NULL);
	mutex_unlock(&flows->walk);
	if (READ_ONCE(flows->count))
		schedule_delayed_work(&flows->collect, COLLECT_INTERVAL);
}

/* A pod, or one of its addresses. */
struct gone {
	const struct shunt_pod *pod;
	const struct shunt_addr *addr;
};

static bool concerns(const struct shunt_flow *flow, const struct gone *gone)
{
	const struct shunt_addr *own = &flow->dir[SHUNT_FLOW_OUT].key.saddr;

	return flow->pod == gone->pod &&
	       (!gone->addr || ipv6_addr_equal(&own->v6, &gone->addr->v6));
}

/* Members first: a pair must outlive those of other pods, too. */
static bool fn_is_member(struct shunt_flow *flow, const void *gone)
{
	return flow->pair &&
	       (concerns(flow, gone) || concerns(flow->pair, gone));
}

static bool fn_is_pair(struct shunt_flow *flow, const void *gone)
{
	return concerns(flow, gone) && !flow->members;
}

/**
 * shunt_flow_forget() - a pod is going, or one of its addresses
 * @node: the node
 * @pod: the pod. If its &shunt_pod.node is NULL, nothing of it is left
 *	afterwards.
 * @addr: the address, or NULL for all
 *
 * Context: may sleep.
 */
void shunt_flow_forget(struct shunt_node *node, const struct shunt_pod *pod,
		       const struct shunt_addr *addr)
{
	const struct gone gone = { .pod = pod, .addr = addr };
	unsigned int any;

	/* Who was under way with a new one is through after this. */
	spin_lock_bh(&node->flows->lock);
	any = pod->flows;
	spin_unlock_bh(&node->flows->lock);
	if (!any)
		return;
	mutex_lock(&node->flows->walk);
	remove_if(node, fn_is_member, &gone);
	remove_if(node, fn_is_pair, &gone);
	mutex_unlock(&node->flows->walk);
}

/**
 * shunt_flow_table_alloc() - make a node's table
 * @node: the node
 *
 * Return: 0 or -ENOMEM.
 */
int shunt_flow_table_alloc(struct shunt_node *node)
{
	struct shunt_flows *flows;

	flows = kzalloc(sizeof(*flows), GFP_KERNEL);
	if (!flows)
		return -ENOMEM;
	if (rhashtable_init(&flows->table, &flow_params)) {
		kfree(flows);
		return -ENOMEM;
	}
	spin_lock_init(&flows->lock);
	mutex_init(&flows->walk);
	INIT_LIST_HEAD(&flows->list);
	INIT_DELAYED_WORK(&flows->collect, collect);
	flows->node = node;
	node->flows = flows;
	return 0;
}

/**
 * shunt_flow_table_free() - free a node's table
 * @node: the node, without pods and readers
 *
 * Context: may sleep.
 */
void shunt_flow_table_free(struct shunt_node *node)
{
	struct shunt_flows *flows = node->flows;

	cancel_delayed_work_sync(&flows->collect);
	rhashtable_destroy(&flows->table);
	kfree(flows);
}

int __init shunt_flow_init(void)
{
	flow_slab = KMEM_CACHE(shunt_flow, 0);
	return flow_slab ? 0 : -ENOMEM;
}

/* After the last device is gone. */
void shunt_flow_exit(void)
{
	rcu_barrier();
	kmem_cache_destroy(flow_slab);
}
