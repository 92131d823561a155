/* Which strategy is asked, and what the simple one says. */
#include "support.h"

#include "path/path.h"
#include "path/strategy.h"

static struct kith_candidates list_of(unsigned n)
{
	struct kith_candidates cs = { .generation = 1, .n = (uint8_t)n };
	for (unsigned i = 0; i < n; i++) {
		struct kith_addr addr = { .family = KITH_FAMILY_V4,
					  .port = (uint16_t)(5000 + i),
					  .ip = { 30, 1, 1, 1 } };
		cs.list[i] = (struct kith_candidate){ .at = kith_endpoint_udp(&addr), .kind = KITH_ADDR_OBSERVED };
	}
	return cs;
}

static void the_simple_one_probes_every_candidate_by_the_schedule_of_first_probes(void **state)
{
	struct kith_candidates ours = list_of(1), theirs = list_of(KITH_CANDIDATES_MAX);
	struct kith_punch_question q = { &ours, &theirs, 1 };
	struct kith_plan plan;
	(void)state;
	assert_ptr_equal(kith_strategy_choose(kith_strategies, &q, &plan), &kith_punch_simple);
	assert_int_equal(plan.targets_n, KITH_CANDIDATES_MAX);
	for (unsigned i = 0; i < plan.targets_n; i++)
		assert_true(kith_endpoint_equal(&plan.targets[i].at, &theirs.list[i].at));
	assert_int_equal(plan.steps, KITH_PATH_STEPS);
	for (unsigned i = 0; i < plan.steps; i++)
		assert_int_equal(plan.at_us[i], kith_path_schedule(i));
	assert_int_equal(plan.enough, 5);
}

static void openers_get_through_the_own_nat_and_no_further(void **state)
{
	struct kith_candidates ours = list_of(1), theirs = list_of(1);
	struct kith_punch_question q = { &ours, &theirs, 1 };
	struct kith_plan plan;
	(void)state;
	for (unsigned hops = 0; hops <= UINT8_MAX; hops++) {
		ours.nat.hops = (uint8_t)hops;
		assert_non_null(kith_strategy_choose(kith_strategies, &q, &plan));
		assert_int_equal(plan.opener_ttl, hops == 0 || hops == UINT8_MAX ? KITH_PUNCH_TTL : hops + 1);
	}
}

/* A dummy for the hardest pair, from the second round on. */
static bool both_random(const struct kith_punch_question *q, struct kith_plan *plan)
{
	if (q->round < 2 || q->ours->nat.allocation != KITH_NATCLASS_ALLOCATION_RANDOM ||
	    q->theirs->nat.allocation != KITH_NATCLASS_ALLOCATION_RANDOM)
		return false;
	plan->steps = 1;
	return true;
}

static const struct kith_strategy dummy = { "dummy", both_random };
static const struct kith_strategy *const with_dummy[] = { &dummy, &kith_punch_simple, NULL };
static const struct kith_strategy *const dummy_alone[] = { &dummy, NULL };

static void a_strategy_is_chosen_by_both_classes_and_the_round(void **state)
{
	struct kith_candidates ours = list_of(1), theirs = list_of(1);
	struct kith_punch_question q = { &ours, &theirs, 2 };
	struct kith_plan plan;
	(void)state;
	assert_ptr_equal(kith_strategy_choose(with_dummy, &q, &plan), &kith_punch_simple);
	ours.nat.allocation = theirs.nat.allocation = KITH_NATCLASS_ALLOCATION_RANDOM;
	assert_ptr_equal(kith_strategy_choose(with_dummy, &q, &plan), &dummy);
	assert_int_equal(plan.targets_n, 0); /* nothing of another's plan */
	q.round = 1;
	assert_ptr_equal(kith_strategy_choose(with_dummy, &q, &plan), &kith_punch_simple);
	assert_null(kith_strategy_choose(dummy_alone, &q, &plan));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_simple_one_probes_every_candidate_by_the_schedule_of_first_probes),
		cmocka_unit_test(openers_get_through_the_own_nat_and_no_further),
		cmocka_unit_test(a_strategy_is_chosen_by_both_classes_and_the_round),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
