#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int from_errno(void)
{
	switch (errno) {
	case ENOENT:
	case ENOTDIR:
		return KITH_ENOENT;
	case EACCES:
	case EPERM:
	case EROFS:
		return KITH_EACCES;
	case ENOSPC:
	case EDQUOT:
		return KITH_ENOSPC;
	case EEXIST:
		return KITH_EEXIST;
	case ENOMEM:
		return KITH_ENOMEM;
	default:
		return KITH_EIO;
	}
}

const char *file_why(int err)
{
	switch (err) {
	case KITH_ENOENT:
		return "there is no such file";
	case KITH_EINVAL:
		return "it is not a regular file";
	case KITH_EMSGSIZE:
		return "it is longer than any such file";
	case KITH_EACCES:
	case KITH_EIO:
		return errno != 0 ? strerror(errno) : kith_strerror(err);
	default:
		return kith_strerror(err);
	}
}

static int read_all(int fd, char **text, size_t *len)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return from_errno();
	if (!S_ISREG(st.st_mode))
		return KITH_EINVAL;
	if (st.st_size > FILE_TEXT_MAX)
		return KITH_EMSGSIZE;
	size_t cap = (size_t)st.st_size;
	char *p = malloc(cap + 1);
	if (p == NULL)
		return KITH_ENOMEM;
	size_t at = 0;
	while (at < cap) {
		ssize_t n = read(fd, p + at, cap - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			free(p);
			return from_errno();
		}
		if (n == 0)
			break;
		at += (size_t)n;
	}
	p[at] = '\0';
	*text = p;
	*len = at;
	return 0;
}

int file_read(const char *path, char **text, size_t *len)
{
	*text = NULL;
	*len = 0;
	/* Without O_NONBLOCK a FIFO in the place of a file would hang the program. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return from_errno();
	int err = read_all(fd, text, len);
	close(fd);
	return err;
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return from_errno();
		text += n;
		len -= (size_t)n;
	}
	return fsync(fd) != 0 ? from_errno() : 0;
}

int file_write(const char *path, mode_t mode, const char *text, size_t len)
{
	char tmp[PATH_TEXT_MAX];
	int n = snprintf(tmp, sizeof tmp, "%s.%ld.tmp", path, (long)getpid());
	if (n < 0 || (size_t)n >= sizeof tmp)
		return KITH_EMSGSIZE;
	int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	/* The number is ours: what has that name was left by a process that had it before us, and ended in the middle
	 * of this. */
	if (fd < 0 && errno == EEXIST && unlink(tmp) == 0)
		fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return from_errno();
	int err = write_all(fd, text, len);
	if (close(fd) != 0 && err == 0)
		err = from_errno();
	if (err == 0 && rename(tmp, path) != 0)
		err = from_errno();
	if (err != 0) {
		int saved = errno;
		(void)unlink(tmp);
		errno = saved;
	}
	return err;
}

/* A file without a name, on systems that have such; else one that loses its name at once. */
static int open_nameless(const char *dir)
{
	char name[PATH_TEXT_MAX];
#ifdef O_TMPFILE
	int fd = open(dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
#endif
	int n = snprintf(name, sizeof name, "%s/.writable.XXXXXX.tmp", dir);
	if (n < 0 || (size_t)n >= sizeof name) {
		errno = ENAMETOOLONG;
		return -1;
	}
	int named = mkstemps(name, sizeof ".tmp" - 1); /* if we end here, the next node removes it by its name */
	if (named >= 0)
		(void)unlink(name);
	return named;
}

int directory_takes_files(const char *path)
{
	const char block[4096] = { 0 };
	int fd = open_nameless(path);
	if (fd < 0)
		return from_errno();
	int err = write_all(fd, block, sizeof block);
	int saved = errno;
	(void)close(fd);
	errno = saved;
	return err;
}

int local_socket(bool nonblocking)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0)
		return -1;
