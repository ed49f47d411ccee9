/* SPDX-License-Identifier: GPL-2.0 */
/* Until 6.11 the header was asm's. */
#if __has_include_next(<linux/unaligned.h>)
#include_next <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif
