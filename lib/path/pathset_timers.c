/* What a path set does as time passes: keepalives, probes of what is in doubt, and what is given up. */
#include "path/pathset_internal.h"

enum {
	ASKED_MS = 12500, /* half of KITH_KEEPALIVE_US: of three homes that are kept alive in turn, the next but one */
	IDLE_ANSWER_US = 1000000, /* radios that sleep answer late, and homes may be busy */
	JITTER = 10,
	DEAD_TRIES = 5, /* 1 + 2 + 4 + 8 + 16 s */
	PAUSES_MAX = 10 /* doublings that make 1 s of any period */
};

static kith_time_us earlier(kith_time_us a, kith_time_us b)
{
	return a < b ? a : b;
}

bool kith_ps_keeps_alive(const struct kith_pathset *ps, const struct kith_path *p)
{
	if (kith_ps_has(ps, KITH_PATHSET_PEER))
		return kith_ps_has(ps, KITH_PATHSET_INITIATOR) || !kith_path_is_relay(p);
	return kith_ps_has(ps, KITH_PATHSET_HOME);
}

kith_time_us kith_ps_keepalive_us(const struct kith_pathset *ps, const struct kith_path_env *env,
				  const struct kith_path *p)
{
	if (kith_ps_has(ps, KITH_PATHSET_PEER))
		return KITH_PEER_KEEPALIVE_US;
	const bool measured = env->keepalive_us != 0 && p->hop.remote.family == KITH_FAMILY_V4 && !kith_path_waits(p);
	return measured ? env->keepalive_us : KITH_KEEPALIVE_US;
}

void kith_ps_rest(struct kith_pathset *ps, const struct kith_path_env *env, unsigned i)
{
	struct kith_path *p = kith_ps_path(ps, i);
	kith_time_us at = KITH_TIME_NEVER;
	if ((p->flags & KITH_PATH_CONFIRM) != 0)
		at = p->since + kith_path_schedule(p->step);
	else if (kith_ps_flow(ps) != NULL && i != ps->sending)
		at = env->now + kith_rng_jitter(env->random, KITH_STANDBY_US, JITTER);
	else if (kith_ps_keeps_alive(ps, p))
		at = (p->sent_at != 0 ? p->sent_at : env->now) +
		     kith_rng_jitter(env->random, kith_ps_keepalive_us(ps, env, p), JITTER);
	bool waits = p->since != 0 && (p->flags & KITH_PATH_CONFIRM) == 0;
	if (waits && at > p->since + KITH_PATH_UNANSWERED_US)
		at = p->since + KITH_PATH_UNANSWERED_US;
	kith_ps_due(ps, p, at > env->now ? at : env->now + 1);
}

/* Every third one of a session asks for an answer, and of those that are sent less often so many that a home which is
 * gone is noticed as soon. And a second one asks if no home has been asked for a while: so homes are asked in turn, not
 * all three at every third keepalive, and a leaf whose homes are all gone learns it sooner. */
static bool asks_now(const struct kith_pathset *ps, const struct kith_path_env *env, kith_time_us keepalive_us)
{
	const unsigned place = ps->keepalives % KITH_KEEPALIVE_ANSWERED;
	if (place == KITH_KEEPALIVE_ANSWERED - 1 || 2 * keepalive_us > KITH_KEEPALIVE_ANSWERED * KITH_KEEPALIVE_US)
		return true;
	if (place == 0) /* it was asked last */
		return false;
	const uint32_t now_ms = (uint32_t)(env->now / KITH_US_PER_MS);
	return keepalive_us > KITH_KEEPALIVE_US || (env->asked_ms != NULL && now_ms - *env->asked_ms >= ASKED_MS);
}

static uint8_t next_sequence(uint8_t last, bool asks)
{
	const unsigned next = asks ? (last / KITH_KEEPALIVE_ANSWERED + 1u) * KITH_KEEPALIVE_ANSWERED : last + 1u;
	if (next > UINT8_MAX)
		return asks ? KITH_KEEPALIVE_ANSWERED : 1;
	return (uint8_t)next;
}

