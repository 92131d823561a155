/* One supernode of four has too much to do: a leaf of its begins to serve, and takes leaves over, while calls go on.
 *
 *     sim_help          the seeds 1 to KITH_HELP_SEEDS (default 3)
 *     sim_help SEED     that one
 *
 * A supernode that is ended in the beginning is the leaf that may serve: its certificate allows it. The loaded one's
 * host says so every second from LOADED_S on. What must hold: help is there within 40 s; never more than one leaf in
 * twenty is handed over in a second; no leaf has fewer than three homes at any moment, and no call fails.
 * Then one of twelve, none of whose leaves may be asked: leaves of others are attested in earnest, one of them is found
 * and serves within 10 s, and takes leaves over.
 */
#include "scenario.h"
#include "super/sponsor.h"

#include "core/serving.h"
#include "leaf/homes.h"
#include "super/help.h"

enum {
	SUPERNODES = 5,
	HELPER = 4, /* a leaf from ENDED_S on */
	LEAVES = 200,
	SEEDS_DEFAULT = 3,
	ENDED_S = 10,
	LOADED_S = 60,
	UNTIL_S = 180,
	SHARE_PERCENT = 5,
	/* the second network */
	MEMBERS = 12,
	MEMBERS_LEAVES = 60,
	PACE = 60, /* an hour is a minute */
	ATTESTED_S = 300,
	ALONE_FOR_S = 90,
	ALONE_BUSY = 2000, /* twelve supernodes come to more than KITH_ELECTION_PRESSING by that */
	HELPED_S = 10 /* where half a minute of load is half a second */
};

static uint32_t loaded; /* a home of the helper */

/* It ends when its next call settles, as one that has drained: the engine then takes away what that leaves behind. */
static void end_helper(struct kith_sim *sim)
{
	struct kith_core *c = kith_sim_core(sim, HELPER);
	c->office->role = KITH_ROLE_AUTO;
	c->office->terms.consent = KITH_CONSENT_YES;
	c->super->help.done = true;
}

/* What witnesses would have said, to the node itself and to the home that is to ask. */
static bool offer(struct kith_sim *sim)
{
	struct kith_core *c = kith_sim_core(sim, HELPER);
	const struct kith_qualification q = { .endpoint = c->endpoints[0],
					      .up = 1000000,
					      .down = 1000000,
					      .availability = 230,
					      .first_seen_s = c->now.unix_ms / 1000 - 86400,
					      .until_ms = c->now.unix_ms + INT64_C(86400000) };
	for (loaded = 0; loaded < HELPER; loaded++) {
		struct kith_core *home = kith_sim_core(sim, loaded);
		struct kith_session *s = kith_sessions_of(&home->sessions, c->self.dh_pk);
		if (s == NULL || !(s->use & KITH_USE_LEAF))
			continue;
		if (s->attached->candidate == NULL)
			s->attached->candidate = KITH_NEW(home->alloc, struct kith_candidate_leaf);
		if (s->attached->candidate == NULL)
			return false;
		s->attached->candidate->figures = q;
		return true;
	}
	return false;
}

static void load(struct kith_sim *sim, uint32_t busy)
{
	struct kith_supernode *sn = kith_sim_core(sim, loaded)->super;
	sn->load.told.busy_permille = busy;
	sn->load.told_at = kith_sim_core(sim, loaded)->now.mono_us;
}

static uint32_t leaves_of(struct kith_sim *sim, uint32_t node)
{
	const struct kith_core *c = kith_sim_core(sim, node);
	return c->super != NULL ? c->super->leaves : 0;
}

/* How many leaves have fewer homes than three. */
static uint32_t lacking(struct kith_sim *sim)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < LEAVES; i++)
		n += kith_homes_count(kith_sim_core(sim, SUPERNODES + i)) < KITH_HOMES;
	return n;
}

struct seen {
	uint32_t lacked, most_moved, handed_over;
	kith_time_us helped_us;
};

