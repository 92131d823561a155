/* What failures of the network cost those who talk: two leaves send each other 50 voice packets a second, something
 * fails, and the gap is the longest time in which an end hears nothing. One line for each kind of failure and round
 * trip; what is wanted of it stands behind.
 *
 *     sim_gap                  a short one: KITH_SIM_GAP_RUNS networks for each kind and round trip (10)
 *     sim_gap KIND...          only these kinds
 *     sim_gap --json [KIND...] one JSON line for each, with all gaps, for natlab report: it sets them beside those of
 *                              real nodes
 *
 * Goes red when a session is lost, or when a figure is missed that is held (struct kind). A figure that is wanted and
 * not held yet is printed as missed.
 */
#include "scenario.h"

#include "sim/hand.h"

enum {
	SUPERNODES = 12,
	LEAVES = 4, /* two calls; powers of two, see call_all */
	LEAVES_ALONE = 2,
	HOUR_S = 3600,
	IDLE_S = 600,
	CALL_S = 10,
	FAULT_S = 20, /* all paths have been found, and all is measured */
	TALK_MS = 20,
	PACKET_MAX = 1000, /* a black hole's, ... */
	LARGE = 1100, /* ... and what it swallows */
	STEPS_MAX = 3,
	RUNS = 10,
	RUNS_NOISY = 25, /* at least: gaps vary there, and the most of forty is no 99th of a hundred */
	RUNS_MAX = 1000,
	SAMPLES_MAX = RUNS_MAX * LEAVES /* and twice as many of half as many */
};

/* The network of one run. */
struct trial {
	struct kith_sim *sim;
	uint64_t seed;
	unsigned leaves, step; /* of a row of failures */
	bool spared[LEAVES]; /* nothing is done to what this one hears */
	bool good;
};

struct kind {
	const char *name;
	/* What fails, for the call of this leaf; called for callers only. */
	void (*strike)(struct trial *t, uint32_t caller, uint32_t callee);
	/* What is healed so long after it; NULL: nothing is. */
	void (*heal)(struct trial *t, uint32_t caller, uint32_t callee);
	kith_time_us lasts_us;
	kith_time_us watch_us; /* how long the gap is looked for, from the failure on */
	unsigned rows; /* failures in a row; 0: one */
	/* Wanted: half round trips and ms; 0 and 0: nothing. */
	unsigned p50_halves, p50_ms, p99_halves, p99_ms;
	bool holds; /* that is met, and has to stay so */
	uint32_t packet_bytes; /* instead of a voice packet's */
	bool noisy; /* all the time 2 % are lost, and everything comes up to 30 ms late */
	bool alone; /* one call in twice as many networks: what fails would be another call's as well */
};

/* ---- what fails ---- */

static void way(struct trial *t, uint32_t from, uint32_t to, const struct kith_net_way *w)
{
	t->good = kith_sim_hand_way(t->sim, from, to, w) && t->good;
}

static void both_ways(struct trial *t, uint32_t a, uint32_t b, const struct kith_net_way *w)
{
	way(t, a, b, w);
	way(t, b, a, w);
}

/* One of the two, by the seed. */
static uint32_t either(const struct trial *t, uint32_t a, uint32_t b)
{
	return scenario_below(t->seed, a, 2) != 0 ? b : a;
}

static const struct kith_net_way nothing_passes = { .cut = true };

static void cut_direct(struct trial *t, uint32_t a, uint32_t b)
{
	both_ways(t, a, b, &nothing_passes);
}

static void cut_one_way(struct trial *t, uint32_t a, uint32_t b)
{
	uint32_t deaf = either(t, a, b), talker = deaf == a ? b : a;
	way(t, talker, deaf, &nothing_passes);
	t->spared[talker - SUPERNODES] = true;
}

static void lose(struct trial *t, uint32_t a, uint32_t b)
{
	const struct kith_net_way w = { .faults.loss_ppm = 300000 };
	both_ways(t, a, b, &w);
}

