#include "base/table.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/bytes.h"

enum { TABLE_CAP_MIN = 4 };

#define TABLE_MAX_MAX (UINT32_C(1) << 29) /* so that the doubled capacity still fits its type */

/* SipHash-2-4 (Aumasson and Bernstein, 2012). */
static uint64_t rotl(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static void sip_rounds(uint64_t v[4], unsigned rounds)
{
	while (rounds-- > 0) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotl(v[1], 13) ^ v[0];
		v[3] = rotl(v[3], 16) ^ v[2];
		v[0] = rotl(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotl(v[1], 17) ^ v[2];
		v[3] = rotl(v[3], 21) ^ v[0];
		v[2] = rotl(v[2], 32);
	}
}

uint64_t kith_hash64(const uint64_t seed[2], const void *p, size_t len)
{
	enum { COMPRESSION_ROUNDS = 2, FINAL_ROUNDS = 4 };
	const uint8_t *in = p;
	uint64_t v[4] = {
		seed[0] ^ 0x736f6d6570736575u,
		seed[1] ^ 0x646f72616e646f6du,
		seed[0] ^ 0x6c7967656e657261u,
		seed[1] ^ 0x7465646279746573u,
	};
	size_t left = len;
	for (; left >= 8; left -= 8, in += 8) {
		uint64_t word = kith_bytes_number(in, 8);
		v[3] ^= word;
		sip_rounds(v, COMPRESSION_ROUNDS);
		v[0] ^= word;
	}
	uint64_t last = kith_bytes_number(in, left) | (uint64_t)len << 56;
	v[3] ^= last;
	sip_rounds(v, COMPRESSION_ROUNDS);
	v[0] ^= last;
	v[2] ^= 0xff;
	sip_rounds(v, FINAL_ROUNDS);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void kith_table_init(struct kith_table *t, const struct kith_alloc *alloc, uint32_t max, struct kith_table_key key,
		     const uint64_t seed[2])
{
	KITH_ASSERT(max <= TABLE_MAX_MAX && key.len > 0);
	*t = (struct kith_table){
		.max = max,
		.key = key,
		.seed = { seed[0], seed[1] },
		.alloc = alloc,
	};
}

void kith_table_deinit(struct kith_table *t)
{
	KITH_FREE_ARRAY(t->alloc, t->slots, t->cap);
	t->slots = NULL;
	t->n = 0;
	t->cap = 0;
}

static const uint8_t *key_of(const struct kith_table *t, const void *element)
{
	return (const uint8_t *)element + t->key.offset;
}

static uint64_t number_of(const void *key, size_t len)
{
	uint16_t v16;
	uint32_t v32;
	uint64_t v64;
	switch (len) {
	case sizeof v16:
		memcpy(&v16, key, sizeof v16);
		return v16;
	case sizeof v32:
		memcpy(&v32, key, sizeof v32);
		return v32;
	default:
		memcpy(&v64, key, sizeof v64);
		return v64;
	}
}

/* The slot where the search for a key begins; cap must not be 0. */
static uint32_t home_of(const struct kith_table *t, const void *key)
{
	uint8_t number[sizeof(uint64_t)];
	if (t->key.number) {
		kith_number_bytes(number, t->key.len, number_of(key, t->key.len));
		key = number;
	}
	return (uint32_t)kith_hash64(t->seed, key, t->key.len) & (t->cap - 1);
}

/* The slot that holds the key, or else the empty one where it would go. There always is one: load is at most 3/4. */
static uint32_t find_slot(const struct kith_table *t, const void *key)
{
	uint32_t i = home_of(t, key);
	while (t->slots[i] != NULL && memcmp(key_of(t, t->slots[i]), key, t->key.len) != 0)
		i = (i + 1) & (t->cap - 1);
	return i;
}

void *kith_table_get(const struct kith_table *t, const void *key)
{
	return t->n > 0 ? t->slots[find_slot(t, key)] : NULL;
}

static int grow(struct kith_table *t)
{
	struct kith_table bigger = *t;
	bigger.cap = t->cap > 0 ? 2 * t->cap : TABLE_CAP_MIN;
	bigger.slots = KITH_NEW_ARRAY(t->alloc, void *, bigger.cap);
	if (bigger.slots == NULL)
		return KITH_ENOMEM;
	for (uint32_t i = 0; i < t->cap; i++) {
		if (t->slots[i] != NULL)
			bigger.slots[find_slot(&bigger, key_of(t, t->slots[i]))] = t->slots[i];
	}
	KITH_FREE_ARRAY(t->alloc, t->slots, t->cap);
	*t = bigger;
	return 0;
}

int kith_table_put(struct kith_table *t, void *element)
{
	KITH_ASSERT(element != NULL);
	const uint8_t *key = key_of(t, element);
	if (kith_table_get(t, key) != NULL)
		return KITH_EEXIST;
	if (t->n >= t->max)
		return KITH_EFULL;
	if ((uint64_t)(t->n + 1) * 4 > (uint64_t)t->cap * 3) {
		int err = grow(t);
		if (err != 0)
			return err;
	}
	t->slots[find_slot(t, key)] = element;
	t->n++;
	return 0;
}

/* Fills hole i by moving back whatever would no longer be found from its home, until the run ends. */
static void close_hole(struct kith_table *t, uint32_t i)
{
	uint32_t mask = t->cap - 1;
	for (uint32_t j = (i + 1) & mask; t->slots[j] != NULL; j = (j + 1) & mask) {
		uint32_t home = home_of(t, key_of(t, t->slots[j]));
		if (((j - home) & mask) >= ((j - i) & mask)) {
			t->slots[i] = t->slots[j];
			i = j;
		}
	}
	t->slots[i] = NULL;
}

void *kith_table_remove(struct kith_table *t, const void *key)
{
	if (t->n == 0)
		return NULL;
	uint32_t i = find_slot(t, key);
	void *element = t->slots[i];
	if (element != NULL) {
		close_hole(t, i);
		t->n--;
	}
	return element;
}

void *kith_table_next(const struct kith_table *t, uint32_t *it)
{
	while (*it < t->cap) {
		void *element = t->slots[(*it)++];
		if (element != NULL)
			return element;
	}
	return NULL;
}
