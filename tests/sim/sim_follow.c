/* Guarded records in a network in which nothing goes wrong: who is there all the time is found, watched and called as
 * ever, by contacts and by strangers, also after records have been renewed and from then on tell strangers comings and
 * goings in steps only. What is told of those who come and go is unit.follow's.
 *
 *     sim_follow [SEED]     with that seed (1)
 */
#include "scenario.h"

enum { MINUTES = 40, MEDIAN_MS = 300, MOST_MS = 2000 };

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	struct kith_simoptions o;
	char text[2 * KITH_SIM_TEXT_MAX + 1024];
	scenario_calm(&o, seed);
	o.presence = KITH_PRESENCE_STEPS;
	o.leaves = 40;
	o.supernodes = 8;
	o.checked = false;
	o.duration_us = MINUTES * 60 * KITH_US_PER_S;
	o.workload.call_gap_us = 60 * KITH_US_PER_S;
	o.workload.relay_only_ppm = 0;
	struct kith_sim *sim = kith_sim_new(&o);
	if (sim == NULL || !kith_sim_finish(sim)) {
		fputs(sim != NULL ? kith_sim_violation_text(sim, text, sizeof text) : "out of memory\n", stderr);
		return 1;
	}
	const struct kith_simsamples *s = kith_sim_samples(sim, KITH_SIM_FIRST_BYTE);
	const struct kith_simcounts *c = kith_sim_counts(sim);
	uint32_t median = kith_simsamples_percentile(s, 50), p99 = kith_simsamples_percentile(s, 99);
	printf("seed %llu: %llu calls, %llu failed; first byte after %u ms (median), %u ms (99 %%)\n",
	       (unsigned long long)seed, (unsigned long long)c->calls, (unsigned long long)c->calls_failed, median,
	       p99);
	bool good = c->calls > 1000 && c->calls_failed == 0 && median <= MEDIAN_MS && p99 <= MOST_MS;
	kith_sim_free(sim);
	return good ? 0 : 1;
}
