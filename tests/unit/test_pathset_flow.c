#include "path_world.h"

enum { SEEDS = 150 };

static int by_value(const void *a, const void *b)
{
	kith_time_us x = *(const kith_time_us *)a, y = *(const kith_time_us *)b;
	return (x > y) - (x < y);
}

/* ---- failing over ---- */

struct gaps {
	kith_time_us v[4 * SEEDS];
	unsigned n;
};

static kith_time_us quantile(struct gaps *g, unsigned percent)
{
	qsort(g->v, g->n, sizeof g->v[0], by_value);
	return g->v[(g->n - 1) * percent / 100];
}

static void report(const char *what, struct gaps *g)
{
	kith_time_us p50 = quantile(g, 50), p99 = quantile(g, 99), worst = quantile(g, 100);
	print_message("%s: p50 %.1f, p99 %.1f, worst %.1f ms, at 80 ms round trip\n", what, (double)p50 / 1000,
		      (double)p99 / 1000, (double)worst / 1000);
}

static void a_call_survives_the_silent_death_of_its_direct_path(void **state)
{
	(void)state;
	struct gaps g = { .n = 0 };
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct world *w = w_call(1000 + seed, W_PORT_RESTRICTED);
		assert_true(w_sends_direct(w, 0) && w_sends_direct(w, 1));
		w->jitter = 3 * MS;
		w_run(w, w->now + 1 * S + (kith_time_us)w_below(w, 500000));
		w_watch(w);
		w->direct_down[0] = w->direct_down[1] = true;
		w_run(w, w->now + 3 * S);
		for (unsigned i = 0; i < 2; i++) {
			g.v[g.n++] = w->node[i].gap_max;
			assert_false(w_sends_direct(w, i));
			assert_true(w->node[i].news & KITH_NEWS_PATH_DIED);
			assert_int_equal(w->node[i].news & KITH_NEWS_ALL_DEAD, 0);
		}
		/* What was lost was repeated: nothing is missing. */
		w_talk(w, 0, 0);
		w_talk(w, 1, 0);
		w_run(w, w->now + 1 * S);
		for (unsigned i = 0; i < 2; i++)
			assert_int_equal(w->node[i].data_got, w->node[1 - i].data_sent);
		w_free(w);
	}
	report("both ways", &g);
	assert_true(quantile(&g, 50) <= 40 * MS + 60 * MS); /* RTT/2 + 60 ms */
	assert_true(quantile(&g, 99) <= 80 * MS + 100 * MS); /* RTT + 100 ms */
}

static void a_flow_in_one_direction_survives_as_well(void **state)
{
	(void)state;
	struct gaps g = { .n = 0 };
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct world *w = w_call(3000 + seed, W_PORT_RESTRICTED);
		unsigned from = (unsigned)(seed & 1);
		w_talk(w, 1 - from, 0);
		w->jitter = 3 * MS;
		w_run(w, w->now + 1 * S + (kith_time_us)w_below(w, 500000));
		w_watch(w);
		w->direct_down[0] = w->direct_down[1] = true;
		w_run(w, w->now + 3 * S);
		g.v[g.n++] = w->node[1 - from].gap_max;
		w_free(w);
	}
	report("one way", &g);
	assert_true(quantile(&g, 99) <= 80 * MS + 100 * MS);
}

static void a_partition_in_one_direction_moves_the_data_that_it_hits(void **state)
{
	(void)state;
	struct gaps g = { .n = 0 };
	for (uint64_t seed = 0; seed < SEEDS / 2; seed++) {
		struct world *w = w_call(5000 + seed, W_PORT_RESTRICTED);
		unsigned cut = (unsigned)(seed & 1);
		w_run(w, w->now + 1 * S + (kith_time_us)w_below(w, 500000));
		w_watch(w);
		w->direct_down[cut] = true;
		w_run(w, w->now + 5 * S);
		g.v[g.n++] = w->node[1 - cut].gap_max;
		assert_true(w->node[cut].gap_max <= 80 * MS + 100 * MS);
		assert_false(w_sends_direct(w, cut));
		w_free(w);
	}
	report("cut one way", &g);
	/* The receiver notices after 40 ms and tells the sender: sooner than that could know by itself. */
	assert_true(quantile(&g, 50) <= 80 * MS + 45 * MS);
	assert_true(quantile(&g, 99) <= 80 * MS + 100 * MS);
}

