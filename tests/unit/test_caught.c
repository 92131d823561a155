/* How a leaf comes to be sure that a home does not do what it is for, and what it does then. */
#include "leaf_world.h"

#include "base/limits.h"
#include "core/settle.h"
#include "leaf/caught.h"

/* Six supernodes, bob at the first three for two minutes. */
static struct core_world w;

static int setup(void **state)
{
	(void)state;
	world_far_apart(&w);
	world_run(&w, 120 * KITH_US_PER_S);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	core_world_deinit(&w);
	return 0;
}

static struct kith_leaf *bob(void)
{
	return &w.nodes[WORLD_FAR_BOB].core->leaf;
}

static struct kith_core *enter(void)
{
	struct kith_core *c = w.nodes[WORLD_FAR_BOB].core;
	kith_core_enter(c, world_clock(&w));
	return c;
}

static void settle(void)
{
	kith_core_settle(w.nodes[WORLD_FAR_BOB].core);
	world_drain(&w, WORLD_FAR_BOB);
}

static void fails(unsigned slot, enum kith_lie how)
{
	kith_caught_failed(enter(), slot, how);
	settle();
}

static void one_failing_is_none(void **state)
{
	struct kith_key was = bob()->homes[1].host.dh;
	(void)state;
	fails(1, KITH_LIE_DENIES);
	fails(1, KITH_LIE_DENIES); /* the same moment */
	assert_true(bob()->homes[1].points > 0);
	world_run(&w, 60 * KITH_US_PER_S);
	assert_int_equal(world_events(&w, WORLD_FAR_BOB, KITH_EVENT_CAUGHT, 0), 0);
	assert_true(kith_key_equal(&bob()->homes[1].host.dh, &was));
	world_run(&w, 4 * KITH_RECORD_REFRESH_US); /* it is forgotten */
	assert_int_equal(bob()->homes[1].points, 0);
}

static void a_home_that_fails_twice_is_named_and_replaced_and_not_chosen_again(void **state)
{
	(void)state;
	struct kith_key was = bob()->homes[1].host.dh;
	int super = -1;
	for (int i = 0; i < 6; i++)
		super = kith_key_equal(&w.nodes[i].id.device_dh, &was) ? i : super;
	assert_true(super >= 0);
	fails(1, KITH_LIE_DENIES);
	world_run(&w, 30 * KITH_US_PER_S);
	fails(1, KITH_LIE_NOT_PUBLISHED);
	const struct world_event *ev = world_event(&w, WORLD_FAR_BOB, KITH_EVENT_CAUGHT, 0);
	assert_non_null(ev);
	assert_string_equal(ev->ev.name, w.nodes[super].name);
	assert_int_equal(ev->ev.lie, KITH_LIE_NOT_PUBLISHED);
	world_run(&w, 600 * KITH_US_PER_S);
	assert_int_equal(homes_of(&w, WORLD_FAR_BOB), KITH_HOMES);
	for (int i = 0; i < KITH_HOMES; i++)
		assert_false(kith_key_equal(&bob()->homes[i].host.dh, &was));
	assert_int_equal(world_events(&w, WORLD_FAR_BOB, KITH_EVENT_CAUGHT, 0), 1);
	/* Others go: it is taken for want of a better one, and not named again. */
	for (int i = 0; i < 6; i++)
		w.nodes[i].muted = i != super && i < 4;
	world_run(&w, 300 * KITH_US_PER_S);
	bool again = false;
	for (int i = 0; i < KITH_HOMES; i++)
		again = again ||
			(bob()->homes[i].state == KITH_HOME_ATTACHED && kith_key_equal(&bob()->homes[i].host.dh, &was));
	assert_true(again);
}

static void a_forged_entry_is_proof(void **state)
{
	(void)state;
	fails(2, KITH_LIE_FORGES);
	assert_int_equal(world_events(&w, WORLD_FAR_BOB, KITH_EVENT_CAUGHT, 0), 1);
}

static void what_may_have_another_reason_is_no_proof_once_or_twice(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(world_events(&w, WORLD_FAR_BOB, KITH_EVENT_CAUGHT, 0), 0);
		kith_caught_unsure_all(enter(), 1u << 0, KITH_LIE_DENIES);
		settle();
		world_run(&w, 30 * KITH_US_PER_S);
	}
	assert_int_equal(world_events(&w, WORLD_FAR_BOB, KITH_EVENT_CAUGHT, 0), 1);
}

static void one_of_homes_that_all_seem_to_fail_makes_room_unnamed(void **state)
{
	struct kith_key before[KITH_HOMES];
	unsigned left = 0;
	(void)state;
	for (int i = 0; i < KITH_HOMES; i++)
		before[i] = bob()->homes[i].host.dh;
	for (int k = 0; k < 2; k++) { /* once a minute at most */
		kith_caught_replace_one(enter());
		settle();
	}
	world_run(&w, 5 * KITH_US_PER_S);
	for (int i = 0; i < KITH_HOMES; i++) {
		assert_int_equal(bob()->homes[i].state, KITH_HOME_ATTACHED);
		left += !kith_key_equal(&bob()->homes[i].host.dh, &before[i]);
	}
	assert_int_equal(left, 1);
	assert_int_equal(world_events(&w, WORLD_FAR_BOB, KITH_EVENT_CAUGHT, 0), 0);
}

static void a_home_that_has_just_begun_is_not_judged(void **state)
{
	(void)state;
	fails(0, KITH_LIE_FORGES);
	world_run(&w, 5 * KITH_US_PER_S);
	assert_int_equal(bob()->homes[0].state, KITH_HOME_ATTACHED);
	fails(0, KITH_LIE_DENIES);
	assert_int_equal(bob()->homes[0].points, 0);
	world_run(&w, 60 * KITH_US_PER_S);
	fails(0, KITH_LIE_DENIES);
	assert_true(bob()->homes[0].points > 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(one_failing_is_none),
		T(a_home_that_fails_twice_is_named_and_replaced_and_not_chosen_again),
		T(a_forged_entry_is_proof),
		T(what_may_have_another_reason_is_no_proof_once_or_twice),
		T(one_of_homes_that_all_seem_to_fail_makes_room_unnamed),
		T(a_home_that_has_just_begun_is_not_judged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