static void send_keepalive(struct kith_pathset *ps, const struct kith_path_env *env, unsigned i, bool asks)
{
	struct kith_path *p = kith_ps_path(ps, i);
	struct kith_writer *w =
		kith_outbox_begin(env->outbox, env->session, &p->hop, 0, KITH_FRAME_KEEPALIVE, KITH_KEEPALIVE_BODY);
	ps->keepalives = next_sequence(ps->keepalives, asks);
	kith_write_u8(w, ps->keepalives);
	kith_write_zeros(w, KITH_KEEPALIVE_BODY - 1);
	kith_outbox_end(env->outbox);
	p->sent_at = env->now;
	kith_ps_rest(ps, env, i);
	if (!asks)
		return;
	p->tries = 1;
	kith_ps_due(ps, p, env->now + IDLE_ANSWER_US);
	if (env->asked_ms != NULL)
		*env->asked_ms = (uint32_t)(env->now / KITH_US_PER_MS);
}

void kith_pathset_rearm(struct kith_pathset *ps, const struct kith_path_env *env)
{
	for (unsigned i = 0; i < kith_ps_count(ps); i++) {
		const struct kith_path *p = kith_ps_path(ps, i);
		if (p->state != KITH_PATH_LIVE || p->tries != 0)
			continue;
		/* The last ones may not have asked, and the next would come late. */
		if (kith_ps_has(ps, KITH_PATHSET_HOME) && kith_ps_keepalive_us(ps, env, p) > KITH_KEEPALIVE_US)
			send_keepalive(ps, env, i, true);
		else
			kith_ps_rest(ps, env, i);
	}
}

static void ask_alive(struct kith_pathset *ps, const struct kith_path_env *env, struct kith_path *p, bool standby)
{
	kith_time_us wait = kith_path_period(p);
	(void)kith_ps_probe(ps, env, p);
	kith_ps_due(ps, p, env->now + (standby || wait > IDLE_ANSWER_US ? wait : IDLE_ANSWER_US));
}

/* The machine, and its radio, is awake for one path: the others that would wake it soon are kept alive with it. */
static void ask_along(struct kith_pathset *ps, const struct kith_path_env *env, unsigned but)
{
	for (unsigned i = 0; i < kith_ps_count(ps); i++) {
		struct kith_path *p = kith_ps_path(ps, i);
		bool rests = p->state == KITH_PATH_LIVE && p->tries == 0 && (p->flags & KITH_PATH_CONFIRM) == 0;
		if (i != but && rests && kith_ps_keeps_alive(ps, p) &&
		    env->now - p->sent_at >= kith_ps_keepalive_us(ps, env, p) / 2)
			ask_alive(ps, env, p, false);
	}
}

static void live_due(struct kith_pathset *ps, const struct kith_path_env *env, unsigned i)
{
	struct kith_path *p = kith_ps_path(ps, i);
	bool standby = kith_ps_flow(ps) != NULL && i != ps->sending;
	kith_time_us keepalive_us = kith_ps_keepalive_us(ps, env, p);
	if ((p->flags & KITH_PATH_CONFIRM) != 0) {
		(void)kith_ps_probe(ps, env, p);
		p->tries = 0; /* repetition, not doubt */
		if (++p->step >= KITH_CONFIRMATIONS) {
			p->flags &= (uint8_t)~KITH_PATH_CONFIRM;
			p->since = 0;
		}
		kith_ps_rest(ps, env, i);
	} else if (p->tries == 1 && i == ps->sending && kith_path_owes(p) > 0) {
		(void)kith_ps_probe(ps, env, p);
		kith_ps_due(ps, p, env->now + kith_path_period(p));
	} else if (p->tries == 1 && standby && env->now - p->heard_at < kith_path_period(p)) {
		ask_alive(ps, env, p,
			  true); /* the peer is heard on it: one probe or its answer was lost, most likely */
	} else if (p->tries > 0) {
		kith_ps_suspect(ps, env, i, kith_path_owes(p) > 0 ? KITH_CAUSE_SIZE : KITH_CAUSE_UNANSWERED);
	} else if (p->since != 0 && env->now - p->since >= KITH_PATH_UNANSWERED_US) {
		kith_ps_suspect(ps, env, i, KITH_CAUSE_UNANSWERED);
	} else if (!standby && !kith_ps_keeps_alive(ps, p)) {
		p->due_at = KITH_TIME_NEVER;
	} else if (!standby && p->sent_at != 0 && env->now - p->sent_at < keepalive_us - keepalive_us / JITTER) {
		kith_ps_rest(ps, env, i);
	} else if (kith_ps_has(ps, KITH_PATHSET_HOME)) {
		send_keepalive(ps, env, i, asks_now(ps, env, keepalive_us));
	} else if (standby || !kith_ps_let_go(ps, env) || p->state == KITH_PATH_LIVE) {
		ask_alive(ps, env, p, standby);
		if (!standby)
			ask_along(ps, env, i);
	}
}

