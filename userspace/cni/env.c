// SPDX-License-Identifier: GPL-2.0
/*
 * The environment: what each verb needs of it. CNI_ARGS and whatever else is
 * there are tolerated, and not read.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cni.h"

/* What a verb needs. */
#define NEEDS_CONTAINER	0x1
#define NEEDS_NETNS	0x2
#define NEEDS_IFNAME	0x4
#define NEEDS_PATH	0x8

static const struct verb {
	const char *name;
	unsigned int needs;
} verbs[] = {
	{ "ADD", NEEDS_CONTAINER | NEEDS_NETNS | NEEDS_IFNAME },
	{ "CHECK", NEEDS_CONTAINER | NEEDS_NETNS | NEEDS_IFNAME },
	{ "DEL", NEEDS_CONTAINER | NEEDS_IFNAME },
	{ "GC", NEEDS_PATH },
	{ "STATUS", 0 },
	{ "VERSION", 0 },
	{ NULL, 0 },
};

/* Names of networks and ids of containers. */
bool cni_id_valid(const char *id)
{
	if (!isalnum((unsigned char)*id))
		return false;
	while (*++id) {
		if (!isalnum((unsigned char)*id) && !strchr("_.-", *id))
			return false;
	}
	return true;
}

/* Set, and to more than nothing. */
static const char *get(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static int need(struct cni *cni, const char *name, const char *value)
{
	return value ? 0 : cni_fail(cni, CNI_ENVIRONMENT,
				    "%s: %s needs it in the environment", name,
				    cni->env.command);
}

static int check(struct cni *cni, unsigned int needs)
{
	const struct cni_env *env = &cni->env;
	int err = 0;

	if (needs & NEEDS_CONTAINER)
		err = need(cni, "CNI_CONTAINERID", env->container);
	if (!err && needs & NEEDS_NETNS)
		err = need(cni, "CNI_NETNS", env->netns);
	if (!err && needs & NEEDS_IFNAME)
		err = need(cni, "CNI_IFNAME", env->ifname);
	if (!err && needs & NEEDS_PATH)
		err = need(cni, "CNI_PATH", env->path);
	if (!err && env->container && !cni_id_valid(env->container))
		err = cni_fail(cni, CNI_ENVIRONMENT,
			       "CNI_CONTAINERID: \"%s\": letters, digits and _.- are allowed, at first a letter or digit",
			       env->container);
	if (!err && env->ifname && !shunt_device_name_valid(env->ifname))
		err = cni_fail(cni, CNI_ENVIRONMENT,
			       "CNI_IFNAME: \"%s\": a name of 1 to 15 characters without / : %% and spaces",
			       env->ifname);
	return err;
}

/**
 * cni_env_read() - read the environment, and check what the verb needs
 * @cni: the run
 */
int cni_env_read(struct cni *cni)
{
	const struct verb *verb;

	cni->env = (struct cni_env){
		.command = get("CNI_COMMAND"),
		.container = get("CNI_CONTAINERID"),
		.netns = get("CNI_NETNS"),
		.ifname = get("CNI_IFNAME"),
		.path = get("CNI_PATH"),
	};
	if (!cni->env.command)
		return cni_fail(cni, CNI_ENVIRONMENT,
				"CNI_COMMAND: not set; a container runtime calls this program, see https://www.cni.dev");
	for (verb = verbs; verb->name; verb++) {
		if (!strcmp(cni->env.command, verb->name))
			return check(cni, verb->needs);
	}
	return cni_fail(cni, CNI_ENVIRONMENT,
			"CNI_COMMAND: \"%s\" is none of ADD, CHECK, DEL, GC, STATUS and VERSION",
			cni->env.command);
}
