// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/shunt.yaml */
/* YNL-GEN kernel source */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink-gen.h"

#include <uapi/linux/shunt.h>

/* SHUNT_CMD_UPLINK_GET - do */
const struct nla_policy shunt_uplink_get_nl_policy[SHUNT_A_UPLINK_IFINDEX + 1] = {
	[SHUNT_A_UPLINK_IFINDEX] = { .type = NLA_U32, },
};

/* SHUNT_CMD_UPLINK_ADD - do */
const struct nla_policy shunt_uplink_add_nl_policy[SHUNT_A_UPLINK_IFINDEX + 1] = {
	[SHUNT_A_UPLINK_IFINDEX] = { .type = NLA_U32, },
};

/* SHUNT_CMD_UPLINK_DEL - do */
const struct nla_policy shunt_uplink_del_nl_policy[SHUNT_A_UPLINK_IFINDEX + 1] = {
	[SHUNT_A_UPLINK_IFINDEX] = { .type = NLA_U32, },
};

/* SHUNT_CMD_POD_GET - do */
const struct nla_policy shunt_pod_get_nl_policy[SHUNT_A_POD_NETNS_FD + 1] = {
	[SHUNT_A_POD_NETNS_FD] = { .type = NLA_U32, },
	[SHUNT_A_POD_IFINDEX] = { .type = NLA_U32, },
};

/* SHUNT_CMD_POD_DEL - do */
const struct nla_policy shunt_pod_del_nl_policy[SHUNT_A_POD_ALIAS + 1] = {
	[SHUNT_A_POD_NETNS_FD] = { .type = NLA_U32, },
	[SHUNT_A_POD_NETNSID] = { .type = NLA_S32, },
	[SHUNT_A_POD_IFINDEX] = { .type = NLA_U32, },
	[SHUNT_A_POD_ALIAS] = { .type = NLA_NUL_STRING, .len = 255, },
};

/* SHUNT_CMD_POD_ADDR_ADD - do */
const struct nla_policy shunt_pod_addr_add_nl_policy[SHUNT_A_POD_ADDRESS + 1] = {
	[SHUNT_A_POD_NETNS_FD] = { .type = NLA_U32, },
	[SHUNT_A_POD_IFINDEX] = { .type = NLA_U32, },
	[SHUNT_A_POD_ADDRESS] = { .type = NLA_BINARY, },
};

/* SHUNT_CMD_POD_ADDR_DEL - do */
const struct nla_policy shunt_pod_addr_del_nl_policy[SHUNT_A_POD_ADDRESS + 1] = {
	[SHUNT_A_POD_NETNS_FD] = { .type = NLA_U32, },
	[SHUNT_A_POD_IFINDEX] = { .type = NLA_U32, },
	[SHUNT_A_POD_ADDRESS] = { .type = NLA_BINARY, },
};

/* SHUNT_CMD_PATH_GET - do */
const struct nla_policy shunt_path_get_nl_policy[SHUNT_A_PATH_LENGTH + 1] = {
	[SHUNT_A_PATH_ADDRESS] = { .type = NLA_BINARY, },
	[SHUNT_A_PATH_LENGTH] = { .type = NLA_U8, },
};

/* SHUNT_CMD_PATH_ADD - do */
const struct nla_policy shunt_path_add_nl_policy[SHUNT_A_PATH_ACTION + 1] = {
	[SHUNT_A_PATH_ADDRESS] = { .type = NLA_BINARY, },
	[SHUNT_A_PATH_LENGTH] = { .type = NLA_U8, },
	[SHUNT_A_PATH_ACTION] = NLA_POLICY_MAX(NLA_U8, 1),
};

/* SHUNT_CMD_PATH_DEL - do */
const struct nla_policy shunt_path_del_nl_policy[SHUNT_A_PATH_LENGTH + 1] = {
	[SHUNT_A_PATH_ADDRESS] = { .type = NLA_BINARY, },
	[SHUNT_A_PATH_LENGTH] = { .type = NLA_U8, },
};

