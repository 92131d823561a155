#include "role/peer.h"

#include "base/alloc.h"
#include "role/connect.h"
#include "role/dial.h"
#include "role/introduce.h"
#include "stream/stream.h"

#define REFRESH_EVERY 4 /* handshake repetitions between two look-ups of newer homes */
#define NEXT_RELAY_US (2 * KITH_US_PER_S) /* between two requests for a further relay */
#define SILENT_US                                                                                                      \
	(3 * KITH_KEEPALIVE_US +                                                                                       \
	 5 * KITH_US_PER_S) /* a caller that missed three keepalives is asked whether it is there */
#define STREAMS_IDLE_US (60 * KITH_US_PER_S) /* after this an idle QUIC connection gives its 60 kB back */

struct kith_session *kith_peer_get(struct kith_core *c, kith_session_id id)
{
	struct kith_session *s = id != 0 ? kith_sessions_get(&c->sessions, id) : NULL;
	return s != NULL && (s->use & KITH_USE_PEER) && s->peer != NULL && s->state != KITH_SESSION_CLOSED ? s : NULL;
}

/* ---- coming and going ---- */

static bool serves(const struct kith_core *c, const char *service)
{
	for (size_t i = 0; i < c->services_n; i++) {
		if (strcmp(c->services[i], service) == 0)
			return true;
	}
	return false;
}

static void tell_identity_changed(struct kith_core *c, const struct kith_person *person)
{
	struct kith_event *ev = kith_event_push(c, KITH_EVENT_IDENTITY_CHANGED);
	if (ev == NULL)
		return;
	memcpy(ev->name, person->name, sizeof ev->name);
	ev->identity = person->identity;
}

static void fill_person(struct kith_event *ev, const struct kith_session *s, const struct kith_person *person)
{
	ev->session = s->index;
	memcpy(ev->name, person->name, sizeof ev->name);
	memcpy(ev->label, person->label, sizeof ev->label);
	memcpy(ev->service, s->peer->service, sizeof ev->service);
	ev->identity = person->identity;
}

void kith_peer_stop_ringing(struct kith_core *c, struct kith_session *s)
{
	for (struct kith_session **p = &c->ringing; *p != NULL; p = &(*p)->peer->ring_next) {
		if (*p == s) {
			*p = s->peer->ring_next;
			return;
		}
	}
}

unsigned kith_peer_ringing(const struct kith_core *c, const struct kith_key *identity)
{
	unsigned n = 0;
	for (const struct kith_session *s = c->ringing; s != NULL; s = s->peer->ring_next)
		n += kith_key_equal(&s->peer->identity, identity);
	return n;
}

static void tell_closed(struct kith_core *c, struct kith_session *s, enum kith_close_reason reason, bool remote)
{
	struct kith_event *ev = s->peer->told ? kith_event_push(c, KITH_EVENT_CLOSED) : NULL;
	s->peer->told = false;
	if (ev == NULL)
		return;
	ev->session = s->index;
	ev->reason = reason;
	ev->remote = remote;
	memcpy(ev->name, s->peer->name, sizeof ev->name);
}

bool kith_peer_answer_ringing(struct kith_core *c, struct kith_operation *op)
{
	struct kith_session *s = c->ringing;
	while (s != NULL && (strcmp(s->peer->name, op->name) != 0 || strcmp(s->peer->service, op->service) != 0))
		s = s->peer->ring_next;
	if (s == NULL)
		return false;
	tell_closed(c, s, KITH_CLOSE_REPLACED, false); /* it goes on as the application's own call */
	kith_dial_take(c, op->id, s);
	kith_connect_decide(c, s, 0);
	return true;
}

void kith_peer_give_way(struct kith_core *c, struct kith_session *s)
{
	struct kith_session *rival = kith_peer_get(c, s->peer->rival);
	s->peer->op = 0;
	s->peer->rival = 0;
	s->peer->told = false;
	if (rival != NULL)
		rival->peer->rival = 0;
	if (s->state == KITH_SESSION_INITIATING)
		kith_connect_cancel(c, s);
	else if (s->state == KITH_SESSION_UNCONFIRMED && !s->hs->refused)
		s->peer->hang_up =
			true; /* the caller has our answer, perhaps: it is told in the keys that we lack yet */
	else
		kith_session_end(c, s, KITH_CLOSE_CANCELED, false);
}

