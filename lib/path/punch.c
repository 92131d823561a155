#include "path/punch.h"

#include <kith/err.h>

#include "base/addr.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/stats.h"
#include "path/natsense.h"
#include "path/offer.h"
#include "path/punch_targets.h"
#include "path/transports.h"

#define CREDIT_MAX ((uint32_t)(KITH_PROBES_WINDOW * KITH_PROBE_COST))
enum { PUNCH_BODY = 4, UDP_HEADERS = 28 /* and of IPv4 */ };

void kith_punch_init(struct kith_punch *p, uint32_t heard)
{
	memset(p, 0, sizeof *p);
	kith_punch_heard(p, heard);
	p->next_at = p->range_at = p->spread_at = p->connect_at = KITH_TIME_NEVER;
}

void kith_punch_heard(struct kith_punch *p, size_t len)
{
	uint32_t room = CREDIT_MAX - p->credit_bytes;
	p->credit_bytes += len + UDP_HEADERS < room ? (uint32_t)len + UDP_HEADERS : room;
}

static void journal(const struct kith_punch_view *v, enum kith_journal_what what, const struct kith_hop *hop,
		    uint32_t value)
{
	kith_journal_add(v->journal, v->env->alloc, v->env->now, what, hop, value);
}

static void journal_addr(const struct kith_punch_view *v, enum kith_journal_what what, const struct kith_addr *addr,
			 uint32_t value)
{
	struct kith_hop hop = { .remote = *addr };
	journal(v, what, &hop, value);
}

/* How many there are for a spread of this session: those that are open for it count for all rounds meanwhile. */
static uint16_t our_sockets(const struct kith_punch *p, const struct kith_punch_view *v)
{
	const struct kith_tries *tries = &p->spread_tries;
	if (!v->allowed)
		return 0;
	if (tries->began != 0 && v->env->now - tries->began < KITH_SPREAD_WAIT_US)
		return p->spread_of;
	return kith_tries_may(tries, v->env->now) ? v->env->sockets : 0;
}

/* ---- frames ---- */

/* CANDIDATES, and PUNCH when a round is named, so that both share a packet. */
static void send_offer(struct kith_punch *p, const struct kith_punch_view *v, bool with_punch)
{
	static const struct kith_candidates nothing = { 0 };
	const struct kith_candidates *cs = v->allowed ? &p->ours : &nothing;
	struct kith_writer *w = kith_outbox_begin(v->env->outbox, v->env->session, NULL, 0, KITH_FRAME_CANDIDATES,
						  KITH_CANDIDATES_BODY_MAX);
	kith_candidates_write(w, cs);
	kith_outbox_end(v->env->outbox);
	p->told = cs->generation;
	if (!with_punch)
		return;
	const bool random = p->ours.nat.allocation == KITH_NATCLASS_ALLOCATION_RANDOM;
	w = kith_outbox_begin(v->env->outbox, v->env->session, NULL, 0, KITH_FRAME_PUNCH, KITH_PUNCH_PADDED);
	kith_write_u8(w, p->round);
	kith_write_u8(w, cs->generation);
	kith_write_u16(w, random ? our_sockets(p, v) : 0);
	uint8_t *zeros = kith_write(w, KITH_PUNCH_PADDED - PUNCH_BODY);
	if (zeros != NULL)
		memset(zeros, 0, KITH_PUNCH_PADDED - PUNCH_BODY);
	kith_outbox_end(v->env->outbox);
}

bool kith_punch_charge(struct kith_punch *p, const struct kith_punch_view *v, struct kith_target *t)
{
	if (v->env->now - p->window_at >= KITH_PROBES_WINDOW_US) {
		p->window_at = v->env->now;
		p->window_sent = 0;
	}
	if (t->sent >= KITH_PROBES_PER_ADDRESS || p->window_sent >= KITH_PROBES_WINDOW)
		return false;
	if (t->guess && p->guessed >= KITH_PROBES_PER_ADDRESS) /* guessed ports are one machine's */
		return false;
	/* A connection that is to be tried must not starve for the probes before it. */
	const bool saves = p->connect_at != KITH_TIME_NEVER && kith_connections_named(&p->theirs);
	if (p->credit_bytes < KITH_PROBE_COST + (saves ? KITH_CONNECT_COST : 0))
		return false;
	p->credit_bytes -= KITH_PROBE_COST;
	p->guessed = (uint8_t)(p->guessed + t->guess);
	t->sent++;
	p->window_sent++;
	return true;
}

