/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints: where a packet of a pod went, and why.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM shunt

#if !defined(SHUNT_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define SHUNT_TRACE_H

#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/tracepoint.h>

#include "stats.h"

#define X(id, name) { SHUNT_STAT_##id, #name },

/* A packet takes the direct path from @from to @to. */
TRACE_EVENT(shunt_direct,
	TP_PROTO(const struct sk_buff *skb, const struct net_device *from,
		 const struct net_device *to),
	TP_ARGS(skb, from, to),
	TP_STRUCT__entry(
		__field(const void *, skbaddr)
		__field(unsigned int, len)
		__string(from, from->name)
		__string(to, to->name)
	),
	TP_fast_assign(
		__entry->skbaddr = skb;
		__entry->len = skb->len;
		shunt_assign_str(from, from->name);
		shunt_assign_str(to, to->name);
	),
	TP_printk("skbaddr=%p len=%u from=%s to=%s", __entry->skbaddr,
		  __entry->len, __get_str(from), __get_str(to))
);

DECLARE_EVENT_CLASS(shunt_odd,
	TP_PROTO(const struct sk_buff *skb, const struct net_device *dev,
		 int why),
	TP_ARGS(skb, dev, why),
	TP_STRUCT__entry(
		__field(const void *, skbaddr)
		__field(unsigned int, len)
		__field(int, why)
		__string(dev, dev->name)
	),
	TP_fast_assign(
		__entry->skbaddr = skb;
		__entry->len = skb->len;
		__entry->why = why;
		shunt_assign_str(dev, dev->name);
	),
	TP_printk("skbaddr=%p len=%u dev=%s why=%s", __entry->skbaddr,
		  __entry->len, __get_str(dev),
		  __print_symbolic(__entry->why, SHUNT_STATS(X)
				   { SHUNT_DIRECT, "none" }))
);

/* The host's stack gets a packet that met @dev. */
DEFINE_EVENT(shunt_odd, shunt_punt,
	TP_PROTO(const struct sk_buff *skb, const struct net_device *dev,
		 int why),
	TP_ARGS(skb, dev, why)
);

/* A packet ends at @dev. */
DEFINE_EVENT(shunt_odd, shunt_drop,
	TP_PROTO(const struct sk_buff *skb, const struct net_device *dev,
		 int why),
	TP_ARGS(skb, dev, why)
);

#undef X

#endif /* SHUNT_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
