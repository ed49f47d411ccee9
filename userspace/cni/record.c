// SPDX-License-Identifier: GPL-2.0
/*
 * Records: who may have got an address. Aliases tell whose devices are, but an
 * address outlives its device, and some plugins for addresses know no GC. So
 * there is an empty file for each attachment, from before the ADD of its
 * addresses until after their DEL: DIRECTORY/NETWORK/CONTAINER:IFNAME, none of
 * which has colons.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cni.h"

static int failed(struct cni *cni, const char *path)
{
	return cni_fail(cni, CNI_IO, "%s: %s", path, strerror(errno));
}

static char *directory(const struct cni *cni)
{
	char *path;

	return asprintf(&path, "%s/%s", cni->config.data_dir,
			cni->config.name) < 0 ? NULL : path;
}

static char *file(const struct cni *cni, const char *container,
		  const char *ifname)
{
	char *dir = directory(cni), *path = NULL;

	if (dir && asprintf(&path, "%s/%s:%s", dir, container, ifname) < 0)
		path = NULL;
	free(dir);
	return path;
}

/* All directories that PATH is in. It ends at the one that failed. */
static int make_directories(char *path)
{
	char *slash = path;

	while ((slash = strchr(slash + 1, '/'))) {
		*slash = 0;
		if (mkdir(path, 0755) && errno != EEXIST)
			return -1;
		*slash = '/';
	}
	return 0;
}

/**
 * cni_record_check() - could an ADD make a record?
 * @cni: the run, of STATUS
 */
int cni_record_check(struct cni *cni)
{
	char *path = file(cni, "", "");
	int err;

	if (!path)
		return cni_fail(cni, CNI_FAILED, "out of memory");
	err = make_directories(path);
	if (!err) {
		*strrchr(path, '/') = 0;
		err = access(path, W_OK | X_OK);
	}
	if (err)
		err = cni_fail(cni, CNI_UNAVAILABLE, "\"dataDir\": %s: %s",
			       path, strerror(errno));
	free(path);
	return err;
}

/**
 * cni_record_add() - remember that the attachment may get addresses
 * @cni: the run, of ADD
 */
int cni_record_add(struct cni *cni)
{
	char *path = file(cni, cni->env.container, cni->env.ifname);
	int fd = -1, err = 0;

	if (!path)
		return cni_fail(cni, CNI_FAILED, "out of memory");
	if (!make_directories(path))
		fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	if (fd < 0)
		err = failed(cni, path);
	else
		close(fd);
	free(path);
	return err;
}

/**
 * cni_record_del() - forget an attachment, which has no addresses any more
 * @cni: the run
 * @container: its id
 * @ifname: the name of its device
 *
 * That there is no record is no error, nor that its name would be too long for
 * one.
 */
int cni_record_del(struct cni *cni, const char *container, const char *ifname)
{
	char *path = file(cni, container, ifname);
	int err = 0;

	if (!path)
		return cni_fail(cni, CNI_FAILED, "out of memory");
	if (unlink(path) && errno != ENOENT && errno != ENOTDIR &&
	    errno != ENAMETOOLONG)
		err = failed(cni, path);
	free(path);
	return err;
}

/**
 * cni_record_each() - go through all attachments of the network
 * @cni: the run
 * @call: what is called for each of them; may remove its record
 */
int cni_record_each(struct cni *cni,
		    void (*call)(struct cni *cni, const char *container,
				 const char *ifname))
{
	char *path = directory(cni), *colon;
	struct dirent *entry;
	DIR *records;
	int err = 0;

	if (!path)
		return cni_fail(cni, CNI_FAILED, "out of memory");
	records = opendir(path);
	if (!records && errno != ENOENT)
		err = failed(cni, path);
	while (records && (entry = readdir(records))) {
		colon = strchr(entry->d_name, ':');
		if (!colon)
			continue;
		*colon = 0;
		call(cni, entry->d_name, colon + 1);
	}
	if (records)
		closedir(records);
	free(path);
	return err;
}
