#include "punch_side.h"

#include "path/punch_targets.h"

static const char *const peer[] = { "30.0.0.2:6000" };

static void the_initiator_repeats_its_offer_until_answered_and_gives_up(void **state)
{
	(void)state;
	struct side *s = side_new(true);
	kith_time_us start = s->env.now;
	offer(s, "20.0.0.1:5000", 0);
	struct sent out = look(s);
	assert_true(out.candidates == 1 && out.punches == 1 && out.round == 1 && out.generation == 1 &&
		    out.n_candidates == 1);
	assert_in_range(s->punch.next_at - start, 225 * MS, 275 * MS);
	run_until(s, start + 290 * MS);
	assert_int_equal(look(s).punches, 1);
	run_until(s, start + 30 * S);
	assert_int_equal(look(s).punches, KITH_PUNCH_OFFERS - 2);
	s->view.used = false;
	run_until(s, start + 600 * S);
	assert_int_equal(look(s).punches, 0);
	assert_int_equal(s->punch.next_at, KITH_TIME_NEVER);
	side_free(s);
}

static void an_answer_starts_openers_and_then_the_schedule(void **state)
{
	(void)state;
	for (uint8_t hops = 0; hops < 4; hops += 3) {
		struct side *s = side_new(true);
		offer(s, "20.0.0.1:5000", hops);
		(void)look(s);
		s->env.now += 80 * MS;
		hear_candidates(s, 1, peer, 1);
		struct sent out = look(s);
		assert_int_equal(out.openers + out.probes, 0); /* not before the round is agreed */
		hear_punch(s, 9, 1); /* another round: stale */
		assert_int_equal(look(s).openers, 0);
		kith_time_us start = s->env.now;
		hear_punch(s, 1, 1);
		out = look(s);
		assert_true(out.openers == 1 && out.probes == 0);
		assert_int_equal(out.ttl, hops == 0 ? KITH_PUNCH_TTL : hops + 1);
		static const unsigned ms[] = { 0, 20, 60, 140, 300, 600, 1000 };
		for (unsigned i = 0; i < 7; i++) {
			kith_time_us at = s->punch.next_at - start - KITH_PUNCH_LEAD_US;
			assert_in_range(at, ms[i] * MS * 9 / 10, ms[i] * MS * 11 / 10);
			run_until(s, s->punch.next_at);
			out = look(s);
			assert_true(out.probes == 1 && out.openers == 0);
		}
		assert_int_equal(s->punch.state, KITH_PUNCH_WAITING);
		side_free(s);
	}
}

static void the_responder_begins_half_a_round_trip_after_its_answer(void **state)
{
	(void)state;
	for (unsigned known = 0; known < 2; known++) {
		struct side *s = side_new(false);
		s->view.rtt_us = known ? 200 * MS : 0;
		offer(s, "30.0.0.2:6000", 2);
		static const char *const other[] = { "20.0.0.1:5000" };
		hear_candidates(s, 4, other, 1);
		assert_int_equal(look(s).candidates, 0); /* it never speaks first */
		kith_time_us start = s->env.now;
		hear_punch(s, 1, 3);
		assert_int_equal(look(s).candidates, 0); /* about candidates that did not arrive */
		hear_punch(s, 1, 4);
		struct sent out = look(s);
		assert_true(out.candidates == 1 && out.punches == 1 && out.round == 1 && out.openers == 1 &&
			    out.ttl == 3);
		assert_int_equal(s->punch.next_at - start, known ? 100 * MS : KITH_PUNCH_OWD_US);
		/* The same round again is answered, and changes nothing. */
		s->env.now += 250 * MS;
		kith_time_us next = s->punch.next_at;
		hear_punch(s, 1, 4);
		out = look(s);
		assert_true(out.candidates == 1 && out.openers == 0);
		assert_int_equal(s->punch.next_at, next);
		side_free(s);
	}
}

