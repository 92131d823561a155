/* Which hops a round probes, where a TURN server of ours is one more way to the peer: packets over transport 3. */
#include "punch_side.h"

#include "path/punch_targets.h"

enum { UDP = 1, TURN = 3 };

static struct kith_transport_kept with_turn[] = {
	{ .id = UDP, .kind = KITH_TRANSPORT_UDP, .family = KITH_FAMILY_V4, .up = true },
	{ .id = TURN,
	  .kind = KITH_TRANSPORT_UDP,
	  .family = KITH_FAMILY_V4,
	  .purpose = KITH_PURPOSE_RELAYED,
	  .up = true },
};
static const struct kith_transports turned = { .at = with_turn, .n = 2, .cap = 2 };

static struct side *begin(void)
{
	struct side *s = side_new(true);
	s->env.transports = &turned;
	with_turn[1].up = true;
	offer(s, "20.0.0.1:5000", 1);
	(void)look(s);
	return s;
}

/* A round with these candidates of the peer. */
static void round_with(struct side *s, uint8_t generation, const char *const addrs[], unsigned n)
{
	hear_candidates(s, generation, addrs, n);
	if (s->punch.state != KITH_PUNCH_OFFERED)
		kith_punch_again(&s->punch, &s->view);
	(void)look(s);
	hear_punch(s, s->punch.round, generation);
	(void)look(s);
}

static unsigned targets_over(const struct side *s, uint16_t transport)
{
	unsigned n = 0;
	for (unsigned i = 0; i < s->punch.n_targets; i++) {
		n += s->punch.targets[i].hop.transport == transport;
		assert_int_equal(s->punch.targets[i].relayed, s->punch.targets[i].hop.transport == TURN);
	}
	return n;
}

static void the_peer_is_probed_by_the_server_too_three_times(void **state)
{
	static const char *const peer[] = { "30.0.0.2:6000" };
	unsigned probes = 0, by_turn = 0;
	(void)state;
	struct side *s = begin();
	round_with(s, 1, peer, 1);
	assert_int_equal(targets_over(s, UDP), 1);
	assert_int_equal(targets_over(s, TURN), 1);
	while (s->punch.state == KITH_PUNCH_PROBING) {
		run_until(s, s->punch.next_at);
		const struct sent out = look(s);
		assert_int_equal(out.openers, 0); /* a server's NAT needs none */
		probes += out.probes;
		by_turn += out.probes == 2;
	}
	assert_int_equal(by_turn, 3);
	assert_int_equal(probes, 7 + 3);
	side_free(s);
}

static void without_a_server_nothing_is_probed_twice(void **state)
{
	static const char *const peer[] = { "30.0.0.2:6000" };
	(void)state;
	struct side *s = begin();
	with_turn[1].up = false;
	round_with(s, 1, peer, 1);
	assert_int_equal(s->punch.n_targets, 1);
	side_free(s);
}

/* It lets in whoever is at the address, whatever the port. */
static void one_address_of_each_machine_is_enough_and_three_of_them(void **state)
{
	static const char *const peer[] = { "30.0.0.2:6000", "30.0.0.2:6001", "30.0.0.3:6000",
					    "30.0.0.4:6000", "30.0.0.5:6000", "30.0.0.2:6002" };
	(void)state;
	struct side *s = begin();
	round_with(s, 1, peer, 6);
	assert_int_equal(targets_over(s, UDP), 6);
	assert_int_equal(targets_over(s, TURN), KITH_RELAYED_TARGETS);
	side_free(s);
}

static void what_is_not_public_or_refused_goes_by_no_server(void **state)
{
	static const char *const peer[] = { "10.0.0.2:6000", "127.0.0.1:6000", "30.0.0.2:53", "[2001:db8::2]:6000",
					    "20.0.0.1:5000" };
	(void)state;
	struct side *s = begin();
	round_with(s, 1, peer, 5);
	assert_int_equal(targets_over(s, TURN), 0);
	side_free(s);
	/* But in a network that is on private addresses. */
	s = begin();
	s->view.allow = KITH_ALLOW_PRIVATE;
	round_with(s, 1, peer, 5);
	assert_int_equal(targets_over(s, TURN), 1);
	side_free(s);
}

/* A peer that names others again and again: six addresses in five minutes, and the same ones as often as it likes. */
static void a_peer_has_only_so_many_named_to_the_server(void **state)
{
	unsigned named = 0;
	(void)state;
	struct side *s = begin();
	const kith_time_us start = s->env.now;
	for (unsigned i = 0; i < 10; i++) {
		char text[KITH_ADDR_TEXT_MAX];
		const char *const peer[] = { text };
		(void)snprintf(text, sizeof text, "30.0.0.%u:6000", i + 2);
		s->env.now += 3 * S;
		kith_punch_heard(&s->punch, MUCH);
		round_with(s, (uint8_t)(i + 1), peer, 1);
		assert_int_equal(targets_over(s, UDP), 1);
		named += targets_over(s, TURN);
	}
	assert_int_equal(named, KITH_RELAYED_PEERS);
	const uint64_t refused = s->stats.counter[KITH_STAT_CANDIDATES_REFUSED];
	assert_int_equal(refused, 10 - KITH_RELAYED_PEERS);
	static const char *const known[] = { "30.0.0.3:7000" }, *const fresh[] = { "30.0.9.9:6000" };
	s->env.now += 3 * S;
	round_with(s, 20, known, 1);
	assert_int_equal(targets_over(s, TURN), 1);
	s->env.now = start + 3 * S + KITH_RELAYED_PEERS_US;
	round_with(s, 21, fresh, 1);
	assert_int_equal(targets_over(s, TURN), 1);
	side_free(s);
}

static void where_the_peers_server_relays_is_known(void **state)
{
	(void)state;
	struct side *s = begin();
	s->punch.theirs.n = 2;
	s->punch.theirs.list[0].kind = KITH_ADDR_OBSERVED;
	s->punch.theirs.list[1].kind = KITH_ADDR_RELAYED;
	assert_int_equal(kith_addr_parse(&s->punch.theirs.list[0].at.addr, "30.0.0.2:6000"), 0);
	assert_int_equal(kith_addr_parse(&s->punch.theirs.list[1].at.addr, "66.6.0.6:50000"), 0);
	struct kith_addr at = s->punch.theirs.list[1].at.addr;
	assert_true(kith_punch_is_relayed(&s->punch, &at));
	at.port++;
	assert_false(kith_punch_is_relayed(&s->punch, &at));
	assert_false(kith_punch_is_relayed(&s->punch, &s->punch.theirs.list[0].at.addr));
	side_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_peer_is_probed_by_the_server_too_three_times),
		cmocka_unit_test(without_a_server_nothing_is_probed_twice),
		cmocka_unit_test(one_address_of_each_machine_is_enough_and_three_of_them),
		cmocka_unit_test(what_is_not_public_or_refused_goes_by_no_server),
		cmocka_unit_test(a_peer_has_only_so_many_named_to_the_server),
		cmocka_unit_test(where_the_peers_server_relays_is_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
