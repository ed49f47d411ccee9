// SPDX-License-Identifier: GPL-2.0
/*
 * Host routing by eBPF for the node in whose network namespace it runs.
 *
 *   host_routing node DIRECTORY PROGRAMS veth|netkit UPLINK
 *   host_routing pod DIRECTORY veth|netkit DEVICE MAC ADDRESS...
 *   host_routing endpoint DIRECTORY DEVICE IDENTITY
 *   host_routing identity DIRECTORY IDENTITY PREFIX...
 *   host_routing runs DIRECTORY
 *
 * "node" loads the file PROGRAMS for that kind of pods, keeps programs and maps
 * in DIRECTORY of a BPF file system and attaches to UPLINK. "pod" adds a pod
 * with the node's end DEVICE of its pair of devices and the MAC address at its
 * own end. Programs that track connections also have to know the identity of
 * each pod of the node, which gets a policy of its own that allows everything,
 * and those of the addresses in the cluster. "runs" prints how often the
 * programs ran while the kernel counted that.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "host_routing.h"
#include "tracking.h"

/* Headers before Linux 6.6 and 6.7 do not know them. */
#define TCX_INGRESS ((enum bpf_attach_type)46)
#define NETKIT_PEER ((enum bpf_attach_type)55)

static void die(const char *what, int err)
{
	fprintf(stderr, "host_routing: %s: %s\n", what, strerror(abs(err)));
	exit(1);
}

static unsigned int index_of(const char *dev)
{
	unsigned int index = if_nametoindex(dev);

	if (!index)
		die(dev, errno);
	return index;
}

static int is_netkit(const char *kind)
{
	if (strcmp(kind, "netkit") && strcmp(kind, "veth"))
		die(kind, EINVAL);
	return !strcmp(kind, "netkit");
}

static int open_pinned(const char *directory, const char *name)
{
	char *path;
	int fd;

	if (asprintf(&path, "%s%s", directory, name) < 0)
		die(name, ENOMEM);
	fd = bpf_obj_get(path);
	if (fd < 0)
		die(path, errno);
	free(path);
	return fd;
}

static void update(int map, const void *key, const void *value)
{
	if (bpf_map_update_elem(map, key, value, BPF_ANY))
		die("map", errno);
}

/* The shortest way that the kernel has: tcx, or else a classifier of tc. */
static void attach(int prog, unsigned int index)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = index,
		    .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = prog);
	int err;

	if (!bpf_prog_attach(prog, index, TCX_INGRESS, 0))
		return;
	err = bpf_tc_hook_create(&hook);
	if (!err || err == -EEXIST)
		err = bpf_tc_attach(&hook, &opts);
	if (err)
		die("attach", err);
}

/* Where the pod's end sends, by way of the node's. */
static void attach_netkit(int prog, unsigned int index)
{
	if (bpf_prog_attach(prog, index, NETKIT_PEER, 0))
		die("attach to netkit", errno);
}

static void set_node(struct bpf_object *object, const struct node *node)
{
	struct bpf_map *map;
	int err = -ENOENT;

	map = bpf_object__find_map_by_name(object, ".rodata.node");
	if (map)
		err = bpf_map__set_initial_value(map, node, sizeof(*node));
	if (err)
		die("constants", err);
}

static void add_node(const char *directory, const char *file, const char *kind,
		     const char *dev)
{
	struct node node = {
		.uplink = index_of(dev),
		.netkit = is_netkit(kind),
	};
	struct bpf_object *object = bpf_object__open_file(file, NULL);
	int err;

	if (!object)
		die(file, errno);
	set_node(object, &node);
	err = bpf_object__load(object);
	if (!err)
		err = bpf_object__pin(object, directory);
	if (err)
		die(directory, err);
	attach(open_pinned(directory, "/from_uplink"), node.uplink);
}

static struct pod_addr parse_addr(const char *text)
{
	struct pod_addr addr = { .addr = { 0, 0, htonl(0xffff) } };

