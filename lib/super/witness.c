#include "super/witness.h"

#include "base/addr.h"
#include "base/alloc.h"
#include "base/bytes.h"
#include "base/rng.h"
#include "link/connect.h"
#include "overlay/burst.h"
#include "overlay/witnesses.h"
#include "super/knock.h"
#include "wire/message_attest.h"

#define AGAIN_US (1 * KITH_US_PER_S) /* the candidate is measured by somebody else */
#define SILENT_US (300 * KITH_US_PER_MS)
#define TELL_US (8 * KITH_US_PER_S)
#define OPEN_US (1 * KITH_US_PER_S)
#define KNOCKER_US (1500 * KITH_US_PER_MS) /* a leaf that has not answered by then may be gone */
#define KNOCK_LOOK_US (400 * KITH_US_PER_MS) /* its packet comes about when its answer does */
enum { KNOCKS = 3, LOOKS = 2 }; /* a packet is lost now and then, on lines that are good enough */

static const struct kith_span nothing = { NULL, 0 };

struct task {
	struct kith_id id; /* supernode id of the candidate */
	struct kith_key device;
	struct kith_endpoint endpoint;
	uint32_t up, down; /* the operator's caps */
	uint16_t held_len;
	uint8_t held[KITH_ATTESTS_LEN_MAX];
};

struct dialled {
	uint64_t device, prefix;
	kith_time_us at; /* 0: empty */
};

enum step {
	STEP_IDLE,
	STEP_OPENING, /* until there is a port to dial from */
	STEP_DIALLING, /* until the session is open */
	STEP_KNOCK_ASKED, /* a stranger is to knock at it */
	STEP_KNOCK_LOOK, /* has it knocked? */
	STEP_KNOCK_WAIT, /* not yet */
	STEP_TURN, /* until the candidate lets us measure; the shortest of its answers is the round trip */
	STEP_UP_ASKED, /* a round towards us was ordered */
	STEP_UP, /* it comes */
	STEP_DOWN, /* a round goes out */
	STEP_DOWN_ASKED, /* what came of it? */
	STEP_TOLD /* the attestation is on its way */
};

struct kith_witness {
	struct kith_timer timer;
	struct task queue[KITH_WITNESS_QUEUE]; /* the first one is the candidate that is measured, unless IDLE */
	uint8_t queued;
	enum step step;
	uint32_t number; /* of the candidate that is measured: answers to former ones are late */
	uint32_t session;
	uint32_t opening; /* the effect that opens the port; 0: none */
	uint16_t port; /* the transport that was opened ... */
	bool has_port; /* ... if it was */
	kith_time_us give_up_at, asked_at, next_at, rtt;
	struct kith_burst up, down;
	struct kith_burst_heard heard; /* the round that comes */
	struct kith_burst_train train; /* the round that goes out */
	uint8_t key[KITH_BURST_KEY_LEN]; /* of the nonces */
	struct kith_knock knock;
	uint8_t knocks, looks; /* how often it was to knock; and was looked for since the last time */
	struct dialled dialled[KITH_WITNESS_REMEMBERED];
};

static void wake(struct kith_core *c, kith_time_us at)
{
	struct kith_timer *t = &c->super->witness->timer;
	if (at == KITH_TIME_NEVER || (kith_timer_is_set(t) && t->at <= at))
		return;
	if (kith_timers_set(&c->timers, t, at) != 0)
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
}

static struct kith_witness *desk(struct kith_core *c)
{
	struct kith_supernode *sn = c->super;
	if (sn->witness == NULL)
		sn->witness = KITH_NEW(c->alloc, struct kith_witness);
	if (sn->witness != NULL)
		sn->witness->timer.kind = KITH_TIMER_WITNESS;
	return sn->witness;
}

/* ---- a port to dial from ---- */

