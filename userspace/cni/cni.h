/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The CNI plugin: what its files share. One run is one verb for one attachment
 * of one network; everything it knows comes from the environment and standard
 * input, and from what record.c keeps.
 *
 * The specification is https://www.cni.dev/docs/spec/, version 1.1.0.
 */
#ifndef _SHUNT_CNI_H
#define _SHUNT_CNI_H

#include <jansson.h>
#include <libshunt.h>
#include <stdbool.h>

/**
 * enum cni_code - codes of errors, those up to 99 are the specification's
 * @CNI_OK: no error
 * @CNI_VERSION: incompatible version of the specification
 * @CNI_UNSUPPORTED: a field of the configuration that cannot be served
 * @CNI_UNKNOWN_CONTAINER: the container does not exist
 * @CNI_ENVIRONMENT: a variable of the environment is missing or wrong
 * @CNI_IO: reading or writing failed
 * @CNI_DECODE: what was read is no JSON, or not of this shape
 * @CNI_CONFIG: a wrong value in the configuration
 * @CNI_NETNS: the network namespace is the plugin's own
 * @CNI_TRY_AGAIN: might work later
 * @CNI_UNAVAILABLE: STATUS: an ADD could not work now
 * @CNI_LIMITED: STATUS: nor may pods that are there reach everything
 * @CNI_FAILED: the kernel, or the plugin for addresses, has refused
 * @CNI_CHANGED: CHECK: not as it was made
 */
enum cni_code {
	CNI_OK = 0,
	CNI_VERSION = 1,
	CNI_UNSUPPORTED = 2,
	CNI_UNKNOWN_CONTAINER = 3,
	CNI_ENVIRONMENT = 4,
	CNI_IO = 5,
	CNI_DECODE = 6,
	CNI_CONFIG = 7,
	CNI_NETNS = 8,
	CNI_TRY_AGAIN = 11,
	CNI_UNAVAILABLE = 50,
	CNI_LIMITED = 51,
	CNI_FAILED = 100,
	CNI_CHANGED = 101,
};

/**
 * struct cni_version - a version of the specification
 * @text: as it is written
 * @number: 0xMMmmpp
 */
struct cni_version {
	const char *text;
	unsigned int number;
};

#define CNI_0_4_0	0x000400
#define CNI_1_0_0	0x010000
#define CNI_1_1_0	0x010100

/**
 * struct cni_env - what the environment says
 * @command: the verb
 * @container: id of the container, or NULL
 * @netns: path of its network namespace, or NULL
 * @ifname: name of the device there, or NULL
 * @path: directories of plugins with colons between, or NULL
 */
struct cni_env {
	const char *command;
	const char *container;
	const char *netns;
	const char *ifname;
	const char *path;
};

/**
 * struct cni_path - a prefix and how packets get there
 * @prefix: the prefix
 * @action: &enum shunt_path_action
 */
struct cni_path {
	struct shunt_prefix prefix;
	enum shunt_path_action action;
};

/**
 * struct cni_config - the network configuration
 * @version: its version of the specification
 * @name: of the network
 * @node: of the node device
 * @uplinks: array of names, or NULL: the devices of the default routes
 * @mtu: of pods, 0: the smallest uplink's
 * @mac: of the pod, NULL: the kernel's choice
 * @limited: the runtime wants the pod's bandwidth to be limited
 * @paths: what goes direct, and what by the stack
 * @n_paths: how many
 * @ipam: type of the plugin for addresses, or NULL: behind another plugin
 * @data_dir: directory of records
 * @replace: behind another plugin: its device goes
 * @ignore_policy: leave out rules of the plugin before, too
 * @dns: object for the result, or NULL
 * @prev: result of the plugin before, or of the ADD, or NULL
 * @attachments: of GC: array or null of those that are valid, or NULL
 *
 * Strings and objects belong to &cni.json.
 */