bool kith_peer_incoming(struct kith_core *c, struct kith_session *s, const struct kith_person *person,
			struct kith_span service, kith_op op, unsigned *verdict)
{
	*verdict = KITH_CLOSE_LIMIT;
	s->peer = KITH_NEW(c->alloc, struct kith_peer);
	if (s->peer == NULL) {
		s->use &= (uint8_t)~KITH_USE_PEER;
		return false;
	}
	memcpy(s->peer->name, person->name, sizeof s->peer->name);
	memcpy(s->peer->service, service.p, service.len);
	s->peer->identity = person->identity;
	int pinned = kith_contacts_check(&c->contacts, person->name, &person->identity);
	const struct kith_contact *contact = kith_contacts_get(&c->contacts, person->name);
	*verdict = KITH_CLOSE_NOT_CONTACT;
	if (pinned == KITH_EPINNED) {
		tell_identity_changed(c, person);
		return false;
	}
	bool stranger = contact == NULL && !c->answer_strangers && op == 0;
	if (stranger || (contact != NULL && (contact->flags & KITH_CONTACT_BLOCKED))) {
		kith_stats_add(c->stats, KITH_STAT_REFUSE_BLOCKED, 1);
		return false;
	}
	*verdict = KITH_CLOSE_NO_SERVICE;
	if (op == 0 && !serves(c, s->peer->service))
		return false;
	*verdict = KITH_CLOSE_LEAVING;
	if (c->leaving)
		return false;
	s->peer->relay_only = contact != NULL && (contact->flags & KITH_CONTACT_RELAY_ONLY);
	if (op != 0) { /* whoever calls has consented */
		*verdict = 0;
		kith_dial_take(c, op, s);
		return false;
	}
	struct kith_event *ev = kith_event_push(c, KITH_EVENT_INCOMING);
	*verdict = KITH_CLOSE_BUSY;
	if (ev == NULL)
		return false;
	fill_person(ev, s, person);
	ev->remote = true;
	s->peer->told = true;
	s->peer->ring_next = c->ringing;
	c->ringing = s;
	return true;
}

static void offer(struct kith_core *c, struct kith_session *s)
{
	struct kith_candidate list[KITH_CANDIDATES_MAX];
	struct kith_path_env env = kith_env(c, s);
	size_t n = s->peer->relay_only ? 0 : kith_own_candidates(c, list, KITH_CANDIDATES_MAX);
	if (n > 0) {
		if (kith_pathset_offer(&s->paths, &env, c->now.mono_us, list, n, 0) != 0)
			kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
	}
}

void kith_peer_offer_all(struct kith_core *c)
{
	uint32_t it = 0;
	struct kith_session *s;
	while ((s = kith_table_next(&c->sessions.by_index, &it)) != NULL) {
		if ((s->use & KITH_USE_PEER) && s->state == KITH_SESSION_OPEN) {
			offer(c, s);
			kith_session_arm(c, s);
		}
	}
}

/* Of two calls that crossed s has opened. */
static void settle(struct kith_core *c, struct kith_session *s, struct kith_session *rival)
{
	if (rival->initiator && memcmp(rival->device, s->device, KITH_DEVICE_ID_LEN) == 0) {
		/* It knows our call from the answer that it opened with, and does not wait for more. */
		rival->peer->op = 0;
		kith_session_end(c, rival, KITH_CLOSE_REPLACED, false);
		return;
	}
	kith_peer_give_way(c, rival);
}

void kith_peer_opened(struct kith_core *c, struct kith_session *s)
{
	struct kith_person person;
	struct kith_session *rival = kith_peer_get(c, s->peer->rival);
	if (s->peer->hang_up) {
		kith_session_end(c, s, KITH_CLOSE_CANCELED, false);
		return;
	}
	if (rival != NULL)
		settle(c, s, rival);
	struct kith_event *ev = kith_event_push(c, KITH_EVENT_OPENED);
	if (ev != NULL && kith_session_person(c, s, &person))
		fill_person(ev, s, &person);
	if (ev != NULL) {
		ev->session = s->index;
		ev->op = s->peer->op;
		ev->remote = !s->initiator;
	}
	s->peer->told = true;
	if (s->peer->op != 0)
		kith_dial_done(c, s->peer->op, 0, true);
	s->peer->op = 0;
	s->peer->relay_at = s->initiator ? c->now.mono_us + KITH_US_PER_S / 2 : KITH_TIME_NEVER;
	offer(c, s);
}

