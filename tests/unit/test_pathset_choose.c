#include "path_world.h"

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

static void a_gain_of_a_few_milliseconds_is_not_worth_a_switch(void **state)
{
	(void)state;
	struct world *w = w_new(98);
	w->relay_owd[0] = 10 * MS;
	w->relay_owd[1] = 8 * MS; /* 20 % better, and 4 ms */
	w_peers(w, 0, 0);
	w_talk(w, 0, 20 * MS);
	w_talk(w, 1, 20 * MS);
	w_add_relay(w, 1);
	w_run(w, w->now + 20 * S);
	assert_int_equal(w->node[0].stats.counter[KITH_STAT_PATH_SWITCHES], 0);
	w_free(w);
}

/* The relay is better, and the direct path is wanted all the same: nothing goes over the relay any more, either way. */
static void a_path_that_is_kept_alone_ends_all_others_at_both_ends(void **state)
{
	(void)state;
	struct world *w = w_new(99);
	w->direct_owd = 80 * MS;
	w_peers(w, 0, 0);
	for (unsigned i = 0; i < 2; i++)
		kith_path_rtt(&w->node[i].ps.first, 80000);
	w_offer(w, 1);
	w_offer(w, 0);
	w_run(w, w->now + 5 * S);
	assert_int_equal(w_count(&w->node[0].ps, KITH_PATH_LIVE), 2);
	assert_false(w_sends_direct(w, 0) || w_sends_direct(w, 1));
	struct kith_hop nowhere = w_relay_hop(0, 2);
	assert_false(kith_pathset_keep_only(&w->node[0].ps, test_at(&w->node[0].env, w->now), &nowhere));
	assert_int_equal(w_count(&w->node[0].ps, KITH_PATH_LIVE), 2);
	const struct kith_hop direct = kith_pathset_path(&w->node[0].ps, 1)->hop;
	assert_int_equal(direct.tunnel, 0);
	assert_true(kith_pathset_keep_only(&w->node[0].ps, test_at(&w->node[0].env, w->now), &direct));
	w_drain(w, 0);
	assert_true(w_sends_direct(w, 0));
	w_run(w, w->now + 1 * S);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(w_sends_direct(w, i));
		assert_int_equal(w_count(&w->node[i].ps, KITH_PATH_LIVE), 1);
	}
	w_free(w);
}

static void a_direct_path_far_slower_than_the_relay_is_only_a_standby(void **state)
{
	(void)state;
	for (unsigned slow = 0; slow < 2; slow++) {
		struct world *w = w_new(91 + slow);
		w->direct_owd = slow ? 80 * MS : 60 * MS; /* 160 and 120 against 80 ms there and back */
		w_peers(w, 0, 0);
		for (unsigned i = 0; i < 2; i++)
			kith_path_rtt(&w->node[i].ps.first, 80000);
		w_offer(w, 1);
		w_offer(w, 0);
		w_run(w, w->now + 5 * S);
		assert_int_equal(w_count(&w->node[0].ps, KITH_PATH_LIVE), 2);
		assert_int_equal(w_sends_direct(w, 0), !slow);
		w_free(w);
	}
}

/* Over a connection packets wait for lost ones: it is used while there is no other direct path, and then a standby. */
static void a_connection_carries_data_until_udp_does(void **state)
{
	(void)state;
	struct world *w = w_new(94);
	w->direct_owd = 30 * MS;
	w_peers(w, 0, 0);
	for (unsigned i = 0; i < 2; i++)
		kith_path_rtt(&w->node[i].ps.first, 80000);
	w_offer(w, 1);
	w_offer(w, 0);
	w_run(w, w->now + 2 * S);
	struct kith_pathset *ps = &w->node[0].ps;
	assert_true(w_sends_direct(w, 0) && kith_pathset_is_plain(ps));
	/* As if that path were a connection, and another one came that is none. */
	struct kith_path *tcp = (struct kith_path *)(uintptr_t)kith_pathset_sending(ps);
	tcp->cost = 3;
	assert_true(kith_pathset_is_direct(ps) && !kith_pathset_is_plain(ps));
	const struct kith_hop hop = { .remote = { .family = KITH_FAMILY_V4, .port = 1000, .ip = { 44, 9, 9, 9 } },
				      .transport = W_TRANSPORT };
	assert_int_equal(kith_pathset_add(ps, test_at(&w->node[0].env, w->now), &hop), 0);
	struct kith_path *udp = NULL;
	for (unsigned i = 0; i < kith_pathset_count(ps); i++) {
		if (kith_hop_equal(&kith_pathset_path(ps, i)->hop, &hop))
			udp = (struct kith_path *)(uintptr_t)kith_pathset_path(ps, i);
	}
	kith_path_rtt(udp, 110000); /* slower by more than the other costs: it is taken all the same */
	kith_path_set_state(udp, KITH_PATH_LIVE);
	ps->deadline = 0;
	kith_pathset_tick(ps, test_at(&w->node[0].env, w->now));
	assert_ptr_equal(kith_pathset_sending(ps), udp);
	assert_true(kith_pathset_is_plain(ps));
	/* However fast the other is, it does not come back while this one lives. */
	tcp->srtt_us = 1000;
	for (int i = 0; i < 30; i++) {
		udp->due_at = udp->heard_at = w->now + 10 * S;
		udp->state = KITH_PATH_LIVE;
		w->now += 100 * MS;
		ps->deadline = 0;
		kith_pathset_tick(ps, test_at(&w->node[0].env, w->now));
		assert_ptr_not_equal(kith_pathset_sending(ps), tcp);
	}
	w_free(w);
}

