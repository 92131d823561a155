/* What giving and taking have in common: where the file is read, its hash, lines, and the end. */
#define _POSIX_C_SOURCE 200809L
#include "transfer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

struct transfer *transfer_new(enum step step, transfer_done_fn done, void *user)
{
	struct transfer *t = calloc(1, sizeof *t);
	if (t == NULL)
		return NULL;
	t->step = step;
	t->done = done;
	t->user = user;
	t->fd = t->inbox = -1;
	return t;
}

void transfer_closed(struct kith_stream *stream, int err, void *transfer)
{
	struct transfer *t = transfer;
	(void)stream;
	if (t->fd >= 0)
		(void)close(t->fd);
	if (err == 0 && t->step != OVER)
		err = KITH_EPROTO;
	t->done(t->name, err, err == 0 ? t->line : kith_strerror(err), t->user);
	free(t);
}

/* n more bytes, which stand at t->at of the file. */
void transfer_advance(struct transfer *t, const uint8_t *bytes, size_t n)
{
	uint64_t ms = uv_now(uv_default_loop()) - t->told_ms;
	(void)crypto_hash_sha256_update(&t->hash, bytes, n);
	t->at += n;
	if (t->at < t->size && ms < 500)
		return;
	printf("%s: %" PRIu64 " of %" PRIu64 " bytes, %.1f MB/s%s", t->name, t->at, t->size,
	       (double)(t->at - t->told_at) / (1000 * (double)(ms + 1)), t->at < t->size && isatty(1) ? "  \r" : "\n");
	(void)fflush(stdout);
	t->told_ms += ms;
	t->told_at = t->at;
}

size_t transfer_read(const struct transfer *t, uint8_t bytes[PIECE], uint64_t end)
{
	ssize_t n = pread(t->fd, bytes, end - t->at < PIECE ? (size_t)(end - t->at) : PIECE, (off_t)t->at);
	return n > 0 ? (size_t)n : 0;
}

/* Goes on after the first n bytes of the file, and hashes these. */
void transfer_begin_at(struct transfer *t, uint64_t n)
{
	uint8_t bytes[PIECE];
	size_t got;
	(void)crypto_hash_sha256_init(&t->hash);
	for (t->at = 0; t->at < n && (got = transfer_read(t, bytes, n)) > 0; t->at += got)
		(void)crypto_hash_sha256_update(&t->hash, bytes, got);
	t->told_at = t->at;
	t->told_ms = uv_now(uv_default_loop());
}

/* Of the bytes before at, in hex; more may follow. */
void transfer_hash(const struct transfer *t, char hex[HEX + 1])
{
	uint8_t hash[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state copy = t->hash;
	(void)crypto_hash_sha256_final(&copy, hash);
	(void)sodium_bin2hex(hex, HEX + 1, hash, sizeof hash);
}

/* A stream has room for 256 KiB at first, and little is written before a line: it is taken as a whole. */
void transfer_say(struct kith_stream *stream, const char *line)
{
	char text[LINE + 1];
	int len = snprintf(text, sizeof text, "%s\n", line);
	if (kith_stream_write(stream, text, (size_t)len) != len)
		(void)kith_stream_close(stream); /* or it is over */
}

bool transfer_read_line(struct kith_stream *stream, struct transfer *t)
{
	char c;
	while (kith_stream_read(stream, &c, 1, NULL) == 1) {
		if (c != '\n' && t->line_len + 1 < LINE) {
			t->line[t->line_len++] = (unsigned char)c < ' ' ? '?' : c; /* a terminal would obey it */
			continue;
		}
		t->line[t->line_len] = '\0';
		t->line_len = 0;
		return true;
	}
	return false;
}
