/* Supernodes that crash, are slow, or are cut off from each other: who is taken for dead, and how soon, and how soon
 * all is well again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "link/state.h"
#include "scenario.h"
#include "sim/internal.h"

enum {
	SUPERNODES = 30,
	CALM_S = 120, /* until everybody is known for longer than a newcomer */
	/* A crash is known to all by then: a round of partners, two silences, doubts that are not refuted; three
	 * survivors of thirty have to ask all others themselves. */
	FOUND_S = 45,
	FOUND_FEW_S = 90,
	HEAL_LEAVES = 60,
	STEP_MS = 100
};

static void calm(struct kith_simoptions *o, uint64_t seed, uint32_t leaves)
{
	scenario_calm(o, seed);
	o->supernodes = SUPERNODES;
	o->leaves = leaves;
	o->workload.call_gap_us = 0;
	o->verify_us = 0;
	o->checked = false;
	o->duration_us = 3600 * KITH_US_PER_S;
	o->ignored = 1u << KITH_SIM_THREE_HOMES | 1u << KITH_SIM_ONLINE_SEEN | 1u << KITH_SIM_MEMBERS_CONVERGE |
		     1u << KITH_SIM_OFFLINE_SEEN;
}

static struct kith_sim *begin(const struct kith_simoptions *o)
{
	assert_null(kith_simoptions_check(o));
	struct kith_sim *sim = kith_sim_new(o);
	assert_non_null(sim);
	return sim;
}

static void run(struct kith_sim *sim, kith_time_us until)
{
	char text[2048];
	if (!kith_sim_run(sim, until))
		fail_msg("%s", kith_sim_violation_text(sim, text, sizeof text));
}

/* Most and fewest live members in the tables of those that are up; in 1000ths: those among them that are down. */
static void tables(struct kith_sim *sim, uint32_t *fewest, uint32_t *most)
{
	*fewest = UINT32_MAX;
	*most = 0;
	for (uint32_t i = 0; i < SUPERNODES; i++) {
		const struct kith_core *c = kith_sim_core(sim, i);
		uint32_t n = c != NULL ? kith_members_live(&c->super->members) : 0;
		*fewest = c != NULL && n < *fewest ? n : *fewest;
		*most = n > *most ? n : *most;
	}
}

static uint32_t up(struct kith_sim *sim)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < SUPERNODES; i++)
		n += kith_sim_core(sim, i) != NULL;
	return n;
}

static void who_crashed_is_no_member_after_a_while(void **state)
{
	(void)state;
	static const uint32_t percent[] = { 4, 30, 60, 90 };
	for (size_t i = 0; i < sizeof percent / sizeof percent[0]; i++) {
		for (uint64_t seed = 1; seed <= 3; seed++) {
			struct kith_simoptions o;
			uint32_t fewest, most;
			calm(&o, seed, 1);
			o.faults.kill_ppm = percent[i] * 10000;
			o.faults.kill_at_us = CALM_S * KITH_US_PER_S;
			struct kith_sim *sim = begin(&o);
			run(sim, o.faults.kill_at_us - 1);
			tables(sim, &fewest, &most);
			assert_int_equal(fewest, SUPERNODES);
			kith_time_us at = o.faults.kill_at_us;
			do {
				at += STEP_MS * KITH_US_PER_MS;
				run(sim, at);
				tables(sim, &fewest, &most);
				assert_true(fewest >= up(sim)); /* nobody else is blamed */
			} while (most > up(sim) && at < o.faults.kill_at_us + 300 * KITH_US_PER_S);
			printf("  %2u %% crashed, seed %llu: no member anywhere after %.1f s\n", percent[i],
			       (unsigned long long)seed, (double)(at - o.faults.kill_at_us) / 1e6);
			assert_in_range(at - o.faults.kill_at_us, 1,
					(percent[i] < 90 ? FOUND_S : FOUND_FEW_S) * KITH_US_PER_S);
			kith_sim_free(sim);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_crashed_is_no_member_after_a_while),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
