/* Direct paths over TCP, where no UDP gets through.
 *
 *   walls      a third of the leaves is behind walls that let no UDP through, a third has public addresses, a third is
 *              behind NATs of which others find the port: calls between the first two kinds become direct over TCP,
 *              those among the last two stay with UDP, and the invariants hold (nothing passes between relay-only
 *              contacts, or before consent: no SYN either)
 *   weapon     all are behind such walls, and half of them say that they take connections at a victim's address, at
 *              others every two seconds: what arrives there is less than what they spend, and so many SYNs a second
 *              come from each leaf at most
 *
 *     sim_tcp [SEED]     3 seeds of each, or that one; KITH_TCP_SEEDS=N: so many
 */
#include "scenario.h"

#include "link/state.h"
#include "sim/internal.h"

enum { SUPERNODES = 8, LEAVES = 24, LOOK_MS = 20, DIRECT_MS = 3000, SAMPLES_MAX = 4096, FROM_S = 30, UNTIL_S = 330 };

/* What is known of one of our calls between two looks. */
struct watched {
	kith_session_id session;
	bool counted;
};

struct tally {
	uint32_t calls, direct, by_tcp;
	uint32_t ms[SAMPLES_MAX];
};

static void walls_options(struct kith_simoptions *o, uint64_t seed)
{
	scenario_calm(o, seed);
	o->tcp = true;
	o->supernodes = SUPERNODES;
	o->leaves = LEAVES;
	o->duration_us = 200 * KITH_US_PER_S;
	o->nats_in_turn = true;
	o->workload.reject_ppm = 0;
	o->workload.call_gap_us = 20 * KITH_US_PER_S;
	o->workload.hold_us = 8 * KITH_US_PER_S;
	o->workload.answer_us = KITH_US_PER_S / 10;
	o->workload.talk_gap_us = 100 * KITH_US_PER_MS;
	snprintf(o->command, sizeof o->command, "sim_tcp %llu", (unsigned long long)seed);
	if (kith_simnat_mix_parse(&o->nats, "open=1,port-restricted=1,blocked-udp=1") != 0)
		abort();
}

static bool is_walled(const struct kith_simnode *n)
{
	return kith_simnat_blocked(n->nat_kind);
}

static bool sends_by_tcp(const struct kith_simnode *n, kith_session_id session)
{
	const struct kith_session *s = kith_sessions_get(&n->core->sessions, session);
	const struct kith_path *p = s != NULL ? kith_pathset_sending(&s->paths) : NULL;
	return p != NULL && kith_transports_kind(&n->core->transports, p->hop.transport) == KITH_TRANSPORT_TCP;
}

/* Of calls that hide nothing, between a walled leaf and an open one (walled), and between two that are not walled. */
static void look_at(const struct kith_sim *sim, const struct kith_simnode *n, const struct kith_simcall *c,
		    struct watched *w, struct tally *walled, struct tally *others)
{
	const struct kith_simnode *peer = &sim->nodes[c->peer];
	if (!c->used || !c->ours || !c->open || kith_sim_is_super(peer))
		return;
	const struct kith_simcontact *contact = kith_sim_contact(n, c->peer), *back = kith_sim_contact(peer, n->id);
	if ((contact != NULL && contact->relay_only) || (back != NULL && back->relay_only) || n->spies || peer->spies)
		return;
	if (w->session != c->session)
		*w = (struct watched){ .session = c->session };
	const kith_time_us age = sim->now - c->opened_at;
	if (w->counted || (!c->direct && age < DIRECT_MS * KITH_US_PER_MS))
		return;
	const bool open = n->nat_kind == KITH_SIMNAT_OPEN || peer->nat_kind == KITH_SIMNAT_OPEN;
	struct tally *t = is_walled(n) != is_walled(peer) && open ? walled : others;
	w->counted = true;
	if ((t == others && (is_walled(n) || is_walled(peer))) || t->calls == SAMPLES_MAX)
		return;
	t->calls++;
	if (!c->direct)
		return;
	t->by_tcp += sends_by_tcp(n, c->session);
	t->ms[t->direct++] = (uint32_t)(age / KITH_US_PER_MS);
}

