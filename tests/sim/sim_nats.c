/* Which pairs of NATs find a direct path, and how soon: two leaves behind a NAT of each of nine kinds call each other.
 * Prints the matrix: for each pair the share of calls that were direct within the time, and when. Goes red when a pair
 * is not that must be (must_be_direct), when fewer than 91 % of all are, by the weights of the usual mix, or when
 * prediction of ports in steps, or guessing others, takes too long; and when a pair that is relayed is not told why in
 * words that name the NAT (kith_core_explain).
 *
 *     sim_nats [SEED]     with that seed; else KITH_SIM_NATS_SEEDS of them (24)
 */
#include "scenario.h"

#include "sim/internal.h"

enum {
	KINDS = 9,
	LEAVES = 2 * KINDS,
	LOOK_MS = 10,
	RUN_S = 240,
	DIRECT_MS = 4000, /* a call that is not direct by then counts as relayed */
	SAMPLES_MAX = 4096,
	STEPS_EVERY = 4, /* seeds, one more run of nothing but ports in steps */
	WHY_MAX = 1000,
	SURE_PERCENT = 90, /* of the calls in a cell that is direct */
	CALLS_MIN = 10, /* else a cell says nothing */
	WEIGHTED_PERCENT = 91, /* of all calls, by the weights of the usual mix */
	/* median time to a direct path from the opening, against a filter by port: ports in steps, random ones */
	STEPS_MS = 600,
	RANDOM_MS = 1500,
	RANDOM_P90_MS = DIRECT_MS,
};

struct cell {
	uint32_t calls, direct;
	uint32_t explained, named; /* relayed calls with a verdict; of these the NAT is named in it */
	char why[WHY_MAX]; /* the last such verdict */
	uint32_t ms[SAMPLES_MAX];
};

struct matrix {
	struct cell at[KINDS][KINDS];
};

static unsigned kinds[KINDS]; /* in the order of the mix */

static unsigned place_of(unsigned kind)
{
	unsigned i = 0;
	while (kinds[i] != kind)
		i++;
	return i;
}

static void name_kinds(const struct kith_simnat_mix *mix)
{
	for (unsigned i = 0; i < KINDS; i++)
		kinds[i] = kith_simnat_turn(mix, i);
}

static void options_of(struct kith_simoptions *o, uint64_t seed)
{
	scenario_calm(o, seed);
	o->supernodes = 16;
	o->leaves = LEAVES;
	o->nats_in_turn = true;
	o->duration_us = RUN_S * KITH_US_PER_S;
	o->checked = false;
	o->verify_us = 0;
	o->workload.contacts_n = 12;
	o->workload.stranger_ppm = 0;
	o->workload.relay_only_ppm = 0;
	o->workload.spies_ppm =
		0; /* who names false homes is called through chained tunnels, where no relay attests ends */
	o->workload.reject_ppm = 0;
	o->workload.call_gap_us = 20 * KITH_US_PER_S;
	o->workload.hold_us = 8 * KITH_US_PER_S;
	o->workload.answer_us = KITH_US_PER_S / 10;
	o->workload.talk_gap_us = 100 * KITH_US_PER_MS;
}

/* What is known of one of our calls between two looks. */
struct watched {
	kith_session_id session;
	bool counted, direct, explained;
};

/* What the caller's user is told of a relayed call, once nothing is being tried any more. */
static void ask_why(const struct kith_sim *sim, const struct kith_simnode *n, struct watched *w, struct cell *cell)
{
	static const char verdict[] = "verdict: relayed: ";
	char text[8192];
	kith_core_explain(n->core, kith_sim_node_now(sim, n), w->session, text, sizeof text);
	const char *why = strstr(text, verdict);
	if (why == NULL)
		return;
	why += sizeof verdict - 1;
	w->explained = true;
	cell->explained++;
	snprintf(cell->why, sizeof cell->why, "%.*s", (int)strcspn(why, "\n"), why);
	cell->named += strstr(cell->why, "another port for every destination") != NULL;
}

static void look_at(const struct kith_sim *sim, const struct kith_simnode *n, const struct kith_simcall *c,
		    struct watched *w, struct matrix *m)
{
	if (!c->used || !c->ours || !c->open)
		return;
	if (w->session != c->session)
		*w = (struct watched){ .session = c->session };
	unsigned a = place_of(n->nat_kind), b = place_of(sim->nodes[c->peer].nat_kind);
	struct cell *cell = &m->at[a < b ? a : b][a < b ? b : a];
	kith_time_us age = sim->now - c->opened_at;
	if (w->counted && !w->direct && !c->direct && !w->explained)
		ask_why(sim, n, w, cell);
	if (cell->calls == SAMPLES_MAX || (w->counted && w->direct))
		return;
	if (!w->counted && (c->direct || age >= DIRECT_MS * KITH_US_PER_MS)) {
		w->counted = true;
		cell->calls++;
		if (c->direct && age <= DIRECT_MS * KITH_US_PER_MS) {
			w->direct = true;
			cell->ms[cell->direct++] = (uint32_t)(age / KITH_US_PER_MS);
		}
	}
}

