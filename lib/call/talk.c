#include "call/talk.h"

#include "base/alloc.h"
#include "call/admit.h"
#include "call/crossing.h"
#include "call/cut.h"
#include "call/dial.h"
#include "call/early.h"
#include "call/ended.h"
#include "call/follow.h"
#include "call/op.h"
#include "call/outage.h"
#include "call/relays.h"
#include "call/ringing.h"
#include "call/routes.h"
#include "call/listening.h"
#include "call/spread.h"
#include "call/streams.h"
#include "call/tell.h"
#include "leaf/observed.h"
#include "leaf/sounding.h"
#include "link/via.h"
#include "stream/stream.h"

#define SILENT_US                                                                                                      \
	(3 * KITH_KEEPALIVE_US +                                                                                       \
	 5 * KITH_US_PER_S) /* a caller that missed three keepalives is asked whether it is there */
#define STREAMS_IDLE_US (60 * KITH_US_PER_S) /* after this an idle QUIC connection gives its 60 kB back */

/* ---- coming and going ---- */

static bool is_guessed(uint8_t allocation)
{
	return allocation == KITH_NATCLASS_ALLOCATION_BLOCK || allocation == KITH_NATCLASS_ALLOCATION_RANDOM;
}

/* The peer hears from the relays where we are: then it may send more than a few packets there. */
static void show(struct kith_core *c, const struct kith_session *s)
{
	if ((s->paths.flags & KITH_PATHSET_CONSENT) != 0 && !s->peer->relay_only)
		kith_relays_show(c, s);
}

static void offer(struct kith_core *c, struct kith_session *s)
{
	struct kith_candidate list[KITH_OWN_MAX];
	size_t n = s->peer->relay_only ? 0 : kith_own_candidates(c, list, KITH_OWN_MAX);
	bool waits = s->peer->offer_at != 0, waited = waits && s->peer->offer_at <= c->now.mono_us;
	if (n == 0)
		return;
	kith_sounding_update(c);
	if (!waited && (s->paths.flags & KITH_PATHSET_CONSENT) != 0 && kith_sounding_begin(c)) {
		s->peer->offer_at = waits ? s->peer->offer_at : c->now.mono_us + KITH_SOUNDING_WAIT_US;
		return;
	}
	s->peer->offer_at = 0;
	if (kith_natclass_depends(&c->nat) && is_guessed(c->nat.allocation))
		show(c, s);
	n = kith_sounding_predict(c, s, list, n, KITH_OWN_MAX);
	if (kith_pathset_offer(&s->paths, kith_env(c, s), list, n, &c->nat) != 0)
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
}

void kith_talk_offer_all(struct kith_core *c, bool all)
{
	uint32_t it = 0;
	struct kith_session *s;
	while ((s = kith_table_next(&c->sessions.by_index, &it)) != NULL) {
		if ((s->use & KITH_USE_PEER) && s->state == KITH_SESSION_OPEN && (all || s->peer->offer_at != 0)) {
			offer(c, s);
			kith_session_touch(c, s);
		}
	}
}

void kith_talk_opened(struct kith_core *c, struct kith_session *s)
{
	struct kith_person person;
	struct kith_session *rival = kith_peer_get(c, s->peer->rival);
	if (s->peer->hang_up) {
		kith_session_end(c, s, KITH_CLOSE_CANCELED, false);
		return;
	}
	if (rival != NULL)
		kith_crossing_settle(c, s, rival);
	kith_cut_done(c, s->index); /* a session that had this id before */
	struct kith_event *ev = kith_event_push(c, KITH_EVENT_OPENED);
	if (ev != NULL && kith_session_person(c, s, &person))
		kith_tell_person(ev, s, &person);
	if (ev != NULL) {
		ev->session = s->index;
		ev->op = s->peer->op;
		ev->remote = !s->initiator;
	}
	s->peer->told = true;
	kith_early_opened(c, s);
	if (kith_session_hop(s)->tunnel == 0 && s->role != KITH_ROLE_SUPERNODE) /* not as calls of leaves begin */
		kith_tell_path(c, s);
	if (s->peer->op != 0)
		kith_op_done(c, s->peer->op, 0, true);
	s->peer->op = 0;
	s->peer->relay_at = s->initiator ? c->now.mono_us + KITH_US_PER_S / 2 : KITH_TIME_NEVER;
	if (c->env.paces == NULL) /* who calls nobody holds none */
		c->env.paces = KITH_NEW(c->alloc, struct kith_paces);
	offer(c, s);
	kith_follow_exchange(c, s);
}

