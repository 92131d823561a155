/* A leaf asks one supernode for a home, and looks for more when that one says so. */
#include "super_world.h"

#include "base/limits.h"
#include "super/uplink.h"

static int hellos;

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

/* How often alice greets supernodes. */
static int count_hellos(struct core_world *w, struct world_packet *p)
{
	const int *alice = w->tap_ctx;
	if (kith_addr_equal(&p->from, &w->nodes[*alice].addr) && p->data[KITH_PACKET_HEADROOM] == KITH_PKT_HELLO)
		hellos++;
	return 1;
}

static int hellos_in(struct core_world *w, kith_time_us time)
{
	hellos = 0;
	world_run(w, time);
	return hellos;
}

/* Of ten supernodes only two are left. What the leaf lacks costs it less and less; but when it loses one of those two,
 * or hears that another one is there, it looks at once. */
static void a_leaf_that_has_homes_does_not_go_round_the_dead(void **state)
{
	enum { SUPERNODES = 10, ALIVE = 2 };
	struct core_world w;
	(void)state;
	world_network(&w, kith_suite_sim(), 1, SUPERNODES, (const char *const[]){ NULL });
	int alice = world_start(&w, "alice", false);
	world_run(&w, 30 * KITH_US_PER_S);
	assert_int_equal(info_of(&w, alice).homes, KITH_HOMES);
	w.tap = count_hellos;
	w.tap_ctx = &alice;
	for (int i = ALIVE; i < SUPERNODES; i++)
		w.nodes[i].muted = true;
	world_run(&w, 3 * 60 * KITH_US_PER_S);
	assert_int_equal(info_of(&w, alice).homes, ALIVE);
	const int later = hellos_in(&w, 10 * 60 * KITH_US_PER_S);
	print_message("%d HELLOs in ten minutes\n", later);
	assert_in_range(later, 1, 10 * 12); /* two attempts a minute, of six HELLOs each */
	w.nodes[0].muted = true;
	world_run(&w, 60 * KITH_US_PER_S);
	assert_int_equal(info_of(&w, alice).homes, 1);
	assert_true(hellos_in(&w, 10 * KITH_US_PER_S) > 0);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_leaf_looks_for_other_homes_when_its_first_one_says_so),
		cmocka_unit_test(one_that_does_not_answer_is_not_waited_for),
		cmocka_unit_test(a_leaf_that_has_homes_does_not_go_round_the_dead),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
