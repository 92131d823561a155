#include "base/rng.h"

#include "base/assert.h"

/* Bytes are assembled in a fixed order, so that a seeded run is the same on every machine. */
uint64_t kith_rng_u64(const struct kith_random *r)
{
	uint8_t b[8];
	uint64_t v = 0;
	r->fill(r->ctx, b, sizeof b);
	for (size_t i = 0; i < sizeof b; i++)
		v |= (uint64_t)b[i] << (8 * i);
	return v;
}

uint32_t kith_rng_u32(const struct kith_random *r)
{
	uint8_t b[4];
	uint32_t v = 0;
	r->fill(r->ctx, b, sizeof b);
	for (size_t i = 0; i < sizeof b; i++)
		v |= (uint32_t)b[i] << (8 * i);
	return v;
}

uint32_t kith_rng_below(const struct kith_random *r, uint32_t n)
{
	KITH_ASSERT(n > 0);
	/* The lowest 2^32 mod n values are thrown away: the rest is a whole number of rounds of n. */
	uint32_t reject_below = (UINT32_MAX - n + 1) % n;
	uint32_t v;
	do {
		v = kith_rng_u32(r);
	} while (v < reject_below);
	return v % n;
}

/* Uniform in [low, high]. */
static kith_time_us between(const struct kith_random *r, kith_time_us low, kith_time_us high)
{
	uint64_t n = (uint64_t)(high - low) + 1; /* low is not negative, so this is at most 2^63 */
	uint64_t reject_below = (UINT64_MAX - n + 1) % n;
	uint64_t v;
	do {
		v = kith_rng_u64(r);
	} while (v < reject_below);
	return low + (kith_time_us)(v % n);
}

kith_time_us kith_rng_jitter(const struct kith_random *r, kith_time_us value, unsigned percent)
{
	KITH_ASSERT(value >= 0 && percent <= 100);
	if (value == KITH_TIME_NEVER)
		return value;
	kith_time_us spread = value / 100 * (kith_time_us)percent + value % 100 * (kith_time_us)percent / 100;
	kith_time_us high = value < KITH_TIME_NEVER - spread ? value + spread : KITH_TIME_NEVER - 1;
	return between(r, value - spread, high);
}

kith_time_us kith_rng_backoff(const struct kith_random *r, kith_time_us floor, kith_time_us cap, unsigned attempt)
{
	KITH_ASSERT(floor >= 0 && cap >= floor);
	kith_time_us high = floor;
	while (attempt-- > 0 && high < cap && high > 0)
		high = high > cap / 2 ? cap : 2 * high;
	return between(r, floor, high);
}
