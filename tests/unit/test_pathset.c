#include "path_world.h"

enum { SEEDS = 150 };

static int by_value(const void *a, const void *b)
{
	kith_time_us x = *(const kith_time_us *)a, y = *(const kith_time_us *)b;
	return (x > y) - (x < y);
}

static unsigned count_state(const struct kith_pathset *ps, enum kith_path_state state)
{
	unsigned n = 0;
	for (unsigned i = 0; i < kith_pathset_count(ps); i++)
		n += kith_pathset_path(ps, i)->state == state;
	return n;
}

static bool journal_has(const struct kith_pathset *ps, enum kith_journal_what what, unsigned value)
{
	uint32_t it = 0;
	const struct kith_journal_entry *e;
	while ((e = kith_journal_read(kith_pathset_journal(ps), &it)) != NULL) {
		if (e->what == what && e->value == value)
			return true;
	}
	return false;
}

/* Two friends on a call: direct, with a second relay, data both ways every 20 ms. */
static struct world *call(uint64_t seed, enum w_nat nat)
{
	struct world *w = w_new(seed);
	w->node[0].nat = w->node[1].nat = nat;
	w_peers(w, 0, 0);
	w_offer(w, 1);
	w_offer(w, 0);
	w_run(w, w->now + 400 * MS);
	w_add_relay(w, 1);
	w_talk(w, 0, 20 * MS);
	w_talk(w, 1, 20 * MS);
	w_run(w, w->now + 4 * S);
	return w;
}

/* ---- idle cost ---- */

static void an_idle_session_holds_no_memory_and_few_timers(void **state)
{
	(void)state;
	static const struct {
		unsigned flags0, flags1;
		bool timer0, timer1;
	} kinds[] = {
		{ KITH_PATHSET_HOME, KITH_PATHSET_ATTACHED, true, false }, /* leaf and home */
		{ 0, 0, false, false }, /* supernodes */
	};
	for (unsigned k = 0; k < 2; k++) {
		struct world *w = w_new(k);
		for (unsigned i = 0; i < 2; i++) {
			struct kith_hop hop = w_direct_hop(w->node[1 - i].outside);
			unsigned flags = KITH_PATHSET_CONSENT | (i == 0 ? KITH_PATHSET_INITIATOR : 0u) |
					 (i == 0 ? kinds[k].flags0 : kinds[k].flags1);
			kith_pathset_init(&w->node[i].ps, w->now, &hop, true, (uint16_t)flags);
		}
		w_run(w, w->now + 600 * S);
		for (unsigned i = 0; i < 2; i++) {
			assert_int_equal(w->node[i].alloc.peak_bytes, 0);
			assert_int_equal(kith_pathset_bytes(&w->node[i].ps), 0);
		}
		assert_int_equal(kith_pathset_deadline(&w->node[0].ps) != KITH_TIME_NEVER, kinds[k].timer0);
		assert_int_equal(kith_pathset_deadline(&w->node[1].ps) != KITH_TIME_NEVER, kinds[k].timer1);
		if (k == 1)
			assert_int_equal(w->node[0].packets_sent + w->node[1].packets_sent, 0);
		/* Data, a request and its answer, leave nothing behind either. */
		w_send_data(w, 0);
		w_run(w, w->now + 100 * MS);
		w_send_data(w, 1);
		w_run(w, w->now + 60 * S);
		assert_int_equal(w->node[1].data_got, 1);
		assert_int_equal(w->node[0].alloc.peak_bytes + w->node[1].alloc.peak_bytes, 0);
		w_free(w);
	}
}

static struct world *leaf_and_home(uint64_t seed)
{
	struct world *w = w_new(seed);
	w->node[0].nat = W_PORT_RESTRICTED;
	for (unsigned i = 0; i < 2; i++) {
		struct kith_hop hop = w_direct_hop(w->node[1 - i].outside);
		unsigned flags = KITH_PATHSET_CONSENT | (i == 0 ? KITH_PATHSET_INITIATOR | KITH_PATHSET_HOME : KITH_PATHSET_ATTACHED);
		kith_pathset_init(&w->node[i].ps, w->now, &hop, true, (uint16_t)flags);
	}
	return w;
}

static void a_leaf_keeps_its_home_alive_and_is_answered_every_third_time(void **state)
{
	(void)state;
	struct world *w = leaf_and_home(3);
	w_run(w, w->now + 3600 * S);
	unsigned sent = w->node[0].frames_sent[KITH_FRAME_KEEPALIVE];
	assert_in_range(sent, 131, 160); /* 3600 s / 25 s +-10 % */
	assert_in_range(w->node[1].packets_sent, sent / 3 - 1, sent / 3 + 1);
	assert_int_equal(w->node[1].frames_sent[KITH_FRAME_KEEPALIVE], 0);
	assert_int_equal(w->node[0].news & KITH_NEWS_ALL_DEAD, 0);
	w_free(w);
}

static void a_dead_home_is_noticed_by_unanswered_keepalives_and_soon_by_data(void **state)
{
	(void)state;
	for (unsigned data = 0; data < 2; data++) {
		struct world *w = leaf_and_home(4 + data);
		w_run(w, w->now + 100 * S);
		w->direct_down[1] = true; /* answers are lost */
		if (data)
			w_send_data(w, 0);
		kith_time_us start = w->now;
		while ((w->node[0].news & KITH_NEWS_ALL_DEAD) == 0 && w->now < start + 200 * S)
			w_run(w, w->now + 500 * MS);
		assert_true(w->node[0].news & KITH_NEWS_ALL_DEAD);
		assert_in_range(w->now - start, 15 * S, data ? 17 * S : 103 * S);
		/* It comes back: any answer revives the path. */
		w->direct_down[1] = false;
		w->node[0].news = 0;
		w_send_data(w, 1);
		w_run(w, w->now + 2 * S);
		assert_int_equal(kith_pathset_sending(&w->node[0].ps)->state, KITH_PATH_LIVE);
		w_free(w);
	}
}

