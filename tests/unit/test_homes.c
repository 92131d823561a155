/* A leaf and its homes: losing them, being moved by them, and finding new ones. */
#include "leaf_world.h"

#include "base/limits.h"
#include "leaf/leaf.h"

static bool is_home(const struct core_world *w, int leaf, int super)
{
	for (size_t i = 0; i < KITH_HOMES; i++) {
		const struct kith_home_slot *home = &w->nodes[leaf].core->leaf.homes[i];
		if (home->state == KITH_HOME_ATTACHED && memcmp(&home->host.dh, &w->nodes[super].id.device_dh, 32) == 0)
			return true;
	}
	return false;
}

/* Leaves that node counts as its own. */
static uint32_t leaves_of(const struct core_world *w, int super)
{
	struct kith_core_info info;
	kith_core_info(w->nodes[super].core, &info);
	return info.leaves;
}

static void no_two_homes_are_one_supernode(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	for (int i = 0; i < 3; i++) {
		assert_true(is_home(&w, WORLD_ALICE, i));
		assert_int_equal(leaves_of(&w, i), 2);
	}
	world_run(&w, 120 * KITH_US_PER_S);
	for (int i = 0; i < 3; i++)
		assert_int_equal(leaves_of(&w, i), 2);
	assert_int_equal(world_events(&w, WORLD_ALICE, KITH_EVENT_ATTACHED, 0), 3);
	core_world_deinit(&w);
}

/* Six supernodes, alice at the first three; the one she publishes through dies without a word. */
static void a_home_that_dies_is_replaced_and_calls_go_on_working(void **state)
{
	struct core_world w;
	(void)state;
	world_far_apart(&w);
	int since = w.events_n;
	int victim = -1;
	for (int i = 0; i < 3; i++)
		victim = is_home(&w, WORLD_FAR_BOB, i) ? i : victim;
	assert_true(victim >= 0);
	w.nodes[victim].muted = true;
	world_run(&w, 100 * KITH_US_PER_S);
	assert_int_equal(homes_of(&w, WORLD_FAR_BOB), 3);
	assert_false(is_home(&w, WORLD_FAR_BOB, victim));
	assert_int_equal(world_events(&w, WORLD_FAR_BOB, KITH_EVENT_PUBLISHED, since),
			 0); /* it could be found all along */
	world_call(&w, WORLD_FAR_ALICE, WORLD_FAR_BOB, NULL);
	world_call(&w, WORLD_FAR_BOB, WORLD_FAR_ALICE, NULL);
	core_world_deinit(&w);
}

static void being_findable_is_told_once_and_again_after_all_homes_were_lost(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	assert_int_equal(world_events(&w, WORLD_ALICE, KITH_EVENT_PUBLISHED, 0), 1);
	world_run(&w, 3 * KITH_RECORD_REFRESH_US); /* three more records */
	assert_int_equal(world_events(&w, WORLD_ALICE, KITH_EVENT_PUBLISHED, 0), 1);
	w.nodes[WORLD_ALICE].muted = true;
	int since = w.events_n;
	world_run(&w, 300 * KITH_US_PER_S);
	const struct world_event *lost = NULL;
	for (int i = since; i < w.events_n; i++)
		if (w.events[i].node == WORLD_ALICE && w.events[i].ev.type == KITH_EVENT_ATTACHED)
			lost = &w.events[i];
	assert_non_null(lost);
	assert_int_equal(lost->ev.count, 0);
	w.nodes[WORLD_ALICE].muted = false;
	world_run(&w, 120 * KITH_US_PER_S);
	assert_int_equal(world_events(&w, WORLD_ALICE, KITH_EVENT_PUBLISHED, 0), 2);
	kith_core_leave(w.nodes[WORLD_ALICE].core, world_clock(&w), 5 * KITH_US_PER_S);
	world_drain(&w, WORLD_ALICE);
	world_run(&w, 10 * KITH_US_PER_S);
	assert_non_null(world_event(&w, WORLD_ALICE, KITH_EVENT_LEFT, 0));
	assert_int_equal(world_events(&w, WORLD_ALICE, KITH_EVENT_PUBLISHED, 0), 2); /* a goodbye is no arrival */
	core_world_deinit(&w);
}

