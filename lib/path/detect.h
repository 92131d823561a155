/* How the death of a path is noticed while data flows. Exists only then.
 *
 * Sender: kith_flight knows how long the oldest data packet has been unacknowledged. Receiver: kith_pace knows the
 * distances of packets, and so when silence becomes suspicious; a sender that falls silent on purpose says so once
 * (IDLE). kith_budget bounds what doubt may cost.
 * Times: acknowledged after KITH_PATH_ACK_EVERY packets or KITH_PATH_ACK_DELAY_US. Silence: max(3 x mean distance,
 * 1.5 x the longest lately, 40 ms); the mark: max(1.1 x the longest lately, 20 ms), so it is there before silence
 * alarms anybody.
 * Bounds: 16 marks per path in flight; a fast flow has marks 5 ms apart, and when they run out the
 * oldest stay, which are those that matter.
 * Never: a packet, a choice of path.
 */
#ifndef KITH_PATH_DETECT_H
#define KITH_PATH_DETECT_H

#include "base/limits.h"
#include "wire/frame.h"

/* ---- sender ---- */

#define KITH_MARKS 16

struct kith_mark {
	uint64_t counter;
	kith_time_us at;
};

struct kith_flight {
	struct kith_mark marks[KITH_MARKS]; /* a ring, oldest first */
	struct kith_mark last; /* the latest data packet; at 0 = none yet */
	uint64_t acked; /* all counters below are acknowledged, or lost before something that is */
	uint8_t head, n;
};

void kith_flight_sent(struct kith_flight *f, uint64_t counter, kith_time_us now);

/* largest was acknowledged. False: nothing new, or never sent. *sent_at: when it left, 0 when that is not known. */
bool kith_flight_acked(struct kith_flight *f, uint64_t largest, kith_time_us *sent_at);

/* When the oldest unacknowledged packet left; KITH_TIME_NEVER when there is none. */
kith_time_us kith_flight_oldest(const struct kith_flight *f);

/* A later probe was answered: packets that left at or before then are not waited for any more. */
void kith_flight_forget(struct kith_flight *f, kith_time_us before);

/* ---- both ---- */

struct kith_pace {
	kith_time_us at; /* last packet */
	kith_time_us data_at; /* last data packet */
	uint32_t mean_us; /* distance of packets, moving average over 8 */
	uint32_t peak_us; /* the longest lately, forgotten by 1/16 a packet */
	uint8_t run; /* data packets without a long pause, up to 255 */
	uint8_t alarms; /* how often this silence was reported */
	bool idle; /* the silence is on purpose */
};

void kith_pace_packet(struct kith_pace *p, kith_time_us now, bool data);

/* Receiver: when silence becomes suspicious. KITH_TIME_NEVER: not a flow, or idle. Every alarm doubles it, up to
 * three. */
kith_time_us kith_pace_silent_at(const struct kith_pace *p);

/* Sender: when an IDLE mark is due. KITH_TIME_NEVER: not a flow, or marked. */
kith_time_us kith_pace_idle_at(const struct kith_pace *p);

/* ---- duplicates ---- */

struct kith_budget {
	kith_time_us window_at; /* start of the newer half */
	uint32_t sent[2], extra[2]; /* in the newer and the older half of KITH_DUPLICATE_WINDOW_US */
};

void kith_budget_sent(struct kith_budget *b, kith_time_us now);

/* Takes one duplicate out of the budget; false when it is used up. Until a failure is sure, half of it is all: false
 * alarms leave the other half for real ones. */
bool kith_budget_take(struct kith_budget *b, kith_time_us now, bool sure);

/* Whether so little of it is spent, an eighth, that a packet may go on two further paths while a failure is not sure:
 * else false alarms use up what the next one needs. */
bool kith_budget_is_ample(struct kith_budget *b, kith_time_us now);

/* ---- acknowledgements ---- */

struct kith_ack {
	uint64_t largest; /* data counter received on the path */
	kith_time_us largest_at, first_at; /* when; the first one not acknowledged yet */
	uint32_t count; /* data packets in all */
	uint16_t pending; /* not acknowledged yet */
};

void kith_ack_packet(struct kith_ack *a, uint64_t counter, kith_time_us now);

#define KITH_PATH_ACK_BODY 18
#define KITH_PATH_ACK_SUSPECT 1 /* flag: nothing is heard on this path any more */

struct kith_path_ack_frame {
	uint64_t largest;
	uint32_t count;
	uint32_t delay_us; /* between its arrival and this frame */
	uint8_t path; /* in the numbering of the receiver of this frame; KITH_PATH_ID_NONE: the path it arrives on */
	uint8_t flags;
};

void kith_path_ack_write(struct kith_writer *w, const struct kith_path_ack_frame *f);

/* KITH_EPROTO: malformed. Trailing bytes are skipped. */
int kith_path_ack_read(struct kith_path_ack_frame *out, struct kith_span body) KITH_MUST_USE;

#endif
