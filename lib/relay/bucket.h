/* Token buckets of the forwarding table, in millionths of a byte: filling is exact at any step.
 *
 * Never: a clock; more than the burst.
 */
#ifndef KITH_RELAY_BUCKET_H
#define KITH_RELAY_BUCKET_H

#include "relay/fwd.h"

#define TOKENS_PER_BYTE UINT64_C(1000000) /* bytes per second times microseconds */
#define REFILL_MAX_US (100 * KITH_US_PER_S)

static inline void kith_bucket_fill(struct kith_fwd_bucket *b, kith_time_us now, uint64_t rate, uint64_t burst)
{
	kith_time_us passed = now - b->filled;
	if (b->tokens > burst * TOKENS_PER_BYTE) /* the limit was lowered */
		b->tokens = burst * TOKENS_PER_BYTE;
	uint64_t room = burst * TOKENS_PER_BYTE - b->tokens;
	if (passed <= 0)
		return;
	uint64_t add = (uint64_t)(passed < REFILL_MAX_US ? passed : REFILL_MAX_US) * rate;
	b->tokens += add < room ? add : room;
	b->filled = now;
}

static inline bool kith_bucket_has(struct kith_fwd_bucket *b, kith_time_us now, uint64_t rate, uint64_t burst,
				   uint64_t len)
{
	if (rate == 0)
		return true;
	kith_bucket_fill(b, now, rate, burst);
	return b->tokens >= len * TOKENS_PER_BYTE;
}

static inline void kith_bucket_take(struct kith_fwd_bucket *b, uint64_t rate, size_t len)
{
	if (rate != 0)
		b->tokens -= len * TOKENS_PER_BYTE;
}

#endif
