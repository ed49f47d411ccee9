/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libshunt: what user space can ask of shunt. It speaks netlink with the
 * kernel and keeps nothing else: no files, no output, no exit.
 *
 * A handle speaks for the network namespace that the calling thread was in
 * when it was opened, whatever happens to the thread later, and is to be used
 * by one thread at a time. Functions return 0, or a negative errno with a line
 * of text in shunt_error() that says what to do. Strings and arrays are
 * allocated by the function that returns them, and freed as it says.
 */
#ifndef _LIBSHUNT_H
#define _LIBSHUNT_H

#include <linux/shunt.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The gateway that pods see, which is the node device's address as well. */
#define SHUNT_GATEWAY_V4	"169.254.1.1"
#define SHUNT_GATEWAY_V6	"fe80::1"
/* Next hop of the node's routes to its pods: any address does, and one for
 * all pods makes one neighbour entry for all pods.
 */
#define SHUNT_NEXTHOP_V4	"169.254.1.2"
#define SHUNT_NEXTHOP_V6	"fe80::2"
/* 02, locally administered, and the letters of "shunt". Nobody answers to it:
 * pods only need something to write into the Ethernet header.
 */
#define SHUNT_GATEWAY_MAC	{ 0x02, 0x73, 0x68, 0x75, 0x6e, 0x74 }
/* rtm_protocol of the routes that shunt_pod_add() makes on the node. */
#define SHUNT_RTPROT		115

#define SHUNT_MAC_LEN		6
/* Enough for any text that the library makes. */
#define SHUNT_TEXT_LEN		512

struct shunt;

/**
 * struct shunt_addr - an address of either family
 * @family: AF_INET or AF_INET6
 * @bytes: network order, the first 4 only with AF_INET
 */
struct shunt_addr {
	uint8_t family;
	uint8_t bytes[16];
};

/**
 * struct shunt_prefix - a prefix of either family
 * @addr: its address, no bits set behind @len
 * @len: in bits
 */
struct shunt_prefix {
	struct shunt_addr addr;
	uint8_t len;
};

/* Enough for any prefix as shunt_prefix_format() writes it. */
#define SHUNT_PREFIX_LEN	(INET6_ADDRSTRLEN + sizeof("/128"))

/**
 * struct shunt_netns - an open network namespace
 * @name: what the user called it, for messages; belongs to the caller
 * @fd: file descriptor
 */
struct shunt_netns {
	const char *name;
	int fd;
};

/**
 * struct shunt_node - the node device
 * @ifindex: in the node's network namespace
 * @mtu: bytes
 * @up: administratively up
 * @name: of the device
 */
struct shunt_node {
	uint32_t ifindex;
	uint32_t mtu;
	bool up;
	char name[IF_NAMESIZE];
};

/**
 * struct shunt_uplink - a device through which pod traffic comes and goes
 * @ifindex: in the node's network namespace
 * @mtu: bytes
 * @node: ifindex of the node device
 * @name: of the device
 */
struct shunt_uplink {
	uint32_t ifindex;
	uint32_t mtu;
	uint32_t node;
	char name[IF_NAMESIZE];
};

/**
 * struct shunt_device - any device of the node
 * @name: its name
 */
struct shunt_device {
	char name[IF_NAMESIZE];
};

/**
 * struct shunt_path - what was said about a prefix
 * @prefix: the prefix
 * @action: &enum shunt_path_action
 * @node: ifindex of the node device
 */
struct shunt_path {
	struct shunt_prefix prefix;
	uint8_t action;
	uint32_t node;
};

/**
 * struct shunt_pod - a pod device
 * @ifindex: in the pod's network namespace
 * @mtu: bytes
 * @node: ifindex of the node device, in the node's network namespace
 * @veth: ifindex of the node's end of the pod's veth pair, in the same, or 0
 *	for a pod device
 * @netnsid: id of the pod's network namespace as the node's knows it
 * @n_addrs: number of addresses
 * @addrs: addresses
 * @netns: name in /run/netns, or NULL if there is none
 * @mac: hardware address
 * @name: of the device
 */
