/* Everybody logs in within a second: how long it takes, how busy the supernodes are, how often leaves ask again.
 *
 *     sim_stampede                          the crowds below
 *     sim_stampede LEAVES SUPERNODES MIX SEED    another, such as 20000 40 usual 1; nothing is asserted of it
 *
 * What is wanted: 99 of 100 have a home within 120 s, no supernode is asked to do more than 1.5 times what it can, and
 * leaves send no more than 1.2 first handshake packets for each session that they get. The first is asserted; the
 * others are printed beside what is wanted, as nothing in the library refuses for being overloaded yet.
 */
#include "scenario.h"

enum { SECONDS = 150, WITHIN_MS = 120000 };

struct crowd {
	uint32_t leaves, supernodes;
	const char *mix; /* of the supernodes' machines */
};

static const struct crowd crowds[] = { { 1500, 5, "vdsl=1" }, { 250, 3, "dsl=1" } };

static int usage(const char *program)
{
	fprintf(stderr, "usage: %s [LEAVES SUPERNODES MIX SEED]\n", program);
	return 2;
}

static void print(const struct kith_sim *sim, const struct crowd *c)
{
	const struct kith_simsamples *attach = kith_sim_samples(sim, KITH_SIM_ATTACH);
	const struct kith_simsamples *whole = kith_sim_samples(sim, KITH_SIM_ATTACH_ALL);
	uint64_t opened = kith_sim_stats(sim, KITH_ROLE_LEAF)->counter[KITH_STAT_SESSIONS_OPENED];
	uint64_t hellos = kith_sim_counts(sim)->leaf_hellos;
	struct kith_simload l;
	kith_sim_load(sim, KITH_ROLE_SUPERNODE, &l);
	printf("  %u leaves, %u supernodes of %s: a home after %.1f s (half), %.1f s (99 of 100), all homes %.1f s\n",
	       c->leaves, c->supernodes, c->mix, kith_simsamples_percentile(attach, 50) / 1e3,
	       kith_simsamples_percentile(attach, 99) / 1e3, kith_simsamples_percentile(whole, 99) / 1e3);
	printf("    asked of a supernode in its worst second: %.2f of its processor, %.2f of its uplink (wanted: "
	       "1.5)\n",
	       l.work_ppm / 1e6, l.up_ppm / 1e6);
	printf("    first handshake packets for each session: %.2f (wanted: 1.2); dropped at uplinks %llu, at sockets "
	       "%llu\n",
	       opened > 0 ? (double)hellos / (double)opened : 0,
	       (unsigned long long)kith_sim_net_stats(sim)->causes[KITH_NET_QUEUE], (unsigned long long)l.dropped);
}

static int run(const struct crowd *c, uint64_t seed, bool held)
{
	struct kith_simoptions o;
	scenario_calm(&o, seed);
	o.supernodes = c->supernodes;
	o.leaves = c->leaves;
	o.duration_us = SECONDS * KITH_US_PER_S;
	o.join_us = KITH_US_PER_S;
	o.verify_us = 0;
	o.checked = false;
	o.workload.call_gap_us = 0;
	/* What is late is what this is about: it is measured. */
	o.ignored = 1u << KITH_SIM_THREE_HOMES | 1u << KITH_SIM_ONLINE_SEEN | 1u << KITH_SIM_MEMBERS_CONVERGE;
	kith_simcapacity_usual(&o.capacity);
	if (strcmp(c->mix, "usual") != 0 && kith_simclass_parse(o.capacity.supernodes, c->mix) != 0)
		return usage("sim_stampede");
	snprintf(o.command, sizeof o.command, "sim_stampede %u %u %s %llu", c->leaves, c->supernodes, c->mix,
		 (unsigned long long)seed);
	const char *why = kith_simoptions_check(&o);
	struct kith_sim *sim = why == NULL ? kith_sim_new(&o) : NULL;
	if (sim == NULL) {
		fprintf(stderr, "no run: %s\n", why != NULL ? why : "out of memory");
		return 1;
	}
	char text[2048];
	bool good = kith_sim_finish(sim);
	if (!good)
		fprintf(stderr, "%s\n", kith_sim_violation_text(sim, text, sizeof text));
	print(sim, c);
	const struct kith_simsamples *attach = kith_sim_samples(sim, KITH_SIM_ATTACH);
	if (held && (attach->n * 100 < c->leaves * 99 || kith_simsamples_percentile(attach, 99) > WITHIN_MS)) {
		fprintf(stderr, "%u of %u had a home in time: %s\n", attach->n, c->leaves, o.command);
		good = false;
	}
	kith_sim_free(sim);
	return good ? 0 : 1;
}

int main(int argc, char **argv)
{
	int failures = 0;
	if (argc != 1 && argc != 5)
		return usage(argv[0]);
	if (argc == 5) {
		const struct crowd c = { (uint32_t)strtoul(argv[1], NULL, 10), (uint32_t)strtoul(argv[2], NULL, 10),
					 argv[3] };
		return run(&c, strtoull(argv[4], NULL, 10), false);
	}
	for (size_t i = 0; i < sizeof crowds / sizeof crowds[0]; i++)
		failures += run(&crowds[i], 1, true);
	return failures > 0;
}
