// SPDX-License-Identifier: GPL-2.0
/*
 * Netlink messages to shunt, valid ones and others, by several processes at
 * once: every command of its family, and its link kind. Most are right but for
 * one thing, or in all, so that there is something to break.
 *
 *   netlink SEED MESSAGES POD...
 *
 * To be run as root in the network namespace of a node, whose device is
 * "shunt0"; other devices there are what may become uplinks. POD is the path of
 * another network namespace. Of the processes that send MESSAGES in all, two
 * are root. One is nobody, one the root of a user namespace of its own, and one
 * that of a network namespace besides: each message of these must be refused.
 *
 * Prints how many messages ended with which error, by command, and how many
 * went to someone who must not have it; the exit status is 1 if any did.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux/shunt.h"
#include "random.h"
#include "tool.h"

#define NODE_NAME "shunt0"
#define MOST_PODS 8
#define MOST_LINKS 16
#define MOST_ERRNO 134
#define MOST_BYTES 4096
#define NOBODY 65534
#define PATIENCE_SECONDS 60
/* As the headers of messages want it. */
#define ALIGNED __attribute__((aligned(NLMSG_ALIGNTO)))

/* What the value of an attribute should be. */
enum content {
	NUMBER8,
	NUMBER16,
	NUMBER32,
	LINK,		/* index of a device, of the node or of a pod */
	NODE,		/* that of the node's own */
	NAME,		/* of a device */
	NETNS,		/* of a pod, as a file descriptor */
	ADDRESS,	/* of either family */
	NETWORK,	/* the same, but for the last bytes */
	PREFIX_LEN,
	ACTION,
	ROLE,
	MAC,
	BYTES,
};

struct field {
	uint16_t type;
	enum content content;
};

#define MOST_FIELDS 8

/* The attributes of a command: the first ones make sense together, one that is
 * among the others now and then is refused, or changes what is meant.
 */
struct fields {
	unsigned int needed, all;
	struct field field[MOST_FIELDS];
};

#define UPLINK_FIELDS \
	{ 1, 4, { { SHUNT_A_UPLINK_IFINDEX, LINK }, \
		  { SHUNT_A_UPLINK_NAME, NAME }, \
		  { SHUNT_A_UPLINK_MTU, NUMBER32 }, \
		  { SHUNT_A_UPLINK_NODE, NODE } } }
#define POD_FIELDS(needed) \
	{ needed, 6, { { SHUNT_A_POD_NETNS_FD, NETNS }, \
		       { SHUNT_A_POD_ADDRESS, ADDRESS }, \
		       { SHUNT_A_POD_IFINDEX, LINK }, \
		       { SHUNT_A_POD_NETNSID, NUMBER32 }, \
		       { SHUNT_A_POD_ALIAS, BYTES }, \
		       { SHUNT_A_POD_MAC, MAC } } }
#define PATH_FIELDS(needed) \
	{ needed, 4, { { SHUNT_A_PATH_ADDRESS, NETWORK }, \
		       { SHUNT_A_PATH_LENGTH, PREFIX_LEN }, \
		       { SHUNT_A_PATH_ACTION, ACTION }, \
		       { SHUNT_A_PATH_NODE, NODE } } }

/* Of the family. */
struct command {
	const char *name;
	uint8_t number;
	bool dumps;
	struct fields fields;
};

static const struct command commands[] = {
	{ "uplink-get", SHUNT_CMD_UPLINK_GET, true, UPLINK_FIELDS },
	{ "uplink-add", SHUNT_CMD_UPLINK_ADD, false, UPLINK_FIELDS },
	{ "uplink-del", SHUNT_CMD_UPLINK_DEL, false, UPLINK_FIELDS },
	{ "pod-get", SHUNT_CMD_POD_GET, true, POD_FIELDS(1) },
	{ "pod-del", SHUNT_CMD_POD_DEL, false, POD_FIELDS(1) },
	{ "pod-addr-add", SHUNT_CMD_POD_ADDR_ADD, false, POD_FIELDS(2) },
	{ "pod-addr-del", SHUNT_CMD_POD_ADDR_DEL, false, POD_FIELDS(2) },
	{ "pod-adopt", SHUNT_CMD_POD_ADOPT, false, POD_FIELDS(3) },
	{ "path-get", SHUNT_CMD_PATH_GET, true, PATH_FIELDS(2) },
	{ "path-add", SHUNT_CMD_PATH_ADD, false, PATH_FIELDS(3) },
	{ "path-del", SHUNT_CMD_PATH_DEL, false, PATH_FIELDS(2) },
	{ "stats-get", SHUNT_CMD_STATS_GET, false,
	  { 0, 1, { { SHUNT_A_STATS_NODE, NODE } } } },
};

