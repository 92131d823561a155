/* Operations: so many and no more, and each ends once. */
#include "call_world.h"

#include "base/limits.h"
#include "call/dial.h"

static void a_canceled_operation_is_gone(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	int since = w.events_n;
	kith_op op = world_dial(&w, WORLD_ALICE, "bob", 0);
	assert_int_equal(kith_core_cancel(w.nodes[WORLD_ALICE].core, world_clock(&w), op), 0);
	assert_int_equal(kith_core_cancel(w.nodes[WORLD_ALICE].core, world_clock(&w), op), KITH_ENOENT);
	world_drain(&w, WORLD_ALICE);
	assert_int_equal(outcome(&w, WORLD_ALICE, op, since), KITH_ECANCELED);
	assert_null(w.nodes[WORLD_ALICE].core->ops); /* its memory, too */
	world_run(&w, KITH_US_PER_S);
	assert_null(world_event(&w, WORLD_BOB, KITH_EVENT_INCOMING, since));
	core_world_deinit(&w);
}

static void more_operations_than_there_is_room_for_are_refused_and_the_others_all_end(void **state)
{
	struct core_world w;
	kith_op ops[KITH_OPS_MAX], more;
	(void)state;
	world_alice_and_bob(&w);
	int since = w.events_n;
	for (int i = 0; i < KITH_OPS_MAX; i++) {
		char name[32];
		snprintf(name, sizeof name, "nobody-%d", i);
		assert_int_equal(kith_core_lookup(w.nodes[WORLD_ALICE].core, world_clock(&w), name, &ops[i]), 0);
		world_drain(&w, WORLD_ALICE);
	}
	assert_int_equal(kith_core_lookup(w.nodes[WORLD_ALICE].core, world_clock(&w), "nobody", &more), KITH_EFULL);
	world_run(&w, 60 * KITH_US_PER_S);
	for (int i = 0; i < KITH_OPS_MAX; i++)
		(void)outcome(&w, WORLD_ALICE, ops[i], since);
	assert_int_equal(kith_core_lookup(w.nodes[WORLD_ALICE].core, world_clock(&w), "bob", &more), 0);
	world_drain(&w, WORLD_ALICE);
	world_run(&w, 2 * KITH_US_PER_S);
	assert_int_equal(outcome(&w, WORLD_ALICE, more, since), 0);
	core_world_deinit(&w);
}

static void without_memory_none_begins(void **state)
{
	struct core_world w;
	kith_op op;
	(void)state;
	world_alice_and_bob(&w);
	w.alloc.fail_after = 0;
	assert_int_equal(kith_core_lookup(w.nodes[WORLD_ALICE].core, world_clock(&w), "bob", &op), KITH_ENOMEM);
	w.alloc.fail_after = -1;
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_canceled_operation_is_gone),
		cmocka_unit_test(without_memory_none_begins),
		cmocka_unit_test(more_operations_than_there_is_room_for_are_refused_and_the_others_all_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
