/* Through whom packets of a session may go: what a lying contact tries to see the address of one who is relay-only. */
#include "call_world.h"

#include "base/limits.h"
#include "link/via.h"
#include "wire/packet.h"

/* Nothing may go from `from` to any of these; one packet of a kind may be held back. */
struct watchman {
	int from;
	unsigned forbidden; /* bit per node */
	unsigned count;
	int held_from; /* -1: nothing is held */
	uint8_t held_type; /* inside of the tunnel */
	struct world_packet held;
	bool has_held;
};

static int watch_over(struct core_world *w, struct world_packet *p)
{
	struct watchman *m = w->tap_ctx;
	const uint8_t *bytes = p->data + KITH_PACKET_HEADROOM;
	int from = world_node_at(w, &p->from), to = world_node_at(w, &p->to);
	if (from == m->from && to >= 0 && (m->forbidden & 1u << to))
		m->count++;
	if (from != m->held_from || m->has_held || bytes[0] != KITH_PKT_TUNNEL ||
	    bytes[KITH_TUNNEL_HEADER] != m->held_type)
		return 1;
	m->held = *p;
	m->has_held = true;
	return 0;
}

static void watch_from_now(struct core_world *w, struct watchman *m, int from, unsigned forbidden)
{
	*m = (struct watchman){ .from = from, .forbidden = forbidden, .held_from = -1 };
	w->tap = watch_over;
	w->tap_ctx = m;
}

/* Holds back the next packet of that kind that a node sends into a tunnel. */
static void hold_next(struct watchman *m, int from, uint8_t type)
{
	m->held_from = from;
	m->held_type = type;
	m->has_held = false;
}

/* Delivers what was held back as if it came straight from the address of its sender: bare, or in a tunnel with an
 * invented number. */
static void deliver_straight(struct core_world *w, struct watchman *m, int to, bool tunnel)
{
	assert_true(m->has_held);
	uint8_t *bytes = m->held.data + KITH_PACKET_HEADROOM;
	uint32_t skip = tunnel ? 0 : KITH_TUNNEL_HEADER;
	kith_tunnel_write(bytes, UINT64_C(0x5a5a5a5a5a5a5a5a));
	struct kith_packet in = { .data = bytes + skip, .len = m->held.len - skip, .remote = m->held.from };
	in.local = w->nodes[to].addr;
	m->held_from = -1;
	kith_core_input(w->nodes[to].core, world_clock(w), &in, 1);
	world_drain(w, to);
}

/* Paths of a session whose hop has that address. */
static int paths_at(const struct core_world *w, int node, kith_session_id id, const struct kith_addr *at)
{
	struct kith_path_info paths[KITH_PATHS_MAX];
	size_t n = kith_core_paths(w->nodes[node].core, world_clock(w), id, paths, KITH_PATHS_MAX);
	int found = 0;
	for (size_t i = 0; i < n; i++)
		found += kith_addr_equal(&paths[i].remote, at);
	return found;
}

static int failure(const struct core_world *w, int node, kith_op op, int since)
{
	const struct world_event *done = world_event(w, node, KITH_EVENT_OP_DONE, since);
	assert_non_null(done);
	assert_int_equal(done->ev.op, op);
	return done->ev.err;
}

static void a_relay_only_caller_speaks_to_homes_of_its_own_only(void **state)
{
	struct core_world w;
	struct watchman m;
	(void)state;
	world_far_apart(&w);
	pin_relay_only(&w, WORLD_FAR_ALICE, WORLD_FAR_BOB);
	watch_from_now(&w, &m, WORLD_FAR_ALICE, 7u | 1u << WORLD_FAR_BOB); /* bob's homes, and bob */
	int since = w.events_n;
	kith_op op = world_dial(&w, WORLD_FAR_ALICE, "bob", 0);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(outcome(&w, WORLD_FAR_ALICE, op, since), 1); /* these speak to bob's */
	world_run(&w, 60 * KITH_US_PER_S);
	assert_int_equal(m.count, 0);
	core_world_deinit(&w);
}

