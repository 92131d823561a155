/* What the files of lib/stream share. Nobody else includes it.
 *
 * stream.c  streams: table, events, the application's calls
 * start.c   the QUIC connection's beginning, which takes no packet
 * quic.c    packets in and out, time, migration
 * window.c  how much may be on its way: the peer's credit, and room for what we write
 * vet.c     what of QUIC is let in
 * gaps.c    that a stream does not arrive in more pieces than QUIC bears
 * callback.c what QUIC calls: null protection, connection ids, stream data and state
 * sendbuf.c bytes that QUIC points to until they are acknowledged
 * memory.c  QUIC's allocator over the injected one
 */
#ifndef KITH_STREAM_INTERNAL_H
#define KITH_STREAM_INTERNAL_H

#include <ngtcp2/ngtcp2.h>

#include "base/list.h"
#include "base/ring.h"
#include "base/table.h"
#include "stream/stream.h"

/* ---- bytes to send ---- */
struct kith_piece {
	struct kith_piece *next;
	uint32_t cap, len;
	uint8_t bytes[];
};

struct kith_sendbuf {
	struct kith_piece *first, *last, *unsent; /* unsent: where the first byte that was never sent lies, or NULL */
	uint32_t acked_in_first, sent_in_unsent;
	size_t held; /* bytes not acknowledged */
	size_t waiting; /* of them, bytes that were never sent */
};

/* Copies len bytes in, all or nothing; false when out of memory. */
bool kith_sendbuf_put(struct kith_sendbuf *b, const struct kith_alloc *alloc, const uint8_t *p, size_t len);

/* Fills at most n vectors with what was never sent; returns how many, and in *len how many bytes. */
size_t kith_sendbuf_vectors(const struct kith_sendbuf *b, ngtcp2_vec *vec, size_t n, size_t *len);

void kith_sendbuf_sent(struct kith_sendbuf *b, size_t len);
void kith_sendbuf_acked(struct kith_sendbuf *b, const struct kith_alloc *alloc, size_t len);
void kith_sendbuf_deinit(struct kith_sendbuf *b, const struct kith_alloc *alloc);

/* ---- memory ---- */
enum { QUIC_RESERVES = 2 };

struct kith_quic_memory {
	ngtcp2_mem mem; /* what QUIC is given; its user_data is this structure */
	const struct kith_alloc *alloc;
	struct kith_link blocks; /* all that QUIC holds, so that nothing is left behind when it fails half-way */
	size_t bytes, bytes_max;
	void *reserve[QUIC_RESERVES]; /* for notes */
	void *small; /* for what is small, never given back */
	size_t small_used;
	bool starved; /* there was no memory: the connection must end */
};

void kith_quic_memory_init(struct kith_quic_memory *m, const struct kith_alloc *alloc, size_t bytes_max);
bool kith_quic_memory_reserve(struct kith_quic_memory *m) KITH_MUST_USE;
void kith_quic_memory_deinit(struct kith_quic_memory *m);

/* ---- a stream ---- */
enum kith_stream_flag {
	STREAM_LOCAL = 1 << 0, /* opened by us */
	STREAM_IN_QUIC = 1 << 1, /* QUIC knows it (ours may wait for the peer's limit) */
	STREAM_ANNOUNCED = 1 << 2, /* the application knows it: its own, or OPENED was raised */
	STREAM_FIN_QUEUED = 1 << 3, /* the application ended writing */
	STREAM_FIN_SENT = 1 << 4, /* QUIC was told so */
	STREAM_WRITE_OVER = 1 << 5, /* no write is taken: fin, reset, stopped */
	STREAM_RESET_QUEUED = 1 << 6, /* reset before QUIC knew the stream */
	STREAM_STOP_QUEUED = 1 << 7, /* stop before QUIC knew the stream */
	STREAM_STOPPED_READING = 1 << 8, /* our stop: what arrives is dropped */
	STREAM_FIN_RECEIVED = 1 << 9,
	STREAM_END_TOLD = 1 << 10, /* the application was told of the end, or of the reset */
	STREAM_RESET_RECEIVED = 1 << 11,
	STREAM_WANTS_ROOM = 1 << 12, /* a write was cut short */
	STREAM_CLOSED = 1 << 13, /* over for QUIC */
	STREAM_FIN_WITH_BYTES = 1 << 14, /* our end left with our last bytes */
	STREAM_FIN_ACKED = 1 << 15 /* our end left alone, and has arrived */
};

enum kith_stream_limit {
	STREAM_PREFIX = 2, /* wire: the channel, first bytes of the opener */
	STREAM_CORK = 1024, /* written bytes of a stream that make a packet of their own */
	STREAM_VECTORS = 8, /* pieces handed to QUIC at once: a packet's worth even of small ones */
	STREAMS_SHARE = 4, /* wire: streams' first windows that make the session's first one */
	STREAM_GAPS_MAX = 900, /* of what arrives out of order: QUIC's limit is 1000 */
	STREAM_CLASSES = 2 /* ids step by four: two kinds of opener, two directions (RFC 9000, 2.1) */
};

