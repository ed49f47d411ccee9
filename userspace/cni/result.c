// SPDX-License-Identifier: GPL-2.0
/*
 * Results: reading those of others, and writing ours in the version that is
 * wanted.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cni.h"

static int malformed(struct cni *cni, const char *what)
{
	return cni_fail(cni, CNI_DECODE, "result: %s", what);
}

/* The device in the pod is the entry with its name and its netns. What others
 * keep in other entries is not looked at.
 */
static bool is_device(const struct cni *cni, const json_t *device)
{
	const char *name, *sandbox;

	name = json_string_value(json_object_get(device, "name"));
	sandbox = json_string_value(json_object_get(device, "sandbox"));
	return name && sandbox && !strcmp(name, cni->env.ifname) &&
	       (!cni->env.netns || !strcmp(sandbox, cni->env.netns));
}

static bool is_ours(const struct cni *cni, const json_t *result,
		    const json_t *ip)
{
	const json_t *index = json_object_get(ip, "interface");

	return !json_is_integer(index) ||
	       is_device(cni, json_array_get(json_object_get(result,
							     "interfaces"),
					     json_integer_value(index)));
}

/**
 * cni_result_find_mac() - the hardware address of the attachment's device
 * @cni: the run, with a netns
 * @result: a result
 *
 * Return: as it is written, or NULL if the result does not tell.
 */
const char *cni_result_find_mac(const struct cni *cni, const json_t *result)
{
	json_t *device;
	size_t i;

	json_array_foreach(json_object_get(result, "interfaces"), i, device) {
		if (is_device(cni, device))
			return json_string_value(json_object_get(device,
								 "mac"));
	}
	return NULL;
}

/* "10.1.0.5/24": how long the prefix is on other devices is of no interest. */
static int read_ip(struct cni *cni, const json_t *ip, struct shunt_addr *addr)
{
	const char *text = json_string_value(json_object_get(ip, "address"));
	char why[SHUNT_TEXT_LEN], *copy;
	int err;

	if (!text)
		return malformed(cni, "\"ips\": without \"address\"");
	copy = strndup(text, strcspn(text, "/"));
	if (!copy)
		return cni_fail(cni, CNI_FAILED, "out of memory");
	err = shunt_addr_parse(copy, addr, why);
	free(copy);
	return err ? cni_fail(cni, CNI_DECODE, "result: \"ips\": %s", why) : 0;
}

/**
 * cni_result_read_ips() - the addresses of a result
 * @cni: the run
 * @result: a result of this plugin, or of one for addresses; NULL is empty
 * @ours: only those of the attachment's device
 * @ips: filled in, @ips->addrs to be freed
 */
int cni_result_read_ips(struct cni *cni, const json_t *result, bool ours,
			struct cni_ips *ips)
{
	json_t *list = json_object_get(result, "ips"), *ip;
	size_t i;
	int err;

	*ips = (struct cni_ips){ 0 };
	if (!list || json_is_null(list))
		return 0;
	if (!json_is_array(list))
		return malformed(cni, "\"ips\": no array");
	ips->addrs = calloc(json_array_size(list) + 1, sizeof(*ips->addrs));
	if (!ips->addrs)
		return cni_fail(cni, CNI_FAILED, "out of memory");
	json_array_foreach(list, i, ip) {
		if (ours && !is_ours(cni, result, ip))
			continue;
		err = read_ip(cni, ip, &ips->addrs[ips->n]);
		if (err)
			return err;
		ips->n++;
	}
	return 0;
}

/* What version 1.1.0 has of a route beside what is reached, and by what. */
static const struct {
	const char *key;
	size_t offset;
} route_numbers[] = {
	{ "mtu", offsetof(struct shunt_route, mtu) },
	{ "advmss", offsetof(struct shunt_route, advmss) },
	{ "priority", offsetof(struct shunt_route, priority) },
	{ "table", offsetof(struct shunt_route, table) },
};

#define N_ROUTE_NUMBERS	(sizeof(route_numbers) / sizeof(*route_numbers))

static bool has_numbers(const struct cni *cni)
{
	return cni->config.version->number >= CNI_1_1_0;
}