/* The peer names an address as a TURN server's: what leads there is better than a tunnel, and no direct path. */
static void a_path_by_a_turn_server_carries_data_until_a_direct_one_does(void **state)
{
	(void)state;
	struct world *w = w_new(95);
	w->direct_owd = 35 * MS; /* 70 ms and 20 against 80 and 50 there and back */
	w_peers(w, 0, 0);
	for (unsigned i = 0; i < 2; i++)
		kith_path_rtt(&w->node[i].ps.first, 80000);
	w_talk(w, 0, 20 * MS);
	w_offer_as(w, 1, KITH_ADDR_RELAYED);
	w_offer(w, 0);
	w_run(w, w->now + 4 * S);
	struct kith_pathset *ps = &w->node[0].ps;
	const struct kith_path *turn = kith_pathset_sending(ps);
	assert_true(turn->relayed != 0 && turn->hop.tunnel == 0);
	assert_int_equal(kith_path_cost(turn), turn->srtt_us + KITH_RELAYED_COST_MS * MS);
	assert_false(kith_path_is_direct(turn) || kith_path_waits(turn));
	assert_false(kith_pathset_is_direct(ps) || kith_pathset_is_plain(ps));
	assert_int_equal(w->node[0].news & KITH_NEWS_UPGRADED, 0);
	/* A direct one, far slower than it: it is taken all the same, and kept. */
	const struct kith_hop hop = { .remote = { .family = KITH_FAMILY_V4, .port = 1000, .ip = { 44, 9, 9, 9 } },
				      .transport = W_TRANSPORT };
	assert_int_equal(kith_pathset_add(ps, test_at(&w->node[0].env, w->now), &hop), 0);
	struct kith_path *udp = (struct kith_path *)(uintptr_t)kith_pathset_path(ps, kith_pathset_count(ps) - 1);
	assert_true(kith_hop_equal(&udp->hop, &hop) && udp->relayed == 0);
	kith_path_rtt(udp, 110000);
	kith_path_set_state(udp, KITH_PATH_LIVE);
	ps->deadline = 0;
	kith_pathset_tick(ps, test_at(&w->node[0].env, w->now));
	assert_ptr_equal(kith_pathset_sending(ps), udp);
	assert_true(kith_pathset_is_plain(ps));
	w_free(w);
}

static void five_paths_are_kept_and_they_are_diverse(void **state)
{
	(void)state;
	struct world *w = w_call(93, W_PORT_RESTRICTED);
	for (unsigned r = 2; r < 7; r++)
		w_add_relay(w, r);
	w_run(w, w->now + 5 * S);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(w_count(&w->node[i].ps, KITH_PATH_LIVE), KITH_PATHS_HOT);
		assert_true(w_sends_direct(w, i));
	}
	assert_true(w->node[0].frames_sent[KITH_FRAME_PATH_CLOSE] > 0);
	assert_int_equal(w->node[1].frames_sent[KITH_FRAME_PATH_CLOSE], 0);
	w_run(w, w->now + 60 * S);
	assert_int_equal(w_count(&w->node[0].ps, KITH_PATH_LIVE), KITH_PATHS_HOT);
	w_free(w);
}