static void memory_of_a_call_is_given_back_when_it_falls_quiet(void **state)
{
	(void)state;
	struct world *w = call(5, W_FRAGILE);
	size_t during = w->node[0].alloc.live_bytes;
	assert_true(during > 4096);
	assert_int_equal(during, kith_pathset_bytes(&w->node[0].ps));
	w_talk(w, 0, 0);
	w_talk(w, 1, 0);
	w_run(w, w->now + 15 * S);
	assert_true(w->node[0].alloc.live_bytes < during - 4096); /* detectors and retained packets */
	struct kith_hop others[2][2] = { { w_relay_hop(0, 0), w_relay_hop(0, 1) }, { w_relay_hop(1, 0), w_relay_hop(1, 1) } };
	for (unsigned i = 0; i < 2; i++) {
		for (unsigned r = 0; r < 2; r++)
			kith_pathset_drop(&w->node[i].ps, &w->node[i].env, w->now, &others[i][r]);
	}
	w_run(w, w->now + 80 * S);
	assert_int_equal(w->node[0].alloc.live_bytes, 0);
	assert_int_equal(kith_pathset_count(&w->node[0].ps), 1);
	w_send_data(w, 0);
	assert_int_equal(w->node[0].news & KITH_NEWS_WANT_OFFER, 0); /* direct: nothing to ask for */
	w_free(w);
}

static void candidates_forgotten_while_idle_are_asked_for_again(void **state)
{
	(void)state;
	struct world *w = w_new(6);
	w->node[0].nat = w->node[1].nat = W_SYMMETRIC;
	w_peers(w, 0, 0);
	w_offer(w, 1);
	w_offer(w, 0);
	w_run(w, w->now + 200 * S);
	assert_int_equal(w->node[0].alloc.live_bytes, 0);
	w_watch(w);
	w_send_data(w, 0);
	assert_true(w->node[0].news & KITH_NEWS_WANT_OFFER);
	w_free(w);
}

/* ---- getting direct ---- */

static void two_nats_are_opened_in_one_round(void **state)
{
	(void)state;
	static const enum w_nat nats[] = { W_OPEN, W_PORT_RESTRICTED, W_FRAGILE };
	for (unsigned a = 0; a < 3; a++) {
		for (unsigned b = 0; b < 3; b++) {
			struct world *w = w_new(10 + a * 3 + b);
			w->node[0].nat = nats[a];
			w->node[1].nat = nats[b];
			w_peers(w, 0, 0);
			w_offer(w, 1);
			kith_time_us start = w->now;
			w_offer(w, 0);
			while (!(w_sends_direct(w, 0) && w_sends_direct(w, 1)) && w->now < start + 5 * S)
				w_run(w, w->now + MS);
			/* Relay there and back 80, lead 5, direct there and back 80. */
			assert_in_range(w->now - start, 0, 170 * MS);
			assert_true((w->node[0].news & KITH_NEWS_UPGRADED) != 0 && (w->node[1].news & KITH_NEWS_UPGRADED) != 0);
			w_run(w, w->now + 3 * S);
			for (unsigned i = 0; i < 2; i++) {
				assert_int_equal(kith_pathset_count(&w->node[i].ps), 2);
				assert_true(kith_pathset_sending(&w->node[i].ps)->srtt_us >= 80000);
			}
			w_free(w);
		}
	}
}

static void without_openers_a_fragile_nat_would_have_been_lost(void **state)
{
	(void)state;
	/* The openers leave with a TTL of hops + 1; that one is made to reach the other side here. */
	struct world *w = w_new(11);
	w->node[0].nat = w->node[1].nat = W_FRAGILE;
	w->relay_owd[0] = 300 * MS; /* the answer comes long after the responder's openers */
	w_peers(w, 0, 0);
	w_offer(w, 1);
	w->node[1].nat_hops = 0; /* any TTL crosses */
	w_offer(w, 0);
	w_run(w, w->now + 900 * MS);
	assert_false(w_sends_direct(w, 0));
	w_free(w);
}

static void direct_is_found_under_loss(void **state)
{
	(void)state;
	unsigned first_round = 0;
	for (uint64_t seed = 0; seed < 60; seed++) {
		struct world *w = w_new(seed);
		w->loss_percent = 20;
		w->jitter = 10 * MS;
		w->node[0].nat = w->node[1].nat = W_PORT_RESTRICTED;
		w_peers(w, 0, 0);
		w_offer(w, 1);
		w_offer(w, 0);
		w_run(w, w->now + 1500 * MS);
		first_round += w_sends_direct(w, 0) && w_sends_direct(w, 1);
		w_run(w, w->now + 20 * S);
		if (!w_sends_direct(w, 0) || !w_sends_direct(w, 1)) {
			w_dump(w, 0);
			fail_msg("seed %u: not direct", (unsigned)seed);
		}
		w_free(w);
	}
	assert_in_range(first_round, 54, 60);
}

