// SPDX-License-Identifier: GPL-2.0
/*
 * What an attachment is known by: the network namespace, while that is there,
 * and the alias of the device.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cni.h"

/* What the kernel takes, IFALIASZ, less its zero. */
#define MAX_ALIAS 255

/**
 * cni_attachment_alias() - the alias of the device
 * @cni: the run
 * @alias: network, container and name of the device; to be freed
 */
int cni_attachment_alias(struct cni *cni, char **alias)
{
	if (asprintf(alias, "%s %s %s %s", CNI_ALIAS, cni->config.name,
		     cni->env.container, cni->env.ifname) < 0) {
		*alias = NULL;
		return cni_fail(cni, CNI_FAILED, "out of memory");
	}
	if (strlen(*alias) <= MAX_ALIAS)
		return 0;
	free(*alias);
	*alias = NULL;
	return cni_fail(cni, CNI_CONFIG,
			"\"name\": too long: with CNI_CONTAINERID and CNI_IFNAME, %d characters have to be enough",
			MAX_ALIAS - (int)sizeof(CNI_ALIAS) - 2);
}

/**
 * cni_attachment_wait() - give the kernel time to end a network namespace
 * @turns: how often there may be another wait, from %CNI_TURNS on
 *
 * Return: false if none is left.
 */
bool cni_attachment_wait(unsigned int *turns)
{
	static const struct timespec turn = { .tv_nsec = 20 * 1000 * 1000 };

	if (!*turns)
		return false;
	(*turns)--;
	nanosleep(&turn, NULL);
	return true;
}

/**
 * cni_attachment_open_netns() - open the network namespace
 * @cni: the run
 * @netns: the result
 */
int cni_attachment_open_netns(struct cni *cni, struct shunt_netns *netns)
{
	int err = shunt_netns_open(cni->sh, cni->env.netns, netns);

	switch (err) {
	case 0:
		return 0;
	case -ENOENT:
		return cni_fail(cni, CNI_UNKNOWN_CONTAINER, "CNI_NETNS: %s",
				shunt_error(cni->sh));
	case -EINVAL:
		return cni_fail(cni, CNI_NETNS, "CNI_NETNS: %s",
				shunt_error(cni->sh));
	default:
		return cni_fail(cni, CNI_ENVIRONMENT, "CNI_NETNS: %s",
				shunt_error(cni->sh));
	}
}
