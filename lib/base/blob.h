/* Reference-counted immutable bytes: certificates, records, member entries. Interned in a table that cores of one
 * thread may share, so that a record known to a thousand cores of a simulation is stored once.
 *
 * Not thread-safe: a table belongs to one thread. A blob holds its allocator only through its table.
 */
#ifndef KITH_BASE_BLOB_H
#define KITH_BASE_BLOB_H

#include "base/table.h"

struct kith_blob {
	uint32_t refs;
	uint32_t len;
	uint8_t digest[16]; /* of the bytes: the intern key */
	uint8_t bytes[];
};

struct kith_blobs {
	struct kith_table table;
	const struct kith_alloc *alloc;
	size_t bytes; /* held in all blobs, headers included */
};

void kith_blobs_init(struct kith_blobs *bs, const struct kith_alloc *alloc, uint32_t max, const uint64_t seed[2]);

/* All blobs must have been released: asserts that none is left. */
void kith_blobs_deinit(struct kith_blobs *bs);

/* One reference to a blob with these bytes, new or shared. NULL when full or out of memory. */
struct kith_blob *kith_blob_intern(struct kith_blobs *bs, const uint8_t *p, size_t len) KITH_MUST_USE;

struct kith_blob *kith_blob_ref(struct kith_blob *b);

/* Drops one reference, frees at the last; NULL is allowed. */
void kith_blob_unref(struct kith_blobs *bs, struct kith_blob *b);

static inline struct kith_span kith_blob_span(const struct kith_blob *b)
{
	struct kith_span s = { b != NULL ? b->bytes : NULL, b != NULL ? b->len : 0 };
	return s;
}

#endif