/* The other way round, the homes are those of the callee: it hides behind them, whoever calls. */
static void a_relay_only_callee_is_reached_from_anywhere(void **state)
{
	struct core_world w;
	struct watchman m;
	(void)state;
	world_far_apart(&w);
	pin_relay_only(&w, WORLD_FAR_BOB, WORLD_FAR_ALICE);
	watch_from_now(&w, &m, WORLD_FAR_BOB, 1u << WORLD_FAR_ALICE | 7u << 3);
	world_call(&w, WORLD_FAR_ALICE, WORLD_FAR_BOB, NULL);
	world_run(&w, 60 * KITH_US_PER_S);
	assert_int_equal(m.count, 0);
	core_world_deinit(&w);
}

/* Bob signs a record that names his own address as one of his homes. key: whose device he says that is. */
static void name_himself_as_a_home(struct core_world *w, int bob, int slot, int key)
{
	struct kith_core *c = w->nodes[bob].core;
	memcpy(c->leaf.homes[slot].host.dh.b, w->nodes[key].core->self.dh_pk, 32);
	c->leaf.homes[slot].host.endpoints_n = 1;
	c->leaf.homes[slot].host.endpoints[0] = world_endpoint(bob);
	c->leaf.publish_at = w->now;
	assert_int_equal(kith_timers_set(&c->timers, &c->leaf.timer, w->now), 0);
	world_run(w, KITH_US_PER_S);
}

static void a_home_that_the_contact_invents_is_not_spoken_to(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) { /* as his own device, and as one of alice's homes that has moved */
		struct core_world w;
		struct watchman m;
		world_alice_and_bob(&w);
		pin_relay_only(&w, WORLD_ALICE, WORLD_BOB);
		for (int slot = 0; slot < KITH_HOMES; slot++)
			name_himself_as_a_home(&w, WORLD_BOB, slot, i == 0 ? WORLD_BOB : slot);
		watch_from_now(&w, &m, WORLD_ALICE, 1u << WORLD_BOB);
		int since = w.events_n;
		kith_op op = world_dial(&w, WORLD_ALICE, "bob", 0);
		world_run(&w, 31 * KITH_US_PER_S);
		assert_int_equal(m.count, 0);
		assert_int_equal(outcome(&w, WORLD_ALICE, op, since), i == 0 ? KITH_ERELAYONLY : 1);
		core_world_deinit(&w);
	}
}

static int count_to(struct core_world *w, struct world_packet *p)
{
	struct watchman *m = w->tap_ctx;
	const struct kith_addr victim = { .family = KITH_FAMILY_V4, .port = 7, .ip = { 9, 9, 9, 9 } };
	m->count += kith_addr_equal(&p->to, &victim);
	return 1;
}

/* Whoever is called could have callers send first messages to anybody: nobody hides here, and none is sent. */
static void a_record_sends_nobody_to_an_address_of_its_choice(void **state)
{
	(void)state;
	for (int invented = 0; invented < 2; invented++) { /* homes that are, but not there; and such as are none */
		struct core_world w;
		struct watchman m = { .count = 0 };
		world_far_apart(&w);
		struct kith_core *bob = w.nodes[WORLD_FAR_BOB].core;
		const struct kith_addr victim = { .family = KITH_FAMILY_V4, .port = 7, .ip = { 9, 9, 9, 9 } };
		for (int slot = 0; slot < KITH_HOMES; slot++) {
			name_himself_as_a_home(&w, WORLD_FAR_BOB, slot, invented ? WORLD_FAR_BOB : slot);
			bob->leaf.homes[slot].host.endpoints[0] = kith_endpoint_udp(&victim);
		}
		bob->leaf.publish_at = w.now;
		assert_int_equal(kith_timers_set(&bob->timers, &bob->leaf.timer, w.now), 0);
		world_run(&w, KITH_US_PER_S);
		w.tap = count_to;
		w.tap_ctx = &m;
		int since = w.events_n;
		kith_op op = world_dial(&w, WORLD_FAR_ALICE, "bob", 0);
		world_run(&w, 31 * KITH_US_PER_S);
		assert_int_equal(m.count, 0);
		assert_int_equal(outcome(&w, WORLD_FAR_ALICE, op, since), invented ? KITH_ETIMEDOUT : 1);
		core_world_deinit(&w);
	}
}