#define COMMANDS (sizeof(commands) / sizeof(*commands))

/* Of the link kind, and of links. */
static const struct fields link_data = {
	2, 5, { { IFLA_SHUNT_NODE, NODE }, { IFLA_SHUNT_ADDRESS, ADDRESS },
		{ IFLA_SHUNT_NAME, NAME }, { IFLA_SHUNT_ALIAS, BYTES },
		{ IFLA_SHUNT_ROLE, ROLE } }
};

static const struct fields link_fields = {
	1, 6, { { IFLA_NET_NS_FD, NETNS }, { IFLA_IFNAME, NAME },
		{ IFLA_ADDRESS, MAC }, { IFLA_MTU, NUMBER32 },
		{ IFLA_NUM_TX_QUEUES, NUMBER16 },
		{ IFLA_LINK_NETNSID, NUMBER32 } }
};

/* Behind the commands in what is counted. */
enum link_verb { LINK_NEW, LINK_CHANGE, LINK_DEL, LINK_VERBS };

static const char *const link_verbs[] = {
	"link-new", "link-change", "link-del",
};

#define SUBJECTS (COMMANDS + LINK_VERBS)
#define NOT_HEARD MOST_ERRNO /* of what has no answer */

/* In memory that all processes share. */
struct counts {
	unsigned long ended[SUBJECTS][MOST_ERRNO + 1];
	unsigned long wrong; /* what nobody has been given */
};

struct fuzzer {
	struct random random;
	bool trusted;
	int genl, rtnl;
	uint16_t family;
	uint32_t seq;
	int pods[MOST_PODS];
	unsigned int n_pods;
	struct counts *counts;
	struct message {
		uint8_t bytes[MOST_BYTES] ALIGNED;
		size_t len;
	} message;
};

/* Values */

/* Of a few, so that different messages mean the same. */
static size_t put_address(struct fuzzer *f, uint8_t *to)
{
	unsigned int host = 1 + random_below(&f->random, 6);

	if (random_hit(&f->random, 16)) {
		random_fill(&f->random, to, 16);
		return random_hit(&f->random, 2) ? 4 : 16;
	}
	if (random_hit(&f->random, 2)) {
		memcpy(to, (uint8_t[]){ 10, 1, 0, host }, 4);
		return 4;
	}
	memset(to, 0, 16);
	memcpy(to, (uint8_t[]){ 0xfd, 1 }, 2);
	to[15] = host;
	return 16;
}

static size_t put_name(struct fuzzer *f, char *to)
{
	static const char *const names[] = { "eth0", "eth1", "shunt0", "up0",
					     "up1", "lo", "" };
	unsigned int n = random_below(&f->random,
				      sizeof(names) / sizeof(*names) + 1);

	if (n < sizeof(names) / sizeof(*names))
		return strlen(strcpy(to, names[n])) + 1;
	n = random_below(&f->random, 2 * IFNAMSIZ);
	random_fill(&f->random, to, n);
	return n;
}

static size_t put_number(void *to, uint64_t number, size_t size)
{
	memcpy(to, &number, size); /* the machine's order, as netlink's */
	return size;
}

