// SPDX-License-Identifier: GPL-2.0
/*
 * Reading what the kernel says of pods, and listing them with the names of
 * their network namespaces.
 *
 * Entry points: shunt_pod_list(), shunt_pod_alias(), shunt_pod_parse().
 */
#include <errno.h>
#include <linux/genetlink.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

void shunt_pod_clear(struct shunt_pod *pod)
{
	free(pod->addrs);
	free(pod->netns);
}

static int append_addr(struct shunt_pod *pod, const struct nlattr *attr)
{
	struct shunt_addr *grown;

	grown = realloc(pod->addrs, (pod->n_addrs + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	pod->addrs = grown;
	if (!shunt_addr_get(attr, &grown[pod->n_addrs]))
		return -EPROTO;
	pod->n_addrs++;
	return 0;
}

/* Attributes that occur more than once are not in a table. */
static int parse_addrs(struct nlmsghdr *nlh, struct shunt_pod *pod)
{
	int head = sizeof(struct genlmsghdr);
	struct nlattr *attr;
	int rest, err = 0;

	nlmsg_for_each_attr(attr, nlh, head, rest) {
		if (nla_type(attr) != SHUNT_A_POD_ADDRESS)
			continue;
		err = append_addr(pod, attr);
		if (err)
			break;
	}
	return err;
}

static int parse(struct nlmsghdr *nlh, struct shunt_pod *pod)
{
	struct nlattr *tb[SHUNT_A_POD_MAX + 1];

	*pod = (struct shunt_pod){ 0 };
	if (shunt_genl_parse(nlh, tb, SHUNT_A_POD_MAX) ||
	    !tb[SHUNT_A_POD_IFINDEX] || !tb[SHUNT_A_POD_NAME] ||
	    !tb[SHUNT_A_POD_NETNSID] || !tb[SHUNT_A_POD_NODE] ||
	    !tb[SHUNT_A_POD_MTU] || !tb[SHUNT_A_POD_MAC] ||
	    nla_len(tb[SHUNT_A_POD_MAC]) != SHUNT_MAC_LEN)
		return -EPROTO;
	pod->ifindex = nla_get_u32(tb[SHUNT_A_POD_IFINDEX]);
	pod->netnsid = nla_get_s32(tb[SHUNT_A_POD_NETNSID]);
	pod->node = nla_get_u32(tb[SHUNT_A_POD_NODE]);
	pod->mtu = nla_get_u32(tb[SHUNT_A_POD_MTU]);
	if (tb[SHUNT_A_POD_VETH])
		pod->veth = nla_get_u32(tb[SHUNT_A_POD_VETH]);
	memcpy(pod->mac, nla_data(tb[SHUNT_A_POD_MAC]), SHUNT_MAC_LEN);
	nla_strlcpy(pod->name, tb[SHUNT_A_POD_NAME], sizeof(pod->name));
	return parse_addrs(nlh, pod);
}

int shunt_pod_parse(struct shunt *sh, struct nlmsghdr *nlh,
		    struct shunt_pod *pod)
{
	int err = parse(nlh, pod);

	if (!err)
		return 0;
	shunt_pod_clear(pod);
	if (err == -EPROTO)
		return shunt_fail_reply(sh, "pod");
	return shunt_fail_kernel(sh, err, "pod");
}

/**
 * struct list - pods as they are collected
 * @pods: those so far
 * @n: how many
 */
struct list {
	struct shunt_pod *pods;
	unsigned int n;
};

static int parse_item(struct shunt *sh, struct nlmsghdr *nlh, void *item)
{
	return shunt_pod_parse(sh, nlh, item);
}

static int dump(struct shunt *sh, struct list *list)
{
	struct shunt_items items;
	int err;

	err = shunt_genl_list(sh, SHUNT_CMD_POD_GET, "pods",
			      sizeof(*list->pods), parse_item, &items);
	list->pods = items.items;
	list->n = items.n;
	return err;
}

/* Asked for after the dump: that is what gives a network namespace its id. */
static int keep_netns(struct shunt *sh, struct list *list,
		      const struct shunt_netns *netns)
{
	unsigned int i, kept = 0;
	int32_t id;
	int err;

	err = shunt_netns_id(sh, netns->fd, &id);
	if (err)
		return shunt_fail_kernel(sh, err, "%s", netns->name);
	for (i = 0; i < list->n; i++) {
		if (list->pods[i].netnsid == id)
			list->pods[kept++] = list->pods[i];
		else
			shunt_pod_clear(&list->pods[i]);
	}
	list->n = kept;
	return 0;
}

static int add_names(struct shunt *sh, struct list *list)
{
	struct shunt_netns_names *names = NULL;
	struct shunt_pod *pod;
	const char *name;
	unsigned int i;
	int err;

	err = shunt_netns_names_load(sh, &names);
	for (i = 0; !err && i < list->n; i++) {
		pod = &list->pods[i];
		name = shunt_netns_names_find(names, pod->netnsid);
		if (!name)
			continue;
		pod->netns = strdup(name);
		if (!pod->netns)
			err = -ENOMEM;
	}
	if (names)
		shunt_netns_names_free(names);
	return err ? shunt_fail_kernel(sh, err, "names of pods") : 0;
}

int shunt_pod_list(struct shunt *sh, const struct shunt_netns *netns,
		   struct shunt_pod **pods, unsigned int *n)
{
	struct list list = { 0 };
	int err;

	shunt_begin(sh);
	err = dump(sh, &list);
	if (!err && netns)
		err = keep_netns(sh, &list, netns);
	if (!err && list.n)
		err = add_names(sh, &list);
	if (err) {
		shunt_pod_free(list.pods, list.n);
		return err;
	}
	*pods = list.pods;
	*n = list.n;
	return 0;
}

bool shunt_pod_has(const struct shunt_pod *pod, const struct shunt_addr *addr)
{
	unsigned int i;

	for (i = 0; i < pod->n_addrs; i++) {
		if (shunt_addr_equal(&pod->addrs[i], addr))
			return true;
	}
	return false;
}

int shunt_pod_alias(struct shunt *sh, const struct shunt_pod *pod,
		    char **alias)
{
	int err;

	shunt_begin(sh);
	err = shunt_link_alias_in(sh, pod->netnsid, pod->ifindex, alias);
	return err ? shunt_fail_kernel(sh, err, "%s of %s", pod->name,
				       pod->netns ?: "a pod") : 0;
}

void shunt_pod_free(struct shunt_pod *pods, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		shunt_pod_clear(&pods[i]);
	free(pods);
}
