// SPDX-License-Identifier: GPL-2.0
/*
 * The generic netlink family: parse, call, fill. A request speaks of the
 * network namespace of its socket, and only there are a node's pods and
 * uplinks to be had: who sits in a pod's namespace, with whatever
 * capabilities, finds no node.
 */
#include <linux/rtnetlink.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "dev.h"
#include "netlink-gen.h"
#include "netlink.h"
#include "path.h"
#include "pod.h"
#include "stats.h"
#include "uplink.h"
#include "veth.h"

static struct genl_family family;

static struct shunt_node *find_node(struct net *net,
				    struct netlink_ext_ack *extack)
{
	struct shunt_node *node = shunt_dev_find_node(net);

	if (!node)
		NL_SET_ERR_MSG(extack,
			       "this network namespace has no node device: ip link add shunt0 type shunt");
	return node;
}

typedef int (*answer_fn)(struct sk_buff *msg, struct genl_info *info);

/* Ask under RTNL, and reply. */
static int reply(struct genl_info *info, answer_fn answer)
{
	struct sk_buff *msg;
	int err;

	msg = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!msg)
		return -ENOMEM;
	rtnl_lock();
	err = answer(msg, info);
	rtnl_unlock();
	if (err) {
		nlmsg_free(msg);
		return err;
	}
	return genlmsg_reply(msg, info);
}

typedef int (*fill_fn)(struct sk_buff *skb, const struct list_head *item,
		       u32 portid, u32 seq, int flags);

/* One message for each item of one of the node's lists. */
static int dump(struct sk_buff *skb, struct netlink_callback *cb,
		size_t list_offset, fill_fn fill)
{
	struct list_head *head, *item;
	struct shunt_node *node;
	long i = 0;
	int err = 0;

	rtnl_lock();
	node = find_node(sock_net(skb->sk), cb->extack);
	if (!node) {
		rtnl_unlock();
		return -ENODEV;
	}
	cb->seq = node->changes;
	head = (void *)node + list_offset;
	list_for_each(item, head) {
		if (i++ < cb->args[0])
			continue;
		err = fill(skb, item, NETLINK_CB(cb->skb).portid,
			   cb->nlh->nlmsg_seq, NLM_F_MULTI);
		if (err)
			break;
		cb->args[0] = i;
	}
	nl_dump_check_consistent(cb, nlmsg_hdr(skb));
	rtnl_unlock();
	return err && !skb->len ? err : skb->len;
}

static struct net_device *find_dev(struct genl_info *info, struct net *net,
				   int attr)
{
	struct net_device *dev;

	if (!info->attrs[attr]) {
		GENL_SET_ERR_MSG(info, "the ifindex of the device is missing");
		return ERR_PTR(-EINVAL);
	}
	dev = __dev_get_by_index(net, nla_get_u32(info->attrs[attr]));
	if (dev)
		return dev;
	NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[attr],
			    "no such device in the network namespace: see ip link");
	return ERR_PTR(-ENODEV);
}

static int fill_uplink(struct sk_buff *skb, const struct list_head *item,
		       u32 portid, u32 seq, int flags)
{
	const struct shunt_uplink *uplink =
		list_entry(item, struct shunt_uplink, list);
	const struct net_device *dev = uplink->dev;
	void *hdr;

	hdr = genlmsg_put(skb, portid, seq, &family, flags,
			  SHUNT_CMD_UPLINK_GET);
	if (!hdr)
		return -EMSGSIZE;
	if (nla_put_u32(skb, SHUNT_A_UPLINK_IFINDEX, dev->ifindex) ||
	    nla_put_string(skb, SHUNT_A_UPLINK_NAME, dev->name) ||
	    nla_put_u32(skb, SHUNT_A_UPLINK_MTU, dev->mtu) ||
	    nla_put_u32(skb, SHUNT_A_UPLINK_NODE, uplink->node->dev->ifindex)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

static struct shunt_uplink *find_uplink(struct genl_info *info)
{
	struct shunt_uplink *uplink;
	struct net_device *dev;

	if (!find_node(genl_info_net(info), info->extack))
		return ERR_PTR(-ENODEV);
	dev = find_dev(info, genl_info_net(info), SHUNT_A_UPLINK_IFINDEX);
	if (IS_ERR(dev))
		return ERR_CAST(dev);
	uplink = shunt_uplink_lookup(dev);
	if (uplink)
		return uplink;
	NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[SHUNT_A_UPLINK_IFINDEX],
			    "the device is not an uplink: see shuntctl uplink show");
	return ERR_PTR(-ENOENT);
}

static int answer_uplink(struct sk_buff *msg, struct genl_info *info)
{
	struct shunt_uplink *uplink = find_uplink(info);

	if (IS_ERR(uplink))
		return PTR_ERR(uplink);
	return fill_uplink(msg, &uplink->list, info->snd_portid,
			   info->snd_seq, 0);
}

int shunt_nl_uplink_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	return reply(info, answer_uplink);
}

