/* Supernodes that do nothing any more and are still there: dull ones answer handshakes, probes and keepalives, mute
 * ones take packets and send none; nobody is told that they cannot be reached.
 *
 *     sim_silent                        a fifth of them is dull, or mute, over the seeds 1 to KITH_SILENT_SEEDS (2)
 *     sim_silent dull|mute PERCENT SEED    that one
 *
 * They fall silent after a minute. Half of the seeds have calls all the time. A tenth of the leaves goes without a word
 * two minutes later.
 */
#include "scenario.h"

#include "link/state.h"
#include "sim/internal.h"

enum {
	SUPERNODES = 20,
	LEAVES = 60,
	LEAVING = LEAVES / 10,
	SEEDS_DEFAULT = 2,
	SILENT_S = 60,
	GO_S = 180, /* leaves go */
	SECONDS = 1600, /* records are renewed in it */
	/* For so long no leaf is without a home that works. Homes that are mute are missed by their keepalives. Dull
	 * ones are found out when they are asked for something: three of them, by a leaf that does nothing, when it
	 * renews its record. */
	HOMELESS_MUTE_S = KITH_SIM_NOTICED_US / KITH_US_PER_S + 10,
	HOMELESS_DULL_S = KITH_RECORD_REFRESH_US / KITH_US_PER_S + 30,
	WRONG_PERCENT = 1, /* look-ups that fail, and contacts that are seen offline and are there */
	GONE_PERCENT = 99 /* contacts that went, and are seen to have */
};

struct silent {
	struct kith_sim *sim;
	enum kith_simlie how;
	kith_time_us without[LEAVES], whole[LEAVES]; /* since when; NEVER: it is not */
	uint64_t lookups, failed, seen_online, seen_wrongly, gone, gone_seen;
	kith_time_us longest;
};

static bool works(const struct silent *r, const struct kith_addr *at)
{
	for (uint32_t i = 0; i < SUPERNODES; i++) {
		const struct kith_simnode *n = &r->sim->nodes[i];
		if (n->core != NULL && kith_addr_equal(&n->core->endpoints[0].addr, at))
			return n->lies == 0;
	}
	return false;
}

static void look(struct silent *r)
{
	const kith_time_us now = kith_sim_time(r->sim);
	for (uint32_t i = 0; i < LEAVES; i++) {
		const struct kith_simnode *n = &r->sim->nodes[SUPERNODES + i];
		struct kith_addr homes[KITH_HOMES];
		size_t all = n->core != NULL ? kith_core_homes(n->core, homes, KITH_HOMES) : 0, good = 0;
		for (size_t k = 0; k < all; k++)
			good += works(r, &homes[k]);
		if (n->core == NULL || good > 0)
			r->without[i] = KITH_TIME_NEVER;
		else if (r->without[i] == KITH_TIME_NEVER)
			r->without[i] = now;
		if (r->without[i] != KITH_TIME_NEVER && now - r->without[i] > r->longest)
			r->longest = now - r->without[i];
		if (good == KITH_HOMES && r->whole[i] == KITH_TIME_NEVER)
			r->whole[i] = now;
	}
}

static bool run_to(struct silent *r, kith_time_us until)
{
	while (kith_sim_time(r->sim) < until) {
		if (!kith_sim_run(r->sim, kith_sim_time(r->sim) + KITH_US_PER_S / 2))
			return false;
		if (kith_sim_time(r->sim) > SILENT_S * KITH_US_PER_S)
			look(r);
	}
	return true;
}

/* What watchers see of all: nodes that are there, and, of those that went, who of them knows it. */
static void look_at_presence(struct silent *r)
{
	for (uint32_t i = SUPERNODES; i < SUPERNODES + LEAVES; i++) {
		const struct kith_simnode *n = &r->sim->nodes[i];
		for (uint32_t k = 0; n->core != NULL && k < n->app->contacts_n; k++) {
			const struct kith_simcontact *c = &n->app->contacts[k];
			const bool there = r->sim->nodes[c->node].core != NULL, seen = c->seen == KITH_SIM_SEEN_ONLINE;
			r->seen_online += there;
			r->seen_wrongly += there && !seen;
			r->gone += !there;
			r->gone_seen += !there && !seen;
		}
	}
}

static void options(struct kith_simoptions *o, enum kith_simlie how, uint32_t percent, uint64_t seed)
{
	struct kith_simfaults *f = &o->faults;
	scenario_calm(o, seed);
	o->supernodes = SUPERNODES;
	o->leaves = LEAVES;
	o->duration_us = SECONDS * KITH_US_PER_S;
	o->verify_us = 0;
	o->workload.call_gap_us = seed % 2 == 0 ? 20 * KITH_US_PER_S : 0;
	o->workload.lookup_ppm = KITH_PPM;
	o->workload.relay_only_ppm = 0;
	o->workload.stream_bytes = 0;
	f->liars_ppm = percent * 10000;
	f->lies = 1u << how;
	f->lies_from_us = SILENT_S * KITH_US_PER_S;
	/* Who seems to be a home and is none: that is what this is about, and it is measured. */
	o->ignored = 1u << KITH_SIM_PAIRS_TALK | 1u << KITH_SIM_ONLINE_SEEN | 1u << KITH_SIM_OFFLINE_SEEN |
		     1u << KITH_SIM_THREE_HOMES | 1u << KITH_SIM_MEMBERS_CONVERGE | 1u << KITH_SIM_LEAVE_FINISHES;
	o->bounds.idle_bytes = 96; /* at homes that do not answer, requests are repeated */
	if (o->workload.call_gap_us > 0) /* whose look-ups are repeated is not idle */
		o->ignored |= 1u << KITH_SIM_IDLE_QUIET;
	snprintf(o->command, sizeof o->command, "sim_silent %s %u %llu", how == KITH_SIM_LIE_DULL ? "dull" : "mute",
		 percent, (unsigned long long)seed);
}

