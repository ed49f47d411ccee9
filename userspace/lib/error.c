// SPDX-License-Identifier: GPL-2.0
/*
 * Texts of errors and warnings: one line, what it is about first, then the
 * kernel's own words if it had any.
 *
 * Entry points: shunt_begin() by each public function, shunt_fail() and
 * shunt_fail_kernel() to return with an error.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

void shunt_begin(struct shunt *sh)
{
	sh->error[0] = '\0';
	sh->warning[0] = '\0';
	sh->ext_text[0] = '\0';
	sh->ext_offset = 0;
}

int shunt_fail(struct shunt *sh, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(sh->error, sizeof(sh->error), format, args);
	va_end(args);
	return error;
}

static const char *reason(const struct shunt *sh, int error)
{
	if (sh->ext_text[0])
		return sh->ext_text;
	if (error == -EPERM)
		return "not permitted, this needs CAP_NET_ADMIN (be root)";
	return strerror(-error);
}

/* The format tells what it is about, the kernel's reason comes after it. */
int shunt_fail_kernel(struct shunt *sh, int error, const char *format, ...)
{
	char about[SHUNT_TEXT_LEN / 2];
	va_list args;

	va_start(args, format);
	vsnprintf(about, sizeof(about), format, args);
	va_end(args);
	return shunt_fail(sh, error, "%s: %s", about, reason(sh, error));
}

int shunt_fail_reply(struct shunt *sh, const char *what)
{
	return shunt_fail(sh, -EPROTO,
			  "%s: the kernel's answer is incomplete, module and tools are of different versions",
			  what);
}

void shunt_warn(struct shunt *sh, const char *text)
{
	size_t len = strlen(sh->warning);

	snprintf(sh->warning + len, sizeof(sh->warning) - len, "%s%s",
		 len ? "\n" : "", text);
}

const char *shunt_error(const struct shunt *sh)
{
	return sh ? sh->error : "out of memory";
}

const char *shunt_warning(const struct shunt *sh)
{
	return sh->warning[0] ? sh->warning : NULL;
}
