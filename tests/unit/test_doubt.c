/* Homes that do not answer: whether they are gone, or the line is. */
#include "leaf_world.h"

#include "base/limits.h"
#include "leaf/doubt.h"
#include "leaf/places.h"

enum { SUPERS = 8, LEAF = SUPERS };

static void world(struct core_world *w, uint64_t seed)
{
	world_network(w, kith_suite_sodium(), seed, SUPERS, (const char *const[]){ "alice", NULL });
	world_run(w, 30 * KITH_US_PER_S);
	assert_int_equal(homes_of(w, LEAF), KITH_HOMES);
}

/* The node at which the leaf has that home. */
static int node_of(struct core_world *w, size_t i)
{
	struct kith_session *s = kith_homes_session(w->nodes[LEAF].core, &w->nodes[LEAF].core->leaf.homes[i]);
	return world_node_at(w, &kith_session_hop(s)->remote);
}

/* One home is asked whether it is there. */
static void ask(struct core_world *w, size_t i)
{
	struct kith_core *c = w->nodes[LEAF].core;
	struct kith_session *s = kith_homes_session(c, &c->leaf.homes[i]);
	kith_core_tick(c, world_clock(w));
	world_drain(w, LEAF);
	kith_outbox_claim(&w->shared->outbox, c, c->stats);
	kith_pathset_check(&s->paths, kith_env(c, s));
	kith_core_tick(c, world_clock(w));
	world_drain(w, LEAF);
}

/* Homes that answer when they are asked. */
static unsigned alive(struct core_world *w)
{
	unsigned n = 0;
	for (size_t i = 0; i < KITH_HOMES; i++)
		n += w->nodes[LEAF].core->leaf.homes[i].state == KITH_HOME_ATTACHED && !w->nodes[node_of(w, i)].muted;
	return n;
}

/* All homes are gone at once. Others are tried as soon as the last did not answer, a second after it was asked, and not
 * when the line has had its time to come back. */
static void who_has_lost_all_homes_has_another_in_seconds(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct core_world w;
		world(&w, seed);
		for (size_t i = 0; i < KITH_HOMES; i++)
			w.nodes[node_of(&w, i)].muted = true;
		ask(&w, seed % KITH_HOMES);
		kith_time_us then = w.now;
		while (alive(&w) == 0 && w.now - then < 20 * KITH_US_PER_S)
			world_run(&w, 100 * KITH_US_PER_MS);
		assert_in_range(w.now - then, KITH_US_PER_S, 3 * KITH_US_PER_S);
		while (alive(&w) < KITH_HOMES && w.now - then < 20 * KITH_US_PER_S)
			world_run(&w, 100 * KITH_US_PER_MS);
		assert_in_range(w.now - then, 0, 8 * KITH_US_PER_S);
		world_run(&w, 5 * KITH_US_PER_S);
		assert_null(w.nodes[LEAF].core->leaf.spares);
		core_world_deinit(&w);
	}
}

/* The line is gone for up to 12 s: others are tried, and when it is back, the homes have their places. */
static void a_line_that_comes_back_has_its_homes(void **state)
{
	(void)state;
	for (unsigned silent_s = 1; silent_s <= 12; silent_s++) {
		struct core_world w;
		world(&w, silent_s);
		struct kith_core *c = w.nodes[LEAF].core;
		int homes[KITH_HOMES], since = w.events_n;
		for (size_t i = 0; i < KITH_HOMES; i++)
			homes[i] = node_of(&w, i);
		w.nodes[LEAF].muted = true;
		ask(&w, 0);
		world_run(&w, silent_s * KITH_US_PER_S);
		assert_true(silent_s < 2 || kith_doubt_all(c, KITH_US_PER_S));
		assert_true(silent_s < 2 || c->leaf.spares != NULL);
		w.nodes[LEAF].muted = false;
		world_run(&w, 10 * KITH_US_PER_S);
		assert_int_equal(homes_of(&w, LEAF), KITH_HOMES);
		for (size_t i = 0; i < KITH_HOMES; i++)
			assert_int_equal(node_of(&w, i), homes[i]);
		assert_null(world_event(&w, LEAF, KITH_EVENT_ATTACHED, since));
		assert_null(c->leaf.spares);
		assert_int_equal(c->leaf.attempts, 0);
		core_world_deinit(&w);
	}
}

/* One home is gone, the others answer: it has five seconds, and nobody is tried before. */
static void a_home_that_alone_is_silent_has_its_time(void **state)
{
	struct core_world w;
	(void)state;
	world(&w, 1);
	struct kith_core *c = w.nodes[LEAF].core;
	w.nodes[node_of(&w, 1)].muted = true;
	ask(&w, 1);
	kith_time_us then = w.now;
	while (homes_of(&w, LEAF) == KITH_HOMES && w.now - then < 20 * KITH_US_PER_S) {
		assert_false(kith_doubt_all(c, KITH_US_PER_S));
		assert_null(c->leaf.spares);
		world_run(&w, 100 * KITH_US_PER_MS);
		if (alive(&w) == KITH_HOMES)
			break;
	}
	assert_in_range(w.now - then, 5 * KITH_US_PER_S, 8 * KITH_US_PER_S);
	world_run(&w, 2 * KITH_US_PER_S);
	assert_int_equal(alive(&w), KITH_HOMES);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_has_lost_all_homes_has_another_in_seconds),
		cmocka_unit_test(a_line_that_comes_back_has_its_homes),
		cmocka_unit_test(a_home_that_alone_is_silent_has_its_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
