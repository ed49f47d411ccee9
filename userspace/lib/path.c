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

static int append(struct shunt *sh, struct nlmsghdr *nlh,
		  struct shunt_path **list, unsigned int *n)
{
	struct shunt_path *grown;

	grown = realloc(*list, (*n + 1) * sizeof(*grown));
	if (!grown)
		return shunt_fail(sh, -ENOMEM, "out of memory");
	*list = grown;
	if (!parse(nlh, &grown[*n]))
		return shunt_fail_reply(sh, "paths");
	++*n;
	return 0;
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
	struct shunt_batch b = { 0 };
	struct nlmsghdr *nlh = NULL;
	int err;

	shunt_begin(sh);
	*paths = NULL;
	*n = 0;
	err = shunt_genl_family(sh);
	if (err)
		return err;
	shunt_genl_request(sh, &b, SHUNT_CMD_PATH_GET, NLM_F_DUMP);
	err = shunt_nl_run(sh, sh->genl, &b);
	if (err)
		shunt_fail_kernel(sh, err, "paths");
	while (!err && (nlh = shunt_nl_next(&b, nlh)))
		err = append(sh, nlh, paths, n);
	if (err) {
		free(*paths);
		*paths = NULL;
	} else if (*n) {
		qsort(*paths, *n, sizeof(**paths), compare);
	}
	shunt_nl_free(&b);
	return err;
}
