// SPDX-License-Identifier: GPL-2.0
/*
 * Host routing by eBPF with what a CNI plugin does besides for each packet: it
 * finds out who is at the other end, tracks the connection with timers and
 * counters, asks the policy of the pod about what is no reply, and counts. Maps
 * are of the kinds and sizes that Cilium has by default, with its rule that
 * replies are looked for first. Services, NAT and events are left out.
 */
#include "forward.bpf.h"
#include "tracking.h"

enum direction { INGRESS, EGRESS };
enum state { NEW, ESTABLISHED, REPLY };

#define RELATED 2 /* beside a direction, in keys: errors about it */

/* Of TCP. */
#define SYN 0x02
#define ENDS 0x05 /* FIN and RST */

/* Errors of ICMP, whose header wants more of libc than BPF has; those of
 * ICMPv6 are all below.
 */
#define DEST_UNREACH 3
#define TIME_EXCEEDED 11
#define PARAMETERPROB 12
#define ICMPV6_INFOS 128

#define LIFETIME_TCP 8000
#define LIFETIME_OTHERS 60
#define LIFETIME_CLOSED 10
#define REPORT_INTERVAL 5

/* The head of what IP carries. */
struct ports {
	__be16 source;
	__be16 dest;
};

struct key4 {
	__be32 daddr;
	__be32 saddr;
	struct ports ports;
	__u8 protocol;
	__u8 flags;
} __attribute__((packed));

struct key6 {
	struct pod_addr daddr;
	struct pod_addr saddr;
	struct ports ports;
	__u8 protocol;
	__u8 flags;
} __attribute__((packed));

union key {
	struct key4 v4;
	struct key6 v6;
};

/* By enum direction where there are two. */
struct connection {
	__u64 packets;
	__u64 bytes;
	__u64 backend;
	__u32 lifetime;
	__u32 identity;
	__u32 reported[2];
	__u8 seen[2];
	__u8 closing[2];
	__u8 more_than_syn;
	__u8 unused[11];
};

/* A packet's part in a connection. */
struct flow {
	__u32 identity; /* of the other end */
	struct ports ports;
	__u8 flags; /* of TCP */
	__u8 related;
	void *map;
	union key key;
};

struct metric_key {
	__u8 denied;
	__u8 dir;
	__u8 unused[6];
};

struct metric {
	__u64 packets;
	__u64 bytes;
};

#define CONNECTIONS(NAME, KEY, MAX)			\
	struct {					\
		__uint(type, BPF_MAP_TYPE_LRU_HASH);	\
		__uint(max_entries, MAX);		\
		__type(key, KEY);			\
		__type(value, struct connection);	\
	} NAME SEC(".maps")

CONNECTIONS(tcp4, struct key4, MAX_TCP);
CONNECTIONS(tcp6, struct key6, MAX_TCP);
CONNECTIONS(others4, struct key4, MAX_OTHERS);
CONNECTIONS(others6, struct key6, MAX_OTHERS);

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MAX_ADDRESSES);
	__type(key, struct address_key);
	__type(value, struct address_info);
} addresses SEC(".maps");

struct rules {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MAX_RULES);
	__uint(key_size, sizeof(struct rule_key));
	__uint(value_size, sizeof(struct rule));
};

/* By the index of the node's end of a pod's devices, as are identities. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, MAX_ENDPOINTS);
	__type(key, __u32);
	__array(values, struct rules);
} policies SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_ENDPOINTS);
	__type(key, __u32);
	__type(value, __u32);
} identities SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct metric_key);
	__type(value, struct metric);
} metrics SEC(".maps");

static __always_inline __u32 identity_of(struct __sk_buff *skb,
					 const struct pod_addr *addr)
{
	struct address_key key = {
		.prefix = ADDRESS_BITS + 128,
		.family = FAMILY_6,
	};
	struct address_info *info;

	if (is_v4(skb)) {
		key.prefix = ADDRESS_BITS + 32;
		key.family = FAMILY_4;
		key.addr[0] = addr->addr[3];
	} else {
		__builtin_memcpy(key.addr, addr->addr, sizeof(key.addr));
	}
	info = bpf_map_lookup_elem(&addresses, &key);
	return info ? info->identity : 0;
}

static __always_inline void count(struct __sk_buff *skb, enum direction dir,
				  int denied)
{
	struct metric_key key = { .denied = denied, .dir = dir };
	struct metric *metric = bpf_map_lookup_elem(&metrics, &key);
	struct metric first = { .packets = 1, .bytes = skb->len };

	if (!metric) {
		bpf_map_update_elem(&metrics, &key, &first, BPF_ANY);
		return;
	}
	metric->packets++;
	metric->bytes += skb->len;
}

static __always_inline int is_error(struct packet *p, __u8 type)
{
	if (p->protocol == IPPROTO_ICMPV6)
		return type < ICMPV6_INFOS;
	return type == DEST_UNREACH || type == TIME_EXCEEDED ||
	       type == PARAMETERPROB;
}

/* Return: whether there is enough of it. */
static __always_inline int read_transport(struct __sk_buff *skb,
					  struct packet *p, struct flow *flow)
{
	int at = ETH_HLEN + (is_v4(skb) ? sizeof(struct iphdr) :
					  sizeof(struct ipv6hdr));
	__u8 type;

