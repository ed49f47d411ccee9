// SPDX-License-Identifier: GPL-2.0
/*
 * GC: what belongs to this network and is not in the runtime's list goes. The
 * aliases of devices tell whose they are, and records who may have addresses.
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

	if (is_valid(cni, container, ifname))
		return;
	ipam.code = CNI_OK;
	ipam.msg = NULL;
	ipam.details = NULL;
	setenv("CNI_CONTAINERID", container, 1);
	setenv("CNI_IFNAME", ifname, 1);
	if (cni_ipam_run(&ipam, "DEL", NULL))
		cni_fail(cni, ipam.code, "%s", ipam.msg);
	else
		cni_record_del(cni, container, ifname);
	cni_error_clear(&ipam);
	unsetenv("CNI_CONTAINERID");
	unsetenv("CNI_IFNAME");
}

/* A network namespace on its way out lets nobody read an alias. */
static int read_alias(struct cni *cni, const struct shunt_pod *pod,
		      char **alias, unsigned int *turns)
{
	int err;

	do
		err = shunt_pod_alias(cni->sh, pod, alias);
	while (err && err != -ENODEV && cni_attachment_wait(turns));
	return err;
}

/* Pods may go meanwhile, by themselves or by their DEL. False: one that may be
 * garbage has its device still.
 */
static bool remove_device(struct cni *cni, const struct shunt_pod *pod,
			  unsigned int *turns)
{
	const char *container, *ifname;
	char *alias, *words;
	bool done = true;
	int err;

	err = read_alias(cni, pod, &alias, turns);
	if (err || !alias)
		return !err || err == -ENODEV;
	words = strdup(alias);
	if (!words) {
		cni_fail(cni, CNI_FAILED, "out of memory");
		done = false;
	} else if (is_garbage(cni, words, &container, &ifname)) {
		done = !shunt_pod_remove(cni->sh, pod, alias);
		if (done)
			release(cni, container, ifname);
		else
			cni_fail_shunt(cni, CNI_FAILED);
	}
	free(words);
	free(alias);
	return done;
}

static bool remove_devices(struct cni *cni)
{
	unsigned int turns = CNI_TURNS, i, n;
	struct shunt_pod *pods;
	bool done = true;
	int err;

	err = shunt_pod_list(cni->sh, NULL, &pods, &n);
	/* Without a node device, there are no pods. */
	if (err == -ENODEV || err == -EOPNOTSUPP)
		return true;
	if (err) {
		cni_fail_shunt(cni, CNI_FAILED);
		return false;
	}
	for (i = 0; i < n; i++)
		done &= remove_device(cni, &pods[i], &turns);
	shunt_pod_free(pods, n);
	return done;
}

/* An address whose device stays is not to be given back: if any does, what has
 * none is left to the next GC.
 */
static void collect(struct cni *cni)
{
	if (remove_devices(cni) && cni->config.ipam)
		cni_record_each(cni, release);
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

	if (!cni->config.attachments)
		return cni_fail(cni, CNI_CONFIG,
				"\"cni.dev/valid-attachments\": GC needs it");
	collect(cni);
	if (shunt_node_sweep(cni->sh))
		cni_fail_shunt(cni, CNI_FAILED);
	if (cni_ipam_run_new(&ipam, "GC")) {
		cni_fail(cni, ipam.code, "%s", ipam.msg);
		cni_error_clear(&ipam);
	}
	return cni->code;
}
