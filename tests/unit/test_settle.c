/* What a call leaves behind is settled when it ends: once, in order, and nothing stays. */
#include "core_world.h"

#include "base/limits.h"
#include "call/op.h"
#include "core/settle.h"

enum { CALLS = 5 };

static uint32_t held(const struct kith_core *c)
{
	return c->sessions.by_index.n;
}

/* Several end within one call, one of them twice: each is told once, after the call none is there. */
static void whatever_ends_in_a_call_is_told_once_and_gone_after_it(void **state)
{
	struct core_world w;
	kith_session_id id[CALLS];
	(void)state;
	world_alice_and_bob(&w);
	struct kith_core *c = w.nodes[WORLD_ALICE].core;
	for (int i = 0; i < CALLS; i++)
		id[i] = world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	uint32_t before = held(c);
	int since = w.events_n;
	kith_core_enter(c, world_clock(&w));
	for (int i = 0; i < CALLS; i++)
		kith_session_end(c, kith_peer_get(c, id[i]), KITH_CLOSE_NORMAL, false);
	kith_session_end(c, kith_sessions_find(&c->sessions, id[0]), KITH_CLOSE_LIMIT, false);
	assert_int_equal(c->ended_n, CALLS);
	assert_null(kith_peer_get(c, id[0])); /* not found any more, though its last words are not sealed yet */
	assert_int_equal(held(c), before);
	kith_core_settle(c);
	assert_int_equal(held(c), before - CALLS);
	assert_int_equal(c->ended_n, 0);
	assert_null(c->ended);
	world_drain(&w, WORLD_ALICE);
	for (int i = 0, told = 0; i < CALLS; i++, told = 0) {
		for (int k = since; k < w.events_n; k++)
			told += w.events[k].node == WORLD_ALICE && w.events[k].ev.type == KITH_EVENT_CLOSED &&
				w.events[k].ev.session == id[i];
		assert_int_equal(told, 1);
	}
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(world_events(&w, WORLD_BOB, KITH_EVENT_CLOSED, since), CALLS);
	core_world_deinit(&w);
}

/* However often it is touched: one place in the list, one timer, and nothing left for the next call. */
static void every_session_that_was_touched_is_armed_once(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	for (int i = 0; i < CALLS; i++)
		(void)world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	struct kith_core *c = w.nodes[WORLD_ALICE].core;
	uint32_t it = 0;
	struct kith_session *s;
	kith_core_enter(c, world_clock(&w));
	for (int round = 0; round < 3; round++, it = 0) {
		while ((s = kith_table_next(&c->sessions.by_index, &it)) != NULL) {
			kith_session_touch(c, s);
			assert_int_equal(kith_env(c, s)->session, s->index);
			kith_timers_stop(&c->timers, &s->timer);
		}
	}
	assert_int_equal(c->touched_n, held(c));
	kith_core_settle(c);
	assert_int_equal(c->touched_n, 0);
	while ((s = kith_table_next(&c->sessions.by_index, &it)) != NULL) {
		assert_true(kith_timer_is_set(&s->timer));
		assert_false(s->touched);
	}
	core_world_deinit(&w);
}

/* Sessions that are made and taken back within a call, more of them than there are places. */
static void sessions_that_came_to_nothing_take_no_place(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	struct kith_core *c = w.nodes[WORLD_ALICE].core;
	kith_core_enter(c, world_clock(&w));
	for (int i = 0; i < 100; i++) {
		struct kith_session *s = kith_session_new(c, KITH_SESSION_INITIATING);
		assert_non_null(s);
		kith_session_drop(c, s);
	}
	assert_true(c->touched_n <= c->touched_cap);
	assert_true(c->touched_cap <= 2 * (held(c) + 1));
	kith_core_settle(c);
	(void)world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	core_world_deinit(&w);
}

static void the_last_event_of_a_node_is_that_it_left(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	for (int i = 0; i < CALLS; i++)
		(void)world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	int since = w.events_n;
	kith_core_leave(w.nodes[WORLD_ALICE].core, world_clock(&w), KITH_US_PER_S);
	world_drain(&w, WORLD_ALICE);
	world_run(&w, 2 * KITH_US_PER_S);
	const struct world_event *last = NULL;
	for (int i = since; i < w.events_n; i++) {
		if (w.events[i].node == WORLD_ALICE)
			last = &w.events[i];
	}
	assert_non_null(last);
	assert_int_equal(last->ev.type, KITH_EVENT_LEFT);
	assert_int_equal(world_events(&w, WORLD_ALICE, KITH_EVENT_CLOSED, since), CALLS);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_ends_in_a_call_is_told_once_and_gone_after_it),
		cmocka_unit_test(every_session_that_was_touched_is_armed_once),
		cmocka_unit_test(sessions_that_came_to_nothing_take_no_place),
		cmocka_unit_test(the_last_event_of_a_node_is_that_it_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
