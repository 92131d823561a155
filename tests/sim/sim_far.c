/* Supernodes that elect themselves where there are too many for a full view: witnesses are far from the candidate's
 * home, and from those who take its entry. Leaves consent, and half of them lie (bench/sim/lies_candidate.c). All
 * supernodes have too much to do for a while, so that leaves are promoted. These are known to the supernodes near them,
 * and their names are found from everywhere; who lies is not attested where nobody reaches it, and does not serve.
 *
 *     sim_far                 200 supernodes
 *     sim_far N [N ...]       those numbers
 *
 * A full view ends at 64 here, and a sector is 16.
 */
#include "scenario.h"

#include "core/serving.h"
#include "link/state.h"
#include "sim/internal.h"

enum {
	FULL_VIEW = 64,
	LEAVES = 160,
	PACE = 60, /* an hour is a minute */
	JOIN_FROM_S = 400, /* supernodes know who is near by then */
	BUSY_S = 900,
	SETTLE_S = 300,
	LOOKUPS = 1000,
	SIZES_MAX = 4,
	SERVED_LEAST = 10,
	KNOWN_PERCENT = 95 /* of those near a promoted one, on average: one may have begun a moment ago */
};

static int options(struct kith_simoptions *o, uint32_t supernodes)
{
	scenario_calm(o, 1);
	o->supernodes = supernodes;
	o->full_view = FULL_VIEW;
	o->leaves = LEAVES;
	o->join_from_us = JOIN_FROM_S * KITH_US_PER_S;
	o->join_us = 60 * KITH_US_PER_S;
	o->duration_us = 24 * 3600 * KITH_US_PER_S;
	o->verify_us = 0;
	o->checked = false;
	o->workload.call_gap_us = 0;
	o->workload.watch = false;
	o->candidates_ppm = KITH_PPM;
	o->faults.false_ppm = KITH_PPM / 2;
	o->election_pace = PACE;
	o->busy_permille = 760;
	o->busy_from_us = BUSY_S * KITH_US_PER_S;
	o->busy_until_us = o->duration_us; /* else those that help would go soon */
	/* As in sim_candidates: these take the nodes that began as supernodes for such all the time. */
	o->ignored = 1u << KITH_SIM_MEMBERS_CONVERGE | 1u << KITH_SIM_THREE_HOMES | 1u << KITH_SIM_RELAY_ONLY_HIDDEN |
		     1u << KITH_SIM_IDLE_QUIET | 1u << KITH_SIM_NOTHING_BEFORE_CONSENT | 1u << KITH_SIM_MEMORY_BOUNDED |
		     1u << KITH_SIM_NO_GARBAGE;
	if (kith_simclass_parse(o->capacity.supernodes, "server=1") != 0 ||
	    kith_simclass_parse(o->capacity.leaves, "fibre=1") != 0)
		return 1;
	return kith_simnat_mix_parse(&o->nats, "open=40,full-cone=10,restricted=25,port-restricted=15,"
					       "linux-masquerade=5,symmetric-random=5");
}

static bool serves(struct kith_sim *sim, uint32_t node)
{
	const struct kith_core *c = kith_sim_core(sim, node);
	return c != NULL && kith_serves(c) && !c->super->help.draining;
}

/* Of those that a promoted one is near to, by their own sectors: how many know it. */
static void count_known(struct kith_sim *sim, uint32_t node, uint64_t *near, uint64_t *known)
{
	const struct kith_id id = kith_sim_core(sim, node)->super->id;
	for (uint32_t i = 0; i < sim->options.supernodes; i++) {
		const struct kith_members *ms = &kith_sim_core(sim, i)->super->members;
		const struct kith_member *m = kith_members_get(ms, &id);
		if (!kith_sectors_near(&ms->sectors, id.b))
			continue;
		(*near)++;
		*known += m != NULL && kith_member_live(m) && !m->on_word;
	}
}

