/* SPDX-License-Identifier: GPL-2.0 */
#include_next <linux/tracepoint.h>

/* Until 6.10 the source had to be named once more. */
#undef shunt_assign_str
#ifdef SHUNT_HAVE_ASSIGN_STR_2
#define shunt_assign_str(dst, src) __assign_str(dst, src)
#else
#define shunt_assign_str(dst, src) __assign_str(dst)
#endif
