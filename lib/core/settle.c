#include "core/settle.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "call/dial.h"
#include "call/op.h"
#include "call/outage.h"
#include "call/relays.h"
#include "call/talk.h"
#include "core/certs.h"
#include "core/clock.h"
#include "core/leaving.h"
#include "core/outcome.h"
#include "core/requests.h"
#include "core/serving.h"
#include "leaf/candidacy.h"
#include "leaf/gauge.h"
#include "leaf/homes.h"
#include "leaf/observed.h"
#include "leaf/sounding.h"
#include "leaf/watching.h"
#include "link/connect.h"
#include "link/rekey.h"
#include "link/renewed.h"
#include "super/attach.h"
#include "super/bulletin.h"
#include "super/query.h"
#include "super/super.h"
#include "super/uplink.h"
#include "super/tunnels.h"

/* The machine was asleep: the monotonic clock went on without us, or stood still while the wall clock went on. */
static bool slept(const struct kith_core *c, const struct kith_now *now)
{
	int64_t wall_ms = now->unix_ms - c->now.unix_ms, mono_ms = (now->mono_us - c->now.mono_us) / KITH_US_PER_MS;
	return (c->due_at > 0 && now->mono_us - c->due_at >= KITH_ASLEEP_US) ||
	       (now->unix_trusted && wall_ms - mono_ms >= KITH_ASLEEP_US / KITH_US_PER_MS);
}

void kith_core_enter(struct kith_core *c, struct kith_now now)
{
	kith_core_look(c, now);
	kith_shared_wake(c->shared);
}

void kith_core_look(struct kith_core *c, struct kith_now now)
{
	if (now.mono_us < c->now.mono_us) /* a clock that goes back stands still */
		now.mono_us = c->now.mono_us;
	const struct kith_now judged = kith_wall_judge(&c->wall, now);
	c->woken = c->woken || slept(c, &judged);
	c->now = judged;
	c->env.now = now.mono_us;
	kith_outbox_claim(&c->shared->outbox, c, c->stats);
}

/* ---- what was left behind, to its owners ---- */

/* The session's owners, and then those of its requests. */
static void tell_ended(struct kith_core *c, struct kith_session *s)
{
	struct kith_answer unanswered;
	enum kith_close_reason reason = (enum kith_close_reason)s->ended.reason;
	if (s->use & KITH_USE_PEER)
		kith_talk_closed(c, s, reason, s->ended.remote);
	if (s->use & KITH_USE_HOME)
		kith_homes_lost(c, s, reason);
	kith_super_lost(c, s, reason);
	if (s->use & KITH_USE_WITNESS)
		kith_candidacy_lost(c, s);
	while (kith_requests_expired(s->requests, &c->env, true, &unanswered))
		kith_core_answered(c, s, &unanswered);
}

/* Appends the ended sessions to those that are taken away when their last packets are sealed. */
static bool settle_ends(struct kith_core *c, struct kith_session **over)
{
	bool some = c->ended != NULL;
	while (c->ended != NULL) {
		struct kith_session *s = c->ended;
		c->ended = s->ended.next;
		c->ended_n--;
		tell_ended(c, s);
		s->ended.next = *over;
		*over = s;
	}
	return some;
}

bool kith_settle_news(struct kith_core *c, struct kith_session *s)
{
	if (s->paths.news == 0 || s->state != KITH_SESSION_OPEN)
		return false;
	if (s->paths.news & KITH_NEWS_SEEN) {
		s->paths.news &= (uint16_t)~KITH_NEWS_SEEN;
		kith_time_us due = kith_observed_told(c, s, &c->shared->told);
		if (due != KITH_TIME_NEVER)
			kith_homes_wake(c, due);
	}
	if (s->paths.news & KITH_NEWS_MET) {
		kith_sounding_met(c, s, &c->shared->told);
		kith_transports_met(&c->transports, &c->shared->told.addr);
	}
	if (s->use & KITH_USE_PEER) {
		kith_talk_news(c, s);
		return true;
	}
	unsigned news = s->paths.news;
	s->paths.news = 0;
	if (news & KITH_NEWS_ALL_DEAD)
		kith_session_end(c, s, KITH_CLOSE_TIMED_OUT, false);
	else if (news & (KITH_NEWS_ROAMED | KITH_NEWS_SENDING_CHANGED)) {
		const struct kith_path *sending = kith_pathset_sending(&s->paths);
		bool proven = sending != NULL && sending->state != KITH_PATH_CANDIDATE;
		kith_tunnels_rebind(c, s, proven);
	}
	return true;
}