/* What was opened for an effect; NULL: nothing. */
static const struct kith_transport_kept *opened_for(const struct kith_core *c, uint32_t effect)
{
	for (uint16_t i = 0; i < c->transports.n; i++)
		if (c->transports.at[i].effect == effect)
			return &c->transports.at[i];
	return NULL;
}

static bool open_port(struct kith_core *c, uint8_t family)
{
	const struct kith_effect e = { .type = KITH_EFFECT_OPEN,
				       .deadline = c->now.mono_us + OPEN_US,
				       .count = 1,
				       .kind = KITH_TRANSPORT_UDP,
				       .family = family,
				       .purpose = KITH_PURPOSE_PUNCH };
	return kith_effects_begin(&c->effects, &e, KITH_OWNER_WITNESS, 0, &c->super->witness->opening) == 0;
}

/* One that is being opened is closed by the host; else the packets that end the session go out first. */
static void close_port(struct kith_core *c)
{
	struct kith_witness *w = c->super->witness;
	const struct kith_effect e = { .type = KITH_EFFECT_CLOSE, .deadline = KITH_TIME_NEVER, .transport = w->port };
	uint32_t id;
	if (w->opening != 0)
		kith_effects_cancel(&c->effects, w->opening);
	if (w->has_port && kith_effects_begin(&c->effects, &e, KITH_OWNER_NONE, 0, &id) != 0)
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
	w->opening = 0;
	w->has_port = false;
}

void kith_witness_deinit(struct kith_core *c)
{
	struct kith_witness *w = c->super->witness;
	if (w == NULL)
		return;
	close_port(c);
	kith_timers_stop(&c->timers, &w->timer);
	KITH_FREE(c->alloc, w);
	c->super->witness = NULL;
}

/* ---- one after the other ---- */

/* Whatever came of the first candidate, the next one has its turn. */
static void finish(struct kith_core *c, const char *how)
{
	struct kith_witness *w = c->super->witness;
	struct kith_session *s = kith_sessions_get(&c->sessions, w->session);
	KITH_LOG(c->log, KITH_LOG_DEBUG, "witness %s up=%u down=%u", how, w->up.best, w->down.best);
	w->step = STEP_IDLE;
	w->session = 0;
	w->queued--;
	memmove(&w->queue[0], &w->queue[1], w->queued * sizeof w->queue[0]);
	if (s != NULL && s->state != KITH_SESSION_CLOSED)
		kith_session_end(c, s, KITH_CLOSE_NORMAL, false);
	close_port(c);
	w->next_at = c->now.mono_us;
	if (w->queued > 0)
		wake(c, w->next_at);
}

static struct kith_session *session_of(struct kith_core *c)
{
	struct kith_session *s = kith_sessions_get(&c->sessions, c->super->witness->session);
	return s != NULL && s->state == KITH_SESSION_OPEN ? s : NULL;
}

static void measure(struct kith_core *c, enum step step, const struct kith_msg_measure *m)
{
	struct kith_witness *w = c->super->witness;
	struct kith_session *s = session_of(c);
	uint8_t body[64];
	const struct kith_span span = { body, kith_msg_measure_write(body, sizeof body, m) };
	w->step = step;
	w->asked_at = c->now.mono_us;
	if (s == NULL ||
	    kith_session_request(c, s, KITH_REQ_MEASURE, span, kith_token(KITH_TOKEN_WITNESS, w->number)) != 0)
		finish(c, "cut");
}

static void dial(struct kith_core *c)
{
	struct kith_witness *w = c->super->witness;
	const struct task *t = &w->queue[0];
	const struct kith_msg_measure ping = { .packets = 0 };
	struct kith_host host = { .dh = t->device, .endpoints_n = 1 };
	uint8_t body[64];
	const struct kith_span span = { body, kith_msg_measure_write(body, sizeof body, &ping) };
	host.endpoints[0] = t->endpoint;
	w->step = STEP_DIALLING;
	if (kith_connect_witness(c, &host, w->has_port ? &w->port : NULL, KITH_REQ_MEASURE, span,
				 kith_token(KITH_TOKEN_WITNESS, w->number), &w->session) != 0)
		finish(c, "not_dialled");
}

