// SPDX-License-Identifier: GPL-2.0
/*
 * shuntctl pod: connecting, disconnecting and listing pods.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shuntctl.h"

/**
 * struct words - what was given behind the network namespace
 * @netns: the network namespace
 * @dev: device in it, or NULL
 * @node: node device, or NULL
 * @mac: hardware address, if @has_mac
 * @has_mac: one was given
 * @mtu: bytes, 0 if none was given
 * @n_addrs: number of addresses
 * @addrs: addresses
 */
struct words {
	const char *netns;
	const char *dev;
	const char *node;
	uint8_t mac[SHUNT_MAC_LEN];
	bool has_mac;
	uint32_t mtu;
	unsigned int n_addrs;
	struct shunt_addr *addrs;
};

static int read_ip(struct words *words, const char *text)
{
	char why[SHUNT_TEXT_LEN];

	if (shunt_addr_parse(text, &words->addrs[words->n_addrs], why))
		return bad_value(why);
	words->n_addrs++;
	return EXIT_DONE;
}

static int given_twice(const char *keyword)
{
	return usage_error(&pod_object, "%s: given twice", keyword);
}

static int read_dev(struct words *words, const char *text)
{
	if (words->dev)
		return given_twice("dev");
	words->dev = text;
	return EXIT_DONE;
}

static int read_node(struct words *words, const char *text)
{
	if (words->node)
		return given_twice("node");
	words->node = text;
	return EXIT_DONE;
}

static int read_mac(struct words *words, const char *text)
{
	char why[SHUNT_TEXT_LEN];

	if (words->has_mac)
		return given_twice("mac");
	if (shunt_mac_parse(text, words->mac, why))
		return bad_value(why);
	words->has_mac = true;
	return EXIT_DONE;
}

static int read_mtu(struct words *words, const char *text)
{
	char why[SHUNT_TEXT_LEN];
	unsigned long mtu;
	char *end;

	if (words->mtu)
		return given_twice("mtu");
	errno = 0;
	mtu = strtoul(text, &end, 10);
	if (errno || *end || text[0] < '0' || text[0] > '9' || !mtu ||
	    mtu > INT32_MAX) {
		snprintf(why, sizeof(why), "mtu %.64s: not a number of bytes",
			 text);
		return bad_value(why);
	}
	words->mtu = mtu;
	return EXIT_DONE;
}

/* Behind which verbs a keyword may stand. */
enum { ADD = 1, ADOPT = 2, DEL = 4 };

static const struct keyword {
	const char *name;
	int (*read)(struct words *words, const char *text);
	unsigned int verbs;
} keywords[] = {
	{ "ip", read_ip, ADD | ADOPT },
	{ "dev", read_dev, ADD | ADOPT | DEL },
	{ "mtu", read_mtu, ADD },
	{ "mac", read_mac, ADD },
	{ "node", read_node, ADD | ADOPT },
	{ 0 }
};

static const struct keyword *find_keyword(const char *name, unsigned int verb)
{
	const struct keyword *keyword;

	for (keyword = keywords; keyword->name; keyword++) {
		if (!strcmp(keyword->name, name) && keyword->verbs & verb)
			return keyword;
	}
	return NULL;
}

static int read_words(int argc, char **argv, struct words *words,
		      unsigned int verb)
{
	const struct keyword *keyword;
	int i, err;

	if (!argc)
		return usage_error(&pod_object,
				   "pod: its network namespace is missing");
	words->netns = argv[0];
	for (i = 1; i < argc; i += 2) {
		keyword = find_keyword(argv[i], verb);
		if (!keyword)
			return usage_error(&pod_object, "%s: unknown", argv[i]);
		if (i + 1 == argc)
			return usage_error(&pod_object,
					   "%s: its value is missing", argv[i]);
		err = keyword->read(words, argv[i + 1]);
		if (err)
			return err;
	}
	return EXIT_DONE;
}

static int add_words(const struct words *words, unsigned int verb)
{
	struct shunt_pod_request request = {
		.dev = words->dev ? words->dev : "eth0",
		.node = words->node,
		.mac = words->has_mac ? words->mac : NULL,
		.mtu = words->mtu,
		.n_addrs = words->n_addrs,
		.addrs = words->addrs,
	};
	struct shunt *sh;
	int err;

	if (!words->n_addrs)
		return usage_error(&pod_object,
				   "pod %s: an address is missing (ip ADDR)",
				   verb == ADD ? "add" : "adopt");
	sh = handle();
	if (shunt_netns_open(sh, words->netns, &request.netns))
		return refused(sh);
	err = verb == ADD ? shunt_pod_add(sh, &request, NULL) :
			    shunt_pod_adopt(sh, &request);
	shunt_netns_close(&request.netns);
	return err ? refused(sh) : done(sh);
}

static int connect_pod(int argc, char **argv, unsigned int verb)
{
	struct words words = { 0 };
	int status;

	/* Room for the most that there can be. */
	words.addrs = calloc(argc / 2 + 1, sizeof(*words.addrs));
	if (!words.addrs)
		return bad_value("out of memory");
	status = read_words(argc, argv, &words, verb);
	if (!status)
		status = add_words(&words, verb);
	free(words.addrs);
	return status;
}

