#include "support.h"

#include "path/punch.h"
#include "path/transports.h"

#define MS ((kith_time_us)1000)
#define S ((kith_time_us)1000000)

enum { MUCH = 100000 }; /* bytes heard, that pay for more than any limit allows */

struct side {
	struct kith_punch punch;
	struct kith_punch_view view;
	struct kith_path_env env;
	struct kith_outbox outbox;
	struct kith_journal *journal;
	struct test_alloc alloc;
	struct test_random random;
	struct kith_stats stats;
};

static bool adopt_none(struct kith_pathset *ps, const struct kith_hop *hop)
{
	(void)ps;
	(void)hop;
	return false;
}

static struct kith_transport_kept sockets[] = {
	{ .id = 1, .kind = KITH_TRANSPORT_UDP, .family = KITH_FAMILY_V4, .up = true },
	{ .id = 2, .kind = KITH_TRANSPORT_UDP, .family = KITH_FAMILY_V6, .up = true },
};
static const struct kith_transports all = { .at = sockets, .n = 2, .cap = 2 };

static struct side *side_new(bool initiator)
{
	struct side *s = calloc(1, sizeof *s);
	assert_non_null(s);
	test_alloc_init(&s->alloc);
	test_random_init(&s->random, 7);
	assert_int_equal(kith_outbox_init(&s->outbox, &s->alloc.alloc, 300), 0);
	kith_outbox_claim(&s->outbox, s, &s->stats);
	s->env = (struct kith_path_env){ .now = 1000 * S,
					 .outbox = &s->outbox,
					 .random = &s->random.random,
					 .alloc = &s->alloc.alloc,
					 .stats = &s->stats,
					 .transports = &all };
	s->view = (struct kith_punch_view){ .env = &s->env,
					    .journal = &s->journal,
					    .initiator = initiator,
					    .allowed = true,
					    .consent = true,
					    .used = true,
					    .adopt = adopt_none };
	kith_punch_init(&s->punch, KITH_UDP_PAYLOAD);
	return s;
}

static void side_free(struct side *s)
{
	kith_journal_free(&s->journal, &s->alloc.alloc);
	kith_outbox_deinit(&s->outbox);
	test_alloc_check(&s->alloc);
	free(s);
}

/* What left since the last look. */
struct sent {
	unsigned candidates, punches, openers, probes;
	unsigned n_candidates; /* in the last CANDIDATES */
	uint8_t round, generation, ttl;
	struct kith_addr last;
};

static struct sent look(struct side *s)
{
	struct sent out = { 0 };
	struct kith_open_packet *p;
	while ((p = kith_outbox_next_open(&s->outbox)) != NULL) {
		struct kith_reader r = kith_reader_of(p->frames, p->len);
		struct kith_frame f;
		while (kith_frame_next(&r, &f)) {
			struct kith_candidates cs;
			if (f.type == KITH_FRAME_CANDIDATES) {
				assert_false(p->pinned);
				assert_int_equal(kith_candidates_read(&cs, f.body), 0);
				out.candidates++;
				out.n_candidates = cs.n;
			} else if (f.type == KITH_FRAME_PUNCH) {
				out.punches++;
				out.round = f.body.p[0];
				out.generation = f.body.p[1];
			} else {
				assert_int_equal(f.type, KITH_FRAME_PROBE);
				assert_true(p->pinned && p->hop.tunnel == 0);
				assert_int_equal(f.body.len, KITH_PROBE_PADDED);
				out.probes += p->ttl == 0;
				out.openers += p->ttl != 0;
				if (p->ttl != 0)
					out.ttl = p->ttl;
				out.last = p->hop.remote;
			}
		}
	}
	struct kith_packet none;
	assert_int_equal(kith_outbox_poll(&s->outbox, &none, 1), 0);
	return out;
}