/* body: KITH_PROBE_PADDED pays for the answer; one that nobody will get needs no more than it has to say. */
static void send_probe(const struct kith_punch_view *v, const struct kith_hop *hop, struct kith_probe *probe,
		       uint8_t ttl, size_t body)
{
	struct kith_probe_frame f = { kith_probe_next(probe, v->env->random, v->env->now), KITH_PATH_ID_NONE, 0 };
	struct kith_writer *w = kith_outbox_begin(v->env->outbox, v->env->session, hop, ttl, KITH_FRAME_PROBE, body);
	kith_probe_write(w, &f, body);
	kith_outbox_end(v->env->outbox);
	kith_stats_add(v->env->stats, KITH_STAT_PROBES_SENT, 1);
}

static void probe(struct kith_punch *p, const struct kith_punch_view *v, struct kith_target *t, uint8_t ttl)
{
	if (!kith_punch_charge(p, v, t)) {
		kith_stats_add(v->env->stats, KITH_STAT_PROBES_LIMITED, 1);
		return;
	}
	send_probe(v, &t->hop, &t->probe, ttl, KITH_PROBE_PADDED);
	if (ttl != 0)
		journal(v, KITH_JOURNAL_OPENER, &t->hop, ttl);
}

/* ---- rounds ---- */

/* How this round tries. */
static void make_plan(struct kith_punch *p, const struct kith_punch_view *v)
{
	const struct kith_strategy *const *list = v->strategies != NULL ? v->strategies : kith_strategies;
	const struct kith_punch_question q = { &p->ours,	  &p->theirs, p->round,
					       our_sockets(p, v), p->sockets, v->initiator };
	char ours[KITH_NATCLASS_TEXT_MAX], theirs[KITH_NATCLASS_TEXT_MAX];
	const struct kith_strategy *s = kith_strategy_choose(list, &q, &p->plan);
	KITH_ASSERT(s != NULL); /* the last one takes everything */
	KITH_LOG(v->env->log, KITH_LOG_DEBUG, "punch_round session=%08x round=%u strategy=%s ours=\"%s\" theirs=\"%s\"",
		 v->env->session, p->round, s->name, kith_natclass_format(&p->ours.nat, ours),
		 kith_natclass_format(&p->theirs.nat, theirs));
}

/* ---- what costs many packets: a range of ports, a spread of sockets ---- */

static bool is_attested(const struct kith_punch *p, const struct kith_addr *at)
{
	return p->attested.family == at->family && memcmp(p->attested.ip, at->ip, sizeof at->ip) == 0;
}

static bool range_allowed(const struct kith_punch *p, const struct kith_punch_view *v)
{
	return v->allowed && !v->direct && p->plan.range_high != 0 && is_attested(p, &p->plan.range_at.addr);
}

/* Begins to try the plan's range, if a relay vouches for its address and the last attempt is long enough ago. */
static void range_begin(struct kith_punch *p, const struct kith_punch_view *v)
{
	if (!range_allowed(p, v) || p->range_at != KITH_TIME_NEVER || !kith_tries_may(&p->range_tries, v->env->now))
		return;
	kith_tries_note(&p->range_tries, v->env->now);
	p->range = (struct kith_ports){ p->plan.range_low, p->plan.range_high, p->plan.near_low, p->plan.near_high,
					kith_rng_u32(v->env->random) };
	p->range_sent = 0;
	p->range_n = kith_ports_count(&p->range);
	if (p->range_n > p->plan.range_most)
		p->range_n = p->plan.range_most;
	p->range_at = p->start_at > v->env->now ? p->start_at : v->env->now;
	kith_probe_anew(&p->range_probe);
}

