/* SPDX-License-Identifier: GPL-2.0 */
/* Until 6.5 part of linux/netdevice.h. */
#if __has_include_next(<net/netdev_rx_queue.h>)
#include_next <net/netdev_rx_queue.h>
#else
#include <linux/netdevice.h>
#endif