static void tell_found(struct kith_core *c, kith_op op, const struct kith_findings *found)
{
	struct kith_msg_room room;
	struct kith_msg_found m;
	uint8_t doubts[KITH_STORE_DEVICES];
	kith_findings_message(found, &room, &m);
	if (op == 0) {
		kith_watching_notice(c, NULL, m.records, m.vanished);
		return;
	}
	m.doubted = kith_findings_doubts(c, found, doubts);
	kith_dial_found(c, op, found->n > 0 ? 0 : KITH_ENOENT, &m, 0);
}

/* What a supernode asked itself. */
static bool settle_answers(struct kith_core *c)
{
	struct kith_findings found;
	kith_op op;
	bool some = false;
	while (kith_serves(c) && kith_query_take(c, &op, &found)) {
		tell_found(c, op, &found);
		kith_findings_clear(c, &found);
		some = true;
	}
	return some;
}

void kith_settle_woken(struct kith_core *c)
{
	if (c->woken)
		kith_outage_woken(c);
	c->woken = false;
}

/* What a leaf's homes and its record leave behind. */
static bool settle_leaf(struct kith_core *c)
{
	unsigned homes = kith_homes_count(c);
	if (homes > c->homes_seen) { /* the network lets us through */
		kith_outage_hurry(c);
		kith_candidacy_attached(c);
	}
	c->homes_seen = homes;
	bool caught = c->leaf.caught;
	if (caught)
		kith_homes_dismiss(c);
	bool offer = c->leaf.offer, subscribe = c->leaf.subscribe, sounded = c->leaf.sounded;
	c->leaf.offer = c->leaf.subscribe = c->leaf.sounded = false;
	if (sounded)
		kith_sounding_done(c);
	if (offer)
		kith_sounding_update(c);
	if (c->leaf.remapped)
		kith_gauge_lost(c);
	c->leaf.remapped = false;
	if (offer)
		kith_homes_wake(c, kith_gauge_look(c));
	if (offer || sounded)
		kith_talk_offer_all(c, offer);
	if (subscribe)
		kith_watching_renew(c);
	return offer || sounded || subscribe || caught;
}

/* What revocation lists leave behind: sessions end, others are told, the lists are kept. Of one that could not be had
 * another member may tell. */
static bool settle_lists(struct kith_core *c)
{
	bool fresh = c->lists.fresh;
	if (c->lists.lost && kith_serves(c))
		c->super->members.news_lost = true;
	c->lists.fresh = c->lists.lost = false;
	if (!fresh)
		return false;
	c->lists.round = (uint16_t)(c->lists.round == UINT16_MAX ? 1 : c->lists.round + 1);
	if (c->trust.epoch != c->rechecked_epoch)
		kith_certs_recheck(c);
	kith_certs_look_at_logs(c);
	if (kith_serves(c) && c->trust.certified_only && c->super->doubt_at == 0)
		c->super->doubt_at = c->now.mono_us + KITH_LISTS_NEWS_US; /* until they have heard of it, too */
	kith_save_soon(c);
	if (kith_serves(c))
		kith_bulletin_news(c);
	return true;
}

/* Sessions are touched meanwhile: they come to the end of the list. */
static bool settle_news(struct kith_core *c)
{
	bool some = false;
	for (uint32_t i = 0; i < c->touched_n; i++) {
		struct kith_session *s = c->touched[i];
		if (kith_settle_news(c, s))
			some = true;
		if ((s->use & KITH_USE_HOME) != 0 && s->state == KITH_SESSION_OPEN)
			kith_homes_look(c, s);
		kith_bulletin_look(c, s);
		kith_renewed_look(c, s);
	}
	return some;
}

/* ---- sealing ---- */

/* Adds the name that is told on this hop, if any is; returns the length of all frames. */
static size_t tell_name(struct kith_core *c, struct kith_session *s, const struct kith_hop *hop, uint8_t *frames,
			size_t len)
{
	size_t room = KITH_FRAMES_MAX + (hop->tunnel == 0 ? KITH_TUNNEL_HEADER : 0u);
	struct kith_writer beside = kith_writer_of(frames + len, room - len);
	kith_pathset_tell_name(&s->paths, kith_env(c, s), hop, &beside);
	return len + kith_writer_len(&beside);
}

