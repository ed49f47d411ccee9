// SPDX-License-Identifier: GPL-2.0
/*
 * Uplinks: the devices through which pod traffic comes and goes.
 */
#include <errno.h>
#include <stdlib.h>

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
