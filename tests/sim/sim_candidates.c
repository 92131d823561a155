/* Candidates that lie are not asked to serve, and honest ones are: half of the leaves that consent say ten times the
 * bandwidth that they have, show attestations that they made, name somebody else's address, or send to all supernodes
 * so that their NAT lets them in (bench/sim/lies_candidate.c). All supernodes have too much to do for a while.
 * Then each network again while hardly anybody consents, so that nobody knocks at the few that punch.
 *
 *     sim_candidates [SEED]     with that seed; without, KITH_CANDIDATES_SEEDS of them (4)
 */
#include "scenario.h"

enum {
	SUPERNODES = 18,
	LEAVES = 150,
	PACE = 60, /* an hour is a minute */
	BUSY_S = 420,
	BUSY_FOR_S = 180,
	YOUNG_PPM = KITH_PPM / 50,
	YOUNG_S = 180,
	SEEDS_DEFAULT = 4,
	SERVED_LEAST = 5 /* honest ones, each time */
};

static uint64_t candidates[KITH_SIM_FALSE_N], served[KITH_SIM_FALSE_N], attested[KITH_SIM_FALSE_N], young,
	young_attested;

static int options(struct kith_simoptions *o, uint64_t seed)
{
	scenario_calm(o, seed);
	o->supernodes = SUPERNODES;
	o->leaves = LEAVES;
	o->duration_us = (BUSY_S + BUSY_FOR_S + 60) * KITH_US_PER_S;
	o->verify_us = 0;
	o->checked = false;
	o->workload.call_gap_us = 0;
	o->workload.watch = false;
	o->candidates_ppm = KITH_PPM;
	o->faults.false_ppm = KITH_PPM / 2;
	o->election_pace = PACE;
	o->busy_permille = 1000; /* as much as an entry can say: seven more are needed */
	o->busy_from_us = BUSY_S * KITH_US_PER_S;
	o->busy_until_us = (BUSY_S + BUSY_FOR_S) * KITH_US_PER_S;
	/* These take the nodes that began as supernodes for such all the time, and leaves for no more than that; who
	 * punches sends what is malformed. */
	o->ignored = 1u << KITH_SIM_MEMBERS_CONVERGE | 1u << KITH_SIM_THREE_HOMES | 1u << KITH_SIM_RELAY_ONLY_HIDDEN |
		     1u << KITH_SIM_IDLE_QUIET | 1u << KITH_SIM_NOTHING_BEFORE_CONSENT | 1u << KITH_SIM_MEMORY_BOUNDED |
		     1u << KITH_SIM_NO_GARBAGE;
	snprintf(o->command, sizeof o->command, "sim_candidates %llu", (unsigned long long)seed);
	if (kith_simclass_parse(o->capacity.supernodes, "server=1") != 0 ||
	    kith_simclass_parse(o->capacity.leaves, "fibre=1") != 0)
		return 1;
	/* A restricted one lets in all ports of an address that was spoken to: the witnesses of those that punch. */
	return kith_simnat_mix_parse(&o->nats, "open=40,full-cone=10,restricted=25,port-restricted=15,"
					       "linux-masquerade=5,symmetric-random=5");
}

static struct kith_sim *finished(const struct kith_simoptions *o)
{
	char text[2048];
	struct kith_sim *sim = kith_simoptions_check(o) == NULL ? kith_sim_new(o) : NULL;
	if (sim == NULL || kith_sim_finish(sim))
		return sim;
	fprintf(stderr, "%s\n", kith_sim_violation_text(sim, text, sizeof text));
	kith_sim_free(sim);
	return NULL;
}

/* Witnesses dial from ports that nobody can have spoken to. */
static int run_young(uint64_t seed)
{
	struct kith_simoptions o;
	if (options(&o, seed) != 0 || kith_simnat_mix_parse(&o.nats, "port-restricted=50,linux-masquerade=50") != 0)
		return 1;
	o.candidates_ppm = YOUNG_PPM;
	o.faults.false_ppm = KITH_PPM;
	o.faults.falsehoods = 1u << KITH_SIM_FALSE_PUNCH;
	o.busy_permille = 0;
	o.duration_us = YOUNG_S * KITH_US_PER_S;
	struct kith_sim *sim = finished(&o);
	if (sim == NULL)
		return 1;
	young += kith_sim_counts(sim)->candidates[KITH_SIM_FALSE_PUNCH];
	young_attested += kith_sim_counts(sim)->attested[KITH_SIM_FALSE_PUNCH];
	kith_sim_free(sim);
	return 0;
}

static int run(uint64_t seed)
{
	struct kith_simoptions o;
	struct kith_sim *sim = options(&o, seed) == 0 ? finished(&o) : NULL;
	bool good = true;
	if (sim == NULL)
		return 1;
	const struct kith_simcounts *c = kith_sim_counts(sim);
	for (unsigned i = 0; i < KITH_SIM_FALSE_N; i++) {
		candidates[i] += c->candidates[i];
		served[i] += c->served[i];
		attested[i] += c->attested[i];
	}
	if (c->served[KITH_SIM_FALSE_NOT] < SERVED_LEAST) {
		fprintf(stderr, "%s: only %llu honest ones served\n", o.command,
			(unsigned long long)c->served[KITH_SIM_FALSE_NOT]);
		good = false;
	}
	kith_sim_free(sim);
	return good ? run_young(seed) : 1;
}

/* Fewer than one in a hundred of those that lie in that way. */
static int judge(unsigned how)
{
	printf("  %-9s %4llu candidates, %llu attested, %llu served\n",
	       how == KITH_SIM_FALSE_NOT ? "honest" : kith_simfalse_name(how), (unsigned long long)candidates[how],
	       (unsigned long long)attested[how], (unsigned long long)served[how]);
	return how != KITH_SIM_FALSE_NOT && 100 * served[how] >= candidates[how];
}

int main(int argc, char **argv)
{
	int failures = scenario_seeds(argc, argv, "KITH_CANDIDATES_SEEDS", SEEDS_DEFAULT, run);
	for (unsigned i = 0; i < KITH_SIM_FALSE_N; i++)
		failures += judge(i);
	/* Nobody found those where they said that they are, nor behind their NATs. */
	printf("  young     %4llu that punch, %llu attested\n", (unsigned long long)young,
	       (unsigned long long)young_attested);
	failures += young_attested + attested[KITH_SIM_FALSE_ELSEWHERE] + attested[KITH_SIM_FALSE_PUNCH] > 0;
	return failures > 0;
}