struct cni_config {
	const struct cni_version *version;
	const char *name;
	const char *node;
	json_t *uplinks;
	uint32_t mtu;
	const char *mac;
	bool limited;
	struct cni_path *paths;
	size_t n_paths;
	const char *ipam;
	const char *data_dir;
	bool replace;
	bool ignore_policy;
	json_t *dns;
	json_t *prev;
	json_t *attachments;
};

/**
 * struct cni - one run
 * @env: what the environment says
 * @input: what standard input said
 * @input_len: bytes of it
 * @json: the same, decoded
 * @config: the same, checked
 * @sh: the handle, once it is needed
 * @code: of the error, or 0
 * @msg: what was wrong and what to do
 * @details: more of that, or NULL
 */
struct cni {
	struct cni_env env;
	char *input;
	size_t input_len;
	json_t *json;
	struct cni_config config;
	struct shunt *sh;
	enum cni_code code;
	char *msg;
	char *details;
};

/* What the alias of a device made by this plugin begins with. */
#define CNI_ALIAS "shunt-cni"

/* Functions return 0, or the code of the error that they have noted. */

/* error.c */
int cni_fail(struct cni *cni, enum cni_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int cni_fail_shunt(struct cni *cni, enum cni_code code);
void cni_error_details(struct cni *cni, const char *details);
void cni_error_clear(struct cni *cni);
int cni_error_print(const struct cni *cni);

/* version.c */
const struct cni_version *cni_version_find(const char *text);
const struct cni_version *cni_version_newest(void);
int cni_version_print(const struct cni *cni);

/* env.c */
bool cni_id_valid(const char *id);
int cni_env_read(struct cni *cni);

/* config.c */
int cni_config_read(struct cni *cni);
void cni_config_free(struct cni_config *config);

/* ipam.c */
int cni_ipam_check(struct cni *cni, enum cni_code code);
int cni_ipam_run(struct cni *cni, const char *command, json_t **result);
int cni_ipam_run_new(struct cni *cni, const char *command);

/**
 * struct cni_ips - the addresses of a result
 * @addrs: addresses
 * @n: how many
 */
struct cni_ips {
	struct shunt_addr *addrs;
	size_t n;
};

/* result.c */
int cni_result_read_ips(struct cni *cni, const json_t *result, bool ours,
			struct cni_ips *ips);
const char *cni_result_find_mac(const struct cni *cni, const json_t *result);
int cni_result_read_routes(struct cni *cni, const json_t *result,
			   struct shunt_route **routes, unsigned int *n);
json_t *cni_result_build(const struct cni *cni, const json_t *ipam,
			 const struct cni_ips *ips,
			 const struct shunt_pod *pod);
json_t *cni_result_replace(const struct cni *cni, const struct cni_ips *ips,
			   const struct shunt_pod *pod, const char *peer);
int cni_result_print(struct cni *cni, const json_t *result);

/* node.c */
int cni_node_open(struct cni *cni);
int cni_node_prepare(struct cni *cni);
int cni_node_check(struct cni *cni);

/* attachment.c */
int cni_attachment_alias(struct cni *cni, char **alias);
int cni_attachment_open_netns(struct cni *cni, struct shunt_netns *netns);

/* How often to wait for the kernel, at most. */
#define CNI_TURNS 250

bool cni_attachment_wait(unsigned int *turns);

/* record.c */
int cni_record_check(struct cni *cni);
int cni_record_add(struct cni *cni);
int cni_record_del(struct cni *cni, const char *container, const char *ifname);
int cni_record_each(struct cni *cni,
		    void (*call)(struct cni *cni, const char *container,
				 const char *ifname));

/* add.c */
int cni_add_pod(struct cni *cni, const struct shunt_netns *netns,
		const json_t *result, const struct cni_ips *ips,
		struct shunt_pod *pod, char *peer);

/* chained.c */
int cni_chained_add(struct cni *cni, const struct shunt_netns *netns);
int cni_chained_del(struct cni *cni);

/* The verbs, each in its file. */
int cni_add(struct cni *cni);
int cni_del(struct cni *cni);
int cni_check(struct cni *cni);
int cni_status(struct cni *cni);
int cni_gc(struct cni *cni);

#endif /* _SHUNT_CNI_H */
