/* Effects: what the host is asked for; each outcome goes to the owner of its effect.
 *
 * A handler begins an effect (base/effects) and names its owner. Completions, and deadlines that have come, are settled
 * with the call in which they are found, by the one switch over owners. A new owner takes a value in enum
 * kith_effect_owner and a line in that switch.
 * Timers: one, for the next deadline.
 * Never: does the work of an effect, which is the host's.
 */
#ifndef KITH_CORE_OUTCOME_H
#define KITH_CORE_OUTCOME_H

#include "link/state.h"

/* Gives what has ended to its owners. False: nothing had. */
bool kith_outcome_settle(struct kith_core *c);

/* Sets the timer to the next deadline. */
void kith_outcome_arm(struct kith_core *c);

#endif
