/* The handshake between nodes on a network that may be hostile: who says no and how, both ends at once, where a first
 * message and a cookie go. */
#include "core_tap.h"

#include "core/settle.h"
#include "link/connect.h"

/* ---- saying no ---- */

static void reject_calls(struct core_world *w, int node, const struct kith_event *ev)
{
	if (ev->type == KITH_EVENT_INCOMING)
		assert_int_equal(kith_core_reject(w->nodes[node].core, world_clock(w), ev->session, KITH_CLOSE_BUSY),
				 0);
}

static void a_rejected_caller_is_told_and_the_callee_is_left_alone(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	w.on_event = reject_calls;
	int since = w.events_n;
	uint32_t sessions = w.nodes[WORLD_BOB].core->sessions.by_index.n;
	world_dial(&w, WORLD_ALICE, "bob", 0);
	world_run(&w, KITH_DIAL_TIMEOUT_US + 5 * KITH_US_PER_S);
	const struct world_event *done = world_event(&w, WORLD_ALICE, KITH_EVENT_OP_DONE, since);
	assert_non_null(done);
	assert_int_equal(done->ev.err, KITH_EREJECTED);
	assert_int_equal(world_events(&w, WORLD_ALICE, KITH_EVENT_OP_DONE, since), 1);
	assert_int_equal(world_events(&w, WORLD_BOB, KITH_EVENT_INCOMING, since), 1);
	assert_null(world_event(&w, WORLD_BOB, KITH_EVENT_OPENED, since));
	assert_int_equal(w.nodes[WORLD_BOB].core->sessions.by_index.n, sessions);
	core_world_deinit(&w);
}

/* The answer that says no carries keys that work. Whoever uses them in spite of it must not get in. */
static void a_rejected_caller_cannot_open_the_session_by_speaking_all_the_same(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	w.on_event = reject_calls;
	struct keeper k = { .type = KITH_PKT_REPLY, .to = &w.nodes[WORLD_ALICE].addr, .swallow = true };
	w.tap = keep_tap;
	w.tap_ctx = &k;
	int since = w.events_n;
	world_dial(&w, WORLD_ALICE, "bob", 0);
	world_run(&w, 200 * KITH_US_PER_MS);
	assert_true(k.seen > 0);
	/* Alice's session, as it waits for the answer, with a copy of her handshake. */
	struct kith_session *s = NULL;
	uint32_t it = 0;
	while ((s = kith_table_next(&w.nodes[WORLD_ALICE].core->sessions.by_index, &it)) != NULL &&
	       s->state != KITH_SESSION_INITIATING) {}
	assert_non_null(s);
	struct kith_handshake hs = *s->hs;
	struct kith_session cheat = { .index = s->index, .initiator = true, .hs = &hs };
	struct kith_hs_header header;
	uint8_t buf[KITH_UDP_PAYLOAD], packet[KITH_UDP_PAYLOAD];
	uint64_t tunnel;
	struct kith_span inner;
	assert_true(kith_tunnel_parse(&tunnel, &inner, test_span(k.packet.data + KITH_PACKET_HEADROOM, k.packet.len)));
	assert_true(kith_hs_parse(&header, inner));
	int n = kith_handshake_read_reply(&hs, &header, buf);
	assert_true(n > 0);
	struct kith_hello hello;
	assert_true(kith_hello_parse(&hello, test_span(buf, (size_t)n)));
	kith_session_take_keys(&cheat, w.now);
	kith_tunnel_write(packet, tunnel);
	memset(packet + KITH_TUNNEL_HEADER + KITH_TRANSPORT_HEADER, 0, 8);
	size_t len = kith_session_seal(&cheat, w.pki.suite, hello.name, packet + KITH_TUNNEL_HEADER, 8);
	int home = world_node_at(&w, &k.packet.from);
	assert_true(home >= 0 && home < 3);
	w.tap = NULL;
	inject(&w, home, &w.nodes[WORLD_ALICE].addr, packet, KITH_TUNNEL_HEADER + len);
	world_run(&w, KITH_US_PER_S);
	assert_null(world_event(&w, WORLD_BOB, KITH_EVENT_OPENED, since));
	assert_true(world_stat(&w, WORLD_BOB, KITH_STAT_DROP_UNKNOWN_INDEX) > 0);
	core_world_deinit(&w);
}

