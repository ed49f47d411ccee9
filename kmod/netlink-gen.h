/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/shunt.yaml */
/* YNL-GEN kernel header */

#ifndef _LINUX_SHUNT_GEN_H
#define _LINUX_SHUNT_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/shunt.h>

extern const struct nla_policy shunt_uplink_get_nl_policy[SHUNT_A_UPLINK_IFINDEX + 1];

extern const struct nla_policy shunt_uplink_add_nl_policy[SHUNT_A_UPLINK_IFINDEX + 1];

extern const struct nla_policy shunt_uplink_del_nl_policy[SHUNT_A_UPLINK_IFINDEX + 1];

extern const struct nla_policy shunt_pod_get_nl_policy[SHUNT_A_POD_NETNS_FD + 1];

extern const struct nla_policy shunt_pod_del_nl_policy[SHUNT_A_POD_ALIAS + 1];

extern const struct nla_policy shunt_pod_addr_add_nl_policy[SHUNT_A_POD_ADDRESS + 1];

extern const struct nla_policy shunt_pod_addr_del_nl_policy[SHUNT_A_POD_ADDRESS + 1];

extern const struct nla_policy shunt_path_get_nl_policy[SHUNT_A_PATH_LENGTH + 1];

extern const struct nla_policy shunt_path_add_nl_policy[SHUNT_A_PATH_ACTION + 1];

extern const struct nla_policy shunt_path_del_nl_policy[SHUNT_A_PATH_LENGTH + 1];

extern const struct nla_policy shunt_stats_get_nl_policy[SHUNT_A_STATS_NODE + 1];

extern const struct nla_policy shunt_pod_adopt_nl_policy[SHUNT_A_POD_ADDRESS + 1];

/* Ops table for shunt */
extern const struct genl_ops shunt_nl_ops[12];

int shunt_nl_uplink_get_doit(struct sk_buff *skb, struct genl_info *info);
int shunt_nl_uplink_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb);
int shunt_nl_uplink_add_doit(struct sk_buff *skb, struct genl_info *info);
int shunt_nl_uplink_del_doit(struct sk_buff *skb, struct genl_info *info);
int shunt_nl_pod_get_doit(struct sk_buff *skb, struct genl_info *info);
int shunt_nl_pod_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int shunt_nl_pod_del_doit(struct sk_buff *skb, struct genl_info *info);
int shunt_nl_pod_addr_add_doit(struct sk_buff *skb, struct genl_info *info);
int shunt_nl_pod_addr_del_doit(struct sk_buff *skb, struct genl_info *info);
int shunt_nl_path_get_doit(struct sk_buff *skb, struct genl_info *info);
int shunt_nl_path_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int shunt_nl_path_add_doit(struct sk_buff *skb, struct genl_info *info);
int shunt_nl_path_del_doit(struct sk_buff *skb, struct genl_info *info);
int shunt_nl_stats_get_doit(struct sk_buff *skb, struct genl_info *info);
int shunt_nl_pod_adopt_doit(struct sk_buff *skb, struct genl_info *info);

#endif /* _LINUX_SHUNT_GEN_H */