/* One port of the range. */
static void range_tick(struct kith_punch *p, const struct kith_punch_view *v)
{
	struct kith_candidate c = { .at = p->plan.range_at, .kind = KITH_ADDR_PREDICTED };
	struct kith_hop hop = { .remote = c.at.addr };
	kith_time_us *all = v->env->paces != NULL ? &v->env->paces->range_at : NULL;
	if (!range_allowed(p, v) || p->range_sent >= p->range_n || p->range_sent >= KITH_PROBES_RANGE) {
		p->range_at = KITH_TIME_NEVER;
		return;
	}
	if (all != NULL && v->env->now < *all) { /* another session's turn */
		p->range_at = *all;
		return;
	}
	c.at.addr.port = hop.remote.port = kith_ports_at(&p->range, p->range_sent);
	p->range_sent++;
	p->range_at = v->env->now + KITH_PROBES_RANGE_PACE_US;
	if (kith_punch_check(p, v, &c, &hop) != KITH_REFUSAL_NONE)
		return;
	if (all != NULL)
		*all = p->range_at;
	send_probe(v, &hop, &p->range_probe, 0, KITH_PROBE_PADDED);
	if (p->range_sent == 1)
		journal(v, KITH_JOURNAL_GUESSED, &hop, p->range_n);
}

/* The peer's candidate at the address that a relay has named. NULL: none is. */
static const struct kith_candidate *spread_target(const struct kith_punch *p)
{
	for (unsigned i = 0; i < p->theirs.n; i++) {
		const struct kith_candidate *c = &p->theirs.list[i];
		if (c->kind != KITH_ADDR_PREDICTED && c->at.kind == KITH_TRANSPORT_UDP &&
		    kith_addr_scope(&c->at.addr) == KITH_SCOPE_PUBLIC && is_attested(p, &c->at.addr))
			return c;
	}
	return NULL;
}

static bool spread_allowed(const struct kith_punch *p, const struct kith_punch_view *v)
{
	return v->allowed && !v->direct && p->plan.spread > 0;
}

static void spread_begin(struct kith_punch *p, const struct kith_punch_view *v)
{
	const kith_time_us rtt = v->rtt_us != 0 ? v->rtt_us : 2 * KITH_PUNCH_OWD_US;
	if (spread_allowed(p, v) && kith_tries_may(&p->spread_tries, v->env->now))
		p->spread_at = p->start_at + rtt + KITH_SPREAD_AFTER_US;
}

static void spread_tick(struct kith_punch *p, const struct kith_punch_view *v)
{
	p->spread_at = KITH_TIME_NEVER;
	p->spread_due = spread_allowed(p, v) && spread_target(p) == NULL;
	if (p->spread_due || !spread_allowed(p, v) || !kith_tries_may(&p->spread_tries, v->env->now))
		return;
	if (v->env->sockets == 0) /* they are needed elsewhere by now */
		return;
	kith_tries_note(&p->spread_tries, v->env->now);
	p->spread_of = p->plan.spread < v->env->sockets ? p->plan.spread : v->env->sockets;
	p->spread_sent = 0;
	p->wants |= KITH_PUNCH_WANT_SOCKETS;
	kith_probe_anew(&p->spread_probe);
}

bool kith_punch_spread(struct kith_punch *p, const struct kith_punch_view *v, uint16_t transport)
{
	const struct kith_candidate *c = spread_allowed(p, v) ? spread_target(p) : NULL;
	struct kith_hop hop = { 0 };
	if (c == NULL || p->spread_sent >= p->spread_of || kith_punch_check(p, v, c, &hop) != KITH_REFUSAL_NONE ||
	    hop.remote.family != c->at.addr.family) /* our router is no NAT with ports to open, but a NAT64 */
		return false;
	hop.transport = transport;
	/* The second time they go all the way: some routers are further away than others. */
	const bool near = p->spread_tries.n == 1;
	send_probe(v, &hop, &p->spread_probe, near ? p->plan.opener_ttl : 0,
		   near ? KITH_PROBE_BODY : KITH_PROBE_PADDED);
	if (p->spread_sent++ == 0)
		journal(v, KITH_JOURNAL_SPREAD, &hop, 0);
	return true;
}

void kith_punch_attested(struct kith_punch *p, const struct kith_punch_view *v, const struct kith_addr *at)
{
	if (!is_attested(p, at))
		p->range_tries = p->spread_tries = (struct kith_tries){ p->range_tries.began, 0 };
	p->attested = *at;
	range_begin(p, v);
	if (p->spread_due)
		spread_tick(p, v);
}