static int by_size(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

static void print(const char *what, uint64_t seed, struct tally *t)
{
	qsort(t->ms, t->direct, sizeof t->ms[0], by_size);
	printf("  seed %llu: %s: %u of %u calls direct, %u of them over TCP; after %u ms at the median, %u at most\n",
	       (unsigned long long)seed, what, t->direct, t->calls, t->by_tcp, t->direct > 0 ? t->ms[t->direct / 2] : 0,
	       t->direct > 0 ? t->ms[t->direct - 1] : 0);
}

static int walls(uint64_t seed)
{
	static struct watched watched[LEAVES][KITH_SIM_CALLS_MAX];
	static struct tally walled, others;
	struct kith_simoptions o;
	char text[2048];
	walls_options(&o, seed);
	memset(watched, 0, sizeof watched);
	memset(&walled, 0, sizeof walled);
	memset(&others, 0, sizeof others);
	struct kith_sim *sim = kith_sim_new(&o);
	bool good = sim != NULL;
	for (kith_time_us at = 0; good && at < o.duration_us; at += LOOK_MS * KITH_US_PER_MS) {
		good = scenario_run(sim, at);
		for (uint32_t i = 0; good && i < LEAVES; i++) {
			const struct kith_simnode *n = &sim->nodes[o.supernodes + i];
			for (uint32_t k = 0; k < n->app->calls_n; k++)
				look_at(sim, n, n->app->calls[k], &watched[i][k], &walled, &others);
		}
	}
	if (good && !kith_sim_finish(sim)) {
		fprintf(stderr, "%s\n", kith_sim_violation_text(sim, text, sizeof text));
		good = false;
	}
	kith_sim_free(sim);
	print("no UDP here, a public address there", seed, &walled);
	print("UDP at both ends", seed, &others);
	/* Each such call, and no call that UDP is there for. */
	good = good && walled.calls >= 10 && walled.direct == walled.calls && walled.by_tcp == walled.direct;
	return good && others.calls >= 10 && others.direct == others.calls && others.by_tcp == 0 ? 0 : 1;
}

static int weapon(uint64_t seed)
{
	struct kith_simoptions o;
	walls_options(&o, seed);
	o.leaves = 60;
	o.duration_us = (UNTIL_S + 30) * KITH_US_PER_S;
	o.verify_us = 0;
	o.workload.stream_bytes = 0; /* data would be what attackers send, too */
	o.workload.datagrams_n = 1;
	o.workload.talk_gap_us = 0;
	o.workload.relay_only_ppm = 0;
	o.workload.spies_ppm = 0;
	o.faults.aimers_ppm = KITH_PPM / 2;
	if (kith_simnat_mix_parse(&o.nats, "blocked-udp=1") != 0)
		return 1;
	struct kith_sim *sim = kith_sim_new(&o);
	bool good = sim != NULL && scenario_run(sim, FROM_S * KITH_US_PER_S);
	const struct kith_simcounts before = good ? *kith_sim_counts(sim) : (struct kith_simcounts){ 0 };
	good = good && scenario_run(sim, UNTIL_S * KITH_US_PER_S);
	if (!good) {
		kith_sim_free(sim);
		return 1;
	}
	const struct kith_simcounts *now = kith_sim_counts(sim);
	const uint64_t spent = now->aimers_bytes - before.aimers_bytes, arrived = now->aimed_bytes - before.aimed_bytes;
	/* Of each honest leaf 4 connections a second, of four SYNs; and what it sends there is nothing but those. */
	const uint64_t most = (uint64_t)(UNTIL_S - FROM_S) * o.leaves * 4 * 4 * 60;
	printf("  seed %llu: half of all aim: %llu bytes sent by attackers, %llu at the victim: %.3f (at most 1)\n",
	       (unsigned long long)seed, (unsigned long long)spent, (unsigned long long)arrived,
	       (double)arrived / (double)spent);
	kith_sim_free(sim);
	/* Something must have been aimed, and hit: else this holds of nothing. */
	return arrived > 0 && arrived <= spent && arrived <= most ? 0 : 1;
}

static int run(uint64_t seed)
{
	return walls(seed) + weapon(seed);
}

int main(int argc, char **argv)
{
	return scenario_seeds(argc, argv, "KITH_TCP_SEEDS", 3, run) > 0;
}
