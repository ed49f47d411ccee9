// SPDX-License-Identifier: GPL-2.0
/*
 * The network configuration. A wrong value is an error that names its key;
 * keys that nobody knows are somebody else's.
 */
#include <stdlib.h>
#include <string.h>

#include "cni.h"

#define DEFAULT_NODE	"shunt0"
#define DEFAULT_DATA	"/var/lib/cni/shunt"
#define MAX_MTU		65535

static int wrong(struct cni *cni, const char *key, const char *want)
{
	return cni_fail(cni, CNI_CONFIG, "\"%s\": must be %s", key, want);
}

/* Missing and null are the same, as they are for the reference plugins. */
static json_t *get(const json_t *json, const char *key)
{
	json_t *value = json_object_get(json, key);

	return json_is_null(value) ? NULL : value;
}

static int get_string(struct cni *cni, const char *key, const char **out)
{
	json_t *value = get(cni->json, key);

	*out = json_string_value(value);
	return !value || *out ? 0 : wrong(cni, key, "a string");
}

static int get_object(struct cni *cni, const char *key, json_t **out)
{
	*out = get(cni->json, key);
	return !*out || json_is_object(*out) ? 0 : wrong(cni, key, "an object");
}

static int read_version(struct cni *cni)
{
	const char *text;
	int err;

	err = get_string(cni, "cniVersion", &text);
	if (err)
		return err;
	if (!text)
		return wrong(cni, "cniVersion",
			     "there: the version of the specification");
	cni->config.version = cni_version_find(text);
	if (!cni->config.version)
		return cni_fail(cni, CNI_VERSION,
				"cniVersion: \"%s\" is not supported, 0.3.1 to 1.1.0 are",
				text);
	return 0;
}

static int read_name(struct cni *cni)
{
	int err = get_string(cni, "name", &cni->config.name);

	if (err)
		return err;
	if (!cni->config.name || !cni_id_valid(cni->config.name))
		return wrong(cni, "name",
			     "the network's name, of letters, digits and _.-");
	return 0;
}

static int read_node(struct cni *cni)
{
	int err = get_string(cni, "node", &cni->config.node);

	if (err)
		return err;
	if (!cni->config.node)
		cni->config.node = DEFAULT_NODE;
	return shunt_device_name_valid(cni->config.node) ? 0 :
	       wrong(cni, "node", "the name of a device");
}

static int read_uplinks(struct cni *cni)
{
	static const char want[] =
		"\"default-route\" or an array of names of devices";
	json_t *value = get(cni->json, "uplinks"), *name;
	const char *text = json_string_value(value);
	size_t i;

	if (!value || (text && !strcmp(text, "default-route")))
		return 0;
	if (!json_is_array(value))
		return wrong(cni, "uplinks", want);
	json_array_foreach(value, i, name) {
		text = json_string_value(name);
		if (!text || !shunt_device_name_valid(text))
			return wrong(cni, "uplinks", want);
	}
	cni->config.uplinks = value;
	return 0;
}

static int read_mtu(struct cni *cni)
{
	json_t *value = get(cni->json, "mtu");
	json_int_t mtu = json_integer_value(value);

	if (value && (!json_is_integer(value) || mtu < 0 || mtu > MAX_MTU))
		return wrong(cni, "mtu",
			     "a number of bytes, or 0 for the smallest uplink's");
	cni->config.mtu = mtu;
	return 0;
}

/* The runtime's wish goes before the network's. */
static int read_mac(struct cni *cni)
{
	const json_t *runtime = get(cni->json, "runtimeConfig");
	const json_t *args = get(get(cni->json, "args"), "cni");
	char why[SHUNT_TEXT_LEN];
	uint8_t mac[SHUNT_MAC_LEN];
	json_t *value;

	value = get(runtime, "mac") ?: get(args, "mac") ?:
		get(cni->json, "mac");
	if (!value)
		return 0;
	cni->config.mac = json_string_value(value);
	if (!cni->config.mac)
		return wrong(cni, "mac", "a string");
	if (!*cni->config.mac)
		cni->config.mac = NULL;
	else if (shunt_mac_parse(cni->config.mac, mac, why))
		return cni_fail(cni, CNI_CONFIG, "\"mac\": %s", why);
	return 0;
}

/* Rates of 0 are no limits. */
static int read_bandwidth(struct cni *cni)
{
	const json_t *runtime = get(cni->json, "runtimeConfig");
	const json_t *limits = get(runtime, "bandwidth");

	if (limits && !json_is_object(limits))
		return wrong(cni, "runtimeConfig.bandwidth", "an object");
	cni->config.limited =
		json_number_value(get(limits, "ingressRate")) > 0 ||
		json_number_value(get(limits, "egressRate")) > 0;
	return 0;
}