static void rounds_follow_with_growing_pauses_then_one_a_minute_while_used(void **state)
{
	(void)state;
	struct side *s = side_new(true);
	offer(s, "20.0.0.1:5000", 1);
	hear_candidates(s, 1, peer, 1);
	static const unsigned low[] = { 900, 1800, 3600, 54000, 54000 }, high[] = { 1100, 2200, 4400, 66000, 66000 };
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(s->punch.state, KITH_PUNCH_OFFERED);
		assert_int_equal(look(s).punches, 1);
		hear_punch(s, (uint8_t)(i + 1), 1);
		while (s->punch.state != KITH_PUNCH_PAUSED)
			run_until(s, s->punch.next_at);
		assert_in_range(s->punch.next_at - s->env.now, low[i] * MS, high[i] * MS);
		assert_int_equal(look(s).probes, 7);
		run_until(s, s->punch.next_at);
	}
	hear_punch(s, 6, 1);
	while (s->punch.state != KITH_PUNCH_PAUSED)
		run_until(s, s->punch.next_at);
	s->view.used = false;
	run_until(s, s->punch.next_at);
	assert_int_equal(s->punch.next_at, KITH_TIME_NEVER);
	side_free(s);
}

static void success_ends_it(void **state)
{
	(void)state;
	struct side *s = side_new(true);
	offer(s, "20.0.0.1:5000", 1);
	hear_candidates(s, 1, peer, 1);
	hear_punch(s, 1, 1);
	(void)look(s);
	struct kith_hop hop = { .transport = 1 };
	assert_int_equal(kith_addr_parse(&hop.remote, peer[0]), 0);
	struct kith_target *t = kith_punch_find(&s->punch, &hop);
	assert_non_null(t);
	run_until(s, s->punch.next_at);
	assert_int_equal(look(s).probes, 1);
	t->taken = true;
	s->view.direct = true;
	run_until(s, s->env.now + 600 * S);
	struct sent out = look(s);
	assert_int_equal(out.probes + out.candidates + out.punches, 0);
	assert_int_equal(s->punch.state, KITH_PUNCH_QUIET);
	/* It died: again. */
	s->view.direct = false;
	t->taken = false;
	kith_punch_again(&s->punch, &s->view);
	assert_int_equal(look(s).punches, 1);
	side_free(s);
}

static void a_hostile_peer_cannot_make_us_a_weapon(void **state)
{
	(void)state;
	struct side *s = side_new(false);
	offer(s, "30.0.0.2:6000", 2);
	(void)look(s);
	unsigned window = 0, one = 0;
	kith_time_us start = s->env.now;
	kith_punch_heard(&s->punch, MUCH); /* it pays for all that it can have */
	for (unsigned k = 0; s->env.now < start + 19 * S; k++) { /* new victims and rounds, as fast as we listen */
		static const char *const victims[] = { "50.0.0.1:5000", "50.0.0.2:5000", "50.0.0.3:5000",
						       "50.0.0.4:5000", "50.0.0.5:5000", "50.0.0.6:5000",
						       "50.0.0.7:5000", "50.0.0.8:5000" };
		hear_candidates(s, (uint8_t)(1 + k % 250), victims, k % 2 == 0 ? 8 : 1);
		hear_punch(s, (uint8_t)(1 + k % 250), (uint8_t)(1 + k % 250));
		run_until(s, s->env.now + 130 * MS);
		struct sent out = look(s);
		window += out.openers + out.probes;
		one += k % 2 == 1 ? out.openers + out.probes : 0;
	}
	assert_true(window <= KITH_PROBES_WINDOW);
	assert_true(one > 0);
	assert_true(s->stats.counter[KITH_STAT_PROBES_LIMITED] > 0);
	side_free(s);
}

/* It names eight addresses anew as often as we begin anew, and sends no more than that takes. */
static void what_goes_to_addresses_that_a_peer_named_is_paid_by_it(void **state)
{
	static const char *const victims[] = { "50.0.0.1:5000", "50.0.0.2:5000", "50.0.0.3:5000", "50.0.0.4:5000",
					       "50.0.0.5:5000", "50.0.0.6:5000", "50.0.0.7:5000", "50.0.0.8:5000" };
	(void)state;
	struct side *s = side_new(false);
	offer(s, "30.0.0.2:6000", 2);
	(void)look(s);
	size_t sent = 0, heard = KITH_UDP_PAYLOAD + 28;
	for (uint8_t k = 1; k < 60; k++) {
		hear_candidates(s, k, victims, 8);
		hear_punch(s, k, k);

		heard += KITH_PUNCH_PADDED + 28;
		run_until(s, s->env.now + KITH_PUNCH_RESTART_US);
		struct sent out = look(s);
		sent += (out.openers + out.probes) * (size_t)KITH_PROBE_COST;
		assert_true(sent <= heard);
	}
	assert_true(sent > heard - 2 * KITH_PROBE_COST); /* all that it paid for is used: the limit is what held */
	side_free(s);
}

