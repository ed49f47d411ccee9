// SPDX-License-Identifier: GPL-2.0
/*
 * The node: what must be there before pods can be, made by whoever comes first.
 * Twenty may come first at once, so that something is there already is success.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cni.h"

/**
 * cni_node_open() - open the library
 * @cni: the run
 */
int cni_node_open(struct cni *cni)
{
	return shunt_open(&cni->sh) ? cni_fail_shunt(cni, CNI_FAILED) : 0;
}

/* One character is enough to tell. */
static int read_sysctl(const char *path)
{
	char c = 0;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (read(fd, &c, 1) != 1)
		c = 0;
	close(fd);
	return c;
}

static int write_sysctl(struct cni *cni, const char *path, char value)
{
	int fd, err = 0;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, &value, 1) != 1)
		err = cni_fail(cni, CNI_FAILED, "%s: %s", path,
			       strerror(errno));
	if (fd >= 0)
		close(fd);
	return err;
}

/* A router does not listen to other routers, unless it is told to: a node that
 * has an address or a route from one would lose it, on any device.
 */
static int keep_routers(struct cni *cni)
{
	static const char dir[] = "/proc/sys/net/ipv6/conf";
	char path[sizeof(dir) + NAME_MAX + sizeof("//accept_ra")];
	struct dirent *entry;
	DIR *devices;
	int err = 0;

	devices = opendir(dir);
	if (!devices)
		return cni_fail(cni, CNI_FAILED, "%s: %s", dir,
				strerror(errno));
	while (!err && (entry = readdir(devices))) {
		if (!strcmp(entry->d_name, "all") ||
		    !strcmp(entry->d_name, "default"))
			continue;
		snprintf(path, sizeof(path), "%s/%s/accept_ra", dir,
			 entry->d_name);
		if (read_sysctl(path) != '1')
			continue;
		err = write_sysctl(cni, path, '2');
		/* Devices go while others are looked at. */
		if (err && access(path, F_OK)) {
			cni_error_clear(cni);
			err = 0;
		}
	}
	closedir(devices);
	return err;
}

static int forward_v6(struct cni *cni)
{
	static const char path[] = "/proc/sys/net/ipv6/conf/all/forwarding";
	int err;

	/* Nor is there anything to do without IPv6. */
	if (read_sysctl(path) != '0')
		return 0;
	err = keep_routers(cni);
	return err ?: write_sysctl(cni, path, '1');
}

static int forward_v4(struct cni *cni)
{
	static const char path[] = "/proc/sys/net/ipv4/ip_forward";

	return read_sysctl(path) == '0' ? write_sysctl(cni, path, '1') : 0;
}

static int other_device(struct cni *cni, enum cni_code code,
			const struct shunt_node *node)
{
	return cni_fail(cni, code,
			"\"node\": \"%s\": the node has the node device %s already",
			cni->config.node, node->name);
}

static int make_device(struct cni *cni)
{
	struct shunt_node node;
	int err;

	err = shunt_node_get(cni->sh, cni->config.node, &node);
	/* Making one loads the module, if it can be found. */
	if (err == -ENODEV || err == -EOPNOTSUPP)
		err = shunt_node_create(cni->sh, cni->config.node);
	if (err != -EEXIST)
		return err ? cni_fail_shunt(cni, CNI_FAILED) : 0;
	/* Somebody was faster, or there is one of another name. */
	if (shunt_node_get(cni->sh, NULL, &node))
		return cni_fail_shunt(cni, CNI_FAILED);
	return strcmp(node.name, cni->config.node) ?
	       other_device(cni, CNI_CONFIG, &node) : 0;
}

static bool is_uplink(const struct shunt_uplink *uplinks, unsigned int n,
		      const char *name)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (!strcmp(uplinks[i].name, name))
			return true;
	}
	return false;
}

static int attach(struct cni *cni, const struct shunt_uplink *uplinks,
		  unsigned int n, const char *name)
{
	int err;

	if (is_uplink(uplinks, n, name))
		return 0;
	err = shunt_uplink_add(cni->sh, name);
	return err && err != -EEXIST ? cni_fail_shunt(cni, CNI_FAILED) : 0;
}

