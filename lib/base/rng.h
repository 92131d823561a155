/* Random numbers drawn from the injected source. Never a generator of its own. */
#ifndef KITH_BASE_RNG_H
#define KITH_BASE_RNG_H

#include <kith/types.h>

uint32_t kith_rng_u32(const struct kith_random *r);
uint64_t kith_rng_u64(const struct kith_random *r);

/* Uniform in [0, n); n > 0. Without modulo bias. */
uint32_t kith_rng_below(const struct kith_random *r, uint32_t n);

/* value ± percent %, uniform. For timers that must not run in step. */
kith_time_us kith_rng_jitter(const struct kith_random *r, kith_time_us value, unsigned percent);

/* Full-jitter backoff: uniform in [floor, min(cap, floor * 2^attempt)]. */
kith_time_us kith_rng_backoff(const struct kith_random *r, kith_time_us floor, kith_time_us cap, unsigned attempt);

#endif