/* Second by second from when the load begins. */
static bool watch(struct kith_sim *sim, struct seen *seen)
{
	kith_time_us from = kith_sim_time(sim);
	uint32_t before = 0;
	while (kith_sim_time(sim) < UNTIL_S * KITH_US_PER_S) {
		load(sim, 760);
		for (int k = 0; k < 20; k++) {
			if (!kith_sim_run(sim, kith_sim_time(sim) + 50 * KITH_US_PER_MS))
				return false;
			uint32_t lack = lacking(sim);
			seen->lacked = lack > seen->lacked ? lack : seen->lacked;
		}
		uint32_t now = leaves_of(sim, HELPER);
		if (seen->helped_us == 0 && kith_serves(kith_sim_core(sim, HELPER)))
			seen->helped_us = kith_sim_time(sim) - from;
		if (now > before && now - before > seen->most_moved)
			seen->most_moved = now - before;
		before = now;
	}
	seen->handed_over = before;
	return true;
}

static bool expect(bool good, const char *what, uint64_t is)
{
	if (!good)
		fprintf(stderr, "%s: %llu\n", what, (unsigned long long)is);
	return good;
}

static int run(uint64_t seed)
{
	struct kith_simoptions o;
	struct seen seen = { 0 };
	char text[2048];
	scenario_calm(&o, seed);
	o.supernodes = SUPERNODES;
	o.leaves = LEAVES;
	o.join_us = 20 * KITH_US_PER_S;
	o.duration_us = (UNTIL_S + 60) * KITH_US_PER_S;
	o.verify_us = 0;
	o.checked = false;
	o.workload.call_gap_us = 20 * KITH_US_PER_S;
	/* These take the nodes that began as supernodes for such all the time. */
	o.ignored = 1u << KITH_SIM_MEMBERS_CONVERGE | 1u << KITH_SIM_THREE_HOMES | 1u << KITH_SIM_RELAY_ONLY_HIDDEN;
	snprintf(o.command, sizeof o.command, "sim_help %llu", (unsigned long long)seed);
	struct kith_sim *sim = kith_sim_new(&o);
	if (sim == NULL)
		return 1;
	bool good = kith_sim_run(sim, ENDED_S * KITH_US_PER_S);
	if (good)
		end_helper(sim);
	good = good && kith_sim_run(sim, LOADED_S * KITH_US_PER_S) &&
	       expect(offer(sim), "the helper is no leaf", kith_homes_count(kith_sim_core(sim, HELPER)));
	uint32_t had = good ? leaves_of(sim, loaded) : 0;
	uint64_t failed = good ? kith_sim_counts(sim)->calls_failed - kith_sim_counts(sim)->calls_hidden : 0;
	good = good && expect(lacking(sim) == 0, "leaves with fewer homes before", lacking(sim)) && watch(sim, &seen);
	if (good) {
		const struct kith_simcounts *n = kith_sim_counts(sim);
		failed = n->calls_failed - n->calls_hidden - failed;
		good &= expect(seen.helped_us > 0 && seen.helped_us <= 40 * KITH_US_PER_S, "us until help came",
			       (uint64_t)seen.helped_us);
		good &= expect(seen.lacked == 0, "leaves with fewer homes than three at some moment", seen.lacked);
		good &= expect(seen.most_moved <= had * SHARE_PERCENT / 100 + 2, "leaves in a second", seen.most_moved);
		good &= expect(seen.handed_over >= had / 4, "leaves handed over", seen.handed_over);
		good &= expect(failed == 0, "calls that failed", failed);
		printf("  seed %llu: help after %llu s; %u of %u leaves handed over, %u in a second at most; no leaf "
		       "with "
		       "fewer than three homes; %llu calls, none failed\n",
		       (unsigned long long)seed, (unsigned long long)(seen.helped_us / KITH_US_PER_S), seen.handed_over,
		       had, seen.most_moved, (unsigned long long)n->calls);
	}
	if (!good)
		fprintf(stderr, "%s\n%s\n", o.command,
			kith_sim_violation(sim) != NULL ? kith_sim_violation_text(sim, text, sizeof text) : "");
	kith_sim_free(sim);
	return good ? 0 : 1;
}

/* Leaves of a supernode that are attested: nobody may ask them from now on. Returns how many there are. */
static uint32_t make_unfit(struct kith_sim *sim, uint32_t node, bool really)
{
	struct kith_core *c = kith_sim_core(sim, node);
	struct kith_session *s;
	uint32_t it = 0, n = 0;
	while ((s = kith_table_next(&c->sessions.by_index, &it)) != NULL) {
		if (kith_sponsor_figures(c, s) == NULL)
			continue;
		if (really)
			s->attached->candidate->unwilling_until = KITH_TIME_NEVER;
		n++;
	}
	return n;
}

