#include "path/pathset_internal.h"
#include "path/transports.h"

/* ---- packets from unknown hops ---- */

static enum kith_refusal refuse_stranger(const struct kith_pathset *ps, const struct kith_path_env *env,
					 const struct kith_hop *hop)
{
	if (!kith_ps_has(ps, KITH_PATHSET_CONSENT))
		return KITH_REFUSAL_CONSENT;
	enum kith_refusal refusal = kith_ps_refuse(ps, env, hop);
	if (refusal != KITH_REFUSAL_NONE || hop->tunnel != 0)
		return refusal;
	return kith_candidate_check_source(&hop->remote, kith_ps_allow(ps));
}

/* Makes room among the strangers: the oldest goes. */
static void limit_strangers(struct kith_pathset *ps, const struct kith_path_env *env)
{
	unsigned n = 0;
	int oldest = -1;
	for (unsigned i = 0; i < kith_ps_count(ps); i++) {
		const struct kith_path *p = kith_ps_path(ps, i);
		if (!kith_ps_is_stranger(p))
			continue;
		n++;
		if (oldest < 0 || p->since < kith_ps_path(ps, (unsigned)oldest)->since)
			oldest = (int)i;
	}
	if (n >= KITH_STRANGERS_MAX)
		kith_ps_remove(ps, env, (unsigned)oldest);
}

int kith_ps_stranger(struct kith_pathset *ps, const struct kith_path_env *env, const struct kith_hop *hop, bool data)
{
	enum kith_refusal refusal = refuse_stranger(ps, env, hop);
	struct kith_target *t = NULL;
	int i = -1;
	if (refusal == KITH_REFUSAL_NONE) {
		t = kith_ps_target(ps, hop);
		if (t == NULL)
			limit_strangers(ps, env);
		bool moved = data || !kith_ps_has(ps, KITH_PATHSET_PEER);
		unsigned flags = (t == NULL ? KITH_PATH_STRANGER : 0u) | (moved ? KITH_PATH_MOVED : 0u);
		i = kith_ps_add(ps, env, hop, (uint8_t)flags);
		refusal = KITH_REFUSAL_FULL;
	}
	if (i < 0) {
		kith_stats_add(env->stats, KITH_STAT_PATH_REFUSED, 1);
		if (kith_ps_has(ps, KITH_PATHSET_CONSENT)) /* a stranger is not written about */
			kith_ps_journal(ps, env, KITH_JOURNAL_STRANGER_REFUSED, hop, refusal);
		return -1;
	}
	kith_ps_journal(ps, env, KITH_JOURNAL_HEARD, hop, 0);
	if (t != NULL) { /* probes that are out stay valid */
		t->taken = true;
		kith_ps_path(ps, (unsigned)i)->probe = t->probe;
	}
	return i;
}

/* ---- validation ---- */

static bool is_same_kind(const struct kith_path_env *env, const struct kith_path *p, const struct kith_path *q)
{
	const struct kith_transports *ts = env->transports;
	return ts == NULL || p->hop.transport == q->hop.transport ||
	       kith_transports_kind(ts, p->hop.transport) == kith_transports_kind(ts, q->hop.transport);
}

/* The path that the peer left when it moved to path i: of the same kind, and silent since. */
static int left_path(const struct kith_pathset *ps, const struct kith_path_env *env, unsigned i)
{
	const struct kith_path *p = kith_pathset_path(ps, i);
	int found = -1;
	for (unsigned k = 0; k < kith_ps_count(ps); k++) {
		const struct kith_path *q = kith_pathset_path(ps, k);
		if (k == i || q->state == KITH_PATH_CANDIDATE || q->hop.tunnel != p->hop.tunnel ||
		    q->heard_at >= p->since || !is_same_kind(env, p, q))
			continue;
		if (kith_ps_has(ps, KITH_PATHSET_PEER) && q->hop.remote.family != p->hop.remote.family)
			continue; /* a peer may use both */
		if (found < 0 || k == ps->sending)
			found = (int)k;
	}
	return found;
}

/* The peer came by another kind of transport, and had not left its path for an address of the same kind: whether that
 * path works still is asked. Moving without asking would take along the legs of tunnels, whose packets come as before.
 */
static void doubt_other_kind(struct kith_pathset *ps, const struct kith_path_env *env, unsigned i)
{
	if (ps->sending != i && !is_same_kind(env, kith_pathset_path(ps, i), kith_pathset_path(ps, ps->sending)))
		kith_ps_suspect(ps, env, ps->sending, KITH_CAUSE_ASKED);
}

