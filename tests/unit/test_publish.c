/* Records are brought to those that keep them, and again when those change. */
#include "super_world.h"

#include "base/limits.h"
#include "link/connect.h"
#include "super/super.h"

static void what_a_newcomer_is_responsible_for_is_brought_to_it(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	int i = world_start(&w, "s3", true);
	world_run(&w, 60 * KITH_US_PER_S);
	assert_int_equal(info_of(&w, i).members, 4);
	for (int k = 0; k < 4; k++) {
		int super = k < 3 ? k : i;
		assert_true(info_of(&w, super).records >=
			    2); /* six replicas, four supernodes: everybody has everything */
	}
	core_world_deinit(&w);
}

/* All six replicas of a name are lost at one moment; its leaf has nothing new to say. */
static void a_name_whose_replicas_are_all_lost_is_found_again(void **state)
{
	struct core_world w;
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 16, (const char *const[]){ "bob", NULL });
	struct kith_id key = key_of_name(&w, "bob");
	for (int i = 0; i < 16; i++)
		w.nodes[i].muted = holds(&w, i, &key);
	world_run(&w, 150 * KITH_US_PER_S);
	int asker = -1, holders = 0;
	for (int i = 0; i < 16; i++) {
		if (w.nodes[i].muted)
			continue;
		holders += holds(&w, i, &key);
		if (!holds(&w, i, &key) &&
		    kith_sessions_of(&w.nodes[i].core->sessions, w.nodes[16].id.device_dh.b) == NULL)
			asker = i;
	}
	/* The six that keep it now, and some that were next before the lost ones were known to be dead. */
	assert_in_range(holders, KITH_REPLICAS, KITH_REPLICA_GROUPS * KITH_REPLICAS);
	assert_true(asker >= 0);
	kith_op op;
	int since = w.events_n;
	assert_int_equal(kith_core_lookup(w.nodes[asker].core, world_clock(&w), "bob", &op), 0);
	world_drain(&w, asker);
	world_run(&w, 4 * KITH_US_PER_S);
	assert_int_equal(world_events(&w, asker, KITH_EVENT_FOUND, since), 1);
	core_world_deinit(&w);
}

static void a_replica_that_restarts_is_given_what_it_kept(void **state)
{
	struct core_world w;
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 8, (const char *const[]){ "bob", NULL });
	struct kith_id key = key_of_name(&w, "bob");
	int replica = -1;
	for (int i = 0; i < 8; i++) {
		if (holds(&w, i, &key) &&
		    kith_sessions_of(&w.nodes[i].core->sessions, w.nodes[8].id.device_dh.b) == NULL)
			replica = i;
	}
	assert_true(replica >= 0);
	restart(&w, replica);
	assert_false(holds(&w, replica, &key));
	world_run(&w, 30 * KITH_US_PER_S);
	assert_true(holds(&w, replica, &key));
	core_world_deinit(&w);
}

/* Also where the clock counts from the start of the machine, and that was just now. */
static void a_supernode_is_found_from_its_first_second(void **state)
{
	struct core_world w;
	(void)state;
	world_network(&w, kith_suite_sodium(), 1, 0, (const char *const[]){ NULL });
	w.now = 1;
	world_start(&w, "s0", true);
	world_run(&w, KITH_US_PER_S);
	struct kith_id key = key_of_name(&w, "s0");
	assert_true(holds(&w, 0, &key));
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_newcomer_is_responsible_for_is_brought_to_it),
		cmocka_unit_test(a_name_whose_replicas_are_all_lost_is_found_again),
		cmocka_unit_test(a_replica_that_restarts_is_given_what_it_kept),
		cmocka_unit_test(a_supernode_is_found_from_its_first_second),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
