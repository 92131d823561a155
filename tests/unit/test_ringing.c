/* Calls that come: what rings, for how long, and what does not ring. */
#include "call_world.h"

#include "base/limits.h"
#include "call/dial.h"

static void a_call_may_be_accepted_late(void **state)
{
	struct core_world w;
	(void)state;
	world_lets_ring(&w);
	int since = w.events_n;
	kith_op op = world_dial(&w, WORLD_ALICE, "bob", 0);
	world_run(&w, 5 * KITH_US_PER_S);
	assert_int_equal(ringing.rings, 1);
	assert_null(world_event(&w, WORLD_ALICE, KITH_EVENT_OPENED, since));
	assert_int_equal(kith_core_accept(w.nodes[WORLD_BOB].core, world_clock(&w), ringing.session), 0);
	world_drain(&w, WORLD_BOB);
	assert_int_equal(kith_core_accept(w.nodes[WORLD_BOB].core, world_clock(&w), ringing.session), KITH_ESTATE);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(outcome(&w, WORLD_ALICE, op, since), 1);
	assert_int_equal(ringing.rings, 1);
	core_world_deinit(&w);
}

static void a_call_nobody_answers_ends_on_both_sides(void **state)
{
	struct core_world w;
	(void)state;
	world_lets_ring(&w);
	int since = w.events_n;
	kith_op op = world_dial(&w, WORLD_ALICE, "bob", 0);
	world_run(&w, KITH_DIAL_TIMEOUT_US + KITH_CANCEL_US + KITH_US_PER_S);
	int err = outcome(&w, WORLD_ALICE, op, since);
	assert_true(err == KITH_ETIMEDOUT || err == KITH_EUNREACHABLE);
	assert_int_equal(ringing.rings, 1);
	const struct world_event *closed = world_event(&w, WORLD_BOB, KITH_EVENT_CLOSED, since);
	assert_non_null(closed);
	assert_int_equal(closed->ev.session, ringing.session);
	assert_int_equal(kith_core_accept(w.nodes[WORLD_BOB].core, world_clock(&w), ringing.session), KITH_ENOENT);
	assert_int_equal(calls_held(&w, WORLD_ALICE) + calls_held(&w, WORLD_BOB), 0);
	assert_int_equal(w.nodes[WORLD_BOB].core->deciding, 0);
	core_world_deinit(&w);
}

static void a_service_that_is_not_offered_is_refused_without_ringing(void **state)
{
	struct core_world w;
	kith_op op;
	(void)state;
	world_alice_and_bob(&w);
	int since = w.events_n;
	assert_int_equal(kith_core_call(w.nodes[WORLD_ALICE].core, world_clock(&w), "bob", "voice", 0, &op), 0);
	world_drain(&w, WORLD_ALICE);
	world_run(&w, KITH_DIAL_TIMEOUT_US + 5 * KITH_US_PER_S); /* so long the answer can be repeated */
	assert_int_equal(outcome(&w, WORLD_ALICE, op, since), KITH_EREJECTED);
	assert_null(world_event(&w, WORLD_BOB, KITH_EVENT_INCOMING, since));
	assert_int_equal(calls_held(&w, WORLD_ALICE) + calls_held(&w, WORLD_BOB), 0);
	core_world_deinit(&w);
}

static void a_callee_stops_ringing_when_the_caller_gives_up(void **state)
{
	(void)state;
	for (unsigned seed = 0; seed < 30; seed++) {
		struct core_world w;
		struct weather weather = { .loss_percent = seed % 3 * 10 };
		test_random_init(&weather.random, seed);
		world_alice_and_bob_sim(&w);
		memset(&ringing, 0, sizeof ringing);
		w.on_event = let_ring;
		w.tap = weather_tap;
		w.tap_ctx = &weather;
		int since = w.events_n;
		/* By hand, or because the time that it was given is over. */
		kith_op op = world_dial(&w, WORLD_ALICE, "bob", (seed % 2 == 0 ? 20 : 6) * KITH_US_PER_S);
		world_run(&w, 5 * KITH_US_PER_S);
		assert_int_equal(ringing.rings, 1);
		assert_null(world_event(&w, WORLD_BOB, KITH_EVENT_CLOSED, since));
		if (seed % 2 == 0)
			assert_int_equal(kith_core_cancel(w.nodes[WORLD_ALICE].core, world_clock(&w), op), 0);
		world_drain(&w, WORLD_ALICE);
		world_run(&w, KITH_US_PER_S + KITH_CANCEL_US + KITH_US_PER_S);
		const struct world_event *closed = world_event(&w, WORLD_BOB, KITH_EVENT_CLOSED, since);
		assert_non_null(closed);
		assert_int_equal(closed->ev.session, ringing.session);
		assert_int_equal(closed->ev.reason, KITH_CLOSE_CANCELED);
		assert_true(closed->ev.remote);
		assert_int_equal(outcome(&w, WORLD_ALICE, op, since), seed % 2 == 0 ? KITH_ECANCELED : KITH_ETIMEDOUT);
		assert_int_equal(ringing.rings, 1); /* and no copy that comes late rings again */
		assert_int_equal(w.nodes[WORLD_BOB].core->deciding, 0);
		assert_int_equal(calls_held(&w, WORLD_ALICE) + calls_held(&w, WORLD_BOB), 0);
		core_world_deinit(&w);
	}
}

static void a_call_that_comes_after_its_own_end_does_not_ring(void **state)
{
	struct core_world w;
	(void)state;
	world_lets_ring(&w);
	struct hold hold = { WORLD_BOB, w.now + 500 * KITH_US_PER_MS };
	w.tap = hold_hello;
	w.tap_ctx = &hold;
	kith_op op = world_dial(&w, WORLD_ALICE, "bob", 0);
	world_run(&w, 500 * KITH_US_PER_MS);
	assert_int_equal(kith_core_cancel(w.nodes[WORLD_ALICE].core, world_clock(&w), op), 0);
	world_drain(&w, WORLD_ALICE);
	world_run(&w, 10 * KITH_US_PER_S);
	assert_int_equal(ringing.rings, 0);
	assert_true(world_stat(&w, WORLD_BOB, KITH_STAT_REFUSE_STALE) > 0);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_may_be_accepted_late),
		cmocka_unit_test(a_call_nobody_answers_ends_on_both_sides),
		cmocka_unit_test(a_service_that_is_not_offered_is_refused_without_ringing),
		cmocka_unit_test(a_callee_stops_ringing_when_the_caller_gives_up),
		cmocka_unit_test(a_call_that_comes_after_its_own_end_does_not_ring),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
