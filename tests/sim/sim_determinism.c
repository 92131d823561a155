/* The same seed gives the same run, another seed another one; in calm and under fire, with both suites. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scenario.h"

typedef void (*scenario_fn)(struct kith_simoptions *, uint64_t);

/* What must not depend on anything but the options. */
struct outcome {
	uint8_t hash[32];
	uint64_t trace, events, sent;
};

static void run(scenario_fn scenario, uint64_t seed, enum kith_simsuite suite, bool checked, struct outcome *out)
{
	struct kith_simoptions o;
	scenario(&o, seed);
	o.suite = suite;
	o.checked = checked;
	/* Repeatable whether or not all is well in it. */
	o.ignored = UINT32_MAX;
	struct kith_sim *sim = kith_sim_new(&o);
	assert_non_null(sim);
	assert_true(kith_sim_finish(sim));
	kith_sim_hash(sim, out->hash);
	out->trace = kith_sim_trace(sim);
	out->events = kith_sim_counts(sim)->events;
	out->sent = kith_sim_net_stats(sim)->sent;
	assert_true(out->events > 1000);
	assert_true(kith_sim_counts(sim)->calls_opened > 0);
	kith_sim_free(sim);
}

static void check_repeats(scenario_fn scenario, enum kith_simsuite suite)
{
	struct outcome a, b, other;
	memset(&a, 0, sizeof a);
	memset(&b, 0, sizeof b);
	memset(&other, 0, sizeof other);
	run(scenario, 5, suite, true, &a);
	run(scenario, 5, suite, true, &b);
	assert_memory_equal(&a, &b, sizeof a);
	run(scenario, 6, suite, true, &other);
	assert_memory_not_equal(a.hash, other.hash, sizeof a.hash);
	assert_int_not_equal(a.trace, other.trace);
	printf("hash: ");
	scenario_print_hash(a.hash);
	printf("\n");
}

static void a_calm_run_repeats(void **state)
{
	(void)state;
	check_repeats(scenario_calm, KITH_SIM_SUITE_SIM);
}

static void a_run_under_fire_repeats(void **state)
{
	(void)state;
	check_repeats(scenario_storm, KITH_SIM_SUITE_SIM);
}

static void a_run_with_real_cryptography_repeats(void **state)
{
	(void)state;
	check_repeats(scenario_storm, KITH_SIM_SUITE_SODIUM);
}

/* Blocks lie elsewhere with another allocator: nothing may depend on addresses, or on what memory held before. */
static void a_run_does_not_depend_on_where_memory_lies(void **state)
{
	(void)state;
	struct outcome a, b;
	memset(&a, 0, sizeof a);
	memset(&b, 0, sizeof b);
	run(scenario_storm, 9, KITH_SIM_SUITE_SIM, true, &a);
	run(scenario_storm, 9, KITH_SIM_SUITE_SIM, false, &b);
	assert_memory_equal(&a, &b, sizeof a);
}

/* A run that is looked at every now and then is the same as one in a single stretch. */
static void a_run_may_be_taken_in_steps(void **state)
{
	(void)state;
	struct kith_simoptions o;
	struct outcome whole;
	uint8_t hash[32];
	memset(&whole, 0, sizeof whole);
	run(scenario_storm, 3, KITH_SIM_SUITE_SIM, true, &whole);
	scenario_storm(&o, 3);
	o.ignored = UINT32_MAX;
	struct kith_sim *sim = kith_sim_new(&o);
	assert_non_null(sim);
	for (kith_time_us at = 0; at < o.duration_us; at += 777777)
		assert_true(kith_sim_run(sim, at));
	assert_true(kith_sim_finish(sim));
	kith_sim_hash(sim, hash);
	assert_memory_equal(hash, whole.hash, sizeof hash);
	kith_sim_free(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_calm_run_repeats),
		cmocka_unit_test(a_run_under_fire_repeats),
		cmocka_unit_test(a_run_with_real_cryptography_repeats),
		cmocka_unit_test(a_run_does_not_depend_on_where_memory_lies),
		cmocka_unit_test(a_run_may_be_taken_in_steps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
