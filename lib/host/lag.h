/* How a loop fares: how long what comes in has to wait, and the share of the time in which the loop works.
 *
 * What comes in while a turn is at work waits for its end: half of the turn, at the mean. Over all moments of a period
 * that is the sum of the turns' squares over twice the period: one long turn, for which the machine is to blame, counts
 * little; loops that are always late count in full.
 *
 * A turn is told of with the time that the loop has spent waiting so far, as it counts that itself; what else passed it
 * was at work. But a loop that a signal wakes forgets how long it had waited, and a process is stopped, or its machine
 * asleep, without waiting: none of that would fewer leaves mend. So no more counts as work than four times what the
 * loop's thread ran: three parts of four may go to others on a busy machine.
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
	uint64_t cpu_us; /* what its thread had run when the period began; 0: not known yet */
	kith_time_us worked; /* in this period */
	uint64_t squares; /* of its turns, us^2 */
};

/* A turn of the loop ends. True once a second has passed: the figures can be taken. idle_us: that the loop has waited
 * in all. */
bool kith_lag_turn(struct kith_lag *lag, kith_time_us now, uint64_t idle_us);

/* The figures of the time since the last such call, but for memory; the next period begins. cpu_us: that the loop's
 * thread has run in all. */
void kith_lag_take(struct kith_lag *lag, uint64_t cpu_us, struct kith_core_load *out);

#endif