/* Connections: while no direct path is there. */
static bool may_connect(const struct kith_punch_view *v)
{
	return v->allowed && !v->direct && !v->connected;
}

/* When it is time for connections, if no direct path is there by then; and who cannot hope for UDP listens at once. */
static void connect_begin(struct kith_punch *p, const struct kith_punch_view *v)
{
	const bool hopeless = kith_connections_alone(&p->theirs, v->env->transports);
	kith_time_us at = v->env->now + (hopeless ? KITH_CONNECT_SOON_US : v->rtt_us + KITH_CONNECT_LATER_US);
	if (!may_connect(v))
		return;
	if (!v->initiator && kith_connections_open(&p->ours))
		at += KITH_CONNECT_TURN_US;
	if (hopeless)
		p->wants |= KITH_PUNCH_WANT_LISTENER;
	p->connect_at = at < p->connect_at ? at : p->connect_at;
}

/* A PROBE over a connection to that candidate. False: not to that one, or not now. */
static bool connect_to(struct kith_punch *p, const struct kith_punch_view *v, const struct kith_candidate *c)
{
	struct kith_hop hop = { 0 };
	const int place = kith_connections_place(&p->connections, &c->at.addr, v->env->now);
	if (place < 0)
		return false;
	const enum kith_refusal refusal = kith_punch_check(p, v, c, &hop);
	if (refusal == KITH_REFUSAL_NONE && p->credit_bytes < KITH_CONNECT_COST) {
		kith_stats_add(v->env->stats, KITH_STAT_PROBES_LIMITED, 1);
		return false;
	}
	kith_connections_note(&p->connections, place, &c->at.addr, v->env->now); /* also of what is refused: once */
	if (refusal != KITH_REFUSAL_NONE) {
		kith_stats_add(v->env->stats, KITH_STAT_CANDIDATES_REFUSED, 1);
		journal(v, KITH_JOURNAL_REFUSED, &hop, refusal);
		return false;
	}
	struct kith_target *t = &p->connecting[place];
	*t = (struct kith_target){ .hop = hop, .sent = 1, .taken = v->adopt(v->ps, &hop) };
	if (t->taken)
		return false;
	p->credit_bytes -= KITH_CONNECT_COST;
	send_probe(v, &hop, &t->probe, 0, KITH_PROBE_PADDED);
	journal(v, KITH_JOURNAL_CONNECTING, &hop, 0);
	return true;
}

static void connect_tick(struct kith_punch *p, const struct kith_punch_view *v)
{
	kith_time_us *all = v->env->paces != NULL ? &v->env->paces->connect_at : NULL;
	p->connect_at = KITH_TIME_NEVER;
	if (!may_connect(v))
		return;
	p->wants |= KITH_PUNCH_WANT_LISTENER;
	p->tcp = true;
	if (all != NULL && v->env->now < *all && kith_connections_named(&p->theirs)) {
		p->connect_at = *all; /* another session's turn */
		return;
	}
	for (unsigned i = 0; i < p->theirs.n; i++) {
		if (!kith_connections_takes(&p->theirs.list[i]) || !connect_to(p, v, &p->theirs.list[i]))
			continue;
		p->connect_at = v->env->now + KITH_CONNECT_PACE_US;
		if (all != NULL)
			*all = p->connect_at;
		return;
	}
}

/* The schedule from start_at on; openers leave now. */
static void begin_probing(struct kith_punch *p, const struct kith_punch_view *v, kith_time_us start_at)
{
	make_plan(p, v);
	kith_punch_choose_targets(p, v);
	for (unsigned i = 0; i < p->n_targets; i++)
		p->targets[i].sent = 0;
	p->guessed = 0;
	p->state = KITH_PUNCH_PROBING;
	p->step = 0;
	p->start_at = start_at;
	p->next_at = start_at;
	p->started_at = v->env->now;
	kith_stats_add(v->env->stats, KITH_STAT_PUNCH_ROUNDS, 1);
	journal(v, KITH_JOURNAL_ROUND, NULL, p->round);
	for (unsigned i = 0; i < p->n_targets && p->plan.opener_ttl != 0; i++) {
		struct kith_target *t = &p->targets[i];
		if (!t->taken && t->open && (!t->guess || p->plan.guess_openers))
			probe(p, v, t, p->plan.opener_ttl);
	}
	if (p->plan.spread > 0 || p->plan.range_high != 0)
		p->wants |= KITH_PUNCH_WANT_LEG;
	range_begin(p, v);
	spread_begin(p, v);
	connect_begin(p, v);
}