/* Bob's homes let alice through, as if they had not heard that she may not. */
static void homes_forget(struct core_world *w)
{
	for (int i = 0; i < 3; i++) {
		struct kith_session *s =
			kith_sessions_of(&w->nodes[i].core->sessions, w->nodes[WORLD_BOB].id.device_dh.b);
		assert_non_null(s);
		assert_non_null(s->attached->who);
		kith_blob_unref(&w->shared->blobs, s->attached->who);
		s->attached->who = NULL;
	}
}

/* What the caller is told, and when, is what whoever calls a device that fell silent is told: by homes that let it
 * through no more, and by bob himself. */
static void a_blocked_contact_hears_what_is_heard_of_the_silent(void **state)
{
	(void)state;
	kith_time_us took[3];
	for (int muted = 0; muted < 3; muted++) {
		struct core_world w;
		world_alice_and_bob(&w);
		assert_int_equal(kith_core_pin(w.nodes[WORLD_BOB].core, world_clock(&w), "alice",
					       &w.nodes[WORLD_ALICE].id.identity, KITH_CONTACT_BLOCKED, false),
				 0);
		world_drain(&w, WORLD_BOB);
		world_run(&w, KITH_US_PER_S);
		w.nodes[WORLD_BOB].muted = muted == 1;
		if (muted == 2)
			homes_forget(&w);
		int since = w.events_n;
		kith_time_us began = w.now;
		world_dial(&w, WORLD_ALICE, "bob", 0);
		const struct world_event *done = NULL;
		for (int s = 0; s < 60 && done == NULL; s++) {
			world_run(&w, KITH_US_PER_S);
			done = world_event(&w, WORLD_ALICE, KITH_EVENT_OP_DONE, since);
		}
		assert_non_null(done);
		assert_int_equal(done->ev.err, KITH_ETIMEDOUT);
		took[muted] = w.now - began;
		assert_null(world_event(&w, WORLD_BOB, KITH_EVENT_INCOMING, since));
		assert_int_equal(world_stat(&w, WORLD_BOB, KITH_STAT_REFUSE_BLOCKED) > 0, muted == 2);
		core_world_deinit(&w);
	}
	assert_int_equal(took[0], took[1]);
	assert_int_equal(took[0], took[2]);
}

static void a_stranger_does_not_ring_where_only_contacts_may(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	w.nodes[WORLD_BOB].core->answer_strangers = false;
	int since = w.events_n;
	world_dial(&w, WORLD_ALICE, "bob", 0);
	world_run(&w, 3 * KITH_US_PER_S);
	assert_null(world_event(&w, WORLD_BOB, KITH_EVENT_INCOMING, since));
	const struct world_event *done = world_event(&w, WORLD_ALICE, KITH_EVENT_OP_DONE, since);
	assert_non_null(done);
	assert_int_equal(done->ev.err, KITH_EREJECTED);
	assert_int_equal(kith_core_pin(w.nodes[WORLD_BOB].core, world_clock(&w), "alice",
				       &w.nodes[WORLD_ALICE].id.identity, 0, false),
			 0);
	world_drain(&w, WORLD_BOB);
	world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	core_world_deinit(&w);
}

/* ---- both at once ---- */

