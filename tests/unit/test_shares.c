#include "support.h"

#include "base/shares.h"

static const uint64_t seed[2] = { 1, 2 };

static void an_owner_holds_its_share_and_leaves_others_theirs(void **state)
{
	struct test_alloc mem;
	struct kith_shares b;
	(void)state;
	test_alloc_init(&mem);
	kith_shares_init(&b, &mem.alloc, 3, seed);
	assert_int_equal(kith_shares_held(&b, 7), 0);
	for (int i = 0; i < 3; i++)
		assert_true(kith_shares_take(&b, 7));
	assert_true(kith_shares_held(&b, 7) > 0);
	assert_int_equal(kith_shares_held(&b, 8), 0);
	assert_false(kith_shares_take(&b, 7));
	assert_true(kith_shares_take(&b, 8));
	kith_shares_give(&b, 7);
	assert_true(kith_shares_take(&b, 7));
	assert_false(kith_shares_take(&b, 7));
	kith_shares_deinit(&b);
	test_alloc_check(&mem);
}

static void who_holds_nothing_is_forgotten(void **state)
{
	struct test_alloc mem;
	struct kith_shares b;
	(void)state;
	test_alloc_init(&mem);
	kith_shares_init(&b, &mem.alloc, 3, seed);
	for (uint64_t owner = 1; owner <= 1000; owner++) {
		assert_true(kith_shares_take(&b, owner));
		kith_shares_give(&b, owner);
		assert_int_equal(kith_shares_held(&b, owner), 0);
	}
	assert_int_equal(b.n, 0);
	uint32_t full = b.cap - b.cap / 4; /* the next one more needs memory */
	for (uint64_t owner = 1; owner <= full; owner++)
		assert_true(kith_shares_take(&b, owner));
	mem.fail_after = 0;
	assert_false(kith_shares_take(&b, 5000));
	assert_true(kith_shares_take(&b, 2)); /* which a known owner does not need */
	kith_shares_deinit(&b);
	test_alloc_check(&mem);
}

/* Against plain counters, with owners that come and go in any order. */
static void shares_are_counted_as_an_array_would(void **state)
{
	enum { OWNERS = 200, STEPS = 100000 };
	static unsigned held[OWNERS];
	struct test_alloc mem;
	struct test_random random;
	struct kith_shares b;
	uint32_t n = 0;
	(void)state;
	test_alloc_init(&mem);
	test_random_init(&random, 5);
	kith_shares_init(&b, &mem.alloc, 3, seed);
	for (int i = 0; i < STEPS; i++) {
		uint64_t draw = test_random_next(&random);
		unsigned owner = (unsigned)(draw >> 8) % OWNERS;
		if ((draw & 1) != 0) {
			assert_int_equal(kith_shares_take(&b, owner), held[owner] < 3);
			n += held[owner] == 0;
			held[owner] += held[owner] < 3;
		} else if (held[owner] > 0) {
			kith_shares_give(&b, owner);
			n -= --held[owner] == 0;
		}
		assert_int_equal(b.n, n);
	}
	assert_true(b.cap <= 512);
	kith_shares_deinit(&b);
	test_alloc_check(&mem);
}

static void large_shares_are_counted_exactly(void **state)
{
	enum { LARGE = 300000 };
	struct test_alloc mem;
	struct kith_shares b;
	(void)state;
	test_alloc_init(&mem);
	kith_shares_init(&b, &mem.alloc, LARGE, seed);
	for (uint64_t owner = 1; owner <= 3; owner++) {
		for (uint32_t i = 0; i < LARGE; i++)
			assert_true(kith_shares_take(&b, owner));
		assert_false(kith_shares_take(&b, owner));
		assert_int_equal(kith_shares_held(&b, owner), LARGE);
	}
	for (uint32_t i = 0; i < LARGE; i++)
		kith_shares_give(&b, 2);
	assert_int_equal(kith_shares_held(&b, 2), 0);
	assert_int_equal(kith_shares_held(&b, 3), LARGE);
	assert_int_equal(b.n, 2);
	kith_shares_deinit(&b);
	test_alloc_check(&mem);
}

static void the_last_places_are_for_those_without_any(void **state)
{
	(void)state;
	assert_true(kith_shares_reserve(0, 64, 8, 5));
	assert_true(kith_shares_reserve(55, 64, 8, 5));
	assert_false(kith_shares_reserve(56, 64, 8, 1));
	assert_true(kith_shares_reserve(56, 64, 8, 0));
	assert_true(kith_shares_reserve(63, 64, 8, 0));
	assert_false(kith_shares_reserve(64, 64, 8, 0));
	assert_true(kith_shares_reserve(6, 7, 8, 1)); /* a small table has none of them */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_owner_holds_its_share_and_leaves_others_theirs),
		cmocka_unit_test(shares_are_counted_as_an_array_would),
		cmocka_unit_test(who_holds_nothing_is_forgotten),
		cmocka_unit_test(large_shares_are_counted_exactly),
		cmocka_unit_test(the_last_places_are_for_those_without_any),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
