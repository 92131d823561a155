/* Giving a file. */
#define _POSIX_C_SOURCE 200809L
#include "transfer.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void give_from(struct kith_stream *stream, struct transfer *t)
{
	char ours[HEX + 1], line[LINE], *theirs;
	uint64_t n = strtoull(t->line, &theirs, 10);
	if (theirs == t->line || *theirs != ' ') { /* it takes none: t->line says why */
		(void)kith_stream_finish(stream);
		t->step = OVER;
		return;
	}
	transfer_begin_at(t, n < t->size ? n : t->size);
	transfer_hash(t, ours);
	if (strcmp(ours, theirs + 1) != 0)
		transfer_begin_at(t, 0);
	(void)snprintf(line, sizeof line, "%" PRIu64, t->at);
	transfer_say(stream, line);
	t->step = GIVE_BYTES;
}

/* As much as the stream takes now. Its callback writable leads back here. */
static void give_bytes(struct kith_stream *stream, struct transfer *t)
{
	uint8_t bytes[PIECE];
	char hex[HEX + 1];
	while (t->at < t->size) {
		size_t n = transfer_read(t, bytes, t->size);
		int taken = n > 0 ? kith_stream_write(stream, bytes, n) : kith_stream_reset(stream, 0);
		if (taken <= 0 || n == 0) /* no room; it wants no more; or the file has become shorter */
			return;
		transfer_advance(t, bytes, (size_t)taken);
	}
	transfer_hash(t, hex);
	(void)snprintf(t->last, sizeof t->last, "%s\n", hex);
	t->step = GIVE_HASH;
}

static void give_hash(struct kith_stream *stream, struct transfer *t)
{
	int taken = kith_stream_write(stream, t->last + t->last_len, HEX + 1 - t->last_len);
	t->last_len += taken > 0 ? (size_t)taken : 0;
	if (t->last_len < HEX + 1)
		return;
	(void)kith_stream_finish(stream);
	t->step = GIVE_END;
}

static void on_writable(struct kith_stream *stream, void *user)
{
	struct transfer *t = user;
	if (t->step == GIVE_BYTES)
		give_bytes(stream, t);
	if (t->step == GIVE_HASH)
		give_hash(stream, t);
}

static void on_readable(struct kith_stream *stream, void *user)
{
	struct transfer *t = user;
	if (t->step == OVER || !transfer_read_line(stream, t))
		return;
	if (t->step == GIVE_FROM) {
		give_from(stream, t);
		on_writable(stream, t);
	} else { /* the last word, be it early */
		if (t->step != GIVE_END)
			(void)kith_stream_reset(stream, 0);
		t->step = OVER;
	}
}

int transfer_give(struct kith_conn *conn, const char *path, transfer_done_fn done, void *user)
{
	struct kith_stream_callbacks cb;
	struct kith_stream *stream = NULL;
	struct stat file;
	char line[LINE];
	struct transfer *t = transfer_new(GIVE_FROM, done, user);
	if (t == NULL)
		return KITH_ENOMEM;
	kith_stream_callbacks_init(&cb);
	cb.readable = on_readable;
	cb.writable = on_writable;
	cb.closed = transfer_closed;
	const char *slash = strrchr(path, '/');
	(void)snprintf(t->name, sizeof t->name, "%s", slash != NULL ? slash + 1 : path);
	t->fd = open(path, O_RDONLY | O_CLOEXEC);
	bool is_file = t->fd >= 0 && fstat(t->fd, &file) == 0 && S_ISREG(file.st_mode);
	int err = is_file ? kith_stream_open(conn, 1, &cb, t, &stream) : KITH_ENOENT;
	if (err != 0) {
		if (t->fd >= 0)
			(void)close(t->fd);
		free(t);
		return err;
	}
	t->size = (uint64_t)file.st_size;
	(void)snprintf(line, sizeof line, "%" PRIu64 " %s", t->size, t->name);
	transfer_say(stream, line);
	return 0;
}
