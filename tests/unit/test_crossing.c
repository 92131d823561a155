/* Two who call each other at the same moment have one session, and each operation ends once. */
#include "call_world.h"

#include "base/limits.h"
#include "call/dial.h"

/* The one session that an application has at a node. */
static const struct kith_session *only_call(const struct core_world *w, int node)
{
	uint32_t it = 0;
	const struct kith_session *s, *found = NULL;
	while ((s = kith_table_next(&w->nodes[node].core->sessions.by_index, &it)) != NULL) {
		if (s->use & KITH_USE_PEER) {
			assert_null(found);
			found = s;
		}
	}
	assert_non_null(found);
	return found;
}

/* Both calls ended well, with the same session at both sides, and nothing rings, waits or is told of any more. */
static void expect_one_session(struct core_world *w, const kith_op op[2], int since)
{
	const struct kith_session *s[2];
	for (int i = 0; i < 2; i++) {
		int node = WORLD_ALICE + i;
		int incoming = world_events(w, node, KITH_EVENT_INCOMING, since);
		assert_int_equal(outcome(w, node, op[i], since), 1);
		assert_int_equal(world_events(w, node, KITH_EVENT_OPENED, since), 1);
		/* A prompt that was there already is taken back when the call that it is about becomes our own. */
		assert_true(incoming <= 1);
		assert_int_equal(world_events(w, node, KITH_EVENT_CLOSED, since), incoming);
		assert_int_equal(w->nodes[node].core->deciding, 0);
		assert_null(w->nodes[node].core->ringing);
		assert_int_equal(ops_held(w, node), 0);
		s[i] = only_call(w, node);
		assert_int_equal(s[i]->state, KITH_SESSION_OPEN);
	}
	for (int i = 0; i < 2; i++) {
		uint32_t number;
		const struct kith_sessions *others = &w->nodes[i == 0 ? WORLD_BOB : WORLD_ALICE].core->sessions;
		assert_ptr_equal(kith_sessions_named(others, s[i]->paths.first.name, &number), s[1 - i]);
	}
	assert_int_equal(s[0]->initiator + s[1]->initiator, 1);
}

/* Alice calls, and bob after so many milliseconds; nobody answers a call. */
static void cross(int first, int ms, struct weather *weather, kith_time_us settle_us)
{
	struct core_world w;
	kith_op op[2];
	world_alice_and_bob_sim(&w);
	memset(&ringing, 0, sizeof ringing);
	w.on_event = let_ring;
	w.tap = weather_tap;
	w.tap_ctx = weather;
	int since = w.events_n, second = WORLD_ALICE + WORLD_BOB - first;
	op[first - WORLD_ALICE] = world_dial(&w, first, w.nodes[second].name, 100 * KITH_US_PER_S);
	world_run(&w, ms * KITH_US_PER_MS);
	op[second - WORLD_ALICE] = world_dial(&w, second, w.nodes[first].name, 100 * KITH_US_PER_S);
	world_run(&w, settle_us);
	weather->loss_percent = 0;
	world_run(&w, KITH_DIAL_TIMEOUT_US + 5 * KITH_US_PER_S);
	expect_one_session(&w, op, since);
	if (ms == 0 && weather->late_us == 0) { /* at the same instant nothing has rung yet */
		assert_int_equal(world_events(&w, WORLD_ALICE, KITH_EVENT_INCOMING, since), 0);
		assert_int_equal(world_events(&w, WORLD_BOB, KITH_EVENT_INCOMING, since), 0);
	}
	core_world_deinit(&w);
}

static void two_who_call_each_other_have_one_session_whoever_was_first(void **state)
{
	(void)state;
	for (int first = WORLD_ALICE; first <= WORLD_BOB; first++) {
		for (int ms = 0; ms <= 300; ms += 5) {
			struct weather fair = { .loss_percent = 0 };
			cross(first, ms, &fair, 3 * KITH_US_PER_S);
		}
	}
}

