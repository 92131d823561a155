/* Introductions and tunnels at a home that does not trust who asks. */
#include "call_world.h"

#include "base/limits.h"
#include "call/relays.h"
#include "link/connect.h"
#include "super/tunnels.h"

/* Alice asks one of her homes for something by hand; the status of the answer is read off the wire-level result of its
 * handler, so here only what the home and bob do is looked at. */
static void ask_from(struct core_world *w, int asker, int home, const uint8_t device[KITH_DEVICE_ID_LEN],
		     struct kith_span packet)
{
	struct kith_core *c = w->nodes[asker].core;
	uint8_t body[KITH_REQUEST_MAX];
	struct kith_msg_introduce m = { .packet = packet };
	memcpy(m.device, device, KITH_DEVICE_ID_LEN);
	size_t len = kith_msg_introduce_write(body, sizeof body, &m);
	assert_true(len > 0);
	kith_core_tick(c, world_clock(w));
	world_drain(w, asker);
	kith_outbox_claim(&w->shared->outbox, c, c->stats);
	struct kith_session *s = kith_sessions_of(&c->sessions, w->nodes[home].id.device_dh.b);
	assert_non_null(s);
	assert_int_equal(
		kith_session_request(c, s, KITH_REQ_INTRODUCE, test_span(body, len), kith_token(KITH_TOKEN_IGNORE, 0)),
		0);
	kith_core_tick(c, world_clock(w)); /* seals */
	world_drain(w, asker);
	world_run(w, 200 * KITH_US_PER_MS);
}

static void ask_home(struct core_world *w, int home, const uint8_t device[KITH_DEVICE_ID_LEN], struct kith_span packet)
{
	ask_from(w, WORLD_ALICE, home, device, packet);
}

static void only_devices_attached_here_are_reached(void **state)
{
	struct core_world w;
	uint8_t nobody[KITH_DEVICE_ID_LEN] = { 9, 9, 9 };
	(void)state;
	world_alice_and_bob(&w);
	ask_home(&w, 0, nobody, test_span(NULL, 0));
	assert_int_equal(tunnels_of(&w, 0), 0);
	ask_home(&w, 0, w.nodes[WORLD_ALICE].id.device_dh.b, test_span(NULL, 0)); /* oneself */
	assert_int_equal(tunnels_of(&w, 0), 0);
	ask_home(&w, 0, w.nodes[1].id.device_dh.b, test_span(NULL, 0)); /* a supernode, which is no leaf */
	assert_int_equal(tunnels_of(&w, 0), 0);
	ask_home(&w, 0, w.nodes[WORLD_BOB].id.device_dh.b, test_span(NULL, 0));
	assert_int_equal(tunnels_of(&w, 0), 1);
	core_world_deinit(&w);
}

static void nothing_is_passed_on_that_would_make_a_leaf_speak_for_its_home(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	unsigned heard = 0; /* of types after which bob had a packet */
	for (unsigned type = 0; type < 256; type++) {
		uint8_t packet[100] = { (uint8_t)type };
		uint32_t before = tunnels_of(&w, 0);
		world_run(&w, KITH_US_PER_S / KITH_INTRODUCTIONS_PER_S);
		uint64_t in = world_stat(&w, WORLD_BOB, KITH_STAT_PACKETS_IN);
		ask_home(&w, 0, w.nodes[WORLD_BOB].id.device_dh.b, test_span(packet, sizeof packet));
		bool passed = type == KITH_PKT_HELLO || type == KITH_PKT_DATA;
		assert_int_equal(tunnels_of(&w, 0) - before, passed);
		heard += !passed && world_stat(&w, WORLD_BOB, KITH_STAT_PACKETS_IN) > in;
	}
	assert_true(heard <= 16); /* answers to keepalives, now and then */
	core_world_deinit(&w);
}

static void who_asks_for_too_many_is_limited(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	for (int i = 0; i < 3 * KITH_INTRODUCTIONS_BURST; i++) {
		ask_home(&w, 0, w.nodes[WORLD_BOB].id.device_dh.b, test_span(NULL, 0));
		w.now -= 200 * KITH_US_PER_MS; /* all in one instant */
		for (int k = 0; k < w.n; k++)
			w.nodes[k].core->now.mono_us = w.now;
	}
	assert_true(tunnels_of(&w, 0) <= KITH_INTRODUCTIONS_BURST + 2);
	assert_true(world_stat(&w, 0, KITH_STAT_REQUESTS_LIMITED) > 0);
	core_world_deinit(&w);
}

static void asking_for_somebody_who_is_not_there_costs_as_much(void **state)
{
	struct core_world w;
	uint8_t nobody[KITH_DEVICE_ID_LEN] = { 9, 9, 9 };
	(void)state;
	world_alice_and_bob(&w);
	for (int i = 0; i < 3 * KITH_INTRODUCTIONS_BURST; i++)
		ask_home(&w, 0, nobody, test_span(NULL, 0));
	assert_true(world_stat(&w, 0, KITH_STAT_REQUESTS_LIMITED) > 0);
	core_world_deinit(&w);
}

