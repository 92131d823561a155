/* The link model and the draws under it: repeatable in any order, fair within statistical bounds, bounded queues. */
#include "net/draw.h"
#include "net/link.h"

#include "support.h"

#define MS KITH_US_PER_MS
enum { DRAWS = 1000000 };

/* --- draws --- */

static void draws_depend_on_each_argument_and_on_nothing_else(void **state)
{
	(void)state;
	uint64_t d = kith_draw(1, 2, 3);
	assert_int_equal(d, kith_draw(1, 2, 3));
	assert_int_not_equal(d, kith_draw(2, 2, 3));
	assert_int_not_equal(d, kith_draw(1, 3, 3));
	assert_int_not_equal(d, kith_draw(1, 2, 4));
	assert_int_not_equal(d, kith_draw(1, 3, 2));
	assert_int_not_equal(kith_draw(0, 0, 0), 0);
}

/* Neighbouring streams and numbers are what the simulator uses: each bit must be fair, and unlike its neighbour's. */
static void neighbouring_draws_share_no_bits(void **state)
{
	(void)state;
	enum { N = 20000 };
	unsigned ones[64] = { 0 }, next_number[64] = { 0 }, next_stream[64] = { 0 };
	for (uint64_t i = 0; i < N; i++) {
		uint64_t d = kith_draw(1, i / 100, i % 100);
		uint64_t a = d ^ kith_draw(1, i / 100, i % 100 + 1), b = d ^ kith_draw(1, i / 100 + 1, i % 100);
		for (int k = 0; k < 64; k++) {
			ones[k] += (unsigned)(d >> k & 1);
			next_number[k] += (unsigned)(a >> k & 1);
			next_stream[k] += (unsigned)(b >> k & 1);
		}
	}
	for (int k = 0; k < 64; k++) { /* deviation 71; five of them */
		assert_in_range(ones[k], N / 2 - 355, N / 2 + 355);
		assert_in_range(next_number[k], N / 2 - 355, N / 2 + 355);
		assert_in_range(next_stream[k], N / 2 - 355, N / 2 + 355);
	}
}

static void hit_is_never_at_zero_and_always_at_a_million(void **state)
{
	(void)state;
	assert_false(kith_draw_hit(0, 0));
	assert_true(kith_draw_hit(0, 1));
	assert_true(kith_draw_hit(UINT64_MAX, KITH_PPM));
	assert_false(kith_draw_hit(UINT64_MAX, KITH_PPM - 1));
}

static void below_reaches_both_ends_and_never_beyond(void **state)
{
	(void)state;
	assert_int_equal(kith_draw_below(0, 7), 0);
	assert_int_equal(kith_draw_below(UINT64_MAX, 7), 6);
	assert_int_equal(kith_draw_below(UINT64_MAX, 1), 0);
	assert_int_equal(kith_draw_below(UINT64_MAX, UINT32_MAX), UINT32_MAX - 1);
}

static void normal_has_mean_zero_and_variance_one(void **state)
{
	(void)state;
	int64_t sum = 0, squares = 0;
	unsigned beyond_two = 0;
	for (uint64_t i = 0; i < DRAWS; i++) {
		int64_t z = kith_draw_normal_q16(9, 1, i);
		assert_true(z >= -6 * 65536 && z <= 6 * 65536);
		sum += z;
		squares += z * z >> 16;
		beyond_two += z > 2 * 65536 || z < -2 * 65536;
	}
	assert_in_range(sum / DRAWS + 1000, 1000 - 328, 1000 + 328); /* 0.005 = five deviations of the mean */
	assert_in_range(squares / DRAWS, 65536 - 500, 65536 + 500);
	assert_in_range(beyond_two, DRAWS * 0.0445, DRAWS * 0.0465); /* 4.55 % */
}

/* --- links --- */

static const struct kith_access_faults bad = {
	.loss_ppm = 20000, .duplicate_ppm = 5000, .reorder_ppm = 30000, .jitter_us = 8 * MS, .reorder_delay_us = 50 * MS
};

static void fate_is_the_same_in_any_order(void **state)
{
	(void)state;
	enum { N = 1000 };
	static struct kith_access_fate forward[4][N];
	for (uint64_t link = 0; link < 4; link++)
		for (uint64_t i = 0; i < N; i++)
			kith_access_draw(&bad, 77, link, i, &forward[link][i]);
	for (uint64_t i = N; i-- > 0;)
		for (uint64_t link = 4; link-- > 0;) {
			struct kith_access_fate again;
			kith_access_draw(&bad, 77, link, i, &again);
			assert_memory_equal(&again, &forward[link][i], sizeof again);
		}
	unsigned equal = 0;
	for (int i = 0; i < N; i++)
		equal += forward[0][i].extra_us[0] == forward[1][i].extra_us[0];
	assert_true(equal < N / 10); /* links differ */
}

