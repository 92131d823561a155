/* What targets that keep a state need: an allocator that counts and can be told to fail, a repeatable generator, and a
 * script that is read from the input. */
#ifndef KITH_FUZZ_SUPPORT_H
#define KITH_FUZZ_SUPPORT_H

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "codec/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fz_alloc {
	struct kith_alloc alloc;
	size_t live_bytes;
	size_t peak_bytes;
	long fail_after; /* < 0: never; n: the n-th growth from now fails, and all that follow */
	bool failed;
};

/* Every block has its length before it: who frees must name the right one. */
static inline void *fz_realloc(void *ctx, void *p, size_t old_len, size_t new_len)
{
	struct fz_alloc *a = ctx;
	size_t *block = p != NULL ? (size_t *)p - 2 : NULL;
	KITH_ASSERT(block != NULL ? block[0] == old_len : old_len == 0);
	if (new_len > old_len && a->fail_after >= 0 && a->fail_after-- == 0) {
		a->fail_after = 0;
		a->failed = true;
		return NULL;
	}
	a->live_bytes = a->live_bytes - old_len + new_len;
	a->peak_bytes = a->live_bytes > a->peak_bytes ? a->live_bytes : a->peak_bytes;
	if (new_len == 0) {
		free(block);
		return NULL;
	}
	/* Never in place, so that a pointer into the old block is found out. */
	size_t *fresh = malloc(new_len + 2 * sizeof *fresh);
	KITH_ASSERT(fresh != NULL);
	fresh[0] = new_len;
	if (block != NULL)
		memcpy(fresh + 2, p, old_len < new_len ? old_len : new_len);
	free(block);
	return fresh + 2;
}

static inline void fz_alloc_init(struct fz_alloc *a)
{
	*a = (struct fz_alloc){ .alloc = { fz_realloc, a }, .fail_after = -1 };
}

/* splitmix64. */
struct fz_random {
	struct kith_random random;
	uint64_t state;
};

static inline uint64_t fz_random_next(struct fz_random *r)
{
	uint64_t z = (r->state += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static inline void fz_random_fill(void *ctx, uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(fz_random_next(ctx) >> 56);
}

static inline void fz_random_init(struct fz_random *r, uint64_t seed)
{
	*r = (struct fz_random){ .random = { fz_random_fill, r }, .state = seed };
}

/* Up to len bytes of the script: fewer at its end. */
static inline struct kith_span fz_bytes(struct kith_reader *r, size_t len)
{
	size_t left = kith_reader_left(r);
	return kith_read_span(r, len < left ? len : left);
}

/* Bytes with their length (16 bits) before them. */
static inline struct kith_span fz_block(struct kith_reader *r, size_t max)
{
	size_t len = kith_read_u16(r);
	return fz_bytes(r, len < max ? len : max);
}

/* 1 ms to 255 s out of one byte: short and long steps alike are one mutation away. */
static inline kith_time_us fz_step_us(uint8_t byte)
{
	static const kith_time_us units[4] = { 1000, 20 * 1000, 250 * 1000, 4 * 1000 * 1000 };
	return units[byte >> 6] * ((byte & 63) + 1);
}

/* Reads every byte, so that a sanitizer sees a span that is not there. */
static inline unsigned fz_touch(struct kith_span s)
{
	volatile unsigned sum = 0;
	for (size_t i = 0; i < s.len; i++)
		sum += s.p[i];
	return sum;
}

static inline bool fz_within(struct kith_span s, struct kith_span outer)
{
	return s.len == 0 ||
	       (s.p >= outer.p && (size_t)(s.p - outer.p) <= outer.len && s.len <= outer.len - (size_t)(s.p - outer.p));
}

#endif
