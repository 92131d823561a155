#include "call/streams.h"

#include "call/outage.h"
#include "stream/stream.h"

static struct kith_streams *make_streams(struct kith_core *c, struct kith_session *s, uint8_t generation)
{
	struct kith_streams_config cfg;
	kith_streams_config_init(&cfg);
	cfg.alloc = c->alloc;
	cfg.random = c->random;
	cfg.initiator = s->initiator;
	cfg.generation = generation;
	cfg.window_max = c->stream_window_max;
	cfg.session_max = c->session_window_max;
	cfg.pool = &c->windows;
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

struct kith_streams *kith_talk_streams(struct kith_core *c, struct kith_session *s)
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

static enum kith_stream_change change_of(enum kith_stream_event_type type)
{
	switch (type) {
	case KITH_STREAM_OPENED:
		return KITH_STREAM_CHANGE_OPENED;
	case KITH_STREAM_READABLE:
		return KITH_STREAM_CHANGE_READABLE;
	case KITH_STREAM_WRITABLE:
		return KITH_STREAM_CHANGE_WRITABLE;
	case KITH_STREAM_FIN:
		return KITH_STREAM_CHANGE_FIN;
	case KITH_STREAM_RESET:
		return KITH_STREAM_CHANGE_RESET;
	case KITH_STREAM_STOPPED:
		return KITH_STREAM_CHANGE_STOPPED;
	case KITH_STREAM_CLOSED:
	case KITH_STREAM_DEAD:
		return KITH_STREAM_CHANGE_CLOSED;
	}
	return KITH_STREAM_CHANGE_CLOSED;
}

/* Stream events become core events while the queue has room. The rest waits for the next tick, before which the host
 * has taken events out. False when the QUIC connection is over. */
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
		ev->stream_change = change_of(in.type);
	}
	if (!kith_has_room(c))
		s->peer->more = true;
	return true;
}

void kith_talk_streams_pump(struct kith_core *c, struct kith_session *s)
{
	uint8_t packet[KITH_STREAM_PACKET_MAX];
	int n = 0;
	if (s->peer->streams == NULL)
		return;
	bool holds = kith_outage_holds(s); /* nothing would arrive: it leaves when a path answers */
	while (!holds && kith_outbox_has_room(&c->shared->outbox, 16) &&
	       (n = kith_streams_output(s->peer->streams, c->now.mono_us, packet, sizeof packet)) > 0)
		emit_stream(c, s, packet, (size_t)n);
	s->peer->more = n > 0 || (!holds && !kith_outbox_has_room(&c->shared->outbox, 16));
	if (!tell_streams(c, s))
		drop_streams(s);
}

/* A packet for streams that do not exist, or are of another generation. */
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

void kith_talk_streams_on_packet(struct kith_core *c, struct kith_session *s, struct kith_span body)
{
	struct kith_streams *streams = s->peer->streams;
	if (streams != NULL && kith_streams_input(streams, c->now.mono_us, body.p, body.len) != KITH_ESTATE) {
		kith_talk_streams_pump(c, s);
		return;
	}
	if (streams != NULL) {
		/* The peer has given this QUIC connection up and begun another. The application is told first, and may
		 * read what is complete; until then new packets are dropped, and the peer repeats them. */
		kith_streams_close(streams);
		kith_talk_streams_pump(c, s);
		if (s->peer->streams != NULL)
			return;
	}
	on_other_generation(c, s, body);
	kith_talk_streams_pump(c, s);
}