/* Names of those that were promoted, asked for by supernodes drawn at random. */
static bool look_ups(struct kith_sim *sim, const uint32_t promoted[], uint32_t n, uint64_t *failed)
{
	const uint64_t before = kith_sim_counts(sim)->lookups_failed;
	for (uint32_t i = 0; i < LOOKUPS; i++) {
		uint32_t asker = scenario_below(i, 1, sim->options.supernodes);
		if (!scenario_run(sim, kith_sim_time(sim) + 50 * KITH_US_PER_MS))
			return false;
		kith_sim_super_lookup(sim, asker, promoted[i % n]);
	}
	if (!scenario_run(sim, kith_sim_time(sim) + 10 * KITH_US_PER_S))
		return false;
	*failed = kith_sim_counts(sim)->lookups_failed - before;
	return true;
}

static bool expect(bool good, const char *what, uint64_t is)
{
	if (!good)
		fprintf(stderr, "%s: %llu\n", what, (unsigned long long)is);
	return good;
}

static bool judge(struct kith_sim *sim, uint32_t n)
{
	const struct kith_simcounts *c = kith_sim_counts(sim);
	uint32_t promoted[LEAVES], promoted_n = 0;
	uint64_t near = 0, known = 0, failed = LOOKUPS, wrongly = 0;
	kith_sim_candidates_count(sim);
	for (uint32_t i = n; i < n + LEAVES; i++) {
		if (!serves(sim, i))
			continue;
		promoted[promoted_n++] = i;
		count_known(sim, i, &near, &known);
		wrongly += sim->nodes[i].falsehood != KITH_SIM_FALSE_NOT;
	}
	bool good = expect(promoted_n >= SERVED_LEAST, "promoted", promoted_n) &&
		    look_ups(sim, promoted, promoted_n, &failed);
	printf("  %5u supernodes: %llu of %llu honest candidates attested, %u serve, known to %llu of %llu near them; "
	       "%llu of %d look-ups of them failed\n",
	       n, (unsigned long long)c->attested[KITH_SIM_FALSE_NOT],
	       (unsigned long long)c->candidates[KITH_SIM_FALSE_NOT], promoted_n, (unsigned long long)known,
	       (unsigned long long)near, (unsigned long long)failed, LOOKUPS);
	for (unsigned i = 1; i < KITH_SIM_FALSE_N; i++)
		printf("  %5u supernodes: %s: %llu of %llu attested, %llu served\n", n, kith_simfalse_name(i),
		       (unsigned long long)c->attested[i], (unsigned long long)c->candidates[i],
		       (unsigned long long)c->served[i]);
	fflush(stdout);
	good = expect(failed == 0, "look-ups that failed", failed) && good;
	good = expect(100 * known >= KNOWN_PERCENT * near, "known to those near", known) && good;
	return expect(c->attested[KITH_SIM_FALSE_ELSEWHERE] + c->attested[KITH_SIM_FALSE_PUNCH] == 0,
		      "attested, and not reached", wrongly) &&
	       good;
}

static int run(uint32_t n)
{
	struct kith_simoptions o;
	if (options(&o, n) != 0)
		return 1;
	snprintf(o.command, sizeof o.command, "sim_far %u", n);
	struct kith_sim *sim = kith_sim_new(&o);
	bool good = sim != NULL && scenario_run(sim, (BUSY_S + SETTLE_S) * KITH_US_PER_S) && judge(sim, n);
	if (!good)
		fprintf(stderr, "%s\n", o.command);
	kith_sim_free(sim);
	return !good;
}

int main(int argc, char **argv)
{
	uint32_t sizes[SIZES_MAX] = { 200 }, n = 1;
	int failures = 0;
	for (int i = 1; i < argc && i <= SIZES_MAX; i++)
		sizes[i - 1] = (uint32_t)strtoul(argv[i], NULL, 10);
	if (argc > 1)
		n = argc - 1 < SIZES_MAX ? (uint32_t)(argc - 1) : SIZES_MAX;
	for (uint32_t i = 0; i < n; i++)
		failures += run(sizes[i]);
	return failures > 0;
}
