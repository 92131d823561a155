/* What a look-up finds, and what it tells of it. */
#include "call_world.h"

#include "base/limits.h"
#include "call/dial.h"

static void nobody_has_that_name(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	int since = w.events_n;
	kith_op op = world_dial(&w, WORLD_ALICE, "nobody", 0), found;
	assert_int_equal(kith_core_lookup(w.nodes[WORLD_ALICE].core, world_clock(&w), "nobody", &found), 0);
	world_drain(&w, WORLD_ALICE);
	world_run(&w, 10 * KITH_US_PER_S);
	assert_int_equal(outcome(&w, WORLD_ALICE, op, since), KITH_ENOENT);
	assert_int_equal(outcome(&w, WORLD_ALICE, found, since), KITH_ENOENT);
	core_world_deinit(&w);
}

static void whoever_said_goodbye_is_offline_at_once(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	kith_core_leave(w.nodes[WORLD_BOB].core, world_clock(&w), 2 * KITH_US_PER_S);
	world_drain(&w, WORLD_BOB);
	world_run(&w, 3 * KITH_US_PER_S);
	assert_non_null(world_event(&w, WORLD_BOB, KITH_EVENT_LEFT, 0));
	world_stop(&w, WORLD_BOB);
	int since = w.events_n;
	kith_op op = world_dial(&w, WORLD_ALICE, "bob", 0);
	world_run(&w, 10 * KITH_US_PER_S);
	assert_int_equal(outcome(&w, WORLD_ALICE, op, since), KITH_EOFFLINE);
	core_world_deinit(&w);
}

static void a_lookup_tells_each_device_and_then_ends(void **state)
{
	struct core_world w;
	kith_op op;
	(void)state;
	world_alice_and_bob(&w);
	int since = w.events_n;
	assert_int_equal(kith_core_lookup(w.nodes[WORLD_ALICE].core, world_clock(&w), "bob", &op), 0);
	world_drain(&w, WORLD_ALICE);
	world_run(&w, 2 * KITH_US_PER_S);
	assert_int_equal(outcome(&w, WORLD_ALICE, op, since), 0);
	const struct world_event *found = world_event(&w, WORLD_ALICE, KITH_EVENT_FOUND, since);
	assert_non_null(found);
	assert_int_equal(found->ev.op, op);
	assert_true(found->ev.found.online);
	assert_memory_equal(&found->ev.found.device, &w.nodes[WORLD_BOB].id.device_dh, 32);
	assert_memory_equal(&found->ev.found.identity, &w.nodes[WORLD_BOB].id.identity, 32);
	assert_int_equal(found->ev.found.homes_n, 3);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_has_that_name),
		cmocka_unit_test(whoever_said_goodbye_is_offline_at_once),
		cmocka_unit_test(a_lookup_tells_each_device_and_then_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