static void a_closed_path_is_not_made_anew_by_packets_on_their_way(void **state)
{
	(void)state;
	struct world *w = w_call(94, W_PORT_RESTRICTED);
	for (unsigned r = 2; r < 7; r++)
		w_add_relay(w, r);
	w_run(w, w->now + 1 * S);
	for (unsigned i = 0; i < 2; i++) { /* who closed, and who was told */
		struct w_node *n = &w->node[i];
		assert_true(w_count(&n->ps, KITH_PATH_DEAD) > 0);
		struct kith_hop closed = { 0 };
		for (unsigned k = 0; k < kith_pathset_count(&n->ps); k++) {
			if (kith_pathset_path(&n->ps, k)->state == KITH_PATH_DEAD)
				closed = kith_pathset_path(&n->ps, k)->hop;
		}
		unsigned probes = n->frames_sent[KITH_FRAME_PROBE], closes = n->frames_sent[KITH_FRAME_PATH_CLOSE];
		kith_pathset_heard(&n->ps, test_at(&n->env, w->now), &closed, 90000, true, 200);
		w_drain(w, i);
		assert_int_equal(n->frames_sent[KITH_FRAME_PROBE], probes);
		assert_int_equal(n->frames_sent[KITH_FRAME_PATH_CLOSE], closes + 1);
		assert_int_equal(w_count(&n->ps, KITH_PATH_CANDIDATE), 0);
	}
	w_free(w);
}

static void a_path_answered_at_once_is_confirmed_three_times(void **state)
{
	(void)state;
	struct world *w = w_new(99);
	w->relay_owd[1] = MS;
	w_peers(w, 0, 0);
	w_run(w, w->now + 1 * S);
	w_add_relay(w, 1);
	w_run(w, w->now + 5 * S);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(w_count(&w->node[i].ps, KITH_PATH_LIVE), 2);
		assert_int_equal(w->node[i].frames_sent[KITH_FRAME_PROBE], KITH_CONFIRMATIONS);
	}
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
		assert_int_equal(kith_pathset_add(&n->ps, test_at(&n->env, w->now), &hop), 0);
		assert_int_equal(kith_pathset_add(&n->ps, test_at(&n->env, w->now), &hop), KITH_EEXIST);
	}
	struct kith_hop more = w_relay_hop(0, 0);
	more.tunnel = 1;
	err = kith_pathset_add(&n->ps, test_at(&n->env, w->now), &more);
	assert_int_equal(err, KITH_EFULL);
	assert_int_equal(kith_pathset_count(&n->ps), KITH_PATHS_MAX);
	w_drain(w, 0);
	w_free(w);
}

static void standbys_are_pinged_while_data_flows_and_kept_alive_otherwise(void **state)
{
	(void)state;
	struct world *w = w_call(95, W_PORT_RESTRICTED);
	w_run(w, w->now + 5 * S);
	unsigned before = w->node[0].frames_sent[KITH_FRAME_PROBE];
	w_run(w, w->now + 60 * S);
	assert_in_range(w->node[0].frames_sent[KITH_FRAME_PROBE] - before, 2 * 10,
			2 * 14); /* two standbys, every 5 s */
	w_talk(w, 0, 0);
	w_talk(w, 1, 0);
	w_run(w, w->now + 20 * S);
	uint64_t packets[2] = { w->node[0].packets_sent, w->node[1].packets_sent };
	w_run(w, w->now + 600 * S);
	const uint64_t asked = 3 * 600 * S / KITH_PEER_KEEPALIVE_US; /* three paths, ±10 % */
	assert_in_range(w->node[0].packets_sent - packets[0], asked * 9 / 10, 2 * asked * 11 / 10);
	assert_true(w->node[1].packets_sent - packets[1] <= 2 * asked * 11 / 10);
	assert_int_equal(w_count(&w->node[0].ps, KITH_PATH_LIVE), 3);
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
	kith_pathset_heard(&n->ps, test_at(&n->env, w->now), &hop, 0, false, 60);
	assert_true(n->ps.news & KITH_NEWS_VALIDATED_FIRST);
	assert_int_equal(kith_pathset_sending(&n->ps)->state, KITH_PATH_LIVE);
	kith_pathset_init(&w->node[0].ps, w->now, &hop, true, 0);
	w_free(w);
}