	flow->ports = (struct ports){};
	flow->flags = 0;
	flow->related = 0;
	switch (p->protocol) {
	case IPPROTO_TCP:
		return !bpf_skb_load_bytes(skb, at, &flow->ports,
					   sizeof(flow->ports)) &&
		       !bpf_skb_load_bytes(skb, at + 13, &flow->flags, 1);
	case IPPROTO_UDP:
		return !bpf_skb_load_bytes(skb, at, &flow->ports,
					   sizeof(flow->ports));
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if (bpf_skb_load_bytes(skb, at, &type, sizeof(type)))
			return 0;
		flow->related = is_error(p, type) ? RELATED : 0;
	}
	return 1;
}

/* The key of the connection, as seen from its start: the other way round for
 * what would be a reply.
 */
static __always_inline void make_key(struct __sk_buff *skb, struct packet *p,
				     struct flow *flow, enum direction dir,
				     int reply)
{
	__u8 flags = (dir ^ reply) | flow->related;
	struct ports ports = flow->ports;

	if (reply)
		ports = (struct ports){ ports.dest, ports.source };
	if (is_v4(skb))
		flow->key.v4 = (struct key4){
			.daddr = reply ? p->from.addr[3] : p->to.addr[3],
			.saddr = reply ? p->to.addr[3] : p->from.addr[3],
			.ports = ports,
			.protocol = p->protocol,
			.flags = flags,
		};
	else
		flow->key.v6 = (struct key6){
			.daddr = reply ? p->from : p->to,
			.saddr = reply ? p->to : p->from,
			.ports = ports,
			.protocol = p->protocol,
			.flags = flags,
		};
}

static __always_inline void pick_map(struct __sk_buff *skb, struct packet *p,
				     struct flow *flow)
{
	int tcp = p->protocol == IPPROTO_TCP;

	if (is_v4(skb))
		flow->map = tcp ? (void *)&tcp4 : &others4;
	else
		flow->map = tcp ? (void *)&tcp6 : &others6;
}

static __always_inline __u32 now(void)
{
	return bpf_ktime_get_ns() / 1000000000;
}

static __always_inline __u32 lifetime(struct connection *conn,
				      struct packet *p)
{
	if (conn->closing[INGRESS] && conn->closing[EGRESS])
		return LIFETIME_CLOSED;
	return p->protocol == IPPROTO_TCP && conn->more_than_syn ?
	       LIFETIME_TCP : LIFETIME_OTHERS;
}

static __always_inline void refresh(struct __sk_buff *skb, struct packet *p,
				    struct flow *flow, enum direction dir,
				    struct connection *conn)
{
	__u8 seen = conn->seen[dir] | (flow->flags & (SYN | ENDS));
	__u32 time = now();

	conn->more_than_syn |= !(flow->flags & SYN);
	if (flow->flags & ENDS)
		conn->closing[dir] = 1;
	conn->lifetime = time + lifetime(conn, p);
	if (conn->reported[dir] + REPORT_INTERVAL < time ||
	    conn->seen[dir] != seen) {
		conn->seen[dir] = seen;
		conn->reported[dir] = time;
	}
	__sync_fetch_and_add(&conn->packets, 1);
	__sync_fetch_and_add(&conn->bytes, skb->len);
}

/* Leaves in the flow the key that a new connection would have. */
static __always_inline enum state track(struct __sk_buff *skb, struct packet *p,
					struct flow *flow, enum direction dir)
{
	struct connection *conn;

