// SPDX-License-Identifier: GPL-2.0
/*
 * GC: what belongs to this network and is not in the runtime's list goes. The
 * aliases of devices tell whose they are.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cni.h"

static bool is_valid(const struct cni *cni, const char *container,
		     const char *ifname)
{
	const char *other;
	json_t *each;
	size_t i;

	json_array_foreach(cni->config.attachments, i, each) {
		other = json_string_value(json_object_get(each, "containerID"));
		if (strcmp(other, container))
			continue;
		other = json_string_value(json_object_get(each, "ifname"));
		if (!strcmp(other, ifname))
			return true;
	}
	return false;
}

/* "shunt-cni NETWORK CONTAINER IFNAME", none of which has spaces. */
static bool is_garbage(const struct cni *cni, char *alias,
		       const char **container, const char **ifname)
{
	char *save, *word[4];
	int i;

	for (i = 0; i < 4; i++) {
		word[i] = strtok_r(i ? NULL : alias, " ", &save);
		if (!word[i])
			return false;
	}
	*container = word[2];
	*ifname = word[3];
	return !strcmp(word[0], CNI_ALIAS) &&
	       !strcmp(word[1], cni->config.name) &&
	       !is_valid(cni, word[2], word[3]);
}

/* Most plugins for addresses know no GC, but all know DEL. */
static void release(struct cni *cni, const char *container, const char *ifname)
{
	struct cni ipam = *cni;
	json_t *said;

	ipam.code = CNI_OK;
	ipam.msg = NULL;
	ipam.details = NULL;
	setenv("CNI_CONTAINERID", container, 1);
	setenv("CNI_IFNAME", ifname, 1);
	if (cni_ipam_run(&ipam, "DEL", &said))
		cni_fail(cni, ipam.code, "%s", ipam.msg);
	json_decref(said);
	cni_error_clear(&ipam);
	unsetenv("CNI_CONTAINERID");
	unsetenv("CNI_IFNAME");
}

/* Pods may go meanwhile, by themselves or by their DEL. */
static void collect(struct cni *cni, const struct shunt_pod *pod)
{
	const char *container, *ifname;
	char *alias, *words;

	if (shunt_pod_alias(cni->sh, pod, &alias) || !alias)
		return;
	words = strdup(alias);
	if (words && is_garbage(cni, words, &container, &ifname)) {
		if (shunt_pod_remove(cni->sh, pod, alias))
			cni_fail_shunt(cni, CNI_FAILED);
		else
			release(cni, container, ifname);
	}
	free(words);
	free(alias);
}

/**
 * cni_gc() - the verb GC
 * @cni: the run
 *
 * One error does not keep it from going on: the first one is told.
 */
int cni_gc(struct cni *cni)
{
	struct cni ipam = *cni;
	struct shunt_pod *pods;
	unsigned int i, n;
	int err;

	if (!cni->config.attachments)
		return cni_fail(cni, CNI_CONFIG,
				"\"cni.dev/valid-attachments\": GC needs it");
	err = shunt_pod_list(cni->sh, NULL, &pods, &n);
	for (i = 0; !err && i < n; i++)
		collect(cni, &pods[i]);
	if (!err)
		shunt_pod_free(pods, n);
	/* Without a node device, there are no pods. */
	else if (err != -ENODEV && err != -EOPNOTSUPP)
		cni_fail_shunt(cni, CNI_FAILED);
	if (shunt_node_sweep(cni->sh))
		cni_fail_shunt(cni, CNI_FAILED);
	if (cni_ipam_run_new(&ipam, "GC")) {
		cni_fail(cni, ipam.code, "%s", ipam.msg);
		cni_error_clear(&ipam);
	}
	return cni->code;
}
