// SPDX-License-Identifier: GPL-2.0
/*
 * How long transactions take: of one byte and one byte back, as netperf's of
 * the same names, but each of them counted in a histogram, which netperf leaves
 * in steps of a microsecond and cannot add up.
 *
 *   latency serve PORT
 *   latency ask TEST ADDRESS PORT PROCESSES COUNT WARM
 *
 * "serve" answers at PORT and, connections of a single transaction, at PORT + 1
 * until it is killed. TEST is TCP_RR, TCP_CRR or UDP_RR: each of PROCESSES does
 * WARM of them uncounted, waits until all others have, and does COUNT. Printed
 * is an object of JSON with min, mean, stddev, max and the histogram of all
 * processes as schema.json describes it, in nanoseconds.
 *
 * The histogram is linear within each power of two, as in HdrHistogram
 * (http://hdrhistogram.org): no bucket is wider than 1/128 of what it counts,
 * bounds are always the same, so that counts of any runs can be added.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LINEAR_BITS 7
#define LINEAR 128U /* 2 to the power of that */
#define BUCKETS ((64 - LINEAR_BITS) * LINEAR)
#define PATIENCE_SECONDS 10
#define MOST 1000000000 /* transactions */

/* In memory that parent and children share; times are in nanoseconds. */
struct histogram {
	uint64_t count[BUCKETS];
	uint64_t min, max, total;
	double sum, squares;
};

struct test {
	const char *name;
	int type;
	bool connects; /* each transaction anew */
};

static const struct test tests[] = {
	{ "TCP_RR", SOCK_STREAM, false },
	{ "TCP_CRR", SOCK_STREAM, true },
	{ "UDP_RR", SOCK_DGRAM, false },
};

/* What one of the processes asks, and whom. */
struct client {
	const struct test *test;
	struct sockaddr_storage to;
	socklen_t to_len;
	int fd;
};

__attribute__((format(printf, 1, 2), noreturn))
static void die(const char *format, ...)
{
	va_list args;

	fputs("latency: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

/* The result, unless it is an error's. */
static int checked(int result, const char *what)
{
	if (result < 0)
		die("%s: %s", what, strerror(errno));
	return result;
}

/* Histogram */

/* Small values are buckets of their own. */
static unsigned int bucket_of(uint64_t value)
{
	unsigned int shift;

	if (value < 2 * LINEAR)
		return value;
	shift = 63 - __builtin_clzll(value) - LINEAR_BITS;
	return shift * LINEAR + (value >> shift);
}

/* The largest value in it. */
static uint64_t bound_of(unsigned int bucket)
{
	unsigned int shift;

	if (bucket < 2 * LINEAR)
		return bucket;
	shift = bucket / LINEAR - 1;
	return ((uint64_t)(bucket % LINEAR + LINEAR + 1) << shift) - 1;
}

static void histogram_add(struct histogram *h, uint64_t value)
{
	h->count[bucket_of(value)]++;
	if (!h->total++ || value < h->min)
		h->min = value;
	if (value > h->max)
		h->max = value;
	h->sum += value;
	h->squares += (double)value * value;
}

static void histogram_merge(struct histogram *to, const struct histogram *from)
{
	unsigned int i;

	if (!from->total)
		return;
	for (i = 0; i < BUCKETS; i++)
		to->count[i] += from->count[i];
	if (!to->total || from->min < to->min)
		to->min = from->min;
	if (from->max > to->max)
		to->max = from->max;
	to->total += from->total;
	to->sum += from->sum;
	to->squares += from->squares;
}

static void histogram_print(const struct histogram *h)
{
	double mean = h->sum / h->total;
	double variance = h->squares / h->total - mean * mean;
	const char *comma = "";
	unsigned int i;

	printf("{\"min\": %" PRIu64 ", \"mean\": %.1f, \"stddev\": %.1f, ",
	       h->min, mean, variance > 0 ? sqrt(variance) : 0);
	printf("\"max\": %" PRIu64 ", \"histogram\": [", h->max);
	for (i = 0; i < BUCKETS; i++) {
		if (!h->count[i])
			continue;
		printf("%s[%" PRIu64 ", %" PRIu64 "]", comma, bound_of(i),
		       h->count[i]);
		comma = ", ";
	}
	puts("]}");
}

/* Both ends */

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static void send_at_once(int fd)
{
	int on = 1;

	checked(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)),
		"TCP_NODELAY");
}

static unsigned long parse(const char *word, unsigned long max)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(word, &end, 10);
	if (errno || *end || end == word || *word == '-' || value > max)
		die("\"%s\" is no number up to %lu", word, max);
	return value;
}

/* The server */

static int listen_at(int type, unsigned int port)
{
	struct sockaddr_in6 any = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(port),
	};
	int fd = checked(socket(AF_INET6, type, 0), "socket");
	int on = 1, off = 0;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	checked(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)),
		"IPV6_V6ONLY");
	checked(bind(fd, (struct sockaddr *)&any, sizeof(any)), "bind");
	if (type == SOCK_STREAM)
		checked(listen(fd, SOMAXCONN), "listen");
	return fd;
}

/* Until the other end has closed it. */
static void answer_connection(int fd)
{
	char byte;

	send_at_once(fd);
	while (recv(fd, &byte, 1, 0) == 1 &&
	       send(fd, &byte, 1, MSG_NOSIGNAL) == 1)
		;
	close(fd);
}