struct shunt_pod {
	uint32_t ifindex;
	uint32_t mtu;
	uint32_t node;
	uint32_t veth;
	int32_t netnsid;
	unsigned int n_addrs;
	struct shunt_addr *addrs;
	char *netns;
	uint8_t mac[SHUNT_MAC_LEN];
	char name[IF_NAMESIZE];
};

/**
 * struct shunt_route - a way out of a pod, by its gateway
 * @dst: where to
 * @mtu: bytes, or 0: the device's
 * @advmss: bytes of data that TCP asks others for at once, or 0: what follows
 *	from the MTU
 * @priority: of routes to the same prefix the lowest is taken, 0: the kernel's
 *	default
 * @table: number, or 0: the main table
 */
struct shunt_route {
	struct shunt_prefix dst;
	uint32_t mtu;
	uint32_t advmss;
	uint32_t priority;
	uint32_t table;
};

/**
 * struct shunt_pod_request - a pod device to be made
 * @netns: the pod's network namespace
 * @dev: name of the device
 * @node: name of the node device, or NULL for the one there is
 * @mac: hardware address, or NULL to let the kernel choose
 * @mtu: bytes, or 0 to follow the smallest uplink
 * @n_addrs: number of addresses, at least one
 * @addrs: addresses
 * @n_routes: number of routes
 * @routes: by which the pod is to reach others through the device, or NULL for
 *	default routes; a route that it has already stays
 * @alias: text that "ip link" shows with the device, or NULL
 */
struct shunt_pod_request {
	struct shunt_netns netns;
	const char *dev;
	const char *node;
	const uint8_t *mac;
	uint32_t mtu;
	unsigned int n_addrs;
	const struct shunt_addr *addrs;
	unsigned int n_routes;
	const struct shunt_route *routes;
	const char *alias;
};

/**
 * struct shunt_counter - what is known of a counter
 * @name: its name in JSON
 * @attr: its attribute, SHUNT_A_STATS_*
 * @doc: what it counts, one sentence
 */
struct shunt_counter {
	const char *name;
	unsigned int attr;
	const char *doc;
};

/* All counters, in the order of the attributes. */
extern const struct shunt_counter shunt_counters[];
extern const unsigned int shunt_n_counters;

/**
 * struct shunt_stats - counters of a node
 * @node: ifindex of the node device
 * @value: by attribute, that is by &shunt_counter.attr
 */
struct shunt_stats {
	uint32_t node;
	uint64_t value[SHUNT_A_STATS_MAX + 1];
};

/**
 * shunt_open() - open a handle for the network namespace one is in
 * @sh: the handle. It is set in any case: after a failure it serves
 *	shunt_error() and shunt_close(), and may be NULL.
 *
 * Needs no privileges and no module: what needs them says so.
 */
int shunt_open(struct shunt **sh);

/**
 * shunt_close() - free a handle
 * @sh: the handle or NULL
 */
void shunt_close(struct shunt *sh);

/**
 * shunt_error() - why the last call on a handle failed
 * @sh: the handle or NULL
 *
 * Return: one line without a newline, valid until the next call.
 */
const char *shunt_error(const struct shunt *sh);

/**
 * shunt_warning() - what the kernel remarked on the last call that it did
 * @sh: the handle
 *
 * Return: lines separated by newlines, valid until the next call, or NULL.
 */
const char *shunt_warning(const struct shunt *sh);

/**
 * shunt_addr_parse() - read the address of a pod
 * @text: an address, perhaps followed by /32 or /128
 * @addr: the result
 * @why: text of the error, SHUNT_TEXT_LEN bytes
 *
 * Return: 0, or -EINVAL if it is not an address or one that no pod can have.
 */
int shunt_addr_parse(const char *text, struct shunt_addr *addr, char *why);

/**
 * shunt_addr_format() - write an address
 * @addr: the address
 * @buf: INET6_ADDRSTRLEN bytes
 *
 * Return: @buf.
 */
const char *shunt_addr_format(const struct shunt_addr *addr, char *buf);

