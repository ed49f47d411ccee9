// SPDX-License-Identifier: GPL-2.0
/*
 * Errors: the first one is kept, and printed as the specification wants it, as
 * JSON on standard output.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cni.h"

int cni_fail(struct cni *cni, enum cni_code code, const char *format, ...)
{
	va_list args;

	if (cni->code)
		return cni->code;
	cni->code = code;
	va_start(args, format);
	if (vasprintf(&cni->msg, format, args) < 0)
		cni->msg = NULL;
	va_end(args);
	return code;
}

/* What the library said of its last call. */
int cni_fail_shunt(struct cni *cni, enum cni_code code)
{
	return cni_fail(cni, code, "%s", shunt_error(cni->sh));
}

void cni_error_details(struct cni *cni, const char *details)
{
	free(cni->details);
	cni->details = details ? strdup(details) : NULL;
}

void cni_error_clear(struct cni *cni)
{
	free(cni->msg);
	free(cni->details);
	cni->msg = NULL;
	cni->details = NULL;
	cni->code = CNI_OK;
}

/* JSON is UTF-8, and file names and the like may be anything. */
static void make_printable(char *text)
{
	for (; text && *text; text++) {
		if ((unsigned char)*text >= 0x80)
			*text = '?';
	}
}

static json_t *build(const struct cni *cni, const char *version)
{
	return json_pack("{s:s, s:i, s:s, s:s*}", "cniVersion", version,
			 "code", cni->code,
			 "msg", cni->msg ? cni->msg : "out of memory",
			 "details", cni->details);
}

int cni_error_print(const struct cni *cni)
{
	const struct cni_version *version = cni->config.version;
	json_t *json;
	int err;

	if (!version)
		version = cni_version_newest();
	json = build(cni, version->text);
	if (!json) {
		make_printable(cni->msg);
		make_printable(cni->details);
		json = build(cni, version->text);
	}
	if (!json)
		return -1;
	err = json_dumpf(json, stdout, JSON_INDENT(4));
	json_decref(json);
	putchar('\n');
	return err;
}
