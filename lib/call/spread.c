#include "call/spread.h"

#include "base/alloc.h"

#define OPEN_US (2 * KITH_US_PER_S) /* some hundred sockets, on a busy machine */
#define LOOK_US (30 * KITH_US_PER_S)
enum {
	CLOSING_MAX = 8, /* at once: of the core's effects, some are left to others */
	LEAST_OF = KITH_SPREAD_SOCKETS / KITH_SPREAD_MIN /* one of so many that were asked for is enough */
};

enum step {
	STEP_IDLE, /* some are kept, or are being closed */
	STEP_OPENING,
	STEP_SENDING,
	STEP_WAITING /* for a hit */
};

struct port {
	uint32_t session; /* which it is for; 0: for none any more, it is to be closed */
	uint32_t effect; /* by which it was opened: an id of the host's may be another one's by now */
	uint16_t id;
	bool closing;
};

struct kith_spread {
	struct kith_timer timer;
	struct port *at;
	uint16_t n, cap;
	uint16_t next; /* whose packet is to leave */
	uint16_t least; /* of the spread under way: with fewer sockets nothing is sent */
	uint8_t step; /* enum step */
	uint8_t closing;
	uint32_t session; /* of the spread under way; 0: none is */
	uint32_t opening; /* effect */
	kith_time_us give_up_at;
};

static bool metered(const struct kith_core *c)
{
	return c->office != NULL && (c->office->hindrances & KITH_HINDRANCE_METERED) != 0;
}

static unsigned kept(const struct kith_spread *sp)
{
	unsigned n = 0;
	for (uint16_t i = 0; i < sp->n; i++)
		n += sp->at[i].session != 0;
	return n;
}

void kith_spread_allow(struct kith_core *c)
{
	const struct kith_spread *sp = c->spread;
	const bool busy = sp != NULL && (sp->session != 0 || kept(sp) >= KITH_SPREAD_KEPT);
	c->env.sockets = busy || metered(c) || c->leaving ? 0 : KITH_SPREAD_SOCKETS;
}

static void wake(struct kith_core *c, kith_time_us at)
{
	if (kith_timers_set(&c->timers, &c->spread->timer, at) != 0)
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
}

void kith_spread_deinit(struct kith_core *c)
{
	struct kith_spread *sp = c->spread;
	if (sp == NULL)
		return;
	kith_timers_stop(&c->timers, &sp->timer);
	KITH_FREE_ARRAY(c->alloc, sp->at, sp->cap);
	KITH_FREE(c->alloc, sp);
	c->spread = NULL;
}

/* ---- closing ---- */

static bool is_ours(const struct kith_core *c, const struct port *p)
{
	struct kith_transport t;
	return kith_transports_get(&c->transports, p->id, &t) && t.effect == p->effect;
}

static void begin_close(struct kith_core *c, struct port *p)
{
	const struct kith_effect e = { .type = KITH_EFFECT_CLOSE,
				       .deadline = c->now.mono_us + OPEN_US,
				       .transport = p->id };
	uint32_t id;
	if (kith_effects_begin(&c->effects, &e, KITH_OWNER_SPREAD, 0, &id) != 0)
		return; /* others are under way; the next look tries again */
	p->closing = true;
	c->spread->closing++;
}

/* Forgets those that are closed, and has some of the others closed that are not wanted. What is left of memory fits. */
static void sweep(struct kith_core *c)
{
	struct kith_spread *sp = c->spread;
	uint16_t left = 0, next = sp->next;
	for (uint16_t i = 0; i < sp->n; i++) {
		struct port *p = &sp->at[i];
		if (!is_ours(c, p)) {
			next = (uint16_t)(next - (i < sp->next));
			continue;
		}
		if (p->session == 0 && !p->closing && sp->closing < CLOSING_MAX)
			begin_close(c, p);
		sp->at[left++] = *p;
	}
	sp->n = left;
	sp->next = next;
	if (sp->n == 0 && sp->session == 0) {
		kith_spread_deinit(c);
	} else if (sp->session == 0) {
		struct port *less = kith_alloc_resize(c->alloc, sp->at, sp->cap * sizeof *less, sp->n * sizeof *less);
		sp->at = less != NULL ? less : sp->at;
		sp->cap = less != NULL ? sp->n : sp->cap;
		if (!kith_timer_is_set(&sp->timer))
			wake(c, c->now.mono_us + LOOK_US);
	}
	kith_spread_allow(c);
}

/* ---- a spread ---- */

/* Which sockets of a session carry a path. */
static void release(struct kith_core *c, const struct kith_session *s)
{
	struct kith_spread *sp = c->spread;
	const bool open = s->state == KITH_SESSION_OPEN;
	for (uint16_t i = 0; i < sp->n; i++)
		if (sp->at[i].session == s->index && !(open && kith_pathset_uses(&s->paths, sp->at[i].id)))
			sp->at[i].session = 0;
}

static void finish(struct kith_core *c, const struct kith_session *s, const char *how)
{
	struct kith_spread *sp = c->spread;
	KITH_LOG(c->log, KITH_LOG_DEBUG, "spread %s session=%08x sockets=%u sent=%u", how, sp->session, sp->n,
		 sp->next);
	if (sp->opening != 0)
		kith_effects_cancel(&c->effects, sp->opening);
	sp->session = sp->opening = 0;
	sp->step = STEP_IDLE;
	release(c, s);
	sweep(c);
}

