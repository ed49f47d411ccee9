/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What all host routing by eBPF does with a packet: read it, find the pod that
 * it is for, age it and pass it on.
 *
 * Packets with a hop limit that ends here, with options, of other protocols or
 * of the link are the stack's.
 */
#ifndef SHUNT_BENCH_FORWARD_BPF_H
#define SHUNT_BENCH_FORWARD_BPF_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "host_routing.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct pod_addr);
	__type(value, struct pod_dev);
} pods SEC(".maps");

volatile const struct node node SEC(".rodata.node");

/**
 * struct packet - what is read of a packet
 * @from: its source
 * @to: its destination
 * @hops: its hop limit; 0: the packet is the stack's
 * @protocol: of what it carries
 */
struct packet {
	struct pod_addr from;
	struct pod_addr to;
	__u8 hops;
	__u8 protocol;
};

static __always_inline int is_v4(struct __sk_buff *skb)
{
	return skb->protocol == bpf_htons(ETH_P_IP);
}

static __always_inline struct pod_addr mapped(__be32 addr)
{
	return (struct pod_addr){ .addr = { 0, 0, bpf_htonl(0xffff), addr } };
}

static __always_inline void read_v4(struct __sk_buff *skb, struct packet *p)
{
	void *data = (void *)(long)skb->data;
	struct iphdr *iph = data + ETH_HLEN;

	if ((void *)(iph + 1) > (void *)(long)skb->data_end || iph->ihl != 5)
		return;
	p->from = mapped(iph->saddr);
	p->to = mapped(iph->daddr);
	p->hops = iph->ttl;
	p->protocol = iph->protocol;
}

static __always_inline void read_v6(struct __sk_buff *skb, struct packet *p)
{
	void *data = (void *)(long)skb->data;
	struct ipv6hdr *iph = data + ETH_HLEN;

	if ((void *)(iph + 1) > (void *)(long)skb->data_end)
		return;
	/* Of the link, or multicast: neighbour discovery is among them. */
	if (iph->daddr.in6_u.u6_addr8[0] >= 0xfe)
		return;
	__builtin_memcpy(&p->from, &iph->saddr, sizeof(p->from));
	__builtin_memcpy(&p->to, &iph->daddr, sizeof(p->to));
	p->hops = iph->hop_limit;
	p->protocol = iph->nexthdr;
}

/* Return: whether the packet may go on past the stack. */
static __always_inline int read_packet(struct __sk_buff *skb, struct packet *p)
{
	p->hops = 0;
	if (is_v4(skb))
		read_v4(skb, p);
	else if (skb->protocol == bpf_htons(ETH_P_IPV6))
		read_v6(skb, p);
	return p->hops > 1;
}

/* Where it lies: helpers would do the same with calls. */
static __always_inline int age(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data;
	void *end = (void *)(long)skb->data_end;
	struct ipv6hdr *ip6h = data + ETH_HLEN;
	struct iphdr *iph = data + ETH_HLEN;
	__u32 check;

	if (is_v4(skb)) {
		if ((void *)(iph + 1) > end)
			return -1;
		/* TTL is the first byte of its sixteen bits. */
		check = iph->check + bpf_htons(0x0100);
		iph->check = check + (check >= 0xffff);
		iph->ttl--;
		return 0;
	}
	if ((void *)(ip6h + 1) > end)
		return -1;
	ip6h->hop_limit--;
	return 0;
}

/* From the uplink, straight into the pod's namespace. */
static __always_inline int to_pod(struct __sk_buff *skb, struct pod_dev *pod)
{
	void *data;

	if (age(skb))
		return TC_ACT_SHOT;
	/* netkit devices of layer 3 have no addresses. */
	if (!node.netkit) {
		data = (void *)(long)skb->data;
		if (data + sizeof(pod->mac) > (void *)(long)skb->data_end)
			return TC_ACT_SHOT;
		__builtin_memcpy(data, pod->mac, sizeof(pod->mac));
	}
	return bpf_redirect_peer(pod->index, 0);
}

/* From another pod: netkit's hook is where that one transmits. */
static __always_inline int to_neighbour(struct __sk_buff *skb,
					struct pod_dev *pod)
{
	if (!node.netkit)
		return to_pod(skb, pod);
	return age(skb) ? TC_ACT_SHOT : bpf_redirect(pod->index, 0);
}

static __always_inline int to_uplink(struct __sk_buff *skb)
{
	if (age(skb))
		return TC_ACT_SHOT;
	return bpf_redirect_neigh(node.uplink, 0, 0, 0);
}

#endif