/* Returns: how many bytes, at most 64. */
static size_t put_value(struct fuzzer *f, enum content what, void *to)
{
	struct random *r = &f->random;
	unsigned int n;

	switch (what) {
	case NUMBER8:
		return put_number(to, random_number(r, 8), 1);
	case NUMBER16:
		return put_number(to, random_number(r, 16), 2);
	case NUMBER32:
		return put_number(to, random_number(r, 32), 4);
	case LINK:
		return put_number(to, random_hit(r, 8) ? random_number(r, 32) :
				  1 + random_below(r, random_hit(r, 2) ?
						   MOST_LINKS : 4), 4);
	case NODE:
		return put_number(to, random_hit(r, 8) ? random_number(r, 32) :
				  if_nametoindex(NODE_NAME), 4);
	case NAME:
		return put_name(f, to);
	case NETNS:
		n = random_below(r, f->n_pods);
		return put_number(to, random_hit(r, 16) ? random_number(r, 32) :
				  (uint64_t)f->pods[n], 4);
	case ADDRESS:
		return put_address(f, to);
	case NETWORK:
		n = put_address(f, to);
		((uint8_t *)to)[n - 1] = 0;
		((uint8_t *)to)[n == 4 ? 2 : 3] = 1 + random_below(r, 4);
		return n;
	case PREFIX_LEN:
		return put_number(to, random_hit(r, 8) ? random_number(r, 8) :
				  24 + 8 * random_below(r, 2), 1);
	case ACTION:
	case ROLE:
		return put_number(to, random_hit(r, 8) ? random_number(r, 8) :
				  random_below(r, 2), 1);
	case MAC:
		random_fill(r, to, 6);
		*(uint8_t *)to &= random_hit(r, 8) ? 0xff : 0xfe;
		return 6;
	case BYTES:
		n = random_below(r, 65);
		random_fill(r, to, n);
		return n;
	}
	return 0;
}

/* Messages */

static void put_bytes(struct message *m, const void *bytes, size_t len)
{
	if (m->len + NLMSG_ALIGN(len) > sizeof(m->bytes))
		return;
	memset(m->bytes + m->len, 0, NLMSG_ALIGN(len));
	if (len)
		memcpy(m->bytes + m->len, bytes, len);
	m->len += NLMSG_ALIGN(len);
}

static void put_attr(struct message *m, uint16_t type, const void *value,
		     size_t len)
{
	struct nlattr attr = { .nla_len = NLA_HDRLEN + len, .nla_type = type };

	if (m->len + NLA_HDRLEN + NLA_ALIGN(len) > sizeof(m->bytes))
		return;
	put_bytes(m, &attr, sizeof(attr));
	put_bytes(m, value, len);
}

/* With something wrong about it, whatever it was. */
static void put_spoilt(struct fuzzer *f, uint16_t type, const void *value,
		       size_t len)
{
	struct random *r = &f->random;
	struct message *m = &f->message;
	uint8_t junk[300];
	struct nlattr attr;
	size_t at;

	random_fill(r, junk, sizeof(junk));
	switch (random_below(r, 6)) {
	case 0: /* too short */
		put_attr(m, type, value, len ? random_below(r, len) : 0);
		return;
	case 1: /* too long */
		put_attr(m, type, junk, random_below(r, sizeof(junk)));
		return;
	case 2: /* a nest, or in another order of bytes */
		put_attr(m, type | 1 << (14 + random_below(r, 2)), value, len);
		return;
	case 3: /* an unknown one */
		put_attr(m, random_number(r, 16), value, len);
		return;
	case 4: /* nested in itself */
		attr = (struct nlattr){ NLA_HDRLEN + len, type };
		memcpy(junk, &attr, sizeof(attr));
		memcpy(junk + sizeof(attr), value, len);
		put_attr(m, type | NLA_F_NESTED, junk, sizeof(attr) + len);
		return;
	default: /* a length that is not its own */
		at = m->len;
		put_attr(m, type, value, len);
		if (at == m->len)
			return;
		attr = (struct nlattr){ random_number(r, 16), type };
		memcpy(m->bytes + at, &attr, sizeof(attr));
	}
}

static void put_field(struct fuzzer *f, const struct field *field)
{
	uint8_t value[64];
	size_t len = put_value(f, field->content, value);

	if (random_hit(&f->random, 24))
		put_spoilt(f, field->type, value, len);
	else
		put_attr(&f->message, field->type, value, len);
}