static void delay(struct trial *t, uint32_t a, uint32_t b)
{
	const struct kith_net_way w = { .extra_us = 380 * KITH_US_PER_MS };
	both_ways(t, a, b, &w);
}

static void reorder(struct trial *t, uint32_t a, uint32_t b)
{
	const struct kith_net_way w = { .faults = { .reorder_ppm = 200000, .reorder_delay_us = 30 * KITH_US_PER_MS } };
	both_ways(t, a, b, &w);
}

static void hole(struct trial *t, uint32_t a, uint32_t b)
{
	const struct kith_net_way w = { .most_bytes = PACKET_MAX };
	both_ways(t, a, b, &w);
}

static void flush(struct trial *t, uint32_t a, uint32_t b)
{
	kith_sim_hand_do(t->sim, KITH_SIM_HAND_FLUSH, either(t, a, b));
}

static void rebind(struct trial *t, uint32_t a, uint32_t b)
{
	kith_sim_hand_do(t->sim, KITH_SIM_HAND_REBIND, either(t, a, b));
}

static void readdress(struct trial *t, uint32_t a, uint32_t b)
{
	kith_sim_hand_do(t->sim, KITH_SIM_HAND_READDRESS, either(t, a, b));
}

static void move(struct trial *t, uint32_t a, uint32_t b)
{
	kith_sim_hand_do(t->sim, KITH_SIM_HAND_MOVE, either(t, a, b));
}

static void cut_link(struct trial *t, uint32_t a, uint32_t b)
{
	kith_sim_hand_do(t->sim, KITH_SIM_HAND_CUT, either(t, a, b));
}

static void heal_link(struct trial *t, uint32_t a, uint32_t b)
{
	kith_sim_hand_do(t->sim, KITH_SIM_HAND_UNCUT, either(t, a, b));
}

/* The supernode that a sends through; KITH_SIM_NONE: none. */
static uint32_t relay_of(const struct trial *t, uint32_t a)
{
	struct kith_simend end;
	return kith_sim_hand_look(t->sim, a, &end) ? end.via : KITH_SIM_NONE;
}

static void kill_standby(struct trial *t, uint32_t a, uint32_t b)
{
	uint32_t relay = kith_sim_hand_standby(t->sim, a, 0);
	(void)b;
	if (relay != KITH_SIM_NONE)
		kith_sim_hand_do(t->sim, KITH_SIM_HAND_KILL, relay);
}

static void kill_home(struct trial *t, uint32_t a, uint32_t b)
{
	uint32_t home = kith_sim_hand_home(t->sim, either(t, a, b));
	if (home != KITH_SIM_NONE)
		kith_sim_hand_do(t->sim, KITH_SIM_HAND_KILL, home);
}

static void cut_with_standby(struct trial *t, uint32_t a, uint32_t b)
{
	kill_standby(t, a, b);
	cut_direct(t, a, b);
}

static void cut_with_standbys(struct trial *t, uint32_t a, uint32_t b)
{
	uint32_t second = kith_sim_hand_standby(t->sim, a, 1);
	if (second != KITH_SIM_NONE)
		kith_sim_hand_do(t->sim, KITH_SIM_HAND_KILL, second);
	cut_with_standby(t, a, b);
}

/* What the call goes over now: the direct path, or what leads to the supernode. */
static void cut_active(struct trial *t, uint32_t a, uint32_t b)
{
	uint32_t relay = relay_of(t, a);
	if (relay == KITH_SIM_NONE)
		cut_direct(t, a, b);
	else
		both_ways(t, a, relay, &nothing_passes);
}

static void kill_active(struct trial *t, uint32_t a, uint32_t b)
{
	uint32_t relay = relay_of(t, a);
	if (relay == KITH_SIM_NONE)
		cut_direct(t, a, b);
	else
		kith_sim_hand_do(t->sim, KITH_SIM_HAND_KILL, relay);
}

