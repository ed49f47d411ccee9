/* SPDX-License-Identifier: GPL-2.0 */
/* Until 6.5 part of linux/netdevice.h. */
#ifdef SHUNT_HAVE_RX_QUEUE
#include_next <net/netdev_rx_queue.h>
#else
#include <linux/netdevice.h>
#endif