static bool same_list(const struct kith_candidates *cs, const struct kith_candidate list[], size_t n,
		      const struct kith_natclass *nat)
{
	return kith_natclass_equal(&cs->nat, nat) && kith_candidates_same(cs->list, cs->n, list, n);
}

/* What is named of our own in this round. False: what was named before. */
static bool choose_ours(struct kith_punch *p, const struct kith_punch_view *v, const struct kith_natclass *nat)
{
	struct kith_candidate list[KITH_CANDIDATES_MAX];
	size_t n = kith_offer_choose(&p->own, &p->theirs, p->round, list);
	if (same_list(&p->ours, list, n, nat))
		return false;
	p->ours.generation = (uint8_t)(p->ours.generation == UINT8_MAX ? 1 : p->ours.generation + 1);
	p->ours.nat = *nat;
	p->ours.n = (uint8_t)n;
	for (size_t i = 0; i < n; i++) {
		p->ours.list[i] = list[i];
		if (v->allowed)
			journal_addr(v, KITH_JOURNAL_OFFERED, &list[i].at.addr, 0);
	}
	return true;
}

/* What was foretold of our ports is old by now: the owner names it anew (kith_punch_offer), and the round waits. */
static bool renew(struct kith_punch *p, const struct kith_punch_view *v)
{
	if (v->direct || !kith_natclass_steps(&p->ours.nat))
		return false;
	p->renewing = true;
	p->wants |= KITH_PUNCH_WANT_OFFER;
	return true;
}

static void offer_round(struct kith_punch *p, const struct kith_punch_view *v)
{
	p->renewing = false;
	p->round = (uint8_t)(p->round == UINT8_MAX ? 1 : p->round + 1);
	(void)choose_ours(p, v, &p->ours.nat);
	p->state = KITH_PUNCH_OFFERED;
	p->offers = 0;
	p->started_at = v->env->now;
	p->next_at = v->env->now;
	kith_punch_tick(p, v);
}

/* The responder's. */
static void again_if_asked(struct kith_punch *p, const struct kith_punch_view *v)
{
	if (p->asked && p->theirs.generation != 0) {
		p->asked = p->renewing = false;
		send_offer(p, v, true);
		begin_probing(p, v, v->env->now + (v->rtt_us != 0 ? v->rtt_us / 2 : KITH_PUNCH_OWD_US));
	} else if (!p->asked && p->told != 0 && p->told != p->ours.generation) { /* the initiator knows an older list */
		p->state = KITH_PUNCH_TOLD;
		p->offers = 0;
		p->next_at = v->env->now;
		kith_punch_tick(p, v);
	}
}

void kith_punch_again(struct kith_punch *p, const struct kith_punch_view *v)
{
	if (!v->allowed || p->ours.n == 0 || v->direct)
		return;
	if (!v->initiator) {
		again_if_asked(p, v);
		return;
	}
	if (p->state == KITH_PUNCH_OFFERED || p->state == KITH_PUNCH_PROBING || p->state == KITH_PUNCH_WAITING)
		return;
	p->rounds = 0;
	offer_round(p, v);
}

void kith_punch_offer(struct kith_punch *p, const struct kith_punch_view *v, const struct kith_candidate list[],
		      size_t n, const struct kith_natclass *nat)
{
	KITH_ASSERT(n <= KITH_OWN_MAX);
	if (!p->renewing && kith_candidates_same(p->own.list, p->own.n, list, n) &&
	    kith_natclass_equal(&p->ours.nat, nat))
		return;
	p->own.n = (uint8_t)n;
	memcpy(p->own.list, list, n * sizeof list[0]);
	if (!choose_ours(p, v, nat) && !p->renewing)
		return;
	if (!v->allowed || v->direct || n == 0) {
		p->renewing = false;
		return;
	}
	if (!v->initiator) {
		again_if_asked(p, v);
		return;
	}
	p->rounds = p->renewing ? p->rounds : 0;
	offer_round(p, v);
}

