/* Bursts against a model of a link: a bottleneck with a queue, and a delay each way. */
#include "support.h"

#include "overlay/burst.h"

struct line {
	uint32_t rate; /* bytes a second of the bottleneck */
	kith_time_us delay; /* each way */
	kith_time_us queue; /* most that a packet waits; those that would wait longer are lost */
	kith_time_us busy_until;
	uint32_t bucket; /* bytes that pass at once after a while of silence; 0: none */
};

/* When a packet of the round that was sent at a time arrives; KITH_TIME_NEVER: lost. */
static kith_time_us carry(struct line *l, kith_time_us sent)
{
	const kith_time_us saved = sent - (kith_time_us)l->bucket * KITH_US_PER_S / l->rate;
	kith_time_us begin = l->busy_until > saved ? l->busy_until : saved;
	if (begin - sent > l->queue)
		return KITH_TIME_NEVER;
	l->busy_until = begin + (kith_time_us)KITH_BURST_PACKET * KITH_US_PER_S / l->rate;
	return (l->busy_until > sent ? l->busy_until : sent) + l->delay;
}

struct outcome {
	uint32_t figure, bytes, rate_max;
	unsigned rounds;
};

static const uint8_t key[KITH_BURST_KEY_LEN] = { 7 };

/* The other end: what it says came, and by how much it delays. */
struct other {
	bool claims_all; /* it says that everything came */
	bool thorough; /* the judge takes the time */
	kith_time_us slow; /* it answers requests that are no reports so much later, to make the way look long */
};

static struct outcome measure_known(struct line l, uint32_t cap, uint32_t known, bool up, const struct other *o)
{
	const struct kith_suite *suite = kith_suite_sodium();
	const kith_time_us rtt = 2 * l.delay + o->slow;
	struct outcome out = { 0 };
	struct kith_burst b;
	kith_time_us now = KITH_US_PER_S;
	kith_burst_begin(&b, cap, known, o->thorough);
	while (kith_burst_next(&b, rtt)) {
		struct kith_burst_heard heard = { 0 };
		struct kith_burst_train t = { .begun = now, .rate = b.rate, .packets = b.packets };
		kith_time_us at = now, last = now;
		assert_true(b.packets <= KITH_BURST_PACKETS_MAX);
		while (kith_burst_due_at(&t) != KITH_TIME_NEVER) {
			at = kith_burst_due_at(&t);
			assert_true(kith_burst_due(&t, at) >= 1);
			kith_time_us arrives = carry(&l, at);
			if (arrives != KITH_TIME_NEVER) {
				uint64_t nonce = kith_burst_nonce(suite, key, b.round, t.sent);
				assert_true(kith_burst_hear(&heard, b.round, t.sent, nonce, arrives));
				last = arrives;
			}
			t.sent++;
		}
		if (o->claims_all)
			memset(heard.got, 0xff, sizeof heard.got);
		unsigned arrived = up ? heard.arrived
				      : kith_burst_proven(suite, key, b.round, b.packets,
							  test_span(heard.got, sizeof heard.got), heard.proof);
		kith_time_us elapsed = up ? kith_burst_span(arrived, heard.first_at, heard.last_at)
					  : kith_burst_answered(&b, last + l.delay - now, rtt);
		kith_burst_judge(&b, arrived, elapsed);
		out.rounds++;
		out.rate_max = b.rate > out.rate_max ? b.rate : out.rate_max;
		now = last + KITH_US_PER_S;
	}
	out.figure = b.best;
	out.bytes = b.bytes;
	return out;
}

static struct outcome measure(struct line l, uint32_t cap, bool up, const struct other *o)
{
	return measure_known(l, cap, 0, up, o);
}

static const struct other honest;

static void assert_near(uint32_t figure, uint32_t truth, unsigned percent)
{
	if (figure > truth / 100 * (100 + percent) || figure < truth / 100 * (100 - percent))
		fail_msg("%u where it is %u", figure, truth);
}

/* 1, 8 and 16 Mbit/s at up to 40 ms each way, with a queue that is deep and one that is not. */
static void the_figure_is_what_the_link_carries(void **state)
{
	(void)state;
	const uint32_t rates[] = { 125000, 1000000, 2000000 };
	const kith_time_us delays[] = { 1000, 10000, 40000 }, queues[] = { 100000, 1000000 };
	for (int up = 0; up < 2; up++) {
		for (int i = 0; i < 3 * 3 * 2; i++) {
			struct line l = { .rate = rates[i / 6], .delay = delays[i / 2 % 3], .queue = queues[i % 2] };
			assert_near(measure(l, 0, up, &honest).figure, l.rate, 15);
		}
	}
}

static void it_stops_at_once_above_what_the_link_carries(void **state)
{
	(void)state;
	const struct line l = { .rate = 500000, .delay = 20000, .queue = 300000 };
	for (int up = 0; up < 2; up++) {
		struct outcome o = measure(l, 0, up, &honest);
		assert_true(o.rate_max < 4 * l.rate);
		assert_true(o.rounds <= 7);
	}
}