static void two_supernodes_that_meet_at_the_same_instant_stay_together(void **state)
{
	struct core_world w;
	struct kith_host host;
	uint32_t session;
	static const uint8_t empty_map[1] = { 0x80 };
	(void)state;
	core_world_init(&w, kith_suite_sodium(), 3);
	for (int i = 0; i < 2; i++) {
		struct kith_core_options o;
		world_add(&w, i == 0 ? "s0" : "s1", true);
		world_options(&w, i, &o);
		o.bootstrap_n = 0; /* nobody to gossip with */
		assert_int_equal(world_try_start(&w, i, &o), 0);
	}
	for (int i = 0; i < 2; i++) {
		memset(&host, 0, sizeof host);
		host.endpoints_n = 1;
		host.endpoints[0] = kith_endpoint_udp(&w.nodes[1 - i].addr);
		host.dh = w.nodes[1 - i].id.device_dh;
		struct kith_core *c = w.nodes[i].core;
		kith_core_tick(c, world_clock(&w));
		world_drain(&w, i);
		kith_outbox_claim(&w.shared->outbox, c, c->stats);
		assert_int_equal(kith_connect_request(c, &host, KITH_USE_MEMBER, KITH_REQ_GOSSIP,
						      test_span(empty_map, 1), kith_token(KITH_TOKEN_IGNORE, 0),
						      &session),
				 0);
		world_drain(&w, i);
	}
	world_run(&w, 2 * KITH_US_PER_S);
	for (int i = 0; i < 2; i++) {
		const struct kith_session *s =
			kith_sessions_of(&w.nodes[i].core->sessions, w.nodes[1 - i].id.device_dh.b);
		assert_non_null(s);
		assert_int_equal(s->state, KITH_SESSION_OPEN);
		assert_false(kith_requests_busy(s->requests));
	}
	core_world_deinit(&w);
}

static void a_node_does_not_make_friends_with_itself(void **state)
{
	struct core_world w;
	struct kith_core_options o;
	(void)state;
	core_world_init(&w, kith_suite_sodium(), 3);
	int i = world_add(&w, "s0", true);
	world_options(&w, i, &o);
	o.endpoints[0].addr.port++; /* it does not know that the bootstrap address is its own */
	o.bootstrap_n = 1;
	assert_int_equal(world_try_start(&w, i, &o), 0);
	world_run(&w, 10 * KITH_US_PER_S);
	assert_true(world_stat(&w, i, KITH_STAT_REFUSE_LOOP) > 0);
	assert_int_equal(world_stat(&w, i, KITH_STAT_SESSIONS_OPENED), 0);
	core_world_deinit(&w);
}

/* ---- where a first message goes ---- */

#define V4(number, ...)                                                                                                \
	{                                                                                                              \
		.family = KITH_FAMILY_V4, .port = (number), .ip = { __VA_ARGS__ }                                      \
	}

/* Asks that supernode for nothing in particular. */
static int ask(struct core_world *w, int from, const struct kith_host *host, uint8_t use, uint8_t kind,
	       uint32_t *session)
{
	static const uint8_t empty_map[1] = { 0x80 };
	struct kith_core *c = w->nodes[from].core;
	kith_core_tick(c, world_clock(w));
	world_drain(w, from);
	kith_outbox_claim(&w->shared->outbox, c, c->stats);
	int err = kith_connect_request(c, host, use, kind, test_span(empty_map, 1), kith_token(KITH_TOKEN_IGNORE, 0),
				       session);
	kith_core_settle(c);
	world_drain(w, from);
	return err;
}

static int contact(struct core_world *w, int from, int to, const struct kith_addr addrs[], uint8_t n, uint32_t *session)
{
	struct kith_host host = { .dh = w->nodes[to].id.device_dh, .endpoints_n = n };
	for (uint8_t i = 0; i < n; i++)
		host.endpoints[i] = kith_endpoint_udp(&addrs[i]);
	return ask(w, from, &host, KITH_USE_MEMBER, KITH_REQ_GOSSIP, session);
}

