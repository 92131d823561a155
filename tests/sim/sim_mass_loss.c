/* A share of all supernodes is lost at one moment, unannounced: how long until every leaf has its homes again, and
 * until names are found and calls open.
 *
 *     sim_mass_loss                 30, 60 and 90 %, over the seeds 1 to KITH_MASS_SEEDS (default 4)
 *     sim_mass_loss PERCENT SEED    that one, as a failing run prints it
 *
 * A leaf that is idle finds out by a keepalive that wants an answer: each third, KITH_SIM_NOTICED_US after the last
 * packet at most. From then on the bounds below are asserted, for 99 of 100 leaves; half of the networks have calls all
 * the time, in the others nobody moves.
 */
#include "scenario.h"

#include "base/limits.h"
#include "link/state.h"

enum {
	SUPERNODES = 20,
	LEAVES = 150,
	SEEDS_DEFAULT = 4,
	KILL_AT_S = 150,
	LOOK_MS = 100, /* distance of samples */
	/* An orphan has a home again after it noticed: 99 of 100, and all (in 150 leaves that is 999 of 1000). */
	AGAIN_99_MS = 30000,
	AGAIN_ALL_MS = 60000,
	QUIET_S = 60 /* after the bound: calls of everybody */
};

struct loss {
	uint32_t kill_percent;
	kith_time_us recovered_us; /* bound, from the moment that a leaf noticed its first loss */
};

static const struct loss losses[] = {
	{ 30, 10 * KITH_US_PER_S },
	{ 60, 30 * KITH_US_PER_S },
	{ 90, 200 * KITH_US_PER_S }, /* with KITH_SIM_NOTICED_US: five minutes after the loss */
};

struct leaf {
	bool affected; /* one of its homes was lost */
	bool orphan; /* all of them were */
	kith_time_us noticed_at, some_at, whole_at; /* NEVER: not yet */
};

struct run {
	struct kith_sim *sim;
	struct leaf leaves[LEAVES];
	uint32_t affected, late, noticed_late, slow_ms[LEAVES], from_loss_ms[LEAVES];
	uint32_t orphans, homeless, again_ms[LEAVES], again_loss_ms[LEAVES];
	uint64_t calls, failed, lookups, lookups_failed;
};

static bool alive(struct kith_sim *sim, const struct kith_addr *addr)
{
	for (uint32_t i = 0; i < SUPERNODES; i++) {
		const struct kith_core *c = kith_sim_core(sim, i);
		if (c != NULL && kith_addr_equal(&c->endpoints[0].addr, addr))
			return true;
	}
	return false;
}

static uint32_t alive_n(struct kith_sim *sim)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < SUPERNODES; i++)
		n += kith_sim_core(sim, i) != NULL;
	return n;
}

/* Homes of a leaf that are there, and how many it believes in. */
static unsigned homes_alive(struct run *r, uint32_t leaf, unsigned *believed)
{
	struct kith_addr homes[KITH_HOMES];
	unsigned n = 0;
	*believed = (unsigned)kith_core_homes(kith_sim_core(r->sim, SUPERNODES + leaf), homes, KITH_HOMES);
	for (unsigned i = 0; i < *believed; i++)
		n += alive(r->sim, &homes[i]);
	return n;
}

