/* Memory is given back by those who are called rarely, and kept by those who are called often. */
#include "support.h"

#include "base/thrift.h"

static void who_is_called_rarely_always_gives_back(void **state)
{
	struct kith_thrift t = { 0 };
	(void)state;
	for (kith_time_us now = 5; now < 100 * KITH_US_PER_S; now += KITH_US_PER_S / KITH_THRIFT_USES)
		assert_true(kith_thrift_used(&t, now));
}

static void who_is_called_often_keeps_until_a_pause(void **state)
{
	struct kith_thrift t = { 0 };
	kith_time_us now = 10 * KITH_US_PER_S;
	unsigned given = 0;
	(void)state;
	for (int i = 0; i < 10000; i++, now += 100) /* one second */
		given += kith_thrift_used(&t, now);
	assert_int_equal(given, KITH_THRIFT_USES);
	now += KITH_US_PER_S;
	assert_true(kith_thrift_used(&t, now));
}

static void a_clock_that_goes_back_begins_anew(void **state)
{
	struct kith_thrift t = { 0 };
	(void)state;
	for (int i = 0; i < 2 * KITH_THRIFT_USES; i++)
		(void)kith_thrift_used(&t, 10 * KITH_US_PER_S);
	assert_false(kith_thrift_used(&t, 10 * KITH_US_PER_S));
	assert_true(kith_thrift_used(&t, 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_called_rarely_always_gives_back),
		cmocka_unit_test(who_is_called_often_keeps_until_a_pause),
		cmocka_unit_test(a_clock_that_goes_back_begins_anew),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
