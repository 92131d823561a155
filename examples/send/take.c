/* Taking a file. */
#define _DEFAULT_SOURCE /* flock */
#include "transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* The last word of the taker. It stays in t->line. */
static void answer(struct kith_stream *stream, struct transfer *t, const char *text)
{
	t->step = OVER;
	(void)snprintf(t->line, sizeof t->line, "%s", text);
	transfer_say(stream, text);
	(void)kith_stream_finish(stream);
	(void)kith_stream_stop(stream, 0); /* if there is more, it may be kept */
}

/* What others send must not leave the inbox, hide in it, or pass for a part of something. */
static bool name_is_good(const char *name)
{
	size_t len = strlen(name);
	return len > 0 && len < NAME_MAX - 5 && name[0] != '.' && strchr(name, '/') == NULL &&
	       (len < 5 || strcmp(name + len - 5, ".part") != 0);
}

static void take_head(struct kith_stream *stream, struct transfer *t)
{
	char hex[HEX + 1], line[LINE], *name;
	struct stat part;
	t->size = strtoull(t->line, &name, 10);
	if (name == t->line || *name != ' ' || t->size > INT64_MAX || !name_is_good(++name)) {
		answer(stream, t, "such a name is not taken");
		return;
	}
	(void)snprintf(t->name, sizeof t->name, "%s", name);
	(void)snprintf(t->part, sizeof t->part, "%s.part", t->name);
	errno = EEXIST;
	if (faccessat(t->inbox, t->name, F_OK, 0) != 0)
		t->fd = openat(t->inbox, t->part, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (t->fd < 0 || flock(t->fd, LOCK_EX | LOCK_NB) != 0 || fstat(t->fd, &part) != 0) {
		answer(stream, t, strerror(errno));
		return;
	}
	transfer_begin_at(t, (uint64_t)part.st_size);
	transfer_hash(t, hex);
	(void)snprintf(line, sizeof line, "%" PRIu64 " %s", t->at, hex);
	transfer_say(stream, line);
	t->step = TAKE_FROM;
}

static void take_from(struct kith_stream *stream, struct transfer *t)
{
	uint64_t from = strtoull(t->line, NULL, 10);
	t->step = TAKE_BYTES;
	if (from != t->at)
		transfer_begin_at(t, 0);
	if (from != t->at || ftruncate(t->fd, (off_t)from) != 0)
		answer(stream, t, "it cannot go on from there");
	else if (from > 0)
		printf("%s: goes on after %" PRIu64 " bytes\n", t->name, from);
}

static void take_bytes(struct kith_stream *stream, struct transfer *t)
{
	uint8_t bytes[PIECE];
	while (t->at < t->size) {
		int n = kith_stream_read(stream, bytes, t->size - t->at < PIECE ? (size_t)(t->size - t->at) : PIECE,
					 NULL);
		if (n <= 0)
			return;
		if (pwrite(t->fd, bytes, (size_t)n, (off_t)t->at) != n) {
			answer(stream, t, "it cannot be written");
			return;
		}
		transfer_advance(t, bytes, (size_t)n);
	}
	t->step = TAKE_HASH;
}

/* The other side has ended its half, so this is all. */
static void on_fin(struct kith_stream *stream, void *user)
{
	struct transfer *t = user;
	char hex[HEX + 1];
	if (t->step != TAKE_END)
		return;
	transfer_hash(t, hex);
	if (strcmp(t->line, hex) != 0) {
		(void)unlinkat(t->inbox, t->part, 0); /* nothing to go on from */
		answer(stream, t, "its hash is another one");
	} else if (fsync(t->fd) != 0 || linkat(t->inbox, t->part, t->inbox, t->name, 0) != 0) { /* never over another */
		answer(stream, t, strerror(errno));
	} else {
		(void)unlinkat(t->inbox, t->part, 0);
		answer(stream, t, DONE);
	}
}

static void on_readable(struct kith_stream *stream, void *user)
{
	struct transfer *t = user;
	if (t->step == TAKE_HEAD && transfer_read_line(stream, t))
		take_head(stream, t);
	if (t->step == TAKE_FROM && transfer_read_line(stream, t))
		take_from(stream, t);
	if (t->step == TAKE_BYTES)
		take_bytes(stream, t);
	if (t->step == TAKE_HASH && transfer_read_line(stream, t))
		t->step = TAKE_END;
}

int transfer_take(struct kith_stream *stream, int inbox, transfer_done_fn done, void *user)
{
	struct kith_stream_callbacks cb;
	struct transfer *t = transfer_new(TAKE_HEAD, done, user);
	if (t == NULL)
		return KITH_ENOMEM;
	t->inbox = inbox;
	kith_stream_callbacks_init(&cb);
	cb.readable = on_readable;
	cb.fin = on_fin;
	cb.closed = transfer_closed;
	return kith_stream_set_callbacks(stream, &cb, t);
}