static void what_was_lost_while_no_path_worked_is_repeated_on_the_first_that_does(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 10; seed++) {
		struct world *w = w_call(6000 + seed, W_PORT_RESTRICTED);
		w_talk(w, 0, 200 * MS);
		w_talk(w, 1, 0);
		w->relay_down[0] = w->relay_down[1] = true;
		w_run(w, w->now + 8 * S);
		assert_int_equal(w_count(&w->node[0].ps, KITH_PATH_LIVE), 1);
		w->direct_down[0] = w->direct_down[1] = true;
		w_run(w, w->now + 500 * MS);
		w->relay_down[0] = w->relay_down[1] = false;
		kith_time_us start = w->now;
		while (w_sends_direct(w, 0) && w->now < start + 20 * S)
			w_run(w, w->now + 10 * MS);
		assert_in_range(w->now - start, 0, 12 * S); /* 64 packets are 12.8 s */
		w_talk(w, 0, 0);
		w_run(w, w->now + 1 * S);
		assert_int_equal(w->node[1].data_got, w->node[0].data_sent);
		w_free(w);
	}
}

static void a_relay_that_dies_with_the_direct_path_leaves_the_other_relay(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct world *w = w_call(7000 + seed, W_PORT_RESTRICTED);
		w_watch(w);
		w->direct_down[0] = w->direct_down[1] = true;
		w->relay_down[seed & 1] = true;
		w_run(w, w->now + 5 * S);
		for (unsigned i = 0; i < 2; i++) {
			assert_true(w->node[i].gap_max <= 80 * MS + 100 * MS);
			assert_true(w->node[i].news & KITH_NEWS_WANT_RELAY);
		}
		w_free(w);
	}
}

static void a_direct_path_that_comes_back_is_used_again(void **state)
{
	(void)state;
	struct world *w = w_call(50, W_PORT_RESTRICTED);
	w->direct_down[0] = w->direct_down[1] = true;
	w_run(w, w->now + 5 * S);
	assert_false(w_sends_direct(w, 0));
	w->direct_down[0] = w->direct_down[1] = false;
	w_run(w, w->now + 20 * S);
	assert_true(w_sends_direct(w, 0) && w_sends_direct(w, 1));
	w_free(w);
}

static void a_lone_path_is_probed_soon_and_then_each_second_and_given_up_after_15_s(void **state)
{
	(void)state;
	struct world *w = w_new(51);
	w_peers(w, 0, 0);
	w_talk(w, 0, 20 * MS);
	w_run(w, w->now + 3 * S);
	w->relay_down[0] = true;
	kith_time_us start = w->now;
	unsigned probes = w->node[0].frames_sent[KITH_FRAME_PROBE];
	w_watch(w);
	w_run(w, start + 14 * S);
	assert_int_equal(w->node[0].news & KITH_NEWS_ALL_DEAD, 0);
	assert_in_range(w->node[0].frames_sent[KITH_FRAME_PROBE] - probes, 14, 18); /* 0, 0.12, 0.36, 0.84 s, ... */
	w_run(w, start + 17 * S);
	assert_true(w->node[0].news & KITH_NEWS_ALL_DEAD);
	struct kith_hop out[KITH_PICK_MAX];
	assert_int_equal(kith_pathset_pick(&w->node[0].ps, w->now, true, out), 1); /* what else */
	w->relay_down[0] = false;
	w_run(w, w->now + 40 * S);
	assert_int_equal(kith_pathset_sending(&w->node[0].ps)->state, KITH_PATH_LIVE);
	w_free(w);
}

static void a_pause_on_purpose_raises_no_suspicion(void **state)
{
	(void)state;
	struct world *w = w_call(52, W_PORT_RESTRICTED);
	for (unsigned i = 0; i < 2; i++)
		w->node[i].stats.counter[KITH_STAT_PATHS_SUSPECT] = 0;
	for (unsigned k = 0; k < 20; k++) { /* talk spurts of one side, then the other */
		w_talk(w, k & 1, 20 * MS);
		w_talk(w, ~k & 1, 0);
		w_run(w, w->now + 700 * MS);
		w_talk(w, k & 1, 0);
		w_run(w, w->now + 300 * MS);
	}
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(w->node[i].stats.counter[KITH_STAT_PATHS_SUSPECT], 0);
		assert_in_range(w->node[i].frames_sent[KITH_FRAME_IDLE], 10, 30);
	}
	w_free(w);
}

