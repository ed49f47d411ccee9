// SPDX-License-Identifier: GPL-2.0
/*
 * Netlink sockets and batches: several requests in one message to the kernel,
 * all answers checked, the kernel's texts kept. Dumps are repeated
 * when something changed under them. This reads messages itself: libnl's own
 * receiver knows neither batches nor texts of successful requests.
 *
 * Entry points: shunt_nl_request() and the shunt_nl_put*() that follow it,
 * shunt_nl_run(), shunt_nl_next() for the replies, shunt_nl_free().
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <netlink/netlink.h>

#include "internal.h"

/* More than the kernel ever sends at once; libnl asks for the size of each
 * message before it receives it unless it is told one.
 */
#define BUFFER_SIZE	65536

/* Somebody who changes devices that fast never lets us see them. */
#define MAX_RESTARTS	100

static int set_option(struct nl_sock *sk, int option)
{
	int on = 1;

	return setsockopt(nl_socket_get_fd(sk), SOL_NETLINK, option, &on,
			  sizeof(on)) ? -errno : 0;
}

int shunt_nl_socket(int protocol, struct nl_sock **result)
{
	struct nl_sock *sk;
	int err;

	sk = nl_socket_alloc();
	if (!sk)
		return -ENOMEM;
	nl_socket_set_msg_buf_size(sk, BUFFER_SIZE);
	errno = 0;
	if (nl_connect(sk, protocol) < 0) {
		err = errno ? -errno : -EIO;
		goto err_free;
	}
	err = set_option(sk, NETLINK_EXT_ACK);
	if (!err)
		err = set_option(sk, NETLINK_CAP_ACK);
	if (!err)
		err = set_option(sk, NETLINK_GET_STRICT_CHK);
	if (err)
		goto err_free;
	*result = sk;
	return 0;

err_free:
	nl_socket_free(sk);
	return err;
}

/* Open one more request; what is put goes into the one opened last. */
void shunt_nl_request(struct shunt_batch *b, const char *what, int type,
		      int flags, const void *head, size_t len)
{
	struct shunt_request *requests;
	struct nl_msg *msg;

	if (b->error)
		return;
	b->error = -ENOMEM;
	requests = realloc(b->requests, (b->n + 1) * sizeof(*requests));
	if (!requests)
		return;
	b->requests = requests;
	msg = nlmsg_alloc_simple(type, flags);
	if (!msg)
		return;
	requests[b->n++] = (struct shunt_request){ .msg = msg, .what = what };
	if (nlmsg_append(msg, (void *)head, len, NLMSG_ALIGNTO) < 0)
		return;
	b->error = 0;
}

static struct nl_msg *last(const struct shunt_batch *b)
{
	return b->requests[b->n - 1].msg;
}

void shunt_nl_tolerate(struct shunt_batch *b, int error)
{
	if (!b->error)
		b->requests[b->n - 1].tolerate = error;
}

/* Messages are allocated for what most of them need. */
void shunt_nl_put(struct shunt_batch *b, int attr, const void *data,
		  size_t len)
{
	size_t size;

	if (b->error || !nla_put(last(b), attr, len, data))
		return;
	size = nlmsg_get_max_size(last(b)) * 2 + nla_total_size(len);
	if (nlmsg_expand(last(b), size) < 0 ||
	    nla_put(last(b), attr, len, data) < 0)
		b->error = -ENOMEM;
}

void shunt_nl_put_u32(struct shunt_batch *b, int attr, uint32_t value)
{
	shunt_nl_put(b, attr, &value, sizeof(value));
}

void shunt_nl_put_string(struct shunt_batch *b, int attr, const char *text)
{
	shunt_nl_put(b, attr, text, strlen(text) + 1);
}

/* Where in the last request the next attribute will be. */
size_t shunt_nl_offset(const struct shunt_batch *b)
{
	return b->error ? 0 : NLMSG_ALIGN(nlmsg_hdr(last(b))->nlmsg_len);
}

size_t shunt_nl_nest(struct shunt_batch *b, int attr)
{
	size_t offset = shunt_nl_offset(b);

	shunt_nl_put(b, attr | NLA_F_NESTED, NULL, 0);
	return offset;
}

void shunt_nl_nest_end(struct shunt_batch *b, size_t nest)
{
	struct nlattr *attr;

	if (b->error)
		return;
	attr = (struct nlattr *)((char *)nlmsg_hdr(last(b)) + nest);
	if (shunt_nl_offset(b) - nest > UINT16_MAX)
		b->error = -EMSGSIZE;
	else
		attr->nla_len = shunt_nl_offset(b) - nest;
}

static int send_all(struct nl_sock *sk, struct shunt_batch *b)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct msghdr msg = {
		.msg_name = &kernel,
		.msg_namelen = sizeof(kernel),
		.msg_iovlen = b->n,
	};
	struct nlmsghdr *nlh;
	struct iovec *iov;
	unsigned int i;
	int err = 0;

	iov = calloc(b->n, sizeof(*iov));
	if (!iov)
		return -ENOMEM;
	for (i = 0; i < b->n; i++) {
		nlh = nlmsg_hdr(b->requests[i].msg);
		nlh->nlmsg_seq = NL_AUTO_SEQ;
		nl_complete_msg(sk, b->requests[i].msg);
		if (!i)
			b->seq = nlh->nlmsg_seq;
		/* The messages' buffers are larger than this. */
		iov[i].iov_base = nlh;
		iov[i].iov_len = NLMSG_ALIGN(nlh->nlmsg_len);
	}
	msg.msg_iov = iov;
	if (sendmsg(nl_socket_get_fd(sk), &msg, 0) < 0)
		err = -errno;
	free(iov);
	return err;
}

