/* One file on one stream, which carries these lines and bytes:
 *     giver    SIZE NAME
 *     taker    N HASH      how many bytes it has in NAME.part, and their SHA-256; or why it takes none
 *     giver    FROM        N, or 0 if its own file begins otherwise; then the bytes, and a line with the SHA-256 of all
 *     taker    done        the file has its name now; or what went wrong
 * Only the end of a stream (its callback fin) is an end: one that was cut is closed with KITH_ECUT. What has come by
 * then stays, and the next attempt goes on from there.
 *
 * Files are read and written on the loop's thread, which is fine for one user's. Who serves many uses uv_fs_read. */
#ifndef SEND_TRANSFER_H
#define SEND_TRANSFER_H

#include <limits.h>

#include <sodium.h>

#include <kith/kith.h>

#define DONE "done" /* what the taker says when all went well */

enum { LINE = 512, PIECE = 65536, HEX = 2 * crypto_hash_sha256_BYTES };

/* What comes next. */
enum step { TAKE_HEAD, TAKE_FROM, TAKE_BYTES, TAKE_HASH, TAKE_END, GIVE_FROM, GIVE_BYTES, GIVE_HASH, GIVE_END, OVER };

/* The stream is closed. err is 0 if the two have said all to each other: why is then the taker's last word. */
typedef void (*transfer_done_fn)(const char *name, int err, const char *why, void *user);

struct transfer {
	enum step step;
	int fd, inbox;
	char name[NAME_MAX + 1], part[NAME_MAX + 8];
	char line[LINE]; /* that comes; and how much of it has */
	size_t line_len;
	char last[HEX + 2]; /* that goes at the end; and how much of it is gone */
	size_t last_len;
	uint64_t size, at, told_at, told_ms; /* of the file; so far; when progress was told */
	crypto_hash_sha256_state hash; /* of the bytes before at */
	transfer_done_fn done;
	void *user;
};

/* give.c: opens a stream, and sends the file of that path. done is called once, unless an error is returned. */
int transfer_give(struct kith_conn *conn, const char *path, transfer_done_fn done, void *user);

/* take.c: takes a file into the directory inbox from a stream that the other side has opened. As above. */
int transfer_take(struct kith_stream *stream, int inbox, transfer_done_fn done, void *user);

/* transfer.c: what both need. */
struct transfer *transfer_new(enum step step, transfer_done_fn done, void *user); /* NULL: no memory */
void transfer_closed(struct kith_stream *stream, int err, void *transfer); /* the callback of that name, of both */
size_t transfer_read(const struct transfer *t, uint8_t bytes[PIECE], uint64_t end); /* the next of the file; 0: none */
void transfer_begin_at(struct transfer *t, uint64_t n); /* goes on after n bytes of the file, and hashes these */
void transfer_advance(struct transfer *t, const uint8_t *bytes, size_t n); /* the next are dealt with */
void transfer_hash(const struct transfer *t, char hex[HEX + 1]); /* of the bytes before at */
void transfer_say(struct kith_stream *stream, const char *line);
bool transfer_read_line(struct kith_stream *stream, struct transfer *t); /* a whole one has come: it is in t->line */

#endif