struct kith_range {
	uint64_t from, to;
};

/* Pieces of a stream that lie beyond what was delivered; see gaps.c. */
struct kith_gaps {
	struct kith_range *ranges;
	uint16_t n, cap;
};

/* One stream of the connection. An application has a handle of it, struct kith_stream, which is the host's. */
struct kith_quic_stream {
	uint64_t id;
	/* in streams.sending; in streams.waiting while QUIC does not know it, in streams.blocked while the session has
	 * no credit */
	struct kith_link sending;
	struct kith_link events; /* in streams.events while pending != 0 */
	struct kith_sendbuf send;
	struct kith_ring recv;
	uint32_t flags; /* enum kith_stream_flag */
	uint16_t channel;
	uint8_t prefix_got; /* bytes of the channel that have arrived */
	uint8_t pending; /* bit per enum kith_stream_event_type */
	int error; /* of CLOSED */
	uint64_t reset_code; /* the peer's; before QUIC knows the stream, ours */
	uint64_t stop_code;
	size_t window; /* bytes that the peer may have on their way to us, or unread; 0: it sends no more, or unasked */
	uint64_t consumed, judge_from; /* bytes read; how many before those by which the window is judged next */
	kith_time_us judged_at;
	uint64_t delivered; /* bytes that arrived in order */
	struct kith_gaps gaps;
};

/* ---- the connection ---- */
enum kith_quic_limit {
	QUIC_CID_LEN = 2, /* a counter; they only need to differ among the eight that live at once */
	QUIC_CIDS = 8, /* so that seven path changes fit in a round trip */
	QUIC_FIRST_CID_LEN = 8, /* RFC 9000, 7.2 */
	QUIC_SEEN = 16 /* packets of ours that may leave while one of the peer's is overtaken and still counts */
};

/* What arrived and what we had sent by then, newest last: both numbers grow. See vet.c. */
struct kith_quic_space {
	struct kith_streams *s;
	uint64_t sent; /* number of the next packet we send */
	unsigned seen_n;
	struct {
		uint64_t number, sent;
	} seen[QUIC_SEEN];
};

struct kith_streams {
	struct kith_streams_config cfg;
	struct kith_quic_memory memory;
	ngtcp2_conn *conn; /* NULL after the end */
	struct kith_quic_space space; /* of packet numbers */
	struct kith_table table; /* of streams, by id */
	struct kith_link sending; /* streams with something to send, in turn */
	struct kith_link waiting; /* ours, not known to QUIC yet, in order of their ids */
	struct kith_link blocked; /* streams that wait for the session's credit */
	struct kith_link events; /* streams with pending events, in order of the first */
	uint64_t next_id; /* of the next stream we open */
	uint32_t opened_here, opened_there;
	size_t window, windows; /* bytes unread or on their way to us: of all that may be; of each stream, added up */
	size_t held; /* bytes of all streams that are not acknowledged */
	int dead; /* 0, or the error of DEAD */
	int failed; /* error raised inside a callback, to be acted on after QUIC returned */
	bool starting, confirmed; /* the play of start.c is on; is through */
	bool dead_told, close_pending, migrate_wanted, validating;
	kith_time_us taken_at; /* when a packet was last let in */
	bool heard, heard_here; /* any QUIC packet of the peer: ever, on this path */
	bool challenging, challenged; /* QUIC has written a path challenge: into the present packet, and unanswered */
	uint8_t challenge[NGTCP2_PATH_CHALLENGE_DATALEN];
	ngtcp2_connection_close_error reason; /* for close_pending */
	uint64_t epoch; /* of the initiator's path: own, or highest heard */
	uint8_t wish; /* responder: own wishes; initiator: highest heard */
	bool corked; /* since the last tick little was written: it waits for what is written along with it */
	bool wish_due; /* responder: the wish is told in a packet of its own, if no other leaves */
	kith_time_us pace_at; /* earliest time QUIC's clock may show: it never runs backward */
	uint8_t token[1]; /* see start.c; QUIC wants it writable */
	kith_time_us migrate_at; /* not before */
	kith_time_us probed_at; /* when QUIC was last made to probe */
	bool hopeful; /* since then the path has changed, or the peer was heard */
	kith_time_us answered_at; /* when the last probes but PROBES_ANSWERED, if any, had been answered */
	uint32_t cid_next;
	size_t burst; /* bytes put out since QUIC was last told of the time */
	ngtcp2_tstamp burst_at; /* when the first of them was */
	uint64_t packets_in, packets_refused, packets_out, migrations;
};

/* ---- stream.c, for callback.c and quic.c ---- */
void kith_quic_stream_raise(struct kith_streams *s, struct kith_quic_stream *st, enum kith_stream_event_type type);
struct kith_quic_stream *kith_quic_stream_create(struct kith_streams *s, uint64_t id);
void kith_quic_stream_wants_to_send(struct kith_streams *s, struct kith_quic_stream *st);

