#include "path_world.h"

#include "path/pathset_internal.h"

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
			assert_true((w->node[0].news & KITH_NEWS_UPGRADED) != 0 &&
				    (w->node[1].news & KITH_NEWS_UPGRADED) != 0);
			w_run(w, w->now + 3 * S);
			for (unsigned i = 0; i < 2; i++) {
				assert_int_equal(kith_pathset_count(&w->node[i].ps), 2);
				assert_true(kith_pathset_sending(&w->node[i].ps)->srtt_us >= 80000);
			}
			w_free(w);
		}
	}
}

static void an_opener_that_reaches_the_other_nat_spoils_it(void **state)
{
	(void)state;
	/* The world where openers matter: with hops counted wrong, they arrive before the other side has opened its
	 * own. */
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
		w_offer(w, 1); /* one of the two is wrong */
		w_offer(w, 0);
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
	w->node[1].ps.flags &= (uint8_t)~KITH_PATHSET_CONSENT;
	w_offer(w, 1);
	w_offer(w, 0);
	/* The caller has guessed an address, too. */
	struct kith_hop guess = w_direct_hop(w->node[1].outside);
	assert_int_equal(kith_pathset_add(&w->node[0].ps, test_at(&w->node[0].env, w->now), &guess), 0);
	kith_pathset_check(&w->node[0].ps, test_at(&w->node[0].env, w->now)); /* a PROBE over the relay as well */
	w_drain(w, 0);
	w_run(w, w->now + 4 * S);
	assert_true(w->direct_arrived > 0);
	assert_int_equal(w->node[1].packets_sent, 0);
	assert_true(w->node[1].stats.counter[KITH_STAT_PATH_REFUSED] > 0);
	kith_pathset_allow(&w->node[1].ps, test_at(&w->node[1].env, w->now), KITH_PATHSET_CONSENT);
	w_drain(w, 1);
	w_run(w, w->now + 10 * S);
	assert_true(w_sends_direct(w, 0) && w_sends_direct(w, 1));
	w_free(w);
}

static bool no_relay(const struct kith_path_env *env, const struct kith_hop *hop)
{
	(void)env;
	(void)hop;
	return false;
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
		assert_int_equal(kith_pathset_add(ps, test_at(env, w->now), &direct), KITH_EACCES);
		kith_pathset_heard(ps, test_at(env, w->now), &direct, 90000, true, 1200);
		uint8_t body[KITH_PROBE_PADDED] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 0 };
		struct kith_frame probe = { KITH_FRAME_PROBE, test_span(body, sizeof body) };
		assert_int_equal(kith_pathset_on_frame(ps, test_at(env, w->now), &direct, &probe), 0);
		w_drain(w, shy);
		/* Its candidates reach us all the same, and are left alone. */
		struct kith_candidates cs = { .generation = 9,
					      .n = 1,
					      .list = { { .at = kith_endpoint_udp(&direct.remote),
							  .kind = KITH_ADDR_HOST } } };
		uint8_t list[KITH_CANDIDATES_BODY_MAX];
		struct kith_writer wr = kith_writer_of(list, sizeof list);
		kith_candidates_write(&wr, &cs);
		struct kith_frame offer = { KITH_FRAME_CANDIDATES, test_span(list, kith_writer_len(&wr)) };
		struct kith_hop relay = w_relay_hop(shy, 0);
		assert_int_equal(kith_pathset_on_frame(ps, test_at(env, w->now), &relay, &offer), 0);
		uint8_t round[2] = { 77, 9 };
		struct kith_frame punch = { KITH_FRAME_PUNCH, test_span(round, 2) };
		assert_int_equal(kith_pathset_on_frame(ps, test_at(env, w->now), &relay, &punch), 0);
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

/* Whoever can send to a supernode could else choose what a session's packets go through. */
static void a_tunnel_that_no_relay_of_ours_opened_is_no_hop(void **state)
{
	(void)state;
	struct world *w = w_call(35, W_OPEN);
	struct kith_pathset *ps = &w->node[0].ps;
	struct kith_path_env env = w->node[0].env;
	struct kith_hop strange = w_direct_hop(w->node[1].outside);
	strange.tunnel = 0x7777;
	env.is_relay = no_relay;
	unsigned paths = kith_pathset_count(ps);
	assert_int_equal(kith_pathset_add(ps, test_at(&env, w->now), &strange), KITH_EACCES);
	kith_pathset_heard(ps, test_at(&env, w->now), &strange, 90000, true, 1200);
	assert_int_equal(kith_pathset_count(ps), paths);
	env.is_relay = NULL;
	assert_int_equal(kith_pathset_add(ps, test_at(&env, w->now), &strange), KITH_EACCES);
	w_free(w);
}

