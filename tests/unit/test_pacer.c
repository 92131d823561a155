/* The pacer alone, in virtual time: against links with a rate, a queue, loss and failures, and a receiver that
 * acknowledges as PATH_ACKs do.
 */
#include "support.h"

#include "path/pacer.h"

#define MS ((kith_time_us)1000)
#define S ((kith_time_us)1000000)

enum { QUEUE = 1 << 16, DATAGRAM = 1000 };

struct flying {
	kith_time_us at;
	uint64_t counter;
	uint32_t count; /* acknowledgements */
};

struct link {
	struct kith_pacer p;
	struct test_random random;
	kith_time_us now, owd, step;
	uint64_t rate; /* bytes a second; 0 = any */
	uint64_t queue; /* bytes that wait at most */
	unsigned loss_permille;
	bool down;
	kith_time_us busy_until;
	uint32_t srtt_us;
	bool measured; /* srtt_us follows the round trips */
	uint64_t counter;
	kith_time_us sent_at[QUEUE]; /* by counter */
	struct flying data[QUEUE], acks[QUEUE];
	unsigned data_in, data_out, acks_in, acks_out;
	/* the receiver */
	uint64_t largest;
	uint32_t count;
	unsigned pending;
	kith_time_us first_at, acked_at;
	/* what happened */
	uint64_t sent, sent_bytes, refused, dropped, arrived;
};

static struct link *link_new(uint64_t seed, kith_time_us owd)
{
	struct link *l = calloc(1, sizeof *l);
	assert_non_null(l);
	test_random_init(&l->random, seed);
	l->now = 1000 * S;
	l->owd = owd;
	l->step = owd / 40 < 50 ? 50 : owd / 40 > MS ? MS : owd / 40;
	l->queue = 1 << 30;
	l->srtt_us = (uint32_t)(2 * owd);
	return l;
}

static bool link_send(struct link *l, uint32_t len)
{
	uint32_t bytes = len + KITH_PACER_OVERHEAD;
	kith_pacer_begin(&l->p, l->now, l->srtt_us);
	if (!kith_pacer_take(&l->p, l->now, bytes)) {
		l->refused++;
		return false;
	}
	uint64_t counter = l->counter++;
	kith_pacer_sent(&l->p, l->now, counter);
	l->sent_at[counter % QUEUE] = l->now;
	l->sent++;
	l->sent_bytes += bytes;
	kith_time_us start = l->busy_until > l->now ? l->busy_until : l->now;
	kith_time_us takes = l->rate != 0 ? (kith_time_us)((uint64_t)bytes * 1000000 / l->rate) : 0;
	bool full = l->rate != 0 && (uint64_t)(start - l->now) * l->rate / 1000000 > l->queue;
	if (l->down || full || test_random_next(&l->random) % 1000 < l->loss_permille) {
		l->dropped++;
		return true;
	}
	l->busy_until = start + takes;
	assert_true(l->data_in - l->data_out < QUEUE);
	l->data[l->data_in++ % QUEUE] = (struct flying){ start + takes + l->owd, counter, 0 };
	return true;
}

static void receiver_acks(struct link *l)
{
	l->pending = 0;
	l->acked_at = l->now;
	if (!l->down)
		l->acks[l->acks_in++ % QUEUE] = (struct flying){ l->now + l->owd, l->largest, l->count };
}

static void take_ack(struct link *l, const struct flying *ack)
{
	if (l->measured) {
		uint32_t rtt = (uint32_t)(l->now - l->sent_at[ack->counter % QUEUE]);
		l->srtt_us = l->srtt_us == 0 ? rtt : l->srtt_us - l->srtt_us / 8 + rtt / 8;
	}
	kith_pacer_begin(&l->p, l->now, l->srtt_us);
	kith_pacer_acked(&l->p, l->now, ack->counter, ack->count);
}