static bool at_most(const struct kith_simoptions *o, const char *what, uint64_t seen, uint64_t bound)
{
	if (seen > bound)
		fprintf(stderr, "%s: %llu, bound %llu: %s\n", what, (unsigned long long)seen, (unsigned long long)bound,
			o->command);
	return seen <= bound;
}

static int run(enum kith_simlie how, uint32_t percent, uint64_t seed)
{
	struct kith_simoptions o;
	struct silent r = { .how = how };
	char text[2048];
	options(&o, how, percent, seed);
	r.sim = kith_sim_new(&o);
	for (uint32_t i = 0; i < LEAVES; i++)
		r.without[i] = r.whole[i] = KITH_TIME_NEVER;
	bool good = r.sim != NULL && run_to(&r, SILENT_S * KITH_US_PER_S);
	const struct kith_simcounts before = good ? *kith_sim_counts(r.sim) : (struct kith_simcounts){ 0 };
	good = good && run_to(&r, GO_S * KITH_US_PER_S);
	for (uint32_t i = 0; good && i < LEAVING; i++)
		kith_sim_node_crash(r.sim, &r.sim->nodes[SUPERNODES + i], true);
	good = good && run_to(&r, SECONDS * KITH_US_PER_S);
	if (!good) {
		fprintf(stderr, "%s\n",
			r.sim != NULL ? kith_sim_violation_text(r.sim, text, sizeof text) : "no memory");
		kith_sim_free(r.sim);
		return 1;
	}
	look_at_presence(&r);
	uint32_t whole = 0;
	kith_time_us last = 0;
	for (uint32_t i = 0; i < LEAVES; i++) {
		if (r.whole[i] != KITH_TIME_NEVER && r.whole[i] > last)
			last = r.whole[i];
		whole += r.whole[i] != KITH_TIME_NEVER;
	}
	const struct kith_simcounts *c = kith_sim_counts(r.sim);
	const uint64_t lookups = c->lookups - before.lookups, failed = c->lookups_failed - before.lookups_failed;
	printf("  %s: longest without a home that works %.1f s; %u of %d had three of them, the last after %.0f s; "
	       "%llu of %llu "
	       "look-ups failed; %llu of %llu seen offline though there; %llu of %llu who went are seen to have; named "
	       "%llu, "
	       "%llu wrongly\n",
	       o.command, (double)r.longest / 1e6, whole, LEAVES, (double)last / 1e6 - SILENT_S,
	       (unsigned long long)failed, (unsigned long long)lookups, (unsigned long long)r.seen_wrongly,
	       (unsigned long long)r.seen_online, (unsigned long long)r.gone_seen, (unsigned long long)r.gone,
	       (unsigned long long)c->caught, (unsigned long long)c->caught_wrongly);
	good = at_most(&o, "seconds without a home that works", (uint64_t)r.longest / 1000000,
		       how == KITH_SIM_LIE_DULL ? HOMELESS_DULL_S : HOMELESS_MUTE_S);
	good &= at_most(&o, "look-ups that failed", failed, lookups * WRONG_PERCENT / 100);
	good &= at_most(&o, "seen offline", r.seen_wrongly, r.seen_online * WRONG_PERCENT / 100);
	good &= at_most(&o, "not seen to have gone", r.gone - r.gone_seen, r.gone * (100 - GONE_PERCENT) / 100);
	good &= at_most(&o, "not gone", r.gone == 0, 0);
	kith_sim_free(r.sim);
	return good ? 0 : 1;
}

int main(int argc, char **argv)
{
	static const enum kith_simlie hows[] = { KITH_SIM_LIE_DULL, KITH_SIM_LIE_MUTE };
	uint64_t seeds = scenario_count("KITH_SILENT_SEEDS", SEEDS_DEFAULT);
	int failures = 0;
	if (argc == 4)
		return run(kith_simlie_find(argv[1]), (uint32_t)strtoul(argv[2], NULL, 10),
			   strtoull(argv[3], NULL, 10));
	for (uint64_t seed = 1; argc == 1 && seed <= seeds; seed++) {
		for (size_t i = 0; i < sizeof hows / sizeof hows[0]; i++)
			failures += run(hows[i], 20, seed);
	}
	return argc != 1 || failures > 0;
}