static void rates_are_what_was_asked_for(void **state)
{
	(void)state;
	unsigned lost = 0, copies = 0, held = 0;
	int64_t jitter = 0;
	for (uint64_t i = 0; i < DRAWS; i++) {
		struct kith_access_fate f;
		kith_access_draw(&bad, 1, 5, i, &f);
		lost += f.copies == 0;
		copies += f.copies == 2;
		if (f.copies == 0)
			continue;
		bool late = f.extra_us[0] >= bad.reorder_delay_us;
		held += late;
		int64_t j = f.extra_us[0] - (late ? bad.reorder_delay_us : 0);
		assert_true(j >= 0 && j <= bad.jitter_us);
		jitter += j;
	}
	/* Five deviations, sqrt(n p (1 - p)), each. */
	assert_in_range(lost, 20000 - 700, 20000 + 700);
	assert_in_range(copies, 4900 - 350, 4900 + 350); /* of those not lost */
	assert_in_range(held, 29400 - 845, 29400 + 845);
	assert_in_range(jitter / (DRAWS - lost), 4 * MS - 6, 4 * MS + 6);
}

static void loss_comes_without_streaks_and_independent_of_the_rest(void **state)
{
	(void)state;
	struct kith_access_faults f = { .loss_ppm = 100000 };
	unsigned pairs = 0, both_links = 0;
	bool before = false;
	for (uint64_t i = 0; i < DRAWS; i++) {
		struct kith_access_fate a, b;
		kith_access_draw(&f, 3, 8, i, &a);
		kith_access_draw(&f, 3, 9, i, &b);
		pairs += before && a.copies == 0;
		both_links += a.copies == 0 && b.copies == 0;
		before = a.copies == 0;
	}
	assert_in_range(pairs, 10000 - 500, 10000 + 500);
	assert_in_range(both_links, 10000 - 500, 10000 + 500);
}

/* All that may happen to a packet, against all that may happen to the next. */
static void fates_of_neighbouring_packets_are_independent(void **state)
{
	(void)state;
	struct kith_access_faults f = { .duplicate_ppm = 100000, .reorder_ppm = 100000, .reorder_delay_us = 1 };
	struct kith_access_faults lossy = { .loss_ppm = 100000 };
	unsigned both[3] = { 0 };
	struct kith_access_fate a, b;
	for (uint64_t i = 0; i < DRAWS; i++) {
		kith_access_draw(&f, 3, 8, i, &a);
		kith_access_draw(&lossy, 3, 8, i + 1, &b);
		both[0] += a.copies == 2 && b.copies == 0;
		kith_access_draw(&f, 3, 8, i + 1, &b);
		both[1] += a.extra_us[0] == 1 && b.copies == 2;
		both[2] += a.extra_us[0] == 1 && a.copies == 2;
	}
	for (int k = 0; k < 3; k++)
		assert_in_range(both[k], 10000 - 500, 10000 + 500);
}

static void raising_one_rate_leaves_the_other_draws_alone(void **state)
{
	(void)state;
	struct kith_access_faults more = bad;
	more.loss_ppm *= 2;
	for (uint64_t i = 0; i < 10000; i++) {
		struct kith_access_fate a, b;
		kith_access_draw(&bad, 1, 5, i, &a);
		kith_access_draw(&more, 1, 5, i, &b);
		if (b.copies > 0)
			assert_memory_equal(&a, &b, sizeof a);
	}
}

static void clean_link_delays_and_nothing_else(void **state)
{
	(void)state;
	struct kith_access l;
	struct kith_access_options o = { .delay_us = 20 * MS };
	kith_access_init(&l, &o);
	for (int i = 0; i < 1000; i++) {
		kith_time_us at[KITH_LINK_COPIES_MAX];
		assert_int_equal(kith_access_send(&l, i, 1200, at), 1);
		assert_int_equal(at[0], i + 20 * MS);
	}
	assert_int_equal(l.delivered, 1000);
}

static void cut_link_delivers_nothing_and_keeps_numbering(void **state)
{
	(void)state;
	struct kith_access a, b;
	struct kith_access_options o = { .seed = 4, .delay_us = MS, .faults = bad };
	kith_access_init(&a, &o);
	kith_access_init(&b, &o);
	for (int i = 0; i < 3000; i++) {
		kith_time_us at_a[KITH_LINK_COPIES_MAX], at_b[KITH_LINK_COPIES_MAX];
		b.options.cut = i >= 1000 && i < 2000;
		unsigned n_a = kith_access_send(&a, i, 100, at_a), n_b = kith_access_send(&b, i, 100, at_b);
		if (b.options.cut) {
			assert_int_equal(n_b, 0);
			continue;
		}
		assert_int_equal(n_a, n_b);
		assert_memory_equal(at_a, at_b, n_a * sizeof at_a[0]);
	}
	assert_int_equal(b.cut_drops, 1000);
}

