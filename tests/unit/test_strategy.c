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
	struct kith_punch_question q = { .ours = &ours, .theirs = &theirs, .round = 1 };
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
	struct kith_punch_question q = { .ours = &ours, .theirs = &theirs, .round = 1 };
	struct kith_plan plan;
	(void)state;
	for (unsigned hops = 0; hops <= UINT8_MAX; hops++) {
		ours.nat.hops = (uint8_t)hops;
		assert_non_null(kith_strategy_choose(kith_strategies, &q, &plan));
		assert_int_equal(plan.opener_ttl, hops == 0 || hops == UINT8_MAX ? KITH_PUNCH_TTL : hops + 1);
	}
}

/* A peer behind ports in steps, which is seen at one address and predicts the next port there. */
static struct kith_candidates in_steps(uint16_t step, uint16_t next)
{
	struct kith_candidates cs = list_of(2);
	cs.nat = (struct kith_natclass){ .mapping = KITH_NATCLASS_MAPPING_PORT,
					 .allocation = KITH_NATCLASS_ALLOCATION_STEP,
					 .step = step };
	cs.list[1].kind = KITH_ADDR_PREDICTED;
	cs.list[1].at.addr.port = next;
	return cs;
}

static void the_ports_after_a_predicted_one_are_tried_twice(void **state)
{
	struct kith_candidates ours = list_of(1), theirs = in_steps(2, 6000);
	struct kith_punch_question q = { .ours = &ours, .theirs = &theirs, .round = 1 };
	struct kith_plan plan;
	(void)state;
	assert_ptr_equal(kith_strategy_choose(kith_strategies, &q, &plan), &kith_punch_predict);
	assert_int_equal(plan.guesses_n, KITH_PLAN_GUESSES);
	assert_int_equal(plan.targets_n, KITH_PLAN_GUESSES + 1); /* and where it is seen */
	for (unsigned i = 0; i < plan.guesses_n; i++)
		assert_int_equal(plan.targets[i].at.addr.port, 6000 + 2 * i);
	assert_int_equal(plan.targets[plan.guesses_n].at.addr.port, 5000);
	assert_false(plan.guess_openers);
	assert_int_equal(__builtin_popcount(plan.guess_steps) * plan.guesses_n, KITH_PROBES_PER_ADDRESS);
	theirs = in_steps(1, UINT16_MAX - 2);
	assert_non_null(kith_strategy_choose(kith_strategies, &q, &plan));
	assert_int_equal(plan.guesses_n, 3); /* no port after the last one */
}

static void two_ends_in_steps_open_theirs_first_and_in_order(void **state)
{
	struct kith_candidates ours = in_steps(1, 7000), theirs = in_steps(1, 6000);
	struct kith_punch_question q = { .ours = &ours, .theirs = &theirs, .round = 1 };
	struct kith_plan plan;
	(void)state;
	assert_ptr_equal(kith_strategy_choose(kith_strategies, &q, &plan), &kith_punch_predict);
	assert_true(plan.guess_openers);
	assert_int_equal(plan.guess_steps & 1, 0); /* when both have opened */
	assert_int_equal((__builtin_popcount(plan.guess_steps) + 1) * plan.guesses_n, KITH_PROBES_PER_ADDRESS);
}

/* Whether some pair of flows meets, when others have taken x ports of the initiator's NAT and y of the responder's
 * since they were predicted. */
static bool meet(const struct kith_plan *initiator, const struct kith_plan *responder, unsigned x, unsigned y)
{
	bool met = false;
	for (unsigned i = 0; i < initiator->guesses_n; i++)
		for (unsigned k = 0; k < responder->guesses_n; k++)
			met |= initiator->targets[i].at.addr.port == 6000 + 3 * (y + k) &&
			       responder->targets[k].at.addr.port == 7000 + 2 * (x + i);
	return met;
}

static void two_ends_in_steps_meet_when_others_took_up_to_four_ports(void **state)
{
	struct kith_candidates a = in_steps(2, 7000), b = in_steps(3, 6000);
	struct kith_punch_question q = { .ours = &a, .theirs = &b, .round = 1, .initiator = true };
	struct kith_punch_question r = { .ours = &b, .theirs = &a, .round = 1 };
	struct kith_plan initiator, responder;
	(void)state;
	assert_ptr_equal(kith_strategy_choose(kith_strategies, &q, &initiator), &kith_punch_predict);
	assert_ptr_equal(kith_strategy_choose(kith_strategies, &r, &responder), &kith_punch_predict);
	assert_int_equal(initiator.guesses_n, KITH_PLAN_GUESSES);
	for (unsigned x = 0; x <= 4; x++)
		for (unsigned y = 0; x + y <= 4; y++)
			assert_true(meet(&initiator, &responder, x, y));
	for (unsigned i = 0; i < initiator.guesses_n; i++)
		for (unsigned k = 0; k < i; k++) /* the same twice would take one port only */
			assert_int_not_equal(initiator.targets[i].at.addr.port, initiator.targets[k].at.addr.port);
}