/* How often a relay is asked for, until then. */
static unsigned asks(struct world *w, kith_time_us until)
{
	unsigned n = 0;
	while (w->now < until) {
		w->node[0].news = 0;
		w_run(w, w->now + 50 * MS);
		n += (w->node[0].news & KITH_NEWS_WANT_RELAY) != 0;
	}
	return n;
}

static void a_second_relay_is_asked_for_until_it_is_there(void **state)
{
	(void)state;
	struct world *w = w_new(97);
	w_peers(w, 0, 0);
	w_drain(w, 0);
	assert_true(w->node[0].news & KITH_NEWS_WANT_RELAY);
	w_talk(w, 0, 20 * MS);
	w_talk(w, 1, 20 * MS);
	assert_in_range(asks(w, w->now + 40 * S), 5, 7); /* at 0, 1, 3, 7, 15, 31 s */
	w_add_relay(w, 1);
	w_run(w, w->now + 1 * S);
	assert_in_range(asks(w, w->now + 40 * S), 4, 6); /* for talk a third one, with the same patience ... */
	assert_in_range(asks(w, w->now + 600 * S), 2, 5); /* ... and then with more */
	w_add_relay(w, 2);
	w_run(w, w->now + 1 * S);
	assert_int_equal(asks(w, w->now + 60 * S), 0);
	w->relay_down[1] = true;
	assert_in_range(asks(w, w->now + 7 * S), 1, 3); /* once it is missed, a standby after 5 s at most */
	w->relay_down[1] = false;
	w_run(w, w->now + 60 * S);
	assert_int_equal(w_count(&w->node[0].ps, KITH_PATH_LIVE), 3);
	w->relay_down[0] = true; /* the one that data uses: asked for at once */
	assert_in_range(asks(w, w->now + 400 * MS), 1, 1);
	w_free(w);
}

/* While a third one is waited for with patience, a second one that is lost is asked for at once. */
static void a_second_relay_is_not_waited_for_as_a_third_one(void **state)
{
	(void)state;
	struct world *w = w_call(100, W_PORT_RESTRICTED);
	w_run(w, w->now + 300 * S);
	assert_true(asks(w, w->now + 30 * S) <= 1);
	w->relay_down[1] = true;
	assert_true(asks(w, w->now + 7 * S) >= 1);
	w_free(w);
}

static void a_third_relay_is_held_while_it_talks(void **state)
{
	(void)state;
	struct world *w = w_call(101, W_PORT_RESTRICTED);
	assert_true(asks(w, w->now + 5 * S) >= 1);
	w_add_relay(w, 2);
	w_run(w, w->now + 1 * S);
	assert_int_equal(asks(w, w->now + 60 * S), 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(w_count(&w->node[i].ps, KITH_PATH_LIVE), 4);
		w_talk(w, i, 0);
	}
	w_run(w, w->now + 55 * S);
	assert_int_equal(w_count(&w->node[0].ps, KITH_PATH_LIVE), 4);
	w_run(w, w->now + 40 * S);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(w_count(&w->node[i].ps, KITH_PATH_LIVE), 3);
		assert_true(w_sends_direct(w, i));
	}
	assert_int_equal(w->node[1].frames_sent[KITH_FRAME_PATH_CLOSE], 0); /* one side lets go */
	w_talk(w, 0, 1 * S); /* messages are no talk */
	assert_int_equal(asks(w, w->now + 300 * S), 0);
	w_talk(w, 0, 20 * MS);
	assert_true(asks(w, w->now + 5 * S) >= 1);
	w_free(w);
}

/* The direct path and the two best relays die in one instant: what is left carries data before the others are known to
 * be dead, and no packet leaves more than three times. */
static void two_standbys_may_die_with_the_sending_path(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct world *w = w_call(1200 + seed, W_PORT_RESTRICTED);
		w->relay_owd[2] = 45 * MS; /* the third best */
		w_add_relay(w, 2);
		w_run(w, w->now + 8 * S + (kith_time_us)w_below(w, 500000));
		assert_int_equal(w_count(&w->node[0].ps, KITH_PATH_LIVE), 4);
		w->direct_down[0] = w->direct_down[1] = w->relay_down[0] = w->relay_down[1] = true;
		w_watch(w);
		w_run(w, w->now + 2 * S);
		for (unsigned i = 0; i < 2; i++) {
			assert_true(w->node[i].gap_max < 90 * MS + 100 * MS);
			assert_true(w->node[i].stats.counter[KITH_STAT_PACKETS_DUPLICATED] +
					    w->node[i].stats.counter[KITH_STAT_PACKETS_REPLAYED] <
				    KITH_DUPLICATE_BURST + 500 * KITH_DUPLICATE_PERCENT / 100);
		}
		w_free(w);
	}
}

