/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHUNT_COMPAT_LINUX_NETLINK_H
#define SHUNT_COMPAT_LINUX_NETLINK_H

#include_next <linux/netlink.h>

/* Until 6.2 extack had no room for a formatted message. What is refused is
 * refused under RTNL, and the worst that a concurrent refusal can do is to
 * have its own message shown.
 */
#ifndef NL_SET_ERR_MSG_FMT
#define NL_SET_ERR_MSG_FMT(extack, fmt, args...) do {		\
	static char __msg[96];					\
								\
	snprintf(__msg, sizeof(__msg), fmt, ##args);		\
	if (extack)						\
		(extack)->_msg = __msg;				\
} while (0)
#endif

#endif /* SHUNT_COMPAT_LINUX_NETLINK_H */