static void calls_work_while_a_home_is_dead_and_nobody_knows_it_yet(void **state)
{
	(void)state;
	for (int victim = 0; victim < 3; victim++) {
		struct core_world w;
		world_far_apart(&w);
		w.nodes[victim].muted = true;
		int since = w.events_n;
		world_dial(&w, WORLD_FAR_ALICE, "bob", 0);
		world_run(&w, 10 * KITH_US_PER_S);
		assert_non_null(world_event(&w, WORLD_FAR_ALICE, KITH_EVENT_OPENED, since));
		core_world_deinit(&w);
	}
}

static void a_home_that_leaves_moves_its_leaves_first(void **state)
{
	struct core_world w;
	(void)state;
	world_far_apart(&w);
	int since = w.events_n;
	kith_time_us t0 = w.now;
	assert_true(is_home(&w, WORLD_FAR_BOB, 1));
	kith_core_leave(w.nodes[1].core, world_clock(&w), 10 * KITH_US_PER_S);
	world_drain(&w, 1);
	world_run(&w, 11 * KITH_US_PER_S);
	const struct world_event *left = world_event(&w, 1, KITH_EVENT_LEFT, since);
	assert_non_null(left);
	assert_true(left->at - t0 <= 10 * KITH_US_PER_S);
	assert_int_equal(homes_of(&w, WORLD_FAR_BOB), 3);
	assert_false(is_home(&w, WORLD_FAR_BOB, 1));
	world_stop(&w, 1);
	world_call(&w, WORLD_FAR_ALICE, WORLD_FAR_BOB, NULL);
	core_world_deinit(&w);
}

static void a_supernode_that_restarts_is_taken_again(void **state)
{
	struct core_world w;
	struct kith_core_options o;
	(void)state;
	world_alice_and_bob(&w);
	world_stop(&w, 1);
	world_run(&w, 5 * KITH_US_PER_S);
	world_options(&w, 1, &o);
	assert_int_equal(world_try_start(&w, 1, &o), 0);
	world_run(&w, 240 * KITH_US_PER_S);
	assert_int_equal(homes_of(&w, WORLD_ALICE), 3);
	assert_true(is_home(&w, WORLD_ALICE, 1));
	for (int i = 0; i < 3; i++)
		assert_int_equal(leaves_of(&w, i), 2);
	world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	core_world_deinit(&w);
}

/* Homes of a leaf that can be reached. */
static unsigned homes_alive(const struct core_world *w, int leaf)
{
	unsigned n = 0;
	for (int i = 0; i < w->n; i++)
		n += w->nodes[i].supernode && !w->nodes[i].muted && is_home(w, leaf, i);
	return n;
}

static bool known(const struct core_world *w, int leaf, int super)
{
	return kith_hostcache_find(&w->nodes[leaf].core->leaf.cache, &w->nodes[super].id.device_dh) >= 0;
}

/* Homes that a leaf believes in and that are gone. */
static unsigned homes_dead(const struct core_world *w, int leaf)
{
	return homes_of(w, leaf) - homes_alive(w, leaf);
}

/* Runs until a leaf has noticed that it lost a home. */
static void until_noticed(struct core_world *w, int leaf)
{
	const unsigned dead = homes_dead(w, leaf);
	for (kith_time_us end = w->now + 110 * KITH_US_PER_S; homes_dead(w, leaf) == dead;) {
		assert_true(w->now < end);
		world_run(w, 100 * KITH_US_PER_MS);
	}
}

static void homes_that_die_together_are_noticed_and_replaced_together(void **state)
{
	struct core_world w;
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 8, (const char *const[]){ "alice", NULL });
	int killed = 0;
	for (int i = 0; i < 8 && killed < 2; i++) {
		w.nodes[i].muted = is_home(&w, 8, i);
		killed += w.nodes[i].muted;
	}
	assert_int_equal(killed, 2);
	until_noticed(&w, 8);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(homes_dead(&w, 8), 0);
	world_run(&w, 3 * KITH_US_PER_S);
	assert_int_equal(homes_alive(&w, 8), 3);
	core_world_deinit(&w);
}

