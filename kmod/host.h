/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Host flows: connections that the host's stack has had its hands in, and must
 * go on to.
 */
#ifndef SHUNT_HOST_H
#define SHUNT_HOST_H

#include "shunt.h"

int shunt_host_alloc(struct shunt_node *node);
void shunt_host_free(struct shunt_node *node);
void shunt_host_stop(struct shunt_node *node);
void shunt_host_sends(struct shunt_node *node, struct shunt_pod *pod,
		      struct sk_buff *skb);
bool shunt_host_waits(struct shunt_node *node, struct sk_buff *skb);
bool shunt_host_owns(struct shunt_node *node, const struct shunt_pod *pod,
		     const struct sk_buff *skb);
enum shunt_stat shunt_host_claims(struct shunt_node *node,
				  const struct shunt_pod *pod,
				  const struct sk_buff *skb,
				  const struct shunt_addr *remote,
				  enum shunt_stat why);

#endif /* SHUNT_HOST_H */
