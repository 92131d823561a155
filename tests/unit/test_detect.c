#include "support.h"

#include "path/detect.h"

#define MS ((kith_time_us)1000)

/* ---- flight ---- */

static void the_oldest_unacknowledged_packet_is_known(void **state)
{
	(void)state;
	struct kith_flight f = { 0 };
	kith_time_us sent_at;
	assert_int_equal(kith_flight_oldest(&f), KITH_TIME_NEVER);
	assert_false(kith_flight_acked(&f, 0, &sent_at)); /* nothing was sent */
	for (uint64_t c = 0; c < 5; c++)
		kith_flight_sent(&f, c, 100 * MS + (kith_time_us)c * 20 * MS);
	assert_int_equal(kith_flight_oldest(&f), 100 * MS);
	assert_true(kith_flight_acked(&f, 1, &sent_at));
	assert_int_equal(sent_at, 120 * MS);
	assert_int_equal(kith_flight_oldest(&f), 140 * MS);
	assert_false(kith_flight_acked(&f, 1, &sent_at)); /* again */
	assert_false(kith_flight_acked(&f, 0, &sent_at)); /* late */
	assert_false(kith_flight_acked(&f, 5, &sent_at)); /* never sent */
	assert_false(kith_flight_acked(&f, UINT64_MAX, &sent_at));
	assert_true(kith_flight_acked(&f, 4, &sent_at));
	assert_int_equal(sent_at, 180 * MS);
	assert_int_equal(kith_flight_oldest(&f), KITH_TIME_NEVER);
}

static void a_fast_flow_keeps_the_oldest_marks_and_never_loses_the_last_packet(void **state)
{
	(void)state;
	struct kith_flight f = { 0 };
	kith_time_us sent_at, now = 1000 * MS;
	for (uint64_t c = 0; c < 100000; c++)
		kith_flight_sent(&f, c, now += 10);
	assert_int_equal(kith_flight_oldest(&f), 1000 * MS + 10);
	assert_true(kith_flight_acked(&f, 99998, &sent_at));
	assert_int_equal(kith_flight_oldest(&f), now); /* the very last one */
	assert_true(kith_flight_acked(&f, 99999, &sent_at));
	assert_int_equal(kith_flight_oldest(&f), KITH_TIME_NEVER);
	/* The mark of what is out is never later than 5 ms after the truth. */
	for (uint64_t c = 100000; c < 101000; c++)
		kith_flight_sent(&f, c, now += 100);
	kith_time_us start = now - 999 * 100;
	assert_true(kith_flight_acked(&f, 100400, &sent_at));
	assert_in_range(kith_flight_oldest(&f), start + 401 * 100, start + 401 * 100 + 5 * MS);
}

static void what_left_before_an_answered_probe_is_not_waited_for(void **state)
{
	(void)state;
	struct kith_flight f = { 0 };
	for (uint64_t c = 0; c < 5; c++)
		kith_flight_sent(&f, c, 100 * MS + (kith_time_us)c * 20 * MS);
	kith_flight_forget(&f, 130 * MS);
	assert_int_equal(kith_flight_oldest(&f), 140 * MS);
	kith_flight_forget(&f, 500 * MS);
	assert_int_equal(kith_flight_oldest(&f), KITH_TIME_NEVER);
	kith_flight_sent(&f, 5, 600 * MS);
	assert_int_equal(kith_flight_oldest(&f), 600 * MS);
}

/* ---- pace ---- */

static void silence_is_suspicious_only_in_a_flow(void **state)
{
	(void)state;
	struct kith_pace p = { 0 };
	kith_time_us t = 1000 * MS;
	assert_int_equal(kith_pace_silent_at(&p), KITH_TIME_NEVER);
	for (unsigned i = 1; i <= 5; i++) {
		kith_pace_packet(&p, t += 20 * MS, true);
		assert_int_equal(kith_pace_silent_at(&p) == KITH_TIME_NEVER, i <= KITH_FLOW_RUN);
	}
	assert_int_equal(kith_pace_silent_at(&p), t + 60 * MS + 1); /* 3 x 20 ms */
	/* Other packets between shorten the distance, down to the floor. */
	for (unsigned i = 0; i < 100; i++)
		kith_pace_packet(&p, t += 5 * MS, i % 4 == 0);
	assert_int_equal(kith_pace_silent_at(&p), t + 40 * MS + 1);
	/* A pause ends the flow. */
	kith_pace_packet(&p, t += KITH_FLOW_GAP_US + 1, true);
	assert_int_equal(kith_pace_silent_at(&p), KITH_TIME_NEVER);
}

