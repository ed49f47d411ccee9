/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Host flows: connections that the host's stack has had its hands in, and must
 * go on to.
 */
#ifndef SHUNT_HOST_H
#define SHUNT_HOST_H

#include "pkt.h"
#include "shunt.h"

/**
 * enum shunt_host_wait - what becomes of a packet that is punted
 * @SHUNT_HOST_GOES_ON: it can be delivered
 * @SHUNT_HOST_WAITS: it will be, when the hook is there
 * @SHUNT_HOST_DROPPED: too many wait
 */
enum shunt_host_wait {
	SHUNT_HOST_GOES_ON,
	SHUNT_HOST_WAITS,
	SHUNT_HOST_DROPPED,
};

int shunt_host_alloc(struct shunt_node *node);
void shunt_host_free(struct shunt_node *node);
void shunt_host_stop(struct shunt_node *node);
void shunt_host_sends(struct shunt_node *node, struct shunt_pod *pod,
		      struct sk_buff *skb);
int shunt_host_watch(struct shunt_node *node);
enum shunt_host_wait shunt_host_waits(struct shunt_node *node,
				      struct sk_buff *skb);
u8 shunt_host_asks(struct shunt_node *node, const struct shunt_pod *from,
		   const struct shunt_pod *to, const struct shunt_addr *saddr,
		   const struct shunt_addr *daddr);
bool shunt_host_takes_icmp(struct shunt_node *node,
			   const struct shunt_pod *from,
			   const struct shunt_pod *to,
			   const struct sk_buff *skb);
bool shunt_host_owns(struct shunt_node *node, const struct shunt_pod *from,
		     const struct shunt_pod *to, const struct sk_buff *skb);
enum shunt_stat shunt_host_claims(struct shunt_node *node,
				  const struct sk_buff *skb,
				  const struct shunt_addr *saddr,
				  const struct shunt_addr *daddr,
				  enum shunt_stat why);

/**
 * shunt_host_takes() - is a packet that has to do with a stack prefix for it?
 * @node: the node
 * @from: the pod that sends, or NULL
 * @to: the pod that receives, or NULL
 * @skb: IP packet, its network header set, of which &SHUNT_ROUTE_ASKS_PATH is
 *	said
 *
 * All are but ICMP errors of direct flows. They come from any router on the
 * way, whatever is said about its address, and the stack has seen nothing of
 * what they are about.
 *
 * Context: RCU read side.
 */
static inline bool shunt_host_takes(struct shunt_node *node,
				    const struct shunt_pod *from,
				    const struct shunt_pod *to,
				    const struct sk_buff *skb)
{
	return !shunt_pkt_may_be_icmp(skb) ||
	       shunt_host_takes_icmp(node, from, to, skb);
}

#endif /* SHUNT_HOST_H */