/* What is needed, with few exceptions, and in any order. */
static void put_fields(struct fuzzer *f, const struct fields *fields)
{
	struct random *r = &f->random;
	unsigned int n, first;

	if (fields->needed) {
		first = random_below(r, fields->needed);
		for (n = 0; n < fields->needed; n++)
			if (!random_hit(r, 20))
				put_field(f, &fields->field[(first + n) %
							    fields->needed]);
	}
	while (random_hit(r, 6))
		put_field(f, &fields->field[random_below(r, fields->all)]);
}

static void begin(struct fuzzer *f, uint16_t type, uint16_t flags)
{
	struct nlmsghdr header = {
		.nlmsg_type = type,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags,
		.nlmsg_seq = ++f->seq,
	};

	f->message.len = 0;
	put_bytes(&f->message, &header, sizeof(header));
}

static void end(struct fuzzer *f)
{
	struct nlmsghdr *header = (void *)f->message.bytes;

	header->nlmsg_len = f->message.len;
}

static void make_command(struct fuzzer *f, const struct command *command)
{
	struct genlmsghdr header = { .cmd = command->number,
				     .version = SHUNT_GENL_VERSION };
	struct random *r = &f->random;
	uint16_t flags = 0;

	if (command->dumps ? random_hit(r, 2) : random_hit(r, 64))
		flags = NLM_F_DUMP;
	if (random_hit(r, 64))
		random_fill(r, &header, sizeof(header));
	begin(f, f->family, flags);
	put_bytes(&f->message, &header, sizeof(header));
	put_fields(f, &command->fields);
	end(f);
}

/* A new device of the kind: what it is made of lies in two nests. */
static void put_link_info(struct fuzzer *f)
{
	struct message *m = &f->message;
	size_t info = m->len, data;
	struct nlattr attr;

	put_attr(m, IFLA_LINKINFO, NULL, 0);
	put_attr(m, IFLA_INFO_KIND, "shunt", 6);
	data = m->len;
	put_attr(m, IFLA_INFO_DATA, NULL, 0);
	if (!random_hit(&f->random, 8))
		put_fields(f, &link_data);
	attr = (struct nlattr){ m->len - data, IFLA_INFO_DATA };
	memcpy(m->bytes + data, &attr, sizeof(attr));
	attr = (struct nlattr){ m->len - info, IFLA_LINKINFO };
	memcpy(m->bytes + info, &attr, sizeof(attr));
}

static void put_link(struct fuzzer *f, enum link_verb verb)
{
	struct ifinfomsg header = {};
	struct random *r = &f->random;

	if (verb != LINK_NEW || random_hit(r, 32))
		header.ifi_index = 1 + random_below(r, MOST_LINKS);
	put_bytes(&f->message, &header, sizeof(header));
}

static void make_link(struct fuzzer *f, enum link_verb verb)
{
	struct random *r = &f->random;

	switch (verb) {
	case LINK_NEW:
		begin(f, RTM_NEWLINK, NLM_F_CREATE |
		      (random_hit(r, 8) ? 0 : NLM_F_EXCL));
		if (random_hit(r, 4)) {
			/* The node's own device, which others delete; with an
			 * index, some other would get its name.
			 */
			put_bytes(&f->message, &(struct ifinfomsg){},
				  sizeof(struct ifinfomsg));
			put_attr(&f->message, IFLA_IFNAME, NODE_NAME,
				 sizeof(NODE_NAME));
			put_attr(&f->message, IFLA_LINKINFO,
				 "\x9\0\1\0shunt\0\0", 12);
		} else {
			put_link(f, verb);
			put_fields(f, &link_fields);
			put_link_info(f);
		}
		break;
	case LINK_CHANGE:
		begin(f, RTM_NEWLINK, 0);
		put_link(f, verb);
		put_link_info(f);
		break;
	default:
		begin(f, RTM_DELLINK, 0);
		put_bytes(&f->message, &(struct ifinfomsg){},
			  sizeof(struct ifinfomsg));
		/* Of this kind alone, or there would soon be no uplinks, and
		 * not often, or there would be no pods.
		 */
		put_attr(&f->message, IFLA_IFNAME, random_hit(r, 20) ?
			 NODE_NAME : "none42", sizeof(NODE_NAME));
		break;
	}
	end(f);
}

