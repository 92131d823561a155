/* The time of day against clocks that are reset, set and wrong, and homes that lie about it. */
#include "support.h"

#include "base/wall.h"

#define DAY_MS INT64_C(86400000)
#define YEAR_MS (365 * DAY_MS)
#define TODAY_MS INT64_C(1800000000000)

/* Our clock says ms, this long after the beginning. */
static struct kith_now at(kith_time_us mono_us, int64_t unix_ms)
{
	return (struct kith_now){ mono_us, unix_ms, true };
}

static void a_clock_that_is_earlier_than_it_can_be_is_not_trusted(void **state)
{
	struct kith_wall w = { 0 };
	(void)state;
	kith_wall_not_before(&w, TODAY_MS - DAY_MS);
	kith_wall_not_before(&w, TODAY_MS);
	kith_wall_not_before(&w, TODAY_MS - YEAR_MS); /* the latest counts */
	struct kith_now now = kith_wall_judge(&w, at(5, 0)); /* 1970 */
	assert_false(now.unix_trusted);
	assert_int_equal(now.unix_ms, TODAY_MS);
	assert_int_equal(now.mono_us, 5);
	now = kith_wall_judge(&w, at(6, TODAY_MS - 9 * 60 * 1000)); /* clocks differ a little */
	assert_true(now.unix_trusted);
	assert_int_equal(now.unix_ms, TODAY_MS - 9 * 60 * 1000);
	now = kith_wall_judge(&w, at(7, TODAY_MS - 11 * 60 * 1000));
	assert_false(now.unix_trusted);
	now = kith_wall_judge(&w, at(8, TODAY_MS + 10 * YEAR_MS)); /* nobody can tell */
	assert_true(now.unix_trusted);
	assert_int_equal(now.unix_ms, TODAY_MS + 10 * YEAR_MS);
}

static void a_clock_that_is_set_is_noticed_in_either_direction(void **state)
{
	static const int64_t steps_ms[] = { 3600000,	 -3600000,     2 * DAY_MS,   -2 * DAY_MS,
					    60 * DAY_MS, -60 * DAY_MS, 10 * YEAR_MS, -10 * YEAR_MS };
	(void)state;
	for (size_t i = 0; i < sizeof steps_ms / sizeof steps_ms[0]; i++) {
		struct kith_wall w = { 0 };
		kith_time_us mono = 0;
		for (int k = 0; k < 100; k++, mono += 600 * KITH_US_PER_S) /* 0.1 % too fast */
			(void)kith_wall_judge(&w, at(mono, TODAY_MS + mono / 1000 + mono / 1000000));
		assert_false(w.was_set);
		(void)kith_wall_judge(&w, at(mono, TODAY_MS + mono / 1000 + steps_ms[i]));
		assert_true(w.was_set);
	}
}

static void say(struct kith_wall *w, const struct kith_now *now, int64_t a, int64_t b, int64_t c)
{
	kith_wall_heard(w, 0, now, a);
	kith_wall_heard(w, 1, now, b);
	kith_wall_heard(w, 2, now, c);
}

static void the_bound_gives_way_to_three_homes_that_agree_and_to_no_fewer(void **state)
{
	const int64_t then = TODAY_MS - 2 * DAY_MS;
	struct kith_wall w = { 0 };
	struct kith_now now = at(1000, then);
	(void)state;
	kith_wall_not_before(&w, TODAY_MS);
	assert_false(kith_wall_judge(&w, now).unix_trusted);
	say(&w, &now, then, 0, 0);
	assert_false(kith_wall_judge(&w, now).unix_trusted);
	say(&w, &now, then, then, 0);
	assert_false(kith_wall_judge(&w, now).unix_trusted);
	say(&w, &now, then, then, TODAY_MS + DAY_MS);
	assert_false(kith_wall_judge(&w, now).unix_trusted);
	say(&w, &now, then, then - YEAR_MS, then - 2 * YEAR_MS); /* all earlier, none the same */
	assert_false(kith_wall_judge(&w, now).unix_trusted);
	say(&w, &now, then, then + 9 * 60 * 1000, then - 9 * 60 * 1000); /* two of them do not agree */
	assert_false(kith_wall_judge(&w, now).unix_trusted);
	say(&w, &now, then, then + 4 * 60 * 1000, then - 4 * 60 * 1000);
	assert_true(kith_wall_judge(&w, now).unix_trusted);
	assert_int_equal(kith_wall_judge(&w, now).unix_ms, then); /* our own clock, not theirs */
	kith_wall_heard(&w, 1, &now, 0); /* one is lost */
	assert_false(kith_wall_judge(&w, now).unix_trusted);
}

