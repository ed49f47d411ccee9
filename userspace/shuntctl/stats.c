// SPDX-License-Identifier: GPL-2.0
/*
 * shuntctl stats: the counters of the node.
 */
#include <inttypes.h>

#include "shuntctl.h"

static int print_as_json(const struct shunt_stats *stats)
{
	json_t *object = json_object();
	unsigned int i;
	json_t *value;

	json_object_set_new(object, "node", json_integer(stats->node));
	for (i = 0; i < shunt_n_counters; i++) {
		value = json_integer(stats->value[shunt_counters[i].attr]);
		json_object_set_new(object, shunt_counters[i].name, value);
	}
	return print_json(object);
}

static int print_as_text(const struct shunt_stats *stats)
{
	struct table table = { .columns = 2 };
	unsigned int i;
	uint64_t value;

	for (i = 0; i < shunt_n_counters; i++) {
		value = stats->value[shunt_counters[i].attr];
		if (!value && !options.all)
			continue;
		table_add(&table, "%s", shunt_counters[i].name);
		table_add(&table, "%" PRIu64, value);
	}
	table_print(&table);
	return EXIT_DONE;
}

static int show(int argc, char **argv)
{
	struct shunt_stats stats;
	struct shunt *sh;

	if (argc)
		return usage_error(&stats_object, "stats %s: unknown",
				   argv[0]);
	sh = handle();
	if (shunt_stats_get(sh, &stats))
		return refused(sh);
	return options.json ? print_as_json(&stats) : print_as_text(&stats);
}

static const struct verb verbs[] = {
	{ "show", show },
	{ 0 }
};

const struct object stats_object = {
	.name = "stats",
	.usage = "  shuntctl [-j] [-a] stats [show]\n",
	.verbs = verbs,
};