	if (inet_pton(AF_INET, text, &addr.addr[3]) != 1 &&
	    inet_pton(AF_INET6, text, addr.addr) != 1)
		die(text, EINVAL);
	return addr;
}

static void add_pod(const char *directory, const char *kind, const char *dev,
		    const char *mac, char **addrs)
{
	struct pod_dev value = { .index = index_of(dev) };
	const struct ether_addr *parsed = ether_aton(mac);
	int map = open_pinned(directory, "/pods");
	int prog = open_pinned(directory, "/from_pod");

	if (!parsed)
		die(mac, EINVAL);
	memcpy(value.mac, parsed, sizeof(*parsed));
	memcpy(value.mac + sizeof(*parsed), parsed, sizeof(*parsed));
	for (; *addrs; addrs++) {
		struct pod_addr key = parse_addr(*addrs);

		update(map, &key, &value);
	}
	(is_netkit(kind) ? attach_netkit : attach)(prog, value.index);
}

/* Whoever began it, with whomever, by all protocols and ports. */
static int allow_all(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);
	struct rule_key key = { .prefix = IDENTITY_BITS };
	struct rule rule = {};
	int map = bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "rules", sizeof(key),
				 sizeof(rule), MAX_RULES, &opts);

	if (map < 0)
		die("rules", errno);
	for (; key.egress < 2; key.egress++)
		update(map, &key, &rule);
	return map;
}

static void add_endpoint(const char *directory, const char *dev,
			 const char *identity)
{
	__u32 index = index_of(dev), number = strtoul(identity, NULL, 10);
	int rules = allow_all();

	update(open_pinned(directory, "/identities"), &index, &number);
	update(open_pinned(directory, "/policies"), &index, &rules);
}

static struct address_key parse_prefix(char *text)
{
	struct address_key key = { .family = FAMILY_6 };
	char *slash = strchr(text, '/');

	if (!slash)
		die(text, EINVAL);
	*slash = 0;
	key.prefix = ADDRESS_BITS + strtoul(slash + 1, NULL, 10);
	if (inet_pton(AF_INET6, text, key.addr) == 1)
		return key;
	key.family = FAMILY_4;
	if (inet_pton(AF_INET, text, key.addr) != 1)
		die(text, EINVAL);
	return key;
}

static void add_identity(const char *directory, const char *identity,
			 char **prefixes)
{
	struct address_info info = { .identity = strtoul(identity, NULL, 10) };
	int map = open_pinned(directory, "/addresses");

	for (; *prefixes; prefixes++) {
		struct address_key key = parse_prefix(*prefixes);

		update(map, &key, &info);
	}
}

static unsigned long long runs_of(const char *directory, const char *name)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);
	int fd = open_pinned(directory, name);

	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		die(name, errno);
	close(fd);
	return info.run_cnt;
}

static void explain(void)
{
	fputs("usage: host_routing node DIRECTORY PROGRAMS veth|netkit UPLINK\n"
	      "       host_routing pod DIRECTORY veth|netkit DEVICE MAC ADDRESS...\n"
	      "       host_routing endpoint DIRECTORY DEVICE IDENTITY\n"
	      "       host_routing identity DIRECTORY IDENTITY PREFIX...\n"
	      "       host_routing runs DIRECTORY\n", stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	const char *verb = argc > 2 ? argv[1] : "";
	char **arg = argv + 2;

	if (!strcmp(verb, "node") && argc == 6)
		add_node(arg[0], arg[1], arg[2], arg[3]);
	else if (!strcmp(verb, "pod") && argc > 6)
		add_pod(arg[0], arg[1], arg[2], arg[3], arg + 4);
	else if (!strcmp(verb, "endpoint") && argc == 5)
		add_endpoint(arg[0], arg[1], arg[2]);
	else if (!strcmp(verb, "identity") && argc > 4)
		add_identity(arg[0], arg[1], arg + 2);
	else if (!strcmp(verb, "runs") && argc == 3)
		printf("%llu\n", runs_of(arg[0], "/from_uplink") +
				 runs_of(arg[0], "/from_pod"));
	else
		explain();
	return 0;
}