/* Path i gets the place of the old one. Returns its index. */
static unsigned take_over(struct kith_pathset *ps, const struct kith_path_env *env, unsigned i, unsigned old)
{
	unsigned last = kith_ps_count(ps) - 1;
	struct kith_path *p = kith_ps_path(ps, i), *q = kith_ps_path(ps, old);
	if (p->peer_id == KITH_PATH_ID_NONE)
		p->peer_id = q->peer_id;
	struct kith_flow *flow = kith_ps_flow(ps);
	if (flow != NULL) {
		flow->acks[old] = flow->acks[i];
		if (flow->in_path == i)
			flow->in_path = (uint8_t)old;
	}
	struct kith_path moved = *p;
	*p = *q; /* the slot that goes */
	*q = moved;
	kith_stats_add(env->stats, KITH_STAT_PATHS_ROAMED, 1);
	ps->news |= KITH_NEWS_ROAMED;
	kith_ps_journal(ps, env, KITH_JOURNAL_ROAMED, &moved.hop, 0);
	kith_ps_remove(ps, env, i); /* which moves the last one there */
	return old == last ? i : old;
}

static void answer(struct kith_pathset *ps, const struct kith_path_env *env, unsigned i, uint64_t nonce)
{
	struct kith_path *p = kith_ps_path(ps, i);
	struct kith_probe_ack_frame f = { .nonce = nonce, .path = p->id };
	if (!kith_path_is_relay(p))
		f.observed = p->hop.remote;
	size_t len = KITH_PROBE_ACK_BODY_MAX;
	if (f.observed.family == KITH_FAMILY_V4)
		len -= 12;
	else if (f.observed.family == KITH_FAMILY_NONE)
		len -= KITH_ADDR_WIRE_MAX;
	if (!kith_ps_pay(p, len)) {
		kith_stats_add(env->stats, KITH_STAT_PROBES_LIMITED, 1);
		return;
	}
	struct kith_writer *w = kith_outbox_begin(env->outbox, env->session, &p->hop, 0, KITH_FRAME_PROBE_ACK, len);
	kith_probe_ack_write(w, &f);
	kith_outbox_end(env->outbox);
	p->sent_at = env->now;
	kith_stats_add(env->stats, KITH_STAT_PROBES_ANSWERED, 1);
}

void kith_ps_validated(struct kith_pathset *ps, const struct kith_path_env *env, unsigned i)
{
	struct kith_path *p = kith_ps_path(ps, i);
	bool moved = (p->flags & KITH_PATH_MOVED) != 0, peer = kith_ps_has(ps, KITH_PATHSET_PEER);
	bool initial = (p->flags & KITH_PATH_INITIAL) != 0, fresh = p->state == KITH_PATH_CANDIDATE;
	int old = moved && fresh ? left_path(ps, env, i) : -1;
	kith_path_set_state(p, KITH_PATH_LIVE);
	kith_ps_judge(ps);
	kith_ps_take_target(ps, &p->hop, true);
	p->tries = 0;
	if (fresh && peer && !initial)
		kith_ps_size_new(ps, p);
	p->flags &= (uint8_t) ~(KITH_PATH_STRANGER | KITH_PATH_MOVED | KITH_PATH_NEED_ANSWER);
	if (peer && fresh && !initial && p->step < KITH_CONFIRMATIONS)
		p->flags |= KITH_PATH_CONFIRM;
	else
		p->since = 0;
	kith_stats_add(env->stats, KITH_STAT_PATHS_VALIDATED, 1);
	kith_ps_journal(ps, env, KITH_JOURNAL_VALIDATED, &p->hop, p->srtt_us / 1000);
	if (!ps->validated) {
		ps->validated = true;
		ps->news |= KITH_NEWS_VALIDATED_FIRST;
	}
	if (initial && kith_path_is_direct(p))
		ps->upgraded = true; /* it never was anything else */
	if (old >= 0)
		i = take_over(ps, env, i, (unsigned)old);
	else if (moved && fresh)
		doubt_other_kind(ps, env, i);
	if (moved && fresh && !initial && !kith_path_is_relay(kith_ps_path(ps, i)))
		answer(ps, env, i, 0); /* it may not know that it has moved */
	kith_ps_rest(ps, env, i);
	kith_ps_choose(ps, env);
	kith_ps_trim(ps, env);
	kith_ps_count_relays(ps, env->now);
}

/* ---- frames ---- */

/* The peer's number for path i; a number names one path only. */
static void name_path(struct kith_pathset *ps, unsigned i, uint8_t peer_id)
{
	if (peer_id == KITH_PATH_ID_NONE || kith_ps_path(ps, i)->peer_id == peer_id)
		return;
	int other = kith_ps_find_id(ps, peer_id, true);
	if (other >= 0)
		kith_ps_path(ps, (unsigned)other)->peer_id = KITH_PATH_ID_NONE;
	kith_ps_path(ps, i)->peer_id = peer_id;
}