void kith_spread_begin(struct kith_core *c, const struct kith_session *s)
{
	const uint16_t n = kith_pathset_spread_of(&s->paths);
	const struct kith_effect e = { .type = KITH_EFFECT_OPEN,
				       .deadline = c->now.mono_us + OPEN_US,
				       .count = n < c->env.sockets ? n : c->env.sockets,
				       .kind = KITH_TRANSPORT_UDP,
				       .family = KITH_FAMILY_V4,
				       .purpose = KITH_PURPOSE_PUNCH };
	if (e.count == 0 || c->leaving)
		return; /* another session has begun meanwhile */
	if (c->spread == NULL)
		c->spread = KITH_NEW(c->alloc, struct kith_spread);
	struct kith_spread *sp = c->spread;
	if (sp == NULL) {
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
		return;
	}
	sp->timer.kind = KITH_TIMER_SPREAD;
	if (kith_effects_begin(&c->effects, &e, KITH_OWNER_SPREAD, 0, &sp->opening) != 0) {
		sweep(c);
		return;
	}
	sp->session = s->index;
	sp->least = (uint16_t)((e.count + LEAST_OF - 1) / LEAST_OF);
	sp->step = STEP_OPENING;
	kith_spread_allow(c);
}

/* Takes up what was opened. False: no memory. */
static bool gather(struct kith_core *c, uint32_t effect)
{
	struct kith_spread *sp = c->spread;
	uint16_t n = 0;
	sp->next = sp->n;
	for (uint16_t i = 0; i < c->transports.n; i++)
		n = (uint16_t)(n + (c->transports.at[i].effect == effect));
	if (n == 0)
		return true;
	const uint16_t cap = (uint16_t)(sp->n + n);
	struct port *more = kith_alloc_resize(c->alloc, sp->at, sp->cap * sizeof *more, cap * sizeof *more);
	if (more == NULL)
		return false;
	sp->at = more;
	sp->cap = cap;
	for (uint16_t i = 0; i < c->transports.n; i++)
		if (c->transports.at[i].effect == effect)
			sp->at[sp->n++] =
				(struct port){ .session = sp->session, .effect = effect, .id = c->transports.at[i].id };
	return true;
}

static void opened(struct kith_core *c, const struct kith_effect_end *end)
{
	struct kith_spread *sp = c->spread;
	const struct kith_session *s = kith_sessions_get(&c->sessions, sp->session);
	sp->opening = 0;
	if (!gather(c, end->id))
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
	const uint16_t n = (uint16_t)(sp->n - sp->next);
	if (s == NULL || end->err != 0 || n < sp->least) {
		for (uint16_t i = sp->next; i < sp->n; i++)
			sp->at[i].session = 0;
		sp->session = 0;
		sp->step = STEP_IDLE;
		sweep(c);
		return;
	}
	sp->step = STEP_SENDING;
	sp->give_up_at = c->now.mono_us + KITH_SPREAD_WAIT_US;
	wake(c, c->now.mono_us);
}

void kith_spread_ended(struct kith_core *c, const struct kith_effect_end *end)
{
	struct kith_spread *sp = c->spread;
	if (sp == NULL)
		return;
	if (end->type == KITH_EFFECT_OPEN && end->id == sp->opening) {
		opened(c, end);
	} else if (end->type == KITH_EFFECT_CLOSE) {
		sp->closing = (uint8_t)(sp->closing - (sp->closing > 0));
		sweep(c);
	}
}

/* ---- as time passes ---- */

static void send_burst(struct kith_core *c, struct kith_session *s)
{
	struct kith_spread *sp = c->spread;
	bool go = true;
	for (unsigned k = 0; k < KITH_SPREAD_BURST && go && sp->next < sp->n; k++)
		go = kith_pathset_spread(&s->paths, kith_env(c, s), sp->at[sp->next].id) && ++sp->next > 0;
	kith_session_touch(c, s);
	if (!go)
		finish(c, s, "not_wanted");
	else if (sp->next < sp->n)
		wake(c, c->now.mono_us + KITH_SPREAD_PACE_US);
	else {
		sp->step = STEP_WAITING;
		wake(c, sp->give_up_at);
	}
}

/* What is kept for no path is closed; what could not be closed, once more. */
static void look_at_kept(struct kith_core *c)
{
	struct kith_spread *sp = c->spread;
	for (uint16_t i = 0; i < sp->n; i++) {
		sp->at[i].closing = sp->at[i].closing && sp->closing > 0;
		const struct kith_session *s = kith_sessions_get(&c->sessions, sp->at[i].session);
		if (s != NULL)
			release(c, s);
		else
			sp->at[i].session = 0;
	}
	sweep(c);
}

void kith_spread_tick(struct kith_core *c)
{
	struct kith_spread *sp = c->spread;
	if (sp == NULL)
		return;
	struct kith_session *s = kith_sessions_get(&c->sessions, sp->session);
	if (sp->step == STEP_IDLE)
		look_at_kept(c);
	else if (sp->step == STEP_SENDING && s != NULL)
		send_burst(c, s);
	else if (sp->step == STEP_WAITING && s != NULL)
		finish(c, s, "missed");
}

void kith_spread_look(struct kith_core *c, const struct kith_session *s)
{
	struct kith_spread *sp = c->spread;
	if (sp == NULL)
		return;
	if (sp->session == s->index) {
		if (kith_pathset_is_plain(&s->paths))
			finish(c, s, "hit");
		return;
	}
	release(c, s);
	sweep(c);
}

void kith_spread_over(struct kith_core *c, const struct kith_session *s)
{
	struct kith_spread *sp = c->spread;
	if (sp == NULL)
		return;
	if (sp->session == s->index) {
		finish(c, s, "cut");
		return;
	}
	release(c, s);
	sweep(c);
}
