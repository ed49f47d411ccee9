/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHUNT_COMPAT_NET_RTNETLINK_H
#define SHUNT_COMPAT_NET_RTNETLINK_H

#include_next <net/rtnetlink.h>

/* SHUNT_NEWLINK(NAME, FUNCTION) defines NAME for rtnl_link_ops, which calls
 * FUNCTION(dev, params, extack). Until 6.15 the parameters came one by one.
 */
#ifdef SHUNT_HAVE_NEWLINK_PARAMS
#define SHUNT_NEWLINK(name, function)					\
static int name(struct net_device *dev,					\
		struct rtnl_newlink_params *params,			\
		struct netlink_ext_ack *extack)				\
{									\
	return function(dev, params, extack);				\
}
#else
struct rtnl_newlink_params {
	struct net *src_net;
	struct nlattr **tb;
	struct nlattr **data;
};

#define SHUNT_NEWLINK(name, function)					\
static int name(struct net *src_net, struct net_device *dev,		\
		struct nlattr *tb[], struct nlattr *data[],		\
		struct netlink_ext_ack *extack)				\
{									\
	struct rtnl_newlink_params params = { .src_net = src_net,	\
					      .tb = tb, .data = data };	\
									\
	return function(dev, &params, extack);				\
}
#endif

#endif /* SHUNT_COMPAT_NET_RTNETLINK_H */