static void two_who_call_each_other_have_one_session_in_bad_weather(void **state)
{
	(void)state;
	for (unsigned seed = 0; seed < 200; seed++) {
		struct weather bad = { .loss_percent = seed % 4 * 10, .late_us = seed % 3 * 150 * KITH_US_PER_MS };
		test_random_init(&bad.random, seed);
		cross(seed % 2 == 0 ? WORLD_ALICE : WORLD_BOB, (int)(seed % 23) * 10, &bad, 20 * KITH_US_PER_S);
	}
}

static void a_crossed_call_that_comes_after_all_is_settled_does_not_ring(void **state)
{
	(void)state;
	for (int node = WORLD_ALICE; node <= WORLD_BOB; node++) {
		struct core_world w;
		kith_op op[2];
		world_alice_and_bob_sim(&w);
		memset(&ringing, 0, sizeof ringing);
		w.on_event = let_ring;
		struct hold hold = { node, w.now + 2 * KITH_US_PER_S };
		w.tap = hold_hello;
		w.tap_ctx = &hold;
		int since = w.events_n;
		op[0] = world_dial(&w, WORLD_ALICE, "bob", 0);
		op[1] = world_dial(&w, WORLD_BOB, "alice", 0);
		world_run(&w, 10 * KITH_US_PER_S);
		expect_one_session(&w, op, since);
		assert_int_equal(ringing.rings, 0);
		core_world_deinit(&w);
	}
}

/* Every session of an application at one side is open and has its other end at the other. */
static void expect_both_ends(const struct core_world *w)
{
	for (int node = WORLD_ALICE; node <= WORLD_BOB; node++) {
		const struct kith_sessions *others = &w->nodes[WORLD_ALICE + WORLD_BOB - node].core->sessions;
		const struct kith_session *s;
		uint32_t it = 0;
		while ((s = kith_table_next(&w->nodes[node].core->sessions.by_index, &it)) != NULL) {
			if (!(s->use & KITH_USE_PEER))
				continue;
			uint32_t number;
			const struct kith_session *other = kith_sessions_named(others, s->paths.first.name, &number);
			assert_int_equal(s->state, KITH_SESSION_OPEN);
			assert_non_null(other);
			assert_ptr_equal(
				kith_sessions_named(&w->nodes[node].core->sessions, other->paths.first.name, &number),
				s);
			assert_int_equal(other->state, KITH_SESSION_OPEN);
		}
	}
}

/* Whoever has taken a call and calls back all the same may want two sessions; but both sides have the same. */
static void calls_that_are_answered_while_they_cross_leave_nothing_half_open(void **state)
{
	(void)state;
	for (unsigned seed = 0; seed < 200; seed++) {
		struct core_world w;
		struct weather bad = { .loss_percent = seed % 4 * 10, .late_us = seed % 3 * 150 * KITH_US_PER_MS };
		int first = seed % 2 == 0 ? WORLD_ALICE : WORLD_BOB, second = WORLD_ALICE + WORLD_BOB - first;
		test_random_init(&bad.random, seed);
		world_alice_and_bob_sim(&w);
		w.tap = weather_tap;
		w.tap_ctx = &bad;
		int since = w.events_n;
		kith_op a = world_dial(&w, first, w.nodes[second].name, 100 * KITH_US_PER_S);
		world_run(&w, (kith_time_us)(seed % 23) * 10 * KITH_US_PER_MS);
		kith_op b = world_dial(&w, second, w.nodes[first].name, 100 * KITH_US_PER_S);
		world_run(&w, 20 * KITH_US_PER_S);
		bad.loss_percent = 0;
		world_run(&w, 2 * KITH_DIAL_TIMEOUT_US);
		assert_int_equal(outcome(&w, first, a, since), 1);
		assert_int_equal(outcome(&w, second, b, since), 1);
		assert_true(calls_held(&w, first) >= 1);
		expect_both_ends(&w);
		core_world_deinit(&w);
	}
}

