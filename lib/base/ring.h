/* A byte ring of bounded capacity that grows up to its bound: stream buffers. Reading never copies more than asked;
 * kith_ring_peek gives the longest contiguous piece.
 */
#ifndef KITH_BASE_RING_H
#define KITH_BASE_RING_H

#include <kith/types.h>

struct kith_ring {
	uint8_t *p;
	size_t cap, head, len; /* head: offset of the first byte; cap is 0 or a power of two */
	size_t max;
	const struct kith_alloc *alloc; /* borrowed */
};

/* max is rounded up to a power of two. Nothing is allocated yet. */
void kith_ring_init(struct kith_ring *r, const struct kith_alloc *alloc, size_t max);
void kith_ring_deinit(struct kith_ring *r);

/* Copies as much as fits, growing up to max; returns how many bytes were taken (0 when full or out of memory). */
size_t kith_ring_write(struct kith_ring *r, const uint8_t *p, size_t len);

/* The contiguous bytes starting offset bytes after the first; empty past the end. */
struct kith_span kith_ring_peek(const struct kith_ring *r, size_t offset);

/* Drops the first len bytes; len <= r->len. */
void kith_ring_consume(struct kith_ring *r, size_t len);

/* Copies out and drops up to len bytes; returns how many. */
size_t kith_ring_read(struct kith_ring *r, uint8_t *out, size_t len);

static inline size_t kith_ring_space(const struct kith_ring *r)
{
	return r->max - r->len;
}

/* Frees the memory of an empty ring (it grows again when written). */
void kith_ring_trim(struct kith_ring *r);

#endif