/* Two tunnels of one supernode fail together: they count for one, and are each other's standby only if there is none
 * other. */
static void tunnels_of_one_supernode_are_one_relay(void **state)
{
	(void)state;
	w_twin = 1;
	struct world *w = w_new(98);
	struct w_node *n = &w->node[0];
	struct kith_hop hops[KITH_PICK_MAX], apart = w_relay_hop(0, 2);
	w_peers(w, 0, 0);
	w_add_relay(w, 1);
	w_talk(w, 0, 20 * MS);
	w_talk(w, 1, 20 * MS);
	assert_true(asks(w, w->now + 20 * S) >= 3);
	assert_int_equal(w_count(&n->ps, KITH_PATH_LIVE), 2);
	w->relay_owd[2] = 200 * MS; /* farther than the twin, but apart */
	w_add_relay(w, 2);
	w->relay_owd[3] = 300 * MS;
	w_add_relay(w, 3);
	w_run(w, w->now + 1 * S);
	assert_int_equal(asks(w, w->now + 20 * S), 0);
	w->relay_down[0] = w->relay_down[1] = true;
	w_watch(w);
	w_run(w, w->now + 120 * MS); /* in doubt */
	assert_true(kith_pathset_pick(&n->ps, w->now, true, hops) >= 2);
	assert_true(kith_hop_equal(&hops[1], &apart));
	w_run(w, w->now + 10 * S);
	assert_int_equal(kith_pathset_pick(&n->ps, w->now, true, hops), 1);
	assert_true(kith_hop_equal(&hops[0], &apart));
	assert_true(w->node[1].gap_max < 500 * MS);
	w_free(w);
	w_twin = W_RELAYS;
}

/* The sending path is taken away while the only other one is in doubt and a stranger has been heard: data goes on where
 * somebody has answered once, and nothing but what it paid for goes to the stranger. */
static void what_has_answered_once_succeeds_before_what_never_did(void **state)
{
	(void)state;
	struct world *w = w_new(61);
	w_peers(w, 0, 0);
	w_add_relay(w, 1);
	w_run(w, w->now + 3 * S);
	struct w_node *n = &w->node[0];
	struct kith_hop first = w_relay_hop(0, 0), second = w_relay_hop(0, 1), out[KITH_PICK_MAX];
	struct kith_hop strange = w_direct_hop(w_addr(55, 5, 5, 5, 5555));
	assert_int_equal(w_count(&n->ps, KITH_PATH_LIVE), 2);
	kith_pathset_heard(&n->ps, test_at(&n->env, w->now), &strange, 1000, true, 100);
	kith_pathset_link_event(&n->ps, test_at(&n->env, w->now), W_TRANSPORT, &second, KITH_EUNREACHABLE);
	kith_pathset_drop(&n->ps, test_at(&n->env, w->now),
			  &first); /* the stranger moves into its place in the table */
	assert_int_equal(w_count(&n->ps, KITH_PATH_SUSPECT), 1);
	assert_true(kith_hop_equal(&kith_pathset_sending(&n->ps)->hop, &second));
	assert_int_equal(kith_pathset_pick(&n->ps, w->now, true, out), 1);
	assert_true(kith_hop_equal(&out[0], &second));
	kith_pathset_drop(&n->ps, test_at(&n->env, w->now), &second);
	assert_int_equal(kith_pathset_count(&n->ps), 1);
	assert_int_equal(kith_pathset_pick(&n->ps, w->now, true, out), 0);
	w_drain(w, 0);
	w_free(w);
}

/* What was added, or named by the peer, and has not answered yet gets probes; data waits. */
static void an_address_that_never_answered_carries_no_data(void **state)
{
	(void)state;
	struct world *w = w_new(62);
	w_peers(w, 0, 0);
	struct w_node *n = &w->node[0];
	struct kith_hop first = w_relay_hop(0, 0), added = w_direct_hop(w_addr(55, 5, 5, 5, 5555)), out[KITH_PICK_MAX];
	assert_int_equal(kith_pathset_add(&n->ps, test_at(&n->env, w->now), &added), 0);
	kith_pathset_drop(&n->ps, test_at(&n->env, w->now), &first);
	assert_int_equal(kith_pathset_count(&n->ps), 1);
	assert_int_equal(kith_pathset_sending(&n->ps)->state, KITH_PATH_CANDIDATE);
	assert_int_equal(kith_pathset_pick(&n->ps, w->now, true, out), 0);
	w_drain(w, 0);
	w_free(w);
}

