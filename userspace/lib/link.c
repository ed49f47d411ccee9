// SPDX-License-Identifier: GPL-2.0
/*
 * Devices, as rtnetlink knows them: of any kind by name, and the node device
 * by its kind. Making pod devices is pod.c's.
 *
 * Entry points: shunt_link_get(), shunt_link_get_by_index(),
 * shunt_link_find_node(), shunt_link_name(), shunt_link_alias(),
 * shunt_link_put_*().
 */
#include <ctype.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* What the kernel's dev_valid_name() accepts, but names that it would number:
 * who asks for eth%d cannot tell what became of it.
 */
bool shunt_device_name_valid(const char *name)
{
	size_t len = strlen(name);

	if (!len || len >= IF_NAMESIZE || !strcmp(name, ".") ||
	    !strcmp(name, ".."))
		return false;
	for (; *name; name++) {
		if (*name == '/' || *name == ':' || *name == '%' ||
		    isspace((unsigned char)*name))
			return false;
	}
	return true;
}

static bool parse_kind(struct nlattr *attr, struct shunt_link *link)
{
	struct nlattr *info[IFLA_INFO_MAX + 1], *data[IFLA_SHUNT_MAX + 1];

	if (!attr || nla_parse_nested(info, IFLA_INFO_MAX, attr, NULL) < 0)
		return true;
	if (!info[IFLA_INFO_KIND])
		return true;
	link->veth = !nla_strcmp(info[IFLA_INFO_KIND], "veth");
	if (nla_strcmp(info[IFLA_INFO_KIND], "shunt"))
		return true;
	link->shunt = true;
	if (!info[IFLA_INFO_DATA] ||
	    nla_parse_nested(data, IFLA_SHUNT_MAX, info[IFLA_INFO_DATA],
			     NULL) < 0 || !data[IFLA_SHUNT_ROLE])
		return false;
	link->role = nla_get_u8(data[IFLA_SHUNT_ROLE]);
	return true;
}

static bool parse(struct nlmsghdr *nlh, struct shunt_link *link)
{
	struct nlattr *tb[IFLA_MAX + 1];
	struct ifinfomsg *head;

	if (nlmsg_parse(nlh, sizeof(*head), tb, IFLA_MAX, NULL) < 0 ||
	    !tb[IFLA_IFNAME] || !tb[IFLA_MTU])
		return false;
	head = nlmsg_data(nlh);
	*link = (struct shunt_link){
		.ifindex = head->ifi_index,
		.flags = head->ifi_flags,
		.mtu = nla_get_u32(tb[IFLA_MTU]),
	};
	if (tb[IFLA_LINK])
		link->lower = nla_get_u32(tb[IFLA_LINK]);
	nla_strlcpy(link->name, tb[IFLA_IFNAME], sizeof(link->name));
	if (tb[IFLA_ADDRESS] && nla_len(tb[IFLA_ADDRESS]) == SHUNT_MAC_LEN)
		memcpy(link->mac, nla_data(tb[IFLA_ADDRESS]), SHUNT_MAC_LEN);
	return parse_kind(tb[IFLA_LINKINFO], link);
}