int shunt_nl_uplink_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb)
{
	return dump(skb, cb, offsetof(struct shunt_node, uplinks), fill_uplink);
}

int shunt_nl_uplink_add_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct shunt_node *node;
	struct net_device *dev;
	int err = -ENODEV;

	rtnl_lock();
	node = find_node(genl_info_net(info), info->extack);
	if (!node)
		goto out;
	dev = find_dev(info, genl_info_net(info), SHUNT_A_UPLINK_IFINDEX);
	err = PTR_ERR_OR_ZERO(dev);
	if (!err)
		err = shunt_uplink_add(node, dev, info->extack);
out:
	rtnl_unlock();
	return err;
}

int shunt_nl_uplink_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct shunt_uplink *uplink;
	int err;

	rtnl_lock();
	uplink = find_uplink(info);
	err = PTR_ERR_OR_ZERO(uplink);
	if (!err)
		shunt_uplink_del(uplink);
	rtnl_unlock();
	return err;
}

/* More than one pod device in a namespace is unusual, but no mistake. */
static struct shunt_pod *match_pod(const struct shunt_node *node,
				   const struct net *net, int ifindex,
				   struct netlink_ext_ack *extack)
{
	struct shunt_pod *pod, *found = NULL;

	list_for_each_entry(pod, &node->pods, list) {
		if (!net_eq(dev_net(pod->dev), net))
			continue;
		if (ifindex && pod->dev->ifindex != ifindex)
			continue;
		if (found) {
			NL_SET_ERR_MSG(extack,
				       "several pod devices in this network namespace: say which");
			return ERR_PTR(-EINVAL);
		}
		found = pod;
	}
	if (found)
		return found;
	NL_SET_ERR_MSG(extack,
		       "no pod device of this node there: see shuntctl pod show");
	return ERR_PTR(-ENODEV);
}

static struct net *get_pods_net(struct genl_info *info)
{
	struct nlattr *fd = info->attrs[SHUNT_A_POD_NETNS_FD];
	struct net *net;

	if (!fd) {
		GENL_SET_ERR_MSG(info,
				 "the pod's network namespace is missing");
		return ERR_PTR(-EINVAL);
	}
	net = get_net_ns_by_fd(nla_get_u32(fd));
	if (IS_ERR(net))
		NL_SET_ERR_MSG_ATTR(info->extack, fd,
				    "not a file descriptor of a network namespace");
	return net;
}

typedef struct net *(*net_fn)(struct genl_info *info);

static struct shunt_pod *find_pod_by(struct genl_info *info, net_fn get_net)
{
	struct shunt_node *node;
	struct shunt_pod *pod;
	int ifindex = 0;
	struct net *net;

	node = find_node(genl_info_net(info), info->extack);
	if (!node)
		return ERR_PTR(-ENODEV);
	net = get_net(info);
	if (IS_ERR(net))
		return ERR_CAST(net);
	if (info->attrs[SHUNT_A_POD_IFINDEX])
		ifindex = nla_get_u32(info->attrs[SHUNT_A_POD_IFINDEX]);
	pod = match_pod(node, net, ifindex, info->extack);
	put_net(net);
	return pod;
}

static struct shunt_pod *find_pod(struct genl_info *info)
{
	return find_pod_by(info, get_pods_net);
}

