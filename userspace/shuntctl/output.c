// SPDX-License-Identifier: GPL-2.0
/*
 * What shuntctl prints: JSON for programs, aligned columns for people.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shuntctl.h"

static void out_of_memory(void)
{
	fputs("shuntctl: out of memory\n", stderr);
	exit(EXIT_REFUSED);
}

/* Consumes the value, which is NULL if it could not be made. */
int print_json(json_t *json)
{
	if (!json || json_dumpf(json, stdout, JSON_INDENT(2)))
		out_of_memory();
	putchar('\n');
	json_decref(json);
	return EXIT_DONE;
}

void table_add(struct table *table, const char *format, ...)
{
	char **cells;
	va_list args;

	cells = realloc(table->cells, (table->n + 1) * sizeof(*cells));
	if (!cells)
		out_of_memory();
	table->cells = cells;
	va_start(args, format);
	if (vasprintf(&cells[table->n], format, args) < 0)
		out_of_memory();
	va_end(args);
	table->n++;
}

static int width(const struct table *table, unsigned int column)
{
	size_t len, widest = 0;
	unsigned int i;

	for (i = column; i < table->n; i += table->columns) {
		len = strlen(table->cells[i]);
		if (len > widest)
			widest = len;
	}
	return widest;
}

void table_print(struct table *table)
{
	unsigned int i, column;
	int *widths;

	widths = calloc(table->columns, sizeof(*widths));
	if (!widths)
		out_of_memory();
	for (i = 0; i < table->columns; i++)
		widths[i] = width(table, i);
	for (i = 0; i < table->n; i++) {
		column = i % table->columns;
		if (column + 1 < table->columns)
			printf("%-*s  ", widths[column], table->cells[i]);
		else
			puts(table->cells[i]);
		free(table->cells[i]);
	}
	free(widths);
	free(table->cells);
	*table = (struct table){ 0 };
}
