/* The state directory; see statedir.h. */
#include "host/statedir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "host/system.h"

#define LOCK_NAME "lock"
#define TMP_SUFFIX ".tmp"

enum {
	NAME_LEN_MAX = 4096,
	ASIDE_MAX = 9 /* files that could not be used: more than anybody looks into */
};

/* Opens without following a link in the last place. Returns the descriptor or -1. */
static int open_retry(int dir, const char *name, int flags, mode_t mode)
{
	int fd;
	do
		fd = openat(dir, name, flags | O_CLOEXEC, mode);
	while (fd < 0 && errno == EINTR);
	return fd;
}

static int write_all(int fd, struct kith_span bytes)
{
	while (bytes.len > 0) {
		ssize_t n = write(fd, bytes.p, bytes.len);
		if (n < 0) {
			if (errno == EINTR)
				continue;
			return kith_system_err(errno);
		}
		if (n == 0)
			return KITH_EIO;
		bytes.p += n;
		bytes.len -= (size_t)n;
	}
	return 0;
}

static int sync_fd(int fd)
{
	while (fsync(fd) != 0) {
		if (errno == EINTR)
			continue;
		/* Some file systems cannot sync a directory: then there is nothing that we could do better. */
		if (errno == EINVAL || errno == ENOTSUP)
			return 0;
		return kith_system_err(errno);
	}
	return 0;
}

