/* Look-ups on somebody's behalf, with supernodes that are dead, and answers of every size. */
#include "core_world.h"

#include "base/limits.h"
#include "role/query.h"

static int look_up(struct core_world *w, int node, const char *name, kith_time_us wait, int *found)
{
	kith_op op;
	int since = w->events_n;
	assert_int_equal(kith_core_lookup(w->nodes[node].core, world_clock(w), name, &op), 0);
	world_drain(w, node);
	world_run(w, wait);
	const struct world_event *done = world_event(w, node, KITH_EVENT_OP_DONE, since);
	assert_non_null(done);
	assert_int_equal(done->ev.op, op);
	if (found != NULL)
		*found = world_events(w, node, KITH_EVENT_FOUND, since);
	return done->ev.err;
}

static void a_name_is_found_through_any_home_and_by_supernodes(void **state)
{
	struct core_world w;
	int found;
	(void)state;
	world_far_apart(&w);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(look_up(&w, i, "bob", 2 * KITH_US_PER_S, &found), 0);
		assert_int_equal(found, 1);
	}
	assert_int_equal(look_up(&w, WORLD_FAR_ALICE, "bob", 2 * KITH_US_PER_S, &found), 0);
	assert_int_equal(found, 1);
	assert_int_equal(look_up(&w, WORLD_FAR_ALICE, "nobody", 8 * KITH_US_PER_S, &found), KITH_ENOENT);
	core_world_deinit(&w);
}

/* Half of the replicas have died, and nobody knows yet. */
static void a_name_is_found_though_half_of_the_replicas_are_dead(void **state)
{
	(void)state;
	for (int dead = 0; dead < 3; dead++) {
		struct core_world w;
		int found;
		world_far_apart(&w);
		for (int i = 0; i < 3; i++) /* not the homes of both alike */
			w.nodes[(dead + 2 * i) % 6].muted = true;
		assert_int_equal(look_up(&w, WORLD_FAR_ALICE, "bob", 25 * KITH_US_PER_S, &found), 0);
		assert_int_equal(found, 1);
		core_world_deinit(&w);
	}
}

static int loss_tap(struct core_world *w, struct world_packet *p)
{
	(void)p;
	return test_random_next(&w->random) % 5 == 0 ? 0 : 1;
}

/* Eight devices of one name: an answer of several fragments, some of which are lost. */
static void a_name_with_many_devices_is_told_whole_under_loss(void **state)
{
	struct core_world w;
	int found;
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 3, (const char *const[]){ "alice", NULL });
	for (int i = 0; i < KITH_DIAL_DEVICES_MAX; i++) {
		struct kith_core_options o;
		char label[16];
		int n = world_add(&w, "team", false);
		snprintf(label, sizeof label, "device-%d", i);
		world_certify(&w, n, &(struct world_cert){ .name = "team", .label = label });
		world_options(&w, n, &o);
		assert_int_equal(world_try_start(&w, n, &o), 0);
	}
	world_run(&w, 10 * KITH_US_PER_S);
	assert_int_equal(look_up(&w, 3, "team", 3 * KITH_US_PER_S, &found), 0);
	assert_int_equal(found, KITH_DIAL_DEVICES_MAX);
	w.tap = loss_tap;
	for (int i = 0; i < 5; i++) {
		assert_int_equal(look_up(&w, 3, "team", 20 * KITH_US_PER_S, &found), 0);
		assert_int_equal(found, KITH_DIAL_DEVICES_MAX);
	}
	w.tap = NULL;
	core_world_deinit(&w);
}

static void who_looks_up_too_much_waits_and_nobody_else_does(void **state)
{
	struct core_world w;
	kith_op op;
	(void)state;
	world_alice_and_bob(&w);
	int since = w.events_n, begun = 0, refused = 0;
	for (int i = 0; i < 600; i++) {
		char name[32];
		snprintf(name, sizeof name, "name-%d", i);
		int err = kith_core_lookup(w.nodes[WORLD_ALICE].core, world_clock(&w), name, &op);
		begun += err == 0;
		refused += err == KITH_EFULL;
		world_drain(&w, WORLD_ALICE);
		world_run(&w, 5 * KITH_US_PER_MS);
	}
	assert_int_equal(begun + refused, 600);
	/* What one device is served at once by each of its homes, and what it earns in three seconds. */
	int served = world_events(&w, WORLD_ALICE, KITH_EVENT_OP_DONE, since);
	assert_true(served <= KITH_HOMES * (KITH_LOOKUPS_BURST + 4 * KITH_LOOKUPS_PER_S));
	uint64_t limited = 0;
	for (int i = 0; i < 3; i++)
		limited += world_stat(&w, i, KITH_STAT_REQUESTS_LIMITED);
	assert_true(limited > 0);
	assert_int_equal(look_up(&w, WORLD_BOB, "alice", KITH_US_PER_S, NULL), 0);
	world_run(&w, 20 * KITH_US_PER_S);
	assert_int_equal(world_events(&w, WORLD_ALICE, KITH_EVENT_OP_DONE, since), begun);
	core_world_deinit(&w);
}

static void a_record_that_nobody_refreshes_is_gone_after_its_life(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	w.nodes[WORLD_BOB].muted = true;
	world_run(&w, (kith_time_us)KITH_RECORD_LIFE_MS * KITH_US_PER_MS + 60 * KITH_US_PER_S);
	assert_int_equal(look_up(&w, WORLD_ALICE, "bob", 8 * KITH_US_PER_S, NULL), KITH_ENOENT);
	for (int i = 0; i < 3; i++) {
		struct kith_core_info info;
		kith_core_info(w.nodes[i].core, &info);
		assert_true(info.records <= 4); /* alice and the supernodes themselves */
	}
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_found_through_any_home_and_by_supernodes),
		cmocka_unit_test(a_name_is_found_though_half_of_the_replicas_are_dead),
		cmocka_unit_test(a_name_with_many_devices_is_told_whole_under_loss),
		cmocka_unit_test(who_looks_up_too_much_waits_and_nobody_else_does),
		cmocka_unit_test(a_record_that_nobody_refreshes_is_gone_after_its_life),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