static void a_slow_trickle_is_no_flow(void **state)
{
	(void)state;
	struct kith_pace p = { 0 };
	for (unsigned i = 0; i < 50; i++)
		kith_pace_packet(&p, 1000 * MS + i * 150 * MS, true);
	assert_int_equal(kith_pace_silent_at(&p), KITH_TIME_NEVER);
}

static void a_long_distance_lately_makes_patient(void **state)
{
	(void)state;
	struct kith_pace p = { 0 };
	kith_time_us t = 1000 * MS;
	for (unsigned i = 0; i < 300; i++) /* frames of video: ten packets, then 33 ms */
		kith_pace_packet(&p, t += i % 10 == 0 ? 33 * MS : MS / 2, true);
	assert_true(kith_pace_silent_at(&p) - t >= 40 * MS);
	assert_true(kith_pace_idle_at(&p) > t + 20 * MS);
	assert_true(kith_pace_idle_at(&p) < kith_pace_silent_at(&p)); /* the mark is there before the alarm */
	/* A pause that was seen is no alarm when it comes again: half as much more, whatever the mean. */
	for (unsigned i = 1; i <= 300; i++)
		kith_pace_packet(&p, t += i % 10 == 0 ? 90 * MS : MS / 2, true);
	assert_int_equal(kith_pace_silent_at(&p), t + 135 * MS + 1);
}

static void a_mark_stops_the_alarm_and_data_starts_it_again(void **state)
{
	(void)state;
	struct kith_pace p = { 0 };
	kith_time_us t = 1000 * MS;
	for (unsigned i = 0; i < 20; i++)
		kith_pace_packet(&p, t += 20 * MS, true);
	p.idle = true;
	assert_int_equal(kith_pace_silent_at(&p), KITH_TIME_NEVER);
	assert_int_equal(kith_pace_idle_at(&p), KITH_TIME_NEVER);
	uint32_t mean = p.mean_us;
	kith_pace_packet(&p, t += 120 * MS, true);
	assert_int_equal(p.mean_us, mean); /* the pause was no distance */
	assert_int_equal(kith_pace_silent_at(&p), t + 60 * MS + 1);
}

static void alarms_are_repeated_three_times_with_doubled_patience(void **state)
{
	(void)state;
	struct kith_pace p = { 0 };
	kith_time_us t = 1000 * MS;
	for (unsigned i = 0; i < 20; i++)
		kith_pace_packet(&p, t += 20 * MS, true);
	static const unsigned ms[] = { 60, 120, 240 };
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(kith_pace_silent_at(&p), t + ms[i] * MS + 1);
		p.alarms++;
	}
	assert_int_equal(kith_pace_silent_at(&p), KITH_TIME_NEVER);
	kith_pace_packet(&p, t += 300 * MS, false);
	assert_int_equal(p.alarms, 0);
}

static void one_idle_mark_follows_a_flow_of_four(void **state)
{
	(void)state;
	struct kith_pace p = { 0 };
	kith_time_us t = 1000 * MS;
	for (unsigned i = 1; i <= 4; i++) {
		assert_int_equal(kith_pace_idle_at(&p), KITH_TIME_NEVER);
		kith_pace_packet(&p, t += 10 * MS, true);
	}
	assert_int_equal(kith_pace_idle_at(&p), t + 20 * MS);
	for (unsigned i = 0; i < 100; i++)
		kith_pace_packet(&p, t += 60 * MS, true);
	assert_int_equal(kith_pace_idle_at(&p), t + 66 * MS);
}

/* ---- budget ---- */

static void duplicates_are_a_fifth_of_ten_seconds_and_a_burst(void **state)
{
	(void)state;
	struct kith_budget b = { 0 };
	kith_time_us now = 12345 * MS;
	unsigned taken = 0;
	for (unsigned i = 0; i < 500; i++)
		kith_budget_sent(&b, now += 10 * MS);
	while (kith_budget_take(&b, now, true))
		taken++;
	assert_int_equal(taken, 100 + KITH_DUPLICATE_BURST);
	/* Before a failure is sure, half of it. */
	b = (struct kith_budget){ 0 };
	for (unsigned i = 0; i < 500; i++)
		kith_budget_sent(&b, now += 10 * MS);
	for (taken = 0; kith_budget_take(&b, now, false); taken++)
		;
	assert_int_equal(taken, (100 + KITH_DUPLICATE_BURST) / 2);
	while (kith_budget_take(&b, now, true))
		taken++;
	assert_int_equal(taken, 100 + KITH_DUPLICATE_BURST);
	/* Ten seconds later all is forgotten, and the burst is there again. */
	now += 15 * KITH_US_PER_S;
	for (taken = 0; kith_budget_take(&b, now, true); taken++)
		;
	assert_int_equal(taken, KITH_DUPLICATE_BURST);
}

