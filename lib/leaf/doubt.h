/* Homes that do not answer.
 *
 * When one home does not answer, the others are asked at once: homes are lost together more often than by chance. While
 * another answers, the line is there, and one that stays silent is given up. While none answers, either the line is
 * gone or all homes are: others are tried besides (leaf/choice), and one that takes us tells which. Homes are asked
 * once more then, and all that do not answer are given up.
 *
 * Timers: a home that is in doubt for 5 s is given up when another has answered for 1.5 s, in which a home that is
 *   there has been asked once more (its paths alone would take 15 s, in which a line may recover).
 * Bounds: one question to each home for each that falls into doubt.
 * Never: gives up a home since the line was gone. */
#ifndef KITH_LEAF_DOUBT_H
#define KITH_LEAF_DOUBT_H

#include "link/state.h"

/* Something happened on a home's session. Returns when to look again; NEVER: that home is in no doubt, or known to be
 * in doubt. */
kith_time_us kith_doubt_look(struct kith_core *c, const struct kith_session *s);

/* Asks all homes whether they are there. */
void kith_doubt_ask(struct kith_core *c);

/* Homes that were in doubt answer again, or are given up: their sessions end. Returns when to look again; NEVER. */
kith_time_us kith_doubt_tick(struct kith_core *c);

/* Whether there are homes, and questions to each have been out for so long. */
bool kith_doubt_all(struct kith_core *c, kith_time_us for_us);

/* Another that was tried takes us: all homes are asked once more, since the line may have come back. Returns until when
 * they may answer. */
kith_time_us kith_doubt_grace(struct kith_core *c);

/* Whether a question to that home is out. */
bool kith_doubt_silent(struct kith_core *c, const struct kith_home_slot *home);

#endif
