/* A network that begins with a few supernodes elects as many as its load needs, and no more.
 *
 *     sim_election_scale [LEAVES [CERTIFIED [NEED [SEED]]]]     (1000 4 12 1)
 *
 * A third of the leaves consent to serve, a tenth of these say ten times the bandwidth that they have, and lines and
 * NATs are those that were measured. The election's clock goes as fast as all others: what leaves that move and renew
 * make of work lasts as long as ever, and would seem to last longer. At first there is next to nothing to do, until
 * candidates have been seen for long enough; then so many packets more (crowd) come with each that the processors of
 * NEED supernodes work at 70 %, in all. What the load needs is the sum of all supernodes' processor time, by what
 * their hosts tell them, over 0.70. Within ROUNDS rounds as many serve as it needs when it is steady, to BAND, and
 * from then on.
 */
#include "scenario.h"

#include "core/serving.h"
#include "leaf/candidacy.h"
#include "sim/internal.h"

#include "link/state.h"

enum {
	LEAVES = 1000,
	CERTIFIED = 4,
	NEED = 12,
	SEED = 1,
	CANDIDATES_PPM = KITH_PPM / 3,
	LIARS_PPM = KITH_PPM / 10,
	QUIET_S = 12000,
	ROUND_S = 300,
	ROUNDS = 10,
	STEADY_S = 6000,
	TARGET = KITH_ELECTION_ASK /* permille */
};

static const double BAND = 0.05, UNEVEN_MOST = 1.25, CHANGES_MOST = 0.1;

struct parameters {
	uint32_t leaves, certified, need;
	uint64_t seed;
};

struct view {
	uint32_t serving;
	uint64_t load; /* permille of a processor, in all */
};

/* What each node's host said of its processor, summed over the steady time, and for how many seconds it served. */
struct steady {
	uint64_t *busy, *seconds;
	uint32_t least, most; /* that served */
	uint64_t seconds_served;
	uint32_t serving[ROUNDS]; /* at the end of each round before */
};

static struct view look(struct kith_sim *sim, struct steady *s)
{
	struct view v = { 0 };
	for (uint32_t i = 0; i < sim->nodes_n; i++) {
		const struct kith_core *c = sim->nodes[i].core;
		if (c == NULL || !kith_serves(c) || c->super->help.draining)
			continue;
		const uint64_t busy = c->super->load.told.busy_permille;
		v.serving++;
		v.load += busy;
		if (s != NULL) {
			s->busy[i] += busy;
			s->seconds[i]++;
			s->seconds_served++;
		}
	}
	return v;
}

static uint32_t attested(const struct kith_sim *sim)
{
	uint32_t n = 0;
	for (uint32_t i = sim->options.supernodes; i < sim->nodes_n; i++) {
		struct kith_candidacy_info info;
		const struct kith_core *c = sim->nodes[i].core;
		n += c != NULL && kith_candidacy_info(c, &info) && info.attestations >= KITH_ATTESTS_NEEDED;
	}
	return n;
}

static int options_of(struct kith_simoptions *o, const struct parameters *p)
{
	scenario_calm(o, p->seed);
	o->supernodes = p->certified;
	o->leaves = p->leaves;
	o->join_us = 60 * KITH_US_PER_S;
	o->duration_us = (QUIET_S + ROUNDS * ROUND_S + STEADY_S + 60) * KITH_US_PER_S;
	o->verify_us = 0;
	o->checked = false;
	o->workload.call_gap_us = 0;
	o->workload.watch = false;
	o->candidates_ppm = CANDIDATES_PPM;
	o->faults.false_ppm = LIARS_PPM;
	o->faults.falsehoods = 1u << KITH_SIM_FALSE_BOAST;
	kith_simnat_mix_init(&o->nats);
	/* These take the nodes that began as supernodes for such all the time, and leaves for no more than that. */
	o->ignored = 1u << KITH_SIM_MEMBERS_CONVERGE | 1u << KITH_SIM_THREE_HOMES | 1u << KITH_SIM_RELAY_ONLY_HIDDEN |
		     1u << KITH_SIM_IDLE_QUIET | 1u << KITH_SIM_NOTHING_BEFORE_CONSENT | 1u << KITH_SIM_MEMORY_BOUNDED |
		     1u << KITH_SIM_NO_GARBAGE;
	snprintf(o->command, sizeof o->command, "sim_election_scale %u %u %u %llu", p->leaves, p->certified, p->need,
		 (unsigned long long)p->seed);
	return kith_simclass_parse(o->capacity.supernodes, "fibre=1") != 0 ||
	       kith_simclass_parse(o->capacity.leaves, "cable=2,fibre=1") != 0;
}

/* Until there are candidates. Then the crowd is such that NEED are needed: by what a minute costs. */
static bool run_quiet(struct kith_sim *sim, const struct parameters *p)
{
	kith_time_us first = 0;
	uint64_t before = 0, after = 0;
	for (kith_time_us t = 10; t <= QUIET_S; t += 10) {
		if (!scenario_run(sim, t * KITH_US_PER_S))
			return false;
		first = first == 0 && attested(sim) > 0 ? t : first;
		for (uint32_t i = 0; t == QUIET_S - ROUND_S && i < p->certified; i++)
			before += kith_sim_crowd_ns(sim, i);
	}
	for (uint32_t i = 0; i < p->certified; i++)
		after += kith_sim_crowd_ns(sim, i);
	const uint64_t ns = (after - before) / ROUND_S; /* a second */
	sim->options.capacity.crowd = (uint32_t)((uint64_t)p->need * TARGET * 1000000 / ns);
	printf("  first attested within %llu s, %u of %u candidates after %d s; crowd %u\n", (unsigned long long)first,
	       attested(sim), (unsigned)(p->leaves / 3), QUIET_S, sim->options.capacity.crowd);
	return true;
}

