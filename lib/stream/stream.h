/* Reliable streams of one session: QUIC streams (RFC 9000) without QUIC's protection, because the session below seals
 * every packet already, and binds both ends.
 *
 * Sans-I/O: packets go in (kith_streams_input) and out (kith_streams_output), time is an argument. After any call
 * that is not a mere question, drain the output and the events, then read the deadline again.
 *
 * Made lazily, with the first stream, at either end; the other end makes its own when the first packet reaches it
 * (kith_streams_peek says whether, and of which generation). The session's initiator is the QUIC client, whoever
 * opens first. There is no handshake: all that it would tell is agreed (start.c), so the first packet of either end
 * carries bytes of streams, and one that comes before it is as good.
 *
 * A path change resets congestion control and round-trip time at both ends: call kith_streams_migrate whenever the
 * session's *sending* path changes. Only a QUIC client can migrate; the responder's wish rides on all of its packets,
 * and the initiator migrates when it meets it. No frame of the session is needed for that.
 *
 * A packet, inside the session's frame (2 bytes, then QUIC):
 *     kind (2 bits: 0 QUIC, 1 wish, 2 gone) | mark (6 bits), generation (8 bits), QUIC packet (kind 0 only)
 * mark: from the initiator its path epoch, from the responder the number of its wishes to migrate; both wrap.
 * generation: counts the stream objects that a session had, so that late packets of an earlier one do no harm. QUIC's
 * packets have an authentication tag of KITH_STREAMS_TAG bytes: two of the full packet number (bits 8 to 23, low byte
 * first), because QUIC sends a few low bits of it and relies on the tag to notice when a very late packet made it
 * guess wrong; and zeros. The zeros that end the datagram are not sent. So a datagram of 1200 bytes
 * takes 1148. STREAM frames always carry their length.
 *
 * Timers: QUIC's own (loss, acknowledgement, pacing, path validation), but for the pause between two probes, which QUIC
 * doubles without end: 3 s and two round trips after the last packet that asked for an acknowledgement, the next probe
 * leaves (two packets). So what a blackout of up to 45 s swallowed is on its way again that soon after it. Then pauses
 * double, but a packet of the peer and kith_streams_migrate shorten one: who knows that a path works again says so.
 * While nothing is acknowledged no more leaves on top of what QUIC sends. When all is acknowledged there is no timer:
 * an idle object neither sends nor wakes. Liveness is the session's: but for a peer that acknowledges nothing for 20
 * minutes, nothing times out.
 * Bounds: streams_max open streams per direction of opening; window_max unread bytes each, and as many unacknowledged
 * ones; session_max of all, each way; of what the windows of all sessions have grown by, the pool; for QUIC's own
 * memory, twice session_max and 1 MiB, beyond which the peer is taken for an attacker, and the connection ends; one set
 * of event flags per stream, so events neither overflow nor get lost. Beyond the others a call says KITH_EFULL or
 * KITH_EAGAIN, and the other end is held back by flow control. Windows are small at first, and grow with use
 * (window.c); what is unread takes up to twice its length, in buffers that grow by doubling and are freed when empty.
 * Never: a clock, libc randomness, an allocation outside the injected allocator, trust in what a packet says.
 */
#ifndef KITH_STREAM_STREAM_H
#define KITH_STREAM_STREAM_H

#include <kith/err.h>
#include <kith/types.h>

#define KITH_STREAMS_QUIC 1200 /* largest QUIC datagram, before its last tag is cut off */
#define KITH_STREAMS_PACKET 1150 /* wire: largest packet put out; fits the session's frame (KITH_STREAM_PACKET_MAX) */
#define KITH_STREAMS_HEADER 2 /* wire: kind and mark, generation */
#define KITH_STREAMS_CUT (KITH_STREAMS_QUIC - (KITH_STREAMS_PACKET - KITH_STREAMS_HEADER)) /* wire: 52, not sent */
#define KITH_STREAMS_TAG (KITH_STREAMS_CUT + 2) /* wire */

enum kith_streams_limit {
	KITH_STREAMS_MAX = 64, /* wire: default of streams_max */
	KITH_STREAMS_MAX_MAX = 1024,
	KITH_STREAMS_WINDOW = 256 * 1024, /* wire: default of window */
	KITH_STREAMS_WINDOW_MIN = 4096, /* least window */
	KITH_STREAMS_WINDOW_MAX = 8 * 1024 * 1024, /* default of window_max: 640 Mbit/s over 100 ms */
	KITH_STREAMS_SESSION_MAX = 16 * 1024 * 1024, /* default of session_max */
	KITH_STREAMS_SESSION_LIMIT = 1024 * 1024 * 1024 /* largest session_max */
};