static void nothing_is_guessed_where_the_peer_is_not_seen_or_its_ports_are_not_in_steps(void **state)
{
	struct kith_candidates ours = list_of(1), theirs = in_steps(1, 6000);
	struct kith_punch_question q = { .ours = &ours, .theirs = &theirs, .round = 1 };
	struct kith_plan plan;
	(void)state;
	theirs.list[1].at.addr.ip[3] = 77; /* a victim */
	assert_ptr_equal(kith_strategy_choose(kith_strategies, &q, &plan), &kith_punch_simple);
	theirs = in_steps(1, 6000);
	theirs.list[0].kind = KITH_ADDR_HOST;
	assert_ptr_equal(kith_strategy_choose(kith_strategies, &q, &plan), &kith_punch_simple);
	theirs = in_steps(0, 6000);
	assert_ptr_equal(kith_strategy_choose(kith_strategies, &q, &plan), &kith_punch_simple);
	theirs = in_steps(1, 6000);
	theirs.nat.allocation = KITH_NATCLASS_ALLOCATION_RANDOM;
	assert_ptr_equal(kith_strategy_choose(kith_strategies, &q, &plan), &kith_punch_simple);
	theirs = in_steps(1, 6000);
	theirs.nat.mapping = KITH_NATCLASS_MAPPING_INDEPENDENT;
	assert_ptr_equal(kith_strategy_choose(kith_strategies, &q, &plan), &kith_punch_simple);
	assert_int_equal(plan.guesses_n, 0);
}

static void a_block_is_tried_as_a_whole_by_who_has_one_address_for_all(void **state)
{
	static const struct {
		uint16_t low, high, from, to; /* from 0: not tried */
	} want[] = {
		{ 9000, 9100, 8704, 9215 },	{ 9000, 9216, 8192, 10239 }, { 1100, 1200, 1024, 1535 },
		{ 65500, 65535, 65024, 65535 }, { 9000, 14000, 0, 0 },	     { 0, 0, 0, 0 },
		{ 9100, 9000, 0, 0 },		{ 600, 700, 0, 0 },	     { 20100, 20490, 19588, 21002 },
		{ 20000, 21999, 19976, 22023 }, { 20000, 22048, 0, 0 },
	};
	struct kith_candidates ours = list_of(1), theirs = list_of(2);
	struct kith_punch_question q = { .ours = &ours, .theirs = &theirs, .round = 1 };
	struct kith_plan plan;
	(void)state;
	ours.nat.mapping = KITH_NATCLASS_MAPPING_INDEPENDENT;
	theirs.nat.mapping = KITH_NATCLASS_MAPPING_PORT;
	theirs.nat.allocation = KITH_NATCLASS_ALLOCATION_BLOCK;
	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
		theirs.nat.port_low = want[i].low;
		theirs.nat.port_high = want[i].high;
		const struct kith_strategy *s = kith_strategy_choose(kith_strategies, &q, &plan);
		assert_ptr_equal(s, want[i].from != 0 ? &kith_punch_birthday : &kith_punch_simple);
		assert_int_equal(plan.range_low, want[i].from);
		assert_int_equal(plan.range_high, want[i].to);
		assert_int_equal(plan.targets_n, 2);
	}
	theirs.nat.port_low = 9000, theirs.nat.port_high = 9100;
	ours.nat.mapping = KITH_NATCLASS_MAPPING_PORT; /* it would have to guess ours as well */
	assert_ptr_equal(kith_strategy_choose(kith_strategies, &q, &plan), &kith_punch_simple);
	ours.nat.mapping = KITH_NATCLASS_MAPPING_NONE;
	theirs.nat.allocation = KITH_NATCLASS_ALLOCATION_RANDOM; /* 2000 of 64512 ports, without a spread */
	assert_ptr_equal(kith_strategy_choose(kith_strategies, &q, &plan), &kith_punch_simple);
}

static struct kith_candidates behind_random_ports(void)
{
	struct kith_candidates cs = list_of(1);
	cs.nat = (struct kith_natclass){ .mapping = KITH_NATCLASS_MAPPING_PORT,
					 .allocation = KITH_NATCLASS_ALLOCATION_RANDOM,
					 .port_low = 20000,
					 .port_high = 40000 };
	return cs;
}