#define S KITH_US_PER_S

/* Wanted where the path that data takes dies. Where it dies one way only, the other end has to be told first. */
#define SILENTLY .p50_halves = 1, .p50_ms = 60, .p99_halves = 2, .p99_ms = 100
#define ONE_WAY .p50_halves = 2, .p50_ms = 60, .p99_halves = 2, .p99_ms = 100
/* ... and where the network itself adds up to 30 ms to any distance of two packets. */
#define IN_NOISE .p50_halves = 1, .p50_ms = 90, .p99_halves = 2, .p99_ms = 130, .noisy = true
#define WITHIN(p50, p99) .p50_ms = (p50), .p99_ms = (p99)
/* Nothing that data uses has failed: no more than what one lost packet would do. */
#define UNNOTICED WITHIN(2 * TALK_MS, 2 * TALK_MS)

static const struct kind kinds[] = {
	{ "direct path dropped", cut_direct, .watch_us = 10 * S, SILENTLY, .holds = true },
	{ "dropped one way", cut_one_way, .watch_us = 10 * S, ONE_WAY, .holds = true },
	{ "dropped in noise", cut_direct, .watch_us = 2 * S, IN_NOISE, .holds = true },
	/* What was measured (160 and 180 ms), and half as much again. */
	{ "30 % lost", lose, .watch_us = 10 * S, WITHIN(180, 270), .holds = true },
	/* The jump itself and a packet, if the other paths take no less. */
	{ "20 to 400 ms", delay, .watch_us = 10 * S, WITHIN(400, 400), .holds = true },
	{ "reordered", reorder, .watch_us = 10 * S, WITHIN(30 + TALK_MS, 30 + 2 * TALK_MS), .holds = true },
	{ "larger than 1000 lost", hole, .watch_us = 10 * S, WITHIN(0, 1000), .holds = true, .packet_bytes = LARGE },
	{ "bindings flushed", flush, .watch_us = 10 * S, WITHIN(0, 1000), .holds = true },
	{ "bindings moved", rebind, .watch_us = 10 * S, WITHIN(1000, 2000), .holds = true },
	{ "public address", readdress, .watch_us = 10 * S, WITHIN(1000, 2000), .holds = true },
	{ "host address", move, .watch_us = 10 * S, WITHIN(1000, 2000), .holds = true },
	/* As sim_outage: the next probe finds that the network is back. */
	{ "link down 3 s", cut_link, heal_link, 3 * S, 10 * S, WITHIN(4200, 5000), .holds = true },
	{ "link down 30 s", cut_link, heal_link, 30 * S, 60 * S, WITHIN(31200, 32000), .holds = true },
	{ "standby relay killed", kill_standby, .watch_us = 10 * S, UNNOTICED, .holds = true, .alone = true },
	{ "home killed", kill_home, .watch_us = 10 * S, UNNOTICED, .holds = true, .alone = true },
	{ "direct and a relay", cut_with_standby, .watch_us = 10 * S, SILENTLY, .holds = true, .alone = true },
	{ "direct and two relays", cut_with_standbys, .watch_us = 10 * S, SILENTLY, .holds = true, .alone = true },
	{ "three paths cut", cut_active, .watch_us = 12 * S, .rows = 3, SILENTLY, .holds = true },
	{ "three cut, in noise", cut_active, .watch_us = 12 * S, .rows = 3, IN_NOISE, .holds = true },
	{ "three: relays killed", kill_active, .watch_us = 12 * S, .rows = 3, SILENTLY, .holds = true, .alone = true },
};

/* ---- a run ---- */

