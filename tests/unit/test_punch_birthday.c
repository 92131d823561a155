/* What costs many packets: ranges of ports, and spreads of sockets; and that nobody is harmed by them. */
#include "punch_side.h"

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

/* ---- random ports ---- */

static const struct kith_natclass random_ports = { .mapping = KITH_NATCLASS_MAPPING_PORT,
						   .allocation = KITH_NATCLASS_ALLOCATION_RANDOM,
						   .port_low = 20000,
						   .port_high = 50000 };

static void hear_punch_with(struct side *s, uint8_t round, uint8_t generation, uint16_t n)
{
	uint8_t body[4] = { round, generation, (uint8_t)(n >> 8), (uint8_t)n };
	kith_punch_heard(&s->punch, KITH_PUNCH_PADDED);
	assert_int_equal(kith_punch_on_punch(&s->punch, &s->view, test_span(body, 4)), 0);
}

/* We have one address for sum, and the peer opens so many. */
static struct side *against_random(uint16_t n)
{
	struct side *s = side_new(true);
	offer(s, "20.0.0.1:5000", 0);
	s->punch.ours.nat.mapping = KITH_NATCLASS_MAPPING_INDEPENDENT;
	hear_class(s, 1, &random_ports, "30.0.0.2:6000", NULL);
	(void)look(s);
	hear_punch_with(s, 1, 1, n);
	return s;
}

static void ports_of_all_are_tried_while_the_peer_opens_many(void **state)
{
	(void)state;
	struct side *s = against_random(256);
	unsigned most;
	assert_true(s->punch.wants & KITH_PUNCH_WANT_LEG); /* it has to hear that we are where we say */
	assert_int_equal(count_ports(s, S, &most), 0); /* no relay has said that it is there */
	attest(s, "30.0.0.2:1");
	assert_in_range(count_ports(s, S, &most), 190, 210);
	assert_int_equal(most, 1);
	assert_in_range(count_ports(s, 15 * S, &most), 1764 - 210, 1764 - 190);
	side_free(s);
	s = against_random(0); /* an older version, or one that has no sockets left */
	attest(s, "30.0.0.2:1");
	assert_int_equal(count_ports(s, 5 * S, &most), 0);
	side_free(s);
}

static void all_sessions_of_a_node_share_one_pace(void **state)
{
	(void)state;
	struct kith_paces next = { 0, 0 };
	struct side *a = against_random(256), *b = against_random(256);
	unsigned most, sum = 0;
	a->env.paces = b->env.paces = &next;
	attest(a, "30.0.0.2:1");
	attest(b, "30.0.0.2:1");
	for (unsigned i = 0; i < 200; i++) {
		sum += count_ports(a, 10 * MS, &most);
		sum += count_ports(b, 10 * MS, &most);
	}
	assert_in_range(sum, 380, 420); /* 200 a second */
	side_free(a);
	side_free(b);
}

/* The peer, and a relay that lies for it, name a victim, and begin anew whenever they may. */
static void two_attempts_are_made_and_then_none_for_minutes(void **state)
{
	(void)state;
	struct side *s = against_random(256);
	unsigned most, sum = 0;
	for (unsigned i = 0; i < 290; i++) {
		const uint8_t generation = (uint8_t)(2 + i % 200);
		attest(s, "30.0.0.2:1");
		hear_class(s, generation, &random_ports, "30.0.0.2:6000", NULL);
		hear_punch_with(s, s->punch.round, generation, KITH_SPREAD_MIN);
		sum += count_ports(s, S, &most);
	}
	assert_in_range(sum, 2 * 1700, 2 * KITH_PROBES_RANGE);
	side_free(s);
}

/* ---- a spread ---- */

/* Our ports are random, and the peer has one address for all. */
static struct side *with_random_ports(bool initiator)
{
	const struct kith_natclass theirs = { .mapping = KITH_NATCLASS_MAPPING_INDEPENDENT };
	struct kith_candidate c = { .kind = KITH_ADDR_OBSERVED, .transport = 1 };
	struct side *s = side_new(initiator);
	s->env.sockets = 256;
	c.at.kind = KITH_TRANSPORT_UDP;
	assert_int_equal(kith_addr_parse(&c.at.addr, "20.0.0.1:5000"), 0);
	kith_punch_offer(&s->punch, &s->view, &c, 1, &random_ports);
	hear_class(s, 1, &theirs, "30.0.0.2:6000", NULL);
	return s;
}

static void run_all(struct side *s, kith_time_us us)
{
	const kith_time_us end = s->env.now + us;
	kith_time_us next;
	while ((next = kith_punch_deadline(&s->punch)) <= end) {
		s->env.now = next > s->env.now ? next : s->env.now;
		kith_punch_tick(&s->punch, &s->view);
	}
	s->env.now = end;
}

