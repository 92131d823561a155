/* Everybody logs in within a second: how long it takes, how busy the supernodes are, how often leaves ask again.
 *
 *     sim_stampede                          the crowds below, at supernodes that are there, and that begin with them
 *     sim_stampede LEAVES SUPERNODES MIX SEED    another, such as 20000 40 usual 1; nothing is asserted of it
 *
 * 99 of 100 have a home within 120 s. No supernode is asked to send more than 1.5 times what its uplink carries in a
 * second of the clock, or to work for more than 1.5 s; what its link drops is asked, too. Leaves send no more than 1.2
 * first handshake packets for each session that they get. A minute after 99 of 100 have a home, supernodes send no more
 * than twice what they send in the minute and a half after that, which holds every keepalive once.
 */
#include "scenario.h"

enum {
	STANDS_S = 30, /* the supernodes, before the crowd comes */
	SECONDS = 180, /* from then on */
	WITHIN_MS = 120000,
	CALM_AFTER_S = 60,
	LOOK_S = 20, /* at what is sent, then ... */
	IDLE_S = 90, /* ... and from then on */
	PEAK_PPM = 1500000,
	HELLOS_PERCENT = 120
};

struct crowd {
	uint32_t leaves, supernodes;
	const char *mix; /* of the supernodes' machines */
	int stands_s;
};

static const struct crowd crowds[] = {
	{ 1500, 5, "vdsl=1", STANDS_S }, { 1500, 5, "vdsl=1", 0 }, { 250, 3, "dsl=1", STANDS_S }, { 250, 3, "dsl=1", 0 }
};

/* What supernodes sent a second, in bytes. */
struct sent {
	uint64_t calm, idle;
};

static int usage(const char *program)
{
	fprintf(stderr, "usage: %s [LEAVES SUPERNODES MIX SEED]\n", program);
	return 2;
}

static uint32_t percentile(const struct kith_sim *sim, enum kith_simmeasure measure, unsigned percent)
{
	return kith_simsamples_percentile(kith_sim_samples(sim, measure), percent);
}

static uint32_t hellos_percent(const struct kith_sim *sim)
{
	uint64_t opened = kith_sim_stats(sim, KITH_ROLE_LEAF)->counter[KITH_STAT_SESSIONS_OPENED];
	return opened > 0 ? (uint32_t)(kith_sim_counts(sim)->leaf_hellos * 100 / opened) : UINT32_MAX;
}

static void print(const struct kith_sim *sim, const struct crowd *c, const struct sent *sent)
{
	struct kith_simload l;
	kith_sim_load(sim, KITH_ROLE_SUPERNODE, &l);
	printf("  %u leaves, %u supernodes of %s%s: a home after %.1f s (half), %.1f s (99 of 100), all homes %.1f s\n",
	       c->leaves, c->supernodes, c->mix, c->stands_s > 0 ? "" : ", which begin",
	       percentile(sim, KITH_SIM_ATTACH, 50) / 1e3, percentile(sim, KITH_SIM_ATTACH, 99) / 1e3,
	       percentile(sim, KITH_SIM_ATTACH_ALL, 99) / 1e3);
	printf("    asked of a supernode in its worst second: %.2f of its processor, %.2f of its uplink (wanted: "
	       "1.5)\n",
	       l.work_ppm / 1e6, l.up_ppm / 1e6);
	printf("    first handshake packets for each session: %.2f (wanted: 1.2); dropped at uplinks %llu, at sockets "
	       "%llu\n",
	       hellos_percent(sim) / 1e2, (unsigned long long)kith_sim_net_stats(sim)->causes[KITH_NET_QUEUE],
	       (unsigned long long)l.dropped);
	printf("    all supernodes send %llu bytes a second a minute later, and %llu after that\n",
	       (unsigned long long)sent->calm, (unsigned long long)sent->idle);
}

static bool at_most(const char *what, uint64_t seen, uint64_t bound, const char *command)
{
	if (seen > bound)
		fprintf(stderr, "%s: %llu, bound %llu: %s\n", what, (unsigned long long)seen, (unsigned long long)bound,
			command);
	return seen <= bound;
}