static void link_step(struct link *l)
{
	l->now += l->step;
	while (l->data_out != l->data_in && l->data[l->data_out % QUEUE].at <= l->now) {
		l->largest = l->data[l->data_out++ % QUEUE].counter;
		l->count++;
		l->arrived++;
		if (l->pending++ == 0)
			l->first_at = l->now;
		if (l->pending >= KITH_PATH_ACK_EVERY && l->now - l->acked_at >= KITH_PATH_ACK_SPACING_US)
			receiver_acks(l);
	}
	if (l->pending > 0 && l->now - l->first_at >= KITH_PATH_ACK_DELAY_US)
		receiver_acks(l);
	while (l->acks_out != l->acks_in && l->acks[l->acks_out % QUEUE].at <= l->now)
		take_ack(l, &l->acks[l->acks_out++ % QUEUE]);
}

/* Sends whatever may leave, for so long. */
static void bulk(struct link *l, kith_time_us us)
{
	for (kith_time_us end = l->now + us; l->now < end; link_step(l)) {
		kith_pacer_begin(&l->p, l->now, l->srtt_us);
		while (kith_pacer_ready_at(&l->p, l->now, DATAGRAM + KITH_PACER_OVERHEAD) <= l->now &&
		       link_send(l, DATAGRAM)) {}
	}
}

/* One datagram of len bytes every so often. */
static void talk(struct link *l, kith_time_us us, kith_time_us every, uint32_t len)
{
	kith_time_us next = l->now;
	for (kith_time_us end = l->now + us; l->now < end; link_step(l)) {
		if (l->now >= next) {
			(void)link_send(l, len);
			next += every;
		}
	}
}

/* ---- the rate ---- */

static void a_new_path_takes_ten_datagrams_at_once_and_as_many_in_a_round(void **state)
{
	(void)state;
	struct link *l = link_new(1, 50 * MS);
	unsigned n = 0;
	l->down = true;
	while (link_send(l, 1100))
		n++;
	assert_int_equal(n, KITH_PACE_INITIAL_BYTES / (1100 + KITH_PACER_OVERHEAD));
	for (kith_time_us end = l->now + 100 * MS; l->now < end;) /* one round */
		link_step(l);
	while (link_send(l, 1100))
		n++;
	assert_int_equal(n, 2 * KITH_PACE_INITIAL_BYTES / (1100 + KITH_PACER_OVERHEAD));
	free(l);
}

static void a_voice_call_is_never_held_on_a_healthy_path(void **state)
{
	(void)state;
	static const kith_time_us owd[] = { MS / 10, 10 * MS, 40 * MS, 100 * MS, 300 * MS };
	static const unsigned permille[] = { 0, 5, 10 };
	for (unsigned i = 0; i < sizeof owd / sizeof owd[0]; i++) {
		for (unsigned k = 0; k < 3; k++) {
			for (kith_time_us every = 10 * MS; every <= 20 * MS; every += 10 * MS) {
				struct link *l = link_new(i * 3 + k, owd[i]);
				l->loss_permille = permille[k];
				l->measured = true;
				l->srtt_us = 0;
				talk(l, 30 * S, every, 160);
				assert_int_equal(l->refused, 0);
				assert_true(l->sent >= (uint64_t)(30 * S / every));
				free(l);
			}
		}
	}
}

static void who_sends_little_is_not_allowed_more_for_it(void **state)
{
	(void)state;
	struct link *l = link_new(3, 40 * MS);
	talk(l, 60 * S, 20 * MS, 160);
	assert_int_equal(l->p.window, KITH_PACE_INITIAL_BYTES);
	free(l);
}

static void bulk_on_a_fast_path_is_fast_within_a_second(void **state)
{
	(void)state;
	struct link *l = link_new(4, MS / 20);
	l->rate = 100 * 1000 * 1000;
	l->queue = 2 * 1000 * 1000;
	bulk(l, S / 2);
	uint64_t before = l->sent_bytes;
	bulk(l, S / 2);
	assert_true(l->sent_bytes - before > 20 * 1000 * 1000 / 2); /* 20 MB/s, of 100 */
	free(l);
}

