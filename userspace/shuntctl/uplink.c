// SPDX-License-Identifier: GPL-2.0
/*
 * shuntctl uplink: devices through which pod traffic comes and goes.
 */
#include <stdlib.h>

#include "shuntctl.h"

static int change(int (*call)(struct shunt *sh, const char *dev), int argc,
		  char **argv)
{
	struct shunt *sh;

	if (argc != 1)
		return usage_error(&uplink_object,
				   "uplink: one device is to be named");
	sh = handle();
	return call(sh, argv[0]) ? refused(sh) : done(sh);
}

static int add(int argc, char **argv)
{
	return change(shunt_uplink_add, argc, argv);
}

static int del(int argc, char **argv)
{
	return change(shunt_uplink_del, argc, argv);
}

static void print_as_json(const struct shunt_uplink *uplinks, unsigned int n)
{
	json_t *list = json_array();
	unsigned int i;
	json_t *object;

	for (i = 0; i < n; i++) {
		object = json_pack("{s:I, s:s, s:I, s:I}",
				   "ifindex", (json_int_t)uplinks[i].ifindex,
				   "name", uplinks[i].name,
				   "mtu", (json_int_t)uplinks[i].mtu,
				   "node", (json_int_t)uplinks[i].node);
		json_array_append_new(list, object);
	}
	print_json(list);
}

static void print_as_text(const struct shunt_uplink *uplinks, unsigned int n)
{
	struct table table = { .columns = 2 };
	unsigned int i;

	if (!n)
		return;
	table_add(&table, "DEV");
	table_add(&table, "MTU");
	for (i = 0; i < n; i++) {
		table_add(&table, "%s", uplinks[i].name);
		table_add(&table, "%u", uplinks[i].mtu);
	}
	table_print(&table);
}

static void print(const struct shunt_uplink *uplinks, unsigned int n)
{
	if (options.json)
		print_as_json(uplinks, n);
	else
		print_as_text(uplinks, n);
}

static int show(int argc, char **argv)
{
	struct shunt_uplink *uplinks, one;
	struct shunt *sh;
	unsigned int n;

	if (argc > 1)
		return usage_error(&uplink_object,
				   "uplink: one device at most");
	sh = handle();
	if (argc) {
		if (shunt_uplink_get(sh, argv[0], &one))
			return refused(sh);
		print(&one, 1);
		return EXIT_DONE;
	}
	if (shunt_uplink_list(sh, &uplinks, &n))
		return refused(sh);
	print(uplinks, n);
	free(uplinks);
	return EXIT_DONE;
}

static const struct verb verbs[] = {
	{ "show", show },
	{ "add", add },
	{ "del", del },
	{ 0 }
};

const struct object uplink_object = {
	.name = "uplink",
	.usage =
		"  shuntctl uplink add|del DEV\n"
		"  shuntctl [-j] uplink [show [DEV]]\n",
	.verbs = verbs,
};