static void offer(struct side *s, const char *addr, uint8_t hops)
{
	struct kith_candidate c = { .kind = KITH_ADDR_OBSERVED, .transport = 1 };
	c.at.kind = KITH_TRANSPORT_UDP;
	assert_int_equal(kith_addr_parse(&c.at.addr, addr), 0);
	struct kith_natclass nat = { .hops = hops };
	kith_punch_offer(&s->punch, &s->view, &c, 1, &nat);
}

static void hear_candidates(struct side *s, uint8_t generation, const char *const addrs[], unsigned n)
{
	struct kith_candidates cs = { .generation = generation, .n = (uint8_t)n };
	uint8_t buf[KITH_CANDIDATES_BODY_MAX];
	for (unsigned i = 0; i < n; i++) {
		cs.list[i].kind = KITH_ADDR_OBSERVED;
		cs.list[i].at.kind = KITH_TRANSPORT_UDP;
		assert_int_equal(kith_addr_parse(&cs.list[i].at.addr, addrs[i]), 0);
	}
	struct kith_writer w = kith_writer_of(buf, sizeof buf);
	kith_candidates_write(&w, &cs);
	const struct kith_candidates *known = &s->punch.theirs;
	int others = known->n > 0 && (known->generation != generation || known->n != n);
	assert_int_equal(kith_punch_on_candidates(&s->punch, &s->view, test_span(buf, kith_writer_len(&w))), others);
}

static void hear_punch(struct side *s, uint8_t round, uint8_t generation)
{
	kith_punch_heard(&s->punch, KITH_PUNCH_PADDED);
	uint8_t body[2] = { round, generation };
	assert_int_equal(kith_punch_on_punch(&s->punch, &s->view, test_span(body, 2)), 0);
}

static void run_until(struct side *s, kith_time_us at)
{
	while (s->punch.next_at <= at) {
		kith_time_us before = s->punch.next_at;
		if (before > s->env.now)
			s->env.now = before;
		kith_punch_tick(&s->punch, &s->view);
		assert_true(s->punch.next_at > s->env.now);
	}
	s->env.now = at;
}

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