static void a_sealed_packet_in_an_invented_tunnel_makes_no_path(void **state)
{
	(void)state;
	for (int hidden = 0; hidden < 2; hidden++) {
		struct core_world w;
		struct watchman m;
		kith_session_id theirs;
		uint8_t much[1000] = { 0 }; /* pays for probes */
		world_alice_and_bob(&w);
		if (hidden)
			pin_relay_only(&w, WORLD_ALICE, WORLD_BOB);
		else /* he keeps to relays, so that there is nothing direct */
			pin_relay_only(&w, WORLD_BOB, WORLD_ALICE);
		watch_from_now(&w, &m, WORLD_ALICE, 1u << WORLD_BOB);
		kith_session_id ours = world_call(&w, WORLD_ALICE, WORLD_BOB, &theirs);
		m.count = 0;
		hold_next(&m, WORLD_BOB, KITH_PKT_DATA);
		assert_int_equal(world_say(&w, WORLD_BOB, theirs, much, sizeof much), 0);
		deliver_straight(&w, &m, WORLD_ALICE, true);
		assert_int_equal(paths_at(&w, WORLD_ALICE, ours, &w.nodes[WORLD_BOB].addr), 0);
		assert_int_equal(world_say(&w, WORLD_ALICE, ours, "where?", 6), 0);
		world_run(&w, 30 * KITH_US_PER_S);
		assert_int_equal(m.count, 0);
		assert_non_null(kith_sessions_get(&w.nodes[WORLD_ALICE].core->sessions, ours));
		core_world_deinit(&w);
	}
}

/* Whoever holds the session's keys can answer from anywhere, also with somebody else's address on it. */
static void an_answer_to_a_call_from_elsewhere_opens_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct core_world w;
		struct watchman m;
		bool hidden = (i & 1) != 0, tunnel = (i & 2) != 0;
		world_alice_and_bob(&w);
		if (hidden)
			pin_relay_only(&w, WORLD_ALICE, WORLD_BOB);
		watch_from_now(&w, &m, WORLD_ALICE, 1u << WORLD_BOB);
		hold_next(&m, WORLD_BOB, KITH_PKT_REPLY);
		int since = w.events_n;
		world_dial(&w, WORLD_ALICE, "bob", 0);
		while (!m.has_held)
			world_run(&w, KITH_US_PER_MS);
		deliver_straight(&w, &m, WORLD_ALICE, tunnel);
		assert_null(world_event(&w, WORLD_ALICE, KITH_EVENT_OPENED, since));
		assert_int_equal(m.count, 0);
		world_run(&w, 5 * KITH_US_PER_S); /* the REPLY is repeated, and opens */
		assert_non_null(world_event(&w, WORLD_ALICE, KITH_EVENT_OPENED, since));
		assert_true(!hidden || m.count == 0);
		core_world_deinit(&w);
	}
}

