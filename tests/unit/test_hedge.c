/* How long a replica is waited for before the next one is asked. */
#include "support.h"

#include "presence/hedge.h"

#define MS KITH_US_PER_MS

static void nothing_learnt_is_the_longest_wait(void **state)
{
	const struct kith_hedge h = { 0 };
	(void)state;
	assert_int_equal(kith_hedge_wait(&h), KITH_QUERY_HEDGE_US);
}

/* What takes 40 ms again and again is waited for 40 ms and little more. */
static void answers_that_are_alike_leave_little_to_wait_for(void **state)
{
	struct kith_hedge h = { 0 };
	(void)state;
	kith_hedge_learn(&h, 40 * MS);
	assert_int_equal(kith_hedge_wait(&h), 120 * MS); /* 40 and four times half of that */
	for (int i = 0; i < 50; i++)
		kith_hedge_learn(&h, 40 * MS);
	assert_in_range(kith_hedge_wait(&h), 40 * MS, 41 * MS);
}

static void answers_that_vary_are_waited_for_longer(void **state)
{
	struct kith_hedge h = { 0 };
	(void)state;
	for (int i = 0; i < 100; i++)
		kith_hedge_learn(&h, i % 2 == 0 ? 20 * MS : 60 * MS);
	assert_in_range(kith_hedge_wait(&h), 100 * MS, 140 * MS); /* 40, and four times 20 */
}

static void the_wait_has_bounds(void **state)
{
	struct kith_hedge h = { 0 };
	(void)state;
	for (int i = 0; i < 50; i++)
		kith_hedge_learn(&h, 1);
	assert_int_equal(kith_hedge_wait(&h), KITH_QUERY_HEDGE_MIN_US);
	for (int i = 0; i < 50; i++)
		kith_hedge_learn(&h, 10 * KITH_US_PER_S);
	assert_int_equal(kith_hedge_wait(&h), KITH_QUERY_HEDGE_US);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_learnt_is_the_longest_wait),
		cmocka_unit_test(answers_that_are_alike_leave_little_to_wait_for),
		cmocka_unit_test(answers_that_vary_are_waited_for_longer),
		cmocka_unit_test(the_wait_has_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