static void where_no_hole_can_be_made_the_relay_carries_on_and_probes_stay_bounded(void **state)
{
	(void)state;
	struct world *w = w_new(20);
	w->node[0].nat = w->node[1].nat = W_SYMMETRIC;
	w_peers(w, 0, 0);
	w_offer(w, 1);
	w_offer(w, 0);
	w_talk(w, 0, 50 * MS);
	w_run(w, w->now + 300 * S);
	assert_false(w_sends_direct(w, 0));
	assert_in_range(w->node[1].data_got, w->node[0].data_sent - 2, w->node[0].data_sent);
	/* 8 probes and an opener at most per round; four rounds, then one a minute. */
	assert_in_range(w->node[0].stats.counter[KITH_STAT_PUNCH_ROUNDS], 7, 9);
	assert_true(w->node[0].direct_sent <= 9 * 9);
	assert_true(journal_has(&w->node[0].ps, KITH_JOURNAL_FAILED_ROUND, 4));
	w_free(w);
}

static void a_new_candidate_starts_another_round(void **state)
{
	(void)state;
	for (unsigned who = 0; who < 2; who++) {
		struct world *w = w_new(21 + who);
		w->node[0].nat = w->node[1].nat = W_PORT_RESTRICTED;
		struct kith_addr real = w->node[who].outside;
		w_peers(w, 0, 0);
		w->node[who].outside = w_addr(99, 9, 9, 9, 9999);
		if (who == 0) { /* what it offers is wrong; and the NAT of the other side is closed */
			w_offer(w, 1);
			w_offer(w, 0);
		} else {
			w_offer(w, 1);
			w_offer(w, 0);
		}
		w->direct_down[0] = w->direct_down[1] = true;
		w_run(w, w->now + 30 * S);
		assert_false(w_sends_direct(w, 0));
		w->direct_down[0] = w->direct_down[1] = false;
		w->node[who].outside = real;
		w->node[who].n_filters = 0;
		w_offer(w, who);
		w_run(w, w->now + 2 * S);
		assert_true(w_sends_direct(w, 0) && w_sends_direct(w, 1));
		w_free(w);
	}
}

/* ---- consent and relay-only ---- */

static void before_consent_nothing_is_offered_probed_or_answered(void **state)
{
	(void)state;
	struct world *w = w_new(30);
	w_peers(w, 0, 0);
	w->node[1].ps.flags &= (uint16_t)~KITH_PATHSET_CONSENT;
	w_offer(w, 1);
	w_offer(w, 0);
	/* The caller has guessed an address, too. */
	struct kith_hop guess = w_direct_hop(w->node[1].outside);
	assert_int_equal(kith_pathset_add(&w->node[0].ps, &w->node[0].env, w->now, &guess), 0);
	w_drain(w, 0);
	w_run(w, w->now + 4 * S);
	assert_true(w->direct_arrived > 0);
	assert_int_equal(w->node[1].packets_sent, 0);
	assert_true(w->node[1].stats.counter[KITH_STAT_PATH_REFUSED] > 0);
	kith_pathset_allow(&w->node[1].ps, &w->node[1].env, w->now, KITH_PATHSET_CONSENT);
	w_drain(w, 1);
	w_run(w, w->now + 10 * S);
	assert_true(w_sends_direct(w, 0) && w_sends_direct(w, 1));
	w_free(w);
}

static void a_relay_only_session_never_leaks_an_address(void **state)
{
	(void)state;
	for (unsigned who = 0; who < 3; who++) { /* one side, the other, both */
		struct world *w = w_new(31 + who);
		w_peers(w, who != 1 ? KITH_PATHSET_RELAY_ONLY : 0, who != 0 ? KITH_PATHSET_RELAY_ONLY : 0);
		unsigned shy = who == 1 ? 1 : 0;
		struct kith_pathset *ps = &w->node[shy].ps;
		struct kith_path_env *env = &w->node[shy].env;
		w->never_direct = true; /* of either: the open side is not told where to */
		w_offer(w, 1);
		w_offer(w, 0);
		w_add_relay(w, 1);
		w_talk(w, 0, 20 * MS);
		w_talk(w, 1, 20 * MS);
		w_run(w, w->now + 5 * S);
		assert_int_equal(w->node[0].frames_sent[KITH_FRAME_CANDIDATES] > 4, false);
		/* A direct hop is not added, and a packet that comes from one is not answered. */
		struct kith_hop direct = w_direct_hop(w->node[1 - shy].outside);
		assert_int_equal(kith_pathset_add(ps, env, w->now, &direct), KITH_EACCES);
		kith_pathset_heard(ps, env, w->now, &direct, 90000, true, 1200);
		uint8_t body[KITH_PROBE_PADDED] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 0 };
		struct kith_frame probe = { KITH_FRAME_PROBE, test_span(body, sizeof body) };
		assert_int_equal(kith_pathset_on_frame(ps, env, w->now, &direct, &probe), 0);
		w_drain(w, shy);
		/* Its candidates reach us all the same, and are left alone. */
		struct kith_candidates cs = { .generation = 9, .n = 1,
					      .list = { { .addr = direct.remote, .kind = KITH_CANDIDATE_HOST } } };
		uint8_t list[KITH_CANDIDATES_BODY_MAX];
		struct kith_writer wr = kith_writer_of(list, sizeof list);
		kith_candidates_write(&wr, &cs);
		struct kith_frame offer = { KITH_FRAME_CANDIDATES, test_span(list, kith_writer_len(&wr)) };
		struct kith_hop relay = w_relay_hop(shy, 0);
		assert_int_equal(kith_pathset_on_frame(ps, env, w->now, &relay, &offer), 0);
		uint8_t round[2] = { 77, 9 };
		struct kith_frame punch = { KITH_FRAME_PUNCH, test_span(round, 2) };
		assert_int_equal(kith_pathset_on_frame(ps, env, w->now, &relay, &punch), 0);
		w_drain(w, shy);
		w->relay_down[0] = true;
		w_run(w, w->now + 40 * S);
		w->relay_down[1] = true;
		w_run(w, w->now + 40 * S);
		for (unsigned i = 0; i < kith_pathset_count(ps); i++)
			assert_int_not_equal(kith_pathset_path(ps, i)->hop.tunnel, 0);
		w_free(w);
	}
}