static void who_has_random_ports_says_how_many_it_would_open(void **state)
{
	(void)state;
	struct side *s = with_random_ports(true);
	assert_int_equal(look(s).sockets, 256);
	side_free(s);
	s = side_new(true);
	s->env.sockets = 256;
	offer(s, "20.0.0.1:5000", 0); /* another NAT */
	assert_int_equal(look(s).sockets, 0);
	side_free(s);
	s = with_random_ports(false);
	s->env.sockets = 0; /* busy */
	hear_punch(s, 1, 1);
	assert_int_equal(look(s).sockets, 0);
	assert_int_equal(s->punch.plan.spread, 0);
	side_free(s);
}

static void sockets_are_wanted_when_nothing_simpler_worked_and_a_relay_has_spoken(void **state)
{
	(void)state;
	struct side *s = with_random_ports(false);
	hear_punch(s, 1, 1);
	const kith_time_us due = s->punch.spread_at;
	assert_in_range(due - s->punch.start_at, 50 * MS, 200 * MS);
	run_all(s, due - s->env.now + MS);
	assert_false(s->punch.wants & KITH_PUNCH_WANT_SOCKETS);
	attest(s, "30.0.0.9:6000");
	assert_false(s->punch.wants & KITH_PUNCH_WANT_SOCKETS);
	attest(s, "30.0.0.2:6000");
	assert_true(s->punch.wants & KITH_PUNCH_WANT_SOCKETS);
	side_free(s);
	s = with_random_ports(false);
	hear_punch(s, 1, 1);
	attest(s, "30.0.0.2:6000");
	s->view.direct = true;
	run_all(s, S);
	assert_false(s->punch.wants & KITH_PUNCH_WANT_SOCKETS);
	side_free(s);
}

static unsigned spread(struct side *s)
{
	unsigned n = 0;
	(void)look(s);
	for (uint16_t id = 100; kith_punch_spread(&s->punch, &s->view, id); id++, n++) {
		const struct sent out = look(s);
		assert_true(out.openers + out.probes == 1 && out.transport == id && out.last.port == 6000);
		assert_int_equal(out.openers, s->punch.spread_tries.n == 1);
	}
	return n;
}

static void a_spread_is_of_so_many_packets_and_rests_after_the_second(void **state)
{
	(void)state;
	struct side *s = with_random_ports(false);
	unsigned sum = 0, attempts = 0;
	attest(s, "30.0.0.2:6000");
	for (unsigned i = 0; i < 299; i++) { /* the initiator begins a round every second */
		hear_punch(s, (uint8_t)(1 + i % 250), 1);
		run_all(s, S);
		attempts += (s->punch.wants & KITH_PUNCH_WANT_SOCKETS) != 0;
		if (s->punch.wants & KITH_PUNCH_WANT_SOCKETS)
			sum += spread(s);
		s->punch.wants = 0;
		(void)look(s);
	}
	assert_int_equal(attempts, KITH_PROBES_RANGE_TRIES);
	assert_int_equal(sum, KITH_PROBES_RANGE_TRIES * KITH_SPREAD_SOCKETS);
	side_free(s);
}

static void a_spread_goes_nowhere_but_to_where_a_relay_says_that_the_peer_is(void **state)
{
	(void)state;
	struct side *s = with_random_ports(false);
	hear_punch(s, 1, 1);
	assert_int_equal(spread(s), 0);
	attest(s, "30.0.0.9:6000"); /* what the peer names is a victim's */
	run_all(s, S);
	assert_int_equal(spread(s), 0);
	attest(s, "30.0.0.2:6000");
	s->view.allowed = false;
	assert_int_equal(spread(s), 0);
	s->view.allowed = true;
	assert_true(spread(s) > 0);
	side_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_range_is_tried_once_a_port_where_a_relay_says_that_the_peer_is),
		cmocka_unit_test(no_range_is_tried_at_an_address_that_no_relay_names),
		cmocka_unit_test(a_range_ends_with_a_direct_path_and_begins_at_most_every_20_s),
		cmocka_unit_test(ports_of_all_are_tried_while_the_peer_opens_many),
		cmocka_unit_test(all_sessions_of_a_node_share_one_pace),
		cmocka_unit_test(two_attempts_are_made_and_then_none_for_minutes),
		cmocka_unit_test(who_has_random_ports_says_how_many_it_would_open),
		cmocka_unit_test(sockets_are_wanted_when_nothing_simpler_worked_and_a_relay_has_spoken),
		cmocka_unit_test(a_spread_is_of_so_many_packets_and_rests_after_the_second),
		cmocka_unit_test(a_spread_goes_nowhere_but_to_where_a_relay_says_that_the_peer_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
