/* What goes along with a call is with the callee half a round trip after the look-up, and what is said on the session a
 * whole round trip later; under loss, duplication and reordering it is told once.
 *
 *     sim_early [SEED]      with that seed; else with each of 30 (KITH_EARLY_SEEDS)
 *
 * All links of a calm network are alike: as long as a look-up takes (ask a home, that asks replicas) is measured in the
 * same run. A call takes three links to the callee: half a relay round trip, with half a millisecond for each hop.
 */
#include "scenario.h"

enum { SEEDS = 30, CALLS_LEAST = 100 };

static uint32_t median(struct kith_sim *sim, enum kith_simmeasure what)
{
	return kith_simsamples_percentile(kith_sim_samples(sim, what), 50);
}

static struct kith_sim *run(struct kith_simoptions *o)
{
	char text[2 * KITH_SIM_TEXT_MAX + 1024];
	struct kith_sim *sim = kith_sim_new(o);
	if (sim != NULL && kith_sim_finish(sim))
		return sim;
	fputs(sim != NULL ? kith_sim_violation_text(sim, text, sizeof text) : "out of memory\n", stderr);
	kith_sim_free(sim);
	return NULL;
}

static int one(uint64_t seed)
{
	struct kith_simoptions o;
	scenario_calm(&o, seed);
	o.leaves = 20;
	o.workload.call_gap_us = 10 * KITH_US_PER_S;
	o.workload.lookup_ppm = 1000000;
	o.workload.relay_only_ppm = o.workload.spies_ppm = 0;
	o.workload.early_bytes = 12 + scenario_below(seed, 10, 120);
	struct kith_sim *sim = run(&o);
	if (sim == NULL)
		return 1;
	const uint32_t calls = kith_sim_samples(sim, KITH_SIM_EARLY)->n;
	const uint32_t early = median(sim, KITH_SIM_EARLY), byte = median(sim, KITH_SIM_FIRST_BYTE),
		       lookup = median(sim, KITH_SIM_LOOKUP);
	printf("seed %llu: %u calls, %u bytes: look-up %u ms, early data %u ms, first byte on the session %u ms\n",
	       (unsigned long long)seed, calls, o.workload.early_bytes, lookup, early, byte);
	kith_sim_free(sim);
	/* byte = lookup + 3/2 round trips, early = lookup + 1/2: a third of what comes behind the look-up */
	const bool good = calls >= CALLS_LEAST && early > lookup && byte > early &&
			  3 * (early - lookup) <= (byte - lookup) + 3 * 5;
	if (!good)
		fprintf(stderr, "too late: sim_early %llu repeats it\n", (unsigned long long)seed);
	return !good;
}

int main(int argc, char **argv)
{
	int failures = scenario_seeds(argc, argv, "KITH_EARLY_SEEDS", SEEDS, one);
	return failures != 0;
}
