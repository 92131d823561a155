/* How fast datagrams may leave on a session's sending path. Streams have their own congestion control; their packets
 * are counted where they tell of loss, and never held.
 *
 * A token bucket in bytes on the wire, filled with one window in each round (the smoothed round trip, 10 ms at least).
 * RFC 8085, 3.1 asks for congestion control without saying which; this one, once in a round that acknowledged
 * something:
 *   - if at least half of the window was used, and not more than 1 % was lost: below the threshold the window grows by
 *     what was acknowledged (slow start, RFC 5681; the first round that loses two packets ends it), above by one
 *     datagram;
 *   - loss of more than KITH_PACE_LOSS_PERCENT (of 64 packets or more, with one to spare): it is halved and becomes the
 *     threshold, but not below what TCP would get at this loss (RFC 5348, 3.1), nor below one datagram a round.
 * It begins with KITH_PACE_INITIAL_BYTES (RFC 6928) in the bucket and in a round, on each new sending path: ten voice
 * calls over a slow path. A bucket holds what 10 ms fill, but no less than that, or the window if smaller.
 *
 * The circuit breaker (RFC 8084, RFC 8085, 3.1.10): data that is sent over KITH_PACE_CUT_US, without a pause of 1 s and
 * without any of it being acknowledged, cuts the window to one datagram; over KITH_PACE_STOP_US without even a probe
 * answered, nothing more may leave. An answered probe allows one datagram a round again, acknowledged data lets the
 * window grow from there.
 *
 * Loss is what was sent up to the highest counter acknowledged less what the other side counted. While packets also go
 * by other paths, that means nothing (kith_pacer_doubt).
 * Bounds: 64 marks. Never: a packet, a clock, memory of its own.
 */
#ifndef KITH_PATH_PACER_H
#define KITH_PATH_PACER_H

#include "base/limits.h"

#define KITH_PACER_MARKS 64 /* at least 1/32 round apart: they reach back over two rounds */
/* Around a datagram's bytes: channel, frame, packet, tunnel, UDP and IPv4 */
#define KITH_PACER_OVERHEAD (2 + KITH_FRAME_HEADER + KITH_TRANSPORT_HEADER + 16 + KITH_TUNNEL_HEADER + 28)

struct kith_pacer_mark {
	uint64_t counter;
	kith_time_us at;
	uint32_t sent; /* data packets up to this one, modulo 2^32 */
};

/* All zero: a path of which nothing is known yet. */
struct kith_pacer {
	bool begun;
	bool based; /* base_sent and base_count stand */
	bool cut; /* the breaker has */
	kith_time_us filled_at; /* what the bucket holds is as of then */
	uint32_t tokens, window, threshold; /* bytes */
	uint32_t round_us;
	kith_time_us round_at; /* start of the round */
	uint64_t used; /* bytes taken in it */
	uint32_t taken; /* datagrams */
	uint32_t settled, lost; /* packets, since loss was last judged */
	struct kith_pacer_mark marks[KITH_PACER_MARKS]; /* a ring */
	struct kith_pacer_mark last; /* of the latest data packet */
	uint8_t head, n;
	uint64_t acked; /* 1 + highest counter acknowledged */
	uint64_t slowed; /* counters below left before the window was last made smaller */
	uint32_t base_sent, base_count; /* at the end of the last round: sent, and counted by the other side */
	kith_time_us waits_since; /* data is sent, and none of it acknowledged, since then; 0 = none is waiting */
	kith_time_us alive_at; /* a probe was answered */
};

/* srtt_us: of the sending path, 0 while not measured. Called before what follows whenever it may have changed. */
void kith_pacer_begin(struct kith_pacer *p, kith_time_us now, uint32_t srtt_us);

/* Takes a datagram of so many bytes (overhead included) out of the bucket; false when it has to wait. */
bool kith_pacer_take(struct kith_pacer *p, kith_time_us now, uint32_t bytes);

/* When a datagram of so many bytes may be tried again, and what is behind it for 2 ms; KITH_TIME_NEVER while
 * stopped. */
kith_time_us kith_pacer_ready_at(const struct kith_pacer *p, kith_time_us now, uint32_t bytes);

/* A data packet left on the sending path, of datagrams or not. */
void kith_pacer_sent(struct kith_pacer *p, kith_time_us now, uint64_t counter);

/* The other side has received largest, and count data packets in all. Returns how many were lost in the round that this
 * ends, if it ends one. */
uint32_t kith_pacer_acked(struct kith_pacer *p, kith_time_us now, uint64_t largest, uint32_t count);

/* A probe of the sending path was answered. */
void kith_pacer_alive(struct kith_pacer *p, kith_time_us now);

/* Packets also went by other paths, so arrivals on this one do not tell any more what was lost on it. */
void kith_pacer_doubt(struct kith_pacer *p);

#endif
