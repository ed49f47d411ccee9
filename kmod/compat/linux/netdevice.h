/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHUNT_COMPAT_LINUX_NETDEVICE_H
#define SHUNT_COMPAT_LINUX_NETDEVICE_H

#include_next <linux/netdevice.h>

/* Until 6.12 these were features. */
static inline void shunt_dev_set_lltx(struct net_device *dev)
{
#ifdef NETIF_F_LLTX
	dev->features |= NETIF_F_LLTX;
#else
	dev->lltx = true;
#endif
}

static inline void shunt_dev_set_netns_immutable(struct net_device *dev)
{
#if defined(NETIF_F_NETNS_LOCAL)
	dev->features |= NETIF_F_NETNS_LOCAL;
#elif defined(SHUNT_HAVE_NETNS_IMMUTABLE)
	dev->netns_immutable = true;
#else
	dev->netns_local = true; /* until 6.15 */
#endif
}

/* Until 6.3 the sizes of IPv4 were those of IPv6. */
static inline unsigned int
shunt_dev_gso_ipv4_max_size(const struct net_device *dev)
{
#ifdef SHUNT_HAVE_GSO_IPV4_MAX_SIZE
	return dev->gso_ipv4_max_size;
#else
	return dev->gso_max_size;
#endif
}

static inline unsigned int
shunt_dev_gro_ipv4_max_size(const struct net_device *dev)
{
#ifdef SHUNT_HAVE_GSO_IPV4_MAX_SIZE
	return dev->gro_ipv4_max_size;
#else
	return dev->gro_max_size;
#endif
}

static inline void shunt_dev_set_ipv4_max_sizes(struct net_device *dev,
						unsigned int gso,
						unsigned int gro)
{
#ifdef SHUNT_HAVE_GSO_IPV4_MAX_SIZE
	WRITE_ONCE(dev->gso_ipv4_max_size, gso);
	WRITE_ONCE(dev->gro_ipv4_max_size, gro);
#endif
}

/* Until 6.6 clsact alone had a place on the egress path. */
static inline bool shunt_dev_has_tc_egress(const struct net_device *dev)
{
#if !defined(CONFIG_NET_CLS_ACT)
	return false;
#elif defined(SHUNT_HAVE_TCX)
	return rcu_access_pointer(dev->tcx_egress);
#else
	return rcu_access_pointer(dev->miniq_egress);
#endif
}

static inline bool shunt_dev_has_nf_egress(const struct net_device *dev)
{
#ifdef CONFIG_NETFILTER_EGRESS
	return rcu_access_pointer(dev->nf_hooks_egress);
#else
	return false;
#endif
}

static inline bool shunt_dev_has_priomap(const struct net_device *dev)
{
#if IS_ENABLED(CONFIG_CGROUP_NET_PRIO)
	return rcu_access_pointer(dev->priomap);
#else
	return false;
#endif
}

/* A packet that a veth device would have sent, and which its peer shows as
 * received. Older ones count elsewhere. Preemption is off.
 */
static inline void shunt_dev_count_veth(struct net_device *dev,
					unsigned int len)
{
#ifdef SHUNT_HAVE_PCPU_STAT_TYPE
	dev_sw_netstats_tx_add(dev, 1, len);
#else
	dev_lstats_add(dev, len);
#endif
}

#endif /* SHUNT_COMPAT_LINUX_NETDEVICE_H */
