/* Ten thousand nodes: what holds in networks of a dozen holds in one that nobody can look through.
 *
 *     sim_large NAME...     calm, loss, churn, liars: those scenarios; without any, all
 *
 * The simulator's invariants are checked all the while. What is asserted besides: how long things take for 99 of 100,
 * how evenly supernodes are used, what idling and a node's memory cost.
 */
#include "scenario.h"

#include "link/state.h"

enum { SUPERNODES = 40, LEAVES = 10000 - SUPERNODES, JOIN_S = 60, JOINED_S = 10, SEED = 1 };

enum {
	ATTACH_99_MS = 200,
	LOOKUP_50_MS = 100,
	LOOKUP_99_MS = 200,
	LOAD_MAX_PERCENT = 125, /* leaves of the fullest supernode, of the mean */
	IDLE_BYTES_MAX = 20, /* a second, in and out, without headers: each watches four others at two homes */
	/* at the worst time, with calls, its share in supernodes, and what the simulator holds: the mappings of a NAT
	 * among it, 256 of a spread of random ports for minutes, and those of eight sockets that measure it */
	NODE_BYTES_MAX = 34000,
	AGAIN_99_MS = 10000, /* from losing the last home to having one */
	/* of the look-ups, among liars, those before the first one is caught included; wanted: 1000, seen: 1007 */
	FAILED_MAX_PPM = 2000
};

/* Everybody watches four others; one is looked up, and called, every two minutes. */
static void options_of(struct kith_simoptions *o, uint32_t seconds)
{
	kith_simoptions_init(o);
	o->seed = SEED;
	o->supernodes = SUPERNODES;
	o->leaves = LEAVES;
	o->join_us = JOIN_S * KITH_US_PER_S;
	o->duration_us = seconds * KITH_US_PER_S;
	o->verify_us = 0;
	o->workload.call_gap_us = 120 * KITH_US_PER_S;
	o->workload.lookup_ppm = KITH_PPM;
	o->workload.relay_only_ppm = 0; /* those fail for want of a home in common */
	o->workload.datagrams_n = 4;
	o->workload.stream_bytes = 0;
}

static bool at_most(const char *what, uint64_t is, uint64_t most)
{
	printf("    %-44s %8llu (at most %llu)%s\n", what, (unsigned long long)is, (unsigned long long)most,
	       is <= most ? "" : ": NOT GOOD");
	return is <= most;
}

static bool at_least(const char *what, uint64_t is, uint64_t least)
{
	printf("    %-44s %8llu (at least %llu)%s\n", what, (unsigned long long)is, (unsigned long long)least,
	       is >= least ? "" : ": NOT GOOD");
	return is >= least;
}

static uint32_t percentile(const struct kith_sim *sim, enum kith_simmeasure measure, unsigned p)
{
	return kith_simsamples_percentile(kith_sim_samples(sim, measure), p);
}

/* Leaves of the fullest supernode, in percent of the mean. */
static uint64_t fullest_percent(struct kith_sim *sim)
{
	uint64_t most = 0, all = 0, up = 0;
	for (uint32_t i = 0; i < SUPERNODES; i++) {
		const struct kith_core *c = kith_sim_core(sim, i);
		if (c == NULL || c->super == NULL)
			continue;
		up++;
		all += c->super->leaves;
		most = c->super->leaves > most ? c->super->leaves : most;
	}
	return all > 0 ? most * up * 100 / all : 0;
}

static bool all_attached(const struct kith_sim *sim)
{
	uint32_t up, some, all;
	kith_sim_attached(sim, &up, &some, &all);
	return at_least("leaves with three homes at the end", all, up);
}

/* ---- what each is about: options, and what is asserted before the cores stop ---- */

static void calm_options(struct kith_simoptions *o)
{
	options_of(o, 180);
}

static bool calm(struct kith_sim *sim, const struct kith_simcounts *before)
{
	const struct kith_simcounts *c = kith_sim_counts(sim);
	bool good = all_attached(sim);
	good = at_most("ms until the first home, 99 of 100", percentile(sim, KITH_SIM_ATTACH, 99), ATTACH_99_MS) &&
	       good;
	good = at_least("look-ups", c->lookups - before->lookups, 2000) && good;
	good = at_most("ms of a look-up, half of them", percentile(sim, KITH_SIM_LOOKUP, 50), LOOKUP_50_MS) && good;
	good = at_most("ms of a look-up, 99 of 100", percentile(sim, KITH_SIM_LOOKUP, 99), LOOKUP_99_MS) && good;
	good = at_most("look-ups that failed", c->lookups_failed - before->lookups_failed, 0) && good;
	good = at_most("calls that failed", c->calls_failed - before->calls_failed, 0) && good;
	good = at_most("leaves of the fullest supernode, % of the mean", fullest_percent(sim), LOAD_MAX_PERCENT) &&
	       good;
	good = at_least("seconds of idle leaves", c->idle_seconds, LEAVES) && good;
	good = at_most("bytes a second of an idle leaf",
		       c->idle_seconds > 0 ? c->idle_bytes / c->idle_seconds : UINT64_MAX, IDLE_BYTES_MAX) &&
	       good;
	return at_most("bytes a node", kith_sim_pool_peak(sim) / (LEAVES + SUPERNODES), NODE_BYTES_MAX) && good;
}

