#include "path_world.h"

enum { LARGE = 1100, SMALL = 160, HOLE = 1000 };

static unsigned count(const struct world *w, unsigned i, enum kith_journal_what what)
{
	uint32_t it = 0;
	const struct kith_journal_entry *e;
	unsigned n = 0;
	while ((e = kith_journal_read(kith_pathset_journal(&w->node[i].ps), &it)) != NULL)
		n += e->what == what;
	return n;
}

/* A call of large packets, direct, with two relays; node 0 sends every 20 ms, large ones and perhaps small ones
 * between them, node 1 small ones. */
static struct world *large_call(uint64_t seed, size_t other)
{
	struct world *w = w_call(seed, W_PORT_RESTRICTED);
	w->node[0].app_len = LARGE;
	w->node[0].app_other = other;
	w_run(w, w->now + 2 * S);
	assert_true(w_sends_direct(w, 0));
	w_watch(w);
	w->node[1].large_at = w->now;
	return w;
}

static void large_packets_that_are_lost_go_another_way_within_a_second(void **state)
{
	(void)state;
	static const size_t others[] = { 0, SMALL }; /* small ones arrive, and are acknowledged, between the large */
	kith_time_us worst = 0;
	for (uint64_t seed = 0; seed < 40; seed++) {
		struct world *w = large_call(100 + seed, others[seed % 2]);
		w->direct_room[0] = HOLE;
		w_run(w, w->now + 5 * S);
		assert_true(w->node[1].large_gap <= S);
		worst = w->node[1].large_gap > worst ? w->node[1].large_gap : worst;
		assert_true(w->now - w->node[1].large_at < 200 * MS); /* they arrive since */
		assert_false(w_sends_direct(w, 0));
		assert_int_equal(count(w, 0, KITH_JOURNAL_TOO_SMALL), 1);
		assert_int_equal(w->node[0].stats.counter[KITH_STAT_PATHS_TOO_SMALL], 1);
		w_free(w);
	}
	print_message("longest gap of large packets: %lld ms\n", (long long)(worst / MS));
}

/* The direct path is opened again and again, and found well by small probes. */
static void a_path_that_lost_large_packets_is_not_used_until_one_arrives(void **state)
{
	(void)state;
	for (unsigned k = 0; k < 2; k++) {
		struct world *w = large_call(200 + k, k == 0 ? 0 : SMALL);
		w->direct_room[0] = HOLE;
		w_run(w, w->now + 5 * S);
		w_watch(w);
		w_run(w, w->now + 600 * S);
		assert_true(w->node[1].large_gap <= 200 * MS);
		assert_false(w_sends_direct(w, 0));
		w->direct_room[0] = 0;
		w_run(w, w->now + 150 * S);
		assert_true(w_sends_direct(w, 0));
		w_free(w);
	}
}

static void small_packets_stay_where_they_arrive(void **state)
{
	(void)state;
	struct world *w = w_call(300, W_PORT_RESTRICTED);
	w->direct_room[0] = w->direct_room[1] = HOLE;
	w_watch(w);
	w_run(w, w->now + 120 * S);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(w_sends_direct(w, i));
		assert_true(w->node[i].gap_max < 100 * MS);
		assert_int_equal(w->node[i].stats.counter[KITH_STAT_PATHS_DEAD], 0);
	}
	w_free(w);
}

/* Nothing is left but a path that loses large packets: small ones go on there. */
static void the_only_path_is_not_given_up_for_its_size(void **state)
{
	(void)state;
	struct world *w = large_call(400, SMALL);
	w->direct_room[0] = HOLE;
	w->relay_down[0] = w->relay_down[1] = true;
	w_run(w, w->now + 60 * S);
	w_watch(w);
	w_run(w, w->now + 60 * S);
	assert_int_equal(w->node[0].news & KITH_NEWS_ALL_DEAD, 0);
	assert_true(w->node[1].gap_max < 200 * MS);
	assert_true(w_sends_direct(w, 0));
	w_free(w);
}

/* Packets are lost whatever their size, and come as they like: that is no hole, and no failure. */
static void loss_and_jitter_are_no_failure(void **state)
{
	(void)state;
	static const size_t lens[][2] = { { LARGE, 0 }, { LARGE, SMALL }, { SMALL, 0 } };
	for (unsigned k = 0; k < 3; k++) {
		struct world *w = large_call(500 + k, lens[k][1]);
		const uint64_t *counter = w->node[0].stats.counter;
		uint64_t switches = counter[KITH_STAT_PATH_SWITCHES], sent = w->node[0].data_sent;
		w->node[0].app_len = lens[k][0];
		w->loss_percent = 2;
		w->jitter = 30 * MS;
		w_run(w, w->now + 1200 * S);
		assert_int_equal(counter[KITH_STAT_PATHS_TOO_SMALL], 0);
		assert_int_equal(counter[KITH_STAT_PATH_SWITCHES], switches);
		uint64_t more = counter[KITH_STAT_PACKETS_DUPLICATED] + counter[KITH_STAT_PACKETS_REPLAYED];
		assert_true(more * 100 < (w->node[0].data_sent - sent) * KITH_DUPLICATE_PERCENT);
		print_message("%zu and %zu bytes: %llu %% sent twice\n", lens[k][0], lens[k][1],
			      (unsigned long long)(more * 100 / (w->node[0].data_sent - sent)));
		w_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(large_packets_that_are_lost_go_another_way_within_a_second),
		cmocka_unit_test(a_path_that_lost_large_packets_is_not_used_until_one_arrives),
		cmocka_unit_test(small_packets_stay_where_they_arrive),
		cmocka_unit_test(the_only_path_is_not_given_up_for_its_size),
		cmocka_unit_test(loss_and_jitter_are_no_failure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