static void bulk_fills_a_bottleneck_and_loses_little_there(void **state)
{
	(void)state;
	static const struct {
		uint64_t rate, queue;
		kith_time_us owd;
	} paths[] = { { 1000 * 1000, 50 * 1000, 25 * MS },
		      { 125 * 1000, 20 * 1000, 40 * MS },
		      { 5000 * 1000, 100 * 1000, 10 * MS } };
	for (unsigned i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		struct link *l = link_new(5 + i, paths[i].owd);
		l->rate = paths[i].rate;
		l->queue = paths[i].queue;
		l->measured = true;
		bulk(l, 10 * S); /* overshoots, and finds its place */
		uint64_t sent = l->sent, dropped = l->dropped, bytes = l->sent_bytes;
		bulk(l, 20 * S);
		assert_true((l->sent_bytes - bytes) / 20 > l->rate * 6 / 10);
		assert_true((l->dropped - dropped) * 100 < (l->sent - sent) * 5);
		free(l);
	}
}

static void two_that_share_a_bottleneck_both_get_some(void **state)
{
	(void)state;
	struct link *a = link_new(8, 25 * MS), *b = link_new(9, 25 * MS);
	a->rate = b->rate = 1000 * 1000;
	a->queue = b->queue = 50 * 1000;
	a->measured = b->measured = true;
	bulk(a, 5 * S); /* it was there first */
	b->now = a->now;
	uint64_t before[2] = { a->arrived, b->arrived };
	for (kith_time_us end = a->now + 30 * S; a->now < end;) {
		struct link *both[2] = { a, b };
		int first = test_random_next(&a->random) & 1;
		for (int k = 0; k < 2; k++) {
			int i = k ^ first;
			both[i]->busy_until = both[1 - i]->busy_until > both[i]->busy_until ? both[1 - i]->busy_until
											    : both[i]->busy_until;
			bulk(both[i], both[i]->step);
		}
	}
	uint64_t got[2] = { a->arrived - before[0], b->arrived - before[1] };
	assert_true(got[0] * 4 > got[1] && got[1] * 4 > got[0]);
	free(a);
	free(b);
}

/* ---- loss ---- */

static void loss_slows_down_to_what_tcp_would_bear_and_never_below_one_datagram_a_round(void **state)
{
	(void)state;
	static const struct {
		unsigned permille, most;
	} cases[] = { { 60, 10 }, { 100, 6 }, { 200, 4 }, { 500, 3 } };
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct link *l = link_new(10 + i, 50 * MS);
		l->loss_permille = cases[i].permille;
		bulk(l, 20 * S);
		uint64_t before = l->sent_bytes;
		bulk(l, 30 * S); /* 300 rounds */
		uint64_t a_round = (l->sent_bytes - before) / 300;
		assert_true(a_round >= KITH_PACE_FLOOR_BYTES * 9 / 10);
		assert_true(a_round <= cases[i].most * KITH_PACE_FLOOR_BYTES);
		l->loss_permille = 0;
		bulk(l, 20 * S);
		assert_true(l->p.window > 10 * KITH_PACE_FLOOR_BYTES); /* it ends with the loss */
		free(l);
	}
}

static void packets_that_come_late_are_no_loss(void **state)
{
	(void)state;
	struct kith_pacer p = { 0 };
	kith_time_us now = S;
	uint32_t count = 0;
	for (uint64_t c = 0; c < 10000; c++) {
		kith_pacer_begin(&p, now, 50000);
		if (kith_pacer_take(&p, now, 230))
			kith_pacer_sent(&p, now, c);
		now += 10 * MS;
		count++;
		/* Every tenth one is counted three later. */
		if (c % 10 < 3 && c > 3)
			kith_pacer_acked(&p, now, c, count - 1);
		else
			kith_pacer_acked(&p, now, c, count);
	}
	assert_int_equal(p.window, KITH_PACE_INITIAL_BYTES);
}