static void relay_only_from_now_on_drops_direct_paths(void **state)
{
	(void)state;
	struct world *w = call(34, W_OPEN);
	assert_true(w_sends_direct(w, 0));
	kith_pathset_allow(&w->node[0].ps, &w->node[0].env, w->now, KITH_PATHSET_RELAY_ONLY);
	uint64_t before = w->node[0].direct_sent;
	w_drain(w, 0);
	w_run(w, w->now + 20 * S);
	assert_int_equal(w->node[0].direct_sent, before);
	assert_false(w_sends_direct(w, 1)); /* nothing is answered there any more */
	struct kith_hop direct = w_direct_hop(w->node[1].outside);
	kith_pathset_deinit(&w->node[0].ps, &w->node[0].env);
	kith_pathset_init(&w->node[0].ps, w->now, &direct, true, KITH_PATHSET_RELAY_ONLY);
	struct kith_hop out[KITH_PICK_MAX];
	assert_int_equal(kith_pathset_pick(&w->node[0].ps, w->now, true, out), 0);
	w_free(w);
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

static void a_call_survives_the_silent_death_of_its_direct_path(void **state)
{
	(void)state;
	struct gaps g = { .n = 0 };
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct world *w = call(1000 + seed, W_PORT_RESTRICTED);
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
	print_message("both ways: p50 %.1f ms, p99 %.1f ms, max %.1f ms (RTT 80)\n", (double)quantile(&g, 50) / 1000,
		      (double)quantile(&g, 99) / 1000, (double)g.v[g.n - 1] / 1000);
	assert_true(quantile(&g, 50) <= 40 * MS + 60 * MS); /* RTT/2 + 60 ms */
	assert_true(quantile(&g, 99) <= 80 * MS + 100 * MS); /* RTT + 100 ms */
}

static void a_flow_in_one_direction_survives_as_well(void **state)
{
	(void)state;
	struct gaps g = { .n = 0 };
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct world *w = call(3000 + seed, W_PORT_RESTRICTED);
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
	print_message("one way: p50 %.1f ms, p99 %.1f ms, max %.1f ms (RTT 80)\n", (double)quantile(&g, 50) / 1000,
		      (double)quantile(&g, 99) / 1000, (double)g.v[g.n - 1] / 1000);
	assert_true(quantile(&g, 99) <= 80 * MS + 100 * MS);
}

static void a_partition_in_one_direction_moves_the_data_that_it_hits(void **state)
{
	(void)state;
	struct gaps g = { .n = 0 };
	for (uint64_t seed = 0; seed < SEEDS / 2; seed++) {
		struct world *w = call(5000 + seed, W_PORT_RESTRICTED);
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
	print_message("one way cut: p50 %.1f ms, p99 %.1f ms\n", (double)quantile(&g, 50) / 1000,
		      (double)quantile(&g, 99) / 1000);
	assert_true(quantile(&g, 99) <= 80 * MS + 100 * MS);
}

static void a_relay_that_dies_with_the_direct_path_leaves_the_other_relay(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct world *w = call(7000 + seed, W_PORT_RESTRICTED);
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
	struct world *w = call(50, W_PORT_RESTRICTED);
	w->direct_down[0] = w->direct_down[1] = true;
	w_run(w, w->now + 5 * S);
	assert_false(w_sends_direct(w, 0));
	w->direct_down[0] = w->direct_down[1] = false;
	w_run(w, w->now + 20 * S);
	assert_true(w_sends_direct(w, 0) && w_sends_direct(w, 1));
	w_free(w);
}

static void a_lone_path_is_probed_each_second_and_given_up_after_15_s(void **state)
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
	assert_in_range(w->node[0].frames_sent[KITH_FRAME_PROBE] - probes, 12, 16);
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
	struct world *w = call(52, W_PORT_RESTRICTED);
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
	struct world *w = call(53, W_PORT_RESTRICTED);
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
	struct world *w = call(54, W_PORT_RESTRICTED);
	struct kith_pathset *ps = &w->node[0].ps;
	struct kith_hop direct = kith_pathset_sending(ps)->hop, out[KITH_PICK_MAX];
	assert_int_equal(kith_pathset_pick(ps, w->now, true, out), 1);
	kith_pathset_link_event(ps, &w->node[0].env, w->now, W_TRANSPORT, &direct, KITH_EIO);
	assert_int_equal(kith_pathset_pick(ps, w->now, true, out), 3);
	assert_true(kith_hop_equal(&out[0], &direct));
	assert_true(out[1].tunnel != 0 && out[2].tunnel != 0 && out[1].tunnel != out[2].tunnel);
	assert_int_equal(kith_pathset_pick(ps, w->now, false, out), 1);
	w_drain(w, 0);
	w_run(w, w->now + 200 * MS); /* false alarm: it answers */
	assert_int_equal(kith_pathset_sending(ps)->state, KITH_PATH_LIVE);
	assert_true(w_sends_direct(w, 0));
	kith_pathset_link_event(ps, &w->node[0].env, w->now, W_TRANSPORT, NULL, KITH_ECLOSED);
	w_drain(w, 0);
	assert_int_equal(kith_pathset_count(ps), 0);
	assert_true(w->node[0].news & KITH_NEWS_ALL_DEAD);
	assert_int_equal(kith_pathset_pick(ps, w->now, true, out), 0);
	w_talk(w, 0, 0);
	w_free(w);
}

/* ---- roaming ---- */

static void a_leaf_whose_nat_moved_it_is_followed_at_its_next_keepalive(void **state)
{
	(void)state;
	struct world *w = leaf_and_home(60);
	w_run(w, w->now + 60 * S);
	w->node[0].outside.port = 7777;
	w->node[0].n_filters = 0;
	w_run(w, w->now + 28 * S);
	assert_true(w->node[1].news & KITH_NEWS_ROAMED);
	assert_int_equal(kith_pathset_count(&w->node[1].ps), 1);
	assert_int_equal(kith_pathset_sending(&w->node[1].ps)->hop.remote.port, 7777);
	assert_int_equal(w->node[1].alloc.live_bytes, 0);
	assert_int_equal(w->node[1].ps.deadline, KITH_TIME_NEVER);
	w_send_data(w, 1);
	w_run(w, w->now + 1 * S);
	assert_int_equal(w->node[0].data_got, 1);
	w_free(w);
}

static void a_peer_that_moves_in_a_call_takes_its_path_along(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct world *w = call(61 + seed, W_OPEN);
		w_watch(w);
		w->node[0].outside.port = 7777;
		w_run(w, w->now + 1 * S);
		assert_true(w->node[1].gap_max <= 80 * MS);
		assert_true(w->node[0].gap_max <= 80 * MS + 100 * MS);
		assert_true(w->node[1].news & KITH_NEWS_ROAMED);
		assert_int_equal(kith_pathset_sending(&w->node[1].ps)->hop.remote.port, 7777);
		w_run(w, w->now + 10 * S);
		assert_true(w_sends_direct(w, 0) && w_sends_direct(w, 1));
		assert_int_equal(kith_pathset_count(&w->node[1].ps), 3);
		w_free(w);
	}
}