/**
 * shunt_prefix_parse() - read a prefix
 * @text: an address and a length, or an address alone, which is all its bits
 * @prefix: the result
 * @why: text of the error, SHUNT_TEXT_LEN bytes
 *
 * Return: 0, or -EINVAL if it is not a prefix or has bits behind its length.
 */
int shunt_prefix_parse(const char *text, struct shunt_prefix *prefix,
		       char *why);

/**
 * shunt_prefix_format() - write a prefix
 * @prefix: the prefix
 * @buf: SHUNT_PREFIX_LEN bytes
 *
 * Return: @buf.
 */
const char *shunt_prefix_format(const struct shunt_prefix *prefix, char *buf);

/**
 * shunt_mac_parse() - read the hardware address of a pod
 * @text: six bytes in hexadecimal, with colons
 * @mac: the result
 * @why: text of the error, SHUNT_TEXT_LEN bytes
 *
 * Return: 0, or -EINVAL if it is none or one that no device can have.
 */
int shunt_mac_parse(const char *text, uint8_t *mac, char *why);

/**
 * shunt_device_name_valid() - can a device have this name?
 * @name: the name
 *
 * Return: true for 1 to 15 characters without / : % and spaces, but . and ..
 */
bool shunt_device_name_valid(const char *name);

/**
 * shunt_netns_open() - open the network namespace of a pod
 * @sh: the handle
 * @name: a name in /run/netns or a path
 * @netns: the result, to be closed with shunt_netns_close()
 *
 * Return: 0, -ENOENT if there is none, -EINVAL if it is no network namespace
 * or the node's own.
 */
int shunt_netns_open(struct shunt *sh, const char *name,
		     struct shunt_netns *netns);

/**
 * shunt_netns_close() - close a network namespace
 * @netns: the namespace
 */
void shunt_netns_close(struct shunt_netns *netns);

/**
 * shunt_netns_find() - is there a device?
 * @sh: the handle
 * @netns: the network namespace
 * @dev: name of the device, of any kind
 * @alias: its alias, to be freed with free(), or NULL if it has none
 *
 * Return: 0, -ENODEV if there is none.
 */
int shunt_netns_find(struct shunt *sh, const struct shunt_netns *netns,
		     const char *dev, char **alias);

/**
 * shunt_node_create() - make the node device
 * @sh: the handle
 * @name: its name
 *
 * Return: 0, -EEXIST if the name is taken, -EOPNOTSUPP if the module is not
 * loaded, or what the kernel says.
 */
int shunt_node_create(struct shunt *sh, const char *name);

/**
 * shunt_node_get() - find the node device
 * @sh: the handle
 * @name: its name, or NULL for the one there is
 * @node: the result
 *
 * Return: 0, -ENODEV if there is none, -EINVAL if @name is something else,
 * -EOPNOTSUPP if the module is not loaded.
 */
int shunt_node_get(struct shunt *sh, const char *name,
		   struct shunt_node *node);

/**
 * shunt_node_ensure() - make sure that the node device can serve pods
 * @sh: the handle
 * @node: what shunt_node_get() gave
 * @v4: give it the gateway's IPv4 address
 * @v6: give it the gateway's IPv6 address
 *
 * Does nothing to a device that is up and has them. Implied by
 * shunt_pod_add().
 */
int shunt_node_ensure(struct shunt *sh, const struct shunt_node *node,
		      bool v4, bool v6);

/**
 * shunt_uplink_add() - steer what arrives on a device to the node's pods
 * @sh: the handle
 * @dev: name of the device
 *
 * The kernel may warn, see shunt_warning().
 */
int shunt_uplink_add(struct shunt *sh, const char *dev);

/**
 * shunt_uplink_del() - leave a device alone again
 * @sh: the handle
 * @dev: name of the device
 */
int shunt_uplink_del(struct shunt *sh, const char *dev);

/**
 * shunt_uplink_get() - look at one uplink
 * @sh: the handle
 * @dev: name of the device
 * @uplink: the result
 */
int shunt_uplink_get(struct shunt *sh, const char *dev,
		     struct shunt_uplink *uplink);

