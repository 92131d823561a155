/* Tunnels over two supernodes: a relay-only caller speaks to its own homes, and these to the callee's. */
#include "call_world.h"

#include "base/limits.h"
#include "super/tunnels.h"

static struct kith_session *session_of(struct core_world *w, int node, int other)
{
	return kith_sessions_of(&w->nodes[node].core->sessions, w->nodes[other].id.device_dh.b);
}

/* A call of alice's, who hides from bob, over homes of which none is both's. */
static kith_session_id hidden_call(struct core_world *w, kith_session_id *theirs)
{
	world_far_apart(w);
	pin_relay_only(w, WORLD_FAR_ALICE, WORLD_FAR_BOB);
	return world_call(w, WORLD_FAR_ALICE, WORLD_FAR_BOB, theirs);
}

static uint32_t tunnels_at(const struct core_world *w, int first, int n)
{
	uint32_t sum = 0;
	for (int i = first; i < first + n; i++)
		sum += w->nodes[i].core != NULL ? tunnels_of(w, i) : 0;
	return sum;
}

static void data_flows_both_ways_over_two_supernodes(void **state)
{
	struct core_world w;
	kith_session_id theirs;
	(void)state;
	kith_session_id ours = hidden_call(&w, &theirs);
	world_run(&w, 5 * KITH_US_PER_S);
	assert_int_equal(tunnels_at(&w, 3, 3), KITH_RELAYS_LIVE); /* at alice's homes ... */
	assert_true(tunnels_at(&w, 0, 3) >= KITH_RELAYS_LIVE); /* ... and at bob's */
	int since = w.events_n;
	for (int i = 0; i < 100; i++) {
		assert_int_equal(world_say(&w, WORLD_FAR_ALICE, ours, "there", 5), 0);
		assert_int_equal(world_say(&w, WORLD_FAR_BOB, theirs, "back", 4), 0);
		world_run(&w, 20 * KITH_US_PER_MS);
	}
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(world_events(&w, WORLD_FAR_BOB, KITH_EVENT_DATAGRAM, since), 100);
	assert_int_equal(world_events(&w, WORLD_FAR_ALICE, KITH_EVENT_DATAGRAM, since), 100);
	world_run(&w, 600 * KITH_US_PER_S); /* and it lasts */
	since = w.events_n;
	assert_int_equal(world_say(&w, WORLD_FAR_ALICE, ours, "there", 5), 0);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(world_events(&w, WORLD_FAR_BOB, KITH_EVENT_DATAGRAM, since), 1);
	core_world_deinit(&w);
}

static void when_one_half_goes_the_other_does(void **state)
{
	struct core_world w;
	(void)state;
	hidden_call(&w, NULL);
	world_run(&w, 5 * KITH_US_PER_S);
	assert_true(tunnels_at(&w, 0, 3) > 0);
	for (int i = 3; i < 6; i++)
		kith_session_end(w.nodes[i].core, session_of(&w, i, WORLD_FAR_ALICE), KITH_CLOSE_NORMAL, true);
	world_run(&w, 0);
	for (int i = 3; i < 6; i++) {
		kith_core_tick(w.nodes[i].core, world_clock(&w));
		world_drain(&w, i);
	}
	w.nodes[WORLD_FAR_ALICE].muted = true;
	world_run(&w, 2 * KITH_US_PER_S);
	assert_int_equal(tunnels_at(&w, 3, 3), 0);
	assert_int_equal(tunnels_at(&w, 0, 3), 0); /* long before they are idle */
	core_world_deinit(&w);
}

/* Some node asks a supernode; what it may, opens tunnels. */
static void ask(struct core_world *w, int asker, int of, const struct kith_msg_introduce *m)
{
	uint8_t body[KITH_REQUEST_MAX];
	struct kith_core *c = w->nodes[asker].core;
	size_t len = kith_msg_introduce_write(body, sizeof body, m);
	assert_true(len > 0);
	kith_core_tick(c, world_clock(w));
	world_drain(w, asker);
	kith_outbox_claim(&w->shared->outbox, c, c->stats);
	struct kith_session *s = session_of(w, asker, of);
	assert_non_null(s);
	assert_int_equal(
		kith_session_request(c, s, KITH_REQ_INTRODUCE, test_span(body, len), kith_token(KITH_TOKEN_IGNORE, 0)),
		0);
	kith_core_tick(c, world_clock(w));
	world_drain(w, asker);
	world_run(w, KITH_US_PER_S);
}

