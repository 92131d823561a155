/* Watching names: what the application is told of others coming and going, and when. */
#include "core_world.h"

#include "base/limits.h"
#include "leaf/watching.h"

/* Stated bound for an unclean exit, with time for the report to travel and be agreed on. */
#define VANISH_BOUND_US (KITH_LEAF_VANISH_US + 5 * KITH_US_PER_S)

static void watch(struct core_world *w, int node, const char *name)
{
	assert_int_equal(kith_core_watch(w->nodes[node].core, world_clock(w), name), 0);
	world_drain(w, node);
}

/* The last that node was told of the name: 1 online, 0 offline, -1 nothing. */
static int told(const struct core_world *w, int node, const char *name, int since, kith_time_us *at)
{
	int last = -1;
	for (int i = since; i < w->events_n; i++) {
		const struct world_event *e = &w->events[i];
		if (e->node != node || e->ev.type != KITH_EVENT_PRESENCE || strcmp(e->ev.name, name) != 0)
			continue;
		last = e->ev.online;
		if (at != NULL)
			*at = e->at;
	}
	return last;
}

static void the_present_state_is_told_first(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	watch(&w, WORLD_ALICE, "bob");
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(told(&w, WORLD_ALICE, "bob", 0, NULL), 1);
	assert_int_equal(world_events(&w, WORLD_ALICE, KITH_EVENT_PRESENCE, 0), 1);
	core_world_deinit(&w);
}

static void a_name_nobody_is_online_under_is_told_as_offline(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	watch(&w, WORLD_ALICE, "carol");
	world_run(&w, 10 * KITH_US_PER_S);
	assert_int_equal(told(&w, WORLD_ALICE, "carol", 0, NULL), 0);
	assert_int_equal(world_events(&w, WORLD_ALICE, KITH_EVENT_PRESENCE, 0), 1);
	/* When she comes, that is told at once. */
	kith_time_us at = 0, t0 = w.now;
	world_start(&w, "carol", false);
	world_run(&w, 10 * KITH_US_PER_S);
	assert_int_equal(told(&w, WORLD_ALICE, "carol", 0, &at), 1);
	assert_true(at - t0 < 2 * KITH_US_PER_S);
	core_world_deinit(&w);
}

static void a_goodbye_is_told_at_once(void **state)
{
	struct core_world w;
	kith_time_us at = 0;
	(void)state;
	world_alice_and_bob(&w);
	watch(&w, WORLD_ALICE, "bob");
	world_run(&w, KITH_US_PER_S);
	kith_time_us t0 = w.now;
	kith_core_leave(w.nodes[WORLD_BOB].core, world_clock(&w), 2 * KITH_US_PER_S);
	world_drain(&w, WORLD_BOB);
	world_run(&w, 5 * KITH_US_PER_S);
	assert_int_equal(told(&w, WORLD_ALICE, "bob", 0, &at), 0);
	assert_true(at - t0 < KITH_US_PER_S);
	core_world_deinit(&w);
}

/* The same with homes that differ, so that all goes through the directory. */
static void whoever_vanishes_is_told_within_the_stated_bound(void **state)
{
	(void)state;
	for (int far = 0; far < 2; far++) {
		struct core_world w;
		kith_time_us at = 0;
		if (far)
			world_far_apart(&w);
		else
			world_alice_and_bob(&w);
		int alice = far ? WORLD_FAR_ALICE : WORLD_ALICE, bob = far ? WORLD_FAR_BOB : WORLD_BOB;
		watch(&w, alice, "bob");
		world_run(&w, 30 * KITH_US_PER_S);
		assert_int_equal(told(&w, alice, "bob", 0, NULL), 1);
		kith_time_us t0 = w.now;
		w.nodes[bob].muted = true;
		world_run(&w, VANISH_BOUND_US);
		assert_int_equal(told(&w, alice, "bob", 0, &at), 0);
		assert_true(at > t0);
		/* Back again: online. */
		w.nodes[bob].muted = false;
		world_run(&w, 120 * KITH_US_PER_S);
		assert_int_equal(told(&w, alice, "bob", 0, NULL), 1);
		core_world_deinit(&w);
	}
}

static void news_keep_coming_when_the_home_that_watches_dies(void **state)
{
	struct core_world w;
	(void)state;
	world_far_apart(&w);
	watch(&w, WORLD_FAR_ALICE, "bob");
	world_run(&w, 5 * KITH_US_PER_S);
	const struct kith_core *c = w.nodes[WORLD_FAR_ALICE].core;
	const struct kith_session *s = kith_sessions_get(&c->sessions, c->leaf.subscriptions.at[0].session);
	assert_non_null(s);
	int home = world_node_at(&w, &kith_session_hop(s)->remote);
	assert_true(home >= 3 && home < 6);
	w.nodes[home].muted = true;
	world_run(&w, 100 * KITH_US_PER_S);
	kith_time_us t0 = w.now, at = 0;
	kith_core_leave(w.nodes[WORLD_FAR_BOB].core, world_clock(&w), 2 * KITH_US_PER_S);
	world_drain(&w, WORLD_FAR_BOB);
	world_run(&w, 20 * KITH_US_PER_S);
	assert_int_equal(told(&w, WORLD_FAR_ALICE, "bob", 0, &at), 0);
	assert_true(at - t0 < 10 * KITH_US_PER_S);
	core_world_deinit(&w);
}

