/* Connections to addresses that a peer names: which, when, and how often at most. */
#include "punch_side.h"

static struct kith_transport_kept with_tcp[] = {
	{ .id = 1, .kind = KITH_TRANSPORT_UDP, .family = KITH_FAMILY_V4, .up = true },
	{ .id = 2,
	  .kind = KITH_TRANSPORT_TCP,
	  .family = KITH_FAMILY_V4,
	  .purpose = KITH_PURPOSE_OUT,
	  .cost_ms = 30,
	  .up = true },
};
static const struct kith_transports both = { .at = with_tcp, .n = 2, .cap = 2 };
static const struct kith_transports deaf = { .at = with_tcp, .n = 2, .cap = 2, .mute = 1u << 1 };

static struct side *tcp_side(bool initiator)
{
	struct side *s = side_new(initiator);
	s->env.transports = &both;
	s->view.rtt_us = 100 * MS;
	return s;
}

/* The peer is at one address of UDP (NULL: at none), and takes connections at these. */
static void hear(struct side *s, uint8_t generation, const char *udp, const char *const tcp[], unsigned n)
{
	struct kith_candidates cs = { .generation = generation };
	uint8_t buf[KITH_CANDIDATES_BODY_MAX];
	for (unsigned i = udp != NULL ? 0 : 1; i <= n; i++) {
		struct kith_candidate *c = &cs.list[cs.n++];
		c->kind = i == 0 ? KITH_ADDR_OBSERVED : KITH_ADDR_MAPPED;
		c->at.kind = i == 0 ? KITH_TRANSPORT_UDP : KITH_TRANSPORT_TCP;
		assert_int_equal(kith_addr_parse(&c->at.addr, i == 0 ? udp : tcp[i - 1]), 0);
	}
	struct kith_writer w = kith_writer_of(buf, sizeof buf);
	kith_candidates_write(&w, &cs);
	assert_true(kith_punch_on_candidates(&s->punch, &s->view, test_span(buf, kith_writer_len(&w))) >= 0);
}

/* Packets over connections that leave until then, and where the last one went. */
static unsigned connects(struct side *s, kith_time_us until, struct kith_addr *last)
{
	unsigned n = 0;
	while (kith_punch_deadline(&s->punch) <= until) {
		if (kith_punch_deadline(&s->punch) > s->env.now)
			s->env.now = kith_punch_deadline(&s->punch);
		kith_punch_tick(&s->punch, &s->view);
		struct kith_open_packet *p;
		while ((p = kith_outbox_next_open(&s->outbox)) != NULL) {
			const bool tcp = p->pinned && p->hop.transport != 1; /* whatever is wrong with it */
			n += tcp;
			if (tcp && last != NULL)
				*last = p->hop.remote;
		}
		struct kith_packet none;
		assert_int_equal(kith_outbox_poll(&s->outbox, &none, 1), 0);
	}
	s->env.now = until;
	return n;
}

static const char *const one[] = { "30.0.0.2:6000" };

/* A round that is under way, in which the peer has said where it is. */
static struct side *under_way(const char *udp, const char *const tcp[], unsigned n)
{
	struct side *s = tcp_side(true);
	kith_punch_heard(&s->punch, MUCH);
	offer(s, "20.0.0.1:5000", 1);
	hear(s, 1, udp, tcp, n);
	hear_punch(s, 1, 1);
	(void)look(s);
	return s;
}

static void udp_has_its_time_first_and_then_one_probe_goes_over_a_connection(void **state)
{
	(void)state;
	struct kith_addr at;
	struct side *s = under_way("30.0.0.2:5000", one, 1);
	const kith_time_us start = s->env.now;
	assert_int_equal(connects(s, start + KITH_CONNECT_LATER_US, NULL), 0);
	assert_int_equal(s->punch.wants & KITH_PUNCH_WANT_LISTENER, 0);
	assert_int_equal(connects(s, start + KITH_CONNECT_LATER_US + 100 * MS, &at), 1);
	assert_int_equal(at.port, 6000);
	assert_true(s->punch.wants & KITH_PUNCH_WANT_LISTENER); /* the other way round may be the one that works */
	assert_int_equal(connects(s, start + 10 * S, NULL), 0);
	side_free(s);
}

static void where_udp_is_hopeless_it_is_tried_soon(void **state)
{
	(void)state;
	for (int ours = 0; ours < 2; ours++) {
		struct side *s = tcp_side(true);
		s->env.transports = ours ? &deaf : &both;
		offer(s, "20.0.0.1:5000", 1);
		hear(s, 1, ours ? "30.0.0.2:5000" : NULL, one, 1);
		hear_punch(s, 1, 1);
		(void)look(s);
		assert_true(s->punch.wants & KITH_PUNCH_WANT_LISTENER); /* at once */
		assert_int_equal(connects(s, s->env.now + KITH_CONNECT_SOON_US + MS, NULL), 1);
		side_free(s);
	}
}

