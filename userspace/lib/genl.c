// SPDX-License-Identifier: GPL-2.0
/*
 * The handle, and the generic netlink family shunt.
 *
 * Entry points: shunt_open(), shunt_close(), shunt_genl_request() to begin a
 * request, shunt_genl_parse() for what comes back.
 */
#include <errno.h>
#include <linux/genetlink.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "internal.h"

static int open_sockets(struct shunt *sh)
{
	struct stat st;
	int err;

	if (stat("/proc/thread-self/ns/net", &st))
		return -errno;
	sh->netns_dev = st.st_dev;
	sh->netns_ino = st.st_ino;
	err = shunt_nl_socket(NETLINK_ROUTE, &sh->route);
	if (err)
		return err;
	return shunt_nl_socket(NETLINK_GENERIC, &sh->genl);
}

int shunt_open(struct shunt **result)
{
	struct shunt *sh;
	int err;

	sh = calloc(1, sizeof(*sh));
	*result = sh;
	if (!sh)
		return -ENOMEM;
	err = open_sockets(sh);
	return err ? shunt_fail_kernel(sh, err, "netlink socket") : 0;
}

void shunt_close(struct shunt *sh)
{
	if (!sh)
		return;
	nl_socket_free(sh->genl);
	nl_socket_free(sh->route);
	free(sh);
}

static void put_family_request(struct shunt_batch *b)
{
	struct genlmsghdr head = {
		.cmd = CTRL_CMD_GETFAMILY,
		.version = 1,
	};

	shunt_nl_request(b, "family", GENL_ID_CTRL, 0, &head, sizeof(head));
	shunt_nl_put_string(b, CTRL_ATTR_FAMILY_NAME, SHUNT_GENL_NAME);
}

/* Ask for the family's id once. The kernel loads the module if it can. */
int shunt_genl_family(struct shunt *sh)
{
	struct nlattr *tb[CTRL_ATTR_MAX + 1];
	struct shunt_batch b = { 0 };
	struct nlmsghdr *nlh;
	int err;

	if (sh->family)
		return 0;
	put_family_request(&b);
	err = shunt_nl_run(sh, sh->genl, &b);
	nlh = shunt_nl_next(&b, NULL);
	if (err == -ENOENT)
		err = shunt_fail(sh, -EOPNOTSUPP, SHUNT_NOT_LOADED);
	else if (err)
		err = shunt_fail_kernel(sh, err, "family " SHUNT_GENL_NAME);
	else if (!nlh || shunt_genl_parse(nlh, tb, CTRL_ATTR_MAX) ||
		 !tb[CTRL_ATTR_FAMILY_ID])
		err = shunt_fail_reply(sh, "family " SHUNT_GENL_NAME);
	else
		sh->family = nla_get_u16(tb[CTRL_ATTR_FAMILY_ID]);
	shunt_nl_free(&b);
	return err;
}

void shunt_genl_request(struct shunt *sh, struct shunt_batch *b, int cmd,
			int flags)
{
	struct genlmsghdr head = {
		.cmd = cmd,
		.version = SHUNT_GENL_VERSION,
	};

	shunt_nl_request(b, SHUNT_GENL_NAME, sh->family, flags, &head,
			 sizeof(head));
}

int shunt_genl_parse(struct nlmsghdr *nlh, struct nlattr **tb, int max)
{
	return nlmsg_parse(nlh, sizeof(struct genlmsghdr), tb, max, NULL) < 0 ?
		-EPROTO : 0;
}

typedef int (*parse_fn)(struct shunt *sh, struct nlmsghdr *nlh, void *item);

static int append(struct shunt *sh, struct nlmsghdr *nlh, size_t size,
		  parse_fn parse, struct shunt_items *list)
{
	char *grown;
	int err;

	grown = realloc(list->items, (list->n + 1) * size);
	if (!grown)
		return shunt_fail(sh, -ENOMEM, "out of memory");
	list->items = grown;
	err = parse(sh, nlh, grown + list->n * size);
	if (!err)
		list->n++;
	return err;
}

int shunt_genl_list(struct shunt *sh, int cmd, const char *what, size_t size,
		    parse_fn parse, struct shunt_items *list)
{
	struct shunt_batch b = { 0 };
	struct nlmsghdr *nlh = NULL;
	int err;

	*list = (struct shunt_items){ 0 };
	err = shunt_genl_family(sh);
	if (err)
		return err;
	shunt_genl_request(sh, &b, cmd, NLM_F_DUMP);
	err = shunt_nl_run(sh, sh->genl, &b);
	if (err)
		shunt_fail_kernel(sh, err, "%s", what);
	while (!err && (nlh = shunt_nl_next(&b, nlh)))
		err = append(sh, nlh, size, parse, list);
	shunt_nl_free(&b);
	return err;
}