/* The directory that holds name is synced, so that the rename survives a power cut. */
static int sync_directory_of(int dir_fd, const char *name)
{
	char path[NAME_LEN_MAX];
	const char *slash = strrchr(name, '/');
	size_t len = slash == NULL ? 0 : (size_t)(slash - name);
	if (slash == NULL && dir_fd != AT_FDCWD)
		return sync_fd(dir_fd);
	if (len >= sizeof path)
		return KITH_EINVAL;
	if (slash == NULL) {
		memcpy(path, ".", 2);
	} else {
		memcpy(path, name, len == 0 ? 1 : len);
		path[len == 0 ? 1 : len] = '\0';
	}
	int fd = open_retry(dir_fd, path, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return kith_system_err(errno);
	int err = sync_fd(fd);
	(void)close(fd);
	return err;
}

/* Writes the temporary file. What a crash left of an earlier one is removed first: O_EXCL makes sure that it is
 * ours. */
static int write_temporary(int dir_fd, const char *tmp, struct kith_span bytes)
{
	int fd = open_retry(dir_fd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	if (fd < 0 && errno == EEXIST && (unlinkat(dir_fd, tmp, 0) == 0 || unlinkat(dir_fd, tmp, AT_REMOVEDIR) == 0))
		fd = open_retry(dir_fd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	if (fd < 0)
		return kith_system_err(errno);
	int err = write_all(fd, bytes);
	if (err == 0)
		err = sync_fd(fd);
	if (close(fd) != 0 && err == 0 && errno != EINTR)
		err = kith_system_err(errno);
	return err;
}

int kith_file_replace(int dir_fd, const char *name, struct kith_span bytes, bool replace)
{
	char tmp[NAME_LEN_MAX];
	if (bytes.len > KITH_STATE_FILE_MAX)
		return KITH_EMSGSIZE;
	int n = snprintf(tmp, sizeof tmp, "%s" TMP_SUFFIX, name);
	if (n < 0 || (size_t)n >= sizeof tmp)
		return KITH_EINVAL;
	int err = write_temporary(dir_fd, tmp, bytes);
	if (err == 0) {
		/* A link, unlike a rename, refuses to take the place of another file. */
		int r = replace ? renameat(dir_fd, tmp, dir_fd, name) : linkat(dir_fd, tmp, dir_fd, name, 0);
		err = r == 0 ? 0 : kith_system_err(errno);
		if (r == 0 && replace)
			return sync_directory_of(dir_fd, name);
	}
	(void)unlinkat(dir_fd, tmp, 0);
	return err != 0 ? err : sync_directory_of(dir_fd, name);
}

static int read_all(int fd, uint8_t *out, size_t len)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = read(fd, out + at, len - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? kith_system_err(errno) : KITH_EIO;
		at += (size_t)n;
	}
	return 0;
}

int kith_file_read(int dir_fd, const char *name, size_t max, const struct kith_alloc *alloc, uint8_t **out, size_t *len)
{
	struct stat st;
	int err = 0;
	*out = NULL;
	*len = 0;
	int fd = open_retry(dir_fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0)
		return kith_system_err(errno);
	if (fstat(fd, &st) != 0)
		err = kith_system_err(errno);
	else if (!S_ISREG(st.st_mode))
		err = KITH_EINVAL;
	else if (st.st_size < 0 || (uint64_t)st.st_size > max)
		err = KITH_EMSGSIZE;
	if (err == 0 && st.st_size > 0) {
		*len = (size_t)st.st_size;
		*out = kith_alloc_zero(alloc, *len);
		err = *out == NULL ? KITH_ENOMEM : read_all(fd, *out, *len);
		if (err != 0) {
			kith_alloc_free(alloc, *out, *len);
			*out = NULL;
			*len = 0;
		}
	}
	(void)close(fd);
	return err;
}

/* The process that has the lock, if it can be told. */
static void lock_holder(int fd, char *out, size_t cap)
{
	char text[32];
	ssize_t n = pread(fd, text, sizeof text - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	bool number = text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
	out[0] = '\0';
	if (number)
		(void)snprintf(out, cap, " (process %s)", text);
}

static int take_lock(struct kith_statedir *d, const char *path, char *why)
{
	char text[32], holder[64];
	d->lock = open_retry(d->dir, LOCK_NAME, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
	if (d->lock < 0) {
		int err = kith_system_err(errno);
		(void)snprintf(why, KITH_STATE_WHY_MAX, "cannot write in the state directory %s: %s", path,
			       strerror(errno));
		return err;
	}
	if (flock(d->lock, LOCK_EX | LOCK_NB) != 0) {
		int err = errno == EWOULDBLOCK ? KITH_ESTATE : kith_system_err(errno);
		lock_holder(d->lock, holder, sizeof holder);
		(void)snprintf(why, KITH_STATE_WHY_MAX, "the state directory %s is in use by another node%s", path,
			       holder);
		return err;
	}
	/* Only shown to a process that comes second; a full disk is no reason to fail here. */
	int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
	if (ftruncate(d->lock, 0) == 0 && n > 0 && pwrite(d->lock, text, (size_t)n, 0) < 0)
		return 0;
	return 0;
}

/* What a crash left: only whoever has the lock knows that nobody writes it just now. */
static void remove_temporaries(const struct kith_statedir *d)
{
	int fd = open_retry(d->dir, ".", O_RDONLY | O_DIRECTORY, 0);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (dir == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return; /* they do no harm */
	}
	for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
		size_t len = strlen(e->d_name), suffix = strlen(TMP_SUFFIX);
		if (len > suffix && strcmp(e->d_name + len - suffix, TMP_SUFFIX) == 0)
			(void)unlinkat(d->dir, e->d_name, 0);
	}
	(void)closedir(dir);
}

int kith_statedir_open(struct kith_statedir *d, const char *path, char *why)
{
	char unused[KITH_STATE_WHY_MAX];
	if (why == NULL)
		why = unused;
	why[0] = '\0';
	d->dir = d->lock = -1;
	if (mkdir(path, 0700) != 0 && errno != EEXIST) {
		int err = kith_system_err(errno);
		(void)snprintf(why, KITH_STATE_WHY_MAX, "cannot make the state directory %s: %s", path,
			       strerror(errno));
		return err;
	}
	d->dir = open_retry(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
	if (d->dir < 0) {
		int err = kith_system_err(errno);
		(void)snprintf(why, KITH_STATE_WHY_MAX, "cannot open the state directory %s: %s", path,
			       strerror(errno));
		return err;
	}
	int err = take_lock(d, path, why);
	if (err != 0)
		kith_statedir_close(d);
	else
		remove_temporaries(d);
	return err;
}

void kith_statedir_close(struct kith_statedir *d)
{
	if (d->lock >= 0)
		(void)close(d->lock);
	if (d->dir >= 0)
		(void)close(d->dir);
	d->dir = d->lock = -1;
}

int kith_statedir_save(const struct kith_statedir *d, const char *name, struct kith_span bytes)
{
	return kith_file_replace(d->dir, name, bytes, true);
}

int kith_statedir_save_over(const struct kith_statedir *d, const char *name, struct kith_span bytes)
{
	char old[KITH_STATE_NAME_MAX];
	int n = snprintf(old, sizeof old, "%s.old", name);
	if (n < 0 || (size_t)n >= sizeof old)
		return KITH_EINVAL;
	/* A link, so that the name is never gone. Where a file system has none, the file is away for a moment, and who
	 * finds the name gone takes the old one. What fails here fails louder when the file itself is written. */
	if (faccessat(d->dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		(void)unlinkat(d->dir, old, 0);
		if (linkat(d->dir, name, d->dir, old, 0) != 0)
			(void)renameat(d->dir, name, d->dir, old);
	}
	return kith_file_replace(d->dir, name, bytes, true);
}

int kith_statedir_load(const struct kith_statedir *d, const char *name, const struct kith_alloc *alloc, uint8_t **out,
		       size_t *len)
{
	struct stat st;
	if (fstatat(d->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode)) {
		*out = NULL;
		*len = 0;
		return KITH_EINVAL;
	}
	return kith_file_read(d->dir, name, KITH_STATE_FILE_MAX, alloc, out, len);
}

int kith_statedir_aside(const struct kith_statedir *d, const char *name, char out[KITH_STATE_NAME_MAX])
{
	struct stat st;
	for (int i = 1; i <= ASIDE_MAX; i++) {
		int n = snprintf(out, KITH_STATE_NAME_MAX, i == 1 ? "%s.bad" : "%s.bad%d", name, i);
		if (n < 0 || n >= KITH_STATE_NAME_MAX)
			return KITH_EINVAL;
		if (fstatat(d->dir, out, &st, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT)
			break;
	}
	if (renameat(d->dir, name, d->dir, out) != 0)
		return kith_system_err(errno);
	return sync_fd(d->dir);
}
