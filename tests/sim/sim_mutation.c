/* Checks of the checks: a rule is broken on purpose, in the engine, and the invariant that guards it must go red, while
 * the same run without it stays green. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scenario.h"

struct mutation {
	enum kith_simmutation mutation;
	enum kith_siminvariant expected;
	void (*prepare)(struct kith_simoptions *o);
};

static void crashes(struct kith_simoptions *o)
{
	o->duration_us = 400 * KITH_US_PER_S;
	o->faults.from_us = 60 * KITH_US_PER_S;
	o->faults.until_us = 300 * KITH_US_PER_S;
	o->faults.leaf_crashes_n = 3;
	o->faults.down_us = 1000 * KITH_US_PER_S;
}

static void stops(struct kith_simoptions *o)
{
	o->duration_us = 200 * KITH_US_PER_S;
	o->faults.from_us = 30 * KITH_US_PER_S;
	o->faults.until_us = 60 * KITH_US_PER_S;
	o->faults.leaf_stops_n = 2;
	o->faults.down_us = 20 * KITH_US_PER_S;
}

static void loss(struct kith_simoptions *o)
{
	o->faults.link.loss_ppm = 200000;
}

static void long_streams(struct kith_simoptions *o)
{
	o->workload.stream_bytes = 60000;
}

static void pool_blocks(struct kith_simoptions *o)
{
	o->checked = false; /* what is lost on purpose goes with the pool */
}

static void everything(struct kith_simoptions *o)
{
	o->workload.contacts_n = 1; /* leaves strangers */
	o->workload.stranger_ppm = 500000;
}

static void idle(struct kith_simoptions *o)
{
	o->workload.call_gap_us = 0;
	o->duration_us = 1000 * KITH_US_PER_S;
}

static void long_calm(struct kith_simoptions *o)
{
	o->duration_us = 300 * KITH_US_PER_S;
}

static const struct mutation mutations[] = {
	{ KITH_SIM_MUTATE_DATAGRAM_TWICE, KITH_SIM_DATAGRAM_ONCE, NULL },
	{ KITH_SIM_MUTATE_DATAGRAM_FLIP, KITH_SIM_DATAGRAM_INTACT, NULL },
	{ KITH_SIM_MUTATE_DATAGRAM_ASTRAY, KITH_SIM_DATAGRAM_ADDRESSEE, NULL },
	{ KITH_SIM_MUTATE_STREAM_FLIP, KITH_SIM_STREAM_EXACT, NULL },
	{ KITH_SIM_MUTATE_STREAM_CUT, KITH_SIM_STREAM_EXACT, NULL },
	{ KITH_SIM_MUTATE_STREAM_STALL, KITH_SIM_STREAM_FINISHES, long_streams },
	{ KITH_SIM_MUTATE_PLAINTEXT, KITH_SIM_NO_PLAINTEXT, NULL },
	{ KITH_SIM_MUTATE_LEAK_RELAY_ONLY, KITH_SIM_RELAY_ONLY_HIDDEN, NULL },
	{ KITH_SIM_MUTATE_LEAK_NAMED, KITH_SIM_NAMED_NOT_SPOKEN_TO, NULL },
	{ KITH_SIM_MUTATE_LEAK_STRANGER, KITH_SIM_NOTHING_BEFORE_CONSENT, everything },
	{ KITH_SIM_MUTATE_NO_RETRANSMIT, KITH_SIM_THREE_HOMES, loss },
	{ KITH_SIM_MUTATE_NO_OFFLINE, KITH_SIM_OFFLINE_SEEN, crashes },
	{ KITH_SIM_MUTATE_NO_ONLINE, KITH_SIM_ONLINE_SEEN, stops },
	{ KITH_SIM_MUTATE_FEW_SUPERNODES, KITH_SIM_THREE_HOMES, NULL },
	{ KITH_SIM_MUTATE_SPLIT_SUPERNODES, KITH_SIM_MEMBERS_CONVERGE, NULL },
	{ KITH_SIM_MUTATE_MEMORY_GROWS, KITH_SIM_MEMORY_BOUNDED, pool_blocks },
	{ KITH_SIM_MUTATE_MEMORY_KEPT, KITH_SIM_MEMORY_RETURNED, pool_blocks },
	{ KITH_SIM_MUTATE_OP_TWICE, KITH_SIM_OPS_END_ONCE, NULL },
	{ KITH_SIM_MUTATE_EARLY_TWICE, KITH_SIM_EARLY_ONCE, NULL },
	{ KITH_SIM_MUTATE_DEADLINE_STUCK, KITH_SIM_TIME_ADVANCES, NULL },
	{ KITH_SIM_MUTATE_GARBAGE, KITH_SIM_NO_GARBAGE, NULL },
	{ KITH_SIM_MUTATE_LEAVE_STUCK, KITH_SIM_LEAVE_FINISHES, stops },
	{ KITH_SIM_MUTATE_TABLE_FULL, KITH_SIM_TABLES_BOUNDED, NULL },
	{ KITH_SIM_MUTATE_IDLE_TALKS, KITH_SIM_IDLE_QUIET, idle },
	{ KITH_SIM_MUTATE_BAD_CHAIN, KITH_SIM_NODE_STARTS, NULL },
	{ KITH_SIM_MUTATE_HONEST_NAMED, KITH_SIM_HONEST_NOT_NAMED, NULL },
	{ KITH_SIM_MUTATE_RECORD_FORGED, KITH_SIM_RECORDS_GENUINE, NULL },
	{ KITH_SIM_MUTATE_RECORD_OLD, KITH_SIM_RECORDS_FRESH, NULL },
	{ KITH_SIM_MUTATE_LEAF_LOST, KITH_SIM_LOAD_CONSERVED, long_calm },
	{ KITH_SIM_MUTATE_BUDGET_SPENT, KITH_SIM_BUDGETS_HOLD, NULL },
	{ KITH_SIM_MUTATE_ROLES_FLIP, KITH_SIM_ROLES_STEADY, NULL },
};