static int on_probe(struct kith_pathset *ps, const struct kith_path_env *env, int i, struct kith_span body)
{
	struct kith_probe_frame f;
	int err = kith_probe_read(&f, body);
	if (err != 0 || i < 0 || !kith_ps_has(ps, KITH_PATHSET_CONSENT))
		return err;
	struct kith_path *p = kith_ps_path(ps, (unsigned)i);
	if ((p->flags & KITH_PATH_CLOSED) != 0)
		return 0;
	name_path(ps, (unsigned)i, f.path);
	p->flags |= KITH_PATH_ASKED;
	if (p->state == KITH_PATH_CANDIDATE && p->step <= 1)
		kith_ps_journal(ps, env, KITH_JOURNAL_ANSWERED, &p->hop, 0);
	answer(ps, env, (unsigned)i, f.nonce);
	return 0;
}

/* Where the peer sees us. */
static void hear_seen(struct kith_pathset *ps, const struct kith_path_env *env, const struct kith_path *p,
		      const struct kith_probe_ack_frame *f)
{
	bool doubted = p->state == KITH_PATH_SUSPECT || p->state == KITH_PATH_DEAD;
	if (env->told == NULL || f->observed.family == KITH_FAMILY_NONE || !kith_path_is_direct(p))
		return;
	bool peer = kith_ps_has(ps, KITH_PATHSET_PEER) && f->nonce != 0 && !doubted;
	if (peer && p->state != KITH_PATH_CANDIDATE)
		return; /* an old path that works */
	*env->told = (struct kith_seen){ f->observed, p->hop.transport };
	ps->news |= peer ? KITH_NEWS_MET : KITH_NEWS_SEEN;
}

static int on_probe_ack(struct kith_pathset *ps, const struct kith_path_env *env, int at, struct kith_span body)
{
	struct kith_probe_ack_frame f;
	uint32_t rtt_us = 0;
	int err = kith_probe_ack_read(&f, body);
	if (err != 0 || at < 0 || (kith_ps_path(ps, (unsigned)at)->flags & KITH_PATH_CLOSED) != 0)
		return err;
	unsigned i = (unsigned)at;
	struct kith_path *p = kith_ps_path(ps, i);
	if (f.nonce == 0) { /* to a KEEPALIVE, or we have moved */
		if (p->state != KITH_PATH_CANDIDATE)
			hear_seen(ps, env, p, &f);
		if (kith_ps_has(ps, KITH_PATHSET_HOME) && p->state == KITH_PATH_LIVE) {
			p->tries = 0;
			kith_ps_rest(ps, env, i);
		}
		return 0;
	}
	struct kith_target *t = kith_ps_target(ps, &p->hop); /* the punch may have tried it while the path was dead */
	bool own = kith_probe_match(&p->probe, f.nonce, env->now, &rtt_us);
	if (!own && (t == NULL || !kith_probe_match(&t->probe, f.nonce, env->now, &rtt_us)))
		return 0;
	if (t != NULL && p->state == KITH_PATH_CANDIDATE && kith_path_waits(p))
		rtt_us /= 2; /* the probe had to wait a round trip for its connection */
	if (rtt_us != 0)
		kith_path_rtt(p, rtt_us);
	if (!kith_ps_size_answered(ps, i, own && kith_probe_is_second(f.nonce)))
		return 0;
	if (i == ps->sending && kith_ps_flow(ps) != NULL)
		kith_pacer_alive(&ps->more->flow->pacer, env->now);
	name_path(ps, i, f.path);
	hear_seen(ps, env, p, &f);
	if (p->state == KITH_PATH_CANDIDATE && f.observed.family != KITH_FAMILY_NONE) {
		struct kith_hop seen = { .remote = f.observed };
		kith_ps_journal(ps, env, KITH_JOURNAL_OBSERVED, &seen, 0);
	}
	switch ((enum kith_path_state)p->state) {
	case KITH_PATH_NONE:
		break;
	case KITH_PATH_CANDIDATE:
	case KITH_PATH_DEAD:
		kith_ps_validated(ps, env, i);
		break;
	case KITH_PATH_LIVE:
		p->tries = 0;
		if ((p->flags & KITH_PATH_CONFIRM) == 0)
			kith_ps_rest(ps, env, i);
		kith_ps_choose(ps, env);
		break;
	case KITH_PATH_SUSPECT:
		if (i == ps->sending && kith_ps_flow(ps) != NULL)
			kith_flight_forget(&ps->more->flow->flight, rtt_us != 0 ? env->now - rtt_us : p->since);
		kith_ps_clear(ps, env, i);
		break;
	}
	return 0;
}