static void false_alarms_cost_no_more_than_the_budget(void **state)
{
	(void)state;
	struct world *w = w_call(53, W_PORT_RESTRICTED);
	w->jitter = 120 * MS;
	w->loss_percent = 5;
	for (unsigned k = 0; k < 12; k++) {
		uint64_t extra[2], sent[2];
		for (unsigned i = 0; i < 2; i++) {
			const uint64_t *c = w->node[i].stats.counter;
			extra[i] = c[KITH_STAT_PACKETS_DUPLICATED] + c[KITH_STAT_PACKETS_REPLAYED];
			sent[i] = w->node[i].data_sent;
		}
		w_run(w, w->now + 10 * S);
		for (unsigned i = 0; i < 2; i++) {
			const uint64_t *c = w->node[i].stats.counter;
			uint64_t more = c[KITH_STAT_PACKETS_DUPLICATED] + c[KITH_STAT_PACKETS_REPLAYED] - extra[i];
			/* Windows of 10 s that do not begin with the budget's may see the burst twice. */
			assert_true(more <= (w->node[i].data_sent - sent[i]) * 20 / 100 + 2 * KITH_DUPLICATE_BURST);
		}
	}
	assert_true(w->node[0].stats.counter[KITH_STAT_PATHS_SUSPECT] > 0); /* there were some */
	w_free(w);
}

static void a_socket_error_doubles_the_data_at_once(void **state)
{
	(void)state;
	struct world *w = w_call(54, W_PORT_RESTRICTED);
	struct kith_pathset *ps = &w->node[0].ps;
	struct kith_hop direct = kith_pathset_sending(ps)->hop, out[KITH_PICK_MAX];
	assert_int_equal(kith_pathset_pick(ps, w->now, true, out), 1);
	kith_pathset_link_event(ps, test_at(&w->node[0].env, w->now), W_TRANSPORT, &direct, KITH_EIO);
	assert_int_equal(kith_pathset_pick(ps, w->now, true, out), 3);
	assert_true(kith_hop_equal(&out[0], &direct));
	assert_true(out[1].tunnel != 0 && out[2].tunnel != 0 && out[1].tunnel != out[2].tunnel);
	assert_int_equal(kith_pathset_pick(ps, w->now, false, out), 1);
	w_drain(w, 0);
	/* What comes in is acknowledged on every path. */
	unsigned acks = w->node[0].frames_sent[KITH_FRAME_PATH_ACK];
	for (uint64_t k = 0; k < KITH_PATH_ACK_EVERY; k++)
		kith_pathset_heard(ps, test_at(&w->node[0].env, w->now + 10 * MS), &direct, 90000 + k, true, 200);
	w_drain(w, 0);
	assert_int_equal(w->node[0].frames_sent[KITH_FRAME_PATH_ACK] - acks, 3);
	w_run(w, w->now + 200 * MS); /* false alarm: it answers */
	assert_int_equal(kith_pathset_sending(ps)->state, KITH_PATH_LIVE);
	assert_true(w_sends_direct(w, 0));
	kith_pathset_link_event(ps, test_at(&w->node[0].env, w->now), W_TRANSPORT, NULL, KITH_ECLOSED);
	w_drain(w, 0);
	assert_int_equal(kith_pathset_count(ps), 0);
	assert_true(w->node[0].news & KITH_NEWS_ALL_DEAD);
	assert_int_equal(kith_pathset_pick(ps, w->now, true, out), 0);
	w_talk(w, 0, 0);
	w_free(w);
}

/* Until then; whoever misses a relay is given the next one, as its owner would, 200 ms later. */
static void run_with_relays(struct world *w, kith_time_us until, unsigned *next)
{
	while (w->now < until) {
		w->node[0].news = 0;
		w_run(w, w->now + 50 * MS);
		if ((w->node[0].news & KITH_NEWS_WANT_RELAY) == 0 || *next == W_RELAYS)
			continue;
		w_run(w, w->now + 150 * MS);
		w_add_relay(w, (*next)++);
	}
}

/* One after the other every relay that data uses dies, and again; at last two at once. The last silence is no longer
 * than the first. */
static void the_third_failure_costs_no_more_than_the_first(void **state)
{
	(void)state;
	kith_time_us worst = 0;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct world *w = w_new(700 + seed);
		unsigned next = 1;
		w->node[0].nat = w->node[1].nat = W_SYMMETRIC;
		w->jitter = 5 * MS;
		w_peers(w, 0, 0);
		w_drain(w, 0);
		w_talk(w, 0, 20 * MS);
		w_talk(w, 1, 20 * MS);
		run_with_relays(w, w->now + 14 * S, &next);
		for (unsigned k = 0; k < 4; k++) {
			uint8_t relay = (uint8_t)(kith_pathset_sending(&w->node[0].ps)->hop.remote.ip[0] - 60);
			w_watch(w);
			w->relay_down[relay] = true;
			run_with_relays(w, w->now + 14 * S, &next);
			for (unsigned i = 0; i < 2; i++) {
				assert_true(w->node[i].gap_max < 40 * MS + 14 * MS + 100 * MS); /* half a round trip */
				worst = w->node[i].gap_max > worst ? w->node[i].gap_max : worst;
			}
			assert_true(w_count(&w->node[0].ps, KITH_PATH_LIVE) >= 2);
		}
		w_free(w);
	}
	print_message("longest silence of four failures: %lld ms\n", (long long)(worst / MS));
}