/* An address that only this machine, or this network, reaches is none that strangers reach, and the best for UDP. */
static void who_is_beside_us_is_given_the_time_of_a_round(void **state)
{
	(void)state;
	struct side *s = tcp_side(true);
	s->env.transports = &both;
	offer(s, "20.0.0.1:5000", 1);
	hear(s, 1, "127.0.0.1:5000", one, 1);
	hear_punch(s, 1, 1);
	(void)look(s);
	const kith_time_us start = s->env.now;
	assert_int_equal(connects(s, start + KITH_CONNECT_SOON_US + MS, NULL), 0);
	assert_int_equal(connects(s, start + KITH_CONNECT_LATER_US + S, NULL), 1);
	side_free(s);
}

static void a_direct_path_over_udp_by_then_makes_it_needless(void **state)
{
	(void)state;
	struct side *s = under_way("30.0.0.2:5000", one, 1);
	s->view.direct = true;
	assert_int_equal(connects(s, s->env.now + 60 * S, NULL), 0);
	assert_int_equal(s->punch.wants & KITH_PUNCH_WANT_LISTENER, 0);
	side_free(s);
}

/* One over a connection does not end the rounds: UDP takes its place when it gets through. */
static void over_a_connection_udp_is_tried_on(void **state)
{
	(void)state;
	struct side *s = under_way("30.0.0.2:5000", one, 1);
	assert_int_equal(connects(s, s->env.now + 2 * S, NULL), 1);
	s->view.connected = true;
	const uint8_t round = s->punch.round;
	for (int i = 0; i < 40 && s->punch.round == round; i++)
		assert_int_equal(connects(s, s->env.now + S, NULL), 0);
	assert_int_not_equal(s->punch.round, round);
	side_free(s);
}

static void without_consent_or_when_hiding_nobody_is_connected_to(void **state)
{
	(void)state;
	struct side *s = tcp_side(true);
	s->view.allowed = s->view.consent = false;
	hear(s, 1, NULL, one, 1);
	hear_punch(s, 1, 1);
	assert_int_equal(connects(s, s->env.now + 60 * S, NULL), 0);
	assert_int_equal(s->punch.wants, 0);
	side_free(s);
	s = under_way("30.0.0.2:5000", one, 1);
	s->view.allowed = false; /* the contact became relay-only meanwhile */
	assert_int_equal(connects(s, s->env.now + 60 * S, NULL), 0);
	assert_int_equal(s->punch.wants & KITH_PUNCH_WANT_LISTENER, 0);
	side_free(s);
}

static void addresses_that_are_not_probed_are_not_connected_to(void **state)
{
	(void)state;
	static const char *const bad[] = { "127.0.0.1:6000",   "224.0.0.1:6000", "30.0.0.2:22", "10.1.2.3:6000",
					   "169.254.1.1:6000", "0.0.0.0:6000",	 "30.0.0.2:80", "20.0.0.1:5000" };
	static const char *const https[] = { "30.0.0.2:443" };
	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct side *s = under_way(NULL, &bad[i], 1);
		assert_int_equal(connects(s, s->env.now + 60 * S, NULL), 0);
		side_free(s);
	}
	struct side *s = under_way(NULL, https, 1);
	assert_int_equal(connects(s, s->env.now + S, NULL), 1);
	side_free(s);
}

static void one_address_gets_one_in_20_s_three_times_then_none_for_300_s(void **state)
{
	(void)state;
	struct side *s = under_way(NULL, one, 1);
	const kith_time_us start = s->env.now;
	unsigned n = 0;
	/* Named again and again, with another list each time. */
	for (uint8_t g = 2; g < 200; g++) {
		const kith_time_us begun = s->env.now;
		unsigned now;
		kith_punch_heard(&s->punch, MUCH);
		hear(s, g, NULL, one, 1);
		hear(s, g, "30.0.0.2:5000", one, 1);
		now = connects(s, begun + 2 * S, NULL);
		n += now;
		assert_true(n <= 1 + (s->env.now - start) / KITH_CONNECT_AGAIN_US);
		if (s->env.now - start < KITH_CONNECT_REST_US)
			assert_true(n <= KITH_CONNECT_TRIES);
	}
	assert_true(n > KITH_CONNECT_TRIES); /* after the rest */
	side_free(s);
}

static void other_addresses_all_the_time_are_four_in_20_s(void **state)
{
	(void)state;
	char text[8][32];
	const char *names[8];
	struct side *s = under_way(NULL, one, 1);
	const kith_time_us start = s->env.now;
	unsigned n = 0;
	for (unsigned g = 2; g < 100; g++) {
		for (unsigned i = 0; i < 7; i++) {
			snprintf(text[i], sizeof text[i], "30.0.%u.%u:6000", g, i);
			names[i] = text[i];
		}
		kith_punch_heard(&s->punch, MUCH);
		hear(s, (uint8_t)g, NULL, names, 7);
		n += connects(s, s->env.now + S, NULL);
		assert_true(n <= KITH_CONNECT_ADDRESSES * (1 + (s->env.now - start) / KITH_CONNECT_AGAIN_US));
	}
	assert_true(n >= 4 * KITH_CONNECT_ADDRESSES);
	side_free(s);
}