#ifdef SO_NOSIGPIPE
	const int on = 1;
	(void)setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && (!nonblocking || fcntl(fd, F_SETFL, O_NONBLOCK) == 0))
		return fd;
	int why = errno;
	close(fd);
	errno = why;
	return -1;
}

int directory_make(const char *path)
{
	struct stat st;
	if (mkdir(path, 0700) == 0)
		return 0;
	if (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	return from_errno();
}

int path_join(char out[PATH_TEXT_MAX], const char *dir, const char *name)
{
	int n = snprintf(out, PATH_TEXT_MAX, "%s/%s", dir, name);
	return n < 0 || n >= PATH_TEXT_MAX ? KITH_EMSGSIZE : 0;
}

static int add_piece(struct armor *armor, enum kith_armor kind, const uint8_t *bytes, size_t len)
{
	if (armor->n == ARMOR_PIECES_MAX)
		return KITH_EFULL;
	uint8_t *copy = malloc(len > 0 ? len : 1);
	if (copy == NULL)
		return KITH_ENOMEM;
	memcpy(copy, bytes, len);
	struct armor_piece *piece = &armor->pieces[armor->n++];
	piece->kind = kind;
	piece->bytes.p = copy;
	piece->bytes.len = len;
	return 0;
}

int armor_parse(struct armor *armor, const char *text, size_t len)
{
	uint8_t *bytes = malloc(KITH_REVOCATION_LEN_MAX);
	int err = 0;
	memset(armor, 0, sizeof *armor);
	if (bytes == NULL)
		return KITH_ENOMEM;
	while (err == 0) {
		enum kith_armor kind;
		size_t used = 0;
		int n = kith_armor_decode(&kind, bytes, KITH_REVOCATION_LEN_MAX, text, len, &used);
		if (n == KITH_ENOENT)
			break;
		err = n < 0 ? KITH_EPROTO : add_piece(armor, kind, bytes, (size_t)n);
		text += used;
		len -= used;
	}
	free(bytes);
	return err == 0 && armor->n == 0 ? KITH_EPROTO : err;
}

int armor_read(struct armor *armor, const char *path)
{
	char *text;
	size_t len;
	memset(armor, 0, sizeof *armor);
	int err = file_read(path, &text, &len);
	if (err == 0)
		err = armor_parse(armor, text, len);
	free(text);
	return err;
}

void armor_free(struct armor *armor)
{
	for (size_t i = 0; i < armor->n; i++)
		free((void *)(uintptr_t)armor->pieces[i].bytes.p);
	armor->n = 0;
}

const struct armor_piece *armor_find(const struct armor *armor, enum kith_armor kind)
{
	for (size_t i = 0; i < armor->n; i++)
		if (armor->pieces[i].kind == kind)
			return &armor->pieces[i];
	return NULL;
}

bool armor_has_posted(const struct armor *armor)
{
	bool has = false;
	for (size_t i = 0; i < armor->n; i++)
		has = has || is_posted(armor->pieces[i].kind);
	return has;
}

int text_add(struct text *text, const char *bytes, size_t len)
{
	char *p = realloc(text->p, text->len + len + 1);
	if (p == NULL)
		return KITH_ENOMEM;
	memcpy(p + text->len, bytes, len);
	text->p = p;
	text->len += len;
	p[text->len] = '\0';
	return 0;
}

int text_add_armor(struct text *text, enum kith_armor kind, struct kith_span bytes)
{
	size_t cap = kith_armor_size(kind, bytes.len);
	char *armored = malloc(cap);
	if (armored == NULL)
		return KITH_ENOMEM;
	int n = kith_armor_encode(armored, cap, kind, bytes);
	int err = n < 0 ? n : text_add(text, armored, (size_t)n);
	free(armored);
	return err;
}

void text_free(struct text *text)
{
	free(text->p);
	text->p = NULL;
	text->len = 0;
}

int random_fill(uint8_t *out, size_t len)
{
	while (len > 0) {
		ssize_t n = getrandom(out, len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return KITH_EIO;
		out += n;
		len -= (size_t)n;
	}
	return 0;
}