static void options_of(struct kith_simoptions *o, const struct kind *k, uint64_t seed, unsigned rtt_ms)
{
	kith_simoptions_init(o);
	o->seed = seed;
	o->supernodes = SUPERNODES;
	o->leaves = k->alone ? LEAVES_ALONE : LEAVES;
	o->duration_us = 2 * HOUR_S * S;
	o->join_us = S;
	o->verify_us = 0;
	o->access_us = (kith_time_us)rtt_ms * KITH_US_PER_MS / 4 - KITH_US_PER_MS / 2; /* the core takes 1 ms */
	if (k->noisy) {
		o->faults.link.loss_ppm = 20000;
		o->faults.link.jitter_us = 30 * KITH_US_PER_MS;
	}
	o->tcp = true; /* supernodes listen by it, too, and nobody needs it */
	o->workload.watch = false;
	o->workload.contacts_n = 1;
	o->workload.call_gap_us = 0;
	o->workload.stranger_ppm = 0;
	o->workload.relay_only_ppm = 0;
	o->workload.reject_ppm = 0;
	o->workload.answer_us = KITH_US_PER_S / 10;
	o->workload.datagrams_n = 0;
	o->workload.talk_gap_us = TALK_MS * KITH_US_PER_MS;
	o->workload.talk_bytes = k->packet_bytes;
	o->workload.stream_bytes = 0;
	if (kith_simnat_mix_parse(&o->nats, "port-restricted=1") != 0)
		abort();
	snprintf(o->command, sizeof o->command, "sim_gap (seed %llu, %u ms)", (unsigned long long)seed, rtt_ms);
}

struct result {
	uint32_t n, lost, ms[SAMPLES_MAX];
};

static bool calls(const struct trial *t, uint32_t leaf, uint32_t *callee)
{
	struct kith_simend end;
	if (!kith_sim_hand_look(t->sim, leaf, &end))
		return false;
	*callee = end.peer;
	return end.ours;
}

/* Leaves know who is a fixed distance away, on a ring of a power of two: nobody is left over. */
static void call_all(struct trial *t)
{
	bool busy[LEAVES] = { false };
	for (uint32_t i = 0; i < t->leaves; i++) {
		uint32_t peer = kith_sim_hand_contact(t->sim, SUPERNODES + i);
		if (busy[i] || peer == KITH_SIM_NONE || busy[peer - SUPERNODES])
			continue;
		busy[i] = busy[peer - SUPERNODES] = true;
		t->good = kith_sim_hand_call(t->sim, SUPERNODES + i, peer) && t->good;
	}
}

static void for_all_calls(struct trial *t, void (*what)(struct trial *t, uint32_t caller, uint32_t callee))
{
	for (uint32_t i = 0; i < t->leaves; i++) {
		uint32_t callee;
		if (calls(t, SUPERNODES + i, &callee))
			what(t, SUPERNODES + i, callee);
	}
}

static void listen_all(struct trial *t)
{
	for (uint32_t i = 0; i < t->leaves; i++)
		kith_sim_hand_listen(t->sim, SUPERNODES + i, false);
}

static void collect(struct trial *t, struct result *r)
{
	for (uint32_t i = 0; i < t->leaves; i++) {
		struct kith_simend end;
		if (!kith_sim_hand_look(t->sim, SUPERNODES + i, &end))
			r->lost++;
		else if (!t->spared[i] && r->n < SAMPLES_MAX)
			r->ms[r->n++] = (uint32_t)((end.gap_us + KITH_US_PER_MS - 1) / KITH_US_PER_MS);
	}
}

/* Failures of a row are 13 to 16 s apart, and none is at a fixed place between two packets. */
static unsigned steps_of(const struct kind *k)
{
	return k->rows > 0 ? k->rows : 1;
}