/* The kernel's own words, behind the error code. */
static void read_extack(struct shunt *sh, int error, void *start, int len)
{
	struct nlattr *tb[NLMSGERR_ATTR_MAX + 1];
	char text[sizeof(sh->ext_text)] = "";

	if (len <= 0 ||
	    nla_parse(tb, NLMSGERR_ATTR_MAX, start, len, NULL) < 0)
		return;
	if (tb[NLMSGERR_ATTR_MSG])
		nla_strlcpy(text, tb[NLMSGERR_ATTR_MSG], sizeof(text));
	if (!error) {
		if (text[0])
			shunt_warn(sh, text);
		return;
	}
	strcpy(sh->ext_text, text);
	sh->ext_offset = 0;
	if (tb[NLMSGERR_ATTR_OFFS])
		sh->ext_offset = nla_get_u32(tb[NLMSGERR_ATTR_OFFS]);
}

static bool tolerated(const struct shunt_request *request)
{
	return request->error &&
	       (request->tolerate == SHUNT_TOLERATE_ALL ||
		request->tolerate == request->error);
}

/* The answer to a request and the end of a dump both begin with a code; SKIP
 * bytes after its begin come the kernel's words.
 */
static void answered(struct shunt *sh, struct shunt_batch *b,
		     struct nlmsghdr *nlh, unsigned int i, size_t skip)
{
	struct shunt_request *request = &b->requests[i];
	char *code = nlmsg_data(nlh);

	request->done = true;
	if (nlmsg_datalen(nlh) < (int)sizeof(int)) {
		request->error = -EPROTO;
		return;
	}
	request->error = *(int *)code;
	/* The first failure is the one that counts. */
	if (tolerated(request) || (request->error && b->failed != b->n))
		return;
	if (request->error)
		b->failed = i;
	if (nlh->nlmsg_flags & NLM_F_ACK_TLVS)
		read_extack(sh, request->error, code + skip,
			    nlmsg_datalen(nlh) - skip);
}

static int keep_reply(struct shunt_batch *b, struct nlmsghdr *nlh)
{
	size_t len = NLMSG_ALIGN(nlh->nlmsg_len);
	char *reply;

	reply = realloc(b->reply, b->reply_len + len);
	if (!reply)
		return -ENOMEM;
	b->reply = reply;
	memcpy(reply + b->reply_len, nlh, nlh->nlmsg_len);
	b->reply_len += len;
	return 0;
}

static int take(struct shunt *sh, struct shunt_batch *b, struct nlmsghdr *nlh)
{
	unsigned int i = nlh->nlmsg_seq - b->seq;

	/* Left over from a call that was given up. */
	if (i >= b->n)
		return 0;
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		b->restart = true;

	switch (nlh->nlmsg_type) {
	case NLMSG_ERROR:
		answered(sh, b, nlh, i, sizeof(struct nlmsgerr));
		return 0;
	case NLMSG_DONE:
		answered(sh, b, nlh, i, sizeof(int));
		return 0;
	case NLMSG_NOOP:
		return 0;
	case NLMSG_OVERRUN:
		return -ENOBUFS;
	default:
		return keep_reply(b, nlh);
	}
}

static int receive(struct shunt *sh, struct nl_sock *sk, struct shunt_batch *b)
{
	struct sockaddr_nl from;
	struct nlmsghdr *nlh;
	unsigned char *buf;
	int len, err = 0;

	len = nl_recv(sk, &from, &buf, NULL);
	if (len < 0)
		return len == -NLE_NOMEM ? -ENOBUFS : -EIO;
	if (!len)
		return 0;
	if (!from.nl_pid) {
		nlh = (struct nlmsghdr *)buf;
		for (; !err && nlmsg_ok(nlh, len); nlh = nlmsg_next(nlh, &len))
			err = take(sh, b, nlh);
	}
	free(buf);
	return err;
}

static int receive_all(struct shunt *sh, struct nl_sock *sk,
		       struct shunt_batch *b)
{
	unsigned int i;
	int err;

	b->reply_len = 0;
	b->restart = false;
	b->failed = b->n;
	for (i = 0; i < b->n; i++)
		b->requests[i].done = false;
	for (i = 0; i < b->n; i++) {
		while (!b->requests[i].done) {
			err = receive(sh, sk, b);
			if (err)
				return err;
		}
	}
	return b->failed < b->n ? b->requests[b->failed].error : 0;
}

/* Send everything, wait for all answers. The first failure that is not
 * tolerated is returned, and its text kept in the handle.
 */
int shunt_nl_run(struct shunt *sh, struct nl_sock *sk, struct shunt_batch *b)
{
	int err, i;

	sh->ext_text[0] = '\0';
	sh->ext_offset = 0;
	b->failed = b->n;
	if (b->error || !b->n)
		return b->error;
	for (i = 0; i < MAX_RESTARTS; i++) {
		err = send_all(sk, b);
		if (!err)
			err = receive_all(sh, sk, b);
		if (err || !b->restart)
			return err;
	}
	return -EAGAIN;
}

struct nlmsghdr *shunt_nl_next(const struct shunt_batch *b,
			       struct nlmsghdr *nlh)
{
	char *next = b->reply;

	if (nlh)
		next = (char *)nlh + NLMSG_ALIGN(nlh->nlmsg_len);
	if (!next || next >= b->reply + b->reply_len)
		return NULL;
	return (struct nlmsghdr *)next;
}

void shunt_nl_free(struct shunt_batch *b)
{
	unsigned int i;

	for (i = 0; i < b->n; i++)
		nlmsg_free(b->requests[i].msg);
	free(b->requests);
	free(b->reply);
	*b = (struct shunt_batch){ 0 };
}
