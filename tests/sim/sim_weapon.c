/* Nobody can have others send to an address of his choice more than he sends himself.
 *
 *     sim_weapon [SEED]     with that seed; else KITH_WEAPON_SEEDS of them (2)
 *
 * Leaves that name a victim's address as their own, at eight ports, and at others every two seconds, call and are
 * called (aimers, bench/sim/attack.c): one of fifty, then half of all. What arrives at the victim is held against what
 * the attackers send. Then a fifth of the leaves signs records that name a victim's address as that of their homes
 * (spies): nothing may arrive there, which is an invariant.
 */
#include "scenario.h"

enum { SUPERNODES = 8, LEAVES = 100, SEEDS_DEFAULT = 2, FROM_S = 30, UNTIL_S = 330 };

static void options(struct kith_simoptions *o, uint64_t seed, uint32_t aimers_ppm)
{
	scenario_calm(o, seed);
	o->supernodes = SUPERNODES;
	o->leaves = LEAVES;
	o->join_us = 20 * KITH_US_PER_S;
	o->duration_us = (UNTIL_S + 60) * KITH_US_PER_S;
	o->verify_us = 0;
	o->checked = false;
	o->workload.call_gap_us = 20 * KITH_US_PER_S;
	o->workload.stream_bytes = 0; /* data would be what attackers send, too */
	o->workload.datagrams_n = 1;
	o->workload.relay_only_ppm = 0;
	o->faults.aimers_ppm = aimers_ppm;
	snprintf(o->command, sizeof o->command, "sim_weapon %llu", (unsigned long long)seed);
}

/* Calls only: that aimers keep up sessions with their homes as well is in what they send, and is little. */
static int aim(uint64_t seed, uint32_t aimers_ppm, const char *who)
{
	struct kith_simoptions o;
	char text[2048];
	options(&o, seed, aimers_ppm);
	struct kith_sim *sim = kith_sim_new(&o);
	if (sim == NULL)
		return 1;
	bool good = kith_sim_run(sim, FROM_S * KITH_US_PER_S);
	struct kith_simcounts before = *kith_sim_counts(sim);
	good = good && kith_sim_run(sim, UNTIL_S * KITH_US_PER_S);
	const struct kith_simcounts *now = kith_sim_counts(sim);
	uint64_t spent = now->aimers_bytes - before.aimers_bytes, arrived = now->aimed_bytes - before.aimed_bytes;
	if (!good)
		fprintf(stderr, "%s\n%s\n", o.command, kith_sim_violation_text(sim, text, sizeof text));
	printf("  seed %llu: %s: %llu bytes sent by attackers, %llu at the victim: %.2f (at most 1)\n",
	       (unsigned long long)seed, who, (unsigned long long)spent, (unsigned long long)arrived,
	       spent > 0 ? (double)arrived / (double)spent : 0);
	kith_sim_free(sim);
	/* Something must have been aimed, and hit: else this holds of nothing. */
	return good && arrived > 0 && arrived <= spent ? 0 : 1;
}

static int name(uint64_t seed)
{
	struct kith_simoptions o;
	options(&o, seed, 0);
	return kith_sim_once(&o, NULL);
}

static int run(uint64_t seed)
{
	return aim(seed, KITH_PPM / 50, "few") + aim(seed, KITH_PPM / 2, "half") + name(seed);
}

int main(int argc, char **argv)
{
	return scenario_seeds(argc, argv, "KITH_WEAPON_SEEDS", SEEDS_DEFAULT, run) > 0;
}