static void an_unproven_hop_is_never_sent_more_than_came_from_it(void **state)
{
	(void)state;
	for (size_t len = 33; len < 400; len += 7) {
		struct world *w = w_new(80 + len);
		w_peers(w, 0, 0);
		struct w_node *n = &w->node[1];
		struct kith_hop strange = w_direct_hop(w_addr(55, 5, 5, 5, 5555));
		size_t got = 0, sent = 0;
		uint8_t body[KITH_PROBE_PADDED] = { 9 };
		struct kith_frame probe = { KITH_FRAME_PROBE, test_span(body, sizeof body) };
		for (unsigned k = 0; k < 40; k++) {
			got += len;
			kith_pathset_heard(&n->ps, &n->env, w->now, &strange, k, (k & 1) != 0, len);
			assert_int_equal(kith_pathset_on_frame(&n->ps, &n->env, w->now, &strange, &probe), 0);
			w->now += 30 * MS;
			kith_pathset_tick(&n->ps, &n->env, w->now);
			struct kith_open_packet *open;
			while ((open = kith_outbox_next_open(&n->outbox)) != NULL) {
				if (open->pinned && kith_hop_equal(&open->hop, &strange))
					sent += open->len + 32u;
			}
			struct kith_packet none;
			assert_int_equal(kith_outbox_poll(&n->outbox, &none, 1), 0);
			assert_true(sent <= got);
		}
		assert_true(sent > 0);
		w_free(w);
	}
}

static void strangers_are_few_at_a_time(void **state)
{
	(void)state;
	struct world *w = w_new(85);
	w_peers(w, 0, 0);
	struct w_node *n = &w->node[0];
	for (unsigned k = 0; k < 200; k++) {
		struct kith_hop strange = w_direct_hop(w_addr(55, 5, 5, (uint8_t)k, 5555));
		kith_pathset_heard(&n->ps, &n->env, w->now, &strange, k, true, 100);
		assert_true(count_state(&n->ps, KITH_PATH_CANDIDATE) <= KITH_STRANGERS_MAX);
		w_drain(w, 0);
	}
	assert_true(kith_hop_equal(&kith_pathset_sending(&n->ps)->hop, &(struct kith_hop){ w_relay_hop(0, 0).remote,
		W_TRANSPORT, 0, w_relay_hop(0, 0).tunnel }));
	w_run(w, w->now + 5 * S);
	assert_int_equal(kith_pathset_count(&n->ps), 1);
	w_free(w);
}

/* ---- choosing ---- */

static void a_better_relay_is_used_after_a_second_and_equals_do_not_flap(void **state)
{
	(void)state;
	struct world *w = w_new(90);
	w->relay_owd[0] = 60 * MS;
	w->relay_owd[1] = 40 * MS;
	w->relay_owd[2] = 39 * MS;
	w->jitter = 2 * MS;
	w_peers(w, 0, 0);
	w_talk(w, 0, 20 * MS);
	w_talk(w, 1, 20 * MS);
	w_run(w, w->now + 2 * S);
	w_add_relay(w, 1);
	w_run(w, w->now + 900 * MS);
	assert_int_equal(kith_pathset_sending(&w->node[0].ps)->hop.tunnel, w_relay_hop(0, 0).tunnel);
	w_run(w, w->now + 1 * S);
	assert_int_equal(kith_pathset_sending(&w->node[0].ps)->hop.tunnel, w_relay_hop(0, 1).tunnel);
	w_add_relay(w, 2);
	uint64_t switches = w->node[0].stats.counter[KITH_STAT_PATH_SWITCHES];
	w_run(w, w->now + 60 * S);
	assert_int_equal(w->node[0].stats.counter[KITH_STAT_PATH_SWITCHES], switches);
	w_free(w);
}

