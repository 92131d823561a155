/* Supernodes that are more than a full view holds: names are found within two hops, and what it costs to know each
 * other grows no more with their number.
 *
 *     sim_sectors                 100 and 200 supernodes
 *     sim_sectors N [N ...]       those numbers
 *
 * A full view ends at 64 here, and a sector is 16.
 */
#include "scenario.h"

#include "link/state.h"
#include "sim/internal.h"

enum {
	FULL_VIEW = 64,
	LEAVES = 20,
	LOOKUPS = 3000,
	WARM_S = 660, /* left out: everybody learns of those near */
	WINDOW_S = 300,
	KILL_S = WARM_S + WINDOW_S + 120,
	SIZES_MAX = 8,
	FOUND_PPM = 999000, /* of the look-ups of names that are there, at least */
	HOPS_MAX = 2100, /* in thousandths, on average */
	BITS_MAX = 8000 /* a second, that a supernode sends for membership: as with a full view (sim_members_cost) */
};

static void options(struct kith_simoptions *o, uint32_t supernodes)
{
	scenario_calm(o, 1);
	o->supernodes = supernodes;
	o->full_view = FULL_VIEW;
	o->leaves = LEAVES;
	o->duration_us = 24 * 3600 * KITH_US_PER_S;
	o->workload = (struct kith_simworkload){ .contacts_n = 4, .watch = true };
	o->bounds.settle_us = 600 * KITH_US_PER_S;
	o->bounds.super_bytes *= 4 + supernodes / 50; /* all begin at once, each at three bootstrap hosts */
	o->verify_us = 0;
	o->checked = false;
}

/* Members in a table, near ones among them, most of all, and bits. */
static void tables(struct kith_sim *sim, uint32_t n)
{
	uint32_t most = 0, near = 0, fewest_bits = 99, most_bits = 0;
	uint64_t all = 0;
	for (uint32_t i = 0; i < n; i++) {
		const struct kith_core *c = kith_sim_core(sim, i);
		if (c == NULL)
			continue;
		const struct kith_members *ms = &c->super->members;
		all += ms->n;
		most = ms->n > most ? ms->n : most;
		near = kith_members_near(ms) > near ? kith_members_near(ms) : near;
		fewest_bits = ms->sectors.bits < fewest_bits ? ms->sectors.bits : fewest_bits;
		most_bits = ms->sectors.bits > most_bits ? ms->sectors.bits : most_bits;
	}
	printf("  %5u supernodes: tables of %llu on average, %u at most, %u of them near; 2^%u to 2^%u sectors\n", n,
	       (unsigned long long)(all / n), most, near, fewest_bits, most_bits);
}

/* Records are brought anew after 24 min; here once their owners know who is near, since all of them began at once. */
static bool bring_anew(struct kith_sim *sim)
{
	for (uint32_t i = 0; i < sim->options.supernodes; i++)
		kith_sim_core(sim, i)->super->self_due -= KITH_RECORD_REFRESH_US;
	return scenario_run(sim, kith_sim_time(sim) + 30 * KITH_US_PER_S);
}

