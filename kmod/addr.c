// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses in netlink attributes: 4 bytes or 16, in network order.
 */
#include <linux/netlink.h>
#include <net/netlink.h>

#include "addr.h"

/**
 * shunt_addr_get() - read an address
 * @nla: the attribute
 * @addr: the result
 * @extack: says what is wrong
 *
 * Return: 0 or -EINVAL.
 */
int shunt_addr_get(const struct nlattr *nla, struct shunt_addr *addr,
		   struct netlink_ext_ack *extack)
{
	switch (nla_len(nla)) {
	case sizeof(struct in_addr):
		*addr = shunt_addr_v4(nla_get_in_addr(nla));
		return 0;
	case sizeof(struct in6_addr):
		addr->v6 = nla_get_in6_addr(nla);
		return 0;
	default:
		NL_SET_ERR_MSG_ATTR(extack, nla,
				    "an address has 4 or 16 bytes");
		return -EINVAL;
	}
}

/**
 * shunt_addr_put() - write an address
 * @skb: message
 * @type: of the attribute
 * @addr: the address
 *
 * Return: 0 or -EMSGSIZE.
 */
int shunt_addr_put(struct sk_buff *skb, int type, const struct shunt_addr *addr)
{
	if (shunt_addr_is_v4(addr))
		return nla_put_in_addr(skb, type, addr->v6.s6_addr32[3]);
	return nla_put_in6_addr(skb, type, &addr->v6);
}