static void a_direct_path_far_slower_than_the_relay_is_only_a_standby(void **state)
{
	(void)state;
	for (unsigned slow = 0; slow < 2; slow++) {
		struct world *w = w_new(91 + slow);
		w->direct_owd = slow ? 80 * MS : 60 * MS; /* 160 and 120 against 80 ms there and back */
		w_peers(w, 0, 0);
		for (unsigned i = 0; i < 2; i++) {
			struct kith_hop hop = w_relay_hop(i, 0);
			kith_pathset_rtt_hint(&w->node[i].ps, &hop, 80000);
		}
		w_offer(w, 1);
		w_offer(w, 0);
		w_run(w, w->now + 5 * S);
		assert_int_equal(count_state(&w->node[0].ps, KITH_PATH_LIVE), 2);
		assert_int_equal(w_sends_direct(w, 0), !slow);
		w_free(w);
	}
}

static void five_paths_are_kept_and_they_are_diverse(void **state)
{
	(void)state;
	struct world *w = call(93, W_PORT_RESTRICTED);
	for (unsigned r = 2; r < 7; r++)
		w_add_relay(w, r);
	w_run(w, w->now + 5 * S);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(count_state(&w->node[i].ps, KITH_PATH_LIVE), KITH_PATHS_HOT);
		assert_true(w_sends_direct(w, i));
	}
	assert_true(w->node[0].frames_sent[KITH_FRAME_PATH_CLOSE] > 0);
	assert_int_equal(w->node[1].frames_sent[KITH_FRAME_PATH_CLOSE], 0);
	w_run(w, w->now + 60 * S);
	assert_int_equal(count_state(&w->node[0].ps, KITH_PATH_LIVE), KITH_PATHS_HOT);
	w_free(w);
}

static void the_table_of_paths_is_bounded(void **state)
{
	(void)state;
	struct world *w = w_new(94);
	w_peers(w, 0, 0);
	struct w_node *n = &w->node[0];
	int err = 0;
	for (unsigned r = 1; r < W_RELAYS; r++) {
		struct kith_hop hop = w_relay_hop(0, r);
		assert_int_equal(kith_pathset_add(&n->ps, &n->env, w->now, &hop), 0);
		assert_int_equal(kith_pathset_add(&n->ps, &n->env, w->now, &hop), KITH_EEXIST);
	}
	struct kith_hop more = w_relay_hop(0, 0);
	more.tunnel = 1;
	err = kith_pathset_add(&n->ps, &n->env, w->now, &more);
	assert_int_equal(err, KITH_EFULL);
	assert_int_equal(kith_pathset_count(&n->ps), KITH_PATHS_MAX);
	w_drain(w, 0);
	w_free(w);
}

static void standbys_are_pinged_while_data_flows_and_kept_alive_otherwise(void **state)
{
	(void)state;
	struct world *w = call(95, W_PORT_RESTRICTED);
	w_run(w, w->now + 5 * S);
	unsigned before = w->node[0].frames_sent[KITH_FRAME_PROBE];
	w_run(w, w->now + 60 * S);
	assert_in_range(w->node[0].frames_sent[KITH_FRAME_PROBE] - before, 2 * 10, 2 * 14); /* two standbys, every 5 s */
	w_talk(w, 0, 0);
	w_talk(w, 1, 0);
	w_run(w, w->now + 20 * S);
	uint64_t packets[2] = { w->node[0].packets_sent, w->node[1].packets_sent };
	w_run(w, w->now + 600 * S);
	assert_in_range(w->node[0].packets_sent - packets[0], 3 * 600 / 28, 2 * 3 * 600 / 22);
	assert_true(w->node[1].packets_sent - packets[1] <= 2 * 3 * 600 / 22);
	assert_int_equal(count_state(&w->node[0].ps, KITH_PATH_LIVE), 3);
	w_free(w);
}

static void the_first_packet_proves_the_path_of_the_handshake(void **state)
{
	(void)state;
	struct world *w = w_new(96);
	struct w_node *n = &w->node[1];
	struct kith_hop hop = w_relay_hop(1, 0);
	kith_pathset_init(&n->ps, w->now, &hop, false, KITH_PATHSET_PEER);
	assert_int_equal(n->ps.news & KITH_NEWS_VALIDATED_FIRST, 0);
	assert_int_equal(kith_pathset_deadline(&n->ps), KITH_TIME_NEVER);
	kith_pathset_heard(&n->ps, &n->env, w->now, &hop, 0, false, 60);
	assert_true(n->ps.news & KITH_NEWS_VALIDATED_FIRST);
	assert_int_equal(kith_pathset_sending(&n->ps)->state, KITH_PATH_LIVE);
	kith_pathset_init(&w->node[0].ps, w->now, &hop, true, 0);
	w_free(w);
}

