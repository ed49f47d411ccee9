/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of libshunt share: the handle, its error text, and batches of
 * netlink requests. The only header that knows libnl.
 */
#ifndef _SHUNT_INTERNAL_H
#define _SHUNT_INTERNAL_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/socket.h>
#include <sys/types.h>

#include "libshunt.h"

#define SHUNT_NOT_LOADED \
	"the module shunt is not loaded: modprobe shunt (\"make install\" puts it in place)"

/**
 * struct shunt - the handle
 * @route: rtnetlink socket in the node's network namespace
 * @genl: generic netlink socket there
 * @family: id of the family shunt, 0 until it was asked for
 * @netns_dev: with @netns_ino, which network namespace is the node's
 * @netns_ino: see @netns_dev
 * @ext_text: what the kernel said to the last request that failed, or empty
 * @ext_offset: of the attribute at fault in that request, or 0
 * @error: text of the last error
 * @warning: warnings of the call in progress
 */
struct shunt {
	struct nl_sock *route;
	struct nl_sock *genl;
	int family;
	dev_t netns_dev;
	ino_t netns_ino;
	uint32_t ext_offset;
	char ext_text[SHUNT_TEXT_LEN / 2];
	char error[SHUNT_TEXT_LEN];
	char warning[SHUNT_TEXT_LEN];
};

/**
 * struct shunt_request - one request of a batch
 * @msg: the message
 * @what: what it is about, for error texts
 * @tolerate: an errno that is as good as success, SHUNT_TOLERATE_ALL for any
 * @done: the kernel has answered
 * @error: how: 0 or negative errno
 */
struct shunt_request {
	struct nl_msg *msg;
	const char *what;
	int tolerate;
	bool done;
	int error;
};

#define SHUNT_TOLERATE_ALL	(-1)

/**
 * struct shunt_batch - requests that are sent in one go, and the replies
 * @requests: the requests
 * @n: how many
 * @failed: after shunt_nl_run() failed: the request that did
 * @error: building failed: no memory, or message too long
 * @restart: a dump was interrupted by a change
 * @seq: sequence number of the first request
 * @reply: messages that came back, in order
 * @reply_len: bytes of them
 *
 * Initialised with zeroes. Errors of building are kept until shunt_nl_run(),
 * so that what builds needs no checks.
 */
struct shunt_batch {
	struct shunt_request *requests;
	unsigned int n;
	unsigned int failed;
	int error;
	bool restart;
	uint32_t seq;
	char *reply;
	size_t reply_len;
};

/* nl.c: sockets and batches */
int shunt_nl_socket(int protocol, struct nl_sock **sk);
void shunt_nl_request(struct shunt_batch *b, const char *what, int type,
		      int flags, const void *head, size_t len);
void shunt_nl_tolerate(struct shunt_batch *b, int error);
void shunt_nl_put(struct shunt_batch *b, int attr, const void *data,
		  size_t len);
void shunt_nl_put_u32(struct shunt_batch *b, int attr, uint32_t value);
void shunt_nl_put_string(struct shunt_batch *b, int attr, const char *text);
size_t shunt_nl_nest(struct shunt_batch *b, int attr);
void shunt_nl_nest_end(struct shunt_batch *b, size_t nest);
size_t shunt_nl_offset(const struct shunt_batch *b);
int shunt_nl_run(struct shunt *sh, struct nl_sock *sk, struct shunt_batch *b);
void shunt_nl_free(struct shunt_batch *b);

/* The replies of a batch, one by one; start with NULL. */
struct nlmsghdr *shunt_nl_next(const struct shunt_batch *b,
			       struct nlmsghdr *nlh);

/* genl.c: requests of the family shunt */
int shunt_genl_family(struct shunt *sh);
void shunt_genl_request(struct shunt *sh, struct shunt_batch *b, int cmd,
			int flags);
int shunt_genl_parse(struct nlmsghdr *nlh, struct nlattr **tb, int max);

/**
 * struct shunt_items - what a dump has brought
 * @items: an array, to be freed with free(), even after an error
 * @n: how many there are
 */
struct shunt_items {
	void *items;
	unsigned int n;
};

