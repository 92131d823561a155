/* A node becomes a supernode while it runs, and a leaf again, and nobody's call ends by it. */
#include "core_world.h"

#include "base/limits.h"
#include "core/serving.h"
#include "core/settle.h"
#include "leaf/homes.h"

static const struct kith_super_options options = {
	.sessions_max = 1000, .tunnels_max = 1000, .relay_rate = 12500000, .relay_owner_rate = 1250000
};

static int begin(struct core_world *w, int node)
{
	struct kith_core *c = w->nodes[node].core;
	kith_core_enter(c, world_clock(w));
	int err = kith_serving_begin(c, &options);
	kith_core_settle(c);
	world_drain(w, node);
	return err;
}

static void end(struct core_world *w, int node)
{
	struct kith_core *c = w->nodes[node].core;
	kith_core_enter(c, world_clock(w));
	kith_serving_end(c);
	kith_core_settle(c);
	world_drain(w, node);
	assert_false(kith_serves(c));
}

static unsigned homes(const struct core_world *w, int node)
{
	return kith_homes_count(w->nodes[node].core);
}

static uint32_t leaves(const struct core_world *w, int node)
{
	struct kith_core_info info;
	kith_core_info(w->nodes[node].core, &info);
	return info.leaves;
}

static void expect_talk(struct core_world *w, kith_session_id ours)
{
	int since = w->events_n;
	assert_int_equal(world_say(w, WORLD_ALICE, ours, "word", 4), 0);
	world_run(w, KITH_US_PER_S);
	assert_int_equal(world_events(w, WORLD_BOB, KITH_EVENT_DATAGRAM, since), 1);
}

static void a_supernode_that_ends_is_a_leaf_and_its_leaves_have_other_homes(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	kith_session_id ours = world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	int super = 0;
	assert_true(leaves(&w, super) > 0);
	int since = w.events_n;
	end(&w, super);
	world_run(&w, 10 * KITH_US_PER_S);
	assert_int_equal(homes(&w, WORLD_ALICE), 2); /* of three */
	assert_int_equal(homes(&w, WORLD_BOB), 2);
	assert_int_equal(homes(&w, super), 2); /* its own */
	assert_null(world_event(&w, WORLD_ALICE, KITH_EVENT_CLOSED, since));
	expect_talk(&w, ours);
	core_world_deinit(&w);
}

static void a_leaf_that_begins_serves_and_is_found_by_others(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	kith_session_id ours = world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	int super = 0;
	for (int round = 0; round < 3; round++) {
		int since = w.events_n;
		end(&w, super);
		world_run(&w, 10 * KITH_US_PER_S);
		assert_int_equal(begin(&w, super), 0);
		assert_int_equal(begin(&w, super), KITH_ESTATE);
		world_run(&w, 120 * KITH_US_PER_S);
		assert_int_equal(homes(&w, super), 0);
		assert_int_equal(homes(&w, WORLD_ALICE), 3);
		assert_true(leaves(&w, super) >= 2);
		assert_null(world_event(&w, WORLD_ALICE, KITH_EVENT_CLOSED, since));
		expect_talk(&w, ours);
	}
	core_world_deinit(&w);
}

/* In the middle of whatever goes on: look-ups for leaves and for itself, watches, calls that are being set up. */
static void ending_in_the_middle_of_work_leaves_nothing_behind(void **state)
{
	(void)state;
	for (int ms = 0; ms < 200; ms += 7) {
		struct core_world w;
		kith_op op;
		world_alice_and_bob_sim(&w);
		assert_int_equal(kith_core_lookup(w.nodes[0].core, world_clock(&w), "bob", &op), 0);
		world_drain(&w, 0);
		assert_int_equal(kith_core_watch(w.nodes[0].core, world_clock(&w), "alice"), 0);
		world_drain(&w, 0);
		(void)world_dial(&w, WORLD_ALICE, "bob", 0);
		world_run(&w, ms * KITH_US_PER_MS);
		int since = w.events_n;
		end(&w, 0);
		world_run(&w, 20 * KITH_US_PER_S);
		assert_int_equal(homes(&w, 0), 2);
		/* What it had asked is answered once, be it by its time limit. */
		assert_true(world_events(&w, 0, KITH_EVENT_OP_DONE, 0) == 1);
		(void)since;
		core_world_deinit(&w);
	}
}

static void without_an_address_or_on_the_way_out_nothing_begins(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	assert_int_equal(begin(&w, WORLD_ALICE), KITH_EINVAL);
	assert_false(kith_serves(w.nodes[WORLD_ALICE].core));
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(homes(&w, WORLD_ALICE), 3);
	kith_core_leave(w.nodes[WORLD_ALICE].core, world_clock(&w), KITH_US_PER_S);
	world_drain(&w, WORLD_ALICE);
	assert_int_equal(begin(&w, WORLD_ALICE), KITH_ESTATE);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_supernode_that_ends_is_a_leaf_and_its_leaves_have_other_homes),
		cmocka_unit_test(a_leaf_that_begins_serves_and_is_found_by_others),
		cmocka_unit_test(ending_in_the_middle_of_work_leaves_nothing_behind),
		cmocka_unit_test(without_an_address_or_on_the_way_out_nothing_begins),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