static void a_second_relay_is_asked_for_until_it_is_there(void **state)
{
	(void)state;
	struct world *w = w_new(97);
	w_peers(w, 0, 0);
	w_drain(w, 0);
	assert_true(w->node[0].news & KITH_NEWS_WANT_RELAY);
	w_talk(w, 0, 20 * MS);
	w_run(w, w->now + 1 * S);
	w_watch(w);
	w_run(w, w->now + 20 * S);
	assert_int_equal(w->node[0].news & KITH_NEWS_WANT_RELAY, 0);
	w_run(w, w->now + 20 * S);
	assert_true(w->node[0].news & KITH_NEWS_WANT_RELAY);
	w_add_relay(w, 1);
	w_run(w, w->now + 1 * S);
	w_watch(w);
	w_run(w, w->now + 60 * S);
	assert_int_equal(w->node[0].news & KITH_NEWS_WANT_RELAY, 0);
	w->relay_down[1] = true;
	w_run(w, w->now + 20 * S);
	assert_true(w->node[0].news & KITH_NEWS_WANT_RELAY);
	w_free(w);
}

/* ---- hostile input, no memory, repeatability ---- */

static void hostile_frames_do_no_harm(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 40; seed++) {
		struct world *w = call(9000 + seed, seed & 1 ? W_OPEN : W_FRAGILE);
		struct w_node *n = &w->node[seed & 1];
		w_talk(w, 0, 0);
		w_talk(w, 1, 0);
		for (unsigned k = 0; k < 3000; k++) {
			uint8_t body[200];
			size_t len = w_below(w, k % 3 == 0 ? 200 : 24);
			for (size_t b = 0; b < len; b++)
				body[b] = (uint8_t)test_random_next(&w->chance);
			if (len > 0 && w_below(w, 2) == 0)
				body[0] = (uint8_t)w_below(w, 6); /* a path id that exists */
			if (len > 2 && w_below(w, 2) == 0)
				body[2] = (uint8_t)((len - 3) / 8); /* a likely number of candidates */
			struct kith_frame f = { (uint8_t)(1 + w_below(w, 8)), test_span(body, len) };
			struct kith_hop hop = w_relay_hop((unsigned)(seed & 1), w_below(w, 3));
			if (w_below(w, 3) == 0)
				hop = w_direct_hop(w_addr(66, 6, 6, (uint8_t)w_below(w, 9), 666));
			kith_pathset_heard(&n->ps, &n->env, w->now, &hop, w_below(w, W_SEEN), w_below(w, 2) == 0, len + 32);
			int err = kith_pathset_on_frame(&n->ps, &n->env, w->now, &hop, &f);
			assert_true(err == 0 || err == KITH_EPROTO);
			w->never_direct = false;
			w_drain(w, (unsigned)(seed & 1));
			w->n_packets = 0;
			w->now += (kith_time_us)w_below(w, 3000);
			kith_pathset_tick(&n->ps, &n->env, w->now);
			w_drain(w, (unsigned)(seed & 1));
			w->n_packets = 0;
			n->n_filters = w->node[1 - (seed & 1)].n_filters = 0;
			assert_true(kith_pathset_count(&n->ps) <= KITH_PATHS_MAX);
		}
		w_free(w);
	}
}

static void truncated_frames_are_refused(void **state)
{
	(void)state;
	static const struct {
		uint8_t type;
		size_t least;
	} frames[] = { { KITH_FRAME_PROBE, 10 },     { KITH_FRAME_PROBE_ACK, 9 }, { KITH_FRAME_PATH_ACK, 18 },
		       { KITH_FRAME_IDLE, 1 },	     { KITH_FRAME_CANDIDATES, 3 }, { KITH_FRAME_PUNCH, 2 },
		       { KITH_FRAME_KEEPALIVE, 1 },  { KITH_FRAME_PATH_CLOSE, 1 } };
	struct world *w = w_new(98);
	w_peers(w, 0, 0);
	struct kith_hop hop = w_relay_hop(0, 0);
	uint8_t zeros[32] = { 0 };
	zeros[0] = 1;
	for (unsigned i = 0; i < sizeof frames / sizeof frames[0]; i++) {
		for (size_t len = 0; len <= frames[i].least; len++) {
			struct kith_frame f = { frames[i].type, test_span(zeros, len) };
			assert_int_equal(kith_pathset_on_frame(&w->node[0].ps, &w->node[0].env, w->now, &hop, &f),
					 len < frames[i].least ? KITH_EPROTO : 0);
		}
	}
	struct kith_frame other = { KITH_FRAME_DATAGRAM, test_span(zeros, 8) };
	assert_int_equal(kith_pathset_on_frame(&w->node[0].ps, &w->node[0].env, w->now, &hop, &other), KITH_ENOTSUP);
	w_drain(w, 0);
	w_free(w);
}

static void an_acknowledgement_of_what_was_never_sent_is_ignored(void **state)
{
	(void)state;
	struct world *w = call(99, W_PORT_RESTRICTED);
	struct w_node *n = &w->node[0];
	const struct kith_path *p = kith_pathset_sending(&n->ps);
	uint32_t rtt = p->srtt_us;
	w->direct_down[0] = w->direct_down[1] = true;
	struct kith_path_ack_frame ack = { .path = p->id, .largest = UINT64_MAX };
	uint8_t body[KITH_PATH_ACK_BODY];
	struct kith_writer wr = kith_writer_of(body, sizeof body);
	kith_path_ack_write(&wr, &ack);
	struct kith_frame f = { KITH_FRAME_PATH_ACK, test_span(body, sizeof body) };
	struct kith_hop hop = p->hop;
	assert_int_equal(kith_pathset_on_frame(&n->ps, &n->env, w->now, &hop, &f), 0);
	assert_int_equal(p->srtt_us, rtt);
	w_run(w, w->now + 1 * S);
	assert_false(w_sends_direct(w, 0)); /* death was noticed all the same */
	w_free(w);
}