static uint64_t replayed(const struct world *w)
{
	return w->node[0].stats.counter[KITH_STAT_PACKETS_REPLAYED];
}

/* Half of a round trip's packets are under way when the socket reports something. */
static void doubt_repeats_the_newest_and_what_is_sure_the_rest(void **state)
{
	(void)state;
	for (int fails = 0; fails < 2; fails++) {
		struct world *w = w_call(59, W_PORT_RESTRICTED);
		struct kith_pathset *ps = &w->node[0].ps;
		struct kith_hop direct = kith_pathset_sending(ps)->hop;
		w->direct_down[0] = w->direct_down[1] = fails != 0;
		w_run(w, w->now + 45 * MS); /* no silence is noticed so soon */
		kith_pathset_link_event(ps, test_at(&w->node[0].env, w->now), W_TRANSPORT, &direct, KITH_EIO);
		assert_int_equal(replayed(w), 2 * KITH_DOUBT_PACKETS); /* on two standbys */
		w_drain(w, 0);
		w_run(w, w->now + 1 * S);
		if (fails != 0)
			assert_true(replayed(w) >= 2 * KITH_DOUBT_PACKETS + 2);
		else
			assert_int_equal(replayed(w), 2 * KITH_DOUBT_PACKETS);
		w_talk(w, 0, 0);
		w_run(w, w->now + 1 * S);
		assert_int_equal(w->node[1].data_got, w->node[0].data_sent);
		w_free(w);
	}
}

/* All paths are in doubt at once: data does not go where nothing may arrive any more only. */
static void without_a_standby_data_is_doubled_where_the_peer_was_heard_last(void **state)
{
	(void)state;
	struct world *w = w_call(60, W_PORT_RESTRICTED);
	struct kith_pathset *ps = &w->node[0].ps;
	struct kith_hop direct = kith_pathset_sending(ps)->hop, out[KITH_PICK_MAX];
	struct kith_hop heard = w_relay_hop(0, 1);
	kith_pathset_link_event(ps, test_at(&w->node[0].env, w->now), W_TRANSPORT, NULL, KITH_EIO);
	w_drain(w, 0);
	assert_int_equal(w_count(ps, KITH_PATH_SUSPECT), 3);
	kith_pathset_heard(ps, test_at(&w->node[0].env, w->now + 1 * MS), &heard, 90000, false, 60);
	w_drain(w, 0);
	assert_int_equal(w_count(ps, KITH_PATH_SUSPECT), 3); /* that alone does not clear it: it must have heard us */
	assert_int_equal(kith_pathset_pick(ps, w->now + 1 * MS, true, out), 2);
	assert_true(kith_hop_equal(&out[0], &direct));
	assert_true(kith_hop_equal(&out[1], &heard));
	w_talk(w, 0, 0);
	w_talk(w, 1, 0);
	w_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_survives_the_silent_death_of_its_direct_path),
		cmocka_unit_test(a_flow_in_one_direction_survives_as_well),
		cmocka_unit_test(a_partition_in_one_direction_moves_the_data_that_it_hits),
		cmocka_unit_test(what_was_lost_while_no_path_worked_is_repeated_on_the_first_that_does),
		cmocka_unit_test(a_relay_that_dies_with_the_direct_path_leaves_the_other_relay),
		cmocka_unit_test(a_direct_path_that_comes_back_is_used_again),
		cmocka_unit_test(a_lone_path_is_probed_soon_and_then_each_second_and_given_up_after_15_s),
		cmocka_unit_test(a_pause_on_purpose_raises_no_suspicion),
		cmocka_unit_test(false_alarms_cost_no_more_than_the_budget),
		cmocka_unit_test(a_socket_error_doubles_the_data_at_once),
		cmocka_unit_test(the_third_failure_costs_no_more_than_the_first),
		cmocka_unit_test(doubt_repeats_the_newest_and_what_is_sure_the_rest),
		cmocka_unit_test(without_a_standby_data_is_doubled_where_the_peer_was_heard_last),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
