/* The simulator's map of numbers. */
#include "support.h"

#include "sim/simmap.h"

static void finds_what_was_entered_and_nothing_else(void **state)
{
	(void)state;
	struct test_alloc a;
	struct kith_simmap m;
	test_alloc_init(&a);
	kith_simmap_init(&m, &a.alloc);
	assert_null(kith_simmap_get(&m, 0));
	for (uint64_t i = 0; i < 3000; i++) {
		uint32_t *v = kith_simmap_at(&m, i << 32);
		assert_non_null(v);
		assert_int_equal(*v, 0);
		*v = (uint32_t)i + 1;
	}
	for (uint64_t i = 0; i < 3000; i++) {
		assert_int_equal(*kith_simmap_get(&m, i << 32), i + 1);
		assert_int_equal(*kith_simmap_at(&m, i << 32), i + 1);
		assert_null(kith_simmap_get(&m, i << 32 | 1));
	}
	assert_int_equal(m.n, 3000);
	kith_simmap_deinit(&m);
	test_alloc_check(&a);
}

static void keeps_what_it_has_when_memory_runs_out(void **state)
{
	(void)state;
	struct test_alloc a;
	struct kith_simmap m;
	test_alloc_init(&a);
	kith_simmap_init(&m, &a.alloc);
	a.fail_after = 1;
	uint64_t n = 0;
	uint32_t *v;
	while ((v = kith_simmap_at(&m, n)) != NULL) {
		*v = (uint32_t)n;
		n++;
	}
	assert_true(n > 0);
	for (uint64_t i = 0; i < n; i++)
		assert_int_equal(*kith_simmap_get(&m, i), i);
	assert_null(kith_simmap_get(&m, n));
	kith_simmap_deinit(&m);
	test_alloc_check(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_was_entered_and_nothing_else),
		cmocka_unit_test(keeps_what_it_has_when_memory_runs_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