void kith_ps_candidate_due(struct kith_pathset *ps, const struct kith_path_env *env, unsigned i)
{
	struct kith_path *p = kith_ps_path(ps, i);
	if ((p->flags & KITH_PATH_INITIAL) != 0) {
		p->due_at = KITH_TIME_NEVER;
	} else if (p->step >= KITH_PATH_STEPS) {
		kith_ps_journal(ps, env, KITH_JOURNAL_UNANSWERED, &p->hop, p->tries);
		kith_ps_remove(ps, env, i);
	} else {
		(void)kith_ps_probe(ps, env, p);
		p->step++;
		kith_time_us after = kith_path_schedule(p->step), last = kith_path_schedule(KITH_PATH_STEPS - 1);
		kith_time_us at =
			p->since + kith_rng_jitter(env->random, after == KITH_TIME_NEVER ? 2 * last : after, JITTER);
		/* One that was asked once more after its time (kith_pathset_hint) has time to answer, too. */
		if (after == KITH_TIME_NEVER && at < env->now + last / 2)
			at = env->now + last / 2;
		kith_ps_due(ps, p, at);
	}
}

bool kith_ps_has_other(const struct kith_pathset *ps, unsigned i)
{
	unsigned out[KITH_STANDBYS_MAX];
	if (i != ps->sending && ps->sending < kith_ps_count(ps) &&
	    kith_pathset_path(ps, ps->sending)->state == KITH_PATH_LIVE)
		return true;
	return kith_ps_standbys(ps, (int)i, out) > 0;
}

static void suspect_due(struct kith_pathset *ps, const struct kith_path_env *env, unsigned i)
{
	struct kith_path *p = kith_ps_path(ps, i);
	kith_time_us period = kith_path_period(p);
	if (!kith_ps_has_other(ps, i)) {
		p->owes_bytes = 0; /* better one for small packets than none */
		if (env->now - p->since >= KITH_PATH_ALL_DEAD_US) {
			kith_ps_dead(ps, env, i);
			return;
		}
		/* The first ones soon: a relay may learn meanwhile at which address we are now. */
		period = earlier(period << (p->tries < PAUSES_MAX ? p->tries : PAUSES_MAX), KITH_PROBE_FAST_US);
	} else if (env->now - p->since >= 2 * period) {
		kith_ps_dead(ps, env, i);
		return;
	}
	(void)kith_ps_probe(ps, env, p);
	kith_ps_due(ps, p, env->now + period);
	if (i == ps->sending && kith_ps_flow(ps) != NULL)
		kith_ps_repeat(ps, env); /* it is sure by now, and more may be spent */
}

/* A peer session that no path is left to may outlive that, and each path is a way back. */
static bool keeps_dead(const struct kith_pathset *ps)
{
	return kith_ps_has(ps, KITH_PATHSET_PEER) && ps->in_doubt;
}

static kith_time_us dead_wait(const struct kith_path *p, kith_time_us now, bool kept)
{
	if (!kept)
		return 2 * KITH_PROBE_FAST_US << p->tries;
	kith_time_us half = (now - p->since) / 2;
	half = half > KITH_PROBE_FAST_US ? half : KITH_PROBE_FAST_US;
	return earlier(half, KITH_DEAD_RETRY_MAX_US);
}

static void dead_due(struct kith_pathset *ps, const struct kith_path_env *env, unsigned i)
{
	struct kith_path *p = kith_ps_path(ps, i);
	bool closed = (p->flags & KITH_PATH_CLOSED) != 0;
	if (!closed && (p->tries < DEAD_TRIES || keeps_dead(ps))) {
		kith_time_us wait = dead_wait(p, env->now, keeps_dead(ps));
		(void)kith_ps_probe(ps, env, p);
		kith_ps_due(ps, p, env->now + kith_rng_jitter(env->random, wait, JITTER));
	} else if (kith_ps_count(ps) > 1) {
		if (!closed)
			kith_ps_journal(ps, env, KITH_JOURNAL_UNANSWERED, &p->hop, p->tries);
		kith_ps_remove(ps, env, i);
	} else {
		p->due_at = KITH_TIME_NEVER;
	}
}

