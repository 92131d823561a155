#include "support.h"

#include "base/limiter.h"

struct fixture {
	struct test_alloc alloc;
	struct test_random random;
	struct kith_limiter l;
	struct kith_rate rates[3]; /* of kinds 1 and 2 */
};

static void init(struct fixture *f, uint32_t max, uint32_t rate, uint32_t burst)
{
	test_alloc_init(&f->alloc);
	test_random_init(&f->random, 1);
	f->rates[0] = (struct kith_rate){ 1, 1, 1 };
	f->rates[1] = (struct kith_rate){ rate, 1, burst };
	f->rates[2] = (struct kith_rate){ 1, 60, 2 };
	kith_limiter_init(&f->l, &f->alloc.alloc, &f->random.random, max, f->rates);
}

static void deinit(struct fixture *f)
{
	kith_limiter_deinit(&f->l);
	test_alloc_check(&f->alloc);
}

static unsigned allowed(struct fixture *f, kith_time_us now, uint64_t key, unsigned tries)
{
	unsigned n = 0;
	for (unsigned i = 0; i < tries; i++)
		n += kith_limiter_allow(&f->l, now, key, 1);
	return n;
}

static void a_burst_passes_and_then_the_rate(void **state)
{
	struct fixture f;
	(void)state;
	init(&f, 16, 5, 20);
	assert_int_equal(allowed(&f, 0, 7, 100), 20);
	assert_int_equal(allowed(&f, 199 * KITH_US_PER_MS, 7, 10), 0);
	assert_int_equal(allowed(&f, 200 * KITH_US_PER_MS, 7, 10), 1);
	assert_int_equal(allowed(&f, 1200 * KITH_US_PER_MS, 7, 10), 5);
	assert_int_equal(allowed(&f, 3600 * KITH_US_PER_S, 7, 100), 20);
	deinit(&f);
}

static void asking_often_does_not_lose_what_is_earned(void **state)
{
	struct fixture f;
	unsigned n = 0;
	(void)state;
	init(&f, 16, 1, 1);
	for (kith_time_us now = 0; now < 10 * KITH_US_PER_S; now += 333)
		n += kith_limiter_allow(&f.l, now, 1, 1);
	assert_int_equal(n, 10);
	deinit(&f);
}

static void keys_do_not_share(void **state)
{
	struct fixture f;
	(void)state;
	init(&f, 16, 1, 3);
	assert_int_equal(allowed(&f, 0, 1, 10), 3);
	assert_int_equal(allowed(&f, 0, 2, 10), 3);
	deinit(&f);
}

static void kinds_of_one_key_have_their_own_rates(void **state)
{
	struct fixture f;
	unsigned n = 0;
	(void)state;
	init(&f, 16, 5, 20);
	assert_int_equal(allowed(&f, 0, 7, 100), 20);
	for (int i = 0; i < 10; i++)
		n += kith_limiter_allow(&f.l, 0, 7, 2);
	assert_int_equal(n, 2);
	assert_false(kith_limiter_allow(&f.l, 59 * KITH_US_PER_S, 7, 2));
	assert_true(kith_limiter_allow(&f.l, 60 * KITH_US_PER_S, 7, 2));
	assert_false(kith_limiter_allow(&f.l, 60 * KITH_US_PER_S, 7, 2));
	assert_int_equal(allowed(&f, 60 * KITH_US_PER_S, 7, 100), 20);
	deinit(&f);
}

static void a_full_table_stays_bounded_and_serves_newcomers(void **state)
{
	struct fixture f;
	(void)state;
	init(&f, 8, 1, 2);
	for (uint64_t key = 0; key < 1000; key++)
		assert_true(kith_limiter_allow(&f.l, 0, key, 1));
	assert_int_equal(f.l.buckets.n, 8);
	assert_int_equal(f.alloc.live_blocks, 9);
	deinit(&f);
}

static void without_memory_nothing_passes(void **state)
{
	struct fixture f;
	(void)state;
	init(&f, 8, 1, 2);
	f.alloc.fail_after = 0;
	assert_false(kith_limiter_allow(&f.l, 0, 1, 1));
	f.alloc.fail_after = 1;
	assert_false(kith_limiter_allow(&f.l, 0, 1, 1));
	f.alloc.fail_after = -1;
	assert_true(kith_limiter_allow(&f.l, 0, 1, 1));
	deinit(&f);
}

static void who_asked_for_nothing_lately_is_known(void **state)
{
	struct fixture f;
	(void)state;
	init(&f, 16, 5, 20);
	assert_true(kith_limiter_rested(&f.l, 0, 7, 1));
	assert_int_equal(allowed(&f, 0, 7, 5), 5);
	assert_false(kith_limiter_rested(&f.l, 0, 7, 1));
	assert_true(kith_limiter_rested(&f.l, 0, 8, 1));
	assert_true(kith_limiter_rested(&f.l, 0, 7, 2));
	assert_false(kith_limiter_rested(&f.l, 999 * KITH_US_PER_MS, 7, 1));
	assert_true(kith_limiter_rested(&f.l, KITH_US_PER_S, 7, 1));
	assert_int_equal(allowed(&f, 0, 7, 100), 15); /* looking takes nothing, and gives nothing */
	deinit(&f);
}

/* A year of keys that come and rest takes no more room than those of the last minute. */
static void what_is_full_again_is_forgotten(void **state)
{
	struct fixture f;
	(void)state;
	init(&f, 100000, 5, 20);
	for (uint64_t key = 0; key < 10000; key++) {
		assert_true(kith_limiter_allow(&f.l, (kith_time_us)key * KITH_US_PER_S, key, 1));
		assert_true(f.l.buckets.n <= 8);
	}
	assert_int_equal(allowed(&f, 10000 * KITH_US_PER_S, 7, 100), 20);
	for (uint64_t key = 20000; key < 20100; key++)
		assert_true(kith_limiter_allow(&f.l, 10000 * KITH_US_PER_S, key, 1));
	assert_int_equal(allowed(&f, 10000 * KITH_US_PER_S, 7, 100), 0); /* what is not full stays */
	deinit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_passes_and_then_the_rate),
		cmocka_unit_test(asking_often_does_not_lose_what_is_earned),
		cmocka_unit_test(keys_do_not_share),
		cmocka_unit_test(kinds_of_one_key_have_their_own_rates),
		cmocka_unit_test(a_full_table_stays_bounded_and_serves_newcomers),
		cmocka_unit_test(without_memory_nothing_passes),
		cmocka_unit_test(who_asked_for_nothing_lately_is_known),
		cmocka_unit_test(what_is_full_again_is_forgotten),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