/* Two copies of a packet are for failures, and not for the third false alarm in ten seconds. */
static void a_budget_is_ample_until_an_eighth_is_spent(void **state)
{
	(void)state;
	struct kith_budget b = { 0 };
	kith_time_us now = 12345 * MS;
	unsigned taken = 0;
	for (unsigned i = 0; i < 500; i++)
		kith_budget_sent(&b, now += 10 * MS);
	for (; kith_budget_is_ample(&b, now); taken++)
		assert_true(kith_budget_take(&b, now, false));
	assert_int_equal(taken, (100 + KITH_DUPLICATE_BURST) / 8);
	assert_true(kith_budget_take(&b, now, false));
	now += 15 * KITH_US_PER_S;
	assert_true(kith_budget_is_ample(&b, now));
}

static void no_ten_seconds_cost_more_than_two_bursts_and_a_fifth(void **state)
{
	(void)state;
	struct kith_budget b = { 0 };
	struct test_random r;
	test_random_init(&r, 6);
	enum { STEPS = 20000, WINDOW = 1000 }; /* of 10 ms: 10 s */
	static uint8_t sent[STEPS], extra[STEPS];
	memset(sent, 0, sizeof sent);
	memset(extra, 0, sizeof extra);
	for (unsigned i = 0; i < STEPS; i++) {
		kith_time_us now = 777 * MS + i * 10 * MS;
		if (test_random_next(&r) % 3 == 0) {
			kith_budget_sent(&b, now);
			sent[i]++;
		}
		while (extra[i] < 200 && kith_budget_take(&b, now, true))
			extra[i]++;
	}
	unsigned s = 0, e = 0;
	for (unsigned i = 0; i < STEPS; i++) {
		s += sent[i];
		e += extra[i];
		if (i >= WINDOW) {
			s -= sent[i - WINDOW];
			e -= extra[i - WINDOW];
			assert_true(e <= s * 3 / 10 + 2 * KITH_DUPLICATE_BURST); /* halves: up to 15 s count for 10 */
		}
	}
}

/* ---- acknowledgements ---- */

static void acknowledgements_name_the_largest_and_count_all(void **state)
{
	(void)state;
	struct kith_ack a = { 0 };
	kith_ack_packet(&a, 0, 10);
	assert_true(a.largest == 0 && a.count == 1 && a.pending == 1 && a.first_at == 10);
	kith_ack_packet(&a, 9, 20);
	kith_ack_packet(&a, 4, 30); /* reordered */
	assert_true(a.largest == 9 && a.largest_at == 20 && a.count == 3 && a.pending == 3 && a.first_at == 10);
	a.pending = 0;
	kith_ack_packet(&a, 10, 40);
	assert_true(a.first_at == 40 && a.pending == 1);
	uint8_t buf[KITH_PATH_ACK_BODY];
	struct kith_path_ack_frame in = { UINT64_MAX - 1, 77, 20001, 200, KITH_PATH_ACK_SUSPECT }, out;
	struct kith_writer w = kith_writer_of(buf, sizeof buf);
	kith_path_ack_write(&w, &in);
	assert_int_equal(kith_writer_len(&w), KITH_PATH_ACK_BODY);
	assert_false(w.bad);
	assert_int_equal(kith_path_ack_read(&out, test_span(buf, sizeof buf)), 0);
	assert_true(out.largest == in.largest && out.count == 77 && out.delay_us == 20001 && out.path == 200 &&
		    out.flags == 1);
	for (size_t cut = 0; cut < sizeof buf; cut++)
		assert_int_equal(kith_path_ack_read(&out, test_span(buf, cut)), KITH_EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_oldest_unacknowledged_packet_is_known),
		cmocka_unit_test(a_fast_flow_keeps_the_oldest_marks_and_never_loses_the_last_packet),
		cmocka_unit_test(what_left_before_an_answered_probe_is_not_waited_for),
		cmocka_unit_test(silence_is_suspicious_only_in_a_flow),
		cmocka_unit_test(a_slow_trickle_is_no_flow),
		cmocka_unit_test(a_long_distance_lately_makes_patient),
		cmocka_unit_test(a_mark_stops_the_alarm_and_data_starts_it_again),
		cmocka_unit_test(alarms_are_repeated_three_times_with_doubled_patience),
		cmocka_unit_test(one_idle_mark_follows_a_flow_of_four),
		cmocka_unit_test(duplicates_are_a_fifth_of_ten_seconds_and_a_burst),
		cmocka_unit_test(a_budget_is_ample_until_an_eighth_is_spent),
		cmocka_unit_test(no_ten_seconds_cost_more_than_two_bursts_and_a_fifth),
		cmocka_unit_test(acknowledgements_name_the_largest_and_count_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
