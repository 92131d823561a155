/* Many small elements of one size, each with a number of 32 bits: half of a pointer, where elements refer to others.
 *
 * They lie in chunks of KITH_SLOTS_CHUNK elements and do not move. A chunk of which no element is used is given back,
 * and of those that have room the one with the lowest number is used first, so that those behind it become empty.
 * Invariants: 0 is no element's number; a number is used again only once its element was given back.
 * Bounds: grows by one chunk; how many there may be is the caller's. Besides the elements a chunk costs 8 bytes, a
 * pointer and a bit.
 * Never: an element that is cleared when it is given back.
 */
#ifndef KITH_BASE_SLOTS_H
#define KITH_BASE_SLOTS_H

#include <kith/types.h>

#define KITH_SLOTS_CHUNK 32u

struct kith_slots_chunk;

struct kith_slots {
	const struct kith_alloc *alloc; /* borrowed */
	struct kith_slots_chunk **chunks; /* NULL: given back */
	uint32_t *full; /* a bit for each chunk that has no free element: what is searched for one is one word for 32 */
	uint32_t chunks_n, chunks_cap;
	uint32_t room; /* no chunk before that one has a free element */
	uint32_t size; /* of an element, a multiple of 8 */
	uint32_t n; /* elements that are used */
};

/* size is rounded up to a multiple of 8. Allocates nothing. */
void kith_slots_init(struct kith_slots *s, const struct kith_alloc *alloc, size_t size);
/* All elements must have been given back. */
void kith_slots_deinit(struct kith_slots *s);

/* An element, all zero, by its number; 0: out of memory. */
uint32_t kith_slots_take(struct kith_slots *s) KITH_MUST_USE;
void kith_slots_give(struct kith_slots *s, uint32_t number);

/* The element with that number; NULL for 0. */
void *kith_slots_at(const struct kith_slots *s, uint32_t number);

#endif