void kith_peer_refused(struct kith_core *c, struct kith_session *s)
{
	kith_op op = s->peer->op;
	struct kith_session *rival = kith_peer_get(c, s->peer->rival);
	s->peer->op = 0;
	kith_dial_done(c, op, KITH_EREJECTED, false);
	if (rival != NULL)
		kith_peer_give_way(c, rival);
}

/* The next home of the callee that was not asked yet, or -1. */
static int next_home(const struct kith_peer *peer)
{
	for (int i = 0; i < peer->homes_n; i++) {
		if (!(peer->homes_used & 1u << i))
			return i;
	}
	return -1;
}

/* Asks for a tunnel through the next home. */
static bool ask_home(struct kith_core *c, struct kith_session *s, struct kith_span packet)
{
	int home;
	while ((home = next_home(s->peer)) >= 0) {
		s->peer->homes_used |= (uint8_t)(1u << home);
		if (kith_introduce(c, s, &s->peer->homes[home], packet) == 0)
			return true;
	}
	return false;
}

/* A call that was given up: over every tunnel there is, since any of them may be the one that brought it. */
static void redial_canceled(struct kith_core *c, struct kith_session *s)
{
	struct kith_peer *peer = s->peer;
	for (unsigned i = 0; i + 1 < peer->hops_n; i++) {
		uint8_t *out = kith_outbox_raw(&c->shared->outbox, &peer->hops[i], s->hs->len);
		if (out != NULL)
			memcpy(out, s->hs->packet, s->hs->len);
	}
	peer->hops_next = (uint8_t)(peer->hops_n > 0 ? peer->hops_n - 1 : 0);
}

void kith_peer_redial(struct kith_core *c, struct kith_session *s)
{
	struct kith_peer *peer = s->peer;
	struct kith_span hello = { s->hs->packet, s->hs->len };
	bool wanted = !s->hs->cancel; /* else the ways there are will do */
	if ((wanted || peer->hops_n == 0) && !ask_home(c, s, hello) && peer->hops_n == 0)
		peer->homes_used = 0; /* all failed: begin again with the first */
	if (wanted && s->hs->tries % REFRESH_EVERY == REFRESH_EVERY - 1)
		kith_dial_refresh(c, s); /* perhaps the callee has moved since its record was read */
	if (!wanted)
		redial_canceled(c, s);
	if (peer->hops_n > 0) { /* in turn: a tunnel may end at an address that the callee has left */
		kith_connect_send(c, s, &peer->hops[peer->hops_next++ % peer->hops_n]);
		return;
	}
	kith_time_us wait = KITH_HANDSHAKE_RETRY_US << (s->hs->tries < 3 ? s->hs->tries : 3);
	s->hs->tries++;
	s->hs->next_at = c->now.mono_us + wait;
	kith_session_arm(c, s);
}

bool kith_peer_dial_via(struct kith_core *c, struct kith_session *s, const struct kith_hop *hop)
{
	struct kith_peer *peer = s->peer;
	if (hop != NULL) {
		unsigned i = peer->hops_n < KITH_HOMES ? peer->hops_n++ : peer->hops_next % KITH_HOMES;
		peer->hops[i] = *hop;
		return true;
	}
	if (next_home(peer) < 0 || s->hs->next_at <= c->now.mono_us)
		return false;
	s->hs->next_at = c->now.mono_us; /* at once through another home */
	return true;
}

void kith_peer_closed(struct kith_core *c, struct kith_session *s, enum kith_close_reason reason, bool remote)
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
		kith_dial_done(c, peer->op, reason == KITH_CLOSE_TIMED_OUT ? KITH_EUNREACHABLE : KITH_EAUTH, false);
	kith_peer_stop_ringing(c, s);
	tell_closed(c, s, reason, remote);
	kith_streams_free(peer->streams);
	kith_blob_unref(&c->shared->blobs, peer->challenge);
	KITH_FREE(c->alloc, peer);
	s->peer = NULL;
}

