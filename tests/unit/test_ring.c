#include "support.h"

#include "base/ring.h"

enum { MAX = 4096, ROUNDS = 20000 };

static void fill_pattern(uint8_t *p, size_t len, uint64_t first)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)((first + i) * 131 >> 3);
}

static void an_empty_ring_costs_nothing(void **state)
{
	(void)state;
	struct test_alloc t;
	struct kith_ring r;
	uint8_t byte;
	test_alloc_init(&t);
	kith_ring_init(&r, &t.alloc, MAX);
	assert_int_equal(kith_ring_space(&r), MAX);
	assert_int_equal(kith_ring_peek(&r, 0).len, 0);
	assert_int_equal(kith_ring_read(&r, &byte, 1), 0);
	assert_int_equal(kith_ring_write(&r, NULL, 0), 0);
	kith_ring_consume(&r, 0);
	assert_int_equal(t.live_bytes, 0);
	kith_ring_deinit(&r);
}

static void max_is_rounded_up_and_kept(void **state)
{
	(void)state;
	static const size_t rows[][2] = { { 1, 1 }, { 3, 4 }, { 255, 256 }, { 257, 512 }, { 4096, 4096 } };
	uint8_t bytes[8192] = { 0 };
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct test_alloc t;
		struct kith_ring r;
		test_alloc_init(&t);
		kith_ring_init(&r, &t.alloc, rows[i][0]);
		assert_int_equal(kith_ring_write(&r, bytes, sizeof bytes), rows[i][1]);
		assert_int_equal(kith_ring_space(&r), 0);
		assert_int_equal(kith_ring_write(&r, bytes, 1), 0);
		assert_int_equal(t.live_bytes, rows[i][1]);
		kith_ring_deinit(&r);
		test_alloc_check(&t);
	}
}

static void bytes_come_out_in_order_across_growth_and_wrap(void **state)
{
	(void)state;
	struct test_alloc t;
	struct kith_ring r;
	struct test_random rnd;
	uint8_t chunk[MAX], want[MAX];
	uint64_t written = 0, taken = 0;
	test_alloc_init(&t);
	test_random_init(&rnd, 8);
	kith_ring_init(&r, &t.alloc, MAX);
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t x = test_random_next(&rnd);
		size_t len = (size_t)(x >> 16) % 600;
		if (x % 3 == 0) {
			fill_pattern(chunk, len, written);
			size_t n = kith_ring_write(&r, chunk, len);
			assert_int_equal(n, len < MAX - (written - taken) ? len : MAX - (written - taken));
			written += n;
		} else if (x % 3 == 1) {
			size_t n = kith_ring_read(&r, chunk, len);
			assert_int_equal(n, len < written - taken ? len : written - taken);
			fill_pattern(want, n, taken);
			assert_memory_equal(chunk, want, n);
			taken += n;
		} else {
			struct kith_span s = kith_ring_peek(&r, len);
			assert_int_equal(s.len > 0, len < written - taken);
			assert_true(s.len <= r.len);
			fill_pattern(want, s.len, taken + len);
			if (s.len > 0)
				assert_memory_equal(s.p, want, s.len);
			size_t drop = len / 4 < r.len ? len / 4 : r.len;
			kith_ring_consume(&r, drop);
			taken += drop;
		}
		assert_int_equal(r.len, written - taken);
		if (r.len == 0)
			kith_ring_trim(&r);
	}
	assert_true(written > 100 * MAX);
	kith_ring_deinit(&r);
	test_alloc_check(&t);
}

static void two_peeks_cover_everything(void **state)
{
	(void)state;
	struct test_alloc t;
	struct kith_ring r;
	uint8_t bytes[256], want[256];
	test_alloc_init(&t);
	kith_ring_init(&r, &t.alloc, 256);
	fill_pattern(bytes, 256, 0);
	assert_int_equal(kith_ring_write(&r, bytes, 256), 256);
	kith_ring_consume(&r, 100);
	fill_pattern(bytes, 100, 256);
	assert_int_equal(kith_ring_write(&r, bytes, 100), 100);
	struct kith_span a = kith_ring_peek(&r, 0), b = kith_ring_peek(&r, a.len);
	assert_int_equal(a.len, 156);
	assert_int_equal(b.len, 100);
	assert_int_equal(kith_ring_peek(&r, 256).len, 0);
	fill_pattern(want, 256, 100);
	assert_memory_equal(a.p, want, a.len);
	assert_memory_equal(b.p, want + a.len, b.len);
	kith_ring_deinit(&r);
	test_alloc_check(&t);
}

static void without_memory_it_takes_what_already_fits(void **state)
{
	(void)state;
	struct test_alloc t;
	struct kith_ring r;
	uint8_t bytes[1024], got[1024];
	test_alloc_init(&t);
	kith_ring_init(&r, &t.alloc, MAX);
	fill_pattern(bytes, sizeof bytes, 0);
	t.fail_after = 0;
	assert_int_equal(kith_ring_write(&r, bytes, 10), 0);
	t.fail_after = -1;
	assert_int_equal(kith_ring_write(&r, bytes, 10), 10);
	size_t cap = r.cap;
	t.fail_after = 0;
	assert_int_equal(kith_ring_write(&r, bytes + 10, sizeof bytes - 10), cap - 10);
	assert_int_equal(kith_ring_write(&r, bytes, 1), 0);
	t.fail_after = -1;
	assert_int_equal(kith_ring_read(&r, got, sizeof got), cap);
	assert_memory_equal(got, bytes, cap);
	kith_ring_deinit(&r);
	test_alloc_check(&t);
}

static void trim_frees_only_an_empty_ring(void **state)
{
	(void)state;
	struct test_alloc t;
	struct kith_ring r;
	test_alloc_init(&t);
	kith_ring_init(&r, &t.alloc, MAX);
	assert_int_equal(kith_ring_write(&r, (const uint8_t *)"ab", 2), 2);
	kith_ring_trim(&r);
	assert_memory_equal(kith_ring_peek(&r, 0).p, "ab", 2);
	kith_ring_consume(&r, 2);
	kith_ring_trim(&r);
	test_alloc_check(&t);
	assert_int_equal(kith_ring_write(&r, (const uint8_t *)"cd", 2), 2);
	assert_memory_equal(kith_ring_peek(&r, 0).p, "cd", 2);
	kith_ring_deinit(&r);
	test_alloc_check(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_ring_costs_nothing),
		cmocka_unit_test(max_is_rounded_up_and_kept),
		cmocka_unit_test(bytes_come_out_in_order_across_growth_and_wrap),
		cmocka_unit_test(two_peeks_cover_everything),
		cmocka_unit_test(without_memory_it_takes_what_already_fits),
		cmocka_unit_test(trim_frees_only_an_empty_ring),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