static int attach_named(struct cni *cni, const struct shunt_uplink *uplinks,
			unsigned int n)
{
	json_t *name;
	size_t i;
	int err;

	json_array_foreach(cni->config.uplinks, i, name) {
		err = attach(cni, uplinks, n, json_string_value(name));
		if (err)
			return err;
	}
	return 0;
}

/* Once: routes that come later are the operator's to think of. Not every device
 * of a default route can be an uplink, but one has to.
 */
static int attach_defaults(struct cni *cni)
{
	struct shunt_device *devices;
	unsigned int i, n;
	bool any = false;
	int err = 0;

	if (shunt_uplink_defaults(cni->sh, &devices, &n))
		return cni_fail_shunt(cni, CNI_FAILED);
	if (!n)
		err = cni_fail(cni, CNI_TRY_AGAIN,
			       "the node has no default route to find its uplinks by: name them in \"uplinks\"");
	for (i = 0; i < n; i++) {
		err = attach(cni, NULL, 0, devices[i].name);
		any |= !err;
	}
	if (any)
		cni_error_clear(cni);
	free(devices);
	return any ? 0 : err;
}

static int make_uplinks(struct cni *cni)
{
	struct shunt_uplink *uplinks;
	unsigned int n;
	int err;

	if (shunt_uplink_list(cni->sh, &uplinks, &n))
		return cni_fail_shunt(cni, CNI_FAILED);
	err = 0;
	if (cni->config.uplinks)
		err = attach_named(cni, uplinks, n);
	else if (!n)
		err = attach_defaults(cni);
	free(uplinks);
	return err;
}

static int make_paths(struct cni *cni)
{
	const struct cni_config *config = &cni->config;
	const struct cni_path *path;

	for (path = config->paths; path < config->paths + config->n_paths;
	     path++) {
		if (shunt_path_add(cni->sh, &path->prefix, path->action))
			return cni_fail_shunt(cni, CNI_FAILED);
	}
	return 0;
}

/**
 * cni_node_prepare() - make what pods need, as far as it is missing
 * @cni: the run
 */
int cni_node_prepare(struct cni *cni)
{
	int err;

	err = make_device(cni);
	if (!err)
		err = forward_v4(cni);
	if (!err)
		err = forward_v6(cni);
	if (!err)
		err = make_uplinks(cni);
	if (!err)
		err = make_paths(cni);
	return err;
}

static int check_named(struct cni *cni)
{
	const char *name;
	json_t *each;
	size_t i;

	json_array_foreach(cni->config.uplinks, i, each) {
		name = json_string_value(each);
		if (!if_nametoindex(name))
			return cni_fail(cni, CNI_UNAVAILABLE,
					"uplink %s: there is no such device",
					name);
	}
	return 0;
}

static int check_defaults(struct cni *cni)
{
	struct shunt_device *devices;
	unsigned int n;

	if (shunt_uplink_defaults(cni->sh, &devices, &n))
		return cni_fail_shunt(cni, CNI_UNAVAILABLE);
	free(devices);
	return n ? 0 : cni_fail(cni, CNI_UNAVAILABLE,
				"the node has neither an uplink nor a default route");
}

/* The device of this name is one, or could be made. */
static int check_device(struct cni *cni)
{
	struct shunt_node node;
	int err;

	err = shunt_node_get(cni->sh, cni->config.node, &node);
	if (!err)
		return 0;
	if (err != -ENODEV)
		return cni_fail_shunt(cni, CNI_UNAVAILABLE);
	err = shunt_node_get(cni->sh, NULL, &node);
	if (err == -ENODEV)
		return 0;
	return err ? cni_fail_shunt(cni, CNI_UNAVAILABLE) :
		     other_device(cni, CNI_UNAVAILABLE, &node);
}

/**
 * cni_node_check() - is there what an ADD would find or make?
 * @cni: the run
 *
 * A node device that is missing will be made; a module that is missing, or an
 * uplink, will not appear by itself.
 */
int cni_node_check(struct cni *cni)
{
	struct shunt_uplink *uplinks;
	unsigned int n;
	int err;

	err = shunt_uplink_list(cni->sh, &uplinks, &n);
	free(uplinks);
	if (err && err != -ENODEV)
		return cni_fail_shunt(cni, CNI_UNAVAILABLE);
	err = check_device(cni);
	if (err)
		return err;
	if (cni->config.uplinks)
		return check_named(cni);
	return n ? 0 : check_defaults(cni);
}