static bool run(const struct kind *k, uint64_t seed, unsigned rtt_ms, struct result results[STEPS_MAX])
{
	struct kith_simoptions o;
	options_of(&o, k, seed, rtt_ms);
	struct trial t = { .seed = seed, .leaves = o.leaves, .good = true };
	kith_time_us at = FAULT_S * S;
	t.sim = kith_sim_new(&o);
	if (t.sim == NULL)
		return false;
	t.good = scenario_run(t.sim, CALL_S * S);
	call_all(&t);
	for (t.step = 0; t.step < steps_of(k) && t.good; t.step++) {
		at += scenario_below(seed, 100 + t.step, (uint32_t)KITH_US_PER_S);
		t.good = scenario_run(t.sim, at) && t.good;
		listen_all(&t);
		for_all_calls(&t, k->strike);
		if (k->heal != NULL) {
			t.good = scenario_run(t.sim, at + k->lasts_us) && t.good;
			for_all_calls(&t, k->heal);
		}
		t.good = scenario_run(t.sim, at + k->watch_us) && t.good;
		collect(&t, &results[t.step]);
		at += k->watch_us + S + scenario_below(seed, 200 + t.step, (uint32_t)(2 * S));
	}
	kith_sim_free(t.sim);
	return t.good;
}

/* ---- what came of it ---- */