enum { MUTATIONS = sizeof mutations / sizeof mutations[0], SEED = 4 };

/* Only the one invariant is looked at: another may well notice first. */
static void options_of(struct kith_simoptions *o, const struct mutation *m)
{
	scenario_calm(o, SEED);
	if (m->prepare != NULL)
		m->prepare(o);
	o->ignored = ~(1u << m->expected);
	assert_null(kith_simoptions_check(o));
}

static void every_mutation_is_noticed(void **state)
{
	(void)state;
	for (int i = 0; i < MUTATIONS; i++) {
		struct kith_simoptions o;
		options_of(&o, &mutations[i]);
		o.mutation = mutations[i].mutation;
		struct kith_sim *sim = kith_sim_new(&o);
		assert_non_null(sim);
		bool held = kith_sim_finish(sim);
		if (held)
			fail_msg("mutation %d: %s stayed green", (int)mutations[i].mutation,
				 kith_siminvariant_name(mutations[i].expected));
		const struct kith_simviolation *v = kith_sim_violation(sim);
		assert_non_null(v);
		assert_int_equal(v->invariant, mutations[i].expected);
		printf("  %-24s red at %.1f s: %s\n", kith_siminvariant_name(v->invariant), (double)v->at / 1e6,
		       v->text);
		kith_sim_free(sim);
	}
}

static void without_the_mutation_the_same_run_is_green(void **state)
{
	(void)state;
	for (int i = 0; i < MUTATIONS; i++) {
		struct kith_simoptions o;
		options_of(&o, &mutations[i]);
		assert_int_equal(kith_sim_once(&o, NULL), 0);
	}
}

static void every_mutation_and_invariant_has_its_check(void **state)
{
	(void)state;
	uint64_t mutated = 1;
	uint32_t guarded = 0;
	for (int i = 0; i < MUTATIONS; i++) {
		mutated |= UINT64_C(1) << mutations[i].mutation;
		guarded |= 1u << mutations[i].expected;
	}
	assert_int_equal(mutated, (UINT64_C(1) << KITH_SIM_MUTATIONS_N) - 1);
	/* That two reach each other is what remains when nobody has a home: see the next test. */
	assert_int_equal(guarded | 1u << KITH_SIM_PAIRS_TALK, (1u << KITH_SIM_INVARIANTS_N) - 1);
}

/* Handshakes that are never repeated: under loss somebody is not reached. */
static void pairs_do_not_talk_when_nothing_is_repeated(void **state)
{
	(void)state;
	const struct mutation m = { KITH_SIM_MUTATE_NO_RETRANSMIT, KITH_SIM_PAIRS_TALK, loss };
	struct kith_simoptions o;
	options_of(&o, &m);
	o.mutation = m.mutation;
	assert_int_equal(kith_sim_once(&o, NULL), 1);
}

static void a_violation_says_how_to_repeat_it(void **state)
{
	(void)state;
	struct kith_simoptions o;
	char text[2048];
	options_of(&o, &mutations[0]);
	o.mutation = mutations[0].mutation;
	snprintf(o.command, sizeof o.command, "some-command --seed %d", SEED);
	struct kith_sim *sim = kith_sim_new(&o);
	assert_non_null(sim);
	assert_false(kith_sim_finish(sim));
	kith_sim_violation_text(sim, text, sizeof text);
	assert_non_null(strstr(text, "invariant datagram-once violated"));
	assert_non_null(strstr(text, "seed:      4\n"));
	assert_non_null(strstr(text, "repeat:    some-command --seed 4\n"));
	char cut[20];
	kith_sim_violation_text(sim, cut, sizeof cut);
	assert_true(strlen(cut) < sizeof cut);
	kith_sim_free(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_mutation_is_noticed),
		cmocka_unit_test(without_the_mutation_the_same_run_is_green),
		cmocka_unit_test(every_mutation_and_invariant_has_its_check),
		cmocka_unit_test(pairs_do_not_talk_when_nothing_is_repeated),
		cmocka_unit_test(a_violation_says_how_to_repeat_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