/* A question that had to be asked twice is no bottleneck. */
static void one_round_of_bad_luck_changes_nothing(void **state)
{
	(void)state;
	struct kith_burst b;
	kith_burst_begin(&b, 0, 0, false);
	for (int i = 0; i < 3; i++) {
		assert_true(kith_burst_next(&b, 10000));
		kith_burst_judge(&b, b.packets, 0);
	}
	uint32_t rate = b.rate;
	assert_true(kith_burst_next(&b, 10000));
	kith_burst_judge(&b, b.packets, KITH_US_PER_S);
	assert_true(kith_burst_next(&b, 10000));
	assert_int_equal(b.rate, 2 * rate);
	kith_burst_judge(&b, b.packets, 0);
	assert_int_equal(b.best, 2 * rate);
	assert_true(kith_burst_next(&b, 10000));
	kith_burst_judge(&b, 0, 0);
	assert_true(kith_burst_next(&b, 10000));
	kith_burst_judge(&b, b.packets / 2u, 0); /* twice in a row: that is it */
	assert_false(kith_burst_next(&b, 10000));
}

static void a_fast_link_costs_a_mebibyte_and_no_more(void **state)
{
	(void)state;
	const struct line l = { .rate = 125000000, .delay = 5000, .queue = 100000 };
	for (int up = 0; up < 2; up++) {
		struct outcome o = measure(l, 0, up, &honest);
		assert_true(o.bytes <= KITH_BURST_BYTES_MAX);
		assert_true(o.figure > 4000000); /* at least 32 Mbit/s */
	}
}

static void it_stops_at_the_cap_of_the_operator(void **state)
{
	(void)state;
	const struct line l = { .rate = 12500000, .delay = 5000, .queue = 100000 };
	for (int up = 0; up < 2; up++) {
		struct outcome o = measure(l, 300000, up, &honest);
		assert_int_equal(o.rate_max, 300000);
		assert_near(o.figure, 300000, 5);
	}
}

/* The figure of former days is where to begin: one round does, as long as it is right. */
static void a_link_that_is_known_costs_a_fraction(void **state)
{
	(void)state;
	const uint32_t rates[] = { 125000, 500000, 1250000, 2000000 };
	for (int up = 0; up < 2; up++) {
		for (int i = 0; i < 4 * 3; i++) {
			const struct line l = { .rate = rates[i % 4], .delay = 10000 << (i / 4), .queue = 300000 };
			struct outcome first = measure(l, 0, up, &honest);
			struct outcome again = measure_known(l, 0, first.figure, up, &honest);
			assert_int_equal(again.rounds, 1);
			assert_near(again.figure, l.rate, 15);
			assert_true(again.bytes <= first.bytes / 5 * 2);
		}
	}
}

/* Nothing came, since a request was lost: it is measured as if nothing were known. */
static void bad_luck_at_the_known_figure_changes_nothing(void **state)
{
	(void)state;
	struct kith_burst b;
	kith_burst_begin(&b, 0, 800000, false);
	assert_true(kith_burst_next(&b, 10000));
	assert_int_equal(b.rate, 1000000);
	kith_burst_judge(&b, 0, 0);
	assert_true(kith_burst_next(&b, 10000));
	assert_int_equal(b.rate, KITH_BURST_FIRST);
}

/* It does not wear off day by day. */
static void a_figure_stays_what_it_is_through_many_days(void **state)
{
	(void)state;
	const struct line l = { .rate = 800000, .delay = 20000, .queue = 300000 };
	for (int up = 0; up < 2; up++) {
		uint32_t figure = measure(l, 0, up, &honest).figure;
		for (int day = 0; day < 100; day++)
			figure = measure_known(l, 0, figure, up, &honest).figure;
		assert_near(figure, l.rate, 15);
	}
}

/* Whatever was signed of former days: what it has now is what counts. */
static void a_figure_that_is_not_so_any_more_changes_nothing(void **state)
{
	(void)state;
	const uint32_t known[] = { 1, 70000, 100000, 300000, 400000, 1000000, 3000000, 40000000, UINT32_MAX };
	for (int up = 0; up < 2; up++) {
		for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
			const struct line l = { .rate = 400000, .delay = 15000, .queue = 100000 };
			struct outcome o = measure_known(l, 0, known[i], up, &honest);
			assert_near(o.figure, l.rate, 20);
			assert_true(o.bytes <= KITH_BURST_BYTES_MAX);
		}
	}
}

/* A line that lets some bytes through at once looks faster than it is, and is found out where that would make it a
 * supernode. */