void kith_witness_opened(struct kith_core *c, uint32_t effect)
{
	struct kith_witness *w = kith_serves(c) ? c->super->witness : NULL;
	if (w == NULL || w->step != STEP_OPENING || w->opening != effect)
		return;
	const struct kith_transport_kept *t = opened_for(c, effect);
	w->opening = 0;
	w->has_port = t != NULL;
	w->port = t != NULL ? t->id : 0;
	dial(c);
}

static void begin(struct kith_core *c)
{
	struct kith_witness *w = c->super->witness;
	w->number++;
	w->rtt = KITH_TIME_NEVER;
	w->give_up_at = c->now.mono_us + KITH_WITNESS_WINDOW_US;
	w->heard = (struct kith_burst_heard){ 0 };
	w->up = w->down = (struct kith_burst){ 0 };
	c->random->fill(c->random->ctx, w->key, sizeof w->key);
	wake(c, w->give_up_at);
	w->step = STEP_OPENING;
	if (!open_port(c, w->queue[0].endpoint.addr.family))
		dial(c);
}

/* ---- who may be measured ---- */

static bool is_live_member(const struct kith_core *c, const struct task *t)
{
	const struct kith_member *m = kith_members_get(&c->super->members, &t->id);
	return m != NULL && kith_member_live(m) && memcmp(m->blob->bytes, t->device.b, KITH_KEY_LEN) == 0;
}

/* Remembers that it is dialled; false: it was lately, or too many were. */
static bool remember(struct kith_core *c, const struct task *t)
{
	struct kith_witness *w = c->super->witness;
	const struct dialled now = { kith_bytes_number(t->device.b, 8), kith_addr_limit_prefix(&t->endpoint.addr),
				     c->now.mono_us };
	struct dialled *place = NULL;
	unsigned same_prefix = 0;
	for (size_t i = 0; i < KITH_WITNESS_REMEMBERED; i++) {
		struct dialled *d = &w->dialled[i];
		if (d->at == 0 || c->now.mono_us - d->at >= kith_pace_wait(c, KITH_WITNESS_AGAIN_US)) {
			place = place != NULL ? place : d;
			continue;
		}
		if (d->device == now.device)
			return false;
		same_prefix += d->prefix == now.prefix;
	}
	if (place == NULL || same_prefix >= KITH_WITNESS_PER_PREFIX)
		return false;
	*place = now;
	return true;
}

static uint8_t take(struct kith_core *c, const struct kith_msg_witness *m)
{
	struct task t = { .id = m->id, .device = m->device, .endpoint = m->endpoint, .up = m->up, .down = m->down };
	if (c->leaving || m->endpoint.kind != KITH_TRANSPORT_UDP || memcmp(m->device.b, c->self.dh_pk, 32) == 0 ||
	    !kith_witnesses_has(&c->super->members, &m->id, &c->now, &m->endpoint, &c->super->id))
		return KITH_STATUS_NOT_ALLOWED;
	/* Somebody that has spoken to us is let through by its own NAT. A supernode that serves speaks to everybody. */
	if (kith_sessions_of(&c->sessions, m->device.b) != NULL && !is_live_member(c, &t))
		return KITH_STATUS_NOT_ALLOWED;
	struct kith_witness *w = desk(c);
	if (w == NULL || w->queued == KITH_WITNESS_QUEUE)
		return KITH_STATUS_FULL;
	if (!remember(c, &t))
		return KITH_STATUS_LIMITED;
	t.held_len = (uint16_t)m->held.len;
	if (m->held.len > 0)
		memcpy(t.held, m->held.p, m->held.len);
	w->queue[w->queued++] = t;
	wake(c, c->now.mono_us);
	return KITH_STATUS_OK;
}

