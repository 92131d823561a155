/* Token buckets by key: how often a source may ask for something.
 *
 * A bucket is made full when its key first asks.
 * Bounds: max buckets; beyond it a random one gives way, so that who
 * owns many keys gains one burst with each and pushes out others only by chance. Memory is taken when first needed.
 * Never: a clock, a judgement of what a key stands for.
 */
#ifndef KITH_BASE_LIMITER_H
#define KITH_BASE_LIMITER_H

#include "base/table.h"

struct kith_limiter {
	const struct kith_alloc *alloc; /* borrowed, as the next */
	const struct kith_random *random;
	struct kith_table buckets;
	uint32_t rate; /* per second */
	uint32_t burst;
};

/* rate and burst at least 1, burst below 4 million. */
void kith_limiter_init(struct kith_limiter *l, const struct kith_alloc *alloc, const struct kith_random *random,
		       uint32_t max, uint32_t rate, uint32_t burst);
/* The same, with all but the bounds from another one: its secret serves both. */
void kith_limiter_init_beside(struct kith_limiter *l, const struct kith_limiter *other, uint32_t max, uint32_t rate,
			      uint32_t burst);
void kith_limiter_deinit(struct kith_limiter *l);

/* Takes one token; false when there is none, or no memory for a new key. */
bool kith_limiter_allow(struct kith_limiter *l, kith_time_us now, uint64_t key);

#endif