static int fill_pod(struct sk_buff *skb, const struct list_head *item,
		    u32 portid, u32 seq, int flags)
{
	const struct shunt_pod *pod = list_entry(item, struct shunt_pod, list);
	const struct shunt_node *node = rtnl_dereference(pod->node);
	const struct net_device *door = shunt_veth_door(pod);
	const struct net_device *dev = pod->dev;
	void *hdr;
	int id;

	hdr = genlmsg_put(skb, portid, seq, &family, flags, SHUNT_CMD_POD_GET);
	if (!hdr)
		return -EMSGSIZE;
	id = peernet2id_alloc(node->net, dev_net(dev), GFP_KERNEL);
	if (nla_put_u32(skb, SHUNT_A_POD_IFINDEX, dev->ifindex) ||
	    nla_put_string(skb, SHUNT_A_POD_NAME, dev->name) ||
	    nla_put_s32(skb, SHUNT_A_POD_NETNSID, id) ||
	    nla_put_u32(skb, SHUNT_A_POD_NODE, node->dev->ifindex) ||
	    shunt_pod_addr_fill(skb, pod, SHUNT_A_POD_ADDRESS) ||
	    nla_put(skb, SHUNT_A_POD_MAC, ETH_ALEN, dev->dev_addr) ||
	    nla_put_u32(skb, SHUNT_A_POD_MTU, dev->mtu) ||
	    (door && nla_put_u32(skb, SHUNT_A_POD_VETH, door->ifindex))) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

static int answer_pod(struct sk_buff *msg, struct genl_info *info)
{
	struct shunt_pod *pod = find_pod(info);

	if (IS_ERR(pod))
		return PTR_ERR(pod);
	return fill_pod(msg, &pod->list, info->snd_portid, info->snd_seq, 0);
}

int shunt_nl_pod_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	return reply(info, answer_pod);
}

int shunt_nl_pod_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return dump(skb, cb, offsetof(struct shunt_node, pods), fill_pod);
}

/* Only requests to delete a pod may have an id instead. */
static struct net *get_doomed_net(struct genl_info *info)
{
	struct nlattr *id = info->attrs[SHUNT_A_POD_NETNSID];
	struct net *net;

	if (!id)
		return get_pods_net(info);
	net = get_net_ns_by_id(genl_info_net(info), nla_get_s32(id));
	if (net)
		return net;
	NL_SET_ERR_MSG_ATTR(info->extack, id,
			    "no network namespace has this id (any more)");
	return ERR_PTR(-ENODEV);
}

static bool has_alias(const struct net_device *dev, const struct nlattr *nla)
{
	const struct dev_ifalias *alias;
	bool same;

	rcu_read_lock();
	alias = rcu_dereference(dev->ifalias);
	same = alias && !nla_strcmp(nla, alias->ifalias);
	rcu_read_unlock();
	return same;
}

static struct shunt_pod *find_doomed(struct genl_info *info)
{
	struct nlattr *alias = info->attrs[SHUNT_A_POD_ALIAS];
	struct shunt_pod *pod;

	pod = find_pod_by(info, get_doomed_net);
	if (IS_ERR(pod) || !alias || has_alias(pod->dev, alias))
		return pod;
	NL_SET_ERR_MSG_ATTR(info->extack, alias,
			    "the pod device there has another alias");
	return ERR_PTR(-ENODEV);
}

int shunt_nl_pod_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct shunt_pod *pod;
	int err;

	rtnl_lock();
	pod = find_doomed(info);
	err = PTR_ERR_OR_ZERO(pod);
	if (!err && pod->veth)
		shunt_veth_release(pod);
	else if (!err)
		shunt_dev_delete_pod(pod->dev);
	rtnl_unlock();
	return err;
}

/* The attribute may occur more than once, which a parsed table cannot say. */
static int add_addrs(struct genl_info *info, struct shunt_pod *pod)
{
	const struct nlattr *nla;
	int rem, err;

	if (!info->attrs[SHUNT_A_POD_ADDRESS]) {
		GENL_SET_ERR_MSG(info, "the address is missing");
		return -EINVAL;
	}
	nlmsg_for_each_attr(nla, info->nlhdr, GENL_HDRLEN, rem) {
		if (nla_type(nla) != SHUNT_A_POD_ADDRESS)
			continue;
		err = shunt_pod_addr_add(pod, nla, info->extack);
		if (err)
			return err;
	}
	return 0;
}