void kith_talk_refused(struct kith_core *c, struct kith_session *s)
{
	kith_op op = s->peer->op;
	struct kith_session *rival = kith_peer_get(c, s->peer->rival);
	s->peer->op = 0;
	kith_op_done(c, op, KITH_EREJECTED, false);
	if (rival != NULL)
		kith_crossing_give_way(c, rival);
}

/* What a call ends with whose session ended before it was open. */
static int why_failed(enum kith_close_reason reason)
{
	if (reason == KITH_CLOSE_TIMED_OUT)
		return KITH_EUNREACHABLE;
	if (reason == KITH_CLOSE_REJECTED) /* by ourselves: the contact was blocked meanwhile */
		return KITH_EACCES;
	return reason == KITH_CLOSE_LIMIT ? KITH_ENOMEM : KITH_EAUTH;
}

void kith_talk_closed(struct kith_core *c, struct kith_session *s, enum kith_close_reason reason, bool remote)
{
	struct kith_peer *peer = s->peer;
	if (peer == NULL)
		return;
	struct kith_session *rival = kith_peer_get(c, peer->rival);
	if (rival != NULL)
		rival->peer->rival = 0;
	if (peer->op != 0 && (rival != NULL || !s->initiator))
		kith_dial_fell_through(c, peer->op, rival);
	else if (peer->op != 0)
		kith_op_done(c, peer->op, why_failed(reason), false);
	kith_ringing_stop(c, s);
	kith_outage_stop(c, s);
	kith_admit_over(c, s);
	kith_ended_keep(c, s, reason, remote);
	kith_tell_closed(c, s, reason, remote);
	kith_cut_keep(c, s->index, peer->streams);
	kith_spread_over(c, s);
	kith_blob_unref(&c->shared->blobs, peer->challenge);
	kith_early_over(c, s);
	KITH_FREE(c->alloc, peer);
	s->peer = NULL;
}

/* ---- closed, and not all has arrived ---- */

static bool owes(const struct kith_session *s)
{
	return s->peer->streams != NULL && kith_streams_owes(s->peer->streams);
}

void kith_talk_linger(struct kith_core *c, struct kith_session *s, enum kith_close_reason reason, kith_time_us us)
{
	if (s->state != KITH_SESSION_OPEN || us <= 0 || !owes(s)) {
		kith_session_end(c, s, reason, false);
		return;
	}
	s->peer->linger_until = c->now.mono_us + us;
	s->peer->linger_reason = (uint16_t)reason;
	kith_session_touch(c, s);
}

bool kith_talk_lingers(const struct kith_core *c, const struct kith_session *s)
{
	return (s->use & KITH_USE_PEER) && s->peer != NULL && s->peer->linger_until > c->now.mono_us;
}

static kith_time_us linger_at(const struct kith_core *c, const struct kith_session *s)
{
	if (s->peer->linger_until == 0)
		return KITH_TIME_NEVER;
	return owes(s) ? s->peer->linger_until : c->now.mono_us;
}

/* ---- paths ---- */

/* A dead relay path may only mean that our own address changed, unknown to the supernode: a check moves our session
 * with it to the new address. */
static void check_relays(struct kith_core *c, struct kith_session *s)
{
	for (unsigned i = 0; i < kith_pathset_count(&s->paths); i++) {
		const struct kith_path *p = kith_pathset_path(&s->paths, i);
		uint32_t it = 0;
		struct kith_session *via;
		if (!kith_path_is_relay(p) || p->state == KITH_PATH_LIVE)
			continue;
		while ((via = kith_table_next(&c->sessions.by_device, &it)) != NULL) {
			if (via->state != KITH_SESSION_OPEN ||
			    !kith_addr_equal(&kith_session_hop(via)->remote, &p->hop.remote))
				continue;
			kith_pathset_check(&via->paths, kith_env(c, via));
		}
	}
}