static int add(int argc, char **argv)
{
	return connect_pod(argc, argv, ADD);
}

static int adopt(int argc, char **argv)
{
	return connect_pod(argc, argv, ADOPT);
}

static int del(int argc, char **argv)
{
	struct words words = { 0 };
	struct shunt_netns netns;
	struct shunt *sh;
	int err;

	err = read_words(argc, argv, &words, DEL);
	if (err)
		return err;
	sh = handle();
	if (shunt_netns_open(sh, words.netns, &netns))
		return refused(sh);
	err = shunt_pod_del(sh, &netns, words.dev);
	shunt_netns_close(&netns);
	return err ? refused(sh) : done(sh);
}

static const char *format_mac(const uint8_t *mac)
{
	static char buf[3 * SHUNT_MAC_LEN];

	snprintf(buf, sizeof(buf), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0],
		 mac[1], mac[2], mac[3], mac[4], mac[5]);
	return buf;
}

static json_t *pod_json(const struct shunt_pod *pod)
{
	char buf[INET6_ADDRSTRLEN];
	json_t *addrs, *object;
	const char *text;
	unsigned int i;

	addrs = json_array();
	for (i = 0; i < pod->n_addrs; i++) {
		text = shunt_addr_format(&pod->addrs[i], buf);
		json_array_append_new(addrs, json_string(text));
	}
	object = json_pack("{s:I, s:s, s:I, s:I, s:o, s:s, s:I}",
			   "ifindex", (json_int_t)pod->ifindex,
			   "name", pod->name,
			   "netnsid", (json_int_t)pod->netnsid,
			   "node", (json_int_t)pod->node,
			   "address", addrs,
			   "mac", format_mac(pod->mac),
			   "mtu", (json_int_t)pod->mtu);
	if (pod->veth)
		json_object_set_new(object, "veth", json_integer(pod->veth));
	if (pod->netns)
		json_object_set_new(object, "netns", json_string(pod->netns));
	return object;
}

static void print_as_json(const struct shunt_pod *pods, unsigned int n)
{
	json_t *list = json_array();
	unsigned int i;

	for (i = 0; i < n; i++)
		json_array_append_new(list, pod_json(&pods[i]));
	print_json(list);
}

static void add_addrs(struct table *table, const struct shunt_pod *pod)
{
	char buf[INET6_ADDRSTRLEN];
	char *text = NULL;
	size_t len = 0;
	unsigned int i;
	FILE *stream;

	stream = open_memstream(&text, &len);
	for (i = 0; stream && i < pod->n_addrs; i++)
		fprintf(stream, "%s%s", i ? "," : "",
			shunt_addr_format(&pod->addrs[i], buf));
	if (stream)
		fclose(stream);
	table_add(table, "%s", text && *text ? text : "-");
	free(text);
}

static void print_as_text(const struct shunt_pod *pods, unsigned int n)
{
	static const char *const head[] = {
		"NETNS", "DEV", "ADDRESS", "MAC", "MTU"
	};
	struct table table = { .columns = 5 };
	unsigned int i;

	if (!n)
		return;
	for (i = 0; i < table.columns; i++)
		table_add(&table, "%s", head[i]);
	for (i = 0; i < n; i++) {
		if (pods[i].netns)
			table_add(&table, "%s", pods[i].netns);
		else
			table_add(&table, "netnsid %d", pods[i].netnsid);
		table_add(&table, "%s", pods[i].name);
		add_addrs(&table, &pods[i]);
		table_add(&table, "%s", format_mac(pods[i].mac));
		table_add(&table, "%u", pods[i].mtu);
	}
	table_print(&table);
}

static int show_in(struct shunt *sh, const struct shunt_netns *netns)
{
	struct shunt_pod *pods;
	unsigned int n;

	if (shunt_pod_list(sh, netns, &pods, &n))
		return refused(sh);
	if (options.json)
		print_as_json(pods, n);
	else
		print_as_text(pods, n);
	shunt_pod_free(pods, n);
	return EXIT_DONE;
}

static int show(int argc, char **argv)
{
	struct shunt_netns netns;
	struct shunt *sh;
	int status;

	if (argc > 1)
		return usage_error(&pod_object,
				   "pod: one network namespace at most");
	sh = handle();
	if (!argc)
		return show_in(sh, NULL);
	if (shunt_netns_open(sh, argv[0], &netns))
		return refused(sh);
	status = show_in(sh, &netns);
	shunt_netns_close(&netns);
	return status;
}

static const struct verb verbs[] = {
	{ "show", show },
	{ "add", add },
	{ "adopt", adopt },
	{ "del", del },
	{ 0 }
};

const struct object pod_object = {
	.name = "pod",
	.usage =
		"  shuntctl pod add NETNS ip ADDR [ip ADDR6] [dev NAME] [mtu N] [mac MAC] [node NAME]\n"
		"  shuntctl pod adopt NETNS ip ADDR [ip ADDR6] [dev NAME] [node NAME]\n"
		"  shuntctl pod del NETNS [dev NAME]\n"
		"  shuntctl [-j] pod [show [NETNS]]\n",
	.verbs = verbs,
};