/* As many look-ups as that, by supernodes drawn at random, of the names of others: hardly one knows whom to ask. */
static bool look_ups(struct kith_sim *sim, const char *when, uint32_t count, kith_time_us over_us)
{
	const uint32_t n = sim->options.supernodes;
	const struct kith_simsamples *all = kith_sim_samples(sim, KITH_SIM_LOOKUP);
	struct kith_simcounts before = *kith_sim_counts(sim);
	struct kith_stats was = *kith_sim_stats(sim, KITH_ROLE_SUPERNODE);
	const uint32_t since = all->n;
	const kith_time_us from = kith_sim_time(sim);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t asker, peer;
		if (!scenario_run(sim, from + over_us * i / count))
			return false;
		for (uint32_t draw = 0;; draw++) {
			asker = scenario_below((uint64_t)from + i, 2 * draw, n);
			peer = scenario_below((uint64_t)from + i, 2 * draw + 1, n);
			if (asker != peer && kith_sim_core(sim, asker) != NULL && kith_sim_core(sim, peer) != NULL &&
			    sim->nodes[asker].lies == 0 && sim->nodes[peer].lies == 0)
				break;
		}
		kith_sim_super_lookup(sim, asker, peer);
	}
	if (!scenario_run(sim, from + over_us + 10 * KITH_US_PER_S))
		return false;
	const struct kith_simcounts *c = kith_sim_counts(sim);
	const struct kith_stats *st = kith_sim_stats(sim, KITH_ROLE_SUPERNODE);
	struct kith_simsamples late = { all->ms + since, all->n - since, 0 };
	uint64_t lookups = c->lookups - before.lookups, failed = c->lookups_failed - before.lookups_failed;
	uint64_t found = st->counter[KITH_STAT_LOOKUPS_FOUND] - was.counter[KITH_STAT_LOOKUPS_FOUND];
	uint64_t hops = st->counter[KITH_STAT_LOOKUP_HOPS] - was.counter[KITH_STAT_LOOKUP_HOPS];
	printf("  %5u supernodes, %s: %llu of %llu look-ups failed; %.2f hops on average; %u ms (median), %u ms (99 "
	       "%%)\n",
	       n, when, (unsigned long long)failed, (unsigned long long)lookups, (double)hops / (double)found,
	       kith_simsamples_percentile(&late, 50), kith_simsamples_percentile(&late, 99));
	fflush(stdout);
	return lookups > 0 && failed * 1000000 <= lookups * (1000000 - FOUND_PPM) && hops * 1000 <= found * HOPS_MAX;
}

static int measure(uint32_t n)
{
	struct kith_simoptions o;
	options(&o, n);
	o.faults.kill_ppm = 300000;
	o.faults.kill_at_us = KILL_S * KITH_US_PER_S;
	struct kith_sim *sim = kith_sim_new(&o);
	if (sim == NULL || !scenario_run(sim, WARM_S * KITH_US_PER_S))
		return 1;
	double before = scenario_super_bytes(sim);
	if (!scenario_run(sim, (WARM_S + WINDOW_S) * KITH_US_PER_S))
		return 1;
	double bits = (scenario_super_bytes(sim) - before) * 8 / n / WINDOW_S;
	tables(sim, n);
	printf("  %5u supernodes: each sends %.0f bit/s (at most %d)\n", n, bits, BITS_MAX);
	fflush(stdout);
	bool good = bits <= BITS_MAX && bring_anew(sim) && look_ups(sim, "at rest", LOOKUPS, 30 * KITH_US_PER_S) &&
		    scenario_run(sim, o.faults.kill_at_us + KITH_US_PER_S) &&
		    look_ups(sim, "30 % gone at once", LOOKUPS, 30 * KITH_US_PER_S) &&
		    scenario_run(sim, o.faults.kill_at_us + 120 * KITH_US_PER_S) &&
		    look_ups(sim, "two minutes later", LOOKUPS, 30 * KITH_US_PER_S);
	kith_sim_free(sim);
	return !good;
}

static int liars(uint32_t n)
{
	struct kith_simoptions o;
	options(&o, n);
	o.faults.liars_ppm = 200000;
	struct kith_sim *sim = kith_sim_new(&o);
	bool good = sim != NULL && scenario_run(sim, WARM_S * KITH_US_PER_S) && bring_anew(sim) &&
		    look_ups(sim, "a fifth lies", LOOKUPS, 30 * KITH_US_PER_S);
	kith_sim_free(sim);
	return !good;
}

int main(int argc, char **argv)
{
	uint32_t sizes[SIZES_MAX] = { 100, 200 }, n = 2;
	int failures = 0;
	for (int i = 1; i < argc && i <= SIZES_MAX; i++)
		sizes[i - 1] = (uint32_t)strtoul(argv[i], NULL, 10);
	if (argc > 1)
		n = argc - 1 < SIZES_MAX ? (uint32_t)(argc - 1) : SIZES_MAX;
	for (uint32_t i = 0; i < n; i++)
		failures += measure(sizes[i]) + liars(sizes[i]);
	return failures > 0;
}