void kith_witness_on_request(struct kith_core *c, struct kith_session *s, const struct kith_request *request)
{
	struct kith_msg_witness m;
	uint8_t status = kith_msg_witness_read(&m, request->body) == 0 ? take(c, &m) : (uint8_t)KITH_STATUS_MALFORMED;
	if (status == KITH_STATUS_LIMITED)
		kith_stats_add(c->stats, KITH_STAT_REQUESTS_LIMITED, 1);
	kith_session_answer(c, s, request->id, status, nothing);
}

/* ---- whether strangers reach it ---- */

static void ask_turn(struct kith_core *c);

/* In a network in which no leaf consents, somebody has to be the first: the witness's own word is all there is. While
 * everybody begins, others may be about to consent. */
static void without_knock(struct kith_core *c, int err)
{
	const struct kith_witness *w = c->super->witness;
	const kith_time_us there = (c->now.mono_us - c->super->begun_at) * c->pace;
	if (err == KITH_ENOENT && w->knock.without == w->knock.n && there >= KITH_KNOCK_ALONE_US)
		ask_turn(c);
	else
		finish(c, "nobody_knocks");
}

static void knock(struct kith_core *c, bool another)
{
	struct kith_witness *w = c->super->witness;
	int err = 0;
	w->step = STEP_KNOCK_ASKED;
	w->next_at = c->now.mono_us + KNOCKER_US;
	w->looks = 0;
	wake(c, w->next_at);
	if (session_of(c) == NULL)
		finish(c, "cut");
	else if ((err = kith_knock_ask(c, &w->knock, another, kith_token(KITH_TOKEN_WITNESS, w->number))) != 0)
		without_knock(c, err);
}

static void have_knocked(struct kith_core *c)
{
	struct kith_witness *w = c->super->witness;
	const struct kith_session *s = session_of(c);
	if (s == NULL) {
		finish(c, "cut");
		return;
	}
	kith_knock_begin(c, &w->knock, &w->queue[0].endpoint, kith_pathset_name_on(&s->paths, kith_session_hop(s)));
	w->knocks = 0;
	knock(c, true);
}

static void look_for_knock(struct kith_core *c)
{
	const struct kith_msg_measure m = { .knock = true };
	c->super->witness->looks++;
	measure(c, STEP_KNOCK_LOOK, &m);
}

/* The one that was to knock has answered. */
static void on_knocker(struct kith_core *c, const struct kith_answer *answer)
{
	struct kith_witness *w = c->super->witness;
	if (answer->err != 0) {
		if (answer->err == KITH_ENOENT)
			w->knock.without++;
		knock(c, true);
		return;
	}
	w->knocks++;
	look_for_knock(c);
}

static void on_looked(struct kith_core *c, const struct kith_answer *answer)
{
	struct kith_witness *w = c->super->witness;
	struct kith_msg_measured m;
	if (kith_msg_measured_read(&m, answer->body) == 0 && m.knock == w->knock.what.number) {
		ask_turn(c);
		return;
	}
	if (w->knocks == KNOCKS && w->looks == LOOKS) {
		finish(c, "strangers_do_not_reach_it");
		return;
	}
	w->step = STEP_KNOCK_WAIT;
	w->next_at = c->now.mono_us + KNOCK_LOOK_US;
	wake(c, w->next_at);
}

static void knock_again(struct kith_core *c)
{
	const struct kith_witness *w = c->super->witness;
	if (w->next_at > c->now.mono_us)
		wake(c, w->next_at);
	else if (w->step == STEP_KNOCK_ASKED)
		knock(c, true);
	else if (w->looks < LOOKS)
		look_for_knock(c);
	else
		knock(c, false);
}

/* ---- measuring ---- */

static void ask_turn(struct kith_core *c)
{
	const struct kith_msg_measure ping = { .packets = 0 };
	measure(c, STEP_TURN, &ping);
}

