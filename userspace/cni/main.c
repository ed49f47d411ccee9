// SPDX-License-Identifier: GPL-2.0
/*
 * The CNI plugin: reads the environment and standard input, finds the verb, and
 * tells errors. The work is in the verbs' files and in libshunt.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cni.h"

static const struct verb {
	const char *name;
	int (*run)(struct cni *cni);
} verbs[] = {
	{ "ADD", cni_add },
	{ "CHECK", cni_check },
	{ "DEL", cni_del },
	{ "GC", cni_gc },
	{ "STATUS", cni_status },
	{ NULL, NULL },
};

static int read_input(struct cni *cni)
{
	size_t size = 0;
	ssize_t len;

	/* JSON has no zero bytes, so this is all of it. */
	len = getdelim(&cni->input, &size, '\0', stdin);
	if (len < 0 && ferror(stdin))
		return cni_fail(cni, CNI_IO, "standard input: %s",
				strerror(errno));
	cni->input_len = len < 0 ? 0 : len;
	return 0;
}

static int run_verb(struct cni *cni)
{
	const struct verb *verb = verbs;

	while (strcmp(verb->name, cni->env.command))
		verb++;
	return verb->run(cni);
}

static int run(struct cni *cni)
{
	int err;

	err = cni_env_read(cni);
	if (!err)
		err = read_input(cni);
	if (err)
		return err;
	if (!strcmp(cni->env.command, "VERSION"))
		return cni_version_print(cni) ?
		       cni_fail(cni, CNI_IO, "printing it failed") : 0;
	err = cni_config_read(cni);
	if (!err)
		err = cni_node_open(cni);
	return err ?: run_verb(cni);
}

int main(void)
{
	struct cni cni = { 0 };
	int err;

	/* A reader that has gone is an error to be handled, and children are
	 * waited for, whatever the runtime has made of these.
	 */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	err = run(&cni);
	if (err) {
		cni_error_print(&cni);
		fprintf(stderr, "shunt: %s\n", cni.msg ?: "out of memory");
	}
	cni_error_clear(&cni);
	cni_config_free(&cni.config);
	json_decref(cni.json);
	free(cni.input);
	shunt_close(cni.sh);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