/* Seventeen of twenty are gone, all homes and most of those that the leaf has heard of among them. */
static void where_most_are_dead_several_are_tried_at_once(void **state)
{
	enum { SUPERS = 20, LEAF = SUPERS };
	(void)state;
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct core_world w;
		world_network(&w, kith_suite_sodium(), seed, SUPERS, (const char *const[]){ "alice", NULL });
		int left = 0;
		for (int i = SUPERS; i-- > 0;) {
			bool spared = left < 3 && !is_home(&w, LEAF, i) && known(&w, LEAF, i);
			w.nodes[i].muted = !spared;
			left += spared;
		}
		assert_int_equal(left, 3);
		until_noticed(&w, LEAF);
		kith_time_us t0 = w.now;
		while (homes_alive(&w, LEAF) < 3 && w.now < t0 + 60 * KITH_US_PER_S)
			world_run(&w, 100 * KITH_US_PER_MS);
		assert_true(w.now - t0 <= 10 * KITH_US_PER_S);
		/* Nobody is left attached to by the way. */
		world_run(&w, 5 * KITH_US_PER_S);
		for (int i = 0; i < SUPERS; i++) {
			if (!w.nodes[i].muted)
				assert_int_equal(leaves_of(&w, i), 1);
		}
		assert_null(w.nodes[LEAF].core->leaf.spares);
		core_world_deinit(&w);
	}
}

static void a_home_that_is_silent_for_a_moment_is_kept(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	struct kith_core *c = w.nodes[WORLD_ALICE].core;
	int since = w.events_n;
	for (int silent_s = 1; silent_s <= 4; silent_s++) {
		struct kith_session *s = kith_sessions_get(&c->sessions, c->leaf.homes[1].session);
		int home = world_node_at(&w, &kith_session_hop(s)->remote);
		kith_core_tick(c, world_clock(&w));
		world_drain(&w, WORLD_ALICE);
		kith_outbox_claim(&w.shared->outbox, c, c->stats);
		w.nodes[home].muted = true;
		kith_pathset_check(&s->paths, kith_env(c, s));
		kith_core_tick(c, world_clock(&w));
		assert_true(c->leaf.homes[1].doubted);
		world_drain(&w, WORLD_ALICE);
		world_run(&w, silent_s * KITH_US_PER_S);
		w.nodes[home].muted = false;
		world_run(&w, 5 * KITH_US_PER_S);
		assert_false(c->leaf.homes[1].doubted);
	}
	assert_int_equal(homes_of(&w, WORLD_ALICE), 3);
	assert_null(world_event(&w, WORLD_ALICE, KITH_EVENT_ATTACHED, since));
	core_world_deinit(&w);
}

/* All are silent: it is our own line, which may come back, and no home is given up before its time. */
static void a_line_that_is_silent_for_ten_seconds_costs_no_home(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	struct kith_core *c = w.nodes[WORLD_ALICE].core;
	int since = w.events_n;
	w.nodes[WORLD_ALICE].muted = true;
	struct kith_session *s = kith_sessions_get(&c->sessions, c->leaf.homes[0].session);
	kith_core_tick(c, world_clock(&w));
	world_drain(&w, WORLD_ALICE);
	kith_outbox_claim(&w.shared->outbox, c, c->stats);
	kith_pathset_check(&s->paths, kith_env(c, s));
	kith_core_tick(c, world_clock(&w));
	world_drain(&w, WORLD_ALICE);
	world_run(&w, 10 * KITH_US_PER_S);
	w.nodes[WORLD_ALICE].muted = false;
	world_run(&w, 10 * KITH_US_PER_S);
	assert_int_equal(homes_of(&w, WORLD_ALICE), 3);
	assert_null(world_event(&w, WORLD_ALICE, KITH_EVENT_ATTACHED, since));
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_two_homes_are_one_supernode),
		cmocka_unit_test(being_findable_is_told_once_and_again_after_all_homes_were_lost),
		cmocka_unit_test(a_home_that_dies_is_replaced_and_calls_go_on_working),
		cmocka_unit_test(calls_work_while_a_home_is_dead_and_nobody_knows_it_yet),
		cmocka_unit_test(a_home_that_leaves_moves_its_leaves_first),
		cmocka_unit_test(a_supernode_that_restarts_is_taken_again),
		cmocka_unit_test(homes_that_die_together_are_noticed_and_replaced_together),
		cmocka_unit_test(where_most_are_dead_several_are_tried_at_once),
		cmocka_unit_test(a_home_that_is_silent_for_a_moment_is_kept),
		cmocka_unit_test(a_line_that_is_silent_for_ten_seconds_costs_no_home),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