static void one_address_gets_at_most_20_probes_in_a_round(void **state)
{
	(void)state;
	struct side *s = side_new(true);
	offer(s, "20.0.0.1:5000", 2);
	/* Named eight times, it is one target. */
	static const char *const same[] = { "50.0.0.1:5000", "50.0.0.1:5000", "50.0.0.1:5000", "50.0.0.1:5000",
					    "50.0.0.1:5000", "50.0.0.1:5000", "50.0.0.1:5000", "50.0.0.1:5000" };
	hear_candidates(s, 1, same, 8);
	(void)look(s);
	hear_punch(s, 1, 1);
	assert_int_equal(s->punch.n_targets, 1);
	while (s->punch.state == KITH_PUNCH_PROBING)
		run_until(s, s->punch.next_at);
	struct sent out = look(s);
	assert_in_range(out.openers + out.probes, 8, KITH_PROBES_PER_ADDRESS);
	side_free(s);
}

/* A dummy: the port after the one that is named, twice, without an opener; and somebody who is not the peer. */
static bool plan_next_port(const struct kith_punch_question *q, struct kith_plan *plan)
{
	plan->steps = 2;
	plan->at_us[1] = 500 * MS;
	plan->targets_n = 2;
	plan->targets[0] = plan->targets[1] = q->theirs->list[0];
	plan->targets[0].at.addr.port++;
	plan->targets[1].at.addr.ip[0] = 127;
	return true;
}

static void a_round_goes_as_its_strategy_says_within_the_limits(void **state)
{
	static const struct kith_strategy next_port = { "next port", plan_next_port };
	static const struct kith_strategy *const list[] = { &next_port, NULL };
	(void)state;
	struct side *s = side_new(true);
	s->view.strategies = list;
	offer(s, "20.0.0.1:5000", 3);
	hear_candidates(s, 1, peer, 1);
	(void)look(s);
	hear_punch(s, 1, 1);
	kith_time_us start = s->env.now;
	assert_int_equal(look(s).openers, 0);
	run_until(s, start + 100 * MS);
	struct sent out = look(s);
	assert_int_equal(out.probes, 1); /* a strategy makes nobody a target who may not be one */
	struct kith_addr named;
	assert_int_equal(kith_addr_parse(&named, peer[0]), 0);
	assert_int_equal(out.last.port, named.port + 1);
	run_until(s, start + 400 * MS);
	assert_int_equal(look(s).probes, 0);
	run_until(s, start + 600 * MS);
	assert_int_equal(look(s).probes, 1);
	assert_int_equal(s->punch.state, KITH_PUNCH_WAITING);
	side_free(s);
}

static void private_addresses_get_no_opener_and_refused_ones_nothing(void **state)
{
	(void)state;
	struct side *s = side_new(true);
	struct kith_candidate own[2] = {
		{ .at.kind = KITH_TRANSPORT_UDP, .kind = KITH_ADDR_HOST, .transport = 1 },
		{ .at.kind = KITH_TRANSPORT_UDP, .kind = KITH_ADDR_OBSERVED, .transport = 1 }
	};
	assert_int_equal(kith_addr_parse(&own[0].at.addr, "192.168.1.5:5000"), 0);
	assert_int_equal(kith_addr_parse(&own[1].at.addr, "20.0.0.1:5000"), 0);
	struct kith_natclass nat = { .hops = 1 };
	kith_punch_offer(&s->punch, &s->view, own, 2, &nat);
	static const char *const theirs[] = { "192.168.1.6:6000", "10.1.1.1:6000", "127.0.0.1:6000", "30.0.0.2:53" };
	hear_candidates(s, 1, theirs, 4);
	(void)look(s);
	hear_punch(s, 1, 1);
	assert_int_equal(s->punch.n_targets, 1);
	assert_int_equal(look(s).openers, 0);
	run_until(s, s->punch.next_at);
	struct sent out = look(s);
	assert_int_equal(out.probes, 1);
	assert_int_equal(out.last.ip[3], 6);
	assert_int_equal(s->stats.counter[KITH_STAT_CANDIDATES_REFUSED], 3);
	side_free(s);
}