/**
 * shunt_uplink_list() - look at all uplinks of the node
 * @sh: the handle
 * @uplinks: the result, to be freed with free()
 * @n: how many there are
 */
int shunt_uplink_list(struct shunt *sh, struct shunt_uplink **uplinks,
		      unsigned int *n);

/**
 * shunt_uplink_defaults() - find the devices of the node's default routes
 * @sh: the handle
 * @devices: each once, to be freed with free()
 * @n: how many there are
 */
int shunt_uplink_defaults(struct shunt *sh, struct shunt_device **devices,
			  unsigned int *n);

/**
 * shunt_pod_add() - connect a pod
 * @sh: the handle
 * @req: what is wanted
 * @pod: the device as it came out, without @addrs, @netns and @netnsid, which
 *	 are the request's; may be NULL
 *
 * Makes the pod's device in the pod's network namespace, up, with addresses,
 * default routes and neighbours, and a route to it on the node for each
 * address that no other route to the node device covers. If that fails,
 * nothing of it stays.
 *
 * Needs CAP_NET_ADMIN and, to enter the pod's network namespace,
 * CAP_SYS_ADMIN. If the calling thread cannot leave it again, the process is
 * aborted: nothing good could follow.
 *
 * Return: 0, -EADDRINUSE if another pod of the node has the address, -EEXIST
 * if the pod has such a device or the node another route to the address, or
 * what the kernel says.
 */
int shunt_pod_add(struct shunt *sh, const struct shunt_pod_request *req,
		  struct shunt_pod *pod);

/**
 * shunt_pod_replace() - connect a pod by a device in the place of another one
 * @sh: the handle
 * @req: what is wanted; dev is a device that is there and goes
 * @pod: as of shunt_pod_add()
 * @peer: IF_NAMESIZE bytes: name of the other end if the device was one of a
 *	veth pair with that in the node's network namespace, else ""
 *
 * What the request leaves open, MAC address and MTU, are those of the device
 * that goes. It has gone if the new one could not be made: nothing brings it
 * back.
 *
 * Return: as of shunt_pod_add(); -ENODEV if there is no such device, -EINVAL if
 * it is a pod's already.
 */
int shunt_pod_replace(struct shunt *sh, const struct shunt_pod_request *req,
		      struct shunt_pod *pod, char *peer);

/**
 * shunt_pod_adopt() - put a pod onto the direct path that has a veth pair
 * @sh: the handle
 * @req: whose netns, dev, addrs and node count: dev is the pod's end of a pair
 *	that somebody else has made and configured, the other end is on the node
 *
 * Nothing of the pair changes but which way packets take, which shunt_pod_del()
 * and the end of the pair undo.
 *
 * Return: 0, -ENODEV, -EINVAL if it is no such pair, -EEXIST if it was adopted
 * before, -EADDRINUSE, or what the kernel says.
 */
int shunt_pod_adopt(struct shunt *sh, const struct shunt_pod_request *req);

/**
 * shunt_pod_del() - disconnect a pod, or give an adopted one back to the stack
 * @sh: the handle
 * @netns: the pod's network namespace
 * @dev: name of the device, or NULL for the only one there that is a pod's
 *
 * Return: 0, -ENODEV if there is no such device.
 */
int shunt_pod_del(struct shunt *sh, const struct shunt_netns *netns,
		  const char *dev);

/**
 * shunt_node_sweep() - remove the node's routes to pods that are gone
 * @sh: the handle
 *
 * For who learns of a pod's end when its network namespace is gone already, and
 * its device with it. Removes only routes of the protocol SHUNT_RTPROT. No node
 * device is no error.
 */
int shunt_node_sweep(struct shunt *sh);

/**
 * shunt_pod_addr_add() - give a pod device one more address
 * @sh: the handle
 * @netns: the pod's network namespace
 * @dev: name of the device, or NULL for the only shunt device there
 * @addr: the address
 *
 * Tells the datapath only: the address inside the pod is the pod's affair, and
 * the route on the node the caller's.
 */
int shunt_pod_addr_add(struct shunt *sh, const struct shunt_netns *netns,
		       const char *dev, const struct shunt_addr *addr);

