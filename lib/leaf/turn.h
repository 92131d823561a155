/* Whose turn it is: when a leaf looks for another home.
 *
 * A leaf without a home tries one supernode, another one KITH_STAGGER_US later while nothing at all was answered and
 * another transport leads to it, else half a second later, and several when one has failed.
 * Each home says within which time to look for more, so that leaves which come all at once do not do everything at
 * once; they are spared other questions for twice that time.
 * A leaf that has a home, and has tried in vain more often than a cache has hosts, waits longer and longer for the next
 * attempt, one at a time, unless it hears of a supernode that it has not tried.
 * Bounds: KITH_ATTACH_WAIT_US, whatever a home says; a minute for each home when all is in vain; none while there is no
 * home.
 * Timers: the leaf's. Never: sends.
 */
#ifndef KITH_LEAF_TURN_H
#define KITH_LEAF_TURN_H

#include "link/state.h"

/* When the next attempt may be made, with so many homes; in the past: now. */
kith_time_us kith_turn_next(struct kith_core *c, unsigned homes);

/* A home said how long it has to do; how long that is at most. */
kith_time_us kith_turn_told(struct kith_core *c, uint32_t wait_ms);

/* An attempt has failed; with so many homes. */
void kith_turn_failed(struct kith_core *c, unsigned homes);

/* That so many failed says nothing any more: there is another home, or one less, or another network. */
void kith_turn_again(struct kith_core *c);

/* After which time a record is to be signed when there is another home: more may come right after it. */
kith_time_us kith_turn_record(const struct kith_core *c, unsigned homes);

#endif