/* An address alone may lead to a home: a second session with it would end the first, and cost a home. */
static void an_address_that_is_a_home_s_is_asked_over_the_session_with_it(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	struct kith_core *c = w.nodes[WORLD_ALICE].core;
	const struct kith_host by_address = { .endpoints = { kith_endpoint_udp(&w.nodes[0].addr) }, .endpoints_n = 1 };
	const struct kith_session *home = kith_sessions_of(&c->sessions, w.nodes[0].id.device_dh.b);
	assert_non_null(home);
	uint32_t index = home->index, session;
	int since = w.events_n;
	assert_int_equal(ask(&w, WORLD_ALICE, &by_address, 0, KITH_REQ_MEMBERS, &session), 0);
	assert_int_equal(session, index);
	world_run(&w, 5 * KITH_US_PER_S);
	home = kith_sessions_of(&c->sessions, w.nodes[0].id.device_dh.b);
	assert_non_null(home);
	assert_int_equal(home->index, index);
	assert_null(world_event(&w, WORLD_ALICE, KITH_EVENT_ATTACHED, since));
	core_world_deinit(&w);
}

/* Two supernodes that do not know of each other. */
static void two_strangers(struct core_world *w, bool loopback, struct kith_addr bootstrap)
{
	static struct kith_bootstrap configured;
	core_world_init(w, kith_suite_sodium(), 3);
	configured.at = kith_endpoint_udp(&bootstrap);
	for (int i = 0; i < 2; i++) {
		struct kith_core_options o;
		world_add(w, i == 0 ? "s0" : "s1", true);
		world_options(w, i, &o);
		o.bootstrap = &configured;
		o.bootstrap_n = i == 0; /* nobody answers there */
		o.allow_loopback = loopback;
		assert_int_equal(world_try_start(w, i, &o), 0);
	}
	world_run(w, KITH_US_PER_S);
}

static void first_messages_go_only_where_a_supernode_may_be(void **state)
{
	static const struct {
		struct kith_addr addr;
		bool loopback; /* allowed by the operator */
		int err;
	} cases[] = {
		{ V4(4001, 30, 1, 2, 3), false, 0 },
		{ V4(443, 30, 1, 2, 3), false, 0 },
		{ V4(53, 30, 1, 2, 3), false, KITH_EUNREACHABLE },
		{ V4(1023, 30, 1, 2, 3), false, KITH_EUNREACHABLE },
		{ V4(4001, 127, 0, 0, 1), false, KITH_EUNREACHABLE },
		{ V4(4001, 127, 0, 0, 1), true, 0 },
		{ V4(4001, 169, 254, 1, 1), true, KITH_EUNREACHABLE },
		{ V4(4001, 224, 0, 0, 9), true, KITH_EUNREACHABLE },
		{ V4(4001, 255, 255, 255, 255), true, KITH_EUNREACHABLE },
		{ V4(4001, 0, 0, 0, 0), true, KITH_EUNREACHABLE },
		{ V4(4001, 192, 168, 9, 9), false, KITH_EUNREACHABLE },
		{ V4(53, 31, 9, 9, 9), false, 0 }, /* as configured */
		{ V4(4001, 10, 1, 2, 3), true, KITH_EUNREACHABLE },
		{ { .family = KITH_FAMILY_V6, .port = 4001, .ip = { 0x2a, 1, 2, 3 } },
		  true,
		  KITH_EUNREACHABLE }, /* no socket for it */
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct core_world w;
		uint32_t session;
		two_strangers(&w, cases[i].loopback, (struct kith_addr)V4(53, 31, 9, 9, 9));
		uint64_t out = world_stat(&w, 0, KITH_STAT_PACKETS_OUT);
		assert_int_equal(contact(&w, 0, 1, &cases[i].addr, 1, &session), cases[i].err);
		assert_int_equal(world_stat(&w, 0, KITH_STAT_PACKETS_OUT) - out, cases[i].err == 0);
		assert_true(cases[i].err == 0 || cases[i].addr.family == KITH_FAMILY_V6 ||
			    world_stat(&w, 0, KITH_STAT_HOSTS_REFUSED) > 0);
		core_world_deinit(&w);
	}
}