static void without_leave_nothing_is_named(void **state)
{
	(void)state;
	static const char *const other[] = { "20.0.0.1:5000" };
	for (unsigned consent = 0; consent < 2; consent++) {
		struct side *s = side_new(false);
		s->view.allowed = false;
		s->view.consent = consent; /* and yet not allowed: relay-only */
		offer(s, "30.0.0.2:6000", 1);
		hear_candidates(s, 1, other, 1);
		hear_punch(s, 1, 1);
		struct sent out = look(s);
		assert_int_equal(out.candidates, consent); /* "none": so that the other stops asking */
		assert_int_equal(out.n_candidates, 0);
		assert_int_equal(out.openers + out.probes, 0);
		run_until(s, s->env.now + 60 * S);
		assert_int_equal(look(s).probes, 0);
		s->view.allowed = s->view.consent = true;
		kith_punch_again(&s->punch, &s->view); /* consent came late: the round that waits is answered */
		out = look(s);
		assert_int_equal(out.n_candidates, consent ? 0 : 1);
		assert_int_equal(out.openers, consent ? 0 : 1);
		side_free(s);
	}
	struct side *s = side_new(true);
	s->view.allowed = false;
	offer(s, "20.0.0.1:5000", 1);
	run_until(s, s->env.now + 60 * S);
	assert_int_equal(look(s).candidates, 0);
	side_free(s);
}

static void the_initiator_stops_when_there_is_nothing_to_probe(void **state)
{
	(void)state;
	struct side *s = side_new(true);
	offer(s, "20.0.0.1:5000", 1);
	hear_candidates(s, 0, NULL, 0);
	hear_punch(s, 1, 0);
	assert_int_equal(s->punch.state, KITH_PUNCH_QUIET);
	assert_int_equal(s->punch.next_at, KITH_TIME_NEVER);
	side_free(s);
}

static void new_candidates_of_the_responder_are_told_and_start_a_round(void **state)
{
	(void)state;
	struct side *s = side_new(false);
	static const char *const other[] = { "20.0.0.1:5000" };
	offer(s, "30.0.0.2:6000", 1);
	hear_candidates(s, 1, other, 1);
	hear_punch(s, 1, 1);
	run_until(s, s->env.now + 10 * S);
	(void)look(s);
	offer(s, "30.0.0.2:6000", 1); /* the same: nothing */
	assert_int_equal(look(s).candidates, 0);
	offer(s, "31.0.0.2:6000", 1);
	struct sent out = look(s);
	assert_true(out.candidates == 1 && out.punches == 0);
	run_until(s, s->env.now + 60 * S);
	assert_int_equal(look(s).candidates, KITH_PUNCH_OFFERS / 2 - 1);
	side_free(s);
	s = side_new(true);
	offer(s, "20.0.0.1:5000", 1);
	hear_candidates(s, 1, peer, 1);
	hear_punch(s, 1, 1);
	run_until(s, s->env.now + 1400 * MS);
	(void)look(s);
	static const char *const moved[] = { "31.0.0.2:6000" };
	s->env.now += KITH_PUNCH_RESTART_US;
	hear_candidates(s, 2, moved, 1);
	out = look(s);
	assert_true(out.punches == 1 && out.round == 2);
	hear_candidates(s, 3, peer, 1); /* at once again: not another round */
	assert_int_equal(look(s).punches, 0);
	side_free(s);
}