static void attest(struct kith_core *c);

static void go_down(struct kith_core *c)
{
	struct kith_witness *w = c->super->witness;
	if (!kith_burst_next(&w->down, w->rtt)) {
		attest(c);
		return;
	}
	w->step = STEP_DOWN;
	w->train = (struct kith_burst_train){
		.begun = c->now.mono_us, .rate = w->down.rate, .packets = w->down.packets, .round = w->down.round
	};
	wake(c, c->now.mono_us);
}

static void go_up(struct kith_core *c)
{
	struct kith_witness *w = c->super->witness;
	if (!kith_burst_next(&w->up, w->rtt)) {
		go_down(c);
		return;
	}
	const struct kith_msg_measure m = {
		.round = w->up.round, .send = true, .packets = w->up.packets, .rate = w->up.rate
	};
	measure(c, STEP_UP_ASKED, &m);
}

static void judge_up(struct kith_core *c)
{
	struct kith_witness *w = c->super->witness;
	bool this_one = w->heard.round == w->up.round;
	unsigned arrived = this_one ? w->heard.arrived : 0;
	kith_burst_judge(&w->up, arrived, kith_burst_span(arrived, w->heard.first_at, w->heard.last_at));
	go_up(c);
}

static void judge_down(struct kith_core *c, const struct kith_answer *answer)
{
	struct kith_witness *w = c->super->witness;
	struct kith_msg_measured m;
	unsigned arrived = 0;
	if (answer->err == 0 && kith_msg_measured_read(&m, answer->body) == 0)
		arrived = kith_burst_proven(c->suite, w->key, w->down.round, w->down.packets, m.got, m.proof);
	kith_burst_judge(&w->down, arrived, kith_burst_answered(&w->down, c->now.mono_us - w->train.begun, w->rtt));
	go_down(c);
}

static void send_due(struct kith_core *c)
{
	struct kith_witness *w = c->super->witness;
	struct kith_session *s = session_of(c);
	unsigned n = kith_burst_due(&w->train, c->now.mono_us);
	if (s == NULL) {
		finish(c, "cut");
		return;
	}
	if (n > 0 && kith_outbox_has_room(&c->shared->outbox, n)) {
		for (; n > 0; n--, w->train.sent++)
			kith_session_burst(c, s, w->train.round, w->train.sent,
					   kith_burst_nonce(c->suite, w->key, w->train.round, w->train.sent));
	}
	if (w->train.sent == w->train.packets) {
		const struct kith_msg_measure m = { .round = w->down.round,
						    .packets = w->down.packets,
						    .rate = w->down.rate };
		measure(c, STEP_DOWN_ASKED, &m);
		return;
	}
	kith_time_us next = kith_burst_due_at(&w->train);
	wake(c, next > c->now.mono_us ? next : c->now.mono_us + KITH_US_PER_MS);
}

bool kith_witness_on_burst(struct kith_core *c, struct kith_session *s, struct kith_span body)
{
	struct kith_witness *w = kith_serves(c) ? c->super->witness : NULL;
	uint8_t round;
	uint16_t seq;
	uint64_t nonce;
	if (!kith_burst_read(body, &round, &seq, &nonce))
		return false;
	bool wanted = w != NULL && w->session == s->index && (w->step == STEP_UP_ASKED || w->step == STEP_UP) &&
		      round == w->up.round && seq < w->up.packets;
	if (!wanted || !kith_burst_hear(&w->heard, round, seq, nonce, c->now.mono_us))
		return true;
	if (w->step == STEP_UP && w->heard.arrived == w->up.packets)
		judge_up(c);
	return true;
}

/* ---- what was found ---- */

static void history_of(struct kith_core *c, const struct kith_qualify_who *who, struct kith_history *out)
{
	const struct task *t = &c->super->witness->queue[0];
	kith_members_history(&c->super->members, &c->now, who, (struct kith_span){ t->held, t->held_len }, out);
}