/**
 * shunt_pod_addr_del() - take an address from a pod device
 * @sh: the handle
 * @netns: the pod's network namespace
 * @dev: name of the device, or NULL for the only shunt device there
 * @addr: the address
 */
int shunt_pod_addr_del(struct shunt *sh, const struct shunt_netns *netns,
		       const char *dev, const struct shunt_addr *addr);

/**
 * shunt_pod_list() - look at pods of the node
 * @sh: the handle
 * @netns: only those in this network namespace; NULL for all
 * @pods: the result, to be freed with shunt_pod_free()
 * @n: how many there are
 */
int shunt_pod_list(struct shunt *sh, const struct shunt_netns *netns,
		   struct shunt_pod **pods, unsigned int *n);

/**
 * shunt_pod_verify() - is the inside of a pod as it was made?
 * @sh: the handle
 * @req: how it was made: @netns, @dev, @addrs and @routes; if @mac is not NULL,
 *	 that too
 *
 * What is there beside it does not matter, nor by which table and device the
 * routes lead.
 *
 * Return: 0, -ENODEV if there is no such device, -ENOENT if something else is
 * missing, which shunt_error() names.
 */
int shunt_pod_verify(struct shunt *sh, const struct shunt_pod_request *req);

/**
 * shunt_pod_alias() - the alias of a pod's device
 * @sh: the handle
 * @pod: of shunt_pod_list()
 * @alias: the text, to be freed with free(), or NULL if it has none
 *
 * Return: 0, -ENODEV if the device is gone.
 */
int shunt_pod_alias(struct shunt *sh, const struct shunt_pod *pod,
		    char **alias);

/**
 * shunt_pod_remove() - disconnect a pod of a list
 * @sh: the handle
 * @pod: of shunt_pod_list()
 * @alias: that its device has
 *
 * Needs no way into the pod's network namespace. An adopted pod is left to who
 * made its device. That the device is gone is no error, even if another one is
 * in its place. The node's routes to it are left for shunt_node_sweep().
 */
int shunt_pod_remove(struct shunt *sh, const struct shunt_pod *pod,
		     const char *alias);

/**
 * shunt_pod_has() - does a pod have an address?
 * @pod: of shunt_pod_list()
 * @addr: the address
 */
bool shunt_pod_has(const struct shunt_pod *pod, const struct shunt_addr *addr);

/**
 * shunt_pod_free() - free pods
 * @pods: what shunt_pod_list() gave
 * @n: how many there are
 */
void shunt_pod_free(struct shunt_pod *pods, unsigned int n);

/**
 * shunt_path_add() - say which path packets between pods and a prefix take
 * @sh: the handle
 * @prefix: the prefix
 * @action: &enum shunt_path_action; takes the place of what was said before
 *
 * The longest prefix holds; for addresses without one it is the direct path.
 */
int shunt_path_add(struct shunt *sh, const struct shunt_prefix *prefix,
		   enum shunt_path_action action);

/**
 * shunt_path_del() - forget a prefix
 * @sh: the handle
 * @prefix: the prefix
 *
 * Return: 0, -ENOENT if nothing was said about it.
 */
int shunt_path_del(struct shunt *sh, const struct shunt_prefix *prefix);

/**
 * shunt_path_get() - look at what was said about a prefix
 * @sh: the handle
 * @prefix: the prefix
 * @path: the result
 *
 * Return: 0, -ENOENT if nothing was said about it.
 */
int shunt_path_get(struct shunt *sh, const struct shunt_prefix *prefix,
		   struct shunt_path *path);

/**
 * shunt_path_list() - look at all prefixes of the node
 * @sh: the handle
 * @paths: the result, IPv4 first, each before those that it contains; to be
 *	   freed with free()
 * @n: how many there are
 */
int shunt_path_list(struct shunt *sh, struct shunt_path **paths,
		    unsigned int *n);

/**
 * shunt_stats_get() - read the counters of the node
 * @sh: the handle
 * @stats: the result
 */
int shunt_stats_get(struct shunt *sh, struct shunt_stats *stats);

#endif /* _LIBSHUNT_H */