enum { LOST_AT_S = 90 };

static void loss_options(struct kith_simoptions *o)
{
	options_of(o, 0);
	o->faults.kill_ppm = 300000;
	o->faults.kill_at_us = LOST_AT_S * KITH_US_PER_S;
	o->bounds.settle_us = KITH_SIM_NOTICED_US + 10 * KITH_US_PER_S;
	o->duration_us = o->faults.kill_at_us + o->bounds.settle_us + 30 * KITH_US_PER_S;
}

static bool loss(struct kith_sim *sim, const struct kith_simcounts *before)
{
	(void)before;
	bool good = all_attached(sim);
	good = at_least("leaves that lost all homes", kith_sim_samples(sim, KITH_SIM_RECOVERY)->n, LEAVES / 100) &&
	       good;
	return at_most("ms until one of these has a home, 99 of 100", percentile(sim, KITH_SIM_RECOVERY, 99),
		       AGAIN_99_MS) &&
	       good;
}

static void churn_options(struct kith_simoptions *o)
{
	options_of(o, 220);
	o->faults.from_us = 70 * KITH_US_PER_S;
	o->faults.until_us = 130 * KITH_US_PER_S;
	o->faults.leaf_life_us = 300 * KITH_US_PER_S;
	o->faults.down_us = 20 * KITH_US_PER_S;
	o->faults.leaf_crashes_n = 100;
	o->faults.moves_n = 100;
	o->faults.link.loss_ppm = 10000;
}

static bool churn(struct kith_sim *sim, const struct kith_simcounts *before)
{
	(void)before;
	const struct kith_simcounts *c = kith_sim_counts(sim);
	bool good = all_attached(sim);
	good = at_least("leaves that came back", c->starts - LEAVES - SUPERNODES, LEAVES / 20) && good;
	return at_least("watchers who had to see one go", c->checks_offline, 200) && good;
}

static void liars_options(struct kith_simoptions *o)
{
	options_of(o, 240);
	o->faults.liars_ppm = 200000;
	o->ignored = 1u << KITH_SIM_PAIRS_TALK | 1u << KITH_SIM_ONLINE_SEEN;
}

static bool liars(struct kith_sim *sim, const struct kith_simcounts *before)
{
	const struct kith_simcounts *c = kith_sim_counts(sim);
	const uint64_t lookups = c->lookups - before->lookups, failed = c->lookups_failed - before->lookups_failed;
	bool good = at_least("look-ups", lookups, 2000);
	good = at_most("look-ups that failed, in a million", lookups > 0 ? failed * KITH_PPM / lookups : UINT64_MAX,
		       FAILED_MAX_PPM) &&
	       good;
	good = at_least("homes that were caught lying", c->caught, 10) && good;
	return at_most("homes that were caught and do not lie", c->caught_wrongly, 0) && good;
}

static const struct large {
	const char *name;
	void (*options)(struct kith_simoptions *o);
	bool (*holds)(struct kith_sim *sim, const struct kith_simcounts *before);
} scenarios[] = {
	{ "calm", calm_options, calm },
	{ "loss", loss_options, loss },
	{ "churn", churn_options, churn },
	{ "liars", liars_options, liars },
};

static bool run(const struct large *l)
{
	struct kith_simoptions o;
	char text[2 * KITH_SIM_TEXT_MAX + 1024];
	l->options(&o);
	snprintf(o.command, sizeof o.command, "sim_large %s", l->name);
	const char *why = kith_simoptions_check(&o);
	struct kith_sim *sim = why == NULL ? kith_sim_new(&o) : NULL;
	if (sim == NULL) {
		fprintf(stderr, "no run: %s\n", why != NULL ? why : "out of memory");
		return false;
	}
	printf("  %s\n", l->name);
	/* Who is called before it is there is not found. */
	bool good = kith_sim_run(sim, o.join_us + JOINED_S * KITH_US_PER_S);
	const struct kith_simcounts before = *kith_sim_counts(sim);
	good = good && kith_sim_run(sim, o.duration_us) && l->holds(sim, &before);
	good = kith_sim_finish(sim) && good;
	if (kith_sim_violation(sim) != NULL)
		fputs(kith_sim_violation_text(sim, text, sizeof text), stderr);
	printf("    events %llu\n", (unsigned long long)kith_sim_counts(sim)->events);
	kith_sim_free(sim);
	return good;
}

int main(int argc, char **argv)
{
	unsigned ran = 0, failed = 0;
	for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
		bool wanted = argc == 1;
		for (int k = 1; k < argc; k++)
			wanted = wanted || strcmp(argv[k], scenarios[i].name) == 0;
		if (!wanted)
			continue;
		ran++;
		failed += !run(&scenarios[i]);
	}
	if (ran == 0)
		fprintf(stderr, "usage: %s [calm|loss|churn|liars]...\n", argv[0]);
	return ran == 0 || failed > 0;
}
