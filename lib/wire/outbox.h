/* Where handlers leave what is to be sent and told: frames on their way into packets, finished packets, events.
 *
 * Handlers append frames for a session; frames for the same session and hop share a packet as long as they fit. At
 * the drain, core seals each packet and hands it to the host. One outbox serves all cores of a thread, one after the
 * other: a core must be drained before the next one runs (asserted by kith_outbox_claim).
 * Its memory may be given back while it is empty (kith_outbox_rest); until it wakes it is as one that is full.
 * Bounds: a fixed number of packet slots. When they are used up, control frames are dropped and counted (requests and
 * probes are repeated anyway), and application data is refused with KITH_EAGAIN before anything is written.
 * Never: a
 * key, a path decision, a clock.
 */
#ifndef KITH_WIRE_OUTBOX_H
#define KITH_WIRE_OUTBOX_H

#include <kith/packet.h>
#include <kith/stats.h>

#include "wire/frame.h"
#include "wire/hop.h"

#define KITH_SLOT_ROOM (KITH_PACKET_HEADROOM + 1280 + 64) /* headroom, packet, slack for a tag */

struct kith_open_packet {
	uint32_t session; /* local index of the session that seals it */
	bool pinned; /* hop is given; false: the session's path set picks at the drain */
	/* carries something that must arrive: it is tracked, retained, and repeated when a path is in doubt */
	bool data;
	uint8_t way; /* not 0: a copy of what was sealed with that counter, to be sealed in this way */
	uint8_t ttl; /* 0 = default */
	uint16_t len; /* bytes of frames */
	struct kith_hop hop;
	uint64_t counter; /* of a copy */
	uint8_t *frames; /* in a slot, with KITH_PACKET_HEADROOM + headers before and a tag's room behind */
};

struct kith_outbox {
	uint32_t slots_max;
	uint8_t *slots; /* n_slots x KITH_SLOT_ROOM */
	uint32_t n_slots, used; /* n_slots: slots_max, or 0 at rest */
	struct kith_open_packet *open; /* FIFO of packets not yet sealed; the last may still take frames */
	uint32_t n_open, next_open;
	struct kith_packet *ready; /* finished packets in order */
	uint32_t n_ready, next_ready, ready_max;
	struct kith_writer writer; /* of the frame being written */
	uint8_t *mark;
	bool in_frame;
	uint64_t own_bytes; /* of finished packets but relayed ones, since somebody took note of them */
	const void *owner; /* the core it is claimed by */
	struct kith_stats *stats; /* of the owner; borrowed while claimed */
	const struct kith_alloc *alloc;
	uint8_t scratch[KITH_FRAMES_MAX]; /* frames that found no slot are written here and forgotten */
};

int kith_outbox_init(struct kith_outbox *ob, const struct kith_alloc *alloc, uint32_t slots) KITH_MUST_USE;

/* Whether nothing is in it, nor on its way out. */
bool kith_outbox_is_empty(const struct kith_outbox *ob);
/* Gives the memory of an empty one back. */
void kith_outbox_rest(struct kith_outbox *ob);
/* Takes memory again, unless it has some. False: there is none, and it stays at rest. */
bool kith_outbox_wake(struct kith_outbox *ob);

void kith_outbox_deinit(struct kith_outbox *ob);

/* Makes owner the one who writes. Asserts that the former owner was drained. */
void kith_outbox_claim(struct kith_outbox *ob, const void *owner, struct kith_stats *stats);

/* Forgets everything that was not polled. */
void kith_outbox_drop(struct kith_outbox *ob);

/* True when at least n more packets can be written: ask before taking application data. */
bool kith_outbox_has_room(const struct kith_outbox *ob, uint32_t n);

/* Starts a frame of at most body_max bytes (<= KITH_FRAMES_MAX - KITH_FRAME_HEADER) for a session. hop NULL: any live
 * path. The writer is valid until kith_outbox_end, which must follow before anything else is begun. Never NULL:
 * without a slot the bytes go nowhere and a drop is counted. */
struct kith_writer *kith_outbox_begin(struct kith_outbox *ob, uint32_t session, const struct kith_hop *hop, uint8_t ttl,
				      enum kith_frame_type type, size_t body_max);
void kith_outbox_end(struct kith_outbox *ob);

/* A finished packet that needs no session (handshake, cookie): room for len bytes, to be filled in at once. NULL: no
 * slot. */
uint8_t *kith_outbox_raw(struct kith_outbox *ob, const struct kith_hop *hop, size_t len);

/* The next packet to seal, NULL when there is none. Valid until the next call of this. */
struct kith_open_packet *kith_outbox_next_open(struct kith_outbox *ob);

/* Queues a finished packet: data points into a slot or into host memory (relayed). A tunnel header is written before
 * data when hop->tunnel is set (data then needs KITH_TUNNEL_HEADER writable bytes before it). */
void kith_outbox_ready(struct kith_outbox *ob, const struct kith_hop *hop, uint8_t ttl, uint8_t *data, size_t len);

/* Room for the frames of another copy of a packet, as an open one has it, to be queued at once. NULL: no slot. */
uint8_t *kith_outbox_room(struct kith_outbox *ob);

/* Opens a packet of these frames, which are copied: what was sealed with that counter goes once more, over this hop. */
void kith_outbox_again(struct kith_outbox *ob, uint32_t session, const struct kith_hop *hop, uint64_t counter,
		       uint8_t way, struct kith_span frames);

/* Queues one relayed packet or train as it is. */
void kith_outbox_relay(struct kith_outbox *ob, const struct kith_packet *packet);

/* Moves up to n finished packets out; 0 when all are taken: slots are then free again. Nothing may be open. */
size_t kith_outbox_poll(struct kith_outbox *ob, struct kith_packet out[], size_t n);

#endif
