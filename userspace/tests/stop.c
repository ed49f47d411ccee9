// SPDX-License-Identifier: GPL-2.0
/*
 * To be preloaded: stops a program before it asks the kernel to delete a pod
 * (STOP_AT=pod) or a route (STOP_AT=route), to add a device (STOP_AT=device) or
 * a route to a pod (STOP_AT=host), or when it has made the pod's device and
 * next looks at that (STOP_AT=inside), once. So tests can do in between what
 * happens there once in a million times.
 */
#include <dlfcn.h>
#include <linux/genetlink.h>
#include <linux/rtnetlink.h>
#include <linux/shunt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* A device is made, and then it is looked up. */
static bool is_inside(const struct nlmsghdr *nlh, int protocol)
{
	static bool made;

	if (protocol != NETLINK_ROUTE)
		return false;
	if (nlh->nlmsg_type == RTM_NEWLINK && nlh->nlmsg_flags & NLM_F_EXCL)
		made = true;
	return made && nlh->nlmsg_type == RTM_GETLINK;
}

static bool is_of(const struct nlmsghdr *nlh, int protocol, const char *what)
{
	const struct genlmsghdr *genl = NLMSG_DATA(nlh);

	if (!strcmp(what, "route"))
		return protocol == NETLINK_ROUTE &&
		       nlh->nlmsg_type == RTM_DELROUTE;
	if (!strcmp(what, "host"))
		return protocol == NETLINK_ROUTE &&
		       nlh->nlmsg_type == RTM_NEWROUTE;
	if (!strcmp(what, "device"))
		return protocol == NETLINK_ROUTE &&
		       nlh->nlmsg_type == RTM_NEWLINK &&
		       nlh->nlmsg_flags & NLM_F_EXCL;
	if (!strcmp(what, "inside"))
		return is_inside(nlh, protocol);
	if (protocol == NETLINK_ROUTE)
		return nlh->nlmsg_type == RTM_DELLINK;
	return nlh->nlmsg_type != GENL_ID_CTRL &&
	       genl->cmd == SHUNT_CMD_POD_DEL;
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	static ssize_t (*send)(int fd, const struct msghdr *msg, int flags);
	const char *what = getenv("STOP_AT");
	static bool stopped;
	int protocol = -1;
	socklen_t len = sizeof(protocol);

	if (!send)
		send = dlsym(RTLD_NEXT, "sendmsg");
	getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len);
	if (what && !stopped && msg->msg_iovlen &&
	    is_of(msg->msg_iov[0].iov_base, protocol, what)) {
		stopped = true;
		raise(SIGSTOP);
	}
	return send(fd, msg, flags);
}