/* What came from the peer pays for what goes where it says: a SYN goes out again and again. */
static void a_connection_is_paid_for(void **state)
{
	(void)state;
	struct side *s = under_way(NULL, one, 1);
	s->punch.credit_bytes = KITH_CONNECT_COST - 1;
	assert_int_equal(connects(s, s->env.now + S, NULL), 0);
	side_free(s);
	s = under_way(NULL, one, 1);
	s->punch.credit_bytes = KITH_CONNECT_COST + 1;
	assert_int_equal(connects(s, s->env.now + S, NULL), 1);
	assert_true(s->punch.credit_bytes <= 1);
	side_free(s);
}

/* Probes leave what the connection needs. */
static void probes_do_not_starve_it(void **state)
{
	(void)state;
	struct side *s = under_way("30.0.0.2:5000", one, 1);
	s->punch.credit_bytes = KITH_CONNECT_COST + 2 * KITH_PROBE_COST;
	assert_int_equal(connects(s, s->env.now + 2 * S, NULL), 1);
	side_free(s);
}

/* All sessions of a node together make four in a second. */
static void sessions_take_turns(void **state)
{
	(void)state;
	struct kith_paces turn = { 0, 0 };
	struct side *s[2] = { under_way(NULL, one, 1), under_way(NULL, one, 1) };
	s[0]->env.paces = s[1]->env.paces = &turn;
	assert_int_equal(connects(s[0], s[0]->env.now + KITH_CONNECT_SOON_US + MS, NULL), 1);
	assert_int_equal(connects(s[1], s[1]->env.now + KITH_CONNECT_SOON_US + MS, NULL), 0);
	assert_int_equal(connects(s[1], turn.connect_at, NULL), 1);
	for (int i = 0; i < 2; i++)
		side_free(s[i]);
}

/* A peer that hides among candidates of UDP what would make ranges of ports connections. */
static void no_range_of_ports_is_tried_by_connections(void **state)
{
	(void)state;
	struct kith_candidates theirs = { .n = 1 }, ours = { .n = 0 };
	struct kith_plan plan;
	theirs.nat = (struct kith_natclass){ .mapping = KITH_NATCLASS_MAPPING_PORT,
					     .allocation = KITH_NATCLASS_ALLOCATION_RANDOM,
					     .port_low = 2000,
					     .port_high = 60000 };
	ours.nat.mapping = KITH_NATCLASS_MAPPING_INDEPENDENT;
	theirs.list[0].kind = KITH_ADDR_OBSERVED;
	theirs.list[0].at.kind = KITH_TRANSPORT_UDP;
	assert_int_equal(kith_addr_parse(&theirs.list[0].at.addr, "30.0.0.2:6000"), 0);
	const struct kith_punch_question q = { &ours, &theirs, 1, 0, KITH_SPREAD_SOCKETS, true };
	memset(&plan, 0, sizeof plan);
	assert_true(kith_punch_birthday.plan(&q, &plan));
	theirs.list[0].at.kind = KITH_TRANSPORT_TCP;
	memset(&plan, 0, sizeof plan);
	assert_false(kith_punch_birthday.plan(&q, &plan));
	theirs.nat.allocation = KITH_NATCLASS_ALLOCATION_STEP;
	theirs.nat.step = 1;
	theirs.n = 2;
	theirs.list[1] = theirs.list[0];
	theirs.list[0].at.kind = KITH_TRANSPORT_UDP;
	theirs.list[1].kind = KITH_ADDR_PREDICTED;
	memset(&plan, 0, sizeof plan);
	assert_false(kith_punch_predict.plan(&q, &plan));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(udp_has_its_time_first_and_then_one_probe_goes_over_a_connection),
		cmocka_unit_test(where_udp_is_hopeless_it_is_tried_soon),
		cmocka_unit_test(who_is_beside_us_is_given_the_time_of_a_round),
		cmocka_unit_test(a_direct_path_over_udp_by_then_makes_it_needless),
		cmocka_unit_test(over_a_connection_udp_is_tried_on),
		cmocka_unit_test(without_consent_or_when_hiding_nobody_is_connected_to),
		cmocka_unit_test(addresses_that_are_not_probed_are_not_connected_to),
		cmocka_unit_test(one_address_gets_one_in_20_s_three_times_then_none_for_300_s),
		cmocka_unit_test(other_addresses_all_the_time_are_four_in_20_s),
		cmocka_unit_test(a_connection_is_paid_for),
		cmocka_unit_test(probes_do_not_starve_it),
		cmocka_unit_test(sessions_take_turns),
		cmocka_unit_test(no_range_of_ports_is_tried_by_connections),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