static void path_due(struct kith_pathset *ps, const struct kith_path_env *env, unsigned i)
{
	switch ((enum kith_path_state)kith_ps_path(ps, i)->state) {
	case KITH_PATH_NONE:
		break;
	case KITH_PATH_CANDIDATE:
		kith_ps_candidate_due(ps, env, i);
		break;
	case KITH_PATH_LIVE:
		live_due(ps, env, i);
		break;
	case KITH_PATH_SUSPECT:
		suspect_due(ps, env, i);
		break;
	case KITH_PATH_DEAD:
		dead_due(ps, env, i);
		break;
	}
}

void kith_ps_free_more(struct kith_pathset *ps, const struct kith_alloc *alloc)
{
	if (ps->more == NULL)
		return;
	kith_ps_flow_free(ps, alloc);
	KITH_FREE(alloc, ps->more->punch);
	kith_journal_free(&ps->more->journal, alloc);
	KITH_FREE(alloc, ps->more);
	ps->more = NULL;
}

void kith_ps_settle(struct kith_pathset *ps, const struct kith_path_env *env)
{
	struct kith_pathset_more *m = ps->more;
	if (m == NULL || m->n_others > 0 || m->flow != NULL)
		return;
	bool holds = m->punch != NULL || m->journal != NULL;
	if (!holds || env->now - m->used_at >= KITH_PATH_MEMORY_US)
		kith_ps_free_more(ps, env->alloc);
	else
		kith_ps_arm(ps, m->used_at + KITH_PATH_MEMORY_US);
}

static void recompute(struct kith_pathset *ps)
{
	kith_time_us at = KITH_TIME_NEVER;
	for (unsigned i = 0; i < kith_ps_count(ps); i++)
		at = earlier(at, kith_ps_path(ps, i)->due_at);
	at = earlier(at, kith_ps_flow_deadline(ps));
	if (ps->more != NULL && ps->more->punch != NULL)
		at = earlier(at, kith_punch_deadline(ps->more->punch));
	if (ps->more != NULL && ps->more->better_since != 0)
		at = earlier(at, ps->more->better_since + KITH_SWITCH_HOLD_US);
	ps->deadline = at;
}

/* What the punch wants of the session's owner. */
static void hear_wants(struct kith_pathset *ps)
{
	struct kith_punch *punch = ps->more->punch;
	if (punch->wants & KITH_PUNCH_WANT_LEG)
		ps->news |= KITH_NEWS_WANT_LEG;
	if (punch->wants & KITH_PUNCH_WANT_SOCKETS)
		ps->news |= KITH_NEWS_WANT_SOCKETS;
	if (punch->wants & KITH_PUNCH_WANT_LISTENER)
		ps->news |= KITH_NEWS_WANT_LISTENER;
	if (punch->wants & KITH_PUNCH_WANT_OFFER)
		ps->news |= KITH_NEWS_WANT_OFFER;
	punch->wants = 0;
}

void kith_ps_punch_acted(struct kith_pathset *ps)
{
	if (ps->more == NULL || ps->more->punch == NULL)
		return;
	hear_wants(ps);
	kith_ps_arm(ps, kith_punch_deadline(ps->more->punch));
}

void kith_pathset_tick(struct kith_pathset *ps, const struct kith_path_env *env)
{
	if (env->now < ps->deadline)
		return;
	/* From the last to the first: removing one moves only the last. Each is looked at once more at most. */
	for (unsigned i = kith_ps_count(ps); i-- > 0;) {
		if (i < kith_ps_count(ps) && kith_ps_path(ps, i)->due_at <= env->now)
			path_due(ps, env, i);
	}
	kith_ps_flow_tick(ps, env);
	kith_ps_choose(ps, env);
	if (ps->more != NULL && ps->more->punch != NULL) {
		struct kith_punch_view view = kith_ps_view(ps, env);
		kith_punch_tick(ps->more->punch, &view);
		hear_wants(ps);
	}
	recompute(ps);
	kith_ps_settle(ps, env);
}