/* Whom the session is with: the candidate that was named, at the address that was dialled. False: not so. */
static bool is_candidate(struct kith_core *c, const struct kith_session *s, struct kith_person *person)
{
	const struct task *t = &c->super->witness->queue[0];
	struct kith_id id;
	if (!kith_session_person(c, s, person) || !kith_key_equal(&person->device_dh, &t->device) ||
	    !kith_addr_equal(&kith_session_hop(s)->remote, &t->endpoint.addr))
		return false;
	if (!c->trust.open)
		kith_ids_supernode(c->suite, &id, &c->trust.network, person->placement);
	else if (kith_ids_supernode_open(c->suite, &id, &c->trust.network, &person->identity, &t->endpoint.addr) != 0)
		return false;
	return memcmp(id.b, t->id.b, sizeof id.b) == 0;
}

static void attest(struct kith_core *c)
{
	struct kith_witness *w = c->super->witness;
	struct kith_session *s = session_of(c);
	const struct task *t = &w->queue[0];
	struct kith_person person;
	uint8_t bytes[KITH_ATTEST_LEN_MAX], body[KITH_ATTEST_LEN_MAX + 16];
	if (s == NULL || w->up.best == 0 || w->down.best == 0 || !is_candidate(c, s, &person)) {
		finish(c, "found_nothing");
		return;
	}
	const struct kith_qualify_who who = { .sign = person.device_sign, .identity = person.identity };
	struct kith_attest a = { .endpoint = t->endpoint,
				 .up = w->up.best,
				 .down = w->down.best,
				 .at_s = c->now.unix_ms / 1000,
				 .hours = KITH_ATTEST_HOURS_MAX };
	kith_home_tag(c->suite, a.candidate, &person.device_sign);
	memcpy(a.witness, c->super->id.b, sizeof a.witness);
	struct kith_history history;
	history_of(c, &who, &history);
	a.first_seen_s = history.first_seen_s;
	a.availability = history.availability;
	int len = kith_attest_make(c->suite, bytes, &a, c->self.sign_sk);
	if (len < 0) {
		finish(c, "not_signed");
		return;
	}
	const struct kith_msg_attested m = { .attest = { bytes, (size_t)len } };
	const struct kith_span span = { body, kith_msg_attested_write(body, sizeof body, &m) };
	w->step = STEP_TOLD;
	w->give_up_at = c->now.mono_us + TELL_US;
	wake(c, w->give_up_at);
	if (kith_session_request(c, s, KITH_REQ_ATTESTED, span, kith_token(KITH_TOKEN_WITNESS, w->number)) != 0)
		finish(c, "cut");
}

/* ---- answers and time ---- */

/* Former figures say where to begin, so that a line that is known costs little; they are not believed. */
static void begin_bursts(struct kith_core *c, const struct kith_session *s)
{
	struct kith_witness *w = c->super->witness;
	struct kith_history history = { 0 };
	struct kith_person person;
	if (is_candidate(c, s, &person)) {
		const struct kith_qualify_who who = { .sign = person.device_sign, .identity = person.identity };
		history_of(c, &who, &history);
	}
	const bool thorough = w->queued == 1; /* nobody waits */
	kith_burst_begin(&w->up, w->queue[0].up, history.up, thorough);
	kith_burst_begin(&w->down, w->queue[0].down, history.down, thorough);
}

static void on_turn(struct kith_core *c, const struct kith_session *s, const struct kith_answer *answer)
{
	struct kith_witness *w = c->super->witness;
	if (answer->err == KITH_ELIMIT) {
		w->next_at = c->now.mono_us + kith_rng_jitter(c->random, AGAIN_US, 50);
		wake(c, w->next_at);
		return;
	}
	w->give_up_at = c->now.mono_us + KITH_WITNESS_TURN_US;
	wake(c, w->give_up_at);
	begin_bursts(c, s);
	go_up(c);
}