/* only: leaves of one kind; NULL: two of each. */
static bool run(uint64_t seed, const char *only, struct matrix *m)
{
	static struct watched watched[LEAVES][KITH_SIM_CALLS_MAX];
	struct kith_simoptions o;
	options_of(&o, seed);
	if (only != NULL && kith_simnat_mix_parse(&o.nats, only) != 0)
		return false;
	if (only != NULL) { /* each prediction takes a supernode that was not spoken to lately */
		o.supernodes = 60;
		o.workload.call_gap_us = 60 * KITH_US_PER_S;
	}
	memset(watched, 0, sizeof watched);
	struct kith_sim *sim = kith_sim_new(&o);
	bool good = sim != NULL;
	for (kith_time_us at = 0; good && at <= o.duration_us; at += LOOK_MS * KITH_US_PER_MS) {
		good = scenario_run(sim, at);
		for (uint32_t i = 0; i < LEAVES; i++) {
			const struct kith_simnode *n = &sim->nodes[o.supernodes + i];
			for (uint32_t k = 0; k < n->app->calls_n; k++)
				look_at(sim, n, n->app->calls[k], &watched[i][k], m);
		}
	}
	kith_sim_free(sim);
	return good;
}

static int by_size(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

static uint32_t percentile(struct cell *c, unsigned p)
{
	qsort(c->ms, c->direct, sizeof c->ms[0], by_size);
	return c->direct > 0 ? c->ms[(c->direct - 1) * p / 100] : 0;
}

/* The same of all calls: those that were not direct are later than all others. */
static uint32_t percentile_of_all(struct cell *c, unsigned p)
{
	qsort(c->ms, c->direct, sizeof c->ms[0], by_size);
	const uint32_t at = c->calls > 0 ? (c->calls - 1) * p / 100 : 0;
	return at < c->direct ? c->ms[at] : UINT32_MAX;
}

static unsigned share(const struct cell *c)
{
	return c->calls > 0 ? 100 * c->direct / c->calls : 0;
}

static bool is_one_of(unsigned kind, const char *const names[])
{
	for (; *names != NULL; names++) {
		if (strcmp(kith_simnat_name(kind), *names) == 0)
			return true;
	}
	return false;
}

/* What is direct in every case. Not: two NATs of which neither has one address for all, unless both can be foretold. */
static bool must_be_direct(unsigned a, unsigned b)
{
	static const char *const other[] = { "symmetric-random", "symmetric-block", "symmetric-sequential", NULL };
	static const char *const steps[] = { "symmetric-sequential", NULL };
	static const char *const lax[] = { "open", "full-cone", "restricted", NULL };
	if (is_one_of(a, lax) || is_one_of(b, lax) || (is_one_of(a, steps) && is_one_of(b, steps)))
		return true;
	return !(is_one_of(a, other) && is_one_of(b, other));
}

static bool is_random(unsigned kind)
{
	static const char *const random[] = { "symmetric-random", NULL };
	return is_one_of(kind, random);
}

static bool is_guessed(unsigned kind)
{
	static const char *const guessed[] = { "symmetric-random", "symmetric-block", NULL };
	return is_one_of(kind, guessed);
}

/* Whether a cell that must be direct takes longer than that kind may. */
static bool is_late(struct cell *c, unsigned a, unsigned b)
{
	static const char *const steps[] = { "symmetric-sequential", NULL };
	if (is_guessed(a) || is_guessed(b))
		return percentile_of_all(c, 50) > RANDOM_MS || percentile_of_all(c, 90) > RANDOM_P90_MS;
	return is_one_of(b, steps) && percentile(c, 50) > STEPS_MS;
}

/* Random ports on one side, and a filter by port on the other. */
static bool is_guess(unsigned a, unsigned b)
{
	static const char *const strict[] = { "port-restricted", "linux-masquerade", "cgn", NULL };
	return (is_random(a) && is_one_of(b, strict)) || (is_random(b) && is_one_of(a, strict));
}

/* How often a guess hits, and how long it takes: in all such cells together, as chance makes a tenth more or less of
 * one with a hundred calls. Whether that is as it must be. */
static bool judge_guesses(const struct matrix *m)
{
	static struct cell all;
	for (unsigned a = 0; a < KINDS; a++) {
		for (unsigned b = a; b < KINDS; b++) {
			const struct cell *c = &m->at[a][b];
			const bool guess = is_guess(kinds[a], kinds[b]);
			for (uint32_t i = 0; guess && i < c->direct && all.direct < SAMPLES_MAX; i++)
				all.ms[all.direct++] = c->ms[i];
			all.calls += guess ? c->calls : 0;
		}
	}
	const uint32_t half = percentile_of_all(&all, 50), most = percentile_of_all(&all, 90);
	printf("random ports against a filter by port: %u calls, %u %% direct within %d ms; of all calls at the median "
	       "%u ms, at 90 %% %u ms\n",
	       all.calls, share(&all), DIRECT_MS, half, most);
	const bool good =
		all.calls < CALLS_MIN || (share(&all) >= SURE_PERCENT && half <= RANDOM_MS && most <= RANDOM_P90_MS);
	if (!good)
		printf("random ports against a filter by port: NOT GOOD\n");
	return good;
}

/* By the weights of the mix, in which the kinds are not equally many: how many of all calls are direct. */
static bool weigh(const struct matrix *m, const struct kith_simnat_mix *mix)
{
	double called = 0, direct = 0;
	for (unsigned a = 0; a < KINDS; a++) {
		for (unsigned b = a; b < KINDS; b++) {
			const struct cell *c = &m->at[a][b];
			const double by_mix = kith_simnat_share(mix, kinds[a], kinds[b]);
			called += c->calls > 0 ? by_mix : 0;
			direct += c->calls > 0 ? by_mix * c->direct / c->calls : 0;
		}
	}
	printf("of all calls, by the weights of the mix: %.2f %% direct within %d ms (pairs that called: %.2f %%)\n",
	       called > 0 ? 100 * direct / called : 0, DIRECT_MS, 100 * called);
	return 100 * direct >= WEIGHTED_PERCENT * called;
}

static bool judge(struct matrix *m, const struct kith_simnat_mix *mix)
{
	bool good = judge_guesses(m);
	good = weigh(m, mix) && good;
	for (unsigned a = 0; a < KINDS; a++) {
		for (unsigned b = a; b < KINDS; b++) {
			struct cell *c = &m->at[a][b];
			bool silent = c->named * 100 < c->explained * SURE_PERCENT ||
				      (share(c) < SURE_PERCENT && c->calls >= CALLS_MIN && c->explained == 0);
			bool relayed = must_be_direct(kinds[a], kinds[b]) && !is_guess(kinds[a], kinds[b]) &&
				       c->calls >= CALLS_MIN &&
				       (share(c) < SURE_PERCENT || is_late(c, kinds[a], kinds[b]));
			if (!relayed && !(share(c) < SURE_PERCENT && silent))
				continue;
			printf("%s x %s: NOT GOOD%s\n", kith_simnat_name(kinds[a]), kith_simnat_name(kinds[b]),
			       relayed ? "" : ": it is not said why");
			good = false;
		}
	}
	return good;
}

static void print(struct matrix *m)
{
	unsigned direct = 0, cells = 0;
	printf("%-20s calls, direct %%, ms at the median and at 90 %%\n", "");
	for (unsigned a = 0; a < KINDS; a++) {
		for (unsigned b = a; b < KINDS; b++) {
			struct cell *c = &m->at[a][b];
			printf("%-20s x %-20s %5u %4u %% %5u %5u\n", kith_simnat_name(kinds[a]),
			       kith_simnat_name(kinds[b]), c->calls, share(c), percentile(c, 50), percentile(c, 90));
			cells++;
			direct += share(c) >= SURE_PERCENT;
			if (share(c) < SURE_PERCENT && c->explained > 0)
				printf("    %u relayed, the NAT named in %u: %s\n", c->explained, c->named, c->why);
		}
	}
	printf("cells that are direct: %u of %u\n", direct, cells);
}

int main(int argc, char **argv)
{
	static struct matrix m;
	struct kith_simnat_mix mix;
	uint64_t seeds = scenario_count("KITH_SIM_NATS_SEEDS", 24);
	uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	kith_simnat_mix_init(&mix);
	name_kinds(&mix);
	for (uint64_t seed = first; seed < first + (argc > 1 ? 1 : seeds); seed++) {
		if (!run(seed, NULL, &m))
			return 1;
		/* Of two leaves of a kind few call each other: where both are foretold, more is to be seen. */
		if (seed % STEPS_EVERY == 0 && !run(seed, "symmetric-sequential=1", &m))
			return 1;
	}
	print(&m);
	return judge(&m, &mix) ? 0 : 1;
}
