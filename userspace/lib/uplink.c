// SPDX-License-Identifier: GPL-2.0
/*
 * Uplinks: the devices through which pod traffic comes and goes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

static int find(struct shunt *sh, const char *dev, uint32_t *ifindex)
{
	struct shunt_link link;
	int err;

	err = shunt_link_get(sh, sh->route, dev, &link);
	if (err == -ENODEV)
		return shunt_fail(sh, err, "%s: there is no such device", dev);
	if (err)
		return shunt_fail_kernel(sh, err, "%s", dev);
	*ifindex = link.ifindex;
	return 0;
}

/* One request about one device; what comes back stays in the batch. */
static int request(struct shunt *sh, struct shunt_batch *b, int cmd,
		   const char *dev)
{
	uint32_t ifindex = 0;
	int err;

	shunt_begin(sh);
	err = shunt_genl_family(sh);
	if (!err)
		err = find(sh, dev, &ifindex);
	if (err)
		return err;
	shunt_genl_request(sh, b, cmd, 0);
	shunt_nl_put_u32(b, SHUNT_A_UPLINK_IFINDEX, ifindex);
	err = shunt_nl_run(sh, sh->genl, b);
	return err ? shunt_fail_kernel(sh, err, "%s", dev) : 0;
}

int shunt_uplink_add(struct shunt *sh, const char *dev)
{
	struct shunt_batch b = { 0 };
	int err;

	err = request(sh, &b, SHUNT_CMD_UPLINK_ADD, dev);
	shunt_nl_free(&b);
	return err;
}

int shunt_uplink_del(struct shunt *sh, const char *dev)
{
	struct shunt_batch b = { 0 };
	int err;

	err = request(sh, &b, SHUNT_CMD_UPLINK_DEL, dev);
	shunt_nl_free(&b);
	return err;
}

static bool parse(struct nlmsghdr *nlh, struct shunt_uplink *uplink)
{
	struct nlattr *tb[SHUNT_A_UPLINK_MAX + 1];

	if (shunt_genl_parse(nlh, tb, SHUNT_A_UPLINK_MAX) ||
	    !tb[SHUNT_A_UPLINK_IFINDEX] || !tb[SHUNT_A_UPLINK_NAME] ||
	    !tb[SHUNT_A_UPLINK_MTU] || !tb[SHUNT_A_UPLINK_NODE])
		return false;
	*uplink = (struct shunt_uplink){
		.ifindex = nla_get_u32(tb[SHUNT_A_UPLINK_IFINDEX]),
		.mtu = nla_get_u32(tb[SHUNT_A_UPLINK_MTU]),
		.node = nla_get_u32(tb[SHUNT_A_UPLINK_NODE]),
	};
	nla_strlcpy(uplink->name, tb[SHUNT_A_UPLINK_NAME],
		    sizeof(uplink->name));
	return true;
}

int shunt_uplink_get(struct shunt *sh, const char *dev,
		     struct shunt_uplink *uplink)
{
	struct shunt_batch b = { 0 };
	struct nlmsghdr *nlh;
	int err;

	err = request(sh, &b, SHUNT_CMD_UPLINK_GET, dev);
	nlh = shunt_nl_next(&b, NULL);
	if (!err && (!nlh || !parse(nlh, uplink)))
		err = shunt_fail_reply(sh, dev);
	shunt_nl_free(&b);
	return err;
}

static int parse_item(struct shunt *sh, struct nlmsghdr *nlh, void *item)
{
	return parse(nlh, item) ? 0 : shunt_fail_reply(sh, "uplinks");
}

int shunt_uplink_list(struct shunt *sh, struct shunt_uplink **uplinks,
		      unsigned int *n)
{
	struct shunt_items list;
	int err;

	shunt_begin(sh);
	*uplinks = NULL;
	*n = 0;
	err = shunt_genl_list(sh, SHUNT_CMD_UPLINK_GET, "uplinks",
			      sizeof(**uplinks), parse_item, &list);
	if (err) {
		free(list.items);
		return err;
	}
	*uplinks = list.items;
	*n = list.n;
	return 0;
}

/**
 * struct indices - devices as they are collected
 * @list: ifindex of each, once
 * @n: how many
 */
struct indices {
	uint32_t *list;
	unsigned int n;
};

static int add_index(struct indices *indices, uint32_t ifindex)
{
	uint32_t *grown;
	unsigned int i;

	for (i = 0; i < indices->n; i++) {
		if (indices->list[i] == ifindex)
			return 0;
	}
	grown = realloc(indices->list, (indices->n + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	grown[indices->n++] = ifindex;
	indices->list = grown;
	return 0;
}

static int add_nexthops(struct indices *indices, struct nlattr *multipath)
{
	struct rtnexthop *hop = nla_data(multipath);
	int left = nla_len(multipath), err = 0;

	for (; !err && RTNH_OK(hop, left); hop = RTNH_NEXT(hop)) {
		err = add_index(indices, hop->rtnh_ifindex);
		left -= NLMSG_ALIGN(hop->rtnh_len);
	}
	return err;
}

static int read_default(struct nlmsghdr *nlh, struct indices *indices)
{
	struct rtmsg *head = nlmsg_data(nlh);
	struct nlattr *tb[RTA_MAX + 1];

	if (nlmsg_parse(nlh, sizeof(*head), tb, RTA_MAX, NULL) < 0)
		return -EPROTO;
	if (head->rtm_dst_len || head->rtm_type != RTN_UNICAST ||
	    head->rtm_table != RT_TABLE_MAIN)
		return 0;
	if (tb[RTA_MULTIPATH])
		return add_nexthops(indices, tb[RTA_MULTIPATH]);
	return tb[RTA_OIF] ? add_index(indices, nla_get_u32(tb[RTA_OIF])) : 0;
}

static int find_defaults(struct shunt *sh, int family, struct indices *indices)
{
	struct rtmsg head = { .rtm_family = family };
	struct shunt_batch b = { 0 };
	struct nlmsghdr *nlh = NULL;
	int err;

	shunt_nl_request(&b, "routes", RTM_GETROUTE, NLM_F_DUMP, &head,
			 sizeof(head));
	err = shunt_nl_run(sh, sh->route, &b);
	while (!err && (nlh = shunt_nl_next(&b, nlh)))
		err = read_default(nlh, indices);
	shunt_nl_free(&b);
	return err;
}

int shunt_uplink_defaults(struct shunt *sh, struct shunt_device **devices,
			  unsigned int *n)
{
	struct indices indices = { 0 };
	unsigned int i;
	int err;

	shunt_begin(sh);
	err = find_defaults(sh, AF_INET, &indices);
	if (!err)
		err = find_defaults(sh, AF_INET6, &indices);
	*devices = calloc(indices.n + 1, sizeof(**devices));
	if (!*devices)
		err = -ENOMEM;
	for (i = 0; !err && i < indices.n; i++)
		err = shunt_link_name(sh, indices.list[i],
				      (*devices)[i].name);
	free(indices.list);
	*n = indices.n;
	if (!err)
		return 0;
	free(*devices);
	return shunt_fail_kernel(sh, err, "default routes");
}
