/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHUNT_BENCH_TRACKING_H
#define SHUNT_BENCH_TRACKING_H

#include <linux/types.h>

/* As many as Cilium has room for by default, as its documentation says ("eBPF
 * Maps"): connections of TCP, others, addresses, endpoints, and rules for each
 * of these.
 */
#define MAX_TCP 524288
#define MAX_OTHERS 262144
#define MAX_ADDRESSES 512000
#define MAX_ENDPOINTS 65536
#define MAX_RULES 16384

#define FAMILY_4 1
#define FAMILY_6 2

/* Bits of prefixes before the address, and before what a rule leaves open. */
#define ADDRESS_BITS 32
#define IDENTITY_BITS 40

/**
 * struct address_key - key of the prefixes of identities
 * @prefix: bits that count, of all that follows
 * @cluster: 0
 * @unused: 0
 * @family: FAMILY_4 or FAMILY_6
 * @addr: in network byte order; IPv4 is the first
 */
struct address_key {
	__u32 prefix;
	__u16 cluster;
	__u8 unused;
	__u8 family;
	__u32 addr[4];
};

/**
 * struct address_info - who has an address
 * @identity: what policy calls it
 * @node: 0, or where a tunnel to it ends
 * @key: 0, or what its node encrypts with
 */
struct address_info {
	__u32 identity;
	__u32 node;
	__u32 key;
};

/**
 * struct rule_key - key of the prefixes of a pod's policy
 * @prefix: bits that count, of all that follows
 * @identity: of the other end; 0: any
 * @egress: whether the pod began the connection
 * @protocol: of IP
 * @port: destination of the connection, in network byte order
 */
struct rule_key {
	__u32 prefix;
	__u32 identity;
	__u8 egress;
	__u8 protocol;
	__u16 port;
};

/**
 * struct rule - what policy says
 * @deny: whether it forbids
 * @unused: 0
 * @proxy: 0
 */
struct rule {
	__u8 deny;
	__u8 unused[3];
	__u32 proxy;
};

#endif