static void put_get(struct shunt_batch *b, int flags, uint32_t ifindex)
{
	struct ifinfomsg head = { .ifi_index = ifindex };

	shunt_nl_request(b, "device", RTM_GETLINK, flags, &head, sizeof(head));
	/* Summing over all CPUs what nobody reads takes a while. */
	shunt_nl_put_u32(b, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
}

/* Errors have no text yet: only callers know what the device is for. */
int shunt_link_get(struct shunt *sh, struct nl_sock *sk, const char *name,
		   struct shunt_link *link)
{
	struct shunt_batch b = { 0 };
	struct nlmsghdr *nlh;
	int err;

	if (!shunt_device_name_valid(name))
		return -ENODEV;
	put_get(&b, 0, 0);
	shunt_nl_put_string(&b, IFLA_IFNAME, name);
	err = shunt_nl_run(sh, sk, &b);
	nlh = shunt_nl_next(&b, NULL);
	if (!err && (!nlh || !parse(nlh, link)))
		err = -EPROTO;
	shunt_nl_free(&b);
	return err;
}

/* The kernel filters by kind, unless it does not know the kind. */
int shunt_link_find_node(struct shunt *sh, struct shunt_link *link)
{
	struct shunt_batch b = { 0 };
	struct nlmsghdr *nlh = NULL;
	size_t nest;
	int err;

	put_get(&b, NLM_F_DUMP, 0);
	nest = shunt_nl_nest(&b, IFLA_LINKINFO);
	shunt_nl_put_string(&b, IFLA_INFO_KIND, "shunt");
	shunt_nl_nest_end(&b, nest);
	err = shunt_nl_run(sh, sh->route, &b);
	while (!err && (nlh = shunt_nl_next(&b, nlh))) {
		if (!parse(nlh, link))
			err = -EPROTO;
		else if (link->shunt && link->role == SHUNT_ROLE_NODE)
			break;
	}
	if (!err && !nlh)
		err = -ENODEV;
	shunt_nl_free(&b);
	return err;
}

/* Of the node's network namespace. Errors have no text, as above. */
int shunt_link_get_by_index(struct shunt *sh, uint32_t ifindex,
			    struct shunt_link *link)
{
	struct shunt_batch b = { 0 };
	struct nlmsghdr *nlh;
	int err;

	put_get(&b, 0, ifindex);
	err = shunt_nl_run(sh, sh->route, &b);
	nlh = shunt_nl_next(&b, NULL);
	if (!err && (!nlh || !parse(nlh, link)))
		err = -EPROTO;
	shunt_nl_free(&b);
	return err;
}

/* The same; NAME has IF_NAMESIZE bytes. */
int shunt_link_name(struct shunt *sh, uint32_t ifindex, char *name)
{
	struct shunt_link link;
	int err = shunt_link_get_by_index(sh, ifindex, &link);

	if (!err)
		memcpy(name, link.name, IF_NAMESIZE);
	return err;
}

/* What a request for a device brings. */
static int get_alias(struct shunt *sh, struct nl_sock *sk,
		     struct shunt_batch *b, char **alias)
{
	struct nlattr *tb[IFLA_MAX + 1];
	struct nlmsghdr *nlh;
	int err;

	*alias = NULL;
	err = shunt_nl_run(sh, sk, b);
	nlh = shunt_nl_next(b, NULL);
	if (!err && (!nlh || nlmsg_parse(nlh, sizeof(struct ifinfomsg), tb,
					 IFLA_MAX, NULL) < 0))
		err = -EPROTO;
	if (!err && tb[IFLA_IFALIAS]) {
		*alias = nla_strdup(tb[IFLA_IFALIAS]);
		err = *alias ? 0 : -ENOMEM;
	}
	shunt_nl_free(b);
	return err;
}

/* *ALIAS is to be freed, or NULL. */
int shunt_link_alias(struct shunt *sh, struct nl_sock *sk, const char *name,
		     char **alias)
{
	struct shunt_batch b = { 0 };

	put_get(&b, 0, 0);
	shunt_nl_put_string(&b, IFLA_IFNAME, name);
	return get_alias(sh, sk, &b, alias);
}

/* The same of a device in another network namespace. */
int shunt_link_alias_in(struct shunt *sh, int32_t netnsid, uint32_t ifindex,
			char **alias)
{
	struct shunt_batch b = { 0 };

	put_get(&b, 0, ifindex);
	shunt_nl_put(&b, IFLA_TARGET_NETNSID, &netnsid, sizeof(netnsid));
	return get_alias(sh, sh->route, &b, alias);
}

void shunt_link_put_up(struct shunt_batch *b, const char *what,
		       uint32_t ifindex)
{
	struct ifinfomsg head = {
		.ifi_index = ifindex,
		.ifi_flags = IFF_UP,
		.ifi_change = IFF_UP,
	};

	shunt_nl_request(b, what, RTM_NEWLINK, 0, &head, sizeof(head));
}

void shunt_link_put_del(struct shunt_batch *b, const char *name)
{
	struct ifinfomsg head = { .ifi_family = AF_UNSPEC };

	shunt_nl_request(b, name, RTM_DELLINK, 0, &head, sizeof(head));
	shunt_nl_put_string(b, IFLA_IFNAME, name);
}
