// SPDX-License-Identifier: GPL-2.0
/*
 * shuntctl OBJECT VERB [ARGS]: the command line of shunt. This file finds the
 * object and the verb, and has the few ways in which a command can end; the
 * work is libshunt's.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shuntctl.h"

struct options options;

static const struct object *const objects[] = {
	&uplink_object,
	&pod_object,
	&path_object,
	&stats_object,
	NULL
};

static const char options_usage[] =
	"options: -j, --json     print JSON\n"
	"         -a, --all      stats: also those that are zero\n"
	"         -h, --help     show this\n"
	"         -V, --version  show the version\n";

static void print_usage(FILE *to, const struct object *one)
{
	const struct object *const *object;

	fputs("usage:\n", to);
	for (object = objects; *object; object++) {
		if (!one || *object == one)
			fputs((*object)->usage, to);
	}
	if (!one)
		fputs(options_usage, to);
}

/* Opened when it is needed, so that wrong usage is told before. */
struct shunt *handle(void)
{
	static struct shunt *sh;

	if (!sh && shunt_open(&sh)) {
		refused(sh);
		exit(EXIT_REFUSED);
	}
	return sh;
}

int refused(const struct shunt *sh)
{
	fprintf(stderr, "shuntctl: %s\n", shunt_error(sh));
	return EXIT_REFUSED;
}

/* A word in the right place that cannot be: the grammar would not help. */
int bad_value(const char *text)
{
	fprintf(stderr, "shuntctl: %s\n", text);
	return EXIT_USAGE;
}

int usage_error(const struct object *object, const char *format, ...)
{
	va_list args;

	fputs("shuntctl: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	print_usage(stderr, object);
	return EXIT_USAGE;
}

/* The kernel did it, and may have remarked on it. */
int done(const struct shunt *sh)
{
	const char *line = shunt_warning(sh);
	int len;

	while (line && *line) {
		len = strcspn(line, "\n");
		fprintf(stderr, "shuntctl: warning: %.*s\n", len, line);
		line += len + (line[len] == '\n');
	}
	return EXIT_DONE;
}

static const struct object *find_object(const char *name)
{
	const struct object *const *object;

	for (object = objects; *object; object++) {
		if (!strcmp((*object)->name, name))
			break;
	}
	return *object;
}

static int help(const struct object *object)
{
	print_usage(stdout, object);
	return EXIT_DONE;
}

static int run(const struct object *object, int argc, char **argv)
{
	const struct verb *verb = object->verbs;

	if (!argc)
		return verb->run(0, argv);
	if (!strcmp(argv[0], "help"))
		return help(object);
	for (; verb->name; verb++) {
		if (!strcmp(verb->name, argv[0]))
			return verb->run(argc - 1, argv + 1);
	}
	return usage_error(object, "%s %s: unknown", object->name, argv[0]);
}

static int read_options(int argc, char **argv, bool *want_help)
{
	static const struct option names[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "all", no_argument, NULL, 'a' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 }
	};
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "jahV", names, NULL)) != -1) {
		switch (option) {
		case 'j':
			options.json = true;
			break;
		case 'a':
			options.all = true;
			break;
		case 'h':
			*want_help = true;
			break;
		case 'V':
			puts("shuntctl " SHUNT_VERSION);
			exit(EXIT_DONE);
		default:
			if (optopt)
				return usage_error(NULL, "-%c: unknown option",
						   optopt);
			return usage_error(NULL, "%s: unknown option",
					   argv[optind - 1]);
		}
	}
	return EXIT_DONE;
}

static int command(int argc, char **argv, bool want_help)
{
	const struct object *object;

	if (!argc || !strcmp(argv[0], "help")) {
		if (want_help || argc)
			return help(NULL);
		return usage_error(NULL, "what is to be done?");
	}
	object = find_object(argv[0]);
	if (!object)
		return usage_error(NULL, "%s: unknown object", argv[0]);
	if (want_help)
		return help(object);
	return run(object, argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	bool want_help = false;
	int status;

	status = read_options(argc, argv, &want_help);
	if (!status)
		status = command(argc - optind, argv + optind, want_help);
	if (fflush(stdout) || ferror(stdout)) {
		perror("shuntctl: output");
		return EXIT_REFUSED;
	}
	return status;
}