static int by_size(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

/* The smallest that p in a hundred do not exceed. */
static uint32_t percentile(const struct result *r, uint32_t p)
{
	return r->n > 0 ? r->ms[((uint64_t)r->n * p + 99) / 100 - 1] : UINT32_MAX;
}

static bool report(const struct kind *k, unsigned step, unsigned rtt_ms, struct result *r)
{
	qsort(r->ms, r->n, sizeof r->ms[0], by_size);
	uint32_t p50 = percentile(r, 50), p99 = percentile(r, 99);
	uint32_t want50 = k->p50_halves * rtt_ms / 2 + k->p50_ms, want99 = k->p99_halves * rtt_ms / 2 + k->p99_ms;
	bool met = (want50 == 0 || p50 <= want50) && (want99 == 0 || p99 <= want99);
	char name[64], wanted[64] = "";
	snprintf(name, sizeof name, steps_of(k) > 1 ? "%s, %u" : "%s", k->name, step + 1);
	if (want50 > 0 && want99 > 0)
		snprintf(wanted, sizeof wanted, "wanted %u, %u: ", want50, want99);
	else if (want99 > 0)
		snprintf(wanted, sizeof wanted, "wanted at 99 %% %u: ", want99);
	printf("%-24s %3u ms: p50 %5u, p99 %5u, max %5u ms (n %u), %u lost  %s%s\n", name, rtt_ms, p50, p99,
	       percentile(r, 100), r->n, r->lost, wanted,
	       want99 == 0 ? ""
	       : met	   ? "met"
	       : k->holds  ? "NOT GOOD"
			   : "missed");
	fflush(stdout);
	return r->lost == 0 && r->n > 0 && (met || !k->holds);
}

static void print_json(const struct kind *k, unsigned step, unsigned rtt_ms, const struct result *r)
{
	printf("{\"fault\": \"%s", k->name);
	if (steps_of(k) > 1)
		printf(", %u", step + 1);
	printf("\", \"rtt_ms\": %u, \"host\": \"virtual\", \"lost\": %u, \"gaps_ms\": [", rtt_ms, r->lost);
	for (uint32_t i = 0; i < r->n; i++)
		printf("%s%u", i > 0 ? ", " : "", r->ms[i]);
	printf("]}\n");
	fflush(stdout);
}

static bool measure(const struct kind *k, unsigned rtt_ms, uint64_t runs, bool json)
{
	static struct result results[STEPS_MAX];
	bool good = true;
	memset(results, 0, sizeof results);
	runs = k->noisy && runs < RUNS_NOISY ? RUNS_NOISY : runs;
	for (uint64_t seed = 1; seed <= (k->alone ? 2 * runs : runs) && good; seed++)
		good = run(k, seed, rtt_ms, results);
	for (unsigned step = 0; step < steps_of(k); step++) {
		if (json)
			print_json(k, step, rtt_ms, &results[step]);
		else
			good = report(k, step, rtt_ms, &results[step]) && good;
	}
	return good;
}

/* ---- an hour in which nothing fails ---- */

/* A call that is up, with all its paths; NULL: out of memory, or an invariant was violated. */
static struct kith_sim *one_call(const struct kith_simoptions *o, struct trial *t)
{
	*t = (struct trial){ .sim = kith_sim_new(o), .seed = o->seed, .leaves = LEAVES_ALONE, .good = true };
	t->good = t->sim != NULL && scenario_run(t->sim, CALL_S * S);
	if (t->good)
		call_all(t);
	t->good = t->good && scenario_run(t->sim, FAULT_S * S);
	return t->good ? t->sim : NULL;
}

static unsigned since(const struct kith_stats *now, const struct kith_stats *before, enum kith_stat stat)
{
	return (unsigned)(now->counter[stat] - before->counter[stat]);
}

/* Packets are lost and late, and no path dies. Data stays where it is, and doubt costs no more than it may. */
static bool noise(unsigned rtt_ms)
{
	static const struct kind noisy = { .noisy = true, .alone = true };
	struct kith_simoptions o;
	struct trial t;
	options_of(&o, &noisy, 1, rtt_ms);
	struct kith_sim *sim = one_call(&o, &t);
	bool good = sim != NULL;
	if (good) {
		const struct kith_stats *now = kith_sim_stats(sim, KITH_ROLE_LEAF);
		const struct kith_stats before = *now;
		good = scenario_run(sim, (FAULT_S + HOUR_S) * S);
		const unsigned packets = 2 * HOUR_S * 1000 / TALK_MS;
		const unsigned twice = since(now, &before, KITH_STAT_PACKETS_DUPLICATED) +
				       since(now, &before, KITH_STAT_PACKETS_REPLAYED);
		const unsigned switches = since(now, &before, KITH_STAT_PATH_SWITCHES);
		good = good && switches == 0 && (uint64_t)twice * 100 <= (uint64_t)packets * KITH_DUPLICATE_PERCENT;
		printf("an hour of 2 %% loss, 30 ms jitter, %3u ms: left its path %u times, doubted it %u times; "
		       "%u.%u %% sent twice, %u %% may be%s\n",
		       rtt_ms, switches, since(now, &before, KITH_STAT_PATHS_SUSPECT), twice * 100 / packets,
		       twice * 1000 / packets % 10, (unsigned)KITH_DUPLICATE_PERCENT, good ? "" : ": NOT GOOD");
	}
	kith_sim_free(t.sim);
	return good;
}

/* What a session costs in which both talk, and all paths are kept warm. */
static bool talking(struct kith_sim *sim)
{
	struct kith_simend end;
	const struct kith_simspent before = kith_sim_hand_spent(sim, SUPERNODES);
	if (!scenario_run(sim, kith_sim_time(sim) + IDLE_S * S) || !kith_sim_hand_look(sim, SUPERNODES, &end))
		return false;
	const struct kith_simspent after = kith_sim_hand_spent(sim, SUPERNODES);
	printf("a leaf that talks over %u paths, of which %u lead through relays: %u B/s, both ways and with headers\n",
	       end.live, end.relays, (unsigned)((after.bytes - before.bytes) / IDLE_S));
	return end.live == 1 + KITH_RELAYS_TALK;
}

/* What a session costs in which nobody says anything: with what the leaf costs at its homes. */
static bool idle(struct kith_sim *sim)
{
	struct kith_simend end;
	if (!scenario_run(sim, kith_sim_time(sim) + 2 * KITH_PATH_MEMORY_US)) /* what only talk wants is let go */
		return false;
	const struct kith_simspent before = kith_sim_hand_spent(sim, SUPERNODES);
	if (!scenario_run(sim, kith_sim_time(sim) + IDLE_S * S) || !kith_sim_hand_look(sim, SUPERNODES, &end))
		return false;
	const struct kith_simspent after = kith_sim_hand_spent(sim, SUPERNODES);
	printf("a leaf with an idle session of %u paths: %u B/s, both ways and with headers, %u wake-ups a minute\n",
	       end.live, (unsigned)((after.bytes - before.bytes) / IDLE_S),
	       (unsigned)((after.wakes - before.wakes) * 60 / IDLE_S));
	return true;
}

/* One of the two says something for a second, then both are silent for up to a minute, behind NATs that forget after 20
 * s. What the other one hears has no gap but that of the way. */
static bool short_bindings(unsigned rtt_ms)
{
	static const struct kind usual = { .alone = true };
	static struct result r;
	struct kith_simoptions o;
	struct trial t;
	options_of(&o, &usual, 1, rtt_ms);
	o.nat_timeout_us = 20 * S;
	struct kith_sim *sim = one_call(&o, &t);
	bool good = sim != NULL && talking(sim);
	r = (struct result){ 0 };
	for (uint32_t i = 0; good && i < LEAVES_ALONE; i++)
		kith_sim_hand_hush(sim, SUPERNODES + i, true);
	for (uint32_t k = 0; good && kith_sim_time(sim) < (FAULT_S + IDLE_S + HOUR_S) * S; k++) {
		struct kith_simend end;
		uint32_t talker = SUPERNODES + scenario_below(o.seed, 2 * k, 2), other = 2 * SUPERNODES + 1 - talker;
		good = scenario_run(sim, kith_sim_time(sim) + scenario_below(o.seed, 2 * k + 1, 60 * (uint32_t)S));
		kith_sim_hand_listen(sim, other, true);
		kith_sim_hand_hush(sim, talker, false);
		good = good && scenario_run(sim, kith_sim_time(sim) + S) && kith_sim_hand_look(sim, other, &end);
		kith_sim_hand_hush(sim, talker, true);
		r.ms[r.n++] = good ? (uint32_t)((end.gap_us + KITH_US_PER_MS - 1) / KITH_US_PER_MS) : UINT32_MAX;
	}
	qsort(r.ms, r.n, sizeof r.ms[0], by_size);
	const uint32_t most = rtt_ms / 2 + 2 * TALK_MS;
	good = good && percentile(&r, 100) <= most;
	printf("an hour of speech and silence, bindings of 20 s, %3u ms: p50 %u, p99 %u, max %u ms (n %u), wanted: "
	       "%u%s\n",
	       rtt_ms, percentile(&r, 50), percentile(&r, 99), percentile(&r, 100), r.n, most,
	       good ? "" : ": NOT GOOD");
	good = good && idle(sim);
	kith_sim_free(t.sim);
	return good;
}

static bool is_asked(const char *name, int argc, char **argv)
{
	bool asked = argc < 2;
	for (int i = 1; i < argc; i++)
		asked = asked || strcmp(argv[i], name) == 0;
	return asked;
}

int main(int argc, char **argv)
{
	static const unsigned rtts_ms[] = { 40, 150 };
	uint64_t runs = scenario_count("KITH_SIM_GAP_RUNS", RUNS);
	bool good = true;
	const bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
	if (json) {
		argv++;
		argc--;
	}
	if (runs == 0 || runs > RUNS_MAX)
		return 2;
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		for (size_t r = 0; is_asked(kinds[i].name, argc, argv) && r < sizeof rtts_ms / sizeof rtts_ms[0]; r++)
			good = measure(&kinds[i], rtts_ms[r], runs, json) && good;
	}
	for (size_t r = 0; !json && is_asked("noise", argc, argv) && r < sizeof rtts_ms / sizeof rtts_ms[0]; r++)
		good = noise(rtts_ms[r]) && good;
	for (size_t r = 0; !json && is_asked("short bindings", argc, argv) && r < sizeof rtts_ms / sizeof rtts_ms[0];
	     r++)
		good = short_bindings(rtts_ms[r]) && good;
	return good ? 0 : 1;
}