static void packets_that_went_other_ways_as_well_are_no_loss(void **state)
{
	(void)state;
	struct kith_pacer p = { 0 };
	kith_time_us now = S;
	for (uint64_t c = 0; c < 10000; c++) {
		kith_pacer_begin(&p, now, 50000);
		assert_true(kith_pacer_take(&p, now, 230));
		kith_pacer_sent(&p, now, c);
		kith_pacer_doubt(&p);
		now += 10 * MS;
		kith_pacer_acked(&p, now, c, (uint32_t)c / 3); /* the others were faster with the rest */
	}
	assert_int_equal(p.window, KITH_PACE_INITIAL_BYTES);
}

static void a_count_that_begins_anew_is_no_loss(void **state)
{
	(void)state;
	struct kith_pacer p = { 0 };
	kith_time_us now = S;
	for (uint64_t c = 0; c < 10000; c++) {
		kith_pacer_begin(&p, now, 50000);
		assert_true(kith_pacer_take(&p, now, 230));
		kith_pacer_sent(&p, now, c);
		now += 10 * MS;
		kith_pacer_acked(&p, now, c, (uint32_t)c % 700);
	}
	assert_int_equal(p.window, KITH_PACE_INITIAL_BYTES);
}

/* Other packets take counters between those of data: PATH_ACKs, probes. */
static void counters_in_between_are_no_loss(void **state)
{
	(void)state;
	for (uint64_t gap = 1; gap < 5; gap++) {
		struct kith_pacer p = { 0 };
		kith_time_us now = S;
		for (uint64_t c = 0; c < 20000; c++) {
			kith_pacer_begin(&p, now, 300000);
			assert_true(kith_pacer_take(&p, now, 20));
			kith_pacer_sent(&p, now, c * gap);
			now += 2 * MS;
			if (c % 3 == 0)
				kith_pacer_acked(&p, now, c * gap, (uint32_t)c);
		}
		assert_int_equal(p.window, KITH_PACE_INITIAL_BYTES);
	}
}

/* ---- the circuit breaker ---- */

static void when_nothing_is_acknowledged_sending_is_cut_and_then_stopped(void **state)
{
	(void)state;
	struct link *l = link_new(20, 50 * MS);
	l->rate = 1000 * 1000;
	bulk(l, 2 * S);
	l->down = true;
	bulk(l, KITH_PACE_CUT_US + 200 * MS);
	uint64_t before = l->sent;
	bulk(l, KITH_PACE_STOP_US - KITH_PACE_CUT_US - 400 * MS);
	assert_in_range(l->sent - before, 40, 66); /* 56 rounds */
	bulk(l, 400 * MS);
	before = l->sent;
	bulk(l, 60 * S);
	assert_int_equal(l->sent, before);
	assert_int_equal(kith_pacer_ready_at(&l->p, l->now, 1), KITH_TIME_NEVER);
	/* A probe is answered: a little may be tried. */
	kith_pacer_alive(&l->p, l->now);
	assert_int_equal(kith_pacer_ready_at(&l->p, l->now, 1), l->now);
	bulk(l, S);
	assert_in_range(l->sent - before, 8, 12);
	/* It arrives. */
	l->down = false;
	bulk(l, S);
	assert_true(l->p.window > 2 * KITH_PACE_FLOOR_BYTES);
	free(l);
}

static void a_voice_call_goes_on_as_soon_as_the_path_does(void **state)
{
	(void)state;
	for (kith_time_us gap = S; gap < 8 * S; gap += S) {
		struct link *l = link_new(21, 30 * MS);
		talk(l, 5 * S, 20 * MS, 160);
		l->down = true;
		talk(l, gap, 20 * MS, 160);
		l->down = false;
		talk(l, S / 2, 20 * MS, 160);
		uint64_t refused = l->refused;
		talk(l, 60 * S, 20 * MS, 160);
		assert_int_equal(l->refused, refused);
		free(l);
	}
}

