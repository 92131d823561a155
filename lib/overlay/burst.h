/* How many bytes a second a link carries, found by short bursts of packets at a rate that doubles. PROTOCOL.md section
 * 10.2.
 *
 * Of the two ends one judges and does not trust the other. A round is so many packets at such a rate; the next one is
 * twice as fast. One that arrives at less than three quarters of its rate, or loses more than an eighth, is repeated
 * once, since a question or an answer may have been lost; the second such one in a row ends the burst, and so does one
 * at the cap, or when the bytes are used up. So a burst is above what the link carries for two rounds at most.
 * Where a figure of former days is known, the first round is a quarter above it. If it arrives, but not at its full
 * rate, that is it, for a fifth of the bytes of the way up from below; at its full rate, the link has become faster,
 * and the next round is twice as fast; else all begins from below. So a wrong figure costs bytes, and changes nothing.
 * A link may let the first bytes through faster than those that follow (a token bucket). So a judge that takes the time
 * sends a last round of as many packets as there may be, at twice what a supernode needs if the link has it: two
 * seconds and more. If that arrives slower than it was sent, it is the figure. Not where the figure is that of former
 * days.
 * The figure is the best rate at which a round arrived, never above the one that it was sent at.
 *   up     the judge receives: it sees itself how long the packets took.
 *   down   the other receives, and says which packets came: it proves that by the XOR of their nonces, each of which
 * only
 *          its packet has. How long they took is from the first one sent to the answer, less one round trip; but
 *          at most half of the round's own time is taken off, since an end that delays other answers makes the round
 *          trip look long. A liar gains at most a factor of two by that.
 * Bounds: KITH_BURST_PACKETS_MAX in a round, KITH_BURST_BYTES_MAX in all, each way.
 * Never: a packet sent, a clock, randomness of its own.
 */
#ifndef KITH_OVERLAY_BURST_H
#define KITH_OVERLAY_BURST_H

#include "base/limits.h"
#include "crypto/suite.h"
#include "wire/frame.h"

#define KITH_BURST_PACKETS_MAX 512 /* wire: in a round */
#define KITH_BURST_BYTES_MAX (1024 * 1024) /* wire: each way, in all rounds: a tenth of a second at 80 Mbit/s */
#define KITH_BURST_FIRST 65536 /* local: bytes a second of the first round: a voice call's, and more */
#define KITH_BURST_LEAST 125000 /* local: bytes a second of each way that a supernode needs: 1 Mbit/s */
#define KITH_BURST_KEY_LEN 32

/* ---- the judge ---- */

struct kith_burst {
	uint32_t cap; /* bytes a second; 0: none */
	uint32_t rate; /* of the round under way */
	uint32_t best; /* the figure so far, bytes a second; 0: nothing arrived */
	uint32_t bytes; /* used up */
	uint16_t packets; /* of the round under way */
	uint8_t round; /* from 1 on */
	bool again; /* the last round was too much, or had bad luck: it is repeated */
	bool over;
	bool thorough; /* it is to be shown that the figure lasts ... */
	bool lasting; /* ... by the round under way */
	uint32_t known; /* figure of former days, until its round is over; 0: none */
};

void kith_burst_begin(struct kith_burst *b, uint32_t cap, uint32_t known, bool thorough);

/* Plans the next round: rate, packets and number. False: it is over. rtt_us: the shortest round trip known. */
bool kith_burst_next(struct kith_burst *b, kith_time_us rtt_us);

/* What came of it. elapsed_us: for all of the packets. */
void kith_burst_judge(struct kith_burst *b, unsigned arrived, kith_time_us elapsed_us);

/* The time that a round's packets took, when the judge received them ... */
kith_time_us kith_burst_span(unsigned arrived, kith_time_us first_at, kith_time_us last_at);
/* ... and when it sent them: until_us from the first one sent to the answer. */
kith_time_us kith_burst_answered(const struct kith_burst *b, kith_time_us until_us, kith_time_us rtt_us);

/* The nonce of a packet, by a key that was drawn for this burst. */
uint64_t kith_burst_nonce(const struct kith_suite *suite, const uint8_t key[KITH_BURST_KEY_LEN], uint8_t round,
			  uint16_t seq);

/* How many packets of a round arrived, by the receiver's word: a bitmap, and the XOR of their nonces. 0 when that is
 * not what the nonces are. */
unsigned kith_burst_proven(const struct kith_suite *suite, const uint8_t key[KITH_BURST_KEY_LEN], uint8_t round,
			   uint16_t packets, struct kith_span got, uint64_t proof);

/* ---- the sender of a round ---- */

struct kith_burst_train {
	kith_time_us begun;
	uint32_t rate;
	uint16_t packets, sent;
	uint8_t round;
};

/* How many packets are to be sent by now, and when the next one is; KITH_TIME_NEVER: all were. */
unsigned kith_burst_due(const struct kith_burst_train *t, kith_time_us now);
kith_time_us kith_burst_due_at(const struct kith_burst_train *t);

/* ---- the receiver of a round ---- */

struct kith_burst_heard {
	kith_time_us first_at, last_at;
	uint64_t proof; /* XOR of the nonces */
	uint16_t arrived;
	uint8_t round;
	uint8_t got[KITH_BURST_PACKETS_MAX / 8]; /* bit i % 8 of byte i / 8: packet i came */
};

/* A packet. One of another round than the last begins anew, unless that is an older one; then, or if it came before, it
 * does not count: false. */
bool kith_burst_hear(struct kith_burst_heard *h, uint8_t round, uint16_t seq, uint64_t nonce, kith_time_us now);

#endif