static int read_route_number(struct cni *cni, const json_t *json,
			     const char *key, uint32_t *number)
{
	const json_t *value = json_object_get(json, key);

	if (!value || json_is_null(value))
		return 0;
	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
	    json_integer_value(value) > UINT32_MAX)
		return cni_fail(cni, CNI_DECODE,
				"result: \"routes\": \"%s\": no number of 32 bits",
				key);
	*number = json_integer_value(value);
	return 0;
}

static int read_route(struct cni *cni, const json_t *json,
		      struct shunt_route *route)
{
	const char *text = json_string_value(json_object_get(json, "dst"));
	char why[SHUNT_TEXT_LEN];
	size_t i;
	int err = 0;

	if (!text)
		return malformed(cni, "\"routes\": without \"dst\"");
	if (shunt_prefix_parse(text, &route->dst, why))
		return cni_fail(cni, CNI_DECODE, "result: \"routes\": %s",
				why);
	for (i = 0; !err && has_numbers(cni) && i < N_ROUTE_NUMBERS; i++)
		err = read_route_number(cni, json, route_numbers[i].key,
					(uint32_t *)((char *)route +
						     route_numbers[i].offset));
	return err;
}

/**
 * cni_result_read_routes() - what the pod is to reach by the gateway
 * @cni: the run
 * @result: of the plugin for addresses; NULL is empty
 * @routes: array, to be freed, or NULL if the result says nothing
 * @n: how many
 *
 * Gateways that it may name do not exist: there is only the node. So it is with
 * scopes.
 */
int cni_result_read_routes(struct cni *cni, const json_t *result,
			   struct shunt_route **routes, unsigned int *n)
{
	json_t *list = json_object_get(result, "routes"), *route;
	size_t i;
	int err;

	*routes = NULL;
	*n = 0;
	if (!list || json_is_null(list))
		return 0;
	if (!json_is_array(list))
		return malformed(cni, "\"routes\": no array");
	*routes = calloc(json_array_size(list) + 1, sizeof(**routes));
	if (!*routes)
		return cni_fail(cni, CNI_FAILED, "out of memory");
	json_array_foreach(list, i, route) {
		err = read_route(cni, route, &(*routes)[*n]);
		if (err)
			return err;
		(*n)++;
	}
	return 0;
}

static const char *gateway(int family)
{
	return family == AF_INET ? SHUNT_GATEWAY_V4 : SHUNT_GATEWAY_V6;
}

static json_t *build_ips(const struct cni *cni, const struct cni_ips *ips)
{
	bool old = cni->config.version->number < CNI_1_0_0;
	char text[INET6_ADDRSTRLEN];
	json_t *list = json_array(), *ip;
	bool v4;
	size_t i;

	for (i = 0; i < ips->n; i++) {
		v4 = ips->addrs[i].family == AF_INET;
		shunt_addr_format(&ips->addrs[i], text);
		ip = json_pack("{s:o, s:s, s:i}", "address",
			       json_sprintf("%s/%d", text, v4 ? 32 : 128),
			       "gateway", gateway(ips->addrs[i].family),
			       "interface", 0);
		if (old)
			json_object_set_new(ip, "version",
					    json_string(v4 ? "4" : "6"));
		json_array_append_new(list, ip);
	}
	return list;
}

static bool has_family(const struct cni_ips *ips, int family)
{
	size_t i;

	for (i = 0; i < ips->n; i++) {
		if (ips->addrs[i].family == family)
			return true;
	}
	return false;
}

/* ASKED is the route that was asked for, or NULL. */
static void append_route(const struct cni *cni, json_t *list, const char *dst,
			 int family, const json_t *asked)
{
	json_t *route = json_pack("{s:s, s:s}", "dst", dst, "gw",
				  gateway(family));
	json_t *number;
	size_t i;

	for (i = 0; asked && has_numbers(cni) && i < N_ROUTE_NUMBERS; i++) {
		number = json_object_get(asked, route_numbers[i].key);
		if (json_is_integer(number))
			json_object_set(route, route_numbers[i].key, number);
	}
	json_array_append_new(list, route);
}

/* Those that were asked for, by the gateway that there is. */
static json_t *build_routes(const struct cni *cni, const json_t *ipam,
			    const struct cni_ips *ips)
{
	static const int families[] = { AF_INET, AF_INET6 };
	json_t *list = json_array(), *route;
	json_t *asked = json_object_get(ipam, "routes");
	const char *dst;
	int family;
	size_t i;

	json_array_foreach(asked, i, route) {
		dst = json_string_value(json_object_get(route, "dst"));
		family = strchr(dst, ':') ? AF_INET6 : AF_INET;
		if (has_family(ips, family))
			append_route(cni, list, dst, family, route);
	}
	for (i = 0; !json_array_size(asked) && i < 2; i++) {
		if (has_family(ips, families[i]))
			append_route(cni, list, families[i] == AF_INET ?
				     "0.0.0.0/0" : "::/0", families[i], NULL);
	}
	return list;
}