/* One more copy of what has that counter: equal bytes would tell who sees both that they are one. */
static void seal_copy(struct kith_core *c, struct kith_session *s, const struct kith_hop *hop, uint8_t ttl,
		      uint64_t counter, uint8_t way, uint8_t *frames, size_t len)
{
	uint8_t *packet = frames - KITH_TRANSPORT_HEADER;
	len = tell_name(c, s, hop, frames, len);
	len = kith_session_seal_again(s, c->suite, kith_pathset_name_on(&s->paths, hop), counter, way, packet, len);
	kith_outbox_ready(&c->shared->outbox, hop, ttl, packet, len);
}

/* Seals one packet and queues it, and copies for the other hops that its path set names. */
static void seal(struct kith_core *c, struct kith_session *s, const struct kith_open_packet *p)
{
	struct kith_outbox *ob = &c->shared->outbox;
	struct kith_hop hops[KITH_PICK_MAX];
	uint8_t *copies[KITH_PICK_MAX] = { NULL };
	if (s->state == KITH_SESSION_INITIATING || s->state == KITH_SESSION_DECIDING)
		return;
	size_t n = 1;
	if (p->pinned)
		hops[0] = p->hop;
	else
		n = kith_pathset_pick(&s->paths, c->now.mono_us, p->data, hops);
	if (n == 0)
		return;
	uint64_t counter = s->tx_counter;
	for (size_t i = 0; i < n; i++)
		kith_pathset_sent(&s->paths, kith_env(c, s), &hops[i], counter, p->data,
				  (struct kith_span){ p->frames, p->len });
	for (size_t i = 1; i < n && (copies[i] = kith_outbox_room(ob)) != NULL; i++)
		memcpy(copies[i], p->frames, p->len);
	uint8_t *packet = p->frames - KITH_TRANSPORT_HEADER;
	size_t len = tell_name(c, s, &hops[0], p->frames, p->len);
	len = kith_session_seal(s, c->suite, kith_pathset_name_on(&s->paths, &hops[0]), packet, len);
	if (len == 0) { /* nothing can be sealed with this key any more, a CLOSE included */
		kith_session_end(c, s, KITH_CLOSE_LIMIT, false);
		return;
	}
	for (size_t i = 1; i < n && copies[i] != NULL; i++)
		seal_copy(c, s, &hops[i], p->ttl, counter, (uint8_t)i, copies[i], p->len);
	kith_outbox_ready(ob, &hops[0], p->ttl, packet, len);
}

/* Asks for new keys where data went out in old ones. A session that ended is found as well: its last words are here. */
static bool seal_all(struct kith_core *c)
{
	const struct kith_open_packet *p;
	bool some = false;
	while ((p = kith_outbox_next_open(&c->shared->outbox)) != NULL) {
		struct kith_session *s = kith_sessions_find(&c->sessions, p->session);
		some = true;
		if (s == NULL)
			continue;
		if (p->way != 0) {
			if (s->state == KITH_SESSION_OPEN)
				seal_copy(c, s, &p->hop, p->ttl, p->counter, p->way, p->frames, p->len);
			continue;
		}
		bool wants = p->data && kith_session_wants_rekey(s, c->now.mono_us);
		seal(c, s, p);
		if (wants && s->state != KITH_SESSION_CLOSED)
			kith_rekey_begin(c, s);
	}
	return some;
}

/* ---- timers ---- */

static kith_time_us earlier(kith_time_us a, kith_time_us b)
{
	return a < b ? a : b;
}

static kith_time_us deadline_of(struct kith_core *c, const struct kith_session *s)
{
	kith_time_us at = kith_requests_deadline(s->requests);
	if (s->hs != NULL)
		at = earlier(at, kith_connect_deadline(s));
	if (s->state != KITH_SESSION_OPEN)
		return at;
	at = earlier(at, kith_pathset_deadline(&s->paths));
	at = earlier(at, kith_rekey_deadline(s));
	if (s->use & KITH_USE_PEER)
		at = earlier(at, kith_talk_deadline(c, s));
	if (s->use & KITH_USE_LEAF)
		at = earlier(at, kith_attach_deadline(s));
	if (!(s->use & (KITH_USE_PEER | KITH_USE_LEAF | KITH_USE_HOME)))
		at = earlier(at, kith_session_unused_at(s));
	return at;
}