static int on_keepalive(struct kith_pathset *ps, const struct kith_path_env *env, int i, struct kith_span body)
{
	struct kith_reader r = kith_reader_of_span(body);
	uint8_t sequence = kith_read_u8(&r);
	if (r.bad)
		return KITH_EPROTO;
	if (i >= 0 && sequence % KITH_KEEPALIVE_ANSWERED == 0 && !kith_ps_has(ps, KITH_PATHSET_HOME) &&
	    kith_ps_path(ps, (unsigned)i)->state == KITH_PATH_LIVE)
		answer(ps, env, (unsigned)i, 0);
	return 0;
}

static int on_idle(struct kith_pathset *ps, struct kith_span body)
{
	struct kith_reader r = kith_reader_of_span(body);
	(void)kith_read_u8(&r); /* all data stops, whichever path it took */
	if (r.bad)
		return KITH_EPROTO;
	if (kith_ps_flow(ps) != NULL)
		ps->more->flow->in.idle = true;
	return 0;
}

static int on_path_close(struct kith_pathset *ps, const struct kith_path_env *env, struct kith_span body)
{
	struct kith_reader r = kith_reader_of_span(body);
	uint8_t id = kith_read_u8(&r);
	if (r.bad)
		return KITH_EPROTO;
	int i = kith_ps_find_id(ps, id, true);
	if (i < 0 || (kith_ps_path(ps, (unsigned)i)->flags & KITH_PATH_CLOSED) != 0)
		return 0;
	unsigned live = 0;
	for (unsigned k = 0; k < kith_ps_count(ps); k++)
		live += k != (unsigned)i && kith_ps_path(ps, k)->state == KITH_PATH_LIVE;
	if (live == 0) /* the last one stays: it is all there is */
		return 0;
	kith_ps_journal(ps, env, KITH_JOURNAL_CLOSED_BY_PEER, &kith_ps_path(ps, (unsigned)i)->hop, 0);
	kith_ps_close(ps, env, (unsigned)i);
	kith_ps_count_relays(ps, env->now);
	return 0;
}

/* The peer has other addresses now: those that we reach it at may be gone. */
static void doubt_direct(struct kith_pathset *ps, const struct kith_path_env *env)
{
	for (unsigned i = 0; i < kith_ps_count(ps); i++) {
		if (!kith_path_is_relay(kith_ps_path(ps, i)))
			kith_ps_suspect(ps, env, i, KITH_CAUSE_ASKED);
	}
}

static int on_punching(struct kith_pathset *ps, const struct kith_path_env *env, const struct kith_frame *frame)
{
	if (!kith_ps_has(ps, KITH_PATHSET_PEER))
		return 0;
	struct kith_punch *punch = kith_ps_punch(ps, env);
	if (punch == NULL)
		return 0;
	struct kith_punch_view view = kith_ps_view(ps, env);
	int err = frame->type == KITH_FRAME_CANDIDATES ? kith_punch_on_candidates(punch, &view, frame->body)
						       : kith_punch_on_punch(punch, &view, frame->body);
	/* A candidate that is a path already is not probed twice; one that is relayed was not known to be. */
	for (unsigned i = 0; i < kith_ps_count(ps); i++) {
		struct kith_path *p = kith_ps_path(ps, i);
		kith_ps_take_target(ps, &p->hop, p->state != KITH_PATH_DEAD);
		kith_ps_weigh(ps, env, p);
	}
	kith_ps_punch_acted(ps);
	if (err > 0) {
		doubt_direct(ps, env);
		err = 0;
	}
	return err;
}

static int on_frame(struct kith_pathset *ps, const struct kith_path_env *env, const struct kith_hop *hop,
		    const struct kith_frame *frame)
{
	int i = kith_ps_find(ps, hop);
	switch (frame->type) {
	case KITH_FRAME_PROBE:
		return on_probe(ps, env, i, frame->body);
	case KITH_FRAME_PROBE_ACK:
		return on_probe_ack(ps, env, i, frame->body);
	case KITH_FRAME_PATH_ACK:
		return kith_ps_on_path_ack(ps, env, i, frame->body);
	case KITH_FRAME_IDLE:
		return on_idle(ps, frame->body);
	case KITH_FRAME_CANDIDATES:
	case KITH_FRAME_PUNCH:
		return on_punching(ps, env, frame);
	case KITH_FRAME_KEEPALIVE:
		return on_keepalive(ps, env, i, frame->body);
	case KITH_FRAME_PATH_CLOSE:
		return on_path_close(ps, env, frame->body);
	case KITH_FRAME_NAME:
	case KITH_FRAME_SPARE:
		return kith_ps_on_name(ps, env, i, frame);
	default:
		return KITH_ENOTSUP;
	}
}

int kith_pathset_on_frame(struct kith_pathset *ps, const struct kith_path_env *env, const struct kith_hop *hop,
			  const struct kith_frame *frame)
{
	int err = on_frame(ps, env, hop, frame);
	kith_ps_settle(ps, env);
	return err;
}
