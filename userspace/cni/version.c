// SPDX-License-Identifier: GPL-2.0
/*
 * Versions of the specification.
 */
#include <stdio.h>
#include <string.h>

#include "cni.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* In ascending order. */
static const struct cni_version versions[] = {
	{ "0.3.1", 0x000301 },
	{ "0.4.0", CNI_0_4_0 },
	{ "1.0.0", CNI_1_0_0 },
	{ "1.1.0", CNI_1_1_0 },
};

const struct cni_version *cni_version_find(const char *text)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(versions); i++) {
		if (!strcmp(text, versions[i].text))
			return &versions[i];
	}
	return NULL;
}

const struct cni_version *cni_version_newest(void)
{
	return &versions[ARRAY_SIZE(versions) - 1];
}

/**
 * cni_version_print() - the verb VERSION
 * @cni: the run, with @cni->input
 *
 * The result is written in the version of the input, whether we support it or
 * not, as the specification says; without one, in the newest.
 */
int cni_version_print(const struct cni *cni)
{
	json_t *input = json_loadb(cni->input, cni->input_len, 0, NULL);
	json_t *version = json_object_get(input, "cniVersion");
	json_t *list = json_array(), *json;
	size_t i;
	int err;

	for (i = 0; i < ARRAY_SIZE(versions); i++)
		json_array_append_new(list, json_string(versions[i].text));
	json = json_pack("{s:s, s:o}", "cniVersion",
			 json_string_value(version) ?:
			 cni_version_newest()->text, "supportedVersions", list);
	json_decref(input);
	if (!json)
		return -1;
	err = json_dumpf(json, stdout, JSON_COMPACT);
	json_decref(json);
	putchar('\n');
	return err;
}
