// SPDX-License-Identifier: GPL-2.0
/*
 * The plugin for addresses: found in CNI_PATH and run with our environment and
 * our standard input, as the specification says. What it prints is JSON, a
 * result or an error.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cni.h"

extern char **environ;

/* In the first directory that has it. CODE is of the error if none has. */
static int find(struct cni *cni, enum cni_code code, char **program)
{
	const char *dir = cni->env.path, *end;

	*program = NULL;
	for (; dir && *dir; dir = *end ? end + 1 : end) {
		end = strchrnul(dir, ':');
		free(*program);
		if (asprintf(program, "%.*s/%s", (int)(end - dir), dir,
			     cni->config.ipam) < 0) {
			*program = NULL;
			return cni_fail(cni, CNI_FAILED, "out of memory");
		}
		if (!access(*program, X_OK))
			return 0;
	}
	free(*program);
	*program = NULL;
	return cni_fail(cni, code,
			"ipam.type: \"%s\": no such plugin in CNI_PATH (%s)",
			cni->config.ipam, cni->env.path ?: "not set");
}

/* A file, so that neither side ever waits for the other. */
static int open_input(struct cni *cni)
{
	size_t done = 0;
	ssize_t n;
	int fd;

	fd = memfd_create("config", MFD_CLOEXEC);
	while (fd >= 0 && done < cni->input_len) {
		n = write(fd, cni->input + done, cni->input_len - done);
		if (n < 0)
			break;
		done += n;
	}
	if (fd >= 0 && done == cni->input_len && !lseek(fd, 0, SEEK_SET))
		return fd;
	cni_fail(cni, CNI_IO, "configuration for %s: %s", cni->config.ipam,
		 strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static int spawn(struct cni *cni, char *program, int in, int out, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	char *args[2] = { program };
	sigset_t defaults;
	int err;

	/* What main() ignores is not for others. */
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	err = posix_spawnattr_init(&attributes);
	if (err)
		return cni_fail(cni, CNI_FAILED, "out of memory");
	posix_spawnattr_setsigdefault(&attributes, &defaults);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	err = posix_spawn_file_actions_init(&actions);
	if (!err)
		err = posix_spawn_file_actions_adddup2(&actions, in,
						       STDIN_FILENO);
	if (!err)
		err = posix_spawn_file_actions_adddup2(&actions, out,
						       STDOUT_FILENO);
	if (!err)
		err = posix_spawn(pid, program, &actions, &attributes, args,
				  environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return err ? cni_fail(cni, CNI_IO, "%s: %s", program, strerror(err)) :
		     0;
}

/* JSON or not: DEL and CHECK have nothing to say. */
static int read_output(struct cni *cni, int fd, json_t **json)
{
	json_error_t error;
	FILE *file;
	char *text = NULL;
	size_t size = 0;
	ssize_t len;

	*json = NULL;
	file = fdopen(fd, "r");
	if (!file) {
		close(fd);
		return cni_fail(cni, CNI_FAILED, "out of memory");
	}
	len = getdelim(&text, &size, '\0', file);
	if (len > 0)
		*json = json_loadb(text, len, 0, &error);
	fclose(file);
	free(text);
	return 0;
}

/* Its error is ours, with its code. */
static int failed(struct cni *cni, int status, const json_t *said)
{
	json_int_t code = json_integer_value(json_object_get(said, "code"));
	const char *msg = json_string_value(json_object_get(said, "msg"));
	const char *details = json_string_value(json_object_get(said,
								"details"));

	if (msg)
		cni_fail(cni, code > 0 && code < 1000 ? code : CNI_FAILED,
			 "%s: %s", cni->config.ipam, msg);
	else if (WIFSIGNALED(status))
		cni_fail(cni, CNI_FAILED, "%s: ended by signal %d",
			 cni->config.ipam, WTERMSIG(status));
	else
		cni_fail(cni, CNI_FAILED, "%s: exit status %d, without a word",
			 cni->config.ipam, WEXITSTATUS(status));
	cni_error_details(cni, details);
	return cni->code;
}

static int talk(struct cni *cni, char *program, int in, json_t **said)
{
	int out[2], status = 0, err;
	pid_t pid;

	*said = NULL;
	if (pipe2(out, O_CLOEXEC))
		return cni_fail(cni, CNI_IO, "%s: %s", program,
				strerror(errno));
	err = spawn(cni, program, in, out[1], &pid);
	close(out[1]);
	if (err) {
		close(out[0]);
		return err;
	}
	err = read_output(cni, out[0], said);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status && !err ? failed(cni, status, *said) : err;
}

/**
 * cni_ipam_check() - could the plugin for addresses be run?
 * @cni: the run
 * @code: of the error if not
 */
int cni_ipam_check(struct cni *cni, enum cni_code code)
{
	char *program;
	int err;

	if (!cni->config.ipam)
		return 0;
	err = find(cni, code, &program);
	free(program);
	return err;
}

/**
 * cni_ipam_run() - let the plugin for addresses do its part
 * @cni: the run
 * @command: its verb, which may be another one than ours
 * @result: NULL, or for what it printed, which may be NULL; a reference
 *
 * Without such a plugin, there is nothing to do, and no result.
 */
int cni_ipam_run(struct cni *cni, const char *command, json_t **result)
{
	json_t *said = NULL;
	char *program;
	int in, err;

	if (result)
		*result = NULL;
	if (!cni->config.ipam)
		return 0;
	err = find(cni, CNI_CONFIG, &program);
	if (err)
		return err;
	in = open_input(cni);
	err = cni->code;
	if (in >= 0) {
		setenv("CNI_COMMAND", command, 1);
		err = talk(cni, program, in, &said);
		setenv("CNI_COMMAND", cni->env.command, 1);
		close(in);
	}
	free(program);
	if (result)
		*result = said;
	else
		json_decref(said);
	return err;
}

/* Does it know a version of the specification? */
static bool lists(const json_t *said, const char *version)
{
	json_t *list = json_object_get(said, "supportedVersions"), *each;
	size_t i;

	json_array_foreach(list, i, each) {
		if (json_is_string(each) &&
		    !strcmp(json_string_value(each), version))
			return true;
	}
	return false;
}

/**
 * cni_ipam_run_new() - the same for a verb of version 1.1.0
 * @cni: the run
 * @command: GC or STATUS
 *
 * Who does not know the version, plugin or configuration, does not know the
 * verb.
 */
int cni_ipam_run_new(struct cni *cni, const char *command)
{
	json_t *said;
	bool known;
	int err;

	if (cni->config.version->number < CNI_1_1_0)
		return 0;
	err = cni_ipam_run(cni, "VERSION", &said);
	known = !err && lists(said, "1.1.0");
	json_decref(said);
	return known ? cni_ipam_run(cni, command, NULL) : err;
}
