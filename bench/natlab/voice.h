/* What one end hears of a call: numbered frames that leave the other end at even times, with the time at which they
 * left.
 *
 * A window begins at a moment of one's choice. Of it are told: the longest time without a frame, also one that began
 * before it and one that lasts still; frames that came, came late, came twice, and did not come. A frame is late when
 * it took so much longer than the quickest frame of the call that a playout buffer of that length has played silence
 * instead.
 *
 * Both ends have one clock: they are processes of one machine.
 * Bounds: of the last KITH_VOICE_FRAMES is known whether they came; older ones are neither heard nor missed.
 * Never: a clock, a socket.
 */
#ifndef KITH_NATLAB_VOICE_H
#define KITH_NATLAB_VOICE_H

#include <kith/types.h>

#define KITH_VOICE_FRAMES 8192u /* 2 min 43 s of 20 ms */
#define KITH_VOICE_LATE_US (100 * KITH_US_PER_MS) /* an adaptive playout buffer of 100 ms: few calls have more */

struct kith_voice {
	uint64_t first, next; /* numbers: of the window's first frame; after the highest that came */
	kith_time_us heard_at; /* 0: nothing yet */
	kith_time_us quickest_us; /* of all frames from the beginning on */
	/* of the window: */
	kith_time_us gap_us;
	uint64_t heard, late, twice;
	uint8_t came[KITH_VOICE_FRAMES / 8]; /* by number, modulo */
};

struct kith_voice_window {
	kith_time_us gap_us;
	uint64_t heard, late, twice, lost; /* lost: below the highest number that came, and not there */
};

/* All zero: nothing was heard yet. A window begins. */
void kith_voice_listen(struct kith_voice *v);

/* A frame with that number, which left then, is here. */
void kith_voice_hear(struct kith_voice *v, uint64_t number, kith_time_us left, kith_time_us now);

/* What was heard since the window began. */
struct kith_voice_window kith_voice_tell(const struct kith_voice *v, kith_time_us now);

#endif
