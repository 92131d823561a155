/* Supernodes elect themselves, from the first question to the last goodbye: leaves of which no certificate says that
 * they may serve consent, are attested by witnesses that they did not choose, and are asked for help when a home has
 * too much to do. The one that is asked can be reached and does serve: others know it, and leaves go to it. When it is
 * not needed any more it goes, and its leaves have homes.
 *
 *     sim_election [SEED]     with that seed; without, KITH_ELECTION_SEEDS of them (2)
 */
#include "scenario.h"

#include "core/serving.h"
#include "leaf/candidacy.h"
#include "leaf/homes.h"
#include "sim/internal.h"
#include "sim/simnat.h"

enum {
	SUPERNODES = 12,
	LEAVES = 96,
	SEEDS_DEFAULT = 2,
	CONSENT_S = 60,
	ATTESTED_S = 1800,
	LOADED_S = 4800, /* nobody is asked who was not seen for an hour */
	LOAD_S = 300, /* the first minute until all have said it */
	CALM_S = 5 * 3600
};

/* Whether strangers reach the leaf: its line is open, or its NAT lets in who knows its address. */
static bool can_be_reached(const struct kith_sim *sim, uint32_t node)
{
	const char *nat = kith_simnat_name(sim->nodes[node].nat_kind);
	return strcmp(nat, "open") == 0 || strcmp(nat, "full-cone") == 0;
}

static void consent(struct kith_sim *sim)
{
	const struct kith_terms terms = { .consent = KITH_CONSENT_YES };
	for (uint32_t i = SUPERNODES; i < SUPERNODES + LEAVES; i++) {
		struct kith_simnode *n = &sim->nodes[i];
		int err = kith_core_set_role(n->core, kith_sim_node_now(sim, n), KITH_ROLE_AUTO, &terms, NULL, 0);
		if (err != 0)
			abort();
		kith_sim_node_drain(sim, n);
	}
}

struct seen {
	uint32_t reachable, attested, wrongly; /* leaves */
	uint32_t helper; /* who serves; 0: nobody */
	kith_time_us helped_us;
	uint32_t known_by, leaves, wrong_helpers, lacking;
	bool gone;
};

static void count_attested(struct kith_sim *sim, struct seen *s)
{
	for (uint32_t i = SUPERNODES; i < SUPERNODES + LEAVES; i++) {
		struct kith_candidacy_info info;
		bool attested =
			kith_candidacy_info(kith_sim_core(sim, i), &info) && info.attestations >= KITH_ATTESTS_NEEDED;
		s->reachable += can_be_reached(sim, i);
		s->attested += attested;
		s->wrongly += attested && !can_be_reached(sim, i);
	}
}

static uint32_t leaves_of(struct kith_sim *sim, uint32_t node)
{
	const struct kith_core *c = kith_sim_core(sim, node);
	return c->super != NULL ? c->super->leaves : 0;
}

static uint32_t elected(struct kith_sim *sim, struct seen *s)
{
	uint32_t one = 0;
	for (uint32_t i = SUPERNODES; i < SUPERNODES + LEAVES; i++) {
		if (!kith_serves(kith_sim_core(sim, i)))
			continue;
		one = i;
		s->wrong_helpers += !can_be_reached(sim, i);
	}
	return one;
}

static uint32_t known_by(struct kith_sim *sim, uint32_t node)
{
	uint32_t n = 0;
	const struct kith_core *c = kith_sim_core(sim, node);
	for (uint32_t i = 0; i < SUPERNODES; i++) {
		const struct kith_core *other = kith_sim_core(sim, i);
		const struct kith_member *m = kith_members_get(&other->super->members, &c->super->id);
		n += m != NULL && kith_member_live(m);
	}
	return n;
}

/* All so busy from now on that nobody waits whether that lasts, told once a second as a host does. */
static bool run_loaded(struct kith_sim *sim, struct seen *s)
{
	const struct kith_core_load load = { .busy_permille = KITH_ELECTION_PRESSING + 20 };
	kith_time_us from = kith_sim_time(sim);
	while (kith_sim_time(sim) < from + LOAD_S * KITH_US_PER_S) {
		for (uint32_t i = 0; i < SUPERNODES; i++) {
			kith_core_load(sim->nodes[i].core, kith_sim_node_now(sim, &sim->nodes[i]), &load);
			kith_sim_node_drain(sim, &sim->nodes[i]);
		}
		if (!kith_sim_run(sim, kith_sim_time(sim) + KITH_US_PER_S))
			return false;
		uint32_t one = elected(sim, s);
		if (one != 0 && s->helper == 0) {
			s->helper = one;
			s->helped_us = kith_sim_time(sim) - from;
		}
	}
	if (s->helper != 0 && kith_serves(kith_sim_core(sim, s->helper))) {
		s->known_by = known_by(sim, s->helper);
		s->leaves = leaves_of(sim, s->helper);
	}
	return true;
}

