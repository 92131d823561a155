/* The state directory: small files that are replaced as a whole, or not at all.
 *
 * A file is written under a temporary name in the same directory, synced, renamed over the old one, and the
 * directory is synced: after a crash, a full disk or a failed write the old contents are there. Temporary files that a
 * crash left are removed when the directory is opened. The directory (0700) is locked while it is open, so that two
 * nodes do not overwrite each other's state; the lock ends with the process, however that ends.
 * A file that cannot be used is put aside under another name, where it is in nobody's way and can still be looked into.
 * Blocks: run it on the thread pool. Save and load touch only the directory's descriptor and may run on any one
 * thread at a time.
 * Bounds: a file is at most KITH_STATE_FILE_MAX bytes. Names are the library's own, never a path.
 * Never: follows a symbolic link in place of a file; says anything about time: when a file was written, says the clock
 *   that may be wrong.
 */
#ifndef KITH_HOST_STATEDIR_H
#define KITH_HOST_STATEDIR_H

#include <kith/err.h>
#include <kith/types.h>

#define KITH_STATE_FILE_MAX (16u * 1024 * 1024) /* a supernode's records of an hour; what is longer is not ours */
#define KITH_STATE_WHY_MAX 256
#define KITH_STATE_NAME_MAX 32

struct kith_statedir {
	int dir; /* -1: closed */
	int lock;
};

/* Makes the directory if it is missing (not its parents), opens and locks it. KITH_ESTATE: another node has it;
 * KITH_EACCES, KITH_ENOSPC, KITH_ENOENT (no parent), KITH_EIO. why (KITH_STATE_WHY_MAX bytes, may be NULL) says it
 * in words. */
int kith_statedir_open(struct kith_statedir *d, const char *path, char *why) KITH_MUST_USE;
void kith_statedir_close(struct kith_statedir *d);

/* Replaces a file. On failure the old one is intact, and nothing else is left behind. KITH_ENOSPC, KITH_EACCES
 * (also: read-only), KITH_EIO, KITH_EMSGSIZE. */
int kith_statedir_save(const struct kith_statedir *d, const char *name, struct kith_span bytes) KITH_MUST_USE;

/* The same, and what was there before stays, under name and ".old". */
int kith_statedir_save_over(const struct kith_statedir *d, const char *name, struct kith_span bytes) KITH_MUST_USE;

/* Reads a file into memory from alloc, to be freed with *len. An empty file gives NULL and 0. KITH_ENOENT,
 * KITH_EACCES, KITH_EIO, KITH_EMSGSIZE, KITH_ENOMEM; KITH_EINVAL: no file, but a directory or the like. */
int kith_statedir_load(const struct kith_statedir *d, const char *name, const struct kith_alloc *alloc, uint8_t **out,
		       size_t *len) KITH_MUST_USE;

/* Renames whatever has that name to name and ".bad", or ".bad2" to ".bad9" when there are such; the last is replaced.
 * The name that it has then is written to out. */
int kith_statedir_aside(const struct kith_statedir *d, const char *name, char out[KITH_STATE_NAME_MAX]) KITH_MUST_USE;

/* The same two for a file anywhere: dir_fd may be AT_FDCWD and name a path. replace false: KITH_EEXIST when there is
 * one. */
int kith_file_replace(int dir_fd, const char *name, struct kith_span bytes, bool replace) KITH_MUST_USE;
int kith_file_read(int dir_fd, const char *name, size_t max, const struct kith_alloc *alloc, uint8_t **out,
		   size_t *len) KITH_MUST_USE;

#endif
