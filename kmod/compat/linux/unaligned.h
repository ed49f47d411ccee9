/* SPDX-License-Identifier: GPL-2.0 */
/* Until 6.11 the header was asm's. */
#ifdef SHUNT_HAVE_UNALIGNED
#include_next <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif
