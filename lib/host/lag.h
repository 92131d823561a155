/* How a loop fares: how long what comes in has to wait, and the share of the time in which the loop works.
 *
 * What comes in while a turn is at work waits for its end: half of the turn, at the mean. Over all moments of a period
 * that is the sum of the turns' squares over twice the period: one long turn, for which the machine is to blame, counts
 * little; loops that are always late count in full.
 *
 * A turn is told of with the time that the loop has spent waiting so far, as it counts that itself; what else passed it
 * was at work.
 * Never: a clock, the loop.
 */
#ifndef KITH_HOST_LAG_H
#define KITH_HOST_LAG_H

#include <kith/core.h>

#include "base/timer.h"

struct kith_lag {
	kith_time_us begun; /* when the period began; 0: not yet */
	kith_time_us turned; /* when the last turn ended */
	uint64_t idle_us; /* what the loop had waited by then */
	kith_time_us worked; /* in this period */
	uint64_t squares; /* of its turns, us^2 */
};

/* A turn of the loop ends. True once a second has passed: out has the figures of the time since the last such call, but
 * for memory. idle_us: that the loop has waited in all. */
bool kith_lag_turn(struct kith_lag *lag, kith_time_us now, uint64_t idle_us, struct kith_core_load *out);

#endif
