/* SPDX-License-Identifier: GPL-2.0 */
/* Until 6.8 part of linux/netdevice.h. */
#ifdef SHUNT_HAVE_RPS
#include_next <net/rps.h>
#else
#include <linux/netdevice.h>
#endif