static void look(struct run *r)
{
	kith_time_us now = kith_sim_time(r->sim);
	unsigned there = alive_n(r->sim), most = there < KITH_HOMES ? there : KITH_HOMES;
	for (uint32_t i = 0; i < LEAVES; i++) {
		struct leaf *l = &r->leaves[i];
		unsigned believed, n = homes_alive(r, i, &believed);
		if (!l->affected || l->whole_at != KITH_TIME_NEVER)
			continue;
		if (l->noticed_at == KITH_TIME_NEVER && (believed < KITH_HOMES || n == most))
			l->noticed_at = now;
		if (n > 0 && l->some_at == KITH_TIME_NEVER)
			l->some_at = now;
		if (n == most)
			l->whole_at = now;
	}
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

static uint32_t percentile(uint32_t *ms, uint32_t n, uint32_t p)
{
	qsort(ms, n, sizeof *ms, by_value);
	return n == 0 ? 0 : ms[(uint64_t)(n - 1) * p / 100];
}

static bool steps(struct run *r, kith_time_us until)
{
	while (kith_sim_time(r->sim) < until) {
		if (!kith_sim_run(r->sim, kith_sim_time(r->sim) + LOOK_MS * KITH_US_PER_MS))
			return false;
		look(r);
	}
	return true;
}

static void options(struct kith_simoptions *o, const struct loss *loss, uint64_t seed)
{
	scenario_calm(o, seed);
	o->supernodes = SUPERNODES;
	o->leaves = LEAVES;
	o->faults.kill_ppm = loss->kill_percent * 10000;
	o->faults.kill_at_us = KILL_AT_S * KITH_US_PER_S;
	o->duration_us = o->faults.kill_at_us + KITH_SIM_NOTICED_US + loss->recovered_us + QUIET_S * KITH_US_PER_S;
	o->verify_us = QUIET_S * KITH_US_PER_S;
	o->workload.call_gap_us = seed % 2 == 0 ? 20 * KITH_US_PER_S : 0;
	o->workload.lookup_ppm = 500000;
	o->checked = false;
	o->bounds.settle_us = KITH_SIM_NOTICED_US + loss->recovered_us;
	if (!scenario_ignore(o, getenv("KITH_SIM_IGNORE")))
		abort();
	snprintf(o->command, sizeof o->command, "sim_mass_loss %u %llu", loss->kill_percent, (unsigned long long)seed);
}

static void judge(struct run *r, const struct loss *loss)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < LEAVES; i++) {
		const struct leaf *l = &r->leaves[i];
		if (!l->affected)
			continue;
		kith_time_us now = kith_sim_time(r->sim);
		kith_time_us noticed = l->noticed_at < now ? l->noticed_at : now;
		kith_time_us whole = l->whole_at < now ? l->whole_at : now;
		r->slow_ms[n] = (uint32_t)((whole - noticed) / KITH_US_PER_MS);
		r->from_loss_ms[n++] = (uint32_t)((whole - KILL_AT_S * KITH_US_PER_S) / KITH_US_PER_MS);
		if (l->orphan) {
			kith_time_us some = l->some_at < now ? l->some_at : now;
			r->again_ms[r->orphans] = (uint32_t)((some - noticed) / KITH_US_PER_MS);
			r->again_loss_ms[r->orphans++] =
				(uint32_t)((some - KILL_AT_S * KITH_US_PER_S) / KITH_US_PER_MS);
			r->homeless += l->some_at == KITH_TIME_NEVER;
		}
		r->late += l->whole_at == KITH_TIME_NEVER || whole - noticed > loss->recovered_us;
		r->noticed_late += noticed - KILL_AT_S * KITH_US_PER_S > KITH_SIM_NOTICED_US;
	}
	r->affected = n;
}

/* Calls that failed and need not have: contacts that hide from each other and share no home cannot talk, loss or no. */
static uint64_t failed(const struct kith_simcounts *c)
{
	return c->calls_failed - c->calls_hidden;
}

static void print(struct run *r, const struct loss *loss, uint64_t seed, uint64_t early, uint64_t early_failed)
{
	printf("  %u %% seed %llu: %u orphans, %u homeless at the end; a home again after noticing: median %.1f s, "
	       "99 %% %.1f s, all %.1f s; after the loss: median %.1f s, 99 %% %.1f s, all %.1f s\n",
	       loss->kill_percent, (unsigned long long)seed, r->orphans, r->homeless,
	       percentile(r->again_ms, r->orphans, 50) / 1000.0, percentile(r->again_ms, r->orphans, 99) / 1000.0,
	       percentile(r->again_ms, r->orphans, 100) / 1000.0, percentile(r->again_loss_ms, r->orphans, 50) / 1000.0,
	       percentile(r->again_loss_ms, r->orphans, 99) / 1000.0,
	       percentile(r->again_loss_ms, r->orphans, 100) / 1000.0);
	printf("  %u %% seed %llu: %u leaves lost homes; whole again after noticing: median %.1f s, 99 %% %.1f s; "
	       "after the loss: median %.1f s, 99 %% %.1f s; calls failed: %llu of %llu until the bound, %llu of %llu "
	       "after\n",
	       loss->kill_percent, (unsigned long long)seed, r->affected,
	       percentile(r->slow_ms, r->affected, 50) / 1000.0, percentile(r->slow_ms, r->affected, 99) / 1000.0,
	       percentile(r->from_loss_ms, r->affected, 50) / 1000.0,
	       percentile(r->from_loss_ms, r->affected, 99) / 1000.0, (unsigned long long)early_failed,
	       (unsigned long long)early, (unsigned long long)r->failed, (unsigned long long)r->calls);
}

