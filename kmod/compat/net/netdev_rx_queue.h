/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHUNT_COMPAT_NET_NETDEV_RX_QUEUE_H
#define SHUNT_COMPAT_NET_NETDEV_RX_QUEUE_H

/* Until 6.5 part of linux/netdevice.h. */
#ifdef SHUNT_HAVE_RX_QUEUE
#include_next <net/netdev_rx_queue.h>
#else
#include <linux/netdevice.h>
#endif

/* Do other CPUs receive what this one does? Until 7.1 a queue had a pointer to
 * its table of flows, now with the size in its lowest bits.
 */
static inline bool shunt_rx_queue_is_steered(const struct netdev_rx_queue *rxq)
{
#ifdef SHUNT_HAVE_RPS_TAG
	return rcu_access_pointer(rxq->rps_map) ||
	       READ_ONCE(rxq->rps_flow_table);
#else
	return rcu_access_pointer(rxq->rps_map) ||
	       rcu_access_pointer(rxq->rps_flow_table);
#endif
}

#endif /* SHUNT_COMPAT_NET_NETDEV_RX_QUEUE_H */