static void a_relay_only_contact_that_is_a_supernode_is_not_called(void **state)
{
	struct core_world w;
	struct watchman m;
	(void)state;
	world_alice_and_bob(&w);
	world_call(&w, WORLD_ALICE, 0, NULL); /* else it is */
	pin_relay_only(&w, WORLD_ALICE, 1); /* which is a home of hers as well: no relay to itself */
	watch_from_now(&w, &m, WORLD_ALICE, 0);
	int since = w.events_n, held = calls_held(&w, WORLD_ALICE);
	kith_op op = world_dial(&w, WORLD_ALICE, "s1", 0);
	world_run(&w, 5 * KITH_US_PER_S);
	assert_int_equal(failure(&w, WORLD_ALICE, op, since), KITH_ERELAYONLY);
	assert_int_equal(calls_held(&w, WORLD_ALICE), held);
	assert_int_equal(calls_held(&w, 1), 0);
	/* And a supernode can hide from nobody: it refuses whom it would hide from. */
	pin_relay_only(&w, 2, WORLD_ALICE);
	since = w.events_n;
	op = world_dial(&w, WORLD_ALICE, "s2", 0);
	world_run(&w, 5 * KITH_US_PER_S);
	assert_int_equal(failure(&w, WORLD_ALICE, op, since), KITH_EREJECTED);
	assert_null(world_event(&w, 2, KITH_EVENT_INCOMING, since));
	since = w.events_n;
	op = world_dial(&w, 2, "alice", 0);
	world_run(&w, 5 * KITH_US_PER_S);
	assert_int_equal(failure(&w, 2, op, since), KITH_ERELAYONLY);
	core_world_deinit(&w);
}

/* Open, direct, with relays at bob's homes: what alice says from then on goes to none of them. */
static void a_session_that_was_there_before_hides_from_now_on(void **state)
{
	struct core_world w;
	struct watchman m;
	(void)state;
	world_far_apart(&w);
	kith_session_id ours = world_call(&w, WORLD_FAR_ALICE, WORLD_FAR_BOB, NULL);
	world_run(&w, 5 * KITH_US_PER_S);
	assert_int_equal(paths_at(&w, WORLD_FAR_ALICE, ours, &w.nodes[WORLD_FAR_BOB].addr), 1);
	watch_from_now(&w, &m, WORLD_FAR_ALICE, 7u | 1u << WORLD_FAR_BOB);
	int since = w.events_n;
	pin_relay_only(&w, WORLD_FAR_ALICE, WORLD_FAR_BOB);
	world_run(&w, 120 * KITH_US_PER_S);
	assert_int_equal(m.count, 0);
	assert_null(world_event(&w, WORLD_FAR_ALICE, KITH_EVENT_CLOSED, since)); /* by way of her own homes */
	assert_int_equal(world_say(&w, WORLD_FAR_ALICE, ours, "still", 5), 0);
	world_run(&w, KITH_US_PER_S);
	assert_non_null(world_event(&w, WORLD_FAR_BOB, KITH_EVENT_DATAGRAM, since));
	assert_int_equal(m.count, 0);
	core_world_deinit(&w);
}

/* The same while the call is on its way, at every moment. */
static void a_call_under_way_hides_from_now_on(void **state)
{
	(void)state;
	for (int ms = 0; ms < 300; ms += 15) {
		struct core_world w;
		struct watchman m;
		world_network(&w, kith_suite_sim(), 1, 6, (const char *const[]){ NULL });
		w.bootstrap = 3;
		world_start(&w, "alice", false);
		w.bootstrap = 0;
		world_start(&w, "bob", false);
		world_run(&w, 5 * KITH_US_PER_S);
		w.on_event = NULL; /* it rings */
		int since = w.events_n;
		kith_op op = world_dial(&w, WORLD_FAR_ALICE, "bob", 0);
		world_run(&w, ms * KITH_US_PER_MS);
		watch_from_now(&w, &m, WORLD_FAR_ALICE, 7u | 1u << WORLD_FAR_BOB);
		pin_relay_only(&w, WORLD_FAR_ALICE, WORLD_FAR_BOB);
		world_run(&w, 60 * KITH_US_PER_S);
		assert_int_equal(m.count, 0);
		assert_int_equal(failure(&w, WORLD_FAR_ALICE, op, since), KITH_ETIMEDOUT);
		core_world_deinit(&w);
	}
}

