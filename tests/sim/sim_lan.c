/* Leaves of one household, behind one router that does not connect its own users (no hairpin).
 *
 *   alone      no supernode is in reach, ever: they talk all the same, since they ask for each other on their network
 *   radio      the same over one that loses a tenth of all packets, doubles some and changes their order
 *   together   with supernodes, a fifth of the contacts relay-only: every call opens, all others go straight, and the
 *              invariants hold (nobody speaks to a relay-only contact, or lets it hear where it is)
 *   candidates with supernodes, and nobody hears anybody: the calls go straight by their own addresses
 *
 *     sim_lan [SEED]     5 seeds of each, or that one; KITH_LAN_SEEDS=N: so many
 */
#include "scenario.h"

#include "sim/internal.h"

enum { SITE = 4, HOUSES = 5 };

static void household(struct kith_simoptions *o, uint64_t seed)
{
	scenario_calm(o, seed);
	o->leaves = SITE * HOUSES;
	o->site_leaves = SITE;
	o->site_lan = true;
	o->workload.contacts_n = 2;
	o->workload.relay_only_ppm = 0;
	o->workload.spies_ppm = 0;
	o->workload.stranger_ppm = 0;
	o->workload.lookup_ppm = 0;
	o->workload.watch = false;
	memset(&o->nats, 0, sizeof o->nats);
	if (kith_simnat_mix_parse(&o->nats, "port-restricted=1,symmetric-random=1,linux-masquerade=1") != 0)
		abort();
	o->nats_in_turn = true;
}

static uint64_t asked(struct kith_sim *sim)
{
	return kith_sim_stats(sim, KITH_ROLE_LEAF)->counter[KITH_STAT_NEARBY_ASKED];
}

/* Runs to the end, and says what came of it. */
static bool finish(struct kith_sim *sim, const char *what, uint64_t seed)
{
	char text[2 * KITH_SIM_TEXT_MAX + 1024];
	if (!kith_sim_finish(sim)) {
		fprintf(stderr, "%s, seed %llu: %s\n", what, (unsigned long long)seed,
			kith_sim_violation_text(sim, text, sizeof text));
		return false;
	}
	const struct kith_simcounts *c = kith_sim_counts(sim);
	const struct kith_simsamples *s = kith_sim_samples(sim, KITH_SIM_FIRST_BYTE);
	printf("%-10s seed %llu: %llu of %llu calls opened, %llu refused, %llu straight; first byte p50 %u ms, p99 %u "
	       "ms; "
	       "%llu questions\n",
	       what, (unsigned long long)seed, (unsigned long long)c->calls_opened, (unsigned long long)c->calls,
	       (unsigned long long)c->calls_refused, (unsigned long long)c->calls_direct,
	       kith_simsamples_percentile(s, 50), kith_simsamples_percentile(s, 99), (unsigned long long)asked(sim));
	return true;
}

/* Nobody ever reaches a supernode, and what is said of those does not hold. */
static struct kith_sim *cut_off(struct kith_simoptions *o)
{
	o->ignored |= 1u << KITH_SIM_THREE_HOMES | 1u << KITH_SIM_MEMBERS_CONVERGE | 1u << KITH_SIM_ONLINE_SEEN |
		      1u << KITH_SIM_OFFLINE_SEEN;
	struct kith_sim *sim = kith_sim_new(o);
	for (uint32_t i = 0; sim != NULL && i < o->supernodes; i++)
		kith_net_host_cut(sim->net, i, KITH_NET_CUT_IN | KITH_NET_CUT_OUT);
	return sim;
}

/* Whether there were many calls, and nearly all of them opened: what fails is judged by the invariant pairs-talk, where
 * that holds. Two who call each other count two, and open one; and some still ring at the end. */
static bool most_opened(struct kith_sim *sim)
{
	const struct kith_simcounts *c = kith_sim_counts(sim);
	const uint64_t wanted = c->calls - c->calls_refused;
	return wanted >= 50 && c->calls_opened * 100 >= wanted * 95;
}

static int alone(uint64_t seed)
{
	struct kith_simoptions o;
	uint8_t first[32], second[32];
	household(&o, seed);
	struct kith_sim *sim = cut_off(&o);
	bool good = sim != NULL && finish(sim, "alone", seed);
	good = good && most_opened(sim) && kith_sim_counts(sim)->calls_direct == kith_sim_counts(sim)->calls_opened &&
	       kith_simsamples_percentile(kith_sim_samples(sim, KITH_SIM_FIRST_BYTE), 99) <= 2;
	if (good)
		kith_sim_hash(sim, first);
	kith_sim_free(sim);
	/* the same run to the last byte */
	sim = good ? cut_off(&o) : NULL;
	good = sim != NULL && kith_sim_finish(sim);
	if (good)
		kith_sim_hash(sim, second);
	kith_sim_free(sim);
	return !(good && memcmp(first, second, sizeof first) == 0);
}

static int radio(uint64_t seed)
{
	struct kith_simoptions o;
	household(&o, seed);
	o.faults.lan = (struct kith_access_faults){ .loss_ppm = 100000,
						    .duplicate_ppm = 50000,
						    .reorder_ppm = 100000,
						    .reorder_delay_us = 20 * KITH_US_PER_MS };
	o.ignored = 1u << KITH_SIM_PAIRS_TALK; /* one call in a thousand loses all four questions, or their answers */
	struct kith_sim *sim = cut_off(&o);
	bool good = sim != NULL && finish(sim, "radio", seed);
	good = good && most_opened(sim);
	kith_sim_free(sim);
	return !good;
}

static int together(uint64_t seed)
{
	struct kith_simoptions o;
	household(&o, seed);
	o.workload.relay_only_ppm = 50000;
	struct kith_sim *sim = kith_sim_new(&o);
	bool good = sim != NULL && finish(sim, "together", seed) && asked(sim) > 0;
	/* a relay-only contact is one to both sides; all others are straight */
	good = good && kith_sim_counts(sim)->calls_direct >= kith_sim_counts(sim)->calls_opened / 2;
	kith_sim_free(sim);
	return !good;
}

static int candidates(uint64_t seed)
{
	struct kith_simoptions o;
	household(&o, seed);
	o.site_lan = false;
	struct kith_sim *sim = kith_sim_new(&o);
	bool good = sim != NULL && finish(sim, "candidates", seed) && asked(sim) == 0 &&
		    kith_sim_counts(sim)->calls_direct == kith_sim_counts(sim)->calls_opened;
	kith_sim_free(sim);
	return !good;
}

static int run(uint64_t seed)
{
	const int failures = alone(seed) + radio(seed) + together(seed) + candidates(seed);
	if (failures > 0)
		printf("seed %llu: NOT GOOD\n", (unsigned long long)seed);
	return failures;
}

int main(int argc, char **argv)
{
	return scenario_seeds(argc, argv, "KITH_LAN_SEEDS", 5, run) != 0;
}