static void candidates_that_changed_during_a_direct_path_are_told_when_it_has_died(void **state)
{
	(void)state;
	struct side *s = side_new(false);
	static const char *const other[] = { "20.0.0.1:5000" };
	offer(s, "30.0.0.2:6000", 1);
	hear_candidates(s, 1, other, 1);
	hear_punch(s, 1, 1);
	run_until(s, s->env.now + 10 * S);
	(void)look(s);
	s->view.direct = true;
	offer(s, "31.0.0.2:6000", 1);
	assert_int_equal(look(s).candidates, 0);
	s->view.direct = false;
	kith_punch_again(&s->punch, &s->view);
	assert_int_equal(look(s).candidates, 1);
	run_until(s, s->env.now + 60 * S);
	(void)look(s);
	kith_punch_again(&s->punch, &s->view); /* nothing is new to the initiator */
	assert_int_equal(look(s).candidates, 0);
	side_free(s);
}

static void hear_prediction(struct side *s, uint8_t generation, const char *next)
{
	const struct kith_natclass nat = { .mapping = KITH_NATCLASS_MAPPING_PORT,
					   .allocation = KITH_NATCLASS_ALLOCATION_STEP,
					   .step = 1 };
	hear_class(s, generation, &nat, "30.0.0.2:6000", next);
}

static void ports_that_are_guessed_get_no_more_probes_together_than_one_address(void **state)
{
	(void)state;
	for (unsigned steps = 0; steps < 2; steps++) { /* our own ports, too: openers as well */
		struct side *s = side_new(true);
		offer(s, "20.0.0.1:5000", 0);
		if (steps == 1) {
			s->punch.ours.nat.mapping = KITH_NATCLASS_MAPPING_PORT;
			s->punch.ours.nat.allocation = KITH_NATCLASS_ALLOCATION_STEP;
			s->punch.ours.nat.step = 1;
		}
		hear_prediction(s, 1, "30.0.0.2:6100");
		kith_punch_heard(&s->punch, MUCH);
		(void)look(s);
		hear_punch(s, 1, 1);
		struct sent out = look(s);
		assert_int_equal(out.openers, steps == 1 ? KITH_PLAN_GUESSES + 1 : 1);
		unsigned sent = out.openers;
		while (s->punch.state == KITH_PUNCH_PROBING) {
			run_until(s, s->punch.next_at);
			sent += look(s).probes;
		}
		assert_int_equal(sent, KITH_PROBES_PER_ADDRESS + 1 + KITH_PATH_STEPS); /* and where it is seen */
		assert_int_equal(s->punch.guessed, KITH_PROBES_PER_ADDRESS);
		side_free(s);
	}
}

/* Our own ports are in steps, and that one is the next. */
static void offer_steps(struct side *s, const char *next)
{
	const struct kith_natclass nat = { .mapping = KITH_NATCLASS_MAPPING_PORT,
					   .allocation = KITH_NATCLASS_ALLOCATION_STEP,
					   .step = 1 };
	struct kith_candidate list[2] = { { .kind = KITH_ADDR_OBSERVED, .transport = 1 },
					  { .kind = KITH_ADDR_PREDICTED, .transport = 1 } };
	for (unsigned i = 0; i < 2; i++) {
		list[i].at.kind = KITH_TRANSPORT_UDP;
		assert_int_equal(kith_addr_parse(&list[i].at.addr, i == 0 ? "20.0.0.1:5000" : next), 0);
	}
	kith_punch_offer(&s->punch, &s->view, list, 2, &nat);
}

static void what_is_foretold_is_named_anew_before_each_round(void **state)
{
	(void)state;
	for (unsigned named = 0; named < 2; named++) { /* by the owner, or nothing new was found out */
		struct side *s = side_new(true);
		offer_steps(s, "20.0.0.1:5001");
		hear_candidates(s, 1, peer, 1);
		assert_int_equal(look(s).punches, 1);
		hear_punch(s, 1, 1);
		while (s->punch.state != KITH_PUNCH_PAUSED)
			run_until(s, s->punch.next_at);
		s->punch.wants = 0;
		run_until(s, s->punch.next_at);
		assert_true((s->punch.wants & KITH_PUNCH_WANT_OFFER) != 0);
		assert_int_equal(look(s).punches, 0);
		if (named)
			offer_steps(s, "20.0.0.1:5031");
		else
			run_until(s, s->env.now + KITH_PUNCH_RENEW_US);
		const struct sent out = look(s);
		assert_true(out.punches == 1 && out.round == 2 && out.generation == 1 + named);
		assert_int_equal(s->punch.rounds, 1); /* it is no reason to begin with the first round again */
		side_free(s);
	}
}

