// SPDX-License-Identifier: GPL-2.0
/*
 * What "ip link" knows of devices of type shunt: it loads this as link_shunt.so
 * from its directory of plugins when it meets the type.
 *
 *   ip link add NAME type shunt
 *   ip link add NAME netns POD type shunt node DEV ip ADDRESS [ip ADDRESS]...
 *
 * It makes the device alone; shuntctl does the rest of it: routes, addresses in
 * the pod, link up.
 */
#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/shunt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/*
 * iproute2 installs no headers. These are declarations of its ip/ip_common.h,
 * include/json_print.h, include/libnetlink.h and include/utils.h, as they have
 * been since 4.18.
 */
struct link_util {
	struct link_util *next;
	const char *id;
	int maxattr;
	int (*parse_opt)(struct link_util *lu, int argc, char **argv,
			 struct nlmsghdr *nlh);
	void (*print_opt)(struct link_util *lu, FILE *f, struct rtattr *tb[]);
	void (*print_xstats)(struct link_util *lu, FILE *f, struct rtattr *tb);
	void (*print_help)(struct link_util *lu, int argc, char **argv,
			   FILE *f);
	int (*parse_ifla_xstats)(struct link_util *lu, int argc, char **argv);
	int (*print_ifla_xstats)(struct nlmsghdr *nlh, void *arg);
};

enum output_type { PRINT_JSON = 2, PRINT_ANY = 4 };
enum color_attr { COLOR_INET = 2, COLOR_INET6 = 3, COLOR_NONE = 6 };

int print_color_string(enum output_type type, enum color_attr color,
		       const char *key, const char *fmt, const char *value);
int print_color_uint(enum output_type type, enum color_attr color,
		     const char *key, const char *fmt, unsigned int value);
void open_json_array(enum output_type type, const char *name);
void close_json_array(enum output_type type, const char *name);
int addattr_l(struct nlmsghdr *nlh, int maxlen, int type, const void *data,
	      int alen);
unsigned int ll_name_to_index(const char *name);
void invarg(const char *message, const char *arg) __attribute__((noreturn));

/* That of the request in which ip collects what it sends. */
#define REQUEST_SIZE 1024

extern struct link_util shunt_link_util;

static void print_help(struct link_util *lu, int argc, char **argv, FILE *f)
{
	(void)lu;
	(void)argc;
	(void)argv;
	fputs("Usage: ... shunt [ node DEV ip ADDRESS [ ip ADDRESS ]... ]\n"
	      "\n"
	      "Without arguments, the device is a node's. With them it is\n"
	      "a pod's: say with netns NAME where. shuntctl pod add sets it\n"
	      "up, too.\n", f);
}

static void put_node(struct nlmsghdr *nlh, const char *name)
{
	__u32 ifindex = ll_name_to_index(name);

	if (!ifindex)
		invarg("no such device, make it: ip link add NAME type shunt",
		       name);
	addattr_l(nlh, REQUEST_SIZE, IFLA_SHUNT_NODE, &ifindex,
		  sizeof(ifindex));
}

static void put_addr(struct nlmsghdr *nlh, const char *text)
{
	unsigned char addr[sizeof(struct in6_addr)];
	int len = sizeof(struct in6_addr);

	if (inet_pton(AF_INET, text, addr) == 1)
		len = sizeof(struct in_addr);
	else if (inet_pton(AF_INET6, text, addr) != 1)
		invarg("not an IPv4 or IPv6 address without a length", text);
	if (addattr_l(nlh, REQUEST_SIZE, IFLA_SHUNT_ADDRESS, addr, len))
		invarg("one address too many, add it with shuntctl", text);
}

static int parse_opt(struct link_util *lu, int argc, char **argv,
		     struct nlmsghdr *nlh)
{
	for (; argc > 0; argc -= 2, argv += 2) {
		if (argc > 1 && !strcmp(argv[0], "node")) {
			put_node(nlh, argv[1]);
		} else if (argc > 1 && !strcmp(argv[0], "ip")) {
			put_addr(nlh, argv[1]);
		} else {
			if (strcmp(argv[0], "help"))
				fprintf(stderr,
					"shunt: unknown or incomplete: \"%s\"\n",
					argv[0]);
			print_help(lu, argc, argv, stderr);
			return -1;
		}
	}
	return 0;
}

static void print_addr(const struct rtattr *rta)
{
	bool is_v6 = RTA_PAYLOAD(rta) == sizeof(struct in6_addr);
	char text[INET6_ADDRSTRLEN];

	if (inet_ntop(is_v6 ? AF_INET6 : AF_INET, RTA_DATA(rta), text,
		      sizeof(text)))
		print_color_string(PRINT_ANY,
				   is_v6 ? COLOR_INET6 : COLOR_INET, NULL,
				   "ip %s ", text);
}

/*
 * Of an attribute that occurs more than once a table has but the first: all
 * stand in what it is the table of, which begins with the role.
 */
static void print_addrs(const struct rtattr *role)
{
	const struct rtattr *data, *rta = role;
	int left;

	data = (const void *)((const char *)role - RTA_LENGTH(0));
	if ((data->rta_type & NLA_TYPE_MASK) != IFLA_INFO_DATA)
		return;
	open_json_array(PRINT_JSON, "ip");
	for (left = RTA_PAYLOAD(data); RTA_OK(rta, left);
	     rta = RTA_NEXT(rta, left))
		if (rta->rta_type == IFLA_SHUNT_ADDRESS)
			print_addr(rta);
	close_json_array(PRINT_JSON, NULL);
}

static void print_opt(struct link_util *lu, FILE *f, struct rtattr *tb[])
{
	bool is_pod;

	(void)lu;
	(void)f;
	if (!tb || !tb[IFLA_SHUNT_ROLE])
		return;
	is_pod = *(__u8 *)RTA_DATA(tb[IFLA_SHUNT_ROLE]) == SHUNT_ROLE_POD;
	print_color_string(PRINT_ANY, COLOR_NONE, "role", "role %s ",
			   is_pod ? "pod" : "node");
	if (!is_pod)
		return;
	/* In another network namespace, where its name is another's here. */
	if (tb[IFLA_SHUNT_NODE])
		print_color_uint(PRINT_ANY, COLOR_NONE, "node", "node if%u ",
				 *(__u32 *)RTA_DATA(tb[IFLA_SHUNT_NODE]));
	print_addrs(tb[IFLA_SHUNT_ROLE]);
}

struct link_util shunt_link_util = {
	.id = "shunt",
	.maxattr = IFLA_SHUNT_MAX,
	.parse_opt = parse_opt,
	.print_opt = print_opt,
	.print_help = print_help,
};
