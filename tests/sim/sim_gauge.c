/* What leaves find out about their NATs (lib/leaf/gauge), for each kind that lets UDP through and mappings that last
 * from 20 s to five minutes: filtering, hairpin and lifetime must be those of the model. Then an hour behind NATs that
 * forget after 20 s: no mapping towards a home lapses. Prints what idle leaves cost by lifetime.
 */
#include "scenario.h"

#include "sim/internal.h"

enum {
	SUPERNODES = 8,
	KINDS = 9,
	GAUGED_S = 230, /* all have joined, published, and waited for the longest delay */
	HOUR_S = 3600,
	SHORT_S = 20,
	BYTES_MAX = 15 /* a second: what an idle leaf may cost behind a NAT that keeps a mapping for two minutes */
};

/* What a kind of NAT is to be found to be. */
static const struct found {
	const char *kind, *filtering, *hairpin;
	bool one_mapping; /* for all destinations */
} want[KINDS] = {
	{ "open", "none", "unknown", false },
	{ "full-cone", "none", "no", true },
	{ "restricted", "address", "no", true },
	{ "port-restricted", "port", "no", true },
	{ "symmetric-random", "port", "unknown", false },
	{ "symmetric-sequential", "port", "unknown", false },
	{ "symmetric-block", "port", "unknown", false },
	{ "linux-masquerade", "port", "no", false },
	{ "cgn", "port", "yes", true },
};

static const struct found *of_kind(unsigned kind)
{
	unsigned i = 0;
	while (i < KINDS && strcmp(want[i].kind, kith_simnat_name(kind)) != 0)
		i++;
	if (i == KINDS) {
		fprintf(stderr, "no such kind: %s\n", kith_simnat_name(kind));
		abort();
	}
	return &want[i];
}

static struct kith_sim *start(uint64_t seed, unsigned lifetime_s, unsigned seconds)
{
	struct kith_simoptions o;
	scenario_calm(&o, seed);
	o.supernodes = SUPERNODES;
	o.leaves = 2 * KINDS;
	o.nats_in_turn = true;
	o.nat_timeout_us = lifetime_s * KITH_US_PER_S;
	o.duration_us = seconds * KITH_US_PER_S;
	o.checked = false;
	o.verify_us = 0;
	o.workload.call_gap_us = 0;
	o.workload.watch = false;
	struct kith_sim *sim = kith_sim_new(&o);
	if (sim == NULL)
		abort();
	return sim;
}

/* The longest delay after which a packet comes back: those of KITH_GAUGE_DELAYS. */
static unsigned lifetime_found(unsigned lifetime_s, bool open)
{
	static const unsigned delays[] = { 13, 18, 28, 43, 58, 88, 118, 178 };
	unsigned found = 0;
	for (unsigned i = 0; i < sizeof delays / sizeof delays[0]; i++)
		found = open || delays[i] < lifetime_s ? delays[i] : found;
	return found;
}

static int judge(const struct kith_sim *sim, const struct kith_simnode *n, unsigned lifetime_s)
{
	const struct found *w = of_kind(n->nat_kind);
	struct kith_core_info info;
	kith_core_info(n->core, &info);
	const unsigned found_s = lifetime_found(lifetime_s, strcmp(w->kind, "open") == 0);
	(void)sim;
	if (strcmp(info.nat.filtering, w->filtering) == 0 && strcmp(info.nat.hairpin, w->hairpin) == 0 &&
	    info.nat.lifetime_s == found_s)
		return 0;
	fprintf(stderr, "%s, %u s: found filtering %s, hairpin %s, lifetime %u; it is %s, %s, %u\n", w->kind,
		lifetime_s, info.nat.filtering, info.nat.hairpin, info.nat.lifetime_s, w->filtering, w->hairpin,
		found_s);
	return 1;
}

static int each_kind(uint64_t seed, unsigned lifetime_s)
{
	struct kith_sim *sim = start(seed, lifetime_s, GAUGED_S);
	int failures = !scenario_run(sim, GAUGED_S * KITH_US_PER_S);
	for (uint32_t i = SUPERNODES; i < sim->nodes_n; i++)
		failures += judge(sim, &sim->nodes[i], lifetime_s);
	kith_sim_free(sim);
	return failures;
}

/* Of those behind one mapping for all how many mappings were made so far. */
static void count(const struct kith_sim *sim, uint32_t made[2 * KINDS])
{
	for (uint32_t i = 0; i < 2 * KINDS; i++) {
		const struct kith_simnode *n = &sim->nodes[SUPERNODES + i];
		made[i] = n->nat != 0 ? kith_net_nat(sim->net, n->nat)->counters.mappings : 0;
	}
}

static int an_hour(uint64_t seed, unsigned lifetime_s)
{
	struct kith_sim *sim = start(seed, lifetime_s, GAUGED_S + HOUR_S);
	uint32_t before[2 * KINDS], after[2 * KINDS];
	int failures = !scenario_run(sim, GAUGED_S * KITH_US_PER_S);
	count(sim, before);
	const struct kith_simcounts then = *kith_sim_counts(sim);
	failures += !scenario_run(sim, (GAUGED_S + HOUR_S) * KITH_US_PER_S);
	count(sim, after);
	const struct kith_simcounts *c = kith_sim_counts(sim);
	const double bytes_s =
		(double)(c->idle_bytes - then.idle_bytes) / (double)(c->idle_seconds - then.idle_seconds);
	printf("  mappings last %3u s: an idle leaf costs %.1f bytes a second, in and out, without headers\n",
	       lifetime_s, bytes_s);
	for (uint32_t i = 0; i < 2 * KINDS; i++) {
		const struct found *w = of_kind(sim->nodes[SUPERNODES + i].nat_kind);
		if (!w->one_mapping || before[i] == after[i])
			continue;
		fprintf(stderr, "%s, %u s: %u mappings lapsed in an hour\n", w->kind, lifetime_s, after[i] - before[i]);
		failures++;
	}
	if (lifetime_s > 2 * 55 && bytes_s > BYTES_MAX)
		failures++;
	kith_sim_free(sim);
	return failures;
}

static int run(uint64_t seed)
{
	static const unsigned lifetimes_s[] = { 20, 30, 45, 60, 120, 300 };
	int failures = 0;
	for (unsigned i = 0; i < sizeof lifetimes_s / sizeof lifetimes_s[0]; i++)
		failures += each_kind(seed, lifetimes_s[i]);
	failures += an_hour(seed, SHORT_S);
	failures += an_hour(seed, 120);
	return failures;
}

int main(int argc, char **argv)
{
	return scenario_seeds(argc, argv, "KITH_SIM_GAUGE_SEEDS", 2, run) > 0;
}
