/* What the system gives: memory, randomness, clocks, and its errors in our words. */
#include <errno.h>
#include <time.h>

#include <uv.h>

#include "support.h"

#include "host/system.h"

static void the_release_is_neither_older_than_the_sources_nor_to_come(void **state)
{
	(void)state;
	assert_true(kith_release_unix_ms() >= INT64_C(1763683200000)); /* 2025-11-21 */
	assert_true(kith_release_unix_ms() / 1000 <= (int64_t)time(NULL));
}

static void clocks_run_forward(void **state)
{
	(void)state;
	struct kith_now a = kith_clock_now(), b = kith_clock_now();
	assert_true(b.mono_us >= a.mono_us);
	assert_true(a.unix_ms >= kith_release_unix_ms());
}

static void random_bytes_fill_everything(void **state)
{
	const struct kith_random *r = kith_system_random();
	uint8_t seen[1000] = { 0 };
	(void)state;
	/* A byte that stays zero eight times in a row has one chance in 2^64. */
	for (int round = 0; round < 8; round++) {
		uint8_t got[1000];
		r->fill(r->ctx, got, sizeof got);
		for (size_t i = 0; i < sizeof got; i++)
			seen[i] |= got[i];
	}
	for (size_t i = 0; i < sizeof seen; i++)
		assert_true(seen[i] != 0);
	r->fill(r->ctx, seen, 0);
}

static void memory_keeps_its_contents_when_it_grows(void **state)
{
	const struct kith_alloc *a = kith_system_alloc();
	(void)state;
	char *p = a->realloc_fn(a->ctx, NULL, 0, 4);
	assert_non_null(p);
	memcpy(p, "abc", 4);
	p = a->realloc_fn(a->ctx, p, 4, 100000);
	assert_non_null(p);
	assert_string_equal(p, "abc");
	assert_null(a->realloc_fn(a->ctx, p, 100000, 0));
}

static void errors_are_ours(void **state)
{
	(void)state;
	assert_int_equal(kith_system_err(0), 0);
	assert_int_equal(kith_system_err(ENOENT), KITH_ENOENT);
	assert_int_equal(kith_system_err(EROFS), KITH_EACCES);
	assert_int_equal(kith_system_err(ENOSPC), KITH_ENOSPC);
	assert_int_equal(kith_system_err(EADDRINUSE), KITH_EADDRINUSE);
	assert_int_equal(kith_system_err(ENETUNREACH), KITH_EUNREACHABLE);
	assert_int_equal(kith_system_err(EMSGSIZE), KITH_EMSGSIZE);
	assert_int_equal(kith_system_err(EMFILE), KITH_EMFILE);
	assert_int_equal(kith_system_err(ENFILE), KITH_EMFILE);
	assert_int_equal(kith_system_uv_err(0), 0);
	assert_int_equal(kith_system_uv_err(UV_EMFILE), KITH_EMFILE);
	assert_int_equal(kith_system_uv_err(UV_EAI_MEMORY), KITH_ENOMEM);
	assert_int_equal(kith_system_uv_err(UV_EAI_AGAIN), KITH_EIO);
	for (int e = 1; e < 200; e++)
		assert_true(kith_system_err(e) < 0);
}

static void large_blocks_grow_and_shrink_with_their_contents(void **state)
{
	static const size_t lens[] = { 100, 70000, 1000000, 65536, 65535, 200000, 1 };
	const struct kith_alloc *a = kith_system_pages();
	uint8_t *p = NULL;
	size_t len = 0;
	(void)state;
	for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
		p = a->realloc_fn(a->ctx, p, len, lens[i]);
		assert_non_null(p);
		for (size_t at = 0; at < len && at < lens[i]; at++)
			assert_int_equal(p[at], (uint8_t)(at * 7 + i - 1));
		len = lens[i];
		for (size_t at = 0; at < len; at++)
			p[at] = (uint8_t)(at * 7 + i);
	}
	assert_null(a->realloc_fn(a->ctx, p, len, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_release_is_neither_older_than_the_sources_nor_to_come),
		cmocka_unit_test(clocks_run_forward),
		cmocka_unit_test(random_bytes_fill_everything),
		cmocka_unit_test(memory_keeps_its_contents_when_it_grows),
		cmocka_unit_test(errors_are_ours),
		cmocka_unit_test(large_blocks_grow_and_shrink_with_their_contents),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