/* Dump CMD into an array of items of SIZE bytes; WHAT is for error texts. What
 * PARSE has not filled in counts for nothing.
 */
int shunt_genl_list(struct shunt *sh, int cmd, const char *what, size_t size,
		    int (*parse)(struct shunt *sh, struct nlmsghdr *nlh,
				 void *item),
		    struct shunt_items *list);

/* error.c: texts */
void shunt_begin(struct shunt *sh);
int shunt_fail(struct shunt *sh, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int shunt_fail_kernel(struct shunt *sh, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int shunt_fail_reply(struct shunt *sh, const char *what);
void shunt_warn(struct shunt *sh, const char *text);

/* addr.c */
size_t shunt_addr_len(const struct shunt_addr *addr);
bool shunt_addr_equal(const struct shunt_addr *a, const struct shunt_addr *b);
struct shunt_addr shunt_addr_of(const char *text);
int shunt_addr_check(const struct shunt_addr *addr, char *why);
int shunt_mac_check(const uint8_t *mac, char *why);
bool shunt_addr_get(const struct nlattr *attr, struct shunt_addr *addr);

/* podlist.c */
int shunt_pod_parse(struct shunt *sh, struct nlmsghdr *nlh,
		    struct shunt_pod *pod);
void shunt_pod_clear(struct shunt_pod *pod);

/* netns.c */
int shunt_netns_socket(struct shunt *sh, const struct shunt_netns *netns,
		       struct nl_sock **sk);
int shunt_netns_id(struct shunt *sh, int fd, int32_t *id);

struct shunt_netns_names;
int shunt_netns_names_load(struct shunt *sh, struct shunt_netns_names **names);
const char *shunt_netns_names_find(const struct shunt_netns_names *names,
				   int32_t id);
void shunt_netns_names_free(struct shunt_netns_names *names);

/**
 * struct shunt_link - a device, as rtnetlink describes it
 * @ifindex: in its network namespace
 * @flags: IFF_*
 * @mtu: bytes
 * @lower: of the device it stands on, or the other end of a pair, or 0: in the
 *	network namespace that one is in
 * @shunt: is of kind shunt
 * @veth: is of kind veth
 * @role: SHUNT_ROLE_* if it is
 * @mac: hardware address
 * @name: of the device
 */
struct shunt_link {
	uint32_t ifindex;
	uint32_t flags;
	uint32_t mtu;
	uint32_t lower;
	bool shunt;
	bool veth;
	uint8_t role;
	uint8_t mac[SHUNT_MAC_LEN];
	char name[IF_NAMESIZE];
};

/* link.c */
int shunt_link_get(struct shunt *sh, struct nl_sock *sk, const char *name,
		   struct shunt_link *link);
int shunt_link_find_node(struct shunt *sh, struct shunt_link *link);
int shunt_link_get_by_index(struct shunt *sh, uint32_t ifindex,
			    struct shunt_link *link);
int shunt_link_name(struct shunt *sh, uint32_t ifindex, char *name);
int shunt_link_alias(struct shunt *sh, struct nl_sock *sk, const char *name,
		     char **alias);
int shunt_link_alias_in(struct shunt *sh, int32_t netnsid, uint32_t ifindex,
			char **alias);
void shunt_link_put_up(struct shunt_batch *b, const char *what,
		       uint32_t ifindex);
void shunt_link_put_del(struct shunt_batch *b, const char *name);

/* route.c: addresses, neighbours, routes */
void shunt_route_put_addr(struct shunt_batch *b, const char *what,
			  uint32_t ifindex, const struct shunt_addr *addr,
			  unsigned int prefix, int scope);
struct shunt_addr shunt_route_gateway(int family);
void shunt_route_put_gateway(struct shunt_batch *b, uint32_t ifindex,
			     int family);
void shunt_route_put_way(struct shunt_batch *b, uint32_t ifindex,
			 const struct shunt_route *route);
int shunt_route_add_hosts(struct shunt *sh, const struct shunt_node *node,
			  const struct shunt_addr *addrs, unsigned int n,
			  uint32_t mtu);
int shunt_route_del_hosts(struct shunt *sh, uint32_t node,
			  const struct shunt_addr *addrs, unsigned int n);

#endif /* _SHUNT_INTERNAL_H */
