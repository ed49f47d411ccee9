// SPDX-License-Identifier: GPL-2.0
/*
 * All that the CNI plugin reads of others, from one JSON text: the network
 * configuration and, as "prevResult", what the plugin for addresses or the one
 * before has printed. Whatever it says, what the plugin prints is JSON.
 *
 * With libFuzzer ("make fuzz" in userspace/) it makes up texts; without, its
 * main() takes the files that it is given.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cni.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is written to standard output meanwhile. */
struct capture {
	FILE *real;
	char *text;
	size_t len;
};

static void capture_begin(struct capture *capture)
{
	capture->real = stdout;
	stdout = open_memstream(&capture->text, &capture->len);
	if (!stdout)
		abort();
}

static void capture_end(struct capture *capture)
{
	fclose(stdout);
	stdout = capture->real;
}

static void must_be_json(const char *text, size_t len)
{
	json_t *json = json_loadb(text, len, 0, NULL);

	if (!json_is_object(json))
		abort();
	json_decref(json);
}

/* An error tells its code and what was wrong. */
static void print_error(const struct cni *cni)
{
	struct capture capture = { 0 };

	if (!cni->code || !cni->msg || !*cni->msg)
		abort();
	capture_begin(&capture);
	cni_error_print(cni);
	capture_end(&capture);
	must_be_json(capture.text, capture.len);
	free(capture.text);
}

static void print_result(json_t *result)
{
	char *text = json_dumps(result, 0);

	if (!text)
		abort();
	must_be_json(text, strlen(text));
	free(text);
	json_decref(result);
}

/* Of a device of our own, and of one in the place of another plugin's. */
static void print_results(const struct cni *cni, const json_t *from,
			  const struct cni_ips *ips)
{
	const struct shunt_pod pod = { .mtu = 1500 };

	print_result(cni_result_build(cni, from, ips, &pod));
	print_result(cni_result_replace(cni, ips, &pod, "veth0"));
}

static int read_result(struct cni *cni, const json_t *from, bool ours)
{
	struct shunt_route *routes = NULL;
	struct cni_ips ips = { 0 };
	unsigned int n;
	int err;

	cni_result_find_mac(cni, from);
	err = cni_result_read_ips(cni, from, ours, &ips);
	if (!err)
		err = cni_result_read_routes(cni, from, &routes, &n);
	if (!err)
		print_results(cni, from, &ips);
	free(routes);
	free(ips.addrs);
	return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cni cni = {
		.env = {
			.command = "ADD",
			.container = "one",
			.netns = "/run/netns/blue",
			.ifname = "eth0",
		},
		.input_len = size,
	};
	int err;

	/* With an end of its own, so that reading past it is noticed. */
	cni.input = malloc(size ?: 1);
	if (!cni.input)
		abort();
	memcpy(cni.input, data, size);
	err = cni_config_read(&cni);
	if (!err)
		err = read_result(&cni, cni.config.prev, false);
	if (!err)
		err = read_result(&cni, cni.config.prev, true);
	if (err)
		print_error(&cni);
	cni_error_clear(&cni);
	cni_config_free(&cni.config);
	json_decref(cni.json);
	free(cni.input);
	return 0;
}

#ifndef LIBFUZZER
static int replay(const char *path)
{
	FILE *file = fopen(path, "r");
	struct stat info;
	uint8_t *text;
	size_t len;

	if (!file || fstat(fileno(file), &info)) {
		perror(path);
		return -1;
	}
	text = malloc(info.st_size + 1);
	if (!text)
		abort();
	len = fread(text, 1, info.st_size, file);
	fclose(file);
	LLVMFuzzerTestOneInput(text, len);
	free(text);
	return 0;
}

int main(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++) {
		if (replay(argv[i]))
			return EXIT_FAILURE;
	}
	printf("cni_fuzz: %d texts\n", argc - 1);
	return argc > 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}
#endif