static void relay_only_from_now_on_drops_direct_paths(void **state)
{
	(void)state;
	struct world *w = w_call(34, W_OPEN);
	assert_true(w_sends_direct(w, 0));
	kith_pathset_allow(&w->node[0].ps, test_at(&w->node[0].env, w->now), KITH_PATHSET_RELAY_ONLY);
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

/* ---- roaming ---- */

static void a_leaf_whose_nat_moved_it_is_followed_at_its_next_keepalive(void **state)
{
	(void)state;
	struct world *w = w_leaf_and_home(60);
	w_run(w, w->now + 60 * S);
	w->node[0].outside.port = 7777;
	w->node[0].n_filters = 0;
	unsigned probes = w->node[0].frames_sent[KITH_FRAME_PROBE];
	w_run(w, w->now + 28 * S);
	assert_true(w->node[1].news & KITH_NEWS_ROAMED);
	assert_int_equal(w->node[0].frames_sent[KITH_FRAME_PROBE], probes); /* the KEEPALIVE was enough */
	assert_int_equal(kith_pathset_count(&w->node[1].ps), 1);
	assert_int_equal(kith_pathset_sending(&w->node[1].ps)->hop.remote.port, 7777);
	assert_int_equal(w->node[1].alloc.live_bytes, 0);
	assert_int_equal(w->node[1].ps.deadline, KITH_TIME_NEVER);
	w_send_data(w, 1);
	w_run(w, w->now + 1 * S);
	assert_int_equal(w->node[0].data_got, 1);
	w_free(w);
}

/* How many KEEPALIVEs the leaf sent in that time, and how many of them the home answered. others: the leaf's other
 * homes are asked all the time. */
static void asked_for(struct world *w, kith_time_us us, bool others, unsigned *sent, unsigned *answered)
{
	unsigned before = w->node[0].frames_sent[KITH_FRAME_KEEPALIVE];
	unsigned acks = w->node[1].frames_sent[KITH_FRAME_PROBE_ACK];
	for (kith_time_us end = w->now + us; w->now < end;) {
		if (others)
			*w->node[0].env.asked_ms = (uint32_t)(w->now / MS);
		w_run(w, w->now + 1 * S);
	}
	*sent = w->node[0].frames_sent[KITH_FRAME_KEEPALIVE] - before;
	*answered = w->node[1].frames_sent[KITH_FRAME_PROBE_ACK] - acks;
}

static void homes_are_asked_in_turn(void **state)
{
	(void)state;
	struct world *w = w_leaf_and_home(63);
	uint32_t asked_ms = 0;
	unsigned sent, answered;
	w->node[0].env.asked_ms = &asked_ms;
	/* For so long that the sequence begins anew, twice. */
	asked_for(w, 14000 * S, true, &sent, &answered);
	assert_in_range(sent, 500, 630);
	assert_in_range(answered, sent / 3 - 1, sent / 3 + 2);
	asked_for(w, 14000 * S, false, &sent, &answered);
	assert_in_range(sent, 500, 630);
	assert_in_range(answered, sent / 2 - 1, sent / 2 + 2); /* never twice in a row */
	assert_int_equal(kith_pathset_sending(&w->node[0].ps)->state, KITH_PATH_LIVE);
	w_free(w);
}

/* Where keepalives are rare, each asks. */
static void homes_that_are_kept_alive_seldom_are_asked_each_time(void **state)
{
	(void)state;
	struct world *w = w_leaf_and_home(64);
	uint32_t asked_ms = 0;
	unsigned sent, answered;
	w->node[0].env.asked_ms = &asked_ms;
	w->node[0].env.keepalive_us = 55 * S;
	w_run(w, w->now + 60 * S);
	asked_for(w, 5500 * S, true, &sent, &answered);
	assert_in_range(sent, 90, 112);
	assert_in_range(answered, sent - 1, sent + 1);
	w_free(w);
}

static void a_peer_that_moves_in_a_call_takes_its_path_along(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct world *w = w_call(61 + seed, W_OPEN);
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
			kith_pathset_heard(&n->ps, test_at(&n->env, w->now), &strange, k, (k & 1) != 0, len);
			assert_int_equal(kith_pathset_on_frame(&n->ps, test_at(&n->env, w->now), &strange, &probe), 0);
			w->now += 30 * MS;
			kith_pathset_tick(&n->ps, test_at(&n->env, w->now));
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

/* What n sends, as frames: bytes of PROBE_ACKs to a hop, of everything to it, and how many padded PROBEs. */
struct to_hop {
	size_t acks, all;
	unsigned padded;
};

static void count_to_hop(struct w_node *n, const struct kith_hop *hop, struct to_hop *out)
{
	struct kith_open_packet *open;
	struct kith_packet none;
	while ((open = kith_outbox_next_open(&n->outbox)) != NULL) {
		if (!open->pinned || !kith_hop_equal(&open->hop, hop))
			continue;
		struct kith_reader r = kith_reader_of(open->frames, open->len);
		struct kith_frame f;
		bool padded = false;
		while (kith_frame_next(&r, &f)) {
			if (f.type == KITH_FRAME_PROBE_ACK)
				out->acks += KITH_PROBE_OVERHEAD + KITH_FRAME_HEADER + f.body.len;
			padded = padded || (f.type == KITH_FRAME_PROBE && f.body.len == KITH_PROBE_PADDED);
		}
		out->all += padded ? 0 : open->len + (size_t)KITH_PROBE_OVERHEAD;
		out->padded += padded;
	}
	assert_int_equal(kith_outbox_poll(&n->outbox, &none, 1), 0);
}

/* A peer names somebody else's address, and writes it on its packets as their source. */
static void a_named_address_is_answered_with_no_more_than_came_from_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < 18; i++) {
		const size_t len = 45 + 11 * (i / 2); /* 45: a PROBE without padding */
		const bool heard_before = i % 2 == 1;
		struct world *w = w_new(180 + len);
		struct w_node *n = &w->node[1];
		struct kith_hop named = w_direct_hop(w_addr(55, 5, 5, 5, 5555)), relay = w_relay_hop(1, 0);
		struct kith_candidates cs = { .generation = 1, .n = 1 };
		uint8_t list[KITH_CANDIDATES_BODY_MAX], round[2] = { 1, 1 }, body[KITH_PROBE_BODY] = { 9 };
		cs.list[0] = (struct kith_candidate){ .at = kith_endpoint_udp(&named.remote), .kind = KITH_ADDR_HOST };
		w_peers(w, 0, 0);
		w_offer(w, 1);
		struct kith_writer wr = kith_writer_of(list, sizeof list);
		kith_candidates_write(&wr, &cs);
		struct kith_frame offer = { KITH_FRAME_CANDIDATES, test_span(list, kith_writer_len(&wr)) };
		struct kith_frame punch = { KITH_FRAME_PUNCH, test_span(round, 2) };
		struct kith_frame probe = { KITH_FRAME_PROBE, test_span(body, sizeof body) };
		struct to_hop sent = { 0 };
		size_t got = 0;
		if (heard_before) {
			got += len;
			kith_pathset_heard(&n->ps, test_at(&n->env, w->now), &named, 0, false, len);
			count_to_hop(n, &named, &sent);
		}
		assert_int_equal(kith_pathset_on_frame(&n->ps, test_at(&n->env, w->now), &relay, &offer), 0);
		assert_int_equal(kith_pathset_on_frame(&n->ps, test_at(&n->env, w->now), &relay, &punch), 0);
		if (heard_before) { /* the path is the target's now, and there is no second schedule beside its own */
			const struct kith_path *p = kith_pathset_path(&n->ps, 1);
			assert_true(kith_hop_equal(&p->hop, &named));
			assert_int_equal(p->flags & KITH_PATH_STRANGER, 0);
			assert_int_equal(sent.padded, 0);
			assert_true(n->ps.more->punch->targets[0].taken);
		}
		for (unsigned k = 0; k < 400; k++) {
			got += len;
			kith_pathset_heard(&n->ps, test_at(&n->env, w->now), &named, k, false, len);
			assert_int_equal(kith_pathset_on_frame(&n->ps, test_at(&n->env, w->now), &named, &probe), 0);
			w->now += 20 * MS;
			kith_pathset_tick(&n->ps, test_at(&n->env, w->now));
			count_to_hop(n, &named, &sent);
			assert_true(sent.acks <= got);
			assert_true(sent.all <= got);
			assert_true(sent.padded <= KITH_PROBES_PER_ADDRESS);
		}
		assert_true(sent.acks > 0);
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
		kith_pathset_heard(&n->ps, test_at(&n->env, w->now), &strange, k, true, 100);
		assert_true(w_count(&n->ps, KITH_PATH_CANDIDATE) <= KITH_STRANGERS_MAX);
		w_drain(w, 0);
	}
	assert_true(kith_hop_equal(
		&kith_pathset_sending(&n->ps)->hop,
		&(struct kith_hop){ w_relay_hop(0, 0).remote, W_TRANSPORT, 0, w_relay_hop(0, 0).tunnel }));
	w_run(w, w->now + 5 * S);
	assert_int_equal(kith_pathset_count(&n->ps), 1);
	w_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_nats_are_opened_in_one_round),
		cmocka_unit_test(an_opener_that_reaches_the_other_nat_spoils_it),
		cmocka_unit_test(direct_is_found_under_loss),
		cmocka_unit_test(where_no_hole_can_be_made_the_relay_carries_on_and_probes_stay_bounded),
		cmocka_unit_test(a_new_candidate_starts_another_round),
		cmocka_unit_test(before_consent_nothing_is_offered_probed_or_answered),
		cmocka_unit_test(a_relay_only_session_never_leaks_an_address),
		cmocka_unit_test(a_tunnel_that_no_relay_of_ours_opened_is_no_hop),
		cmocka_unit_test(relay_only_from_now_on_drops_direct_paths),
		cmocka_unit_test(a_leaf_whose_nat_moved_it_is_followed_at_its_next_keepalive),
		cmocka_unit_test(homes_are_asked_in_turn),
		cmocka_unit_test(homes_that_are_kept_alive_seldom_are_asked_each_time),
		cmocka_unit_test(a_peer_that_moves_in_a_call_takes_its_path_along),
		cmocka_unit_test(an_unproven_hop_is_never_sent_more_than_came_from_it),
		cmocka_unit_test(a_named_address_is_answered_with_no_more_than_came_from_it),
		cmocka_unit_test(strangers_are_few_at_a_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