enum kith_streams_control {
	KITH_STREAMS_CUBIC, /* RFC 9438 */
	KITH_STREAMS_BBR2 /* keeps queues short, at the price of more state and arithmetic */
};

/* What the windows of several sessions have grown by beyond the first ones, and may in all. */
struct kith_streams_pool {
	size_t max, used;
};

struct kith_streams;

struct kith_streams_config {
	const struct kith_alloc *alloc; /* borrowed until kith_streams_free */
	const struct kith_random *random; /* borrowed until kith_streams_free */
	bool initiator; /* of the session: takes the QUIC client's role */
	uint8_t generation; /* 0 for a session's first object; one more than the last, or what kith_streams_peek said */
	enum kith_streams_control control;
	uint32_t streams_max; /* open streams that we opened, and as many that the peer opened; the same at both ends */
	size_t window; /* bytes of a stream received and not read, as long as it has not grown; the same at both ends */
	size_t window_max; /* bytes of a stream received and not read; and those written and not acknowledged */
	size_t session_max; /* the same, of all streams together */
	struct kith_streams_pool *pool; /* borrowed until kith_streams_free; NULL: no further bound */
	kith_time_us rtt_us; /* the session's round trip, as a first guess; 0 = unknown */
	kith_time_us now;
};

/* Defaults; alloc, random, initiator, now and what else is known are then filled in. */
void kith_streams_config_init(struct kith_streams_config *cfg);

/* KITH_EINVAL when a value is out of its bounds, KITH_ENOMEM. The configuration is copied. */
int kith_streams_new(struct kith_streams **out, const struct kith_streams_config *cfg) KITH_MUST_USE;

/* Releases everything, tells nobody. NULL is allowed. */
void kith_streams_free(struct kith_streams *s);

/* What an end that has no object should do with a packet. */
enum kith_streams_verdict {
	KITH_STREAMS_DROP, /* it is none, or late */
	KITH_STREAMS_MAKE, /* make an object of the packet's generation, and feed it the packet */
	KITH_STREAMS_REFUSE /* answer with kith_streams_gone */
};

/* last_generation: of the last object that this session had, -1 if it had none. */
enum kith_streams_verdict kith_streams_peek(const uint8_t *packet, size_t len, int last_generation,
					    uint8_t *generation);

/* Writes the packet that tells the peer that this generation is over here; returns its length, 0 if cap is too small.
 */
size_t kith_streams_gone(uint8_t generation, uint8_t *out, size_t cap);

/* Takes one packet; borrowed until it returns. Garbage is dropped and counted; a breach of QUIC's rules by the peer
 * ends the connection (event DEAD). KITH_ESTATE when the packet belongs to a newer generation: the peer has given
 * this object up; free it, make one with that generation, and feed the packet to that. Else 0. */
int kith_streams_input(struct kith_streams *s, kith_time_us now, const uint8_t *packet, size_t len);

/* Writes the next packet and returns its length, 0 when there is none now, KITH_EINVAL when cap is below
 * KITH_STREAMS_PACKET. Congestion control and pacing are QUIC's: send what comes out. */
int kith_streams_output(struct kith_streams *s, kith_time_us now, uint8_t *out, size_t cap);

/* When kith_streams_tick is due; KITH_TIME_NEVER when nothing is outstanding. */
kith_time_us kith_streams_deadline(const struct kith_streams *s);

void kith_streams_tick(struct kith_streams *s, kith_time_us now);

/* The path that this end sends on has changed, or works again after it did not: what is unacknowledged is probed for
 * now, and not when QUIC's backed-off timer fires. At most ten changes a second take effect. */
void kith_streams_migrate(struct kith_streams *s, kith_time_us now);

/* The same after a time in which nothing was put out on purpose, because no path worked: that nothing was acknowledged
 * until now is not held against the peer. */
void kith_streams_resumed(struct kith_streams *s, kith_time_us now);

/* True when no stream is open and everything is acknowledged: the object may be closed and freed to save its memory. */
bool kith_streams_idle(const struct kith_streams *s);

