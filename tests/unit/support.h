/* What every unit test needs: cmocka, a counting allocator, a seeded generator, hex. */
#ifndef KITH_TESTS_SUPPORT_H
#define KITH_TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <kith/err.h>
#include <kith/types.h>

/* In a program that holds many tests, the main of each is a function of it (unit_main.c). */
#ifdef KITH_UNIT_MAIN
int KITH_UNIT_MAIN(void);
#define main KITH_UNIT_MAIN
#endif

/* An allocator that counts live bytes and blocks, checks the old length it is told, and can be made to fail. */
struct test_alloc {
	struct kith_alloc alloc; /* pass &t.alloc */
	size_t live_bytes, live_blocks, peak_bytes;
	long fail_after; /* -1: never; n: the n-th allocation or growth from now fails, and all after it */
	bool fail_once; /* only that one fails */
};

static inline void *test_alloc_realloc(void *ctx, void *p, size_t old_len, size_t new_len)
{
	struct test_alloc *t = ctx;
	size_t *block = p != NULL ? (size_t *)p - 2 : NULL;
	if (block != NULL)
		assert_int_equal(block[0], old_len);
	if (new_len == 0) {
		if (block != NULL) {
			t->live_bytes -= old_len;
			t->live_blocks--;
			memset(p, 0xdb, old_len);
			free(block);
		}
		return NULL;
	}
	if (t->fail_after >= 0 && new_len > old_len && t->fail_after-- == 0) {
		t->fail_after = t->fail_once ? -1 : 0;
		return NULL;
	}
	size_t *fresh = realloc(block, new_len + 2 * sizeof(size_t));
	assert_non_null(fresh);
	if (block == NULL)
		t->live_blocks++;
	t->live_bytes += new_len - old_len;
	if (t->live_bytes > t->peak_bytes)
		t->peak_bytes = t->live_bytes;
	fresh[0] = new_len;
	if (new_len > old_len)
		memset((uint8_t *)(fresh + 2) + old_len, 0xcd, new_len - old_len);
	return fresh + 2;
}

static inline void test_alloc_init(struct test_alloc *t)
{
	memset(t, 0, sizeof *t);
	t->alloc.realloc_fn = test_alloc_realloc;
	t->alloc.ctx = t;
	t->fail_after = -1;
}

static inline void test_alloc_check(const struct test_alloc *t)
{
	assert_int_equal(t->live_blocks, 0);
	assert_int_equal(t->live_bytes, 0);
}

/* splitmix64: repeatable bytes for tests. */
struct test_random {
	struct kith_random random; /* pass &t.random */
	uint64_t state;
};

static inline uint64_t test_random_next(struct test_random *t)
{
	uint64_t z = (t->state += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static inline void test_random_fill(void *ctx, uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(test_random_next(ctx) >> 56);
}

static inline void test_random_init(struct test_random *t, uint64_t seed)
{
	t->random.fill = test_random_fill;
	t->random.ctx = t;
	t->state = seed;
}

/* Decodes hex into out, returns the length; asserts that it fits and is hex. */
static inline size_t test_hex(uint8_t *out, size_t cap, const char *hex)
{
	size_t n = strlen(hex) / 2;
	assert_true(strlen(hex) % 2 == 0 && n <= cap);
	for (size_t i = 0; i < n; i++) {
		unsigned v;
		assert_int_equal(sscanf(hex + 2 * i, "%2x", &v), 1);
		out[i] = (uint8_t)v;
	}
	return n;
}

static inline struct kith_span test_span(const void *p, size_t len)
{
	struct kith_span s = { p, len };
	return s;
}

#endif