static void homes_never_move_a_clock_that_can_be_right(void **state)
{
	struct kith_wall w = { 0 };
	struct kith_now now = at(1000, TODAY_MS + DAY_MS);
	(void)state;
	kith_wall_not_before(&w, TODAY_MS);
	(void)kith_wall_judge(&w, now);
	for (int64_t lie = -10 * YEAR_MS; lie <= 10 * YEAR_MS; lie += YEAR_MS) {
		say(&w, &now, TODAY_MS + lie, TODAY_MS + lie, TODAY_MS + lie);
		struct kith_now judged = kith_wall_judge(&w, now);
		assert_true(judged.unix_trusted);
		assert_int_equal(judged.unix_ms, TODAY_MS + DAY_MS);
	}
}

static void it_takes_two_homes_to_say_that_a_clock_is_off(void **state)
{
	struct kith_wall w = { 0 };
	struct kith_now now = at(1000, TODAY_MS);
	unsigned n;
	(void)state;
	(void)kith_wall_judge(&w, now);
	assert_int_equal(kith_wall_homes_ahead(&w, &n), 0);
	assert_int_equal(n, 0);
	assert_false(kith_wall_is_off(&w));
	say(&w, &now, TODAY_MS + DAY_MS, 0, 0);
	assert_int_equal(kith_wall_homes_ahead(&w, &n), DAY_MS);
	assert_int_equal(n, 1);
	assert_false(kith_wall_is_off(&w));
	say(&w, &now, TODAY_MS + DAY_MS, TODAY_MS, 0); /* ours breaks the tie */
	assert_int_equal(kith_wall_homes_ahead(&w, &n), 0);
	assert_false(kith_wall_is_off(&w));
	say(&w, &now, TODAY_MS + DAY_MS, TODAY_MS + DAY_MS + 1000, TODAY_MS);
	assert_int_equal(kith_wall_homes_ahead(&w, &n), DAY_MS);
	assert_int_equal(n, 2);
	assert_false(kith_wall_is_off(&w)); /* one denies it */
	say(&w, &now, TODAY_MS - DAY_MS, TODAY_MS - DAY_MS + 1000, TODAY_MS - DAY_MS - 1000);
	assert_int_equal(kith_wall_homes_ahead(&w, &n), -DAY_MS);
	assert_int_equal(n, 3);
	assert_true(kith_wall_is_off(&w));
	/* Time goes by at all of them; then our clock is set right. */
	(void)kith_wall_judge(&w, at(3600 * KITH_US_PER_S + 1000, TODAY_MS + 3600000));
	assert_true(kith_wall_is_off(&w));
	(void)kith_wall_judge(&w, at(3600 * KITH_US_PER_S + 1000, TODAY_MS + 3600000 - DAY_MS));
	assert_false(kith_wall_is_off(&w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clock_that_is_earlier_than_it_can_be_is_not_trusted),
		cmocka_unit_test(a_clock_that_is_set_is_noticed_in_either_direction),
		cmocka_unit_test(the_bound_gives_way_to_three_homes_that_agree_and_to_no_fewer),
		cmocka_unit_test(homes_never_move_a_clock_that_can_be_right),
		cmocka_unit_test(it_takes_two_homes_to_say_that_a_clock_is_off),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
