#include "support.h"

#include "overlay/absent.h"

static struct kith_absent a;
static kith_time_us now;

static const uint8_t *id_of(uint32_t n)
{
	static uint8_t id[KITH_MEMBER_ID_PREFIX];
	memset(id, 0, sizeof id);
	id[0] = (uint8_t)n;
	id[1] = (uint8_t)(n >> 8);
	id[2] = 1;
	return id;
}

static int setup(void **state)
{
	(void)state;
	memset(&a, 0, sizeof a);
	now = KITH_US_PER_S;
	return 0;
}

static void guides_are_asked_one_after_the_other_and_then_no_more(void **state)
{
	(void)state;
	assert_null(kith_absent_due(&a, now));
	assert_int_equal(kith_absent_deadline(&a), KITH_TIME_NEVER);
	assert_true(kith_absent_want(&a, now, id_of(1), 0));
	for (unsigned i = 0; i < KITH_ABSENT_GUIDES; i++) {
		struct kith_absent_one *one = kith_absent_due(&a, now);
		assert_non_null(one);
		assert_int_equal(one->asked, i);
		kith_absent_asked(one, now, true);
		assert_null(kith_absent_due(&a, now));
		assert_true(kith_absent_want(&a, now, id_of(1), 0)); /* the last one has not answered */
		now += KITH_ABSENT_STEP_US;
	}
	assert_null(kith_absent_due(&a, now));
	assert_int_equal(kith_absent_deadline(&a), KITH_TIME_NEVER);
	assert_false(kith_absent_want(&a, now, id_of(1), 0)); /* it is not there */
	now += KITH_ABSENT_VAIN_US - 1;
	assert_false(kith_absent_want(&a, now, id_of(1), 0));
	now += 1;
	assert_true(kith_absent_want(&a, now, id_of(1), 0));
	assert_non_null(kith_absent_due(&a, now));
}

static void without_a_guide_it_is_in_vain_at_once(void **state)
{
	(void)state;
	assert_true(kith_absent_want(&a, now, id_of(1), 0));
	kith_absent_asked(kith_absent_due(&a, now), now, false);
	assert_false(kith_absent_want(&a, now, id_of(1), 0));
}

static void who_was_found_may_be_looked_for_again(void **state)
{
	(void)state;
	assert_true(kith_absent_want(&a, now, id_of(1), 0));
	kith_absent_found(kith_absent_due(&a, now));
	assert_null(kith_absent_due(&a, now));
	assert_true(kith_absent_want(&a, now, id_of(1), 0));
	assert_non_null(kith_absent_due(&a, now));
}

static unsigned looked_for(void)
{
	unsigned n = 0;
	for (size_t i = 0; i < KITH_ABSENT_MAX; i++)
		n += a.at[i].at != 0 && a.at[i].asked < KITH_ABSENT_GUIDES;
	return n;
}

/* One that tells of entries that it made up keeps others from nothing. */
static void one_teller_has_a_part_of_the_room(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 2 * KITH_ABSENT_MAX; i++)
		assert_true(kith_absent_want(&a, now, id_of(i), 7)); /* the rest waits */
	assert_int_equal(looked_for(), KITH_ABSENT_PER_TELLER);
	assert_true(kith_absent_want(&a, now, id_of(1000), 8));
	assert_int_equal(looked_for(), KITH_ABSENT_PER_TELLER + 1);
	for (uint32_t i = 0; i < 2 * KITH_ABSENT_MAX; i++)
		assert_true(kith_absent_want(&a, now, id_of(2000 + i), 0));
	assert_int_equal(looked_for(), KITH_ABSENT_MAX);
}

/* What was looked for in vain gives way to what is wanted now. */
static void in_vain_gives_way(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < KITH_ABSENT_MAX; i++) {
		assert_true(kith_absent_want(&a, now, id_of(i), 0));
		kith_absent_asked(kith_absent_due(&a, now), now, false);
	}
	assert_int_equal(looked_for(), 0);
	assert_true(kith_absent_want(&a, now, id_of(500), 0));
	assert_int_equal(looked_for(), 1);
}

static void three_in_prefixes_of_their_own_are_enough(void **state)
{
	(void)state;
	assert_false(kith_absent_told(&a, now, id_of(1), 10));
	assert_false(kith_absent_told(&a, now, id_of(1), 10)); /* says it again */
	assert_false(kith_absent_told(&a, now, id_of(1), 11));
	assert_false(kith_absent_told(&a, now, id_of(2), 12)); /* of somebody else */
	assert_false(kith_absent_told(&a, now, id_of(1), 11));
	assert_true(kith_absent_told(&a, now, id_of(1), 12));
}

static void old_words_do_not_count(void **state)
{
	(void)state;
	assert_false(kith_absent_told(&a, now, id_of(1), 10));
	assert_false(kith_absent_told(&a, now, id_of(1), 11));
	now += KITH_ABSENT_WORDS_US;
	assert_false(kith_absent_told(&a, now, id_of(1), 12));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, setup)
	const struct CMUnitTest tests[] = {
		T(guides_are_asked_one_after_the_other_and_then_no_more),
		T(without_a_guide_it_is_in_vain_at_once),
		T(who_was_found_may_be_looked_for_again),
		T(one_teller_has_a_part_of_the_room),
		T(in_vain_gives_way),
		T(three_in_prefixes_of_their_own_are_enough),
		T(old_words_do_not_count),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
