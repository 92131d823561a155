/* Supernodes that were cut off from each other meet again. */
#include "super_world.h"

#include "base/limits.h"
#include "link/connect.h"
#include "super/super.h"

static void supernodes_that_were_cut_off_from_each_other_meet_again(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	w.nodes[2].muted = true;
	world_run(&w, 600 * KITH_US_PER_S);
	w.nodes[2].muted = false;
	world_run(&w, 120 * KITH_US_PER_S);
	for (int i = 0; i < 3; i++)
		assert_int_equal(info_of(&w, i).members, 3);
	world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(supernodes_that_were_cut_off_from_each_other_meet_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
