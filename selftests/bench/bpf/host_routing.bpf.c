// SPDX-License-Identifier: GPL-2.0
/*
 * Host routing by eBPF in its barest form: what is for a pod of the node goes
 * straight into the pod's namespace, what a pod sends straight to the uplink,
 * by the node's routes. No policy, no services, no connection tracking, no
 * counters: whoever routes by eBPF does this, and more.
 */
#include "forward.bpf.h"

/* At the ingress of the uplink. */
SEC("tc")
int from_uplink(struct __sk_buff *skb)
{
	struct pod_dev *pod;
	struct packet p;

	if (!read_packet(skb, &p))
		return TC_ACT_OK;
	pod = bpf_map_lookup_elem(&pods, &p.to);
	return pod ? to_pod(skb, pod) : TC_ACT_OK;
}

/* At the ingress of the node's end of a veth pair, or where netkit sends. */
SEC("tc")
int from_pod(struct __sk_buff *skb)
{
	struct pod_dev *pod;
	struct packet p;

	if (!read_packet(skb, &p))
		return TC_ACT_OK;
	pod = bpf_map_lookup_elem(&pods, &p.to);
	return pod ? to_neighbour(skb, pod) : to_uplink(skb);
}

char LICENSE[] SEC("license") = "GPL";
