/* Files of the programs: read whole and bounded, replaced whole or not at all, and texts in armour.
 *
 * All calls block. They return 0 or a negative code; errno of the failing call stays set for the message. */
#ifndef KITH_NODE_FILES_H
#define KITH_NODE_FILES_H

#include <sys/types.h>

#include <kith/kith.h>

#define FILE_TEXT_MAX (16 * 1024 * 1024) /* the longest file that is read: an issuer's ledger of 60,000 certificates */

/* Reads a regular file into malloc'd memory with a NUL after it. KITH_ENOENT, KITH_EACCES, KITH_EMSGSIZE, KITH_EINVAL
 * (not a regular file), KITH_EIO, KITH_ENOMEM. The caller frees *text. */
int file_read(const char *path, char **text, size_t *len) KITH_MUST_USE;

/* Writes to a temporary file beside it, flushes, renames. KITH_EACCES (also: read-only), KITH_ENOSPC, KITH_EIO: the old
 * file is intact. */
int file_write(const char *path, mode_t mode, const char *text, size_t len) KITH_MUST_USE;

/* A stream socket of the local kind, which no child inherits; made by what macOS has as well, where it raises no
 * SIGPIPE. -1 with errno. */
int local_socket(bool nonblocking) KITH_MUST_USE;

/* Makes a directory (0700); one that exists is fine. */
int directory_make(const char *path) KITH_MUST_USE;

/* Whether a file with something in it can be put there; it leaves none behind, however it ends. */
int directory_takes_files(const char *path) KITH_MUST_USE;

/* Joins "dir/name" into out. KITH_EMSGSIZE. */
#define PATH_TEXT_MAX 1024
int path_join(char out[PATH_TEXT_MAX], const char *dir, const char *name) KITH_MUST_USE;

/* What a code means for a file: strerror of errno where that says more than kith_strerror. */
const char *file_why(int err);

/* Pieces of armoured text, in the order in which they stand in it. */
#define ARMOR_PIECES_MAX 64

struct armor_piece {
	enum kith_armor kind;
	struct kith_span bytes; /* malloc'd */
};

struct armor {
	size_t n;
	struct armor_piece pieces[ARMOR_PIECES_MAX];
};

/* Decodes all blocks. KITH_EPROTO: broken, or none; KITH_EFULL; KITH_ENOMEM. Freed with armor_free in any case. */
int armor_parse(struct armor *armor, const char *text, size_t len) KITH_MUST_USE;
int armor_read(struct armor *armor, const char *path) KITH_MUST_USE;
void armor_free(struct armor *armor);

/* What every node of a network should have, and kithd is handed: a revocation list, the head of a log, or the network's
 * parameters. */
static inline bool is_posted(enum kith_armor kind)
{
	return kind == KITH_ARMOR_REVOCATION || kind == KITH_ARMOR_LOG_HEAD || kind == KITH_ARMOR_PARAMS;
}

/* Whether there is such a piece. */
bool armor_has_posted(const struct armor *armor);

/* The first piece of that kind, or NULL. */
const struct armor_piece *armor_find(const struct armor *armor, enum kith_armor kind);

/* A text that grows. */
struct text {
	char *p; /* malloc'd, NUL-terminated; NULL when empty */
	size_t len;
};

int text_add(struct text *text, const char *bytes, size_t len) KITH_MUST_USE;
int text_add_armor(struct text *text, enum kith_armor kind, struct kith_span bytes) KITH_MUST_USE;
void text_free(struct text *text);

/* Fills out with the kernel's randomness. */
int random_fill(uint8_t *out, size_t len) KITH_MUST_USE;

#endif