static json_t *build_device(const struct cni *cni, const struct shunt_pod *pod)
{
	const uint8_t *mac = pod->mac;
	json_t *device;

	device = json_pack("{s:s, s:o, s:s}", "name", cni->env.ifname,
			   "mac", json_sprintf("%02x:%02x:%02x:%02x:%02x:%02x",
					       mac[0], mac[1], mac[2], mac[3],
					       mac[4], mac[5]),
			   "sandbox", cni->env.netns);
	if (cni->config.version->number >= CNI_1_1_0)
		json_object_set_new(device, "mtu", json_integer(pod->mtu));
	return device;
}

/**
 * cni_result_build() - the result of an ADD
 * @cni: the run
 * @ipam: what the plugin for addresses said, or NULL
 * @ips: the addresses
 * @pod: the device
 *
 * Return: a reference, or NULL if there is no memory.
 */
json_t *cni_result_build(const struct cni *cni, const json_t *ipam,
			 const struct cni_ips *ips,
			 const struct shunt_pod *pod)
{
	json_t *dns = cni->config.dns;

	if (!json_object_size(dns))
		dns = json_object_get(ipam, "dns");
	return json_pack("{s:s, s:[o], s:o, s:o, s:o}",
			 "cniVersion", cni->config.version->text,
			 "interfaces", build_device(cni, pod),
			 "ips", build_ips(cni, ips),
			 "routes", build_routes(cni, ipam, ips),
			 "dns", dns ? json_incref(dns) : json_object());
}

/* Where the device of the old list stands in the new one, or -1. */
static int move_device(const struct cni *cni, json_t *device, const char *peer,
		       json_t *list)
{
	const char *name;

	if (is_device(cni, device))
		return 0;
	/* Calico says that the node's end is in the pod. */
	name = json_string_value(json_object_get(device, "name"));
	if (name && !strcmp(name, peer))
		return -1;
	json_array_append(list, device);
	return json_array_size(list) - 1;
}

/* Addresses of other devices, which stand elsewhere now. */
static void move_ips(const struct cni *cni, size_t from, int to, json_t *list)
{
	json_t *ip, *copy, *index;
	size_t i;

	json_array_foreach(json_object_get(cni->config.prev, "ips"), i, ip) {
		index = json_object_get(ip, "interface");
		if (!json_is_integer(index) ||
		    (size_t)json_integer_value(index) != from)
			continue;
		copy = json_copy(ip);
		json_object_set_new(copy, "interface", json_integer(to));
		json_array_append_new(list, copy);
	}
}

/**
 * cni_result_replace() - the result of an ADD that has replaced a device
 * @cni: the run; its prevResult is the result of who made that
 * @ips: addresses of the device
 * @pod: the one in its place
 * @peer: the device on the node that has gone with it, or ""
 *
 * What else there is follows behind the pod's device.
 *
 * Return: a reference, or NULL if there is no memory.
 */
json_t *cni_result_replace(const struct cni *cni, const struct cni_ips *ips,
			   const struct shunt_pod *pod, const char *peer)
{
	json_t *result = cni_result_build(cni, cni->config.prev, ips, pod);
	json_t *devices, *device;
	size_t i;
	int to;

	devices = json_object_get(result, "interfaces");
	json_array_foreach(json_object_get(cni->config.prev, "interfaces"), i,
			   device) {
		to = move_device(cni, device, peer, devices);
		if (to > 0)
			move_ips(cni, i, to, json_object_get(result, "ips"));
	}
	return result;
}

/**
 * cni_result_print() - what an ADD prints
 * @cni: the run
 * @result: the result, or NULL if there was no memory for it
 */
int cni_result_print(struct cni *cni, const json_t *result)
{
	if (!result || json_dumpf(result, stdout, JSON_INDENT(4)) ||
	    putchar('\n') == EOF || fflush(stdout))
		return cni_fail(cni, CNI_IO,
				"the result could not be printed");
	return 0;
}