static void a_bucket_of_tokens_does_not_make_a_supernode(void **state)
{
	(void)state;
	const uint32_t buckets[] = { 20000, 35000, 50000 };
	const struct other judge = { .thorough = true };
	for (int up = 0; up < 2; up++) {
		for (size_t i = 0; i < sizeof buckets / sizeof buckets[0]; i++) {
			const struct line l = { .rate = 95000, .delay = 15000, .queue = 200000, .bucket = buckets[i] };
			assert_true(measure(l, 0, up, &judge).figure < KITH_BURST_LEAST);
		}
		const struct line enough = { .rate = 180000, .delay = 15000, .queue = 200000, .bucket = 50000 };
		assert_near(measure(enough, 0, up, &judge).figure, enough.rate, 20);
		/* Nor does it grow day by day. */
		uint32_t figure = 0;
		for (int day = 0; day < 20; day++)
			figure = measure_known(enough, 0, figure, up, &judge).figure;
		assert_near(figure, enough.rate, 20);
	}
}

/* It claims ten times of what it has, and gets what it has. */
static void who_claims_ten_times_is_found_out(void **state)
{
	(void)state;
	const struct line l = { .rate = 200000, .delay = 15000, .queue = 100000 };
	for (int up = 0; up < 2; up++)
		assert_near(measure(l, 10 * l.rate, up, &honest).figure, l.rate, 15);
	/* It says that all came, and was slow to say so only for want of them: of what was lost it has no nonces. */
	const struct line leaky = { .rate = 200000, .delay = 15000, .queue = 5000 };
	const struct other liar = { .claims_all = true };
	assert_true(measure(leaky, 10 * l.rate, false, &liar).figure <= l.rate / 100 * 115);
}

/* A way that is made to look long is not taken off beyond half of a round. */
static void who_delays_answers_gains_less_than_a_factor_of_two(void **state)
{
	(void)state;
	const uint32_t rates[] = { 150000, 200000, 250000, 400000 };
	for (int i = 0; i < 4 * 7; i++) {
		const struct line l = { .rate = rates[i % 4], .delay = 15000, .queue = 10 * KITH_US_PER_S };
		const struct other liar = { .slow = 50000 << (i / 4) };
		assert_true(measure(l, 0, false, &liar).figure <= 2 * l.rate);
	}
}

static void packets_count_once_and_for_their_own_round(void **state)
{
	(void)state;
	struct kith_burst_heard h = { 0 };
	assert_true(kith_burst_hear(&h, 1, 0, 5, 10));
	assert_false(kith_burst_hear(&h, 1, 0, 5, 11));
	assert_true(kith_burst_hear(&h, 1, 511, 6, 12));
	assert_false(kith_burst_hear(&h, 1, 512, 6, 12));
	assert_int_equal(h.arrived, 2);
	assert_true(kith_burst_hear(&h, 2, 3, 9, 20));
	assert_int_equal(h.arrived, 1);
	assert_int_equal(h.proof, 9);
	assert_int_equal(h.first_at, 20);
	assert_false(kith_burst_hear(&h, 1, 4, 9, 21)); /* late, of the round before */
	assert_int_equal(h.arrived, 1);
}

/* A line that was asleep sends at most some packets at once, and goes on at its rate. */
static void a_train_that_is_late_does_not_leave_at_once(void **state)
{
	(void)state;
	struct kith_burst_train t = { .begun = 0, .rate = 1100000, .packets = 512 };
	assert_int_equal(kith_burst_due(&t, 0), 1);
	assert_int_equal(kith_burst_due(&t, 10000), 11);
	assert_int_equal(kith_burst_due(&t, KITH_US_PER_S), 32);
	t.sent = 510;
	assert_int_equal(kith_burst_due(&t, KITH_US_PER_S), 2);
	t.sent = 512;
	assert_int_equal(kith_burst_due(&t, KITH_US_PER_S), 0);
	assert_int_equal(kith_burst_due_at(&t), KITH_TIME_NEVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_figure_is_what_the_link_carries),
		cmocka_unit_test(it_stops_at_once_above_what_the_link_carries),
		cmocka_unit_test(one_round_of_bad_luck_changes_nothing),
		cmocka_unit_test(a_fast_link_costs_a_mebibyte_and_no_more),
		cmocka_unit_test(it_stops_at_the_cap_of_the_operator),
		cmocka_unit_test(a_link_that_is_known_costs_a_fraction),
		cmocka_unit_test(bad_luck_at_the_known_figure_changes_nothing),
		cmocka_unit_test(a_figure_stays_what_it_is_through_many_days),
		cmocka_unit_test(a_figure_that_is_not_so_any_more_changes_nothing),
		cmocka_unit_test(a_bucket_of_tokens_does_not_make_a_supernode),
		cmocka_unit_test(who_claims_ten_times_is_found_out),
		cmocka_unit_test(who_delays_answers_gains_less_than_a_factor_of_two),
		cmocka_unit_test(packets_count_once_and_for_their_own_round),
		cmocka_unit_test(a_train_that_is_late_does_not_leave_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