static struct kith_msg_introduce to_bob(const struct core_world *w)
{
	struct kith_msg_introduce m = { .packet = { NULL, 0 } };
	memcpy(m.device, w->nodes[WORLD_FAR_BOB].id.device_dh.b, sizeof m.device);
	return m;
}

static void only_a_supernode_speaks_for_somebody_else(void **state)
{
	struct core_world w;
	(void)state;
	world_far_apart(&w);
	struct kith_msg_introduce m = to_bob(&w);
	m.second = true;
	m.caller = w.nodes[WORLD_FAR_ALICE].id.identity;
	m.leg = 77;
	w.bootstrap = 0; /* among bob's homes */
	int carol = world_start(&w, "carol", false);
	world_run(&w, 5 * KITH_US_PER_S);
	ask(&w, carol, 0, &m); /* a leaf */
	assert_int_equal(tunnels_at(&w, 0, 6), 0);
	core_world_deinit(&w);
}

/* Notes what the supernode sends to where only its record names somebody. */
static int named_tap(struct core_world *w, struct world_packet *p)
{
	const struct kith_addr named = world_addr(WORLD_NODES - 1);
	*(int *)w->tap_ctx += kith_addr_equal(&p->to, &named);
	return 1;
}

static void a_home_chains_for_its_leaves_and_to_members_only(void **state)
{
	struct core_world w;
	int named = 0;
	(void)state;
	world_far_apart(&w);
	w.tap = named_tap;
	w.tap_ctx = &named;
	struct kith_msg_introduce m = to_bob(&w);
	m.chained = true;
	m.via = w.nodes[0].id.device_dh;
	ask(&w, 1, 3, &m); /* a supernode is no leaf of that one's */
	assert_int_equal(tunnels_at(&w, 0, 6), 0);
	m.via = w.nodes[WORLD_FAR_BOB].id.device_dh; /* no member */
	ask(&w, WORLD_FAR_ALICE, 3, &m);
	memset(&m.via, 7, sizeof m.via);
	ask(&w, WORLD_FAR_ALICE, 3, &m);
	assert_int_equal(tunnels_at(&w, 0, 6), 0);
	m.via = w.nodes[0].id.device_dh;
	ask(&w, WORLD_FAR_ALICE, 3, &m);
	assert_int_equal(tunnels_at(&w, 0, 6), 2);
	m.via = w.nodes[4].id.device_dh; /* where bob is not */
	ask(&w, WORLD_FAR_ALICE, 3, &m);
	assert_int_equal(tunnels_at(&w, 0, 6), 2);
	assert_int_equal(named, 0);
	core_world_deinit(&w);
}

/* Through two supernodes, too, who is blocked hears that nobody is there, and carries a call and no more. */
static void the_callee_has_a_say_there_too(void **state)
{
	struct core_world w;
	(void)state;
	world_far_apart(&w);
	struct kith_msg_introduce m = to_bob(&w);
	m.chained = true;
	m.via = w.nodes[0].id.device_dh;
	for (int i = 0; i < 10; i++)
		ask(&w, WORLD_FAR_ALICE, 3, &m);
	assert_int_equal(tunnels_of(&w, 0), KITH_TUNNEL_CALLS_PER_CALLER);
	assert_int_equal(kith_core_pin(w.nodes[WORLD_FAR_BOB].core, world_clock(&w), "alice",
				       &w.nodes[WORLD_FAR_ALICE].id.identity, KITH_CONTACT_BLOCKED, false),
			 0);
	world_drain(&w, WORLD_FAR_BOB);
	world_run(&w, KITH_US_PER_S);
	m.via = w.nodes[1].id.device_dh;
	ask(&w, WORLD_FAR_ALICE, 3, &m);
	assert_int_equal(tunnels_of(&w, 1), 0);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data_flows_both_ways_over_two_supernodes),
		cmocka_unit_test(when_one_half_goes_the_other_does),
		cmocka_unit_test(only_a_supernode_speaks_for_somebody_else),
		cmocka_unit_test(a_home_chains_for_its_leaves_and_to_members_only),
		cmocka_unit_test(the_callee_has_a_say_there_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