static void serve_datagrams(int fd)
{
	struct sockaddr_storage from;
	socklen_t len;
	char byte;

	for (;;) {
		len = sizeof(from);
		if (recvfrom(fd, &byte, 1, 0, (struct sockaddr *)&from,
			     &len) == 1)
			sendto(fd, &byte, 1, 0, (struct sockaddr *)&from, len);
	}
}

/* One after the other: to fork would cost more than what is measured. */
static void serve_single(int fd)
{
	for (;;)
		answer_connection(checked(accept(fd, NULL, NULL), "accept"));
}

static void serve_connections(int fd)
{
	int connection;

	for (;;) {
		connection = checked(accept(fd, NULL, NULL), "accept");
		if (!checked(fork(), "fork")) {
			answer_connection(connection);
			exit(0);
		}
		close(connection);
	}
}

static int serve(unsigned int port)
{
	int datagrams = listen_at(SOCK_DGRAM, port);
	int single = listen_at(SOCK_STREAM, port + 1);
	int connections = listen_at(SOCK_STREAM, port);

	signal(SIGCHLD, SIG_IGN);
	if (!checked(fork(), "fork")) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		serve_datagrams(datagrams);
	}
	if (!checked(fork(), "fork")) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		serve_single(single);
	}
	serve_connections(connections);
	return 0;
}

/* The client */

static void client_connect(struct client *c)
{
	const struct timeval patience = { .tv_sec = PATIENCE_SECONDS };

	c->fd = checked(socket(c->to.ss_family, c->test->type, 0), "socket");
	checked(setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
			   sizeof(patience)), "SO_RCVTIMEO");
	checked(connect(c->fd, (struct sockaddr *)&c->to, c->to_len),
		"connect");
	if (c->test->type == SOCK_STREAM)
		send_at_once(c->fd);
}

static void exchange(struct client *c)
{
	char byte = 1;

	checked(send(c->fd, &byte, 1, 0), "send");
	if (checked(recv(c->fd, &byte, 1, 0), "no answer") != 1)
		die("the server has closed the connection");
}

static uint64_t transaction(struct client *c)
{
	uint64_t begin = now_ns();

	if (c->test->connects)
		client_connect(c);
	exchange(c);
	if (c->test->connects)
		close(c->fd);
	return now_ns() - begin;
}

/* Tells when it is warm, and begins when nobody can write to START. */
static void ask(struct client *c, struct histogram *h, unsigned long count,
		unsigned long warm, int ready, int start)
{
	char byte = 0;

	if (!c->test->connects)
		client_connect(c);
	while (warm--)
		transaction(c);
	checked(write(ready, &byte, 1), "write");
	checked(read(start, &byte, 1), "read");
	while (count--)
		histogram_add(h, transaction(c));
}

/* Nobody would wait for those of whom one has died. */
static void await_ready(int ready, unsigned long processes)
{
	char byte;

	while (processes--)
		if (checked(read(ready, &byte, 1), "read") != 1)
			die("a process has ended too early");
}

static int ask_all(struct client *c, unsigned long processes,
		   unsigned long count, unsigned long warm)
{
	struct histogram *h;
	int ready[2], start[2], status;
	unsigned long i;

	if (!processes || !count)
		die("nothing to ask for");
	h = mmap(NULL, (processes + 1) * sizeof(*h), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (h == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	checked(pipe(ready), "pipe");
	checked(pipe(start), "pipe");
	for (i = 1; i <= processes; i++) {
		if (checked(fork(), "fork"))
			continue;
		close(ready[0]);
		close(start[1]);
		ask(c, &h[i], count, warm, ready[1], start[0]);
		exit(0);
	}
	close(ready[1]);
	await_ready(ready[0], processes);
	close(start[1]);
	for (i = 1; i <= processes; i++) {
		checked(wait(&status), "wait");
		if (status)
			return 1;
	}
	for (i = 1; i <= processes; i++)
		histogram_merge(h, &h[i]);
	histogram_print(h);
	return 0;
}

static void client_init(struct client *c, const char *test,
			const char *address, unsigned long port)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST };
	struct addrinfo *found;
	char service[8];
	size_t i;
	int err;

	for (i = 0; i < sizeof(tests) / sizeof(*tests); i++)
		if (!strcmp(tests[i].name, test))
			c->test = &tests[i];
	if (!c->test)
		die("no test \"%s\"; there are TCP_RR, TCP_CRR and UDP_RR",
		    test);
	snprintf(service, sizeof(service), "%lu", port + c->test->connects);
	err = getaddrinfo(address, service, &hints, &found);
	if (err)
		die("%s: %s", address, gai_strerror(err));
	memcpy(&c->to, found->ai_addr, found->ai_addrlen);
	c->to_len = found->ai_addrlen;
	freeaddrinfo(found);
}

int main(int argc, char **argv)
{
	struct client c = { .fd = -1 };

	if (argc == 3 && !strcmp(argv[1], "serve"))
		return serve(parse(argv[2], 65534));
	if (argc != 8 || strcmp(argv[1], "ask"))
		die("serve PORT | ask TEST ADDRESS PORT PROCESSES COUNT WARM");
	client_init(&c, argv[2], argv[3], parse(argv[4], 65534));
	return ask_all(&c, parse(argv[5], 4096), parse(argv[6], MOST),
		       parse(argv[7], MOST));
}