static bool judge(const struct kith_sim *sim, const struct crowd *c, const struct sent *sent, const char *command)
{
	struct kith_simload l;
	const uint32_t homeless = c->leaves - kith_sim_samples(sim, KITH_SIM_ATTACH)->n;
	kith_sim_load(sim, KITH_ROLE_SUPERNODE, &l);
	bool good = at_most("leaves without a home", homeless, c->leaves / 100, command);
	good &= at_most("milliseconds until 99 of 100 have one", percentile(sim, KITH_SIM_ATTACH, 99), WITHIN_MS,
			command);
	good &= at_most("work in the worst second, ppm", l.work_ppm, PEAK_PPM, command);
	good &= at_most("sent in the worst second, ppm", l.up_ppm, PEAK_PPM, command);
	good &= at_most("first handshake packets for 100 sessions", hellos_percent(sim), HELLOS_PERCENT, command);
	good &= at_most("bytes a second a minute later", sent->calm, 2 * sent->idle, command);
	return good;
}

/* Mean over some seconds, of what all supernodes send in one. */
static bool watch(struct kith_sim *sim, kith_time_us from, unsigned seconds, uint64_t *bytes_s)
{
	bool good = kith_sim_run(sim, from);
	uint64_t before = kith_sim_counts(sim)->super_bytes;
	good = good && kith_sim_run(sim, from + seconds * KITH_US_PER_S);
	*bytes_s = (kith_sim_counts(sim)->super_bytes - before) / seconds;
	return good;
}

static bool crowd(struct kith_sim *sim, const struct crowd *c, struct sent *sent)
{
	const kith_time_us came = (c->stands_s + 2) * KITH_US_PER_S;
	const kith_time_us latest = (c->stands_s + SECONDS - CALM_AFTER_S - LOOK_S - IDLE_S) * KITH_US_PER_S;
	kith_time_us all = came;
	bool good = kith_sim_run(sim, came);
	while (good && all < latest && kith_sim_samples(sim, KITH_SIM_ATTACH)->n * 100 < c->leaves * 99) {
		all += KITH_US_PER_S;
		good = kith_sim_run(sim, all);
	}
	all += CALM_AFTER_S * KITH_US_PER_S;
	return good && watch(sim, all, LOOK_S, &sent->calm) &&
	       watch(sim, all + LOOK_S * KITH_US_PER_S, IDLE_S, &sent->idle);
}

static void options(struct kith_simoptions *o, const struct crowd *c, uint64_t seed)
{
	scenario_calm(o, seed);
	o->supernodes = c->supernodes;
	o->leaves = c->leaves;
	o->duration_us = (c->stands_s + SECONDS) * KITH_US_PER_S;
	o->join_from_us = c->stands_s * KITH_US_PER_S;
	o->join_us = KITH_US_PER_S;
	o->verify_us = 0;
	o->checked = false;
	o->workload.call_gap_us = 0;
	/* What is late is what this is about: it is measured. */
	o->ignored = 1u << KITH_SIM_THREE_HOMES | 1u << KITH_SIM_ONLINE_SEEN | 1u << KITH_SIM_MEMBERS_CONVERGE;
	kith_simcapacity_usual(&o->capacity);
	snprintf(o->command, sizeof o->command, "sim_stampede %u %u %s %llu", c->leaves, c->supernodes, c->mix,
		 (unsigned long long)seed);
}

static int run(const struct crowd *c, uint64_t seed, bool held)
{
	struct kith_simoptions o;
	struct sent sent = { 0, 0 };
	options(&o, c, seed);
	if (strcmp(c->mix, "usual") != 0 && kith_simclass_parse(o.capacity.supernodes, c->mix) != 0)
		return usage("sim_stampede");
	const char *why = kith_simoptions_check(&o);
	struct kith_sim *sim = why == NULL ? kith_sim_new(&o) : NULL;
	if (sim == NULL) {
		fprintf(stderr, "no run: %s\n", why != NULL ? why : "out of memory");
		return 1;
	}
	char text[2048];
	bool good = crowd(sim, c, &sent) && kith_sim_finish(sim);
	if (!good)
		fprintf(stderr, "%s\n", kith_sim_violation_text(sim, text, sizeof text));
	print(sim, c, &sent);
	good = good && (!held || judge(sim, c, &sent, o.command));
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
					 argv[3], STANDS_S };
		return run(&c, strtoull(argv[4], NULL, 10), false);
	}
	for (size_t i = 0; i < sizeof crowds / sizeof crowds[0]; i++)
		failures += run(&crowds[i], 1, true);
	return failures > 0;
}