int kith_punch_on_candidates(struct kith_punch *p, const struct kith_punch_view *v, struct kith_span body)
{
	struct kith_candidates cs;
	int err = kith_candidates_read(&cs, body);
	if (err != 0)
		return err;
	if (cs.generation == p->theirs.generation && same_list(&p->theirs, cs.list, cs.n, &cs.nat))
		return 0;
	bool other = p->theirs.n > 0;
	p->theirs = cs;
	for (unsigned i = 0; i < cs.n; i++)
		journal_addr(v, KITH_JOURNAL_RECEIVED, &cs.list[i].at.addr, 0);
	if (kith_connections_named(&cs))
		connect_begin(p, v);
	bool busy = p->state == KITH_PUNCH_OFFERED || v->env->now - p->started_at < KITH_PUNCH_RESTART_US;
	if (v->initiator && v->allowed && !v->direct && !busy && cs.n > 0 && p->ours.n > 0) {
		p->rounds = 0;
		offer_round(p, v);
	}
	return other;
}

/* Responder: answer, and begin when the answer arrives. */
static void answer_round(struct kith_punch *p, const struct kith_punch_view *v, uint8_t round)
{
	bool again = round == p->round && p->started_at != 0;
	bool flood = v->env->now - p->started_at < KITH_PUNCH_OFFER_US / 2 && p->started_at != 0;
	p->round = round;
	if (!v->consent || (v->allowed && p->ours.n == 0)) {
		p->asked = true;
		return;
	}
	if (flood || p->renewing)
		return;
	if (!again && v->allowed && renew(p, v)) {
		p->asked = true;
		return;
	}
	if (!again)
		(void)choose_ours(p, v, &p->ours.nat);
	send_offer(p, v, true);
	if (!v->allowed || again || p->theirs.n == 0) {
		if (!v->allowed)
			p->started_at = v->env->now;
		return;
	}
	begin_probing(p, v, v->env->now + (v->rtt_us != 0 ? v->rtt_us / 2 : KITH_PUNCH_OWD_US));
}

int kith_punch_on_punch(struct kith_punch *p, const struct kith_punch_view *v, struct kith_span body)
{
	struct kith_reader r = kith_reader_of_span(body);
	uint8_t round = kith_read_u8(&r);
	uint8_t generation = kith_read_u8(&r);
	uint16_t sockets = kith_reader_left(&r) >= 2 ? kith_read_u16(&r) : 0;
	if (r.bad || round == 0)
		return KITH_EPROTO;
	if (!v->initiator) {
		if (generation == p->theirs.generation) { /* else its CANDIDATES were lost, and come again */
			p->sockets = sockets;
			answer_round(p, v, round);
		}
		return 0;
	}
	if (p->state != KITH_PUNCH_OFFERED || round != p->round || generation != p->theirs.generation)
		return 0;
	p->sockets = sockets;
	if (p->theirs.n == 0 || !v->allowed) {
		journal(v, KITH_JOURNAL_NO_CANDIDATES, NULL, 0);
		p->state = KITH_PUNCH_QUIET;
		p->next_at = KITH_TIME_NEVER;
	} else {
		begin_probing(p, v, v->env->now + KITH_PUNCH_LEAD_US);
	}
	return 0;
}

/* ---- timers ---- */

static void tick_offer(struct kith_punch *p, const struct kith_punch_view *v)
{
	bool told = p->state == KITH_PUNCH_TOLD;
	if (p->offers >= (told ? KITH_PUNCH_OFFERS / 2 : KITH_PUNCH_OFFERS)) {
		p->state = told ? KITH_PUNCH_QUIET : KITH_PUNCH_PAUSED;
		p->rounds = KITH_PUNCH_ROUNDS;
		p->next_at =
			told ? KITH_TIME_NEVER : v->env->now + kith_rng_jitter(v->env->random, KITH_PUNCH_AGAIN_US, 10);
		return;
	}
	send_offer(p, v, !told);
	kith_time_us wait = KITH_PUNCH_OFFER_US << p->offers;
	p->offers++;
	if (wait > KITH_PUNCH_OFFER_MAX_US)
		wait = KITH_PUNCH_OFFER_MAX_US;
	if (wait < v->rtt_us * 3 / 2) /* the answer cannot be there yet */
		wait = v->rtt_us * 3 / 2;
	p->next_at = v->env->now + kith_rng_jitter(v->env->random, wait, 10);
}

