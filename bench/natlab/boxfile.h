/* A file that says which links and NATs a box has; natbox_main.c documents its lines.
 *
 * Bounds: those of the box; names have up to KITH_BOXFILE_NAME_MAX bytes. What is wrong is told with file, line, and
 * what was expected. Never: a device.
 */
#ifndef KITH_NATLAB_BOXFILE_H
#define KITH_NATLAB_BOXFILE_H

#include "natlab/box.h"

#define KITH_BOXFILE_NAME_MAX 64u

struct kith_boxfile_link {
	char name[KITH_BOXFILE_NAME_MAX], netns[KITH_BOXFILE_NAME_MAX], device[KITH_BOXFILE_NAME_MAX];
};

struct kith_boxfile {
	struct kith_box *box; /* the caller frees it */
	int links_n, nats_n; /* numbers are the box's */
	struct kith_boxfile_link links[KITH_BOX_LINKS_MAX];
	char nats[KITH_BOX_NATS_MAX][KITH_BOXFILE_NAME_MAX];
};

/* Makes the box. An error: why says it, and there is no box. alloc is borrowed by the box. */
int kith_boxfile_read(struct kith_boxfile *out, const struct kith_alloc *alloc, uint64_t seed, uint8_t hops,
		      const char *path, char *why, size_t why_len);

/* What "LINK LINK [KEY=VALUE...]" says of a way of the core; that is done. An error: why says it, nothing is done. */
int kith_boxfile_set_way(struct kith_boxfile *f, char *words, char *why, size_t why_len);

/* Whether text is an address, without a port. */
bool kith_boxfile_address(const char *text, struct kith_addr *out);

/* By name; negative: there is none. */
int kith_boxfile_find_link(const struct kith_boxfile *f, const char *name);
int kith_boxfile_find_nat(const struct kith_boxfile *f, const char *name);

#endif