/* What is printed is the mean of the last half of each round: a second's figures vary. */
static bool run_rounds(struct kith_sim *sim, struct steady *s)
{
	for (uint32_t r = 1; r <= ROUNDS; r++) {
		uint64_t load = 0;
		struct view v = { 0 };
		for (uint32_t t = 1; t <= ROUND_S; t++) {
			if (!scenario_run(sim, (QUIET_S + (r - 1) * ROUND_S + t) * KITH_US_PER_S))
				return false;
			v = look(sim, NULL);
			load += t > ROUND_S / 2 ? v.load : 0;
		}
		load /= ROUND_S / 2;
		printf("  round %2u: %3u serve, the load needs %.1f; the mean works %llu ‰; %llu changes of role\n", r,
		       v.serving, (double)load / TARGET, (unsigned long long)(load / v.serving),
		       (unsigned long long)kith_sim_offices(sim)->changes);
		s->serving[r - 1] = v.serving;
	}
	return true;
}

static bool run_steady(struct kith_sim *sim, struct steady *s)
{
	for (kith_time_us t = 0; t < STEADY_S; t++) {
		if (!scenario_run(sim, sim->now + KITH_US_PER_S))
			return false;
		const struct view v = look(sim, s);
		s->least = s->least == 0 || v.serving < s->least ? v.serving : s->least;
		s->most = v.serving > s->most ? v.serving : s->most;
	}
	return true;
}

static bool expect(bool good, const char *what)
{
	if (!good)
		fprintf(stderr, "NOT GOOD: %s\n", what);
	return good;
}

static bool in_band(uint32_t serving, double needed)
{
	return serving >= (1 - BAND) * needed && serving <= (1 + BAND) * needed;
}

/* The first round from whose end on as many served as are needed, to BAND; ROUNDS and one: none. */
static uint32_t came_into_band(const struct steady *s, double needed)
{
	uint32_t r = ROUNDS;
	while (r > 0 && in_band(s->serving[r - 1], needed))
		r--;
	return r + 1;
}

static bool judge(struct kith_sim *sim, const struct steady *s, uint64_t changes)
{
	uint64_t sum = 0, honest = 0, liars = 0, most = 0, served = 0;
	for (uint32_t i = 0; i < sim->nodes_n; i++) {
		const struct kith_simnode *node = &sim->nodes[i];
		honest += node->served && node->falsehood == KITH_SIM_FALSE_NOT;
		liars += node->served && node->falsehood != KITH_SIM_FALSE_NOT;
		if (s->seconds[i] < STEADY_S / 2)
			continue;
		const uint64_t busy = s->busy[i] / s->seconds[i];
		served++;
		sum += busy;
		most = busy > most ? busy : most;
	}
	const double needed = (double)sum / TARGET, low = s->least / needed, high = s->most / needed,
		     uneven = (double)most * (double)served / (double)sum,
		     an_hour = (double)changes * 3600 / (double)s->seconds_served;
	const uint32_t reached = came_into_band(s, needed);
	printf("  steady: %u to %u serve, the load needs %.1f: ratio %.2f to %.2f; load max/mean %.2f; %.3f changes of "
	       "role an hour of a supernode; in the band from the end of round %u on; %llu were elected, %llu of them "
	       "lie\n",
	       s->least, s->most, needed, low, high, uneven, an_hour, reached,
	       (unsigned long long)honest + (unsigned long long)liars, (unsigned long long)liars);
	bool good = expect(reached <= ROUNDS, "as many supernodes as are needed within ten rounds");
	good = expect(in_band(s->least, needed) && in_band(s->most, needed),
		      "supernodes, of those that the load needs") &&
	       good;
	good = expect(uneven <= UNEVEN_MOST, "load of the busiest, of the mean") && good;
	good = expect(an_hour < CHANGES_MOST, "changes of role in an hour") && good;
	return expect(100 * liars < honest + liars, "one of those elected in a hundred lies") && good;
}

static int run(const struct parameters *p)
{
	struct kith_simoptions o;
	struct steady s = { 0 };
	struct kith_sim *sim = options_of(&o, p) == 0 && kith_simoptions_check(&o) == NULL ? kith_sim_new(&o) : NULL;
	if (sim == NULL)
		return 1;
	s.busy = calloc(sim->nodes_n, sizeof s.busy[0]);
	s.seconds = calloc(sim->nodes_n, sizeof s.seconds[0]);
	bool good = s.busy != NULL && s.seconds != NULL && run_quiet(sim, p) && run_rounds(sim, &s);
	const uint64_t before = kith_sim_offices(sim)->changes;
	good = good && run_steady(sim, &s) && judge(sim, &s, kith_sim_offices(sim)->changes - before);
	if (!good)
		fprintf(stderr, "%s\n", o.command);
	free(s.busy);
	free(s.seconds);
	kith_sim_free(sim);
	return good ? 0 : 1;
}

int main(int argc, char **argv)
{
	const struct parameters p = { .leaves = argc > 1 ? (uint32_t)atoi(argv[1]) : LEAVES,
				      .certified = argc > 2 ? (uint32_t)atoi(argv[2]) : CERTIFIED,
				      .need = argc > 3 ? (uint32_t)atoi(argv[3]) : NEED,
				      .seed = argc > 4 ? strtoull(argv[4], NULL, 10) : SEED };
	return run(&p);
}