static void without_memory_the_first_path_works_on(void **state)
{
	(void)state;
	for (long fail = 0; fail < 40; fail++) {
		for (unsigned stays = 0; stays < 2; stays++) {
			struct world *w = w_new(100 + (uint64_t)fail);
			w_peers(w, 0, 0);
			w->node[0].alloc.fail_after = fail;
			w->node[1].alloc.fail_after = fail / 2;
			for (unsigned i = 2; i-- > 0;) {
				struct w_node *n = &w->node[i];
				struct kith_candidate c = { .addr = n->outside, .kind = 2, .transport = W_TRANSPORT };
				int err = kith_pathset_offer(&n->ps, &n->env, w->now, &c, 1, 3);
				assert_true(err == 0 || err == KITH_ENOMEM);
				w_drain(w, i);
				struct kith_hop hop = w_relay_hop(i, 1);
				err = kith_pathset_add(&n->ps, &n->env, w->now, &hop);
				assert_true(err == 0 || err == KITH_ENOMEM);
				w_drain(w, i);
			}
			w_talk(w, 0, 20 * MS);
			w_talk(w, 1, 20 * MS);
			w_run(w, w->now + 2 * S);
			if (!stays)
				w->node[0].alloc.fail_after = w->node[1].alloc.fail_after = -1;
			w->direct_down[0] = w->direct_down[1] = true;
			w_run(w, w->now + 4 * S);
			uint64_t got[2] = { w->node[0].data_got, w->node[1].data_got };
			w_run(w, w->now + 2 * S);
			for (unsigned i = 0; i < 2; i++)
				assert_in_range(w->node[i].data_got - got[i], 95, 106);
			w_free(w);
		}
	}
}

static void a_run_is_repeatable(void **state)
{
	(void)state;
	uint64_t packets[2];
	uint32_t written[2];
	for (unsigned k = 0; k < 2; k++) {
		struct world *w = call(12345, W_FRAGILE);
		w->loss_percent = 3;
		w->jitter = 20 * MS;
		w_run(w, w->now + 20 * S);
		packets[k] = w->node[0].packets_sent * 1000003 + w->node[1].packets_sent;
		written[k] = kith_pathset_journal(&w->node[0].ps)->written;
		w_free(w);
	}
	assert_int_equal(packets[0], packets[1]);
	assert_int_equal(written[0], written[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_idle_session_holds_no_memory_and_few_timers),
		cmocka_unit_test(a_leaf_keeps_its_home_alive_and_is_answered_every_third_time),
		cmocka_unit_test(a_dead_home_is_noticed_by_unanswered_keepalives_and_soon_by_data),
		cmocka_unit_test(memory_of_a_call_is_given_back_when_it_falls_quiet),
		cmocka_unit_test(candidates_forgotten_while_idle_are_asked_for_again),
		cmocka_unit_test(two_nats_are_opened_in_one_round),
		cmocka_unit_test(without_openers_a_fragile_nat_would_have_been_lost),
		cmocka_unit_test(direct_is_found_under_loss),
		cmocka_unit_test(where_no_hole_can_be_made_the_relay_carries_on_and_probes_stay_bounded),
		cmocka_unit_test(a_new_candidate_starts_another_round),
		cmocka_unit_test(before_consent_nothing_is_offered_probed_or_answered),
		cmocka_unit_test(a_relay_only_session_never_leaks_an_address),
		cmocka_unit_test(relay_only_from_now_on_drops_direct_paths),
		cmocka_unit_test(a_call_survives_the_silent_death_of_its_direct_path),
		cmocka_unit_test(a_flow_in_one_direction_survives_as_well),
		cmocka_unit_test(a_partition_in_one_direction_moves_the_data_that_it_hits),
		cmocka_unit_test(a_relay_that_dies_with_the_direct_path_leaves_the_other_relay),
		cmocka_unit_test(a_direct_path_that_comes_back_is_used_again),
		cmocka_unit_test(a_lone_path_is_probed_each_second_and_given_up_after_15_s),
		cmocka_unit_test(a_pause_on_purpose_raises_no_suspicion),
		cmocka_unit_test(false_alarms_cost_no_more_than_the_budget),
		cmocka_unit_test(a_socket_error_doubles_the_data_at_once),
		cmocka_unit_test(a_leaf_whose_nat_moved_it_is_followed_at_its_next_keepalive),
		cmocka_unit_test(a_peer_that_moves_in_a_call_takes_its_path_along),
		cmocka_unit_test(an_unproven_hop_is_never_sent_more_than_came_from_it),
		cmocka_unit_test(strangers_are_few_at_a_time),
		cmocka_unit_test(a_better_relay_is_used_after_a_second_and_equals_do_not_flap),
		cmocka_unit_test(a_direct_path_far_slower_than_the_relay_is_only_a_standby),
		cmocka_unit_test(five_paths_are_kept_and_they_are_diverse),
		cmocka_unit_test(the_table_of_paths_is_bounded),
		cmocka_unit_test(standbys_are_pinged_while_data_flows_and_kept_alive_otherwise),
		cmocka_unit_test(the_first_packet_proves_the_path_of_the_handshake),
		cmocka_unit_test(a_second_relay_is_asked_for_until_it_is_there),
		cmocka_unit_test(hostile_frames_do_no_harm),
		cmocka_unit_test(truncated_frames_are_refused),
		cmocka_unit_test(an_acknowledgement_of_what_was_never_sent_is_ignored),
		cmocka_unit_test(without_memory_the_first_path_works_on),
		cmocka_unit_test(a_run_is_repeatable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
