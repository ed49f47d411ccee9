// SPDX-License-Identifier: GPL-2.0
/*
 * Network namespaces: opening them by name, having a netlink socket in one,
 * and finding the name that belongs to an id.
 *
 * Entry points: shunt_netns_open(), shunt_netns_socket(), and
 * shunt_netns_names_*() for lists.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/net_namespace.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

#define NETNS_DIR	"/run/netns"
#define OWN_NETNS	"/proc/thread-self/ns/net"

static int open_fail(struct shunt *sh, int error, const char *name)
{
	if (error != -ENOENT)
		return shunt_fail_kernel(sh, error, "%s", name);
	if (strchr(name, '/'))
		return shunt_fail(sh, error, "%s: there is no such file",
				  name);
	if (name[0] && strspn(name, "0123456789") == strlen(name))
		return shunt_fail(sh, error,
				  "%s: no network namespace of this name; that of a process is /proc/%s/ns/net",
				  name, name);
	return shunt_fail(sh, error,
			  "%s: there is no such network namespace (\"ip netns\" lists those with a name)",
			  name);
}

static int open_name(const char *name)
{
	char path[PATH_MAX];
	int fd;

	if (!name[0]) {
		errno = ENOENT;
		return -1;
	}
	if (strchr(name, '/'))
		return open(name, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), NETNS_DIR "/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 || errno != ENOENT)
		return fd;
	snprintf(path, sizeof(path), "/var" NETNS_DIR "/%s", name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int check(struct shunt *sh, const char *name, int fd)
{
	struct stat st;

	if (ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET || fstat(fd, &st))
		return shunt_fail(sh, -EINVAL,
				  "%s: not a network namespace (any more)",
				  name);
	if (st.st_dev == sh->netns_dev && st.st_ino == sh->netns_ino)
		return shunt_fail(sh, -EINVAL,
				  "%s: the node's own network namespace, a pod needs another one",
				  name);
	return 0;
}

int shunt_netns_open(struct shunt *sh, const char *name,
		     struct shunt_netns *netns)
{
	int fd, err;

	shunt_begin(sh);
	fd = open_name(name);
	if (fd < 0)
		return open_fail(sh, -errno, name);
	err = check(sh, name, fd);
	if (err) {
		close(fd);
		return err;
	}
	*netns = (struct shunt_netns){ .name = name, .fd = fd };
	return 0;
}

void shunt_netns_close(struct shunt_netns *netns)
{
	close(netns->fd);
	netns->fd = -1;
}

/* A socket keeps the network namespace it was made in, so a short visit is
 * enough. Only the calling thread goes.
 */
int shunt_netns_socket(struct shunt *sh, const struct shunt_netns *netns,
		       struct nl_sock **sk)
{
	int own, err;

	own = open(OWN_NETNS, O_RDONLY | O_CLOEXEC);
	if (own < 0)
		return shunt_fail_kernel(sh, -errno, OWN_NETNS);
	if (setns(netns->fd, CLONE_NEWNET)) {
		err = -errno;
		close(own);
		if (err == -EPERM)
			return shunt_fail(sh, err,
					  "%s: not permitted to enter it, this needs CAP_SYS_ADMIN (be root)",
					  netns->name);
		return shunt_fail_kernel(sh, err, "%s", netns->name);
	}
	err = shunt_nl_socket(NETLINK_ROUTE, sk);
	if (setns(own, CLONE_NEWNET))
		abort();
	close(own);
	if (err)
		return shunt_fail_kernel(sh, err, "%s: netlink socket",
					 netns->name);
	return 0;
}

int shunt_netns_find(struct shunt *sh, const struct shunt_netns *netns,
		     const char *dev, char **alias)
{
	struct nl_sock *sk;
	int err;

	shunt_begin(sh);
	*alias = NULL;
	err = shunt_netns_socket(sh, netns, &sk);
	if (err)
		return err;
	err = shunt_link_alias(sh, sk, dev, alias);
	nl_socket_free(sk);
	return err ? shunt_fail_kernel(sh, err, "%s: %s", netns->name, dev) : 0;
}

/* The id of a network namespace in the node's, negative if it has none. */
int shunt_netns_id(struct shunt *sh, int fd, int32_t *id)
{
	struct rtgenmsg head = { .rtgen_family = AF_UNSPEC };
	struct nlattr *tb[NETNSA_MAX + 1];
	struct shunt_batch b = { 0 };
	struct nlmsghdr *nlh;
	int err;

	shunt_nl_request(&b, "id", RTM_GETNSID, 0, &head, sizeof(head));
	shunt_nl_put_u32(&b, NETNSA_FD, fd);
	err = shunt_nl_run(sh, sh->route, &b);
	nlh = err ? NULL : shunt_nl_next(&b, NULL);
	if (!err && (!nlh || nlmsg_parse(nlh, sizeof(head), tb, NETNSA_MAX,
					 NULL) < 0 || !tb[NETNSA_NSID]))
		err = -EPROTO;
	if (!err)
		*id = nla_get_s32(tb[NETNSA_NSID]);
	shunt_nl_free(&b);
	return err;
}

struct name {
	int32_t id;
	char *text;
};

struct shunt_netns_names {
	unsigned int n;
	struct name *names;
};

static int add_name(struct shunt_netns_names *names, int32_t id,
		    const char *text)
{
	struct name *grown;

	grown = realloc(names->names, (names->n + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	names->names = grown;
	grown[names->n].id = id;
	grown[names->n].text = strdup(text);
	if (!grown[names->n].text)
		return -ENOMEM;
	names->n++;
	return 0;
}

static int load_dir(struct shunt *sh, struct shunt_netns_names *names,
		    DIR *dir)
{
	struct dirent *entry;
	int32_t id;
	int fd, err = 0;

	while (!err && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		/* Names of what is no network namespace any more stay. */
		if (!shunt_netns_id(sh, fd, &id) && id >= 0)
			err = add_name(names, id, entry->d_name);
		close(fd);
	}
	return err;
}

static int name_compare(const void *a, const void *b)
{
	const struct name *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

int shunt_netns_names_load(struct shunt *sh, struct shunt_netns_names **result)
{
	struct shunt_netns_names *names;
	int err = 0;
	DIR *dir;

	names = calloc(1, sizeof(*names));
	if (!names)
		return -ENOMEM;
	dir = opendir(NETNS_DIR);
	if (dir) {
		err = load_dir(sh, names, dir);
		closedir(dir);
	}
	if (err) {
		shunt_netns_names_free(names);
		return err;
	}
	if (names->n)
		qsort(names->names, names->n, sizeof(*names->names),
		      name_compare);
	*result = names;
	return 0;
}

const char *shunt_netns_names_find(const struct shunt_netns_names *names,
				   int32_t id)
{
	const struct name key = { .id = id };
	const struct name *name = NULL;

	if (names->n)
		name = bsearch(&key, names->names, names->n, sizeof(key),
			       name_compare);
	return name ? name->text : NULL;
}

void shunt_netns_names_free(struct shunt_netns_names *names)
{
	unsigned int i;

	for (i = 0; i < names->n; i++)
		free(names->names[i].text);
	free(names->names);
	free(names);
}
