/* Token buckets by key and kind: how often a source may ask for something.
 *
 * A bucket is made full when its key first asks for that kind, and forgotten some time after it is full again: for each
 * that is made two others are looked at. The kinds share one table, and each has its own rate.
 * Bounds: max buckets; beyond it a random one gives way, so that who owns many keys gains one burst with each and
 * pushes out others only by chance: a key that was never seen always finds room. Memory is taken when first needed.
 * Never: a clock, a judgement of what a key or a kind stands for.
 */
#ifndef KITH_BASE_LIMITER_H
#define KITH_BASE_LIMITER_H

#include "base/table.h"

/* So many tokens in so many seconds, each at least 1; and so many at once, below 4 million. */
struct kith_rate {
	uint32_t tokens, seconds, burst;
};

struct kith_limiter {
	const struct kith_alloc *alloc; /* borrowed, as the next two */
	const struct kith_random *random;
	const struct kith_rate *rates; /* by kind */
	struct kith_table buckets;
	uint32_t sweep; /* where looking for full ones has got to */
};

void kith_limiter_init(struct kith_limiter *l, const struct kith_alloc *alloc, const struct kith_random *random,
		       uint32_t max, const struct kith_rate *rates);
void kith_limiter_deinit(struct kith_limiter *l);

/* Takes one token; false when there is none, or no memory for a new key. */
bool kith_limiter_allow(struct kith_limiter *l, kith_time_us now, uint64_t key, uint8_t kind);

/* Whether the key has asked for nothing of that kind lately: its bucket is full, or there is none. Takes nothing. */
bool kith_limiter_rested(const struct kith_limiter *l, kith_time_us now, uint64_t key, uint8_t kind);

#endif
