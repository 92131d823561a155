/* What the application is told of the end of its sessions. */
#include "core_world.h"

#include "base/alloc.h"
#include "base/limits.h"
#include "call/talk.h"
#include "path/pacer.h"

/* Keeps what goes to bob. */
struct held {
	struct world_packet packet[64];
	int n;
};

static void both_sides_hear_of_the_end_and_why(void **state)
{
	struct core_world w;
	kith_session_id theirs;
	(void)state;
	world_alice_and_bob(&w);
	kith_session_id ours = world_call(&w, WORLD_ALICE, WORLD_BOB, &theirs);
	uint32_t held[2] = { w.nodes[WORLD_ALICE].core->sessions.by_index.n,
			     w.nodes[WORLD_BOB].core->sessions.by_index.n };
	assert_int_equal(kith_core_close(w.nodes[WORLD_ALICE].core, world_clock(&w), ours, KITH_CLOSE_BUSY), 0);
	assert_int_equal(kith_core_close(w.nodes[WORLD_ALICE].core, world_clock(&w), ours, KITH_CLOSE_BUSY),
			 KITH_ENOENT);
	world_drain(&w, WORLD_ALICE);
	world_run(&w, KITH_US_PER_S);
	const struct world_event *a = world_event(&w, WORLD_ALICE, KITH_EVENT_CLOSED, 0),
				 *b = world_event(&w, WORLD_BOB, KITH_EVENT_CLOSED, 0);
	assert_non_null(a);
	assert_non_null(b);
	assert_false(a->ev.remote);
	assert_true(b->ev.remote);
	assert_int_equal(b->ev.session, theirs);
	assert_int_equal(b->ev.reason, KITH_CLOSE_BUSY);
	assert_int_equal(w.nodes[WORLD_ALICE].core->sessions.by_index.n, held[0] - 1);
	assert_int_equal(w.nodes[WORLD_BOB].core->sessions.by_index.n, held[1] - 1);
	core_world_deinit(&w);
}

static void whoever_vanishes_from_a_session_is_missed_at_once_and_given_up_after_a_minute(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	kith_session_id ours = world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	w.nodes[WORLD_BOB].muted = true;
	int since = w.events_n;
	kith_time_us start = w.now;
	for (int i = 0; i < 350 && world_event(&w, WORLD_ALICE, KITH_EVENT_CLOSED, since) == NULL; i++) {
		int err = world_say(&w, WORLD_ALICE, ours, "hello?", 6);
		assert_true(err == 0 || err == KITH_ENOENT || err == KITH_EAGAIN); /* the circuit breaker */
		world_run(&w, 200 * KITH_US_PER_MS);
	}
	const struct world_event *closed = world_event(&w, WORLD_ALICE, KITH_EVENT_CLOSED, since);
	const struct world_event *missed = world_event(&w, WORLD_ALICE, KITH_EVENT_INTERRUPTED, since);
	assert_non_null(closed);
	assert_int_equal(closed->ev.reason, KITH_CLOSE_TIMED_OUT);
	assert_false(closed->ev.remote);
	assert_true(w.now - start >= KITH_PATIENCE_US);
	assert_non_null(missed);
	assert_in_range(missed->at - start, KITH_INTERRUPTED_US, 2 * KITH_US_PER_S);
	assert_true(missed->ev.silent_us >= missed->at - start);
	assert_null(world_event(&w, WORLD_ALICE, KITH_EVENT_RESUMED, since));
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_sides_hear_of_the_end_and_why),
		cmocka_unit_test(whoever_vanishes_from_a_session_is_missed_at_once_and_given_up_after_a_minute),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