static void a_private_address_is_contacted(struct kith_addr bootstrap, bool anywhere)
{
	struct core_world w;
	uint32_t session;
	two_strangers(&w, false, bootstrap);
	struct kith_addr near = V4(4001, 10, 1, 2, 3), far = V4(4001, 10, 1, 3, 3);
	w.nodes[0].addr = (struct kith_addr)V4(4000, 10, 1, 2, 9);
	world_link(&w, 0, 0, true);
	assert_int_equal(contact(&w, 0, 1, &far, 1, &session), anywhere ? 0 : KITH_EUNREACHABLE);
	assert_int_equal(contact(&w, 0, 1, &near, 1, &session), 0);
	core_world_deinit(&w);
}

static void a_private_address_is_contacted_within_an_own_network_only(void **state)
{
	(void)state;
	a_private_address_is_contacted((struct kith_addr)V4(4000, 31, 9, 9, 9), false);
}

static void in_a_network_on_private_addresses_all_of_them_are_contacted(void **state)
{
	(void)state;
	a_private_address_is_contacted((struct kith_addr)V4(4000, 10, 200, 9, 9), true);
}

static void the_next_address_of_a_host_is_tried_when_one_is_silent(void **state)
{
	struct core_world w;
	uint32_t session;
	(void)state;
	for (int real = 0; real < 2; real++) {
		two_strangers(&w, false, (struct kith_addr)V4(53, 31, 9, 9, 9));
		struct kith_addr addrs[2] = { world_addr(20), world_addr(20) };
		addrs[real] = w.nodes[1].addr;
		assert_int_equal(contact(&w, 0, 1, addrs, 2, &session), 0);
		world_run(&w, KITH_HANDSHAKE_RETRY_US * 11 / 10 + 4 * WORLD_DELAY_US);
		const struct kith_session *s = kith_sessions_get(&w.nodes[0].core->sessions, session);
		assert_non_null(s);
		assert_int_equal(s->state, KITH_SESSION_OPEN);
		assert_true(kith_addr_equal(&kith_session_hop(s)->remote, &w.nodes[1].addr));
		core_world_deinit(&w);
	}
}

/* Whoever sees a HELLO can write a COOKIE for it, and put any source on that. */
static void a_cookie_is_answered_only_where_the_first_message_went(void **state)
{
	struct core_world w;
	uint32_t session;
	(void)state;
	two_strangers(&w, false, (struct kith_addr)V4(53, 31, 9, 9, 9));
	w.nodes[1].core->guard.hellos_per_s = 0;
	struct keeper k = { .type = KITH_PKT_COOKIE, .to = &w.nodes[0].addr, .swallow = true };
	w.tap = keep_tap;
	w.tap_ctx = &k;
	assert_int_equal(contact(&w, 0, 1, &w.nodes[1].addr, 1, &session), 0);
	world_run(&w, 100 * KITH_US_PER_MS);
	assert_true(k.seen > 0);
	struct kith_addr victim = world_addr(20);
	uint64_t out = world_stat(&w, 0, KITH_STAT_PACKETS_OUT);
	inject(&w, 0, &victim, k.packet.data + KITH_PACKET_HEADROOM, k.packet.len);
	assert_int_equal(world_stat(&w, 0, KITH_STAT_PACKETS_OUT), out);
	inject(&w, 0, &w.nodes[1].addr, k.packet.data + KITH_PACKET_HEADROOM, k.packet.len);
	assert_int_equal(world_stat(&w, 0, KITH_STAT_PACKETS_OUT), out + 1);
	world_run(&w, 100 * KITH_US_PER_MS);
	assert_int_equal(kith_sessions_get(&w.nodes[0].core->sessions, session)->state, KITH_SESSION_OPEN);
	core_world_deinit(&w);
}

