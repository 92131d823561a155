/* What is told of a call: the longest silence of a window, and frames that were late, twice, or lost. */
#include "natlab/voice.h"

#include "support.h"

#define MS KITH_US_PER_MS
enum { FRAME_MS = 20, WAY_MS = 40 };

/* Frames from..to, each after the usual time. */
static void hear(struct kith_voice *v, unsigned from, unsigned to)
{
	for (unsigned i = from; i <= to; i++)
		kith_voice_hear(v, i, (1000 + i * FRAME_MS) * MS, (1000 + i * FRAME_MS + WAY_MS) * MS);
}

/* When the frame of that number comes. */
static kith_time_us due(unsigned number)
{
	return (1000 + number * FRAME_MS + WAY_MS) * MS;
}

static void an_even_call_has_a_gap_of_one_frame(void **state)
{
	(void)state;
	struct kith_voice v = { 0 };
	hear(&v, 0, 99);
	struct kith_voice_window w = kith_voice_tell(&v, due(99));
	assert_int_equal(w.gap_us, FRAME_MS * MS);
	assert_int_equal(w.heard, 100);
	assert_int_equal(w.late + w.twice + w.lost, 0);
}

static void frames_that_do_not_come_are_a_gap_and_lost(void **state)
{
	(void)state;
	struct kith_voice v = { 0 };
	hear(&v, 0, 9);
	kith_voice_listen(&v);
	hear(&v, 15, 19);
	struct kith_voice_window w = kith_voice_tell(&v, due(19));
	assert_int_equal(w.gap_us, 6 * FRAME_MS * MS); /* from 9 to 15 */
	assert_int_equal(w.heard, 5);
	assert_int_equal(w.lost, 5);
}

static void a_silence_that_lasts_counts_and_one_before_the_window_does_not(void **state)
{
	(void)state;
	struct kith_voice v = { 0 };
	hear(&v, 0, 0);
	hear(&v, 50, 60);
	kith_voice_listen(&v);
	assert_int_equal(kith_voice_tell(&v, due(60)).gap_us, 0);
	assert_int_equal(kith_voice_tell(&v, due(90)).gap_us, 30 * FRAME_MS * MS);
	assert_int_equal(kith_voice_tell(&v, due(60)).lost, 0);
}

static void a_frame_is_late_after_the_playout_buffer_and_not_before(void **state)
{
	(void)state;
	struct kith_voice v = { 0 };
	hear(&v, 0, 9);
	kith_voice_hear(&v, 10, due(10) - WAY_MS * MS, due(10) + KITH_VOICE_LATE_US);
	assert_int_equal(kith_voice_tell(&v, due(20)).late, 0);
	kith_voice_hear(&v, 11, due(11) - WAY_MS * MS, due(11) + KITH_VOICE_LATE_US + 1);
	assert_int_equal(kith_voice_tell(&v, due(20)).late, 1);
	assert_int_equal(kith_voice_tell(&v, due(20)).heard, 12);
}

static void a_frame_that_was_overtaken_is_not_lost_and_a_second_one_is_not_heard(void **state)
{
	(void)state;
	struct kith_voice v = { 0 };
	hear(&v, 0, 9);
	hear(&v, 11, 11);
	assert_int_equal(kith_voice_tell(&v, due(11)).lost, 1);
	hear(&v, 10, 10);
	hear(&v, 10, 10);
	struct kith_voice_window w = kith_voice_tell(&v, due(11));
	assert_int_equal(w.lost, 0);
	assert_int_equal(w.heard, 12);
	assert_int_equal(w.twice, 1);
}

/* What was sent before the window, and comes in it, ends a silence, and is none of its frames. */
static void a_frame_of_the_window_before_is_not_counted(void **state)
{
	(void)state;
	struct kith_voice v = { 0 };
	hear(&v, 0, 9);
	hear(&v, 12, 12);
	kith_voice_listen(&v);
	hear(&v, 10, 10);
	hear(&v, 13, 13);
	struct kith_voice_window w = kith_voice_tell(&v, due(13));
	assert_int_equal(w.heard, 1);
	assert_int_equal(w.lost, 0);
}

static void after_a_long_silence_what_is_known_is_bounded(void **state)
{
	(void)state;
	struct kith_voice v = { 0 };
	hear(&v, 0, 9);
	hear(&v, 10 * KITH_VOICE_FRAMES, 10 * KITH_VOICE_FRAMES);
	struct kith_voice_window w = kith_voice_tell(&v, due(10 * KITH_VOICE_FRAMES));
	assert_int_equal(w.heard, 11);
	assert_int_equal(w.lost, 10 * KITH_VOICE_FRAMES + 1 - 11);
	hear(&v, 10, 10); /* older than what is known */
	assert_int_equal(kith_voice_tell(&v, due(10)).heard, 11);
	hear(&v, 10 * KITH_VOICE_FRAMES - 1, 10 * KITH_VOICE_FRAMES - 1);
	assert_int_equal(kith_voice_tell(&v, due(10)).heard, 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_even_call_has_a_gap_of_one_frame),
		cmocka_unit_test(frames_that_do_not_come_are_a_gap_and_lost),
		cmocka_unit_test(a_silence_that_lasts_counts_and_one_before_the_window_does_not),
		cmocka_unit_test(a_frame_is_late_after_the_playout_buffer_and_not_before),
		cmocka_unit_test(a_frame_that_was_overtaken_is_not_lost_and_a_second_one_is_not_heard),
		cmocka_unit_test(a_frame_of_the_window_before_is_not_counted),
		cmocka_unit_test(after_a_long_silence_what_is_known_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
