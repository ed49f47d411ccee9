// SPDX-License-Identifier: GPL-2.0
/*
 * Paths: which one packets between pods and a prefix take.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* One request about one prefix; what comes back stays in the batch. */
static int request(struct shunt *sh, struct shunt_batch *b, int cmd,
		   const struct shunt_prefix *prefix, int action)
{
	const struct shunt_addr *addr = &prefix->addr;
	char buf[SHUNT_PREFIX_LEN];
	uint8_t byte = action;
	int err;

	shunt_begin(sh);
	err = shunt_genl_family(sh);
	if (err)
		return err;
	shunt_genl_request(sh, b, cmd, 0);
	shunt_nl_put(b, SHUNT_A_PATH_ADDRESS, addr->bytes,
		     shunt_addr_len(addr));
	shunt_nl_put(b, SHUNT_A_PATH_LENGTH, &prefix->len,
		     sizeof(prefix->len));
	if (action >= 0)
		shunt_nl_put(b, SHUNT_A_PATH_ACTION, &byte, sizeof(byte));
	err = shunt_nl_run(sh, sh->genl, b);
	if (err)
		shunt_fail_kernel(sh, err, "%s",
				  shunt_prefix_format(prefix, buf));
	return err;
}

int shunt_path_add(struct shunt *sh, const struct shunt_prefix *prefix,
		   enum shunt_path_action action)
{
	struct shunt_batch b = { 0 };
	int err;

	err = request(sh, &b, SHUNT_CMD_PATH_ADD, prefix, action);
	shunt_nl_free(&b);
	return err;
}

int shunt_path_del(struct shunt *sh, const struct shunt_prefix *prefix)
{
	struct shunt_batch b = { 0 };
	int err;

	err = request(sh, &b, SHUNT_CMD_PATH_DEL, prefix, -1);
	shunt_nl_free(&b);
	return err;
}

static bool parse(struct nlmsghdr *nlh, struct shunt_path *path)
{
	struct nlattr *tb[SHUNT_A_PATH_MAX + 1];

	if (shunt_genl_parse(nlh, tb, SHUNT_A_PATH_MAX) ||
	    !tb[SHUNT_A_PATH_ADDRESS] || !tb[SHUNT_A_PATH_LENGTH] ||
	    !tb[SHUNT_A_PATH_ACTION] || !tb[SHUNT_A_PATH_NODE])
		return false;
	*path = (struct shunt_path){
		.prefix.len = nla_get_u8(tb[SHUNT_A_PATH_LENGTH]),
		.action = nla_get_u8(tb[SHUNT_A_PATH_ACTION]),
		.node = nla_get_u32(tb[SHUNT_A_PATH_NODE]),
	};
	return shunt_addr_get(tb[SHUNT_A_PATH_ADDRESS], &path->prefix.addr);
}

int shunt_path_get(struct shunt *sh, const struct shunt_prefix *prefix,
		   struct shunt_path *path)
{
	struct shunt_batch b = { 0 };
	struct nlmsghdr *nlh;
	int err;

	err = request(sh, &b, SHUNT_CMD_PATH_GET, prefix, -1);
	nlh = shunt_nl_next(&b, NULL);
	if (!err && (!nlh || !parse(nlh, path)))
		err = shunt_fail_reply(sh, "path");
	shunt_nl_free(&b);
	return err;
}

static int parse_item(struct shunt *sh, struct nlmsghdr *nlh, void *item)
{
	return parse(nlh, item) ? 0 : shunt_fail_reply(sh, "paths");
}

/* In the order of routing tables. */
static int compare(const void *left, const void *right)
{
	const struct shunt_path *a = left, *b = right;
	const struct shunt_addr *x = &a->prefix.addr, *y = &b->prefix.addr;
	int order = x->family - y->family;

	if (!order)
		order = memcmp(x->bytes, y->bytes, shunt_addr_len(x));
	return order ? order : a->prefix.len - b->prefix.len;
}

int shunt_path_list(struct shunt *sh, struct shunt_path **paths,
		    unsigned int *n)
{
	struct shunt_items list;
	int err;

	shunt_begin(sh);
	*paths = NULL;
	*n = 0;
	err = shunt_genl_list(sh, SHUNT_CMD_PATH_GET, "paths",
			      sizeof(**paths), parse_item, &list);
	if (err) {
		free(list.items);
		return err;
	}
	if (list.n)
		qsort(list.items, list.n, sizeof(**paths), compare);
	*paths = list.items;
	*n = list.n;
	return 0;
}