/* ---- paths ---- */

size_t kith_peer_paths(const struct kith_session *s, kith_time_us now, struct kith_path_info out[], size_t n)
{
	const struct kith_path *sending = kith_pathset_sending(&s->paths);
	size_t count = kith_pathset_count(&s->paths);
	for (size_t i = 0; i < count && i < n; i++) {
		const struct kith_path *p = kith_pathset_path(&s->paths, (unsigned)i);
		out[i] = (struct kith_path_info){
			.kind = kith_path_is_relay(p) ? KITH_PATH_CLASS_RELAY : KITH_PATH_CLASS_DIRECT,
			.remote = p->hop.remote,
			.transport = p->hop.transport,
			.sending = p == sending,
			.alive = p->state == KITH_PATH_LIVE,
			.rtt_us = p->srtt_us,
			.heard_us = p->heard_at > 0 ? now - p->heard_at : KITH_TIME_NEVER,
		};
	}
	return count;
}

static void tell_path(struct kith_core *c, struct kith_session *s)
{
	struct kith_path_info info[KITH_PATHS_MAX];
	size_t n = kith_peer_paths(s, c->now.mono_us, info, KITH_PATHS_MAX);
	for (size_t i = 0; i < n && i < KITH_PATHS_MAX; i++) {
		if (!info[i].sending)
			continue;
		struct kith_event *ev = kith_event_push(c, KITH_EVENT_PATH);
		if (ev != NULL) {
			ev->session = s->index;
			ev->path = info[i];
		}
		return;
	}
}

/* A relay path that died may only mean that our own address changed, and the supernode does not know yet: our session
 * with it is asked, and moves along. */
static void check_relays(struct kith_core *c, struct kith_session *s)
{
	for (unsigned i = 0; i < kith_pathset_count(&s->paths); i++) {
		const struct kith_path *p = kith_pathset_path(&s->paths, i);
		uint32_t it = 0;
		struct kith_session *via;
		if (!kith_path_is_relay(p) || p->state == KITH_PATH_LIVE)
			continue;
		while ((via = kith_table_next(&c->sessions.by_device, &it)) != NULL) {
			struct kith_path_env env = kith_env(c, via);
			if (via->state != KITH_SESSION_OPEN ||
			    !kith_addr_equal(&kith_session_hop(via)->remote, &p->hop.remote))
				continue;
			kith_pathset_check(&via->paths, &env, c->now.mono_us);
			kith_session_arm(c, via);
		}
	}
}

void kith_peer_news(struct kith_core *c, struct kith_session *s)
{
	unsigned news = s->paths.news;
	s->paths.news = 0;
	if (news & KITH_NEWS_ALL_DEAD) {
		kith_session_end(c, s, KITH_CLOSE_TIMED_OUT, false);
		return;
	}
	if (news & KITH_NEWS_SENDING_CHANGED) {
		tell_path(c, s);
		if (s->peer->streams != NULL)
			kith_streams_migrate(s->peer->streams, c->now.mono_us);
	}
	if (news & KITH_NEWS_WANT_OFFER)
		offer(c, s);
	if ((news & KITH_NEWS_WANT_RELAY) && s->initiator && s->peer->relay_at == KITH_TIME_NEVER) {
		s->peer->relay_at = c->now.mono_us + NEXT_RELAY_US;
	}
	if (news & KITH_NEWS_PATH_DIED)
		check_relays(c, s);
}

/* When a callee has to ask: the caller keeps the paths alive, so whoever was called would wait for ever for one that
 * is gone. */
static kith_time_us silent_at(const struct kith_session *s)
{
	const struct kith_path *sending = kith_pathset_sending(&s->paths);
	bool waits =
		s->state == KITH_SESSION_OPEN && !s->initiator && sending != NULL && sending->state == KITH_PATH_LIVE;
	return waits ? kith_session_heard_at(s) + SILENT_US : KITH_TIME_NEVER;
}

