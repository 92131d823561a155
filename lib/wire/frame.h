/* Inner frames: type (1), length (2), body. What is inside a sealed packet or a handshake payload. PROTOCOL.md
 * section 4.
 *
 * Unknown types are skipped by their length, so that a later version can add some; PADDING (0) ends a packet.
 */
#ifndef KITH_WIRE_FRAME_H
#define KITH_WIRE_FRAME_H

#include "base/limits.h"
#include "codec/cursor.h"

/* X(name, value, in which payloads it is legal: H handshake, D data, B both) */
#define KITH_FRAME_MAP(X)                                                                                              \
	X(PADDING, 0x00, 'B')                                                                                          \
	X(PROBE, 0x01, 'D') /* nonce 8, path 1, flags 1, zeros: 76 in all while the path is unproven */                \
	X(PROBE_ACK, 0x02, 'D') /* nonce 8, path 1, observed address unless on a relay path */                         \
	X(PATH_ACK, 0x03, 'D') /* path 1, largest 8, count 4, delay_us 4, flags 1 */                                   \
	X(IDLE, 0x04, 'D') /* path 1: silent on purpose from here on */                                                \
	X(CANDIDATES, 0x05, 'D') /* generation 1, class of NAT, n 1, n x (kind 1, endpoint) */                         \
	X(PUNCH, 0x06, 'D') /* round 1, generation 1, zeros: 900 in all: it pays for probes */                         \
	X(KEEPALIVE, 0x07, 'D') /* sequence 1, zeros 9; every third is answered: PROBE_ACK, nonce 0 */                 \
	X(PATH_CLOSE, 0x08, 'D') /* path 1: will not be used any more; drop it */                                      \
	X(RELAY_LIMITED, 0x09, 'D') /* tunnel 8, limit 1: the relay drops what comes to it in that tunnel */           \
	X(NAME, 0x0a, 'D') /* name 8: what packets to the sender carry on this path from now on */                     \
	X(SPARE, 0x0b, 'D') /* name 8: of the sender, for when the receiver moves; NAME was heard on this path */      \
	X(LEG, 0x0c, 'D') /* tunnel 8; from a relay an address as well: where the other end of that tunnel is */       \
	X(CLOSE, 0x0f, 'D') /* reason 2, text */                                                                       \
	X(REQUEST, 0x10, 'B') /* id 2, kind 1, body */                                                                 \
	X(ANSWER, 0x11, 'B') /* id 2, status 1, index 1, count 1, body */                                              \
	X(ANSWER_MORE, 0x12, 'D') /* id 2, missing bitmap 2 */                                                         \
	X(DATAGRAM, 0x18, 'D') /* channel 2, bytes */                                                                  \
	X(STREAM, 0x19, 'D') /* one packet of the streams' QUIC connection */                                          \
	X(BURST, 0x1a, 'D') /* round 1, packet 2, nonce 8, zeros: 1065 in all, between a candidate and its witness */  \
	X(HELLO, 0x40, 'H') /* features 4, timestamp_ms 8, call id 16, role 1 */                                       \
	X(CHAIN, 0x41, 'H') /* certificates */                                                                         \
	X(SERVICE, 0x42, 'H') /* name of the service asked for */                                                      \
	X(VERDICT, 0x43, 'H') /* 0 accepted, else reason 2, text */                                                    \
	X(FRESH, 0x44, 'H') /* epoch 16: this message was made after the responder's epoch began */                    \
	X(CANCEL, 0x45, 'H') /* none: the call with this call id is given up */                                        \
	X(CROSSED, 0x46, 'H') /* timestamp_ms 8, call id 16: of a call the other way, which this answer is for, too */ \
	X(EARLY, 0x47, 'H') /* beside SERVICE: what the caller's application says before there is a session */

enum kith_frame_type {
#define KITH_FRAME_ENUM(name, value, where) KITH_FRAME_##name = (value),
	KITH_FRAME_MAP(KITH_FRAME_ENUM)
#undef KITH_FRAME_ENUM
};

/* Which limit of a relay is reached: what RELAY_LIMITED carries. X(name, value, in words) */
#define KITH_RELAY_LIMIT_MAP(X)                                                                                        \
	X(OWNER, 1, "more than it carries for one person")                                                             \
	X(ALL, 2, "more than it carries in all")

enum kith_relay_limit {
#define KITH_RELAY_LIMIT_ENUM(name, value, text) KITH_RELAY_LIMIT_##name = (value),
	KITH_RELAY_LIMIT_MAP(KITH_RELAY_LIMIT_ENUM)
#undef KITH_RELAY_LIMIT_ENUM
};

#define KITH_RELAY_LIMITED_BODY 9

#define KITH_LEG_BODY 8 /* of an end's LEG; a relay's has an address behind that */

#define KITH_NAME_BODY 8 /* of NAME and of SPARE */

#define KITH_BURST_PACKET 1100 /* wire: UDP payload of a packet with a BURST: every path carries it */
#define KITH_BURST_BODY (KITH_BURST_PACKET - KITH_TRANSPORT_HEADER - 16 - KITH_FRAME_HEADER)

/* Body of a BURST frame, KITH_BURST_BODY bytes. Reading: false when it is another length. */
void kith_burst_write(struct kith_writer *w, uint8_t round, uint16_t seq, uint64_t nonce);
bool kith_burst_read(struct kith_span body, uint8_t *round, uint16_t *seq, uint64_t *nonce);

struct kith_frame {
	uint8_t type;
	struct kith_span body; /* borrowed */
};

/* The next frame; false at the end (PADDING or no bytes left) or, with r->bad set, when malformed. */
bool kith_frame_next(struct kith_reader *r, struct kith_frame *out);

/* Starts a frame: writes its header with a length to be filled in. Returns a mark for kith_frame_end. */
uint8_t *kith_frame_begin(struct kith_writer *w, enum kith_frame_type type);
void kith_frame_end(struct kith_writer *w, uint8_t *mark);

/* Addresses in frames and bodies: family 1 (4 or 6), port 2, ip 4 or 16. A bad one makes the reader bad. */
#define KITH_ADDR_WIRE_MAX 19
void kith_addr_write(struct kith_writer *w, const struct kith_addr *addr);
void kith_addr_read(struct kith_reader *r, struct kith_addr *out);

#endif
