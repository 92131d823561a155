#include "core/dispatch.h"

#include "base/addr.h"
#include "call/dial.h"
#include "call/relays.h"
#include "call/ringing.h"
#include "call/streams.h"
#include "call/talk.h"
#include "core/certs.h"
#include "core/requests.h"
#include "core/settle.h"
#include "leaf/candidacy.h"
#include "leaf/gauge.h"
#include "leaf/homes.h"
#include "link/connect.h"
#include "link/gone.h"
#include "link/nearby.h"
#include "link/refuse.h"
#include "link/respond.h"
#include "link/who.h"
#include "super/echo.h"
#include "super/tunnels.h"
#include "super/witness.h"

static void on_close(struct kith_core *c, struct kith_session *s, struct kith_span body)
{
	struct kith_reader r = kith_reader_of_span(body);
	uint16_t reason = kith_read_u16(&r);
	kith_session_end(c, s, r.bad ? KITH_CLOSE_PROTOCOL : (enum kith_close_reason)reason, true);
}

static void on_handshake(struct kith_core *c, struct kith_span packet, const struct kith_hop *hop);

/* What an introduction brought for this node itself is taken as if it had come directly. */
static uint16_t on_request(struct kith_core *c, struct kith_session *s, struct kith_span body)
{
	struct kith_span own;
	uint16_t id = kith_core_on_request(c, s, body, &own);
	if (own.p != NULL && s->state != KITH_SESSION_CLOSED) {
		struct kith_hop hop = *kith_session_hop(s);
		on_handshake(c, own, &hop);
	}
	return id;
}

/* Of tunnels: RELAY_LIMITED; and LEG, which an end asks and a relay tells. */
static bool on_tunnels_word(struct kith_core *c, struct kith_session *s, const struct kith_frame *frame)
{
	if (frame->type == KITH_FRAME_RELAY_LIMITED)
		return kith_relays_on_limited(c, s, frame->body);
	if (frame->body.len != KITH_LEG_BODY)
		return kith_relays_on_leg(c, s, frame->body);
	return !kith_serves(c) || kith_tunnels_on_leg(c, s, frame->body); /* one that serves no more has no tunnel */
}

/* What applications say: only on their sessions. */
static bool on_data_frame(struct kith_core *c, struct kith_session *s, const struct kith_frame *frame)
{
	s->used_at = c->now.mono_us;
	if (!(s->use & KITH_USE_PEER))
		return false;
	if (frame->type == KITH_FRAME_DATAGRAM)
		kith_talk_on_datagram(c, s, frame->body);
	else
		kith_talk_streams_on_packet(c, s, frame->body);
	return true;
}

/* One frame of a data packet. False: malformed. */
static bool on_frame(struct kith_core *c, struct kith_session *s, const struct kith_hop *hop,
		     const struct kith_frame *frame)
{
	switch ((enum kith_frame_type)frame->type) {
	case KITH_FRAME_PROBE:
	case KITH_FRAME_PROBE_ACK:
	case KITH_FRAME_PATH_ACK:
	case KITH_FRAME_IDLE:
	case KITH_FRAME_CANDIDATES:
	case KITH_FRAME_PUNCH:
	case KITH_FRAME_KEEPALIVE:
	case KITH_FRAME_PATH_CLOSE:
	case KITH_FRAME_NAME:
	case KITH_FRAME_SPARE:
		return kith_pathset_on_frame(&s->paths, kith_env(c, s), hop, frame) == 0;
	case KITH_FRAME_RELAY_LIMITED:
	case KITH_FRAME_LEG:
		return on_tunnels_word(c, s, frame);
	case KITH_FRAME_CLOSE:
		on_close(c, s, frame->body);
		return true;
	case KITH_FRAME_REQUEST:
		s->used_at = c->now.mono_us;
		(void)on_request(c, s, frame->body);
		return true;
	case KITH_FRAME_ANSWER:
		kith_core_on_answer(c, s, frame->body);
		return true;
	case KITH_FRAME_ANSWER_MORE:
		kith_request_on_more(s->requests, kith_env(c, s), frame->body);
		return true;
	case KITH_FRAME_DATAGRAM:
	case KITH_FRAME_STREAM:
		return on_data_frame(c, s, frame);
	case KITH_FRAME_BURST:
		if ((s->use & KITH_USE_WITNESS) == 0)
			return false;
		return s->initiator ? kith_witness_on_burst(c, s, frame->body)
				    : kith_candidacy_on_burst(c, s, frame->body);
	case KITH_FRAME_HELLO: /* frames of handshake payloads */
	case KITH_FRAME_CHAIN:
	case KITH_FRAME_SERVICE:
	case KITH_FRAME_VERDICT:
	case KITH_FRAME_FRESH:
	case KITH_FRAME_CANCEL:
	case KITH_FRAME_CROSSED:
	case KITH_FRAME_EARLY:
		return false;
	case KITH_FRAME_PADDING:
		return true;
	}
	kith_stats_add(c->stats, KITH_STAT_SKIP_UNKNOWN_FRAME, 1);
	return true;
}