/* SHUNT_CMD_STATS_GET - do */
const struct nla_policy shunt_stats_get_nl_policy[SHUNT_A_STATS_NODE + 1] = {
	[SHUNT_A_STATS_NODE] = { .type = NLA_U32, },
};

/* SHUNT_CMD_POD_ADOPT - do */
const struct nla_policy shunt_pod_adopt_nl_policy[SHUNT_A_POD_ADDRESS + 1] = {
	[SHUNT_A_POD_NETNS_FD] = { .type = NLA_U32, },
	[SHUNT_A_POD_IFINDEX] = { .type = NLA_U32, },
	[SHUNT_A_POD_ADDRESS] = { .type = NLA_BINARY, },
};

/* Ops table for shunt */
const struct genl_ops shunt_nl_ops[12] = {
	{
		.cmd		= SHUNT_CMD_UPLINK_GET,
		.doit		= shunt_nl_uplink_get_doit,
		.dumpit		= shunt_nl_uplink_get_dumpit,
		.policy		= shunt_uplink_get_nl_policy,
		.maxattr	= SHUNT_A_UPLINK_IFINDEX,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= SHUNT_CMD_UPLINK_ADD,
		.doit		= shunt_nl_uplink_add_doit,
		.policy		= shunt_uplink_add_nl_policy,
		.maxattr	= SHUNT_A_UPLINK_IFINDEX,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= SHUNT_CMD_UPLINK_DEL,
		.doit		= shunt_nl_uplink_del_doit,
		.policy		= shunt_uplink_del_nl_policy,
		.maxattr	= SHUNT_A_UPLINK_IFINDEX,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= SHUNT_CMD_POD_GET,
		.doit		= shunt_nl_pod_get_doit,
		.dumpit		= shunt_nl_pod_get_dumpit,
		.policy		= shunt_pod_get_nl_policy,
		.maxattr	= SHUNT_A_POD_NETNS_FD,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= SHUNT_CMD_POD_DEL,
		.doit		= shunt_nl_pod_del_doit,
		.policy		= shunt_pod_del_nl_policy,
		.maxattr	= SHUNT_A_POD_ALIAS,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= SHUNT_CMD_POD_ADDR_ADD,
		.doit		= shunt_nl_pod_addr_add_doit,
		.policy		= shunt_pod_addr_add_nl_policy,
		.maxattr	= SHUNT_A_POD_ADDRESS,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= SHUNT_CMD_POD_ADDR_DEL,
		.doit		= shunt_nl_pod_addr_del_doit,
		.policy		= shunt_pod_addr_del_nl_policy,
		.maxattr	= SHUNT_A_POD_ADDRESS,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= SHUNT_CMD_PATH_GET,
		.doit		= shunt_nl_path_get_doit,
		.dumpit		= shunt_nl_path_get_dumpit,
		.policy		= shunt_path_get_nl_policy,
		.maxattr	= SHUNT_A_PATH_LENGTH,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= SHUNT_CMD_PATH_ADD,
		.doit		= shunt_nl_path_add_doit,
		.policy		= shunt_path_add_nl_policy,
		.maxattr	= SHUNT_A_PATH_ACTION,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= SHUNT_CMD_PATH_DEL,
		.doit		= shunt_nl_path_del_doit,
		.policy		= shunt_path_del_nl_policy,
		.maxattr	= SHUNT_A_PATH_LENGTH,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= SHUNT_CMD_STATS_GET,
		.doit		= shunt_nl_stats_get_doit,
		.policy		= shunt_stats_get_nl_policy,
		.maxattr	= SHUNT_A_STATS_NODE,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= SHUNT_CMD_POD_ADOPT,
		.doit		= shunt_nl_pod_adopt_doit,
		.policy		= shunt_pod_adopt_nl_policy,
		.maxattr	= SHUNT_A_POD_ADDRESS,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
};