static void watches_outlive_their_subscriptions(void **state)
{
	struct core_world w;
	kith_time_us at = 0;
	(void)state;
	world_far_apart(&w);
	w.nodes[WORLD_FAR_BOB].core->presence = KITH_PRESENCE_PUBLIC;
	watch(&w, WORLD_FAR_ALICE, "bob");
	world_run(&w, 2 * KITH_SUBSCRIPTION_US + 60 * KITH_US_PER_S);
	int since = w.events_n;
	kith_time_us t0 = w.now;
	kith_core_leave(w.nodes[WORLD_FAR_BOB].core, world_clock(&w), 2 * KITH_US_PER_S);
	world_drain(&w, WORLD_FAR_BOB);
	world_run(&w, 5 * KITH_US_PER_S);
	assert_int_equal(told(&w, WORLD_FAR_ALICE, "bob", since, &at), 0);
	assert_true(at - t0 < 2 * KITH_US_PER_S);
	core_world_deinit(&w);
}

static void what_is_no_longer_watched_is_no_longer_told(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	struct kith_core *c = w.nodes[WORLD_ALICE].core;
	watch(&w, WORLD_ALICE, "bob");
	assert_int_equal(kith_core_watch(c, world_clock(&w), "bob"), KITH_EEXIST);
	assert_int_equal(kith_core_watch(c, world_clock(&w), "Not A Name"), KITH_ENAME);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(kith_core_unwatch(c, world_clock(&w), "bob"), 0);
	assert_int_equal(kith_core_unwatch(c, world_clock(&w), "bob"), KITH_ENOENT);
	world_drain(&w, WORLD_ALICE);
	int since = w.events_n;
	kith_core_leave(w.nodes[WORLD_BOB].core, world_clock(&w), 2 * KITH_US_PER_S);
	world_drain(&w, WORLD_BOB);
	world_run(&w, 5 * KITH_US_PER_S);
	assert_int_equal(told(&w, WORLD_ALICE, "bob", since, NULL), -1);
	core_world_deinit(&w);
}

static void as_many_names_as_allowed_are_watched_and_no_more(void **state)
{
	struct core_world w;
	char name[32];
	(void)state;
	world_alice_and_bob(&w);
	struct kith_core *c = w.nodes[WORLD_ALICE].core;
	for (int i = 0; i < KITH_WATCHED_MAX - 1; i++) {
		snprintf(name, sizeof name, "friend-%d", i);
		watch(&w, WORLD_ALICE, name);
	}
	watch(&w, WORLD_ALICE, "bob");
	assert_int_equal(kith_core_watch(c, world_clock(&w), "one-more"), KITH_EFULL);
	world_run(&w, 60 * KITH_US_PER_S);
	assert_int_equal(told(&w, WORLD_ALICE, "bob", 0, NULL), 1);
	assert_int_equal(told(&w, WORLD_ALICE, "friend-200", 0, NULL), 0);
	core_world_deinit(&w);
}

static void a_name_is_watched_before_there_is_a_home(void **state)
{
	struct core_world w;
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 3, (const char *const[]){ "bob", NULL });
	int i = world_start(&w, "alice", false);
	watch(&w, i, "bob");
	world_run(&w, 10 * KITH_US_PER_S);
	assert_int_equal(told(&w, i, "bob", 0, NULL), 1);
	core_world_deinit(&w);
}

static void a_supernode_may_watch_as_well(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	watch(&w, 0, "bob");
	world_run(&w, 5 * KITH_US_PER_S);
	assert_int_equal(told(&w, 0, "bob", 0, NULL), 1);
	kith_core_leave(w.nodes[WORLD_BOB].core, world_clock(&w), 2 * KITH_US_PER_S);
	world_drain(&w, WORLD_BOB);
	world_run(&w, 10 * KITH_US_PER_S);
	assert_int_equal(told(&w, 0, "bob", 0, NULL), 0);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_present_state_is_told_first),
		cmocka_unit_test(a_name_nobody_is_online_under_is_told_as_offline),
		cmocka_unit_test(a_goodbye_is_told_at_once),
		cmocka_unit_test(whoever_vanishes_is_told_within_the_stated_bound),
		cmocka_unit_test(news_keep_coming_when_the_home_that_watches_dies),
		cmocka_unit_test(watches_outlive_their_subscriptions),
		cmocka_unit_test(what_is_no_longer_watched_is_no_longer_told),
		cmocka_unit_test(as_many_names_as_allowed_are_watched_and_no_more),
		cmocka_unit_test(a_name_is_watched_before_there_is_a_home),
		cmocka_unit_test(a_supernode_may_watch_as_well),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