static void arm_touched(struct kith_core *c)
{
	for (uint32_t i = 0; i < c->touched_n; i++) {
		struct kith_session *s = c->touched[i];
		s->touched = false;
		if (s->state == KITH_SESSION_CLOSED)
			continue;
		kith_time_us at = deadline_of(c, s);
		if (kith_timer_is_set(&s->timer) && s->timer.at == at)
			continue;
		if (kith_timers_set(&c->timers, &s->timer, at) != 0)
			kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
	}
	c->touched_n = 0;
}

/* Nobody needs the session any more: its only request was answered, or its tunnels are gone. */
static bool unused(struct kith_core *c, struct kith_session *s)
{
	if (s->use & (KITH_USE_PEER | KITH_USE_LEAF | KITH_USE_HOME))
		return false;
	if (c->now.mono_us < kith_session_unused_at(s))
		return false;
	if (!(s->use & KITH_USE_TUNNEL) || (!kith_tunnels_in_use(c, s) && !kith_relays_in_use(c, s)))
		return true;
	s->used_at = c->now.mono_us; /* packets of its tunnels do not pass through here: looked at again later */
	return false;
}

void kith_settle_tick(struct kith_core *c, struct kith_session *s)
{
	struct kith_answer ended;
	while (s->state != KITH_SESSION_CLOSED && kith_requests_expired(s->requests, kith_env(c, s), false, &ended))
		kith_core_answered(c, s, &ended);
	kith_requests_tick(&s->requests, kith_env(c, s));
	bool handshake = s->state != KITH_SESSION_CLOSED && s->hs != NULL;
	if (handshake && kith_connect_deadline(s) <= c->now.mono_us && kith_connect_tick(c, s))
		kith_dial_redial(c, s);
	if (s->state == KITH_SESSION_OPEN)
		kith_rekey_tick(s, c->alloc, c->now.mono_us);
	if (s->state == KITH_SESSION_OPEN && kith_pathset_deadline(&s->paths) <= c->now.mono_us)
		kith_pathset_tick(&s->paths, kith_env(c, s));
	(void)kith_settle_news(c, s);
	if (s->state == KITH_SESSION_OPEN && (s->use & KITH_USE_PEER))
		kith_talk_tick(c, s);
	if (s->state == KITH_SESSION_OPEN && (s->use & KITH_USE_LEAF))
		kith_attach_tick(c, s);
	if (s->state == KITH_SESSION_OPEN && unused(c, s))
		kith_session_end(c, s, KITH_CLOSE_NORMAL, false);
}

/* ---- the end of a call ---- */

/* Takes away the sessions that have ended; nothing refers to them any more. */
static void sweep(struct kith_core *c, struct kith_session *over)
{
	while (over != NULL) {
		struct kith_session *s = over;
		over = s->ended.next;
		memset(&s->timer, 0, sizeof s->timer);
		kith_sessions_remove(&c->sessions, &c->shared->blobs, &c->env, s);
	}
}

void kith_core_settle(struct kith_core *c)
{
	struct kith_session *over = NULL;
	bool some;
	kith_clock_settle(c);
	kith_settle_woken(c);
	do {
		some = settle_ends(c, &over);
		some |= settle_answers(c);
		some |= kith_outcome_settle(c);
		some |= kith_serving_look(c);
		some |= settle_leaf(c);
		some |= settle_lists(c);
		some |= settle_news(c);
		some |= seal_all(c);
	} while (some);
	if (kith_serves(c))
		kith_uplink_sent(c, c->shared->outbox.own_bytes);
	c->shared->outbox.own_bytes = 0;
	kith_serving_settle(c);
	kith_leaving_settle(c);
	arm_touched(c);
	kith_outcome_arm(c);
	kith_ops_settle(c);
	sweep(c, over);
	c->due_at = kith_timers_next(&c->timers);
	if (c->due_at < c->now.mono_us) /* overdue on purpose: at once */
		c->due_at = c->now.mono_us;
}