/* One of two who called each other gives up: the other one's call goes on, rings, and can be taken. */
static void when_one_of_two_crossed_calls_is_given_up_the_other_goes_on(void **state)
{
	(void)state;
	for (int quitter = WORLD_ALICE; quitter <= WORLD_BOB; quitter++) {
		for (int ms = 0; ms <= 240; ms += 5) {
			struct core_world w;
			kith_op op[2];
			world_alice_and_bob_sim(&w);
			memset(&ringing, 0, sizeof ringing);
			w.on_event = world_accept;
			int since = w.events_n, other = WORLD_ALICE + WORLD_BOB - quitter;
			op[0] = world_dial(&w, WORLD_ALICE, "bob", 0);
			op[1] = world_dial(&w, WORLD_BOB, "alice", 0);
			world_run(&w, ms * KITH_US_PER_MS);
			(void)kith_core_cancel(w.nodes[quitter].core, world_clock(&w), op[quitter - WORLD_ALICE]);
			world_drain(&w, quitter);
			world_run(&w, KITH_DIAL_TIMEOUT_US + 20 * KITH_US_PER_S);
			int err = outcome(&w, quitter, op[quitter - WORLD_ALICE], since);
			assert_true(err == 1 || err == KITH_ECANCELED);
			(void)outcome(&w, other, op[other - WORLD_ALICE], since);
			/* Whoever gave up is not connected all the same, but by a call that it was asked about. */
			assert_true(world_events(&w, quitter, KITH_EVENT_OPENED, since) <=
				    world_events(&w, quitter, KITH_EVENT_INCOMING, since) + (err == 1));
			assert_int_equal(calls_held(&w, WORLD_ALICE), calls_held(&w, WORLD_BOB));
			assert_true(calls_held(&w, WORLD_ALICE) <= 1);
			for (int n = WORLD_ALICE; n <= WORLD_BOB; n++) {
				assert_int_equal(world_events(&w, n, KITH_EVENT_OPENED, since) -
							 world_events(&w, n, KITH_EVENT_CLOSED, since),
						 calls_held(&w, n));
				assert_int_equal(ops_held(&w, n), 0);
			}
			core_world_deinit(&w);
		}
	}
}

static void a_call_for_another_service_is_another_call(void **state)
{
	struct core_world w;
	kith_op a, b;
	(void)state;
	world_alice_and_bob(&w);
	for (int i = WORLD_ALICE; i <= WORLD_BOB; i++)
		assert_int_equal(kith_core_serve(w.nodes[i].core, "voice"), 0);
	int since = w.events_n;
	a = world_dial(&w, WORLD_ALICE, "bob", 0);
	assert_int_equal(kith_core_call(w.nodes[WORLD_BOB].core, world_clock(&w), "alice", "voice", 0, &b), 0);
	world_drain(&w, WORLD_BOB);
	world_run(&w, 3 * KITH_US_PER_S);
	assert_int_equal(outcome(&w, WORLD_ALICE, a, since), 1);
	assert_int_equal(outcome(&w, WORLD_BOB, b, since), 1);
	assert_int_equal(calls_held(&w, WORLD_ALICE), 2);
	assert_int_equal(calls_held(&w, WORLD_BOB), 2);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_who_call_each_other_have_one_session_whoever_was_first),
		cmocka_unit_test(two_who_call_each_other_have_one_session_in_bad_weather),
		cmocka_unit_test(a_crossed_call_that_comes_after_all_is_settled_does_not_ring),
		cmocka_unit_test(calls_that_are_answered_while_they_cross_leave_nothing_half_open),
		cmocka_unit_test(when_one_of_two_crossed_calls_is_given_up_the_other_goes_on),
		cmocka_unit_test(a_call_for_another_service_is_another_call),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