static bool has_data(struct kith_span frames)
{
	struct kith_reader r = kith_reader_of_span(frames);
	struct kith_frame f;
	while (kith_frame_next(&r, &f)) {
		if (f.type >= KITH_FRAME_REQUEST && f.type <= KITH_FRAME_STREAM && f.type != KITH_FRAME_ANSWER &&
		    f.type != KITH_FRAME_ANSWER_MORE)
			return true;
	}
	return false;
}

static void on_frames(struct kith_core *c, struct kith_session *s, const struct kith_hop *hop, struct kith_span frames)
{
	struct kith_reader r = kith_reader_of_span(frames);
	struct kith_frame f;
	while (s->state == KITH_SESSION_OPEN && kith_frame_next(&r, &f)) {
		if (!on_frame(c, s, hop, &f))
			r.bad = true;
	}
	if (r.bad)
		kith_drop(c, KITH_STAT_DROP_MALFORMED_FRAME, hop, "frame");
}

/* ---- what handshakes came to, given to their owners ---- */

static void on_opened(struct kith_core *c, struct kith_session *s)
{
	if (s->use & KITH_USE_PEER)
		kith_talk_opened(c, s);
	else if (!s->initiator)
		kith_tunnels_rebind(c, s, true);
}

/* A node contacts this supernode. */
static void on_contact(struct kith_core *c, const struct kith_first *first)
{
	struct kith_session *s = kith_respond_begin(c, first, false);
	uint16_t answered = 0;
	if (s == NULL)
		return;
	if (first->hello.request.p != NULL)
		answered = on_request(c, s, first->hello.request);
	if (s->state != KITH_SESSION_CLOSED)
		kith_respond_reply(c, s, 0, answered, NULL);
}

static void on_hello(struct kith_core *c, const struct kith_hs_header *header, size_t packet_len,
		     const struct kith_hop *hop)
{
	struct kith_first first;
	switch (kith_respond_on_hello(c, header, packet_len, hop, &first)) {
	case KITH_RESPOND_DONE:
		return;
	case KITH_RESPOND_CALL:
		kith_ringing_on_call(c, &first);
		break;
	case KITH_RESPOND_CONTACT:
		on_contact(c, &first);
		break;
	}
	kith_respond_forget(&first);
}

static void on_reply(struct kith_core *c, const struct kith_hs_header *header, const struct kith_hop *hop)
{
	struct kith_link_result result;
	kith_connect_on_reply(c, header, hop, &result);
	switch (result.event) {
	case KITH_LINK_NOTHING:
		return;
	case KITH_LINK_OPENED:
		on_opened(c, result.session);
		if (result.answer.p != NULL)
			kith_core_on_answer(c, result.session, result.answer);
		return;
	case KITH_LINK_REFUSED:
		kith_talk_refused(c, result.session);
		kith_session_end(c, result.session, result.reason, true);
		return;
	}
}

static void on_handshake(struct kith_core *c, struct kith_span packet, const struct kith_hop *hop)
{
	struct kith_hs_header header;
	if (!kith_hs_parse(&header, packet)) {
		kith_drop(c, KITH_STAT_DROP_TOO_SHORT, hop, "handshake_header");
		return;
	}
	if (header.version != KITH_WIRE_VERSION) {
		kith_drop(c, KITH_STAT_DROP_UNKNOWN_VERSION, hop, "version");
		if (header.type == KITH_PKT_HELLO)
			kith_refuse_version(c, header.sender, packet.len, hop, KITH_WHY_VERSION);
		return;
	}
	if (header.type == KITH_PKT_HELLO)
		on_hello(c, &header, packet.len, hop);
	else
		on_reply(c, &header, hop);
}

/* The attempt is over, and nothing is wrong with the line or the host. */
static void on_busy(struct kith_core *c, struct kith_span packet, const struct kith_hop *hop)
{
	struct kith_busy busy;
	struct kith_session *s = kith_connect_on_busy(c, packet, hop, &busy);
	if (s == NULL)
		return;
	kith_homes_refused(c, s, &busy);
	kith_session_end(c, s, KITH_CLOSE_LIMIT, true);
}

