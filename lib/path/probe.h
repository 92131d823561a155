/* PROBE and PROBE_ACK: does this path carry packets both ways, and how long does it take.
 *
 * A nonce is 56 random bits and a sequence number. Probes of one episode share the random bits, so that a late answer
 * to an earlier one still counts; an answer to the latest ends the episode. An answer proves that the probe was
 * received.
 * Bounds: the send times of the last four probes; older ones are answered without a round-trip time.
 */
#ifndef KITH_PATH_PROBE_H
#define KITH_PATH_PROBE_H

#include "base/limits.h"
#include "wire/frame.h"
#include "wire/hop.h"

#define KITH_PROBE_TIMES 4
#define KITH_PROBE_BODY 10 /* nonce 8, path 1, flags 1 */
#define KITH_PROBE_ACK_BODY_MAX (9 + KITH_ADDR_WIRE_MAX)
#define KITH_PROBE_OVERHEAD (KITH_TRANSPORT_HEADER + 16) /* of the packet around frames, without a tunnel's */

struct kith_probe {
	uint64_t nonce; /* of the latest; 0 = none is outstanding */
	uint32_t at_us[KITH_PROBE_TIMES]; /* low bits of the send times, by sequence number */
};

struct kith_random;

/* The nonce for a probe that leaves now. */
uint64_t kith_probe_next(struct kith_probe *p, const struct kith_random *random, kith_time_us now);

/* Whether a probe with that nonce was the second of a pair, where all of an episode are sent in pairs. */
static inline bool kith_probe_is_second(uint64_t nonce)
{
	return nonce % 2 == 0;
}

/* Begins an episode: earlier probes are not ours any more. */
static inline void kith_probe_anew(struct kith_probe *p)
{
	p->nonce = 0;
}

/* Whether nonce answers one of ours. *rtt_us: since that one was sent, 0 when that is not known any more. */
bool kith_probe_match(struct kith_probe *p, uint64_t nonce, kith_time_us now, uint32_t *rtt_us);

struct kith_probe_frame {
	uint64_t nonce;
	uint8_t path; /* the sender's number of the path, KITH_PATH_ID_NONE while it has none */
	uint8_t flags; /* none defined: sent as 0, ignored */
};

struct kith_probe_ack_frame {
	uint64_t nonce; /* 0: to a KEEPALIVE, or unasked: the receiver has moved */
	uint8_t path;
	struct kith_addr observed; /* family NONE on a relay path: there it would be the relay's */
};

/* body: bytes that the frame's body has, KITH_PROBE_BODY at least; KITH_PROBE_PADDED, so that the answer and a probe
 * back cost less than this one; or as many as data has, to learn whether such packets arrive. */
void kith_probe_write(struct kith_writer *w, const struct kith_probe_frame *f, size_t body);
void kith_probe_ack_write(struct kith_writer *w, const struct kith_probe_ack_frame *f);

/* KITH_EPROTO: malformed. Trailing bytes are skipped. */
int kith_probe_read(struct kith_probe_frame *out, struct kith_span body) KITH_MUST_USE;
int kith_probe_ack_read(struct kith_probe_ack_frame *out, struct kith_span body) KITH_MUST_USE;

#endif