/* One datagram now and then, whose acknowledgement is lost now and then, is no sign of anything. */
static void who_seldom_says_something_is_not_cut(void **state)
{
	(void)state;
	struct link *l = link_new(22, 30 * MS);
	l->down = true;
	talk(l, 60 * S, 2 * S, 160);
	assert_int_equal(l->refused, 0);
	assert_int_equal(l->p.window, KITH_PACE_INITIAL_BYTES);
	free(l);
}

/* ---- what it says about time, and hostile news ---- */

static void what_was_refused_is_taken_at_the_time_that_was_said(void **state)
{
	(void)state;
	struct test_random r;
	test_random_init(&r, 30);
	for (int i = 0; i < 2000; i++) {
		struct kith_pacer p = { 0 };
		kith_time_us now = S;
		uint32_t srtt = (uint32_t)(test_random_next(&r) % 2000000), bytes = 0;
		kith_pacer_begin(&p, now, srtt);
		p.window = KITH_PACE_FLOOR_BYTES + (uint32_t)(test_random_next(&r) % 3000000);
		do {
			bytes = KITH_PACER_OVERHEAD + (uint32_t)(test_random_next(&r) % 1100);
		} while (kith_pacer_take(&p, now, bytes));
		kith_time_us at = kith_pacer_ready_at(&p, now, bytes);
		assert_true(at > now && at <= now + 3 * S);
		kith_pacer_begin(&p, at, srtt);
		assert_true(kith_pacer_ready_at(&p, at, bytes) <= at);
		assert_true(kith_pacer_take(&p, at, bytes));
	}
}

static void news_that_cannot_be_do_no_harm(void **state)
{
	(void)state;
	struct test_random r;
	struct kith_pacer p = { 0 };
	kith_time_us now = S;
	uint64_t counter = 0;
	test_random_init(&r, 31);
	for (int i = 0; i < 300000; i++) {
		uint64_t x = test_random_next(&r);
		kith_pacer_begin(&p, now, (uint32_t)(x >> 40));
		assert_true(p.window >= KITH_PACE_FLOOR_BYTES && p.window <= 1u << 26 && p.tokens <= p.window);
		if (x % 4 == 0 && kith_pacer_take(&p, now, (uint32_t)(x >> 20) % 1200))
			kith_pacer_sent(&p, now, counter += 1 + x % 3);
		else if (x % 4 == 1)
			kith_pacer_acked(&p, now, (x >> 8) % 2 ? counter - (x >> 9) % 9 : x, (uint32_t)(x >> 16));
		else if (x % 64 == 2)
			kith_pacer_doubt(&p);
		else if (x % 64 == 3)
			kith_pacer_alive(&p, now);
		now += (kith_time_us)((x >> 30) % 5000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_path_takes_ten_datagrams_at_once_and_as_many_in_a_round),
		cmocka_unit_test(a_voice_call_is_never_held_on_a_healthy_path),
		cmocka_unit_test(who_sends_little_is_not_allowed_more_for_it),
		cmocka_unit_test(bulk_on_a_fast_path_is_fast_within_a_second),
		cmocka_unit_test(bulk_fills_a_bottleneck_and_loses_little_there),
		cmocka_unit_test(two_that_share_a_bottleneck_both_get_some),
		cmocka_unit_test(loss_slows_down_to_what_tcp_would_bear_and_never_below_one_datagram_a_round),
		cmocka_unit_test(packets_that_come_late_are_no_loss),
		cmocka_unit_test(packets_that_went_other_ways_as_well_are_no_loss),
		cmocka_unit_test(a_count_that_begins_anew_is_no_loss),
		cmocka_unit_test(counters_in_between_are_no_loss),
		cmocka_unit_test(when_nothing_is_acknowledged_sending_is_cut_and_then_stopped),
		cmocka_unit_test(a_voice_call_goes_on_as_soon_as_the_path_does),
		cmocka_unit_test(who_seldom_says_something_is_not_cut),
		cmocka_unit_test(what_was_refused_is_taken_at_the_time_that_was_said),
		cmocka_unit_test(news_that_cannot_be_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
