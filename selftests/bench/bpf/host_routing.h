/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHUNT_BENCH_HOST_ROUTING_H
#define SHUNT_BENCH_HOST_ROUTING_H

#include <linux/types.h>

/**
 * struct node - what the programs of a node are loaded with
 * @uplink: index of the device of all that pods send to elsewhere
 * @netkit: whether pods have netkit devices, instead of veth pairs
 */
struct node {
	__u32 uplink;
	__u32 netkit;
};

/**
 * struct pod_addr - key of the map of pods
 * @addr: in network byte order; of IPv4, ::ffff:ADDRESS
 */
struct pod_addr {
	__u32 addr[4];
};

/**
 * struct pod_dev - where a pod is
 * @index: of the node's end of its pair of devices
 * @mac: destination and source of what the pod receives by a veth pair
 */
struct pod_dev {
	__u32 index;
	__u8 mac[12];
};

#endif