static int adopt(struct shunt_node *node, struct net *net,
		 struct genl_info *info)
{
	struct net_device *dev = find_dev(info, net, SHUNT_A_POD_IFINDEX);
	struct shunt_pod *pod;
	int err;

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	err = shunt_veth_adopt(node, dev, info->extack, &pod);
	if (err)
		return err;
	err = add_addrs(info, pod);
	if (err)
		shunt_veth_release(pod);
	return err;
}

int shunt_nl_pod_adopt_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct net *net = get_pods_net(info);
	struct shunt_node *node;
	int err = -ENODEV;

	if (IS_ERR(net))
		return PTR_ERR(net);
	rtnl_lock();
	node = find_node(genl_info_net(info), info->extack);
	if (node)
		err = adopt(node, net, info);
	rtnl_unlock();
	put_net(net);
	return err;
}

typedef int (*addr_fn)(struct shunt_pod *pod, const struct nlattr *nla,
		       struct netlink_ext_ack *extack);

static int change_addr(struct genl_info *info, addr_fn change)
{
	struct nlattr *nla = info->attrs[SHUNT_A_POD_ADDRESS];
	struct shunt_pod *pod;
	int err;

	if (!nla) {
		GENL_SET_ERR_MSG(info, "the address is missing");
		return -EINVAL;
	}
	rtnl_lock();
	pod = find_pod(info);
	err = PTR_ERR_OR_ZERO(pod);
	if (!err)
		err = change(pod, nla, info->extack);
	rtnl_unlock();
	return err;
}

int shunt_nl_pod_addr_add_doit(struct sk_buff *skb, struct genl_info *info)
{
	return change_addr(info, shunt_pod_addr_add);
}

int shunt_nl_pod_addr_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	return change_addr(info, shunt_pod_addr_del);
}

static int fill_path(struct sk_buff *skb, const struct list_head *item,
		     u32 portid, u32 seq, int flags)
{
	const struct shunt_path *path =
		list_entry(item, struct shunt_path, list);
	const struct shunt_prefix *prefix = &path->prefix;
	u8 len = prefix->len;
	void *hdr;

	if (shunt_addr_is_v4(&prefix->addr))
		len -= SHUNT_LPM_V4_LEN;
	hdr = genlmsg_put(skb, portid, seq, &family, flags, SHUNT_CMD_PATH_GET);
	if (!hdr)
		return -EMSGSIZE;
	if (shunt_addr_put(skb, SHUNT_A_PATH_ADDRESS, &prefix->addr) ||
	    nla_put_u8(skb, SHUNT_A_PATH_LENGTH, len) ||
	    nla_put_u8(skb, SHUNT_A_PATH_ACTION, path->action) ||
	    nla_put_u32(skb, SHUNT_A_PATH_NODE, path->node->dev->ifindex)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

static int check_prefix(const struct genl_info *info,
			const struct shunt_prefix *prefix)
{
	struct in6_addr masked;

	if (prefix->len > SHUNT_LPM_MAX_LEN) {
		NL_SET_ERR_MSG_ATTR(info->extack,
				    info->attrs[SHUNT_A_PATH_LENGTH],
				    "a prefix has at most 32 (v4) or 128 (v6) bits");
		return -EINVAL;
	}
	ipv6_addr_prefix(&masked, &prefix->addr.v6, prefix->len);
	if (ipv6_addr_equal(&masked, &prefix->addr.v6))
		return 0;
	NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[SHUNT_A_PATH_ADDRESS],
			    "bits are set behind the length of the prefix: clear them");
	return -EINVAL;
}

static int read_prefix(const struct genl_info *info,
		       struct shunt_prefix *prefix)
{
	const struct nlattr *addr = info->attrs[SHUNT_A_PATH_ADDRESS];
	const struct nlattr *len = info->attrs[SHUNT_A_PATH_LENGTH];
	int err;

	if (!addr || !len) {
		GENL_SET_ERR_MSG(info, "the prefix is missing");
		return -EINVAL;
	}
	err = shunt_addr_get(addr, &prefix->addr, info->extack);
	if (err)
		return err;
	prefix->len = nla_get_u8(len);
	if (nla_len(addr) == sizeof(struct in_addr))
		prefix->len += SHUNT_LPM_V4_LEN;
	return check_prefix(info, prefix);
}

static int no_path(const struct genl_info *info)
{
	NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[SHUNT_A_PATH_ADDRESS],
			    "nothing was said about this prefix: see shuntctl path show");
	return -ENOENT;
}

