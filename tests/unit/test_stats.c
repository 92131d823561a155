#include "support.h"

#include "base/stats.h"

static void every_counter_has_a_name_and_a_text_of_its_own(void **state)
{
	(void)state;
	for (unsigned i = 0; i < KITH_STAT_MAX; i++) {
		assert_non_null(kith_stat_name(i));
		assert_true(strlen(kith_stat_text(i)) > 0);
		for (unsigned j = 0; j < i; j++) {
			assert_string_not_equal(kith_stat_name(i), kith_stat_name(j));
			assert_string_not_equal(kith_stat_text(i), kith_stat_text(j));
		}
	}
	assert_string_equal(kith_stat_name(KITH_STAT_DROP_REPLAYED), "DROP_REPLAYED");
}

static void numbers_beyond_the_last_counter_have_no_name(void **state)
{
	(void)state;
	assert_null(kith_stat_name(KITH_STAT_MAX));
	assert_null(kith_stat_text(KITH_STAT_MAX));
	assert_null(kith_stat_name(UINT32_MAX));
}

static void adding_changes_one_counter_only(void **state)
{
	(void)state;
	struct kith_stats stats = { { 0 } };
	kith_stats_add(&stats, KITH_STAT_BYTES_IN, 1200);
	kith_stats_add(&stats, KITH_STAT_BYTES_IN, 1);
	for (unsigned i = 0; i < KITH_STAT_MAX; i++)
		assert_int_equal(stats.counter[i], i == KITH_STAT_BYTES_IN ? 1201 : 0);
	kith_stats_add(NULL, KITH_STAT_BYTES_IN, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_counter_has_a_name_and_a_text_of_its_own),
		cmocka_unit_test(numbers_beyond_the_last_counter_have_no_name),
		cmocka_unit_test(adding_changes_one_counter_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
