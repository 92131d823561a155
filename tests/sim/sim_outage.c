/* The network changes while people talk: routers get another public address, at one side or at both at once, and leaves
 * are cut off for a while. No session is lost, and the silence is short.
 *
 *     sim_outage [SEED]     all of it, with that seed (1)
 */
#include "scenario.h"

enum { SUPERNODES = 5, LEAVES = 40, CHANGE_S = 50, END_S = 90 };

struct change {
	const char *what;
	uint32_t readdress_percent, cut_percent;
	kith_time_us cut_us;
	uint32_t median_ms, most_ms; /* bounds of the silence: at the median and at 99 % */
};

/* What is cut off hears nothing meanwhile. When the network is back unannounced it is found by the next probe, after a
 * second at most as long as the paths are not dead. */
static const struct change changes[] = {
	{ "a third of the routers gets another address", 33, 0, 0, 1000, 2000 },
	{ "all routers get another address at once", 100, 0, 0, 1000, 2000 },
	{ "a third is cut off for three seconds", 0, 33, 3 * KITH_US_PER_S, 4200, 5000 },
	{ "a third is cut off for ten seconds", 0, 33, 10 * KITH_US_PER_S, 11200, 12000 },
};

static void options_of(struct kith_simoptions *o, const struct change *c, uint64_t seed)
{
	kith_simoptions_init(o);
	o->seed = seed;
	o->supernodes = SUPERNODES;
	o->leaves = LEAVES;
	o->duration_us = END_S * KITH_US_PER_S;
	o->verify_us = 0;
	o->workload.watch = false;
	o->workload.call_gap_us = 30 * KITH_US_PER_S;
	o->workload.hold_us = 60 * KITH_US_PER_S;
	o->workload.talk_gap_us = 30 * KITH_US_PER_MS;
	o->workload.stream_bytes = 20000;
	o->faults.readdress_ppm = c->readdress_percent * 10000;
	o->faults.readdress_at_us = CHANGE_S * KITH_US_PER_S;
	o->faults.cut_ppm = c->cut_percent * 10000;
	o->faults.cut_at_us = CHANGE_S * KITH_US_PER_S;
	o->faults.cut_us = c->cut_us;
	snprintf(o->command, sizeof o->command, "sim_outage %llu", (unsigned long long)seed);
}

static bool holds(const struct change *c, uint64_t seed)
{
	struct kith_simoptions o;
	char text[2 * KITH_SIM_TEXT_MAX + 1024];
	options_of(&o, c, seed);
	struct kith_sim *sim = kith_sim_new(&o);
	if (sim == NULL || !kith_sim_finish(sim)) {
		fputs(sim != NULL ? kith_sim_violation_text(sim, text, sizeof text) : "out of memory\n", stderr);
		return false;
	}
	const struct kith_simsamples *s = kith_sim_samples(sim, KITH_SIM_SILENCE);
	const struct kith_simcounts *n = kith_sim_counts(sim);
	uint32_t median = kith_simsamples_percentile(s, 50), most = kith_simsamples_percentile(s, 99);
	bool good = s->n >= 10 && median <= c->median_ms && most <= c->most_ms && n->calls_lost == 0;
	printf("seed %llu, %s: %u ends, silence %u ms (median), %u ms (99 %%), %llu calls lost%s\n",
	       (unsigned long long)seed, c->what, s->n, median, most, (unsigned long long)n->calls_lost,
	       good ? "" : ": NOT GOOD");
	kith_sim_free(sim);
	return good;
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	bool good = true;
	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++)
		good = holds(&changes[i], seed) && good;
	return good ? 0 : 1;
}