void kith_talk_relay_only(struct kith_core *c, struct kith_session *s)
{
	struct kith_operation *op = kith_op_get(c, s->peer->op);
	s->peer->relay_only = true;
	s->peer->near = (struct kith_hop){ 0 };
	kith_session_touch(c, s);
	if (s->state == KITH_SESSION_OPEN)
		kith_pathset_allow(&s->paths, kith_env(c, s), KITH_PATHSET_RELAY_ONLY);
	kith_relays_withdraw(c, s);
	bool answering = s->state == KITH_SESSION_DECIDING || s->state == KITH_SESSION_UNCONFIRMED;
	if (answering && !kith_via_relay(c, s, kith_session_hop(s))) /* a supernode may have been called straight */
		kith_session_end(c, s, KITH_CLOSE_REJECTED, false);
	else if (s->state == KITH_SESSION_INITIATING && op != NULL && !kith_relays_reach(c, s->peer))
		kith_dial_give_up(c, op, KITH_ERELAYONLY);
}

void kith_talk_news(struct kith_core *c, struct kith_session *s)
{
	unsigned news = s->paths.news;
	s->paths.news = 0;
	if (news & KITH_NEWS_TUNNEL) {
		kith_routes_note(c, s);
		kith_admit_paths(c, s);
	}
	if (news & KITH_NEWS_DOUBT)
		kith_outage_look(c, s);
	if (news & KITH_NEWS_SENDING_CHANGED) {
		kith_tell_path(c, s);
		if (s->peer->streams != NULL)
			kith_streams_migrate(s->peer->streams, c->now.mono_us);
	}
	if (news & KITH_NEWS_WANT_OFFER)
		offer(c, s);
	if (news & KITH_NEWS_WANT_LEG)
		show(c, s);
	if (news & (KITH_NEWS_SENDING_CHANGED | KITH_NEWS_UPGRADED | KITH_NEWS_PATH_DIED))
		kith_spread_look(c, s);
	if (news & KITH_NEWS_WANT_SOCKETS)
		kith_spread_begin(c, s);
	if ((news & KITH_NEWS_WANT_LISTENER) && !kith_pathset_is_direct(&s->paths))
		kith_listening_want(c);
	if ((news & KITH_NEWS_WANT_RELAY) && s->initiator && s->peer->relay_at == KITH_TIME_NEVER)
		s->peer->relay_at = c->now.mono_us;
	if (news & KITH_NEWS_PATH_DIED)
		check_relays(c, s);
	if ((news & KITH_NEWS_DOUBT) && kith_pathset_in_doubt(&s->paths)) /* perhaps our own way out has changed */
		kith_observed_hint(c);
}

/* When a callee has to ask. The caller keeps the paths alive, so a callee would wait for ever for a caller that is
 * gone. */
static kith_time_us silent_at(const struct kith_session *s)
{
	const struct kith_path *sending = kith_pathset_sending(&s->paths);
	bool waits =
		s->state == KITH_SESSION_OPEN && !s->initiator && sending != NULL && sending->state == KITH_PATH_LIVE;
	return waits ? kith_session_heard_at(s) + SILENT_US : KITH_TIME_NEVER;
}

kith_time_us kith_talk_deadline(const struct kith_core *c, const struct kith_session *s)
{
	if (s->state != KITH_SESSION_OPEN)
		return KITH_TIME_NEVER;
	kith_time_us at = silent_at(s), lingers = linger_at(c, s);
	at = lingers < at ? lingers : at;
	at = s->peer->relay_at < at ? s->peer->relay_at : at;
	at = s->peer->offer_at != 0 && s->peer->offer_at < at ? s->peer->offer_at : at;
	kith_time_us outage_at = kith_outage_deadline(s);
	at = outage_at < at ? outage_at : at;
	if (s->peer->streams != NULL && !kith_outage_holds(s)) {
		kith_time_us due = kith_streams_deadline(s->peer->streams);
		if (due == KITH_TIME_NEVER && kith_streams_idle(s->peer->streams)) /* it may be put away then */
			due = s->used_at + STREAMS_IDLE_US;
		at = due < at ? due : at;
	}
	if (s->peer->more && c->now.mono_us < at)
		at = c->now.mono_us;
	if (s->peer->want_writable && !kith_outage_holds(s)) {
		kith_time_us ready = kith_pathset_ready_at(&s->paths, c->now.mono_us, s->peer->want_len);
		ready = ready > c->now.mono_us ? ready : c->now.mono_us;
		at = ready < at ? ready : at;
	}
	return at;
}