static bool holds(struct run *r, const char *command)
{
	if (r->late * 100 > r->affected || r->noticed_late > 0 || r->affected == 0) {
		fprintf(stderr, "%u of %u leaves were late, %u noticed late: %s\n", r->late, r->affected,
			r->noticed_late, command);
		return false;
	}
	if (r->homeless > 0 || percentile(r->again_ms, r->orphans, 99) > AGAIN_99_MS ||
	    percentile(r->again_ms, r->orphans, 100) > AGAIN_ALL_MS) {
		fprintf(stderr, "%u of %u orphans have no home, or got one late: %s\n", r->homeless, r->orphans,
			command);
		return false;
	}
	if (r->failed * 100 > r->calls || r->lookups_failed * 100 > r->lookups || r->calls < LEAVES) {
		fprintf(stderr, "%llu of %llu calls, %llu of %llu look-ups failed: %s\n", (unsigned long long)r->failed,
			(unsigned long long)r->calls, (unsigned long long)r->lookups_failed,
			(unsigned long long)r->lookups, command);
		return false;
	}
	return true;
}

static int run(const struct loss *loss, uint64_t seed, uint8_t hash[32])
{
	static struct run r;
	struct kith_simoptions o;
	char text[2048];
	memset(&r, 0, sizeof r);
	options(&o, loss, seed);
	const char *why = kith_simoptions_check(&o);
	r.sim = why == NULL ? kith_sim_new(&o) : NULL;
	if (r.sim == NULL) {
		fprintf(stderr, "no run: %s\n", why != NULL ? why : "out of memory");
		return 1;
	}
	bool good = kith_sim_run(r.sim, o.faults.kill_at_us);
	struct kith_simcounts at_loss = *kith_sim_counts(r.sim);
	for (uint32_t i = 0; i < LEAVES && good; i++) {
		unsigned believed;
		r.leaves[i] = (struct leaf){ .affected = false };
		r.leaves[i].noticed_at = r.leaves[i].some_at = r.leaves[i].whole_at = KITH_TIME_NEVER;
		unsigned n = homes_alive(&r, i, &believed);
		r.leaves[i].affected = n < KITH_HOMES;
		r.leaves[i].orphan = n == 0;
	}
	good = good && steps(&r, o.faults.kill_at_us + KITH_SIM_NOTICED_US + loss->recovered_us);
	if (good)
		judge(&r, loss);
	struct kith_simcounts before = *kith_sim_counts(r.sim);
	uint64_t early = before.calls - at_loss.calls, early_failed = failed(&before) - failed(&at_loss);
	good = good && kith_sim_finish(r.sim);
	kith_sim_hash(r.sim, hash);
	const struct kith_simcounts *after = kith_sim_counts(r.sim);
	r.calls = after->calls - before.calls;
	r.failed = failed(after) - failed(&before);
	r.lookups = after->lookups - before.lookups;
	r.lookups_failed = after->lookups_failed - before.lookups_failed;
	if (!good)
		fprintf(stderr, "%s\n", kith_sim_violation_text(r.sim, text, sizeof text));
	kith_sim_free(r.sim);
	good = good && holds(&r, o.command);
	print(&r, loss, seed, early, early_failed);
	return good ? 0 : 1;
}

int main(int argc, char **argv)
{
	uint64_t seeds = scenario_count("KITH_MASS_SEEDS", SEEDS_DEFAULT);
	int failures = 0;
	if (argc != 1 && argc != 3) {
		fprintf(stderr, "usage: %s [PERCENT SEED]\n", argv[0]);
		return 2;
	}
	for (size_t i = 0; i < sizeof losses / sizeof losses[0]; i++) {
		uint8_t hash[32], again[32];
		if (argc == 3 && strtoul(argv[1], NULL, 10) != losses[i].kill_percent)
			continue;
		if (argc == 3)
			failures += run(&losses[i], strtoull(argv[2], NULL, 10), hash);
		for (uint64_t seed = 1; argc == 1 && seed <= seeds; seed++)
			failures += run(&losses[i], seed, hash);
		if (argc == 1 && i == 0) {
			failures += run(&losses[i], seeds, again);
			if (memcmp(hash, again, sizeof hash) != 0) {
				fprintf(stderr, "two runs of one seed differ\n");
				failures++;
			}
		}
	}
	return failures > 0;
}