/* QUIC delivered bytes in order. KITH_ENOMEM, KITH_EPROTO. */
int kith_quic_stream_deliver(struct kith_streams *s, struct kith_quic_stream *st, const uint8_t *p, size_t len,
			     bool fin);
void kith_quic_stream_on_acked(struct kith_streams *s, struct kith_quic_stream *st, size_t len);
void kith_quic_stream_on_reset(struct kith_streams *s, struct kith_quic_stream *st, uint64_t code);
void kith_quic_stream_on_stopped(struct kith_streams *s, struct kith_quic_stream *st);
void kith_quic_stream_on_closed(struct kith_streams *s, struct kith_quic_stream *st);

/* Ends all streams and queues DEAD. Not inside a callback. */
void kith_streams_die(struct kith_streams *s, int error);

/* ---- start.c ---- */
int kith_quic_start(struct kith_streams *s, kith_time_us now) KITH_MUST_USE; /* KITH_ENOMEM: kith_quic_free follows */
int kith_quic_learn_params(struct kith_streams *s);

/* ---- quic.c ---- */
ngtcp2_tstamp kith_quic_stamp(struct kith_streams *s, kith_time_us now);
void kith_quic_path(const struct kith_streams *s, uint64_t epoch, ngtcp2_path_storage *ps);
void kith_quic_free(struct kith_streams *s);

/* Acts on what a call into QUIC returned, and on streams.failed. Not inside a callback. */
void kith_quic_check(struct kith_streams *s, int rv);

/* Opens waiting streams as far as the peer allows. */
void kith_quic_open_waiting(struct kith_streams *s);
void kith_quic_reset(struct kith_streams *s, struct kith_quic_stream *st, uint64_t code);
void kith_quic_stop(struct kith_streams *s, struct kith_quic_stream *st, uint64_t code);
void kith_quic_stream_freed(struct kith_streams *s, const struct kith_quic_stream *st);

/* ---- window.c ---- */

/* Smoothed, and the shortest on this path; before one was measured, what it is taken for. */
kith_time_us kith_window_round_trip(const struct kith_streams *s);
kith_time_us kith_window_round_trip_min(const struct kith_streams *s);

size_t kith_window_first(const struct kith_streams *s);
void kith_window_open(struct kith_streams *s, struct kith_quic_stream *st);

/* The application has taken so many bytes out, or they are dropped: the peer may send as many more, and more than that
 * if the window is what holds it up. */
void kith_window_consumed(struct kith_streams *s, struct kith_quic_stream *st, size_t len);

/* Nothing of the stream will be read any more. */
void kith_window_close(struct kith_streams *s, struct kith_quic_stream *st);

/* Gives the node back what the session's window has grown by. */
void kith_window_deinit(struct kith_streams *s);

/* How many bytes more a stream takes now. */
size_t kith_window_room(const struct kith_streams *s, const struct kith_quic_stream *st);

/* ---- vet.c ---- */
#define QUIC_NO_ACK UINT64_MAX

/* Whether the frames of a packet are what this protocol uses; *largest_ack is the highest number they acknowledge. */
bool kith_quic_vet(const uint8_t *frames, size_t len, const uint8_t *challenge, uint64_t *largest_ack);

/* Whether a packet's frames, which were vetted, leave no stream with too many gaps; if so, they are noted. */
bool kith_quic_admit(struct kith_streams *s, const uint8_t *frames, size_t len);

/* Notes the arrival of a packet. */
void kith_quic_seen(struct kith_quic_space *space, uint64_t number);

/* Whether a packet of this number can honestly acknowledge so much. */
bool kith_quic_could_know(const struct kith_quic_space *space, uint64_t number, uint64_t largest_ack);

/* ---- gaps.c ---- */
struct kith_stream_frame {
	uint64_t id, offset, len;
};

/* Whether [from, to) touches no range that has arrived. */
bool kith_gaps_opens(const struct kith_gaps *g, uint64_t from, uint64_t to);
bool kith_gaps_note(struct kith_gaps *g, const struct kith_alloc *alloc, uint64_t from, uint64_t to) KITH_MUST_USE;
void kith_gaps_passed(struct kith_gaps *g, const struct kith_alloc *alloc, uint64_t delivered);
void kith_gaps_deinit(struct kith_gaps *g, const struct kith_alloc *alloc);

/* Whether a frame may come in; and that it does (false: out of memory). */
bool kith_gaps_admit(struct kith_streams *s, const struct kith_stream_frame *frame);
bool kith_gaps_take(struct kith_streams *s, const struct kith_stream_frame *frame);

/* ---- callback.c ---- */
extern const ngtcp2_callbacks kith_quic_callbacks;
ngtcp2_cid kith_quic_cid(uint64_t number);

#endif