static void tick_probing(struct kith_punch *p, const struct kith_punch_view *v)
{
	for (unsigned i = 0; i < p->n_targets; i++) {
		struct kith_target *t = &p->targets[i];
		if (t->taken || (t->guess && (p->plan.guess_steps >> p->step & 1) == 0) ||
		    (t->relayed && (KITH_RELAYED_STEPS >> p->step & 1) == 0))
			continue;
		probe(p, v, t, 0);
		if (p->step == 0 && (!t->guess || i == 0)) /* of guesses one stands for all */
			journal(v, KITH_JOURNAL_PROBED, &t->hop, t->sent);
	}
	p->step++;
	if (p->step == p->plan.steps || (v->direct && p->step >= p->plan.enough)) {
		p->state = KITH_PUNCH_WAITING;
		p->next_at = v->env->now + 2 * v->rtt_us + KITH_PUNCH_GRACE_US;
	} else {
		p->next_at = p->start_at + kith_rng_jitter(v->env->random, p->plan.at_us[p->step], 10);
	}
}

static void tick_waiting(struct kith_punch *p, const struct kith_punch_view *v)
{
	p->state = KITH_PUNCH_QUIET;
	p->next_at = KITH_TIME_NEVER;
	if (v->direct) {
		p->rounds = 0;
		return;
	}
	for (unsigned i = 0; i < p->n_targets; i++) {
		if (!p->targets[i].taken && (!p->targets[i].guess || i == 0))
			journal(v, KITH_JOURNAL_UNANSWERED, &p->targets[i].hop, p->targets[i].sent);
	}
	journal(v, KITH_JOURNAL_FAILED_ROUND, NULL, p->round);
	if (!v->initiator)
		return;
	if (p->rounds < KITH_PUNCH_ROUNDS)
		p->rounds++;
	kith_time_us pause =
		p->rounds < KITH_PUNCH_ROUNDS ? KITH_PUNCH_PAUSE_US << (p->rounds - 1) : KITH_PUNCH_AGAIN_US;
	p->state = KITH_PUNCH_PAUSED;
	p->next_at = v->env->now + kith_rng_jitter(v->env->random, pause, 10);
}

static void tick_paused(struct kith_punch *p, const struct kith_punch_view *v)
{
	if (v->direct || (p->rounds >= KITH_PUNCH_ROUNDS && !v->used)) {
		p->state = KITH_PUNCH_QUIET; /* data that starts again, or a dying direct path, begins a round */
		p->next_at = KITH_TIME_NEVER;
		return;
	}
	if (p->renewing || !renew(p, v))
		offer_round(p, v);
	else
		p->next_at = v->env->now + KITH_PUNCH_RENEW_US;
}

void kith_punch_tick(struct kith_punch *p, const struct kith_punch_view *v)
{
	if (v->env->now >= p->range_at)
		range_tick(p, v);
	if (v->env->now >= p->spread_at)
		spread_tick(p, v);
	if (v->env->now >= p->connect_at)
		connect_tick(p, v);
	if (v->env->now < p->next_at)
		return;
	if (!v->allowed) {
		p->state = KITH_PUNCH_QUIET;
		p->next_at = KITH_TIME_NEVER;
		return;
	}
	switch ((enum kith_punch_state)p->state) {
	case KITH_PUNCH_QUIET:
		p->next_at = KITH_TIME_NEVER;
		break;
	case KITH_PUNCH_OFFERED:
	case KITH_PUNCH_TOLD:
		tick_offer(p, v);
		break;
	case KITH_PUNCH_PROBING:
		tick_probing(p, v);
		break;
	case KITH_PUNCH_WAITING:
		tick_waiting(p, v);
		break;
	case KITH_PUNCH_PAUSED:
		tick_paused(p, v);
		break;
	}
}
