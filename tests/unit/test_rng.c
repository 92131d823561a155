#include "support.h"

#include "base/rng.h"

/* A source that plays back given bytes, and then fails the test. */
struct tape {
	struct kith_random random;
	uint8_t bytes[64];
	size_t len, at;
};

static void tape_fill(void *ctx, uint8_t *out, size_t len)
{
	struct tape *t = ctx;
	assert_true(len <= t->len - t->at);
	memcpy(out, t->bytes + t->at, len);
	t->at += len;
}

static void tape_init(struct tape *t, const char *hex)
{
	t->random.fill = tape_fill;
	t->random.ctx = t;
	t->len = test_hex(t->bytes, sizeof t->bytes, hex);
	t->at = 0;
}

static void numbers_are_read_in_little_endian_order(void **state)
{
	(void)state;
	struct tape t;
	tape_init(&t, "010203048182838485868788");
	assert_int_equal(kith_rng_u32(&t.random), 0x04030201);
	assert_true(kith_rng_u64(&t.random) == 0x8887868584838281u);
	assert_int_equal(t.at, t.len);
}

static void below_throws_away_what_would_bias_it(void **state)
{
	(void)state;
	struct tape t;
	/* 2^32 mod 3 = 1: zero is drawn again, one is the first that counts. */
	tape_init(&t, "0000000001000000");
	assert_int_equal(kith_rng_below(&t.random, 3), 1);
	assert_int_equal(t.at, t.len);
	/* n = 2^31 + 1: 2^32 mod n = 2^31 - 1; the last value thrown away and the first one kept. */
	tape_init(&t, "feffff7fffffff7f");
	assert_int_equal(kith_rng_below(&t.random, 0x80000001u), 0x7fffffff);
	assert_int_equal(t.at, t.len);
	/* Powers of two divide evenly: nothing is thrown away. */
	tape_init(&t, "00000000");
	assert_int_equal(kith_rng_below(&t.random, 0x80000000u), 0);
	tape_init(&t, "00000000");
	assert_int_equal(kith_rng_below(&t.random, 1), 0);
}

static void below_is_even(void **state)
{
	(void)state;
	enum { N = 7, DRAWS = 70000 };
	struct test_random rnd;
	unsigned count[N] = { 0 };
	test_random_init(&rnd, 3);
	for (unsigned i = 0; i < DRAWS; i++) {
		uint32_t v = kith_rng_below(&rnd.random, N);
		assert_true(v < N);
		count[v]++;
	}
	/* Chi-square, 6 degrees of freedom: 22.5 is passed by one seed in a thousand, and this seed is fixed. */
	double chi = 0, expected = (double)DRAWS / N;
	for (unsigned i = 0; i < N; i++)
		chi += ((double)count[i] - expected) * ((double)count[i] - expected) / expected;
	assert_true(chi < 22.5);
}

static void jitter_stays_within_its_percentage_and_reaches_its_ends(void **state)
{
	(void)state;
	struct test_random rnd;
	bool low = false, high = false;
	test_random_init(&rnd, 4);
	for (unsigned i = 0; i < 2000; i++) {
		kith_time_us v = kith_rng_jitter(&rnd.random, 100, 10);
		assert_true(v >= 90 && v <= 110);
		low = low || v == 90;
		high = high || v == 110;
	}
	assert_true(low && high);
	assert_int_equal(kith_rng_jitter(&rnd.random, 100, 0), 100);
	assert_int_equal(kith_rng_jitter(&rnd.random, 0, 100), 0);
	/* The percentage is not lost on values below 100, nor between the hundreds. */
	for (unsigned i = 0; i < 200; i++) {
		kith_time_us v = kith_rng_jitter(&rnd.random, 50, 10);
		assert_true(v >= 45 && v <= 55);
		low = low && v != 45;
	}
	assert_false(low);
}

static void jitter_of_huge_values_neither_overflows_nor_becomes_never(void **state)
{
	(void)state;
	struct test_random rnd;
	test_random_init(&rnd, 5);
	assert_true(kith_rng_jitter(&rnd.random, KITH_TIME_NEVER, 50) == KITH_TIME_NEVER);
	for (unsigned i = 0; i < 1000; i++) {
		kith_time_us v = kith_rng_jitter(&rnd.random, KITH_TIME_NEVER - 1, 100);
		assert_true(v >= 0 && v < KITH_TIME_NEVER);
	}
}

static void backoff_doubles_up_to_its_cap(void **state)
{
	(void)state;
	struct test_random rnd;
	test_random_init(&rnd, 6);
	for (unsigned attempt = 0; attempt < 12; attempt++) {
		kith_time_us limit = 10 << attempt, most = 0;
		if (limit > 1000)
			limit = 1000;
		for (unsigned i = 0; i < 3000; i++) {
			kith_time_us v = kith_rng_backoff(&rnd.random, 10, 1000, attempt);
			assert_true(v >= 10 && v <= limit);
			most = v > most ? v : most;
		}
		assert_true(most > limit - limit / 20 - 1);
	}
}

static void backoff_does_not_overflow(void **state)
{
	(void)state;
	struct test_random rnd;
	test_random_init(&rnd, 7);
	assert_true(kith_rng_backoff(&rnd.random, 1, KITH_TIME_NEVER, UINT32_MAX) >= 1);
	assert_int_equal(kith_rng_backoff(&rnd.random, 0, 5, UINT32_MAX), 0);
	assert_int_equal(kith_rng_backoff(&rnd.random, 5, 5, 3), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_read_in_little_endian_order),
		cmocka_unit_test(below_throws_away_what_would_bias_it),
		cmocka_unit_test(below_is_even),
		cmocka_unit_test(jitter_stays_within_its_percentage_and_reaches_its_ends),
		cmocka_unit_test(jitter_of_huge_values_neither_overflows_nor_becomes_never),
		cmocka_unit_test(backoff_doubles_up_to_its_cap),
		cmocka_unit_test(backoff_does_not_overflow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