/* A peer of that class, seen at one address, which predicts another if next is not NULL. */
static void hear_class(struct side *s, uint8_t generation, const struct kith_natclass *nat, const char *seen,
		       const char *next)
{
	struct kith_candidates cs = { .generation = generation, .n = next != NULL ? 2 : 1, .nat = *nat };
	uint8_t buf[KITH_CANDIDATES_BODY_MAX];
	for (unsigned i = 0; i < cs.n; i++) {
		cs.list[i].kind = i == 0 ? KITH_ADDR_OBSERVED : KITH_ADDR_PREDICTED;
		cs.list[i].at.kind = KITH_TRANSPORT_UDP;
		assert_int_equal(kith_addr_parse(&cs.list[i].at.addr, i == 0 ? seen : next), 0);
	}
	struct kith_writer w = kith_writer_of(buf, sizeof buf);
	kith_candidates_write(&w, &cs);
	assert_true(kith_punch_on_candidates(&s->punch, &s->view, test_span(buf, kith_writer_len(&w))) >= 0);
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

static void hear_block(struct side *s, uint8_t generation, uint16_t low, uint16_t high)
{
	const struct kith_natclass nat = { .mapping = KITH_NATCLASS_MAPPING_PORT,
					   .allocation = KITH_NATCLASS_ALLOCATION_BLOCK,
					   .port_low = low,
					   .port_high = high };
	hear_class(s, generation, &nat, "30.0.0.2:6000", NULL);
}

static void attest(struct side *s, const char *at)
{
	struct kith_addr addr;
	assert_int_equal(kith_addr_parse(&addr, at), 0);
	kith_punch_attested(&s->punch, &s->view, &addr);
}

static struct side *against_block(uint16_t low, uint16_t high)
{
	struct side *s = side_new(true);
	offer(s, "20.0.0.1:5000", 0);
	s->punch.ours.nat.mapping = KITH_NATCLASS_MAPPING_INDEPENDENT;
	hear_block(s, 1, low, high);
	(void)look(s);
	hear_punch(s, 1, 1);
	return s;
}

/* Runs for so long; how many probes left, and of those how many went to each port but 6000, at most *most. */
static unsigned count_ports(struct side *s, kith_time_us us, unsigned *most)
{
	static unsigned at[UINT16_MAX + 1];
	kith_time_us end = s->env.now + us;
	unsigned n = 0;
	memset(at, 0, sizeof at);
	*most = 0;
	while (s->env.now < end) {
		kith_time_us next = kith_punch_deadline(&s->punch);
		s->env.now = next < end ? (next > s->env.now ? next : s->env.now) : end;
		kith_punch_tick(&s->punch, &s->view);
		struct sent out = look(s);
		if (out.probes == 0 || out.last.port == 6000)
			continue;
		assert_int_equal(out.probes, 1);
		at[out.last.port]++;
		*most = at[out.last.port] > *most ? at[out.last.port] : *most;
		n++;
	}
	return n;
}

static void a_range_is_tried_once_a_port_where_a_relay_says_that_the_peer_is(void **state)
{
	(void)state;
	struct side *s = against_block(9000, 9100);
	unsigned most;
	attest(s, "30.0.0.2:1");
	assert_in_range(count_ports(s, S, &most), 190, 210); /* 200 a second */
	assert_int_equal(most, 1);
	(void)count_ports(s, 4 * S, &most);
	assert_int_equal(s->punch.range_sent, 512); /* the aligned block of both */
	side_free(s);
}

static void no_range_is_tried_at_an_address_that_no_relay_names(void **state)
{
	(void)state;
	unsigned most;
	struct side *s = against_block(9000, 9100); /* the peer names a victim: 30.0.0.2 */
	assert_int_equal(count_ports(s, 5 * S, &most), 0);
	attest(s, "30.0.0.3:6000"); /* where the peer is */
	assert_int_equal(count_ports(s, 5 * S, &most), 0);
	side_free(s);
	s = against_block(9000, 9100);
	s->view.allowed = false; /* not accepted, or relay-only by now */
	attest(s, "30.0.0.2:6000");
	assert_int_equal(count_ports(s, 5 * S, &most), 0);
	side_free(s);
	s = against_block(9000, 9100);
	attest(s, "30.0.0.2:6000");
	assert_true(count_ports(s, S / 2, &most) > 0);
	attest(s, "30.0.0.9:6000"); /* it has moved: whoever is there now is spared */
	assert_int_equal(count_ports(s, 5 * S, &most), 0);
	side_free(s);
}

static void a_range_ends_with_a_direct_path_and_begins_at_most_every_20_s(void **state)
{
	(void)state;
	unsigned most, sum = 0;
	struct side *s = against_block(9000, 9100);
	attest(s, "30.0.0.2:6000");
	assert_true(count_ports(s, S / 2, &most) > 0);
	s->view.direct = true;
	(void)count_ports(s, KITH_PROBES_RANGE_PACE_US, &most);
	assert_int_equal(count_ports(s, 5 * S, &most), 0);
	side_free(s);
	s = against_block(10240, 12287); /* new lists, rounds and words of the relay all the time */
	for (uint8_t i = 2; i < 150; i++) {
		attest(s, "30.0.0.2:6000");
		hear_block(s, i, (uint16_t)(10240 + 2048 * (i % 4)), (uint16_t)(12287 + 2048 * (i % 4)));
		hear_punch(s, s->punch.round, i);
		sum += count_ports(s, 19 * S / 150, &most);
	}
	assert_in_range(sum, 1, KITH_PROBES_RANGE);
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
		cmocka_unit_test(a_peer_that_predicts_anew_all_the_time_gains_nothing),
		cmocka_unit_test(a_range_is_tried_once_a_port_where_a_relay_says_that_the_peer_is),
		cmocka_unit_test(no_range_is_tried_at_an_address_that_no_relay_names),
		cmocka_unit_test(a_range_ends_with_a_direct_path_and_begins_at_most_every_20_s),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