static int answer_path(struct sk_buff *msg, struct genl_info *info)
{
	struct shunt_prefix prefix;
	struct shunt_path *path;
	struct shunt_node *node;
	int err;

	node = find_node(genl_info_net(info), info->extack);
	if (!node)
		return -ENODEV;
	err = read_prefix(info, &prefix);
	if (err)
		return err;
	path = shunt_path_find(node, &prefix);
	if (!path)
		return no_path(info);
	return fill_path(msg, &path->list, info->snd_portid, info->snd_seq, 0);
}

int shunt_nl_path_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	return reply(info, answer_path);
}

int shunt_nl_path_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return dump(skb, cb, offsetof(struct shunt_node, paths), fill_path);
}

typedef int (*path_fn)(struct shunt_node *node, struct genl_info *info,
		       const struct shunt_prefix *prefix);

static int change_path(struct genl_info *info, path_fn change)
{
	struct shunt_prefix prefix;
	struct shunt_node *node;
	int err = -ENODEV;

	rtnl_lock();
	node = find_node(genl_info_net(info), info->extack);
	if (node)
		err = read_prefix(info, &prefix);
	if (!err)
		err = change(node, info, &prefix);
	rtnl_unlock();
	return err;
}

static int add_path(struct shunt_node *node, struct genl_info *info,
		    const struct shunt_prefix *prefix)
{
	if (!info->attrs[SHUNT_A_PATH_ACTION]) {
		GENL_SET_ERR_MSG(info,
				 "direct or stack: the action is missing");
		return -EINVAL;
	}
	return shunt_path_add(node, prefix,
			      nla_get_u8(info->attrs[SHUNT_A_PATH_ACTION]));
}

int shunt_nl_path_add_doit(struct sk_buff *skb, struct genl_info *info)
{
	return change_path(info, add_path);
}

static int del_path(struct shunt_node *node, struct genl_info *info,
		    const struct shunt_prefix *prefix)
{
	return shunt_path_del(node, prefix) ? no_path(info) : 0;
}

int shunt_nl_path_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	return change_path(info, del_path);
}

static int answer_stats(struct sk_buff *msg, struct genl_info *info)
{
	struct shunt_stats sum = {};
	struct shunt_node *node;
	void *hdr;
	int i;

	node = find_node(genl_info_net(info), info->extack);
	if (!node)
		return -ENODEV;
	hdr = genlmsg_put(msg, info->snd_portid, info->snd_seq, &family, 0,
			  SHUNT_CMD_STATS_GET);
	if (!hdr || nla_put_u32(msg, SHUNT_A_STATS_NODE, node->dev->ifindex))
		return -EMSGSIZE;
	shunt_stats_sum_node(&sum, node);
	for (i = 0; i < SHUNT_STAT_COUNT; i++)
		if (nla_put_u64_64bit(msg, SHUNT_A_STATS_RX_DIRECT + i,
				      sum.count[i], SHUNT_A_STATS_PAD))
			return -EMSGSIZE;
	genlmsg_end(msg, hdr);
	return 0;
}

int shunt_nl_stats_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	return reply(info, answer_stats);
}

static struct genl_family family __ro_after_init = {
	.name = SHUNT_GENL_NAME,
	.version = SHUNT_GENL_VERSION,
	.netnsok = true,
	.parallel_ops = true,
	.module = THIS_MODULE,
	.ops = shunt_nl_ops,
	.n_ops = ARRAY_SIZE(shunt_nl_ops),
	.maxattr = SHUNT_A_STATS_MAX,
};

int __init shunt_netlink_init(void)
{
	return genl_register_family(&family);
}

void shunt_netlink_exit(void)
{
	genl_unregister_family(&family);
}

MODULE_ALIAS_GENL_FAMILY(SHUNT_GENL_NAME);