static void of_random_ports_some_are_tried_while_the_peer_opens_many(void **state)
{
	struct kith_candidates ours = list_of(1), theirs = behind_random_ports();
	struct kith_punch_question q = { &ours, &theirs, 1, 0, 256, false };
	struct kith_plan plan;
	(void)state;
	ours.nat.mapping = KITH_NATCLASS_MAPPING_INDEPENDENT;
	assert_ptr_equal(kith_strategy_choose(kith_strategies, &q, &plan), &kith_punch_birthday);
	assert_true(plan.range_low == 1024 && plan.range_high == UINT16_MAX && !plan.spread);
	assert_true(plan.near_low < 20000 && plan.near_high > 40000);
	assert_int_equal(plan.range_most, 7 * (64512 / 256)); /* e^-7 are missed */
	q.their_sockets = 64;
	assert_ptr_equal(kith_strategy_choose(kith_strategies, &q, &plan), &kith_punch_birthday);
	assert_int_equal(plan.range_most, KITH_PROBES_RANGE);
	q.their_sockets = UINT16_MAX; /* it lies: all the less is sent */
	assert_ptr_equal(kith_strategy_choose(kith_strategies, &q, &plan), &kith_punch_birthday);
	assert_int_equal(plan.range_most, 0);
	q.their_sockets = KITH_SPREAD_MIN - 1; /* hopeless */
	assert_ptr_equal(kith_strategy_choose(kith_strategies, &q, &plan), &kith_punch_simple);
}

static void many_are_opened_towards_who_has_one_address_for_all(void **state)
{
	struct kith_candidates ours = behind_random_ports(), theirs = list_of(1);
	struct kith_punch_question q = { &ours, &theirs, 1, 256, 0, false };
	struct kith_plan plan;
	(void)state;
	theirs.nat.mapping = KITH_NATCLASS_MAPPING_INDEPENDENT;
	assert_ptr_equal(kith_strategy_choose(kith_strategies, &q, &plan), &kith_punch_birthday);
	assert_true(plan.spread == q.our_sockets && plan.range_high == 0);
	assert_int_equal(plan.targets_n, 1); /* and what the simple one tries */
	q.our_sockets = KITH_SPREAD_MIN - 1;
	assert_ptr_equal(kith_strategy_choose(kith_strategies, &q, &plan), &kith_punch_simple);
	q.our_sockets = 256;
	theirs.nat.mapping = KITH_NATCLASS_MAPPING_UNKNOWN;
	assert_ptr_equal(kith_strategy_choose(kith_strategies, &q, &plan), &kith_punch_simple);
	theirs.nat.mapping = KITH_NATCLASS_MAPPING_ADDRESS; /* it would have to guess ours, and we theirs */
	assert_ptr_equal(kith_strategy_choose(kith_strategies, &q, &plan), &kith_punch_simple);
	assert_int_equal(plan.spread, 0);
	theirs = behind_random_ports();
	q.their_sockets = 256;
	assert_ptr_equal(kith_strategy_choose(kith_strategies, &q, &plan), &kith_punch_simple);
}

static void a_few_ports_of_ones_own_block_are_opened_for_who_has_one_address_for_all(void **state)
{
	struct kith_candidates ours = list_of(2), theirs = list_of(1);
	struct kith_punch_question q = { .ours = &ours, .theirs = &theirs, .round = 1, .our_sockets = 256 };
	struct kith_plan plan;
	(void)state;
	ours.nat.mapping = KITH_NATCLASS_MAPPING_PORT;
	ours.nat.allocation = KITH_NATCLASS_ALLOCATION_BLOCK;
	theirs.nat.mapping = KITH_NATCLASS_MAPPING_INDEPENDENT;
	assert_ptr_equal(kith_strategy_choose(kith_strategies, &q, &plan), &kith_punch_birthday);
	assert_true(plan.spread == KITH_SPREAD_BLOCK && plan.range_high == 0);
	q.our_sockets = 3; /* fewer are some use, too */
	assert_non_null(kith_strategy_choose(kith_strategies, &q, &plan));
	assert_int_equal(plan.spread, 3);
	q.our_sockets = 0;
	assert_ptr_equal(kith_strategy_choose(kith_strategies, &q, &plan), &kith_punch_simple);
	q.our_sockets = 256;
	theirs.nat.mapping = KITH_NATCLASS_MAPPING_PORT; /* it could not look for them */
	assert_ptr_equal(kith_strategy_choose(kith_strategies, &q, &plan), &kith_punch_simple);
	assert_int_equal(plan.spread, 0);
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
	struct kith_punch_question q = { .ours = &ours, .theirs = &theirs, .round = 2 };
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
		cmocka_unit_test(the_ports_after_a_predicted_one_are_tried_twice),
		cmocka_unit_test(two_ends_in_steps_open_theirs_first_and_in_order),
		cmocka_unit_test(two_ends_in_steps_meet_when_others_took_up_to_four_ports),
		cmocka_unit_test(nothing_is_guessed_where_the_peer_is_not_seen_or_its_ports_are_not_in_steps),
		cmocka_unit_test(a_block_is_tried_as_a_whole_by_who_has_one_address_for_all),
		cmocka_unit_test(of_random_ports_some_are_tried_while_the_peer_opens_many),
		cmocka_unit_test(many_are_opened_towards_who_has_one_address_for_all),
		cmocka_unit_test(a_few_ports_of_ones_own_block_are_opened_for_who_has_one_address_for_all),
		cmocka_unit_test(a_strategy_is_chosen_by_both_classes_and_the_round),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