kith_time_us kith_peer_deadline(const struct kith_core *c, const struct kith_session *s)
{
	if (s->state != KITH_SESSION_OPEN)
		return KITH_TIME_NEVER;
	kith_time_us at = silent_at(s);
	at = s->peer->relay_at < at ? s->peer->relay_at : at;
	if (s->peer->streams != NULL) {
		kith_time_us due = kith_streams_deadline(s->peer->streams);
		if (due == KITH_TIME_NEVER && kith_streams_idle(s->peer->streams)) /* it may be put away then */
			due = s->used_at + STREAMS_IDLE_US;
		at = due < at ? due : at;
	}
	if (s->peer->more && c->now.mono_us < at)
		at = c->now.mono_us;
	if (s->peer->want_writable) {
		kith_time_us ready = kith_pathset_ready_at(&s->paths, c->now.mono_us, s->peer->want_len);
		ready = ready > c->now.mono_us ? ready : c->now.mono_us;
		at = ready < at ? ready : at;
	}
	return at;
}

void kith_peer_tick(struct kith_core *c, struct kith_session *s)
{
	struct kith_peer *peer = s->peer;
	if (peer->relay_at <= c->now.mono_us) {
		peer->relay_at = KITH_TIME_NEVER;
		if (!ask_home(c, s, (struct kith_span){ NULL, 0 }))
			kith_dial_refresh(c, s); /* all were asked: perhaps the peer has others by now */
	}
	if (silent_at(s) <= c->now.mono_us) {
		struct kith_path_env env = kith_env(c, s);
		kith_pathset_check(&s->paths, &env, c->now.mono_us);
	}
	if (peer->want_writable && kith_outbox_has_room(&c->shared->outbox, 8) &&
	    kith_pathset_ready_at(&s->paths, c->now.mono_us, peer->want_len) <= c->now.mono_us) {
		struct kith_event *ev = kith_event_push(c, KITH_EVENT_WRITABLE);
		if (ev != NULL) {
			ev->session = s->index;
			peer->want_writable = false;
		}
	}
	if (peer->streams == NULL)
		return;
	if (kith_streams_idle(peer->streams) && c->now.mono_us - s->used_at >= STREAMS_IDLE_US)
		kith_streams_close(peer->streams);
	else if (kith_streams_deadline(peer->streams) <= c->now.mono_us)
		kith_streams_tick(peer->streams, c->now.mono_us);
	kith_peer_pump(c, s);
}

/* ---- datagrams ---- */

