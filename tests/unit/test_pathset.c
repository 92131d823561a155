#include "path_world.h"

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
			assert_null(w->node[i].ps.more);
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

static void a_leaf_keeps_its_home_alive_and_is_answered_every_third_time(void **state)
{
	(void)state;
	struct world *w = w_leaf_and_home(3);
	w_run(w, w->now + 3600 * S);
	unsigned sent = w->node[0].frames_sent[KITH_FRAME_KEEPALIVE];
	assert_in_range(sent, 131, 160); /* 3600 s / 25 s +-10 % */
	assert_in_range(w->node[1].packets_sent, sent / 3 - 1, sent / 3 + 1);
	assert_int_equal(w->node[1].frames_sent[KITH_FRAME_KEEPALIVE], 0);
	assert_int_equal(w->node[0].news & KITH_NEWS_ALL_DEAD, 0);
	w_free(w);
}

static void a_session_that_becomes_one_with_a_home_is_kept_alive_from_then_on(void **state)
{
	(void)state;
	struct world *w = w_leaf_and_home(9);
	w->node[0].ps.flags &= (uint8_t)~KITH_PATHSET_HOME;
	w->node[0].ps.first.due_at = w->node[0].ps.deadline = KITH_TIME_NEVER;
	w_run(w, w->now + 300 * S);
	assert_int_equal(w->node[0].packets_sent, 0);
	kith_pathset_allow(&w->node[0].ps, test_at(&w->node[0].env, w->now), KITH_PATHSET_HOME);
	w_run(w, w->now + 100 * S);
	assert_in_range(w->node[0].frames_sent[KITH_FRAME_KEEPALIVE], 3, 5);
	assert_int_equal(w->node[0].alloc.peak_bytes, 0);
	w_free(w);
}

static void a_dead_home_is_noticed_by_unanswered_keepalives_and_soon_by_data(void **state)
{
	(void)state;
	for (unsigned data = 0; data < 2; data++) {
		struct world *w = w_leaf_and_home(4 + data);
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
	struct world *w = w_call(5, W_FRAGILE);
	size_t during = w->node[0].alloc.live_bytes;
	assert_true(during > 4096);
	w_talk(w, 0, 0);
	w_talk(w, 1, 0);
	w_run(w, w->now + 15 * S);
	assert_true(w->node[0].alloc.live_bytes < during - 4096); /* detectors and retained packets */
	struct kith_hop others[2][2] = { { w_relay_hop(0, 0), w_relay_hop(0, 1) },
					 { w_relay_hop(1, 0), w_relay_hop(1, 1) } };
	for (unsigned i = 0; i < 2; i++) {
		for (unsigned r = 0; r < 2; r++)
			kith_pathset_drop(&w->node[i].ps, test_at(&w->node[i].env, w->now), &others[i][r]);
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

/* ---- hostile input, no memory, repeatability ---- */

static void hostile_frames_do_no_harm(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 40; seed++) {
		struct world *w = w_call(9000 + seed, seed & 1 ? W_OPEN : W_FRAGILE);
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
			kith_pathset_heard(&n->ps, test_at(&n->env, w->now), &hop, w_below(w, W_SEEN),
					   w_below(w, 2) == 0, len + 32);
			int err = kith_pathset_on_frame(&n->ps, test_at(&n->env, w->now), &hop, &f);
			assert_true(err == 0 || err == KITH_EPROTO);
			w->never_direct = false;
			w_drain(w, (unsigned)(seed & 1));
			w->n_packets = 0;
			w->now += (kith_time_us)w_below(w, 3000);
			kith_pathset_tick(&n->ps, test_at(&n->env, w->now));
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
	} frames[] = { { KITH_FRAME_PROBE, 10 },    { KITH_FRAME_PROBE_ACK, 9 },  { KITH_FRAME_PATH_ACK, 18 },
		       { KITH_FRAME_IDLE, 1 },	    { KITH_FRAME_CANDIDATES, 3 }, { KITH_FRAME_PUNCH, 2 },
		       { KITH_FRAME_KEEPALIVE, 1 }, { KITH_FRAME_PATH_CLOSE, 1 } };
	struct world *w = w_new(98);
	w_peers(w, 0, 0);
	struct kith_hop hop = w_relay_hop(0, 0);
	uint8_t zeros[32] = { 0 };
	zeros[0] = 1;
	for (unsigned i = 0; i < sizeof frames / sizeof frames[0]; i++) {
		for (size_t len = 0; len <= frames[i].least; len++) {
			struct kith_frame f = { frames[i].type, test_span(zeros, len) };
			assert_int_equal(
				kith_pathset_on_frame(&w->node[0].ps, test_at(&w->node[0].env, w->now), &hop, &f),
				len < frames[i].least ? KITH_EPROTO : 0);
		}
	}
	struct kith_frame other = { KITH_FRAME_DATAGRAM, test_span(zeros, 8) };
	assert_int_equal(kith_pathset_on_frame(&w->node[0].ps, test_at(&w->node[0].env, w->now), &hop, &other),
			 KITH_ENOTSUP);
	w_drain(w, 0);
	w_free(w);
}

static void an_acknowledgement_of_what_was_never_sent_is_ignored(void **state)
{
	(void)state;
	struct world *w = w_call(99, W_PORT_RESTRICTED);
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
	assert_int_equal(kith_pathset_on_frame(&n->ps, test_at(&n->env, w->now), &hop, &f), 0);
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
				struct kith_candidate c = { .at = kith_endpoint_udp(&n->outside),
							    .kind = 2,
							    .transport = W_TRANSPORT };
				struct kith_natclass nat = { .hops = 3 };
				int err = kith_pathset_offer(&n->ps, test_at(&n->env, w->now), &c, 1, &nat);
				assert_true(err == 0 || err == KITH_ENOMEM);
				w_drain(w, i);
				struct kith_hop hop = w_relay_hop(i, 1);
				err = kith_pathset_add(&n->ps, test_at(&n->env, w->now), &hop);
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
		struct world *w = w_call(12345, W_FRAGILE);
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
		cmocka_unit_test(a_session_that_becomes_one_with_a_home_is_kept_alive_from_then_on),
		cmocka_unit_test(a_dead_home_is_noticed_by_unanswered_keepalives_and_soon_by_data),
		cmocka_unit_test(memory_of_a_call_is_given_back_when_it_falls_quiet),
		cmocka_unit_test(candidates_forgotten_while_idle_are_asked_for_again),
		cmocka_unit_test(hostile_frames_do_no_harm),
		cmocka_unit_test(truncated_frames_are_refused),
		cmocka_unit_test(an_acknowledgement_of_what_was_never_sent_is_ignored),
		cmocka_unit_test(without_memory_the_first_path_works_on),
		cmocka_unit_test(a_run_is_repeatable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
