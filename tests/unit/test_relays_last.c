/* Calls over relays last. */
#include "call_world.h"

#include "base/alloc.h"
#include "base/limits.h"
#include "call/talk.h"
#include "path/pacer.h"

/* The longest time without a datagram at `to`, while `from` says one thing every 200 ms. */
static kith_time_us longest_gap(struct core_world *w, int from, kith_session_id session, int to, kith_time_us us)
{
	kith_time_us last = w->now, gap = 0, end = w->now + us;
	while (w->now < end) {
		int since = w->events_n;
		if (world_say(w, from, session, "tick", 4) != 0)
			return KITH_TIME_NEVER;
		world_run(w, 200 * KITH_US_PER_MS);
		const struct world_event *got = world_event(w, to, KITH_EVENT_DATAGRAM, since);
		if (got != NULL) {
			gap = got->at - last > gap ? got->at - last : gap;
			last = got->at;
		}
		w->events_n = since;
	}
	return w->now - last > gap ? w->now - last : gap;
}

static void a_relayed_call_goes_on_for_as_long_as_it_likes(void **state)
{
	struct core_world w;
	kith_session_id theirs;
	(void)state;
	world_far_apart(&w);
	pin_relay_only(&w, WORLD_FAR_BOB, WORLD_FAR_ALICE);
	kith_session_id ours = world_call(&w, WORLD_FAR_ALICE, WORLD_FAR_BOB, &theirs);
	assert_true(longest_gap(&w, WORLD_FAR_ALICE, ours, WORLD_FAR_BOB, 600 * KITH_US_PER_S) < KITH_US_PER_S);
	assert_int_equal(world_say(&w, WORLD_FAR_BOB, theirs, "back", 4), 0);
	world_run(&w, KITH_US_PER_S);
	assert_non_null(world_event(&w, WORLD_FAR_ALICE, KITH_EVENT_DATAGRAM, 0));
	core_world_deinit(&w);
}

/* The same while nobody says anything. */
static void an_idle_relayed_session_is_there_after_an_hour(void **state)
{
	struct core_world w;
	kith_session_id theirs;
	(void)state;
	world_far_apart(&w);
	pin_relay_only(&w, WORLD_FAR_BOB, WORLD_FAR_ALICE);
	kith_session_id ours = world_call(&w, WORLD_FAR_ALICE, WORLD_FAR_BOB, &theirs);
	world_run(&w, 3600 * KITH_US_PER_S);
	int since = w.events_n;
	assert_int_equal(world_say(&w, WORLD_FAR_ALICE, ours, "x", 1), 0);
	assert_int_equal(world_say(&w, WORLD_FAR_BOB, theirs, "y", 1), 0);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(world_events(&w, WORLD_FAR_BOB, KITH_EVENT_DATAGRAM, since), 1);
	assert_int_equal(world_events(&w, WORLD_FAR_ALICE, KITH_EVENT_DATAGRAM, since), 1);
	core_world_deinit(&w);
}

static void a_call_survives_the_death_of_its_relay(void **state)
{
	struct core_world w;
	struct kith_path_info paths[KITH_PATHS_MAX];
	(void)state;
	world_far_apart(&w);
	pin_relay_only(&w, WORLD_FAR_BOB, WORLD_FAR_ALICE);
	kith_session_id ours = world_call(&w, WORLD_FAR_ALICE, WORLD_FAR_BOB, NULL);
	assert_true(longest_gap(&w, WORLD_FAR_ALICE, ours, WORLD_FAR_BOB, 10 * KITH_US_PER_S) < KITH_US_PER_S);
	size_t n = kith_core_paths(w.nodes[WORLD_FAR_ALICE].core, world_clock(&w), ours, paths, KITH_PATHS_MAX);
	assert_int_equal(n, KITH_RELAYS_LIVE);
	int relay = -1;
	for (size_t i = 0; i < n; i++)
		relay = paths[i].sending ? world_node_at(&w, &paths[i].remote) : relay;
	assert_true(relay >= 0);
	w.nodes[relay].muted = true;
	assert_true(longest_gap(&w, WORLD_FAR_ALICE, ours, WORLD_FAR_BOB, 30 * KITH_US_PER_S) < 1500 * KITH_US_PER_MS);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_relayed_call_goes_on_for_as_long_as_it_likes),
		cmocka_unit_test(an_idle_relayed_session_is_there_after_an_hour),
		cmocka_unit_test(a_call_survives_the_death_of_its_relay),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