int kith_peer_send(struct kith_core *c, struct kith_session *s, uint16_t channel, struct kith_span data)
{
	if (s->state != KITH_SESSION_OPEN)
		return KITH_ESTATE;
	if (data.len > KITH_DATAGRAM_MAX)
		return KITH_EMSGSIZE;
	/* Keep some slots for what keeps the session alive. */
	struct kith_path_env env = kith_env(c, s);
	int err = KITH_EAGAIN;
	if (kith_outbox_has_room(&c->shared->outbox, 8))
		err = kith_pathset_take(&s->paths, &env, c->now.mono_us, data.len);
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

void kith_peer_on_datagram(struct kith_core *c, struct kith_session *s, struct kith_span body)
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

/* ---- streams ---- */

static struct kith_streams *make_streams(struct kith_core *c, struct kith_session *s, uint8_t generation)
{
	struct kith_streams_config cfg;
	kith_streams_config_init(&cfg);
	cfg.alloc = c->alloc;
	cfg.random = c->random;
	cfg.initiator = s->initiator;
	cfg.generation = generation;
	cfg.now = c->now.mono_us;
	cfg.rtt_us = kith_pathset_rtt_us(&s->paths);
	if (kith_streams_new(&s->peer->streams, &cfg) != 0) {
		s->peer->streams = NULL;
		kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
	}
	s->peer->stream_generation = generation;
	s->peer->had_streams = true;
	return s->peer->streams;
}

struct kith_streams *kith_peer_streams(struct kith_core *c, struct kith_session *s)
{
	if (s->peer->streams == NULL)
		(void)make_streams(c, s, s->peer->had_streams ? (uint8_t)(s->peer->stream_generation + 1) : 0);
	return s->peer->streams;
}

static void drop_streams(struct kith_session *s)
{
	kith_streams_free(s->peer->streams);
	s->peer->streams = NULL;
}

static void emit_stream(struct kith_core *c, struct kith_session *s, const uint8_t *packet, size_t len)
{
	struct kith_writer *w = kith_outbox_begin(&c->shared->outbox, s->index, NULL, 0, KITH_FRAME_STREAM, len);
	kith_write_bytes(w, packet, len);
	kith_outbox_end(&c->shared->outbox);
}

static enum kith_stream_news news_of(enum kith_stream_event_type type)
{
	switch (type) {
	case KITH_STREAM_OPENED:
		return KITH_STREAM_NEWS_OPENED;
	case KITH_STREAM_READABLE:
		return KITH_STREAM_NEWS_READABLE;
	case KITH_STREAM_WRITABLE:
		return KITH_STREAM_NEWS_WRITABLE;
	case KITH_STREAM_FIN:
		return KITH_STREAM_NEWS_FIN;
	case KITH_STREAM_RESET:
		return KITH_STREAM_NEWS_RESET;
	case KITH_STREAM_STOPPED:
		return KITH_STREAM_NEWS_STOPPED;
	case KITH_STREAM_CLOSED:
	case KITH_STREAM_DEAD:
		return KITH_STREAM_NEWS_CLOSED;
	}
	return KITH_STREAM_NEWS_CLOSED;
}

/* Stream events become core events while there is room for them; the rest stays where it is, and is told at the next
 * tick, before which the host has taken out what is there. False when the connection is over. */
static bool tell_streams(struct kith_core *c, struct kith_session *s)
{
	struct kith_stream_event in;
	while (kith_has_room(c) && kith_streams_event(s->peer->streams, &in)) {
		if (in.type == KITH_STREAM_DEAD)
			return false;
		struct kith_event *ev = kith_event_push(c, KITH_EVENT_STREAM);
		ev->session = s->index;
		ev->stream = in.id;
		ev->channel = in.channel;
		ev->code = in.code;
		ev->err = in.error;
		ev->stream_event = news_of(in.type);
	}
	if (!kith_has_room(c))
		s->peer->more = true;
	return true;
}

void kith_peer_pump(struct kith_core *c, struct kith_session *s)
{
	uint8_t packet[KITH_STREAM_PACKET_MAX];
	int n = 0;
	if (s->peer->streams == NULL)
		return;
	while (kith_outbox_has_room(&c->shared->outbox, 16) &&
	       (n = kith_streams_output(s->peer->streams, c->now.mono_us, packet, sizeof packet)) > 0)
		emit_stream(c, s, packet, (size_t)n);
	s->peer->more = n > 0 || !kith_outbox_has_room(&c->shared->outbox, 16);
	if (!tell_streams(c, s))
		drop_streams(s);
}

/* A packet for streams that there are none of, or not of its generation. */
static void on_other_generation(struct kith_core *c, struct kith_session *s, struct kith_span body)
{
	uint8_t generation, gone[KITH_STREAMS_HEADER];
	int last = s->peer->had_streams ? s->peer->stream_generation : -1;
	switch (kith_streams_peek(body.p, body.len, last, &generation)) {
	case KITH_STREAMS_DROP:
		break;
	case KITH_STREAMS_MAKE:
		if (make_streams(c, s, generation) != NULL)
			(void)kith_streams_input(s->peer->streams, c->now.mono_us, body.p, body.len);
		break;
	case KITH_STREAMS_REFUSE:
		emit_stream(c, s, gone, kith_streams_gone(generation, gone, sizeof gone));
		break;
	}
}

void kith_peer_on_stream(struct kith_core *c, struct kith_session *s, struct kith_span body)
{
	struct kith_streams *streams = s->peer->streams;
	if (streams != NULL && kith_streams_input(streams, c->now.mono_us, body.p, body.len) != KITH_ESTATE) {
		kith_peer_pump(c, s);
		return;
	}
	if (streams != NULL) {
		/* The peer has given this connection up and begun another. The application is told first, and may read
		 * what is complete; until then nothing new is taken, and the peer repeats it. */
		kith_streams_close(streams);
		kith_peer_pump(c, s);
		if (s->peer->streams != NULL)
			return;
	}
	on_other_generation(c, s, body);
	kith_peer_pump(c, s);
}