static void who_answers_a_round_names_anew_what_is_foretold(void **state)
{
	(void)state;
	for (unsigned other = 0; other < 2; other++) { /* another port, or still the same */
		struct side *s = side_new(false);
		offer_steps(s, "20.0.0.1:5001");
		hear_candidates(s, 4, peer, 1);
		for (unsigned i = 0; i < 2; i++) { /* again: it waits still */
			s->punch.wants = 0;
			hear_punch(s, 1, 4);
			assert_int_equal((s->punch.wants & KITH_PUNCH_WANT_OFFER) != 0, i == 0);
			assert_int_equal(look(s).punches, 0);
			s->env.now += 250 * MS;
		}
		offer_steps(s, other ? "20.0.0.1:5002" : "20.0.0.1:5001");
		const struct sent out = look(s);
		assert_true(out.punches == 1 && out.round == 1 && out.generation == 1 + other && out.openers > 0);
		s->env.now += 250 * MS;
		hear_punch(s, 1, 4); /* it was lost: answered as it was */
		assert_int_equal(look(s).openers, 0);
		assert_int_equal(s->punch.wants & KITH_PUNCH_WANT_OFFER, 0);
		side_free(s);
	}
}

static void a_peer_that_predicts_anew_all_the_time_gains_nothing(void **state)
{
	(void)state;
	struct side *s = side_new(true);
	unsigned sent = 0;
	kith_time_us end = s->env.now + KITH_PROBES_WINDOW_US;
	offer(s, "20.0.0.1:5000", 0);
	kith_punch_heard(&s->punch, MUCH);
	for (uint8_t i = 1; s->env.now < end && i < UINT8_MAX; i++) {
		char next[32];
		(void)snprintf(next, sizeof next, "30.0.0.2:%u", 6000u + 20u * i);
		hear_prediction(s, i, next);
		hear_punch(s, s->punch.round, i);
		run_until(s, s->env.now + 100 * MS);
		struct sent out = look(s);
		sent += out.openers + out.probes;
	}
	assert_in_range(sent, KITH_PROBES_PER_ADDRESS, KITH_PROBES_WINDOW);
	side_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_initiator_repeats_its_offer_until_answered_and_gives_up),
		cmocka_unit_test(an_answer_starts_openers_and_then_the_schedule),
		cmocka_unit_test(the_responder_begins_half_a_round_trip_after_its_answer),
		cmocka_unit_test(rounds_follow_with_growing_pauses_then_one_a_minute_while_used),
		cmocka_unit_test(success_ends_it),
		cmocka_unit_test(a_hostile_peer_cannot_make_us_a_weapon),
		cmocka_unit_test(what_goes_to_addresses_that_a_peer_named_is_paid_by_it),
		cmocka_unit_test(one_address_gets_at_most_20_probes_in_a_round),
		cmocka_unit_test(a_round_goes_as_its_strategy_says_within_the_limits),
		cmocka_unit_test(private_addresses_get_no_opener_and_refused_ones_nothing),
		cmocka_unit_test(without_leave_nothing_is_named),
		cmocka_unit_test(the_initiator_stops_when_there_is_nothing_to_probe),
		cmocka_unit_test(new_candidates_of_the_responder_are_told_and_start_a_round),
		cmocka_unit_test(candidates_that_changed_during_a_direct_path_are_told_when_it_has_died),
		cmocka_unit_test(ports_that_are_guessed_get_no_more_probes_together_than_one_address),
		cmocka_unit_test(what_is_foretold_is_named_anew_before_each_round),
		cmocka_unit_test(who_answers_a_round_names_anew_what_is_foretold),
		cmocka_unit_test(a_peer_that_predicts_anew_all_the_time_gains_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