/* Answers */

static void count(struct fuzzer *f, unsigned int subject, unsigned int error)
{
	__atomic_add_fetch(&f->counts->ended[subject][error], 1,
			   __ATOMIC_RELAXED);
}

/* What only those who may are told, or done. */
static void not_refused(struct fuzzer *f, const char *what)
{
	if (f->trusted)
		return;
	fprintf(stderr, "netlink: given to nobody: %s\n", what);
	__atomic_add_fetch(&f->counts->wrong, 1, __ATOMIC_RELAXED);
}

/*
 * Returns the error that ends the answer, or -1 if there is more of it. A dump
 * ends with one, too, or says that there is nothing.
 */
static int error_of(struct fuzzer *f, const struct nlmsghdr *header,
		    const char *what)
{
	int error;

	switch (header->nlmsg_type) {
	case NLMSG_ERROR:
	case NLMSG_DONE:
		memcpy(&error, NLMSG_DATA(header), sizeof(error));
		if (header->nlmsg_type == NLMSG_ERROR && !error)
			not_refused(f, what);
		return -error;
	default:
		not_refused(f, what);
		return -1;
	}
}

/* Whoever may not be answered at all says so by MSG_DONTWAIT. */
static unsigned int hear(struct fuzzer *f, int sock, int flags,
			 const char *what)
{
	static uint8_t answer[1 << 16] ALIGNED;
	const struct nlmsghdr *header;
	ssize_t len;
	int error;

	for (;;) {
		len = recv(sock, answer, sizeof(answer), flags);
		if (len < 0) {
			if (errno == EAGAIN && flags)
				return NOT_HEARD;
			if (errno == EAGAIN)
				die("no answer to %s", what);
			return errno;
		}
		for (header = (void *)answer; NLMSG_OK(header, len);
		     header = NLMSG_NEXT(header, len)) {
			if (header->nlmsg_seq != f->seq)
				continue; /* what was cut off before */
			error = error_of(f, header, what);
			if (error >= 0)
				return error < MOST_ERRNO ? error : EPROTO;
		}
	}
}

/* Its length is not its own: what has not even a header is not answered. */
static bool spoil_message(struct fuzzer *f)
{
	struct nlmsghdr *header = (void *)f->message.bytes;
	struct random *r = &f->random;

	if (!random_hit(r, 50))
		return false;
	if (random_hit(r, 2))
		header->nlmsg_len = random_number(r, 32);
	else
		header->nlmsg_len = random_below(r, f->message.len) + 1;
	/* One without anything behind its header is none to rtnetlink. */
	if (header->nlmsg_len == NLMSG_HDRLEN)
		header->nlmsg_len++;
	return true;
}

static void send_one(struct fuzzer *f)
{
	unsigned int subject = random_below(&f->random, SUBJECTS);
	int sock = subject < COMMANDS ? f->genl : f->rtnl;
	const char *what;
	bool spoilt;

	if (subject < COMMANDS) {
		make_command(f, &commands[subject]);
		what = commands[subject].name;
	} else {
		make_link(f, subject - COMMANDS);
		what = link_verbs[subject - COMMANDS];
	}
	spoilt = spoil_message(f);
	if (send(sock, f->message.bytes, f->message.len, 0) < 0)
		count(f, subject, errno);
	else
		count(f, subject, hear(f, sock, spoilt ? MSG_DONTWAIT : 0,
				       what));
}

/* Processes */

static int open_netlink(int protocol)
{
	const struct timeval patience = { .tv_sec = PATIENCE_SECONDS };
	const int one = 1;
	int sock = checked(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
				  protocol), "socket");

	checked(setsockopt(sock, SOL_NETLINK, NETLINK_EXT_ACK, &one,
			   sizeof(one)), "NETLINK_EXT_ACK");
	checked(setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience,
			   sizeof(patience)), "SO_RCVTIMEO");
	return sock;
}