/* The rule itself, for a call that alice has under way. */
static void a_relay_is_a_supernode_that_has_a_part_in_the_session(void **state)
{
	(void)state;
	for (int hidden = 0; hidden < 2; hidden++) {
		struct core_world w;
		world_alice_and_bob(&w);
		if (hidden)
			pin_relay_only(&w, WORLD_ALICE, WORLD_BOB);
		w.on_event = NULL;
		world_dial(&w, WORLD_ALICE, "bob", 0);
		world_run(&w, KITH_US_PER_S);
		struct kith_core *c = w.nodes[WORLD_ALICE].core;
		struct kith_session *s = NULL;
		for (uint32_t it = 0; s == NULL || !(s->use & KITH_USE_PEER);)
			s = kith_table_next(&c->sessions.by_index, &it);
		struct kith_hop home = { .remote = w.nodes[0].addr, .tunnel = 77 }, bob = home, bare = home;
		bob.remote = w.nodes[WORLD_BOB].addr;
		bare.tunnel = 0;
		assert_true(kith_via_relay(c, s, &home));
		assert_true(kith_via_callee(c, s, &home));
		assert_true(kith_via_home(c, &home));
		assert_false(kith_via_relay(c, s, &bare));
		assert_false(kith_via_callee(c, s, &bare)); /* bob is no supernode, and does not speak from there */
		assert_false(kith_via_relay(c, s, &bob));
		assert_false(kith_via_callee(c, s, &bob));
		bob.tunnel = 0;
		assert_false(kith_via_callee(c, s, &bob));
		/* Were the callee the one who runs that home, it would see who hides from her. */
		struct kith_key bobs = s->peer->identity;
		s->peer->identity = w.nodes[0].id.identity;
		assert_int_equal(kith_via_relay(c, s, &home), !hidden);
		s->peer->identity = bobs;
		struct kith_session *at_home = kith_sessions_of(&c->sessions, w.nodes[0].core->self.dh_pk);
		assert_false(kith_via_relay(c, at_home, &home)); /* no session with a supernode goes through a relay */
		home.transport = 1;
		assert_false(kith_via_relay(c, s, &home));
		core_world_deinit(&w);
	}
}

/* Whose homes are reached by WebSockets asks them for tunnels to supernodes with which it has no session. */
static void behind_a_wall_tunnels_are_chained(void **state)
{
	(void)state;
	struct core_world w;
	world_alice_and_bob(&w);
	struct kith_core *c = w.nodes[WORLD_ALICE].core;
	struct kith_peer peer = { .homes_n = 2 };
	memset(peer.homes[0].dh.b, 7, sizeof peer.homes[0].dh.b);
	memcpy(peer.homes[1].dh.b, w.nodes[0].core->self.dh_pk, sizeof peer.homes[1].dh.b);
	assert_true(kith_via_allowed(c, &peer, &peer.homes[0]));
	assert_null(kith_via_chain(c, &peer, 0));
	const uint8_t kind = c->transports.at[0].kind;
	c->transports.at[0].kind = KITH_TRANSPORT_TLS;
	assert_false(kith_via_allowed(c, &peer, &peer.homes[0]));
	assert_true(kith_via_allowed(c, &peer, &peer.homes[1])); /* a home of ours, too */
	assert_non_null(kith_via_chain(c, &peer, 0));
	c->transports.at[0].kind = kind;
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_relay_only_caller_speaks_to_homes_of_its_own_only),
		cmocka_unit_test(a_relay_only_callee_is_reached_from_anywhere),
		cmocka_unit_test(a_home_that_the_contact_invents_is_not_spoken_to),
		cmocka_unit_test(a_record_sends_nobody_to_an_address_of_its_choice),
		cmocka_unit_test(a_sealed_packet_in_an_invented_tunnel_makes_no_path),
		cmocka_unit_test(an_answer_to_a_call_from_elsewhere_opens_nothing),
		cmocka_unit_test(a_relay_only_contact_that_is_a_supernode_is_not_called),
		cmocka_unit_test(a_session_that_was_there_before_hides_from_now_on),
		cmocka_unit_test(a_call_under_way_hides_from_now_on),
		cmocka_unit_test(a_relay_is_a_supernode_that_has_a_part_in_the_session),
		cmocka_unit_test(behind_a_wall_tunnels_are_chained),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
