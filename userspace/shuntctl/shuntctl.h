/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of shuntctl share. Each object of the command line has a file
 * of its own, with a table of verbs; what it prints goes through output.c.
 */
#ifndef _SHUNTCTL_H
#define _SHUNTCTL_H

#include <jansson.h>
#include <libshunt.h>
#include <stdbool.h>
#include <stddef.h>

enum {
	EXIT_DONE = 0,
	EXIT_REFUSED = 1,	/* the kernel, or what is there, says no */
	EXIT_USAGE = 2,		/* the command line makes no sense */
};

/**
 * struct verb - what can be done with an object
 * @name: the word
 * @run: do it; gets the words after the verb, returns an exit status
 */
struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
};

/**
 * struct object - first word of the command line
 * @name: the word
 * @usage: lines, each with a newline
 * @verbs: ends with an empty one; the first is done if no verb is given
 */
struct object {
	const char *name;
	const char *usage;
	const struct verb *verbs;
};

extern const struct object uplink_object;
extern const struct object pod_object;
extern const struct object path_object;
extern const struct object stats_object;

/**
 * struct options - those of the command line
 * @json: print JSON
 * @all: show what is zero as well
 */
struct options {
	bool json;
	bool all;
};

extern struct options options;

/* main.c */
struct shunt *handle(void);
int refused(const struct shunt *sh);
int bad_value(const char *text);
int usage_error(const struct object *object, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int done(const struct shunt *sh);

/* output.c */
int print_json(json_t *json);

/**
 * struct table - text in aligned columns, freed as it is printed
 * @columns: how many
 * @n: number of cells
 * @cells: texts, row by row
 */
struct table {
	unsigned int columns;
	unsigned int n;
	char **cells;
};

void table_add(struct table *table, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void table_print(struct table *table);

#endif /* _SHUNTCTL_H */
