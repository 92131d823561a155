#include "base/limiter.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/rng.h"

struct bucket {
	uint64_t key;
	kith_time_us at; /* when tokens were last counted */
	uint32_t millitokens;
};

static void init(struct kith_limiter *l, uint32_t max, uint32_t rate, uint32_t burst, const uint64_t seed[2])
{
	KITH_ASSERT(max > 0 && rate > 0 && burst > 0 && burst < UINT32_MAX / 1000);
	l->rate = rate;
	l->burst = burst;
	kith_table_init(&l->buckets, l->alloc, max, KITH_TABLE_KEY(struct bucket, key), seed);
}

void kith_limiter_init(struct kith_limiter *l, const struct kith_alloc *alloc, const struct kith_random *random,
		       uint32_t max, uint32_t rate, uint32_t burst)
{
	uint64_t seed[2] = { kith_rng_u64(random), kith_rng_u64(random) };
	l->alloc = alloc;
	l->random = random;
	init(l, max, rate, burst, seed);
}

void kith_limiter_init_beside(struct kith_limiter *l, const struct kith_limiter *other, uint32_t max, uint32_t rate,
			      uint32_t burst)
{
	l->alloc = other->alloc;
	l->random = other->random;
	init(l, max, rate, burst, other->buckets.seed);
}

void kith_limiter_deinit(struct kith_limiter *l)
{
	uint32_t it = 0;
	struct bucket *b;
	while ((b = kith_table_next(&l->buckets, &it)) != NULL)
		KITH_FREE(l->alloc, b);
	kith_table_deinit(&l->buckets);
}

/* Takes out the bucket at a random slot, or the next behind it. */
static struct bucket *evict(struct kith_limiter *l)
{
	uint32_t it = kith_rng_below(l->random, l->buckets.cap);
	const struct bucket *victim = kith_table_next(&l->buckets, &it);
	if (victim == NULL) {
		it = 0;
		victim = kith_table_next(&l->buckets, &it);
	}
	return kith_table_remove(&l->buckets, &victim->key);
}

static struct bucket *new_bucket(struct kith_limiter *l, kith_time_us now, uint64_t key)
{
	struct bucket *b = l->buckets.n == l->buckets.max ? evict(l) : KITH_NEW(l->alloc, struct bucket);
	if (b == NULL)
		return NULL;
	*b = (struct bucket){ .key = key, .at = now, .millitokens = l->burst * 1000 };
	if (kith_table_put(&l->buckets, b) == 0)
		return b;
	KITH_FREE(l->alloc, b);
	return NULL;
}

bool kith_limiter_allow(struct kith_limiter *l, kith_time_us now, uint64_t key)
{
	const uint32_t full = l->burst * 1000;
	struct bucket *b = kith_table_get(&l->buckets, &key);
	if (b == NULL)
		b = new_bucket(l, now, key);
	if (b == NULL)
		return false;
	/* Whole milliseconds, so that nothing is lost to rounding; more than fills it is the same as filling it. */
	kith_time_us ms = (now - b->at) / KITH_US_PER_MS;
	if (ms > 0) {
		uint64_t earned = ms > full ? full : (uint64_t)ms * l->rate;
		b->millitokens = earned >= full - b->millitokens ? full : b->millitokens + (uint32_t)earned;
		b->at += ms * KITH_US_PER_MS;
	}
	if (b->millitokens < 1000)
		return false;
	b->millitokens -= 1000;
	return true;
}