/* In a call a COOKIE comes through a home of the callee. */
static void in_a_call_a_cookie_is_answered_only_through_a_home_of_the_callee(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	w.nodes[WORLD_BOB].core->guard.hellos_per_s = 0;
	struct keeper k = { .type = KITH_PKT_COOKIE, .to = &w.nodes[WORLD_ALICE].addr, .swallow = true };
	w.tap = keep_tap;
	w.tap_ctx = &k;
	int since = w.events_n;
	world_dial(&w, WORLD_ALICE, "bob", 0);
	world_run(&w, 200 * KITH_US_PER_MS);
	assert_true(k.seen > 0);
	struct kith_addr victim = world_addr(20);
	uint64_t out = world_stat(&w, WORLD_ALICE, KITH_STAT_PACKETS_OUT);
	inject(&w, WORLD_ALICE, &victim, k.packet.data + KITH_PACKET_HEADROOM, k.packet.len);
	assert_int_equal(world_stat(&w, WORLD_ALICE, KITH_STAT_PACKETS_OUT), out);
	k.swallow = false;
	world_run(&w, 3 * KITH_US_PER_S);
	assert_non_null(world_event(&w, WORLD_ALICE, KITH_EVENT_OPENED, since));
	core_world_deinit(&w);
}

/* The first sealed packet of each session with a supernode is lost: how many were. */
static int unconfirmed_tap(struct core_world *w, struct world_packet *p)
{
	int *lost = w->tap_ctx, from = world_node_at(w, &p->from), to = world_node_at(w, &p->to);
	if (from != WORLD_FAR_ALICE || to < 0 || to > 2 || p->data[KITH_PACKET_HEADROOM] != KITH_PKT_DATA ||
	    lost[to]++ > 0)
		return 1;
	return 0;
}

/* Alice asks for a tunnel in her first message to a home of bob's, and it is opened by the answer: nothing else follows
 * that would show that her confirmation got lost, and the home would forget her and the tunnel. */
static void a_confirmation_that_is_lost_is_noticed(void **state)
{
	struct core_world w;
	int lost[3] = { 0 }, asked = 0;
	(void)state;
	world_far_apart(&w);
	w.tap = unconfirmed_tap;
	w.tap_ctx = lost;
	world_call(&w, WORLD_FAR_ALICE, WORLD_FAR_BOB, NULL);
	world_run(&w, 20 * KITH_US_PER_S);
	for (int i = 0; i < 3; i++) {
		const struct kith_session *s =
			kith_sessions_of(&w.nodes[i].core->sessions, w.nodes[WORLD_FAR_ALICE].core->self.dh_pk);
		asked += lost[i] > 0;
		assert_true(lost[i] == 0 || (s != NULL && s->state == KITH_SESSION_OPEN));
	}
	assert_true(asked > 0);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rejected_caller_is_told_and_the_callee_is_left_alone),
		cmocka_unit_test(a_rejected_caller_cannot_open_the_session_by_speaking_all_the_same),
		cmocka_unit_test(a_blocked_contact_hears_what_is_heard_of_the_silent),
		cmocka_unit_test(a_stranger_does_not_ring_where_only_contacts_may),
		cmocka_unit_test(two_supernodes_that_meet_at_the_same_instant_stay_together),
		cmocka_unit_test(a_node_does_not_make_friends_with_itself),
		cmocka_unit_test(an_address_that_is_a_home_s_is_asked_over_the_session_with_it),
		cmocka_unit_test(first_messages_go_only_where_a_supernode_may_be),
		cmocka_unit_test(a_private_address_is_contacted_within_an_own_network_only),
		cmocka_unit_test(in_a_network_on_private_addresses_all_of_them_are_contacted),
		cmocka_unit_test(the_next_address_of_a_host_is_tried_when_one_is_silent),
		cmocka_unit_test(a_cookie_is_answered_only_where_the_first_message_went),
		cmocka_unit_test(in_a_call_a_cookie_is_answered_only_through_a_home_of_the_callee),
		cmocka_unit_test(a_confirmation_that_is_lost_is_noticed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
