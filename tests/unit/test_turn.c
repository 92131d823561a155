/* A leaf asks one supernode for a home, and looks for more when that one says so. */
#include "super_world.h"

#include "base/limits.h"
#include "super/uplink.h"

/* A home with much to do: the leaf has one home, and can be found, before it looks for others; and for no longer than a
 * home may say. */
static void a_leaf_looks_for_other_homes_when_its_first_one_says_so(void **state)
{
	struct core_world w;
	(void)state;
	world_network(&w, kith_suite_sim(), 1, 3, (const char *const[]){ NULL });
	int alice = world_start(&w, "alice", false);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(info_of(&w, alice).homes, 3); /* nothing is wrong: at once */
	for (int i = 0; i < 3; i++) {
		w.nodes[i].core->super->fwd.limits.rate = 50000;
		for (int k = 0; k < 1000; k++)
			(void)kith_uplink_attached(w.nodes[i].core);
	}
	int bob = world_start(&w, "bob", false), since = w.events_n;
	world_run(&w, KITH_US_PER_S);
	assert_in_range(info_of(&w, bob).homes, 1, 2);
	assert_non_null(world_event(&w, bob, KITH_EVENT_PUBLISHED, since));
	world_run(&w, KITH_ATTACH_WAIT_US);
	assert_in_range(info_of(&w, bob).homes, 2, 3);
	world_run(&w, KITH_ATTACH_WAIT_US);
	assert_int_equal(info_of(&w, bob).homes, 3);
	core_world_deinit(&w);
}

/* Two of three are dead, and they are tried first, one after the other; nobody waits until they are given up. */
static void one_that_does_not_answer_is_not_waited_for(void **state)
{
	struct core_world w;
	(void)state;
	for (int alive = 0; alive < 3; alive++) {
		world_network(&w, kith_suite_sim(), 1, 3, (const char *const[]){ NULL });
		for (int i = 0; i < 3; i++)
			w.nodes[i].muted = i != alive;
		int alice = world_start(&w, "alice", false);
		world_run(&w, 1500 * KITH_US_PER_MS);
		assert_int_equal(info_of(&w, alice).homes, 1);
		core_world_deinit(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_leaf_looks_for_other_homes_when_its_first_one_says_so),
		cmocka_unit_test(one_that_does_not_answer_is_not_waited_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