/* A second device of alice's, which she may certify herself, does not get a second share. */
static void devices_of_one_identity_share_its_introductions(void **state)
{
	struct core_world w;
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 3, (const char *const[]){ NULL });
	int first = world_further(&w, "alice", 3);
	int bob = world_start(&w, "bob", false);
	int second = world_further(&w, "alice", 3);
	world_run(&w, 5 * KITH_US_PER_S);
	for (int i = 0; i < 2 * KITH_INTRODUCTIONS_BURST; i++) {
		ask_from(&w, i % 2 != 0 ? first : second, 0, w.nodes[bob].id.device_dh.b, test_span(NULL, 0));
		w.now -= 200 * KITH_US_PER_MS; /* all in one instant */
		for (int k = 0; k < w.n; k++)
			w.nodes[k].core->now.mono_us = w.now;
	}
	const uint64_t refused = world_stat(&w, 0, KITH_STAT_REQUESTS_LIMITED);
	assert_true(refused <= KITH_INTRODUCTIONS_BURST && refused + 2 >= KITH_INTRODUCTIONS_BURST);
	assert_int_equal(tunnels_of(&w, 0), KITH_TUNNEL_CALLS_PER_CALLER); /* and those share what waits to be wanted */
	core_world_deinit(&w);
}

/* Nor a second bucket for what is relayed: both devices' legs are paid for by one owner, bob's by another. */
static void devices_of_one_identity_share_the_rate_of_a_relay(void **state)
{
	struct core_world w;
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 3, (const char *const[]){ NULL });
	int first = world_further(&w, "alice", 3);
	int bob = world_start(&w, "bob", false);
	int second = world_further(&w, "alice", 3);
	world_run(&w, 5 * KITH_US_PER_S);
	ask_from(&w, first, 0, w.nodes[bob].id.device_dh.b, test_span(NULL, 0));
	ask_from(&w, second, 0, w.nodes[bob].id.device_dh.b, test_span(NULL, 0));
	assert_int_equal(tunnels_of(&w, 0), 2);
	assert_int_equal(w.nodes[0].core->super->fwd.owners.n, 2);
	core_world_deinit(&w);
}

static int note_tunnel_tap(struct core_world *w, struct world_packet *p)
{
	struct world_packet *note = w->tap_ctx;
	if (note->len == 0 && p->data[KITH_PACKET_HEADROOM] == KITH_PKT_TUNNEL &&
	    kith_addr_equal(&p->from, &w->nodes[WORLD_ALICE].addr))
		*note = *p;
	return 1;
}

static void a_tunnel_takes_packets_from_its_end_only(void **state)
{
	struct core_world w;
	struct world_packet note = { .len = 0 };
	(void)state;
	world_alice_and_bob(&w);
	assert_int_equal(kith_core_pin(w.nodes[WORLD_ALICE].core, world_clock(&w), "bob",
				       &w.nodes[WORLD_BOB].id.identity, KITH_CONTACT_RELAY_ONLY, false),
			 0);
	world_drain(&w, WORLD_ALICE);
	kith_session_id s = world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	w.tap = note_tunnel_tap;
	w.tap_ctx = &note;
	assert_int_equal(world_say(&w, WORLD_ALICE, s, "hello", 5), 0);
	world_run(&w, 10 * KITH_US_PER_MS);
	assert_true(note.len > 0);
	int home = world_node_at(&w, &note.to);
	uint64_t relayed = world_stat(&w, home, KITH_STAT_RELAYED_PACKETS);
	struct kith_packet p = { .data = note.data + KITH_PACKET_HEADROOM, .len = note.len, .remote = world_addr(20) };
	kith_core_input(w.nodes[home].core, world_clock(&w), &p, 1);
	world_drain(&w, home);
	assert_int_equal(world_stat(&w, home, KITH_STAT_DROP_TUNNEL_SOURCE), 1);
	assert_int_equal(world_stat(&w, home, KITH_STAT_RELAYED_PACKETS), relayed);
	core_world_deinit(&w);
}

static void a_supernode_can_be_called_like_anybody(void **state)
{
	struct core_world w;
	(void)state;
	world_far_apart(&w);
	world_call(&w, WORLD_FAR_ALICE, 1, NULL); /* no home of alice's */
	world_call(&w, WORLD_FAR_BOB, 1, NULL); /* a home of bob's */
	int since = w.events_n;
	world_dial(&w, 1, "bob", 0); /* and it can call */
	world_run(&w, 3 * KITH_US_PER_S);
	assert_non_null(world_event(&w, 1, KITH_EVENT_OPENED, since));
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_devices_attached_here_are_reached),
		cmocka_unit_test(nothing_is_passed_on_that_would_make_a_leaf_speak_for_its_home),
		cmocka_unit_test(who_asks_for_too_many_is_limited),
		cmocka_unit_test(asking_for_somebody_who_is_not_there_costs_as_much),
		cmocka_unit_test(devices_of_one_identity_share_its_introductions),
		cmocka_unit_test(devices_of_one_identity_share_the_rate_of_a_relay),
		cmocka_unit_test(a_tunnel_takes_packets_from_its_end_only),
		cmocka_unit_test(a_supernode_can_be_called_like_anybody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
