/* SPDX-License-Identifier: GPL-2.0 */
/* Until 6.5 part of linux/skbuff.h. */
#ifdef SHUNT_HAVE_GSO
#include_next <net/gso.h>
#else
#include <linux/skbuff.h>
#endif