/* Ends the connection: streams that had not ended both ways are cut (KITH_ECUT), the peer is told by the next packet
 * (best effort: a peer that did not hear it is told by kith_streams_gone when it speaks). What has arrived may still be
 * read: CLOSED follows that. */
void kith_streams_close(struct kith_streams *s);

enum kith_stream_event_type {
	KITH_STREAM_OPENED, /* by the peer; channel is what it announced. First event of such a stream */
	/* bytes have arrived; read until KITH_EAGAIN or the end. Not repeated until more arrive */
	KITH_STREAM_READABLE,
	KITH_STREAM_WRITABLE, /* there is room again, after a write was cut short */
	KITH_STREAM_FIN, /* the end has come and nothing is left to read (else kith_streams_read tells the end) */
	KITH_STREAM_RESET, /* the peer gave up sending; unread bytes are gone; code is the peer's */
	/* the peer does not want more (noticed when something is sent); writes fail with KITH_ECLOSED */
	KITH_STREAM_STOPPED,
	KITH_STREAM_CLOSED, /* both directions are over; the id is invalid from now on. Last event of a stream */
	KITH_STREAM_DEAD /* the connection is over, after CLOSED for each stream; error says why. Free the object */
};

struct kith_stream_event {
	enum kith_stream_event_type type;
	uint64_t id; /* not for DEAD */
	uint16_t channel; /* of the stream */
	uint64_t code; /* RESET */
	/* CLOSED: 0 or why; DEAD: KITH_ECUT by the peer or kith_streams_close, KITH_EPROTO, KITH_ENOMEM,
	 * KITH_ETIMEDOUT: nothing was acknowledged for 20 minutes */
	int error;
};

/* Takes out the next event; false when there is none. */
bool kith_streams_event(struct kith_streams *s, struct kith_stream_event *ev);

/* Opens a stream in both directions and announces its channel. KITH_EFULL at streams_max, KITH_ENOMEM, KITH_ECLOSED.
 * Bytes may be written at once; they leave when the peer allows the stream. */
int kith_streams_open(struct kith_streams *s, uint16_t channel, uint64_t *id) KITH_MUST_USE;

/* Copies as many bytes as fit; returns their count. fin ends the sending direction, if all bytes were taken.
 * KITH_EAGAIN when nothing fits (WRITABLE follows), KITH_ENOMEM (nothing taken, nothing lost), KITH_ENOENT,
 * KITH_ECLOSED after fin, reset or the peer's stop. Less than a packet's worth leaves at the next tick, which is due at
 * once: small writes, and the end, share a packet. */
int kith_streams_write(struct kith_streams *s, uint64_t id, const uint8_t *p, size_t len, bool fin);

/* Copies out up to cap bytes, returns their count, and thereby lets the peer send as many more. *fin: the last byte
 * was read (the count may then be 0). KITH_EAGAIN when there is nothing now, KITH_ENOENT, KITH_ECLOSED after the end,
 * the peer's reset or our stop; after the last byte that came before the connection's end, that one's error. */
int kith_streams_read(struct kith_streams *s, kith_time_us now, uint64_t id, uint8_t *out, size_t cap, bool *fin);

/* Whether anything is left to be read: bytes, or an end. */
bool kith_streams_unread(struct kith_streams *s);

/* Whether a stream was ended here (kith_streams_write with fin), and not all of it has arrived. */
bool kith_streams_owes(struct kith_streams *s);

/* Gives up sending: what is unsent is dropped, the peer sees RESET with the code (62 bits). KITH_ENOENT, KITH_EINVAL.
 */
int kith_streams_reset(struct kith_streams *s, uint64_t id, uint64_t code);

/* Gives up reading: what is unread is dropped, the peer sees STOPPED. KITH_ENOENT, KITH_EINVAL. */
int kith_streams_stop(struct kith_streams *s, uint64_t id, uint64_t code);

/* What a researcher or kith_explain wants to know. */
struct kith_streams_stats {
	kith_time_us rtt_us, rtt_min_us; /* smoothed; 0 = not measured since the last path change */
	uint64_t window_bytes, in_flight_bytes;
	uint64_t packets_in, packets_refused, packets_out, migrations; /* refused: not made of what the protocol uses */
	size_t memory_bytes; /* held by QUIC's side, buffers of the streams not counted */
	uint32_t streams;
	bool connected; /* the peer has been heard */
};

void kith_streams_stats(const struct kith_streams *s, struct kith_streams_stats *out);

#endif