static int read_paths_of(struct cni *cni, const char *key,
			 enum shunt_path_action action)
{
	json_t *list = get(cni->json, key), *value;
	struct cni_config *config = &cni->config;
	char why[SHUNT_TEXT_LEN];
	struct cni_path *path;
	const char *text;
	size_t i;

	if (!list)
		return 0;
	if (!json_is_array(list))
		return wrong(cni, key, "an array of prefixes");
	path = realloc(config->paths, (config->n_paths + json_array_size(list) +
				       1) * sizeof(*path));
	if (!path)
		return cni_fail(cni, CNI_FAILED, "out of memory");
	config->paths = path;
	json_array_foreach(list, i, value) {
		text = json_string_value(value);
		if (!text)
			return wrong(cni, key, "an array of prefixes");
		path = &config->paths[config->n_paths++];
		path->action = action;
		if (shunt_prefix_parse(text, &path->prefix, why))
			return cni_fail(cni, CNI_CONFIG, "\"%s\": %s", key,
					why);
	}
	return 0;
}

static int read_ipam(struct cni *cni)
{
	json_t *ipam, *type;
	int err;

	err = get_object(cni, "ipam", &ipam);
	if (err || !ipam || !json_object_size(ipam))
		return err;
	type = get(ipam, "type");
	cni->config.ipam = json_string_value(type);
	if (!cni->config.ipam || !*cni->config.ipam ||
	    strchr(cni->config.ipam, '/'))
		return wrong(cni, "ipam.type", "the name of a plugin");
	return 0;
}

static int read_data_dir(struct cni *cni)
{
	int err = get_string(cni, "dataDir", &cni->config.data_dir);

	if (err)
		return err;
	if (!cni->config.data_dir)
		cni->config.data_dir = DEFAULT_DATA;
	return *cni->config.data_dir == '/' ? 0 :
	       wrong(cni, "dataDir", "a path that begins with /");
}

static int read_mode(struct cni *cni)
{
	json_t *ignore = get(cni->json, "ignorePolicy");
	const char *mode;
	int err;

	err = get_string(cni, "mode", &mode);
	if (err)
		return err;
	if (mode && strcmp(mode, "accelerate") && strcmp(mode, "replace"))
		return wrong(cni, "mode", "\"accelerate\" or \"replace\"");
	cni->config.replace = mode && !strcmp(mode, "replace");
	if (ignore && !json_is_boolean(ignore))
		return wrong(cni, "ignorePolicy", "true or false");
	cni->config.ignore_policy = json_is_true(ignore);
	return 0;
}

static int read_attachments(struct cni *cni)
{
	static const char key[] = "cni.dev/valid-attachments";
	json_t *list = json_object_get(cni->json, key), *each;
	size_t i;

	/* libcni says null when there are none. */
	cni->config.attachments = list;
	if (!list || json_is_null(list))
		return 0;
	if (!json_is_array(list))
		return wrong(cni, key, "an array");
	json_array_foreach(list, i, each) {
		if (!json_is_string(get(each, "containerID")) ||
		    !json_is_string(get(each, "ifname")))
			return wrong(cni, key,
				     "an array of objects with containerID and ifname");
	}
	return 0;
}

/* The version first, as errors are written in it. */
static int (*const readers[])(struct cni *cni) = {
	read_version, read_name, read_node, read_uplinks, read_mtu, read_mac,
	read_bandwidth, read_ipam, read_data_dir, read_mode, read_attachments,
};

/**
 * cni_config_read() - decode the configuration, and check it
 * @cni: the run, with @cni->input
 */
int cni_config_read(struct cni *cni)
{
	struct cni_config *config = &cni->config;
	json_error_t error;
	size_t i;
	int err;

	cni->json = json_loadb(cni->input, cni->input_len, 0, &error);
	if (!cni->json)
		return cni_fail(cni, CNI_DECODE,
				"standard input is no JSON: line %d: %s",
				error.line, error.text);
	if (!json_is_object(cni->json))
		return cni_fail(cni, CNI_DECODE,
				"standard input is no JSON object");
	for (i = 0; i < sizeof(readers) / sizeof(*readers); i++) {
		err = readers[i](cni);
		if (err)
			return err;
	}
	err = get_object(cni, "dns", &config->dns);
	if (!err)
		err = get_object(cni, "prevResult", &config->prev);
	if (!err)
		err = read_paths_of(cni, "direct", SHUNT_PATH_ACTION_DIRECT);
	if (!err)
		err = read_paths_of(cni, "stack", SHUNT_PATH_ACTION_STACK);
	return err;
}

void cni_config_free(struct cni_config *config)
{
	free(config->paths);
	config->paths = NULL;
}