static void tick_streams(struct kith_core *c, struct kith_session *s)
{
	struct kith_streams *streams = s->peer->streams;
	if (kith_streams_idle(streams) && c->now.mono_us - s->used_at >= STREAMS_IDLE_US)
		kith_streams_close(streams);
	else if (kith_streams_deadline(streams) <= c->now.mono_us)
		kith_streams_tick(streams, c->now.mono_us);
}

void kith_talk_tick(struct kith_core *c, struct kith_session *s)
{
	struct kith_peer *peer = s->peer;
	if (linger_at(c, s) <= c->now.mono_us) {
		kith_session_end(c, s, (enum kith_close_reason)peer->linger_reason, false);
		return;
	}
	kith_outage_tick(c, s);
	if (s->state != KITH_SESSION_OPEN)
		return;
	if (peer->relay_at <= c->now.mono_us) {
		peer->relay_at = KITH_TIME_NEVER;
		if (!kith_relays_next(c, s, (struct kith_span){ NULL, 0 })) {
			(void)kith_relays_anew(s);
			kith_dial_refresh(c, s); /* all homes were asked: perhaps the peer has others by now */
		}
	}
	if (peer->offer_at != 0 && peer->offer_at <= c->now.mono_us)
		offer(c, s);
	if (silent_at(s) <= c->now.mono_us) {
		kith_pathset_check(&s->paths, kith_env(c, s));
	}
	if (peer->want_writable && !kith_outage_holds(s) && kith_outbox_has_room(&c->shared->outbox, 8) &&
	    kith_pathset_ready_at(&s->paths, c->now.mono_us, peer->want_len) <= c->now.mono_us) {
		struct kith_event *ev = kith_event_push(c, KITH_EVENT_WRITABLE);
		if (ev != NULL) {
			ev->session = s->index;
			peer->want_writable = false;
		}
	}
	if (peer->streams == NULL)
		return;
	if (!kith_outage_holds(s))
		tick_streams(c, s);
	kith_talk_streams_pump(c, s);
}

/* ---- datagrams ---- */

int kith_talk_send(struct kith_core *c, struct kith_session *s, uint16_t channel, struct kith_span data)
{
	if (s->state != KITH_SESSION_OPEN)
		return KITH_ESTATE;
	if (data.len > KITH_DATAGRAM_MAX)
		return KITH_EMSGSIZE;
	/* Keep some slots for what keeps the session alive. */
	int err = KITH_EAGAIN;
	if (!kith_outage_holds(s) && kith_outbox_has_room(&c->shared->outbox, 8))
		err = kith_pathset_take(&s->paths, kith_env(c, s), data.len);
	if (err == KITH_EAGAIN) {
		s->peer->want_writable = true;
		s->peer->want_len = (uint16_t)data.len;
	}
	if (err != 0)
		return err;
	struct kith_writer *w =
		kith_outbox_begin(&c->shared->outbox, s->index, NULL, 0, KITH_FRAME_DATAGRAM, 2 + data.len);
	kith_write_u16(w, channel);
	kith_write_span(w, data);
	kith_outbox_end(&c->shared->outbox);
	return 0;
}

void kith_talk_on_datagram(struct kith_core *c, struct kith_session *s, struct kith_span body)
{
	struct kith_reader r = kith_reader_of_span(body);
	uint16_t channel = kith_read_u16(&r);
	struct kith_span data = kith_read_rest(&r);
	if (r.bad || data.len > KITH_DATAGRAM_MAX) {
		kith_stats_add(c->stats, KITH_STAT_DROP_MALFORMED_FRAME, 1);
		return;
	}
	if (c->shared->events_n >= c->shared->events_max / 2) { /* the rest is for what must not be lost */
		kith_stats_add(c->stats, KITH_STAT_EVENTS_DROPPED, 1);
		return;
	}
	struct kith_event *ev = kith_event_push(c, KITH_EVENT_DATAGRAM);
	if (ev == NULL)
		return;
	ev->session = s->index;
	ev->channel = channel;
	ev->data = data;
}
