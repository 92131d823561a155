#include "base/limiter.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/rng.h"

enum { KEY_LEN = sizeof(uint64_t) + 1, LOOKED_AT = 2 };

struct bucket {
	uint8_t key[KEY_LEN]; /* and the kind behind it */
	uint32_t millitokens;
	kith_time_us at; /* when tokens were last counted, in the time of its kind */
};

void kith_limiter_init(struct kith_limiter *l, const struct kith_alloc *alloc, const struct kith_random *random,
		       uint32_t max, const struct kith_rate *rates)
{
	uint64_t seed[2] = { kith_rng_u64(random), kith_rng_u64(random) };
	KITH_ASSERT(max > 0);
	l->alloc = alloc;
	l->random = random;
	l->rates = rates;
	l->sweep = 0;
	kith_table_init(&l->buckets, alloc, max, KITH_TABLE_KEY(struct bucket, key), seed);
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
	return kith_table_remove(&l->buckets, victim->key);
}

/* Whole milliseconds, so that nothing is lost to rounding; more than fills it is the same as filling it. */
static void earn(struct bucket *b, kith_time_us now, const struct kith_rate *rate)
{
	const uint32_t full = rate->burst * 1000;
	kith_time_us ms = (now - b->at) / KITH_US_PER_MS;
	if (ms <= 0)
		return;
	uint64_t earned = ms > full ? full : (uint64_t)ms * rate->tokens;
	b->millitokens = earned >= full - b->millitokens ? full : b->millitokens + (uint32_t)earned;
	b->at += ms * KITH_US_PER_MS;
}

static bool is_full(const struct kith_limiter *l, kith_time_us now, const struct bucket *b)
{
	const struct kith_rate *rate = &l->rates[b->key[sizeof(uint64_t)]];
	struct bucket then = *b;
	earn(&then, now / rate->seconds, rate);
	return then.millitokens == rate->burst * 1000;
}

/* What is full says no more than what is not there. */
static void forget_full(struct kith_limiter *l, kith_time_us now)
{
	for (unsigned i = 0; i < LOOKED_AT; i++) {
		struct bucket *b = kith_table_next(&l->buckets, &l->sweep);
		if (b == NULL) {
			l->sweep = 0;
		} else if (is_full(l, now, b)) {
			(void)kith_table_remove(&l->buckets, b->key);
			KITH_FREE(l->alloc, b);
			l->sweep--;
		}
	}
}

static struct bucket *new_bucket(struct kith_limiter *l, kith_time_us now, const uint8_t key[KEY_LEN], uint32_t full)
{
	struct bucket *b = l->buckets.n >= l->buckets.max ? evict(l) : KITH_NEW(l->alloc, struct bucket);
	if (b == NULL)
		return NULL;
	*b = (struct bucket){ .at = now, .millitokens = full };
	memcpy(b->key, key, KEY_LEN);
	if (kith_table_put(&l->buckets, b) == 0)
		return b;
	KITH_FREE(l->alloc, b);
	return NULL;
}

static void write_key(uint8_t out[KEY_LEN], uint64_t key, uint8_t kind)
{
	kith_number_bytes(out, sizeof key, key);
	out[sizeof key] = kind;
}

bool kith_limiter_allow(struct kith_limiter *l, kith_time_us now, uint64_t key, uint8_t kind)
{
	uint8_t bytes[KEY_LEN];
	const struct kith_rate *rate = &l->rates[kind];
	KITH_ASSERT(rate->tokens > 0 && rate->seconds > 0 && rate->burst > 0 && rate->burst < UINT32_MAX / 1000);
	write_key(bytes, key, kind);
	struct bucket *b = kith_table_get(&l->buckets, bytes);
	if (b == NULL) {
		forget_full(l, now);
		b = new_bucket(l, now / rate->seconds, bytes, rate->burst * 1000);
	}
	if (b == NULL)
		return false;
	earn(b, now / rate->seconds, rate);
	if (b->millitokens < 1000)
		return false;
	b->millitokens -= 1000;
	return true;
}

bool kith_limiter_rested(const struct kith_limiter *l, kith_time_us now, uint64_t key, uint8_t kind)
{
	uint8_t bytes[KEY_LEN];
	write_key(bytes, key, kind);
	const struct bucket *b = kith_table_get(&l->buckets, bytes);
	return b == NULL || is_full(l, now, b);
}