/* A short direct path and the best of the relays fail at once. The relay is farther, and was measured a moment ago
 * only, so its own answer is waited for longer than the other's death takes. */
static void what_takes_over_has_answered_since(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct world *w = w_call(1100 + seed, W_PORT_RESTRICTED);
		struct kith_hop dead = w_relay_hop(0, 2);
		w->direct_owd = 5 * MS;
		w_run(w, w->now + 5 * S);
		w->relay_owd[2] = 38 * MS; /* the best of the relays */
		w_add_relay(w, 2);
		w_run(w, w->now + 1 * S + (kith_time_us)w_below(w, 500000));
		assert_true(w_sends_direct(w, 0));
		w->direct_down[0] = w->direct_down[1] = w->relay_down[2] = true;
		w_watch(w);
		while (w_sends_direct(w, 0))
			w_run(w, w->now + 5 * MS);
		assert_false(kith_hop_equal(&kith_pathset_sending(&w->node[0].ps)->hop, &dead));
		w_run(w, w->now + 2 * S);
		for (unsigned i = 0; i < 2; i++)
			assert_true(w->node[i].gap_max < 80 * MS + 100 * MS);
		w_free(w);
	}
}

/* Most doubts are over in a moment: a relay is asked for when one is lost. */
static void a_relay_in_doubt_is_not_replaced_yet(void **state)
{
	(void)state;
	struct world *w = w_call(99, W_PORT_RESTRICTED);
	struct kith_hop relay = w_relay_hop(0, 1);
	w_add_relay(w, 2);
	w_run(w, w->now + 5 * S);
	kith_pathset_link_event(&w->node[0].ps, test_at(&w->node[0].env, w->now), W_TRANSPORT, &relay, KITH_EIO);
	w_drain(w, 0);
	assert_int_equal(w_count(&w->node[0].ps, KITH_PATH_SUSPECT), 1);
	assert_int_equal(asks(w, w->now + 2 * S), 0);
	w->relay_down[1] = true;
	kith_pathset_link_event(&w->node[0].ps, test_at(&w->node[0].env, w->now), W_TRANSPORT, &relay, KITH_EIO);
	w_drain(w, 0);
	assert_int_equal(asks(w, w->now + 1 * S), 1);
	w_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_better_relay_is_used_after_a_second_and_equals_do_not_flap),
		cmocka_unit_test(a_gain_of_a_few_milliseconds_is_not_worth_a_switch),
		cmocka_unit_test(a_path_that_is_kept_alone_ends_all_others_at_both_ends),
		cmocka_unit_test(a_direct_path_far_slower_than_the_relay_is_only_a_standby),
		cmocka_unit_test(a_connection_carries_data_until_udp_does),
		cmocka_unit_test(a_path_by_a_turn_server_carries_data_until_a_direct_one_does),
		cmocka_unit_test(five_paths_are_kept_and_they_are_diverse),
		cmocka_unit_test(a_closed_path_is_not_made_anew_by_packets_on_their_way),
		cmocka_unit_test(a_path_answered_at_once_is_confirmed_three_times),
		cmocka_unit_test(the_table_of_paths_is_bounded),
		cmocka_unit_test(standbys_are_pinged_while_data_flows_and_kept_alive_otherwise),
		cmocka_unit_test(the_first_packet_proves_the_path_of_the_handshake),
		cmocka_unit_test(a_second_relay_is_asked_for_until_it_is_there),
		cmocka_unit_test(a_second_relay_is_not_waited_for_as_a_third_one),
		cmocka_unit_test(a_third_relay_is_held_while_it_talks),
		cmocka_unit_test(two_standbys_may_die_with_the_sending_path),
		cmocka_unit_test(tunnels_of_one_supernode_are_one_relay),
		cmocka_unit_test(what_has_answered_once_succeeds_before_what_never_did),
		cmocka_unit_test(an_address_that_never_answered_carries_no_data),
		cmocka_unit_test(what_takes_over_has_answered_since),
		cmocka_unit_test(a_relay_in_doubt_is_not_replaced_yet),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