/* The supernode with the most such leaves; how many it has. */
static uint32_t most_candidates(struct kith_sim *sim, uint32_t *node)
{
	uint32_t most = 0;
	*node = 0;
	for (uint32_t i = 0; i < MEMBERS; i++) {
		uint32_t n = make_unfit(sim, i, false);
		if (n > most) {
			most = n;
			*node = i;
		}
	}
	return most;
}

/* The others have just not too much to do, by what it knows: there is work for one more, and nobody else promotes
 * it. */
static void load_others(struct kith_sim *sim)
{
	const struct kith_members *ms = &kith_sim_core(sim, loaded)->super->members;
	for (uint32_t i = 0; i < ms->n; i++)
		ms->at[i]->load = kith_election_load_byte(KITH_ELECTION_ASK - 2);
}

static uint32_t serving(struct kith_sim *sim)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < MEMBERS_LEAVES; i++)
		n += kith_serves(kith_sim_core(sim, MEMBERS + i));
	return n;
}

static int options_alone(struct kith_simoptions *o, uint64_t seed)
{
	scenario_calm(o, seed);
	o->supernodes = MEMBERS;
	o->leaves = MEMBERS_LEAVES;
	o->duration_us = (ATTESTED_S + ALONE_FOR_S + 60) * KITH_US_PER_S;
	o->verify_us = 0;
	o->checked = false;
	o->workload.call_gap_us = 0;
	o->workload.watch = false;
	o->candidates_ppm = KITH_PPM / 2;
	o->election_pace = PACE;
	o->ignored = 1u << KITH_SIM_MEMBERS_CONVERGE | 1u << KITH_SIM_THREE_HOMES | 1u << KITH_SIM_RELAY_ONLY_HIDDEN |
		     1u << KITH_SIM_IDLE_QUIET | 1u << KITH_SIM_NOTHING_BEFORE_CONSENT | 1u << KITH_SIM_MEMORY_BOUNDED;
	snprintf(o->command, sizeof o->command, "sim_help %llu", (unsigned long long)seed);
	/* Supernodes have no limits: with any, their hosts tell what they have to do, and not what we say. */
	return kith_simclass_parse(o->capacity.leaves, "fibre=1") != 0 ||
	       kith_simnat_mix_parse(&o->nats, "open=50,port-restricted=50") != 0;
}

/* None of a supernode's own leaves may be asked. */
static int run_alone(uint64_t seed)
{
	struct kith_simoptions o;
	char text[2048];
	kith_time_us helped_us = 0;
	struct kith_sim *sim = options_alone(&o, seed) == 0 ? kith_sim_new(&o) : NULL;
	if (sim == NULL)
		return 1;
	bool good = kith_sim_run(sim, ATTESTED_S * KITH_US_PER_S);
	uint32_t unfit = good ? most_candidates(sim, &loaded) : 0, had = good ? leaves_of(sim, loaded) : 0;
	for (int s = 0; good && s < ALONE_FOR_S; s++) {
		(void)make_unfit(sim, loaded, true);
		load_others(sim);
		load(sim, ALONE_BUSY);
		good = kith_sim_run(sim, kith_sim_time(sim) + KITH_US_PER_S);
		if (helped_us == 0 && serving(sim) > 0)
			helped_us = (s + 1) * KITH_US_PER_S;
	}
	if (good) {
		good &= expect(helped_us > 0 && helped_us <= HELPED_S * KITH_US_PER_S, "us until another's leaf served",
			       (uint64_t)helped_us);
		good &= expect(leaves_of(sim, loaded) < had, "leaves that stayed", leaves_of(sim, loaded));
		printf("  seed %llu: none of its own %u candidates may be asked; help after %llu s, %u of %u leaves "
		       "stay\n",
		       (unsigned long long)seed, unfit, (unsigned long long)(helped_us / KITH_US_PER_S),
		       leaves_of(sim, loaded), had);
	}
	if (!good)
		fprintf(stderr, "%s\n%s\n", o.command,
			kith_sim_violation(sim) != NULL ? kith_sim_violation_text(sim, text, sizeof text) : "");
	kith_sim_free(sim);
	return good ? 0 : 1;
}

static int run_both(uint64_t seed)
{
	return run(seed) + run_alone(seed);
}

int main(int argc, char **argv)
{
	return scenario_seeds(argc, argv, "KITH_HELP_SEEDS", SEEDS_DEFAULT, run_both) > 0;
}