static uint16_t find_family(struct fuzzer *f)
{
	struct genlmsghdr header = { .cmd = CTRL_CMD_GETFAMILY, .version = 1 };
	uint8_t answer[8192] ALIGNED;
	const struct nlattr *attr;
	ssize_t len, at;

	begin(f, GENL_ID_CTRL, 0);
	put_bytes(&f->message, &header, sizeof(header));
	put_attr(&f->message, CTRL_ATTR_FAMILY_NAME, SHUNT_GENL_NAME,
		 sizeof(SHUNT_GENL_NAME));
	end(f);
	checked(send(f->genl, f->message.bytes, f->message.len, 0), "send");
	len = checked(recv(f->genl, answer, sizeof(answer), 0), "recv");
	if (((struct nlmsghdr *)answer)->nlmsg_type == NLMSG_ERROR)
		die("no such family: is the module loaded?");
	/* The acknowledgment. */
	checked(recv(f->genl, answer + len, sizeof(answer) - len, 0), "recv");
	at = NLMSG_HDRLEN + GENL_HDRLEN;
	for (; at + NLA_HDRLEN < len; at += NLA_ALIGN(attr->nla_len)) {
		attr = (void *)(answer + at);
		if (attr->nla_len < NLA_HDRLEN)
			break;
		if (attr->nla_type == CTRL_ATTR_FAMILY_ID)
			return *(const uint16_t *)(attr + 1);
	}
	die("the family has no id");
}

static void become_nobody(void)
{
	checked(setresgid(NOBODY, NOBODY, NOBODY), "setresgid");
	checked(setresuid(NOBODY, NOBODY, NOBODY), "setresuid");
}

enum person { ROOT, ROOT_TOO, OTHER, OTHERS_ROOT, CAGED, PROCESSES };

static void run(struct fuzzer *f, enum person who, unsigned long messages)
{
	switch (who) {
	case OTHER:
		become_nobody();
		break;
	case OTHERS_ROOT:
		become_nobody();
		checked(unshare(CLONE_NEWUSER), "unshare");
		break;
	case CAGED:
		become_nobody();
		checked(unshare(CLONE_NEWUSER | CLONE_NEWNET), "unshare");
		break;
	default:
		f->trusted = true;
		break;
	}
	f->genl = open_netlink(NETLINK_GENERIC);
	f->rtnl = open_netlink(NETLINK_ROUTE);
	f->family = find_family(f);
	f->random.state += (uint64_t)who << 32;
	while (messages--)
		send_one(f);
	exit(0);
}

static void print_counts(const struct counts *counts)
{
	unsigned int subject, error;

	for (subject = 0; subject < SUBJECTS; subject++) {
		printf("%s:", subject < COMMANDS ? commands[subject].name :
		       link_verbs[subject - COMMANDS]);
		for (error = 0; error <= MOST_ERRNO; error++) {
			if (!counts->ended[subject][error])
				continue;
			printf(" %lu %s", counts->ended[subject][error],
			       error == NOT_HEARD ? "cut" : !error ? "done" :
			       strerrorname_np(error) ?: "?");
		}
		putchar('\n');
	}
	printf("given to nobody: %lu\n", counts->wrong);
}

int main(int argc, char *argv[])
{
	static struct fuzzer f;
	bool died = false;
	int who, status;

	if (argc < 4 || argc > 3 + MOST_PODS)
		die("SEED MESSAGES POD...");
	f.random.state = parse(argv[1]);
	for (f.n_pods = 0; argv[3 + f.n_pods]; f.n_pods++)
		f.pods[f.n_pods] = checked(open(argv[3 + f.n_pods],
						O_RDONLY | O_CLOEXEC),
					   argv[3 + f.n_pods]);
	f.counts = mmap(NULL, sizeof(*f.counts), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (f.counts == MAP_FAILED)
		die("no memory");
	for (who = 0; who < PROCESSES; who++)
		if (!checked(fork(), "fork"))
			run(&f, who, parse(argv[2]) / PROCESSES);
	while (wait(&status) > 0)
		died |= !!status;
	print_counts(f.counts);
	return died || f.counts->wrong;
}
