/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What ends a fuzzer that cannot do its work: with status 2 and the reason,
 * which is no finding.
 */
#ifndef FUZZ_TOOL_H
#define FUZZ_TOOL_H

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((format(printf, 1, 2), noreturn))
static inline void die(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(2);
}

/* The result, unless it is an error's. */
static inline int checked(int result, const char *what)
{
	if (result < 0)
		die("%s: %s", what, strerror(errno));
	return result;
}

static inline uint64_t parse(const char *word)
{
	uint64_t value;
	char *rest;

	errno = 0;
	value = strtoull(word, &rest, 10);
	if (!*word || *rest || errno)
		die("\"%s\" is no number", word);
	return value;
}

#endif