static void on_ordered(struct kith_core *c)
{
	struct kith_witness *w = c->super->witness;
	w->step = STEP_UP;
	if (w->heard.round == w->up.round && w->heard.arrived == w->up.packets) {
		judge_up(c);
		return;
	}
	w->next_at = c->now.mono_us + SILENT_US + w->rtt;
	wake(c, w->next_at);
}

void kith_witness_on_answer(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer)
{
	struct kith_witness *w = kith_serves(c) ? c->super->witness : NULL;
	struct kith_person person;
	if (w == NULL || w->step == STEP_IDLE || kith_token_value(answer->token) != w->number)
		return;
	if (s->index != w->session) {
		if (w->step == STEP_KNOCK_ASKED && kith_knock_is_of(&w->knock, s))
			on_knocker(c, answer);
		return;
	}
	bool limited = answer->err == KITH_ELIMIT && (w->step == STEP_TURN || w->step == STEP_UP_ASKED);
	if (answer->err != 0 && !limited) {
		finish(c, w->step == STEP_DIALLING ? "not_reached" : "cut");
		return;
	}
	kith_time_us took = c->now.mono_us - w->asked_at;
	if ((w->step == STEP_TURN || w->step == STEP_UP_ASKED) && took < w->rtt)
		w->rtt = took;
	switch (w->step) {
	case STEP_DIALLING:
		if (is_candidate(c, s, &person))
			have_knocked(c);
		else
			finish(c, "somebody_else");
		return;
	case STEP_KNOCK_LOOK:
		on_looked(c, answer);
		return;
	case STEP_TURN:
		on_turn(c, s, answer);
		return;
	case STEP_UP_ASKED:
		if (limited) /* it sends no more: what was found so far is what there is */
			go_down(c);
		else
			on_ordered(c);
		return;
	case STEP_DOWN_ASKED:
		judge_down(c, answer);
		return;
	case STEP_TOLD:
		finish(c, "attested");
		return;
	case STEP_IDLE:
	case STEP_OPENING:
	case STEP_KNOCK_ASKED:
	case STEP_KNOCK_WAIT:
	case STEP_UP:
	case STEP_DOWN:
		return;
	}
}

void kith_witness_lost(struct kith_core *c, const struct kith_session *s)
{
	struct kith_witness *w = c->super->witness;
	if (w != NULL && w->step != STEP_IDLE && w->session == s->index)
		finish(c, "lost");
}

/* The packets of a round have stopped coming, or the last of them is late. */
static void look_up(struct kith_core *c)
{
	struct kith_witness *w = c->super->witness;
	bool some = w->heard.round == w->up.round;
	kith_time_us quiet = (some && w->heard.last_at > w->asked_at ? w->heard.last_at : w->asked_at) + w->rtt;
	w->next_at = quiet + SILENT_US;
	if (w->next_at <= c->now.mono_us)
		judge_up(c);
	else
		wake(c, w->next_at);
}

void kith_witness_tick(struct kith_core *c)
{
	struct kith_witness *w = c->super->witness;
	if (w->step != STEP_IDLE && w->give_up_at <= c->now.mono_us)
		finish(c, "too_slow");
	if (w->step == STEP_IDLE && w->queued > 0 && !c->leaving)
		begin(c);
	else if (w->step == STEP_TURN && w->next_at <= c->now.mono_us && w->next_at > w->asked_at)
		ask_turn(c);
	else if (w->step == STEP_KNOCK_ASKED || w->step == STEP_KNOCK_WAIT)
		knock_again(c);
	else if (w->step == STEP_UP)
		look_up(c);
	else if (w->step == STEP_DOWN)
		send_due(c);
	if (w->step != STEP_IDLE)
		wake(c, w->give_up_at);
	if (w->step == STEP_TURN && w->next_at > c->now.mono_us)
		wake(c, w->next_at);
}