static void counters_add_up(void **state)
{
	(void)state;
	struct kith_access l;
	struct kith_access_options o = { .seed = 4, .bytes_per_s = 1000000, .queue_bytes = 20000, .faults = bad };
	kith_access_init(&l, &o);
	uint64_t seen = 0;
	for (int i = 0; i < 20000; i++) {
		kith_time_us at[KITH_LINK_COPIES_MAX];
		seen += kith_access_send(&l, i * 900, 1000, at); /* a ninth more than it carries */
	}
	assert_int_equal(l.packets, 20000);
	assert_int_equal(l.delivered, seen);
	assert_int_equal(l.delivered - l.duplicated + l.lost + l.queue_drops, 20000);
	assert_in_range(l.queue_drops, 1900, 2100);
}

/* --- queue --- */

static void packets_leave_at_the_rate_of_the_link(void **state)
{
	(void)state;
	struct kith_access_queue q = { 0 };
	kith_time_us at;
	for (int i = 1; i <= 100; i++) {
		assert_true(kith_access_queue_push(&q, 1000000, 0, 0, 1000, &at));
		assert_int_equal(at, i * MS);
	}
	/* Once it has run empty, a packet waits for itself only. */
	assert_true(kith_access_queue_push(&q, 1000000, 0, 500 * MS, 1000, &at));
	assert_int_equal(at, 501 * MS);
}

static void fast_link_does_not_suffer_from_rounding(void **state)
{
	(void)state;
	struct kith_access_queue q = { 0 };
	kith_time_us at = 0;
	for (int i = 0; i < 1000000; i++) /* 1 Gbit/s: 9.6 us each */
		assert_true(kith_access_queue_push(&q, 125000000, 0, 0, 1200, &at));
	assert_int_equal(at, 9600000);
}

static void queue_holds_exactly_its_bytes_and_drops_the_tail(void **state)
{
	(void)state;
	struct kith_access_queue q = { 0 };
	kith_time_us at, last = 0;
	unsigned taken = 0;
	for (int i = 0; i < 50; i++)
		if (kith_access_queue_push(&q, 1000000, 10000, 0, 1000, &at)) {
			taken++;
			last = at;
		}
	assert_int_equal(taken, 10);
	assert_int_equal(last, 10 * MS);
	/* One packet's time later there is room for one, not for two. */
	assert_true(kith_access_queue_push(&q, 1000000, 10000, MS, 1000, &at));
	assert_false(kith_access_queue_push(&q, 1000000, 10000, MS, 1000, &at));
	/* A smaller one may still fit where a larger one does not. */
	assert_false(kith_access_queue_push(&q, 1000000, 10000, MS + 500, 1000, &at));
	assert_true(kith_access_queue_push(&q, 1000000, 10000, MS + 500, 500, &at));
}

static void idle_link_takes_a_packet_larger_than_its_queue(void **state)
{
	(void)state;
	struct kith_access_queue q = { 0 };
	kith_time_us at;
	assert_true(kith_access_queue_push(&q, 1000, 100, 0, 1200, &at));
	assert_int_equal(at, 1200 * MS);
	assert_false(kith_access_queue_push(&q, 1000, 100, 1199 * MS, 1200, &at));
	assert_true(kith_access_queue_push(&q, 1000, 100, 1200 * MS, 1200, &at));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(draws_depend_on_each_argument_and_on_nothing_else),
		cmocka_unit_test(neighbouring_draws_share_no_bits),
		cmocka_unit_test(hit_is_never_at_zero_and_always_at_a_million),
		cmocka_unit_test(below_reaches_both_ends_and_never_beyond),
		cmocka_unit_test(normal_has_mean_zero_and_variance_one),
		cmocka_unit_test(fate_is_the_same_in_any_order),
		cmocka_unit_test(rates_are_what_was_asked_for),
		cmocka_unit_test(loss_comes_without_streaks_and_independent_of_the_rest),
		cmocka_unit_test(fates_of_neighbouring_packets_are_independent),
		cmocka_unit_test(raising_one_rate_leaves_the_other_draws_alone),
		cmocka_unit_test(clean_link_delays_and_nothing_else),
		cmocka_unit_test(cut_link_delivers_nothing_and_keeps_numbering),
		cmocka_unit_test(counters_add_up),
		cmocka_unit_test(packets_leave_at_the_rate_of_the_link),
		cmocka_unit_test(fast_link_does_not_suffer_from_rounding),
		cmocka_unit_test(queue_holds_exactly_its_bytes_and_drops_the_tail),
		cmocka_unit_test(idle_link_takes_a_packet_larger_than_its_queue),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