	make_key(skb, p, flow, dir, 1);
	conn = bpf_map_lookup_elem(flow->map, &flow->key);
	if (conn) {
		refresh(skb, p, flow, dir, conn);
		return REPLY;
	}
	make_key(skb, p, flow, dir, 0);
	conn = bpf_map_lookup_elem(flow->map, &flow->key);
	if (!conn)
		return NEW;
	refresh(skb, p, flow, dir, conn);
	return flow->related ? REPLY : ESTABLISHED;
}

/* And what errors about it will look for. Return: whether there is room. */
static __always_inline int create(struct __sk_buff *skb, struct packet *p,
				  struct flow *flow, enum direction dir)
{
	struct connection conn = {
		.packets = 1,
		.bytes = skb->len,
		.lifetime = now() + LIFETIME_OTHERS,
		.identity = flow->identity,
	};
	void *others = is_v4(skb) ? (void *)&others4 : &others6;
	struct packet error = *p;
	struct flow about = *flow;

	conn.seen[dir] = flow->flags & (SYN | ENDS);
	conn.reported[dir] = now();
	if (bpf_map_update_elem(flow->map, &flow->key, &conn, BPF_ANY))
		return 0;
	error.protocol = is_v4(skb) ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	about.ports = (struct ports){};
	about.related = RELATED;
	make_key(skb, &error, &about, dir, 0);
	return !bpf_map_update_elem(others, &about.key, &conn, BPF_ANY);
}

/* What is said of this identity goes before what is said of all. */
static __always_inline int allowed(struct packet *p, struct flow *flow,
				   enum direction dir, __u32 index)
{
	struct rule_key key = {
		.prefix = (sizeof(key) - sizeof(key.prefix)) * 8,
		.identity = flow->identity,
		.egress = dir == EGRESS,
		.protocol = p->protocol,
		.port = flow->ports.dest,
	};
	void *rules = bpf_map_lookup_elem(&policies, &index);
	struct rule *rule;

	if (!rules)
		return 0;
	rule = bpf_map_lookup_elem(rules, &key);
	if (!rule) {
		key.identity = 0;
		rule = bpf_map_lookup_elem(rules, &key);
	}
	return rule && !rule->deny;
}

/* Return: whether the pod with that index lets the packet in, or out. */
static __always_inline int admit(struct __sk_buff *skb, struct packet *p,
				 struct flow *flow, enum direction dir,
				 __u32 index)
{
	enum state state;
	int pass = 1;

	pick_map(skb, p, flow);
	state = track(skb, p, flow, dir);
	if (state != REPLY)
		pass = allowed(p, flow, dir, index);
	if (pass && state == NEW)
		pass = create(skb, p, flow, dir);
	count(skb, dir, !pass);
	return pass;
}

/* At the ingress of the uplink. */
SEC("tc")
int from_uplink(struct __sk_buff *skb)
{
	struct flow flow = {};
	struct pod_dev *pod;
	struct packet p;

	if (!read_packet(skb, &p))
		return TC_ACT_OK;
	flow.identity = identity_of(skb, &p.from);
	pod = bpf_map_lookup_elem(&pods, &p.to);
	if (!pod)
		return TC_ACT_OK;
	if (!read_transport(skb, &p, &flow) ||
	    !admit(skb, &p, &flow, INGRESS, pod->index))
		return TC_ACT_SHOT;
	return to_pod(skb, pod);
}

/* At the ingress of the node's end of a veth pair, or where netkit sends. */
SEC("tc")
int from_pod(struct __sk_buff *skb)
{
	struct flow flow = {};
	__u32 index = skb->ifindex, *own;
	struct pod_dev *pod;
	struct packet p;

	if (!read_packet(skb, &p))
		return TC_ACT_OK;
	flow.identity = identity_of(skb, &p.to);
	if (!read_transport(skb, &p, &flow) ||
	    !admit(skb, &p, &flow, EGRESS, index))
		return TC_ACT_SHOT;
	pod = bpf_map_lookup_elem(&pods, &p.to);
	if (!pod)
		return to_uplink(skb);
	own = bpf_map_lookup_elem(&identities, &index);
	flow.identity = own ? *own : 0;
	if (!admit(skb, &p, &flow, INGRESS, pod->index))
		return TC_ACT_SHOT;
	return to_neighbour(skb, pod);
}

char LICENSE[] SEC("license") = "GPL";
