/* What it costs to know each other, and to watch.
 *
 *     sim_members_cost              20, 40 and 80 supernodes, and six hours of leaves that watch eight others
 *     sim_members_cost N [N ...]    supernodes, those sizes
 *
 * Of 25,000 members that renew their entries every ten hours, 0.69 do so a second. What that costs a supernode is
 * measured at that rate, in networks that are small enough to be simulated: each renewal is offered, asked for and
 * handed over once at each member, however many there are. So what a supernode sends must be the same at all sizes.
 */
#include "scenario.h"

#include "link/state.h"
#include "sim/internal.h"
#include "super/members.h"

enum {
	HOURS = 6,
	WARM_S = 1800, /* left out: everybody learns of everybody */
	WINDOW_S = 600,
	FULL = 25000,
	BITS_MAX = 8000, /* a second, that a supernode sends for membership with that many */
	LEAF_BYTES_MAX = 20, /* a second, in and out, of an idle leaf with eight watches */
	SIZES_MAX = 8
};

static void options(struct kith_simoptions *o, uint32_t supernodes, uint32_t leaves)
{
	scenario_calm(o, 1);
	o->supernodes = supernodes;
	o->leaves = leaves;
	o->duration_us = (WARM_S + HOURS * 3600) * KITH_US_PER_S;
	o->workload.call_gap_us = 0;
	o->workload.contacts_n = 4;
	o->workload.watch = leaves > 1;
	o->verify_us = 0;
	o->checked = false;
}

static bool renew(struct kith_sim *sim, uint32_t node)
{
	return kith_super_make_entry(kith_sim_core(sim, node), 0) == 0;
}

/* Bits a second that each supernode sends, in quiet times and at the rate of so many members. False: no run. */
static bool measure(uint32_t n, double *quiet, double *full)
{
	struct kith_simoptions o;
	const kith_time_us renew_us = KITH_MEMBER_RENEW_US / FULL, warm_us = WARM_S * KITH_US_PER_S;
	const kith_time_us window_us = WINDOW_S * KITH_US_PER_S;
	options(&o, n, 1); /* the simulator wants one; its keepalives are a packet in 25 s */
	struct kith_sim *sim = kith_sim_new(&o);
	bool good = sim != NULL && scenario_run(sim, warm_us);
	double begun = good ? scenario_super_bytes(sim) : 0;
	good = good && scenario_run(sim, warm_us + window_us);
	double middle = good ? scenario_super_bytes(sim) : 0;
	for (uint32_t i = 0; i * renew_us < window_us && good; i++)
		good = scenario_run(sim, warm_us + window_us + renew_us * i) && renew(sim, i * 7 % n);
	good = good && scenario_run(sim, warm_us + 2 * window_us);
	*quiet = (middle - begun) * 8 / n / WINDOW_S;
	*full = (good ? scenario_super_bytes(sim) - middle : 0) * 8 / n / WINDOW_S;
	kith_sim_free(sim);
	return good;
}

static int membership(const uint32_t sizes[], uint32_t n)
{
	int failures = 0;
	for (uint32_t i = 0; i < n; i++) {
		double quiet, full;
		if (!measure(sizes[i], &quiet, &full))
			return 1;
		printf("  %5u supernodes: each sends %.0f bit/s in quiet times, %.0f bit/s (at most %d) when as many "
		       "entries "
		       "are renewed as of %d\n",
		       sizes[i], quiet, full, BITS_MAX, FULL);
		fflush(stdout);
		failures += full > BITS_MAX;
	}
	return failures;
}

static int watching(void)
{
	struct kith_simoptions o;
	double bits[2];
	uint64_t keys = 0;
	double leaf = 0;
	for (int watch = 0; watch < 2; watch++) {
		options(&o, 12, 24);
		o.workload.watch = watch != 0;
		struct kith_sim *sim = kith_sim_new(&o);
		if (sim == NULL || !scenario_run(sim, WARM_S * KITH_US_PER_S))
			return 1;
		struct kith_simcounts before = *kith_sim_counts(sim);
		if (!scenario_run(sim, o.duration_us))
			return 1;
		const struct kith_simcounts *after = kith_sim_counts(sim);
		bits[watch] = (double)(after->super_bytes - before.super_bytes) / HOURS;
		leaf = (double)(after->idle_bytes - before.idle_bytes) /
		       (double)(after->idle_seconds - before.idle_seconds);
		for (uint32_t i = 0; i < o.supernodes; i++)
			keys += watch ? kith_sim_core(sim, i)->super->interests.keys.n : 0;
		kith_sim_free(sim);
	}
	printf("  a key that a home watches: %.1f kB an hour, sent by homes and replicas, for %llu keys\n",
	       (bits[1] - bits[0]) / (double)keys / 1000, (unsigned long long)keys);
	printf("  an idle leaf that watches eight: %.1f B/s in and out (at most %d)\n", leaf, LEAF_BYTES_MAX);
	return leaf > LEAF_BYTES_MAX;
}

int main(int argc, char **argv)
{
	uint32_t sizes[SIZES_MAX] = { 20, 40, 80 }, n = 3;
	for (int i = 1; i < argc && i <= SIZES_MAX; i++)
		sizes[i - 1] = (uint32_t)strtoul(argv[i], NULL, 10);
	if (argc > 1)
		n = argc - 1 < SIZES_MAX ? (uint32_t)(argc - 1) : SIZES_MAX;
	int failures = membership(sizes, n);
	if (argc == 1)
		failures += watching();
	return failures > 0;
}
