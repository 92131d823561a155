/* The frames of the last data packets, kept to be sealed once more, each time in another way, for another path.
 *
 * Bounds: KITH_RETAIN_PACKETS packets in KITH_RETAIN_BYTES; grows from 4 KiB by doubling; the oldest make room. Without
 * memory a packet is simply not kept.
 * Never: a key, a decision.
 */
#ifndef KITH_PATH_RETAIN_H
#define KITH_PATH_RETAIN_H

#include "base/limits.h"

struct kith_retained {
	uint64_t counter;
	uint32_t offset;
	uint16_t len;
	uint8_t way; /* the last one that it was sealed in */
};

struct kith_retain {
	uint8_t *bytes; /* each packet lies in one piece */
	uint32_t cap, end; /* end: behind the newest packet */
	uint16_t head, n;
	struct kith_retained ring[KITH_RETAIN_PACKETS];
};

/* Counters rise from put to put. way: the last one that the packet may have been sealed in so far. */
void kith_retain_put(struct kith_retain *r, const struct kith_alloc *alloc, uint64_t counter, uint8_t way,
		     struct kith_span frames);

/* Drops all with a counter below. */
void kith_retain_release(struct kith_retain *r, uint64_t below);

/* The oldest with a counter of at least from; false when there is none. */
bool kith_retain_get(const struct kith_retain *r, uint64_t from, uint64_t *counter, struct kith_span *frames);

/* The counter of the n-th newest one; of the oldest when there are fewer, 0 when there is none. */
uint64_t kith_retain_newest(const struct kith_retain *r, unsigned n);

/* Bytes of the packet with that counter; 0: it is not kept. */
uint16_t kith_retain_len(const struct kith_retain *r, uint64_t counter);
/* Of the largest one with a counter of at least from. */
uint16_t kith_retain_largest(const struct kith_retain *r, uint64_t from);

/* The next way to seal the packet with that counter, which is taken by this; 0: it is not kept, or all were taken. */
uint8_t kith_retain_way(struct kith_retain *r, uint64_t counter);

void kith_retain_deinit(struct kith_retain *r, const struct kith_alloc *alloc);

#endif
