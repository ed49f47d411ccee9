// SPDX-License-Identifier: GPL-2.0
/*
 * shuntctl path: which path packets between pods and a prefix take.
 */
#include <stdlib.h>
#include <string.h>

#include "shuntctl.h"

static const char *action_name(const struct shunt_path *path)
{
	return path->action == SHUNT_PATH_ACTION_STACK ? "stack" : "direct";
}

static int read_action(const char *text, enum shunt_path_action *action)
{
	*action = SHUNT_PATH_ACTION_DIRECT;
	if (!strcmp(text, "direct"))
		return EXIT_DONE;
	*action = SHUNT_PATH_ACTION_STACK;
	if (!strcmp(text, "stack"))
		return EXIT_DONE;
	return usage_error(&path_object, "%s: neither direct nor stack", text);
}

static int read_prefix(const char *text, struct shunt_prefix *prefix)
{
	char why[SHUNT_TEXT_LEN];

	if (shunt_prefix_parse(text, prefix, why))
		return bad_value(why);
	return EXIT_DONE;
}

static int add(int argc, char **argv)
{
	enum shunt_path_action action;
	struct shunt_prefix prefix;
	struct shunt *sh;
	int status;

	if (argc != 2)
		return usage_error(&path_object,
				   "path: a prefix is to be given, and direct or stack");
	status = read_prefix(argv[0], &prefix);
	if (!status)
		status = read_action(argv[1], &action);
	if (status)
		return status;
	sh = handle();
	return shunt_path_add(sh, &prefix, action) ? refused(sh) : done(sh);
}

static int del(int argc, char **argv)
{
	struct shunt_prefix prefix;
	struct shunt *sh;
	int status;

	if (argc != 1)
		return usage_error(&path_object,
				   "path: one prefix is to be given");
	status = read_prefix(argv[0], &prefix);
	if (status)
		return status;
	sh = handle();
	return shunt_path_del(sh, &prefix) ? refused(sh) : done(sh);
}

static void print_as_json(const struct shunt_path *paths, unsigned int n)
{
	json_t *list = json_array();
	char buf[INET6_ADDRSTRLEN];
	unsigned int i;
	json_t *object;
	const char *addr;

	for (i = 0; i < n; i++) {
		addr = shunt_addr_format(&paths[i].prefix.addr, buf);
		object = json_pack("{s:s, s:I, s:s, s:I}", "address", addr,
				   "length", (json_int_t)paths[i].prefix.len,
				   "action", action_name(&paths[i]),
				   "node", (json_int_t)paths[i].node);
		json_array_append_new(list, object);
	}
	print_json(list);
}

static void print_as_text(const struct shunt_path *paths, unsigned int n)
{
	struct table table = { .columns = 2 };
	char buf[SHUNT_PREFIX_LEN];
	unsigned int i;

	if (!n)
		return;
	table_add(&table, "PREFIX");
	table_add(&table, "PATH");
	for (i = 0; i < n; i++) {
		table_add(&table, "%s",
			  shunt_prefix_format(&paths[i].prefix, buf));
		table_add(&table, "%s", action_name(&paths[i]));
	}
	table_print(&table);
}

static void print(const struct shunt_path *paths, unsigned int n)
{
	if (options.json)
		print_as_json(paths, n);
	else
		print_as_text(paths, n);
}

static int show_one(const char *text)
{
	struct shunt_prefix prefix;
	struct shunt_path path;
	struct shunt *sh;
	int status;

	status = read_prefix(text, &prefix);
	if (status)
		return status;
	sh = handle();
	if (shunt_path_get(sh, &prefix, &path))
		return refused(sh);
	print(&path, 1);
	return EXIT_DONE;
}

static int show(int argc, char **argv)
{
	struct shunt_path *paths;
	struct shunt *sh;
	unsigned int n;

	if (argc > 1)
		return usage_error(&path_object, "path: one prefix at most");
	if (argc)
		return show_one(argv[0]);
	sh = handle();
	if (shunt_path_list(sh, &paths, &n))
		return refused(sh);
	print(paths, n);
	free(paths);
	return EXIT_DONE;
}

static const struct verb verbs[] = {
	{ "show", show },
	{ "add", add },
	{ "del", del },
	{ 0 }
};

const struct object path_object = {
	.name = "path",
	.usage =
		"  shuntctl path add PREFIX direct|stack\n"
		"  shuntctl path del PREFIX\n"
		"  shuntctl [-j] path [show [PREFIX]]\n",
	.verbs = verbs,
};