static uint32_t lacking(struct kith_sim *sim)
{
	uint32_t n = 0;
	for (uint32_t i = SUPERNODES; i < SUPERNODES + LEAVES; i++) {
		const struct kith_core *c = kith_sim_core(sim, i);
		n += !kith_serves(c) && kith_homes_count(c) < KITH_HOMES;
	}
	return n;
}

static bool expect(bool good, const char *what, uint64_t is)
{
	if (!good)
		fprintf(stderr, "%s: %llu\n", what, (unsigned long long)is);
	return good;
}

static bool as_expected(const struct seen *s)
{
	bool good = expect(s->attested > 0 && 10 * s->attested >= 9 * s->reachable, "attested leaves", s->attested);
	good = expect(s->wrongly == 0, "attested, and cannot be reached", s->wrongly) && good;
	good = expect(s->helper != 0, "nobody serves", 0) && good;
	good = expect(s->wrong_helpers == 0, "serves, and cannot be reached", s->wrong_helpers) && good;
	good = expect(s->known_by == SUPERNODES, "supernodes that know it", s->known_by) && good;
	good = expect(s->leaves > 0, "leaves that went to it", s->leaves) && good;
	good = expect(s->gone, "still serves, and is not needed", s->helper) && good;
	return expect(s->lacking == 0, "leaves with fewer homes than three at the end", s->lacking) && good;
}

static int run(uint64_t seed)
{
	struct kith_simoptions o;
	struct seen s = { 0 };
	char text[2048];
	scenario_calm(&o, seed);
	o.supernodes = SUPERNODES;
	o.leaves = LEAVES;
	o.join_us = 20 * KITH_US_PER_S;
	o.duration_us = (LOADED_S + LOAD_S + CALM_S + 60) * KITH_US_PER_S;
	o.verify_us = 0;
	o.checked = false;
	o.workload.call_gap_us = 0;
	o.workload.watch = false;
	/* These take the nodes that began as supernodes for such all the time, and leaves for no more than that: a
	 * candidate is measured. */
	o.ignored = 1u << KITH_SIM_MEMBERS_CONVERGE | 1u << KITH_SIM_THREE_HOMES | 1u << KITH_SIM_RELAY_ONLY_HIDDEN |
		    1u << KITH_SIM_IDLE_QUIET | 1u << KITH_SIM_NOTHING_BEFORE_CONSENT | 1u << KITH_SIM_MEMORY_BOUNDED;
	snprintf(o.command, sizeof o.command, "sim_election %llu", (unsigned long long)seed);
	struct kith_sim *sim = kith_sim_new(&o);
	if (sim == NULL)
		return 1;
	bool good = kith_sim_run(sim, CONSENT_S * KITH_US_PER_S);
	if (good)
		consent(sim);
	good = good && kith_sim_run(sim, ATTESTED_S * KITH_US_PER_S);
	if (good)
		count_attested(sim, &s);
	good = good && kith_sim_run(sim, LOADED_S * KITH_US_PER_S) && run_loaded(sim, &s) &&
	       kith_sim_run(sim, kith_sim_time(sim) + CALM_S * KITH_US_PER_S);
	if (good) {
		s.gone = elected(sim, &s) == 0;
		s.lacking = lacking(sim);
		good = as_expected(&s);
		printf("  seed %llu: %u of %u leaves that can be reached are attested, %u others; the first serves "
		       "%llu s "
		       "after the load began, is known by %u of %u supernodes, has %u leaves\n",
		       (unsigned long long)seed, s.attested, s.reachable, s.wrongly,
		       (unsigned long long)(s.helped_us / KITH_US_PER_S), s.known_by, SUPERNODES, s.leaves);
	}
	if (!good)
		fprintf(stderr, "%s\n%s\n", o.command,
			kith_sim_violation(sim) != NULL ? kith_sim_violation_text(sim, text, sizeof text) : "");
	kith_sim_free(sim);
	return good ? 0 : 1;
}

int main(int argc, char **argv)
{
	return scenario_seeds(argc, argv, "KITH_ELECTION_SEEDS", SEEDS_DEFAULT, run) > 0;
}