static void on_data(struct kith_core *c, struct kith_span packet, const struct kith_hop *hop)
{
	struct kith_data_header header;
	struct kith_span frames;
	uint64_t counter;
	if (!kith_data_parse(&header, packet)) {
		kith_drop(c, KITH_STAT_DROP_TOO_SHORT, hop, "data_header");
		return;
	}
	uint32_t number;
	struct kith_session *s = kith_sessions_named(&c->sessions, header.name, &number);
	if (s == NULL || (s->state != KITH_SESSION_OPEN && s->state != KITH_SESSION_UNCONFIRMED) ||
	    (s->hs != NULL && s->hs->refused)) {
		kith_drop(c, KITH_STAT_DROP_UNKNOWN_INDEX, hop, "data_index");
		/* A packet in a tunnel that this supernode does not have any more was for somebody else; another
		 * shard's sessions are another worker's. */
		if (s == NULL && header.name >> 56 == c->sessions.shard && packet.len >= KITH_GONE_PACKET_LEN &&
		    (!kith_serves(c) || hop->tunnel == 0))
			kith_gone_say(c, header.name, hop);
		return;
	}
	switch (kith_session_open(s, c->suite, c->now.mono_us, &header, &frames, &counter)) {
	case KITH_OPEN_REPLAYED:
		kith_drop(c, KITH_STAT_DROP_REPLAYED, hop, "counter");
		return;
	case KITH_OPEN_NOT_AUTHENTIC:
		kith_drop(c, KITH_STAT_DROP_NOT_AUTHENTIC, hop, "tag");
		return;
	case KITH_OPEN_OK:
		break;
	}
	if (s->state == KITH_SESSION_UNCONFIRMED) {
		kith_respond_confirmed(c, s);
		if (s->state != KITH_SESSION_OPEN)
			return;
		on_opened(c, s);
	}
	c->env.renewed = kith_names_since(&c->sessions.names, number);
	s->gone_hints = 0;
	bool data = has_data(frames);
	if (data && (s->use & KITH_USE_PEER) && s->replay.wide == NULL)
		(void)kith_replay_widen(&s->replay, c->alloc); /* without memory the narrow window goes on */
	kith_pathset_heard(&s->paths, kith_env(c, s), hop, counter, data, packet.len);
	on_frames(c, s, hop, frames);
	(void)kith_settle_news(c, s); /* packets behind this one in the batch meet what follows from it */
}

/* A packet that is for this node itself, out of its tunnel if it came through one. */
static void on_own(struct kith_core *c, struct kith_span packet, const struct kith_hop *hop)
{
	switch (kith_packet_type(packet)) {
	case KITH_PKT_HELLO:
	case KITH_PKT_REPLY:
		on_handshake(c, packet, hop);
		return;
	case KITH_PKT_WHO:
		kith_who_on_question(c, packet, hop);
		return;
	case KITH_PKT_IAM:
		kith_who_on_answer(c, packet, hop);
		return;
	case KITH_PKT_COOKIE:
		kith_connect_on_cookie(c, packet, hop);
		return;
	case KITH_PKT_VERSION:
		kith_connect_on_version(c, packet, hop);
		return;
	case KITH_PKT_BUSY:
		on_busy(c, packet, hop);
		return;
	case KITH_PKT_GONE:
		kith_gone_on_packet(c, packet, hop);
		return;
	case KITH_PKT_DATA:
		on_data(c, packet, hop);
		return;
	case KITH_PKT_KNOCK:
		kith_candidacy_on_knock(c, packet, hop);
		return;
	case KITH_PKT_ECHO:
		if (kith_serves(c))
			kith_echo_on_packet(c, packet, hop);
		else
			kith_gauge_on_packet(c, packet, hop);
		return;
	case KITH_PKT_WHERE:
		kith_nearby_on_where(c, packet, hop);
		return;
	case KITH_PKT_HERE:
		kith_dial_on_here(c, packet, hop);
		return;
	default:
		if (packet.len > 0 && packet.p[0] >= KITH_PKT_HELLO && packet.p[0] <= KITH_PKT_ECHO)
			kith_drop(c, KITH_STAT_DROP_TOO_SHORT, hop, "type_and_length");
		else
			kith_drop(c, KITH_STAT_DROP_UNKNOWN_TYPE, hop, "type");
		return;
	}
}

void kith_dispatch_packet(struct kith_core *c, struct kith_packet *packet)
{
	struct kith_hop hop = { .remote = packet->remote, .transport = packet->transport };
	struct kith_span bytes = { packet->data, packet->len };
	kith_addr_normalise(&hop.remote);
	if (kith_transports_is_lan(&c->transports, hop.transport) && kith_packet_type(bytes) != KITH_PKT_WHERE) {
		kith_drop(c, KITH_STAT_DROP_OFF_LINK, &hop, "to_all");
		return;
	}
	if (kith_packet_type(bytes) == KITH_PKT_TUNNEL) {
		if (kith_tunnels_forward(c, packet))
			return;
		if (!kith_tunnel_parse(&hop.tunnel, &bytes, bytes)) {
			kith_drop(c, KITH_STAT_DROP_TOO_SHORT, &hop, "tunnel_header");
			return;
		}
	}
	on_own(c, bytes, &hop);
	kith_certs_look(c);
}

bool kith_dispatch_train(struct kith_core *c, struct kith_packet *packet)
{
	return packet->len >= KITH_TUNNEL_HEADER && packet->data[0] == KITH_PKT_TUNNEL &&
	       !kith_transports_is_lan(&c->transports, packet->transport) && kith_tunnels_forward(c, packet);
}
