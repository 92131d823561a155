/* How long replicas take to answer: whoever takes longer than usual is not waited for, and the next one is asked, too.
 *
 * Learnt as RFC 6298 does for round trips, of the first that are asked only.
 * A zeroed struct has learnt nothing. Timers: none. Bounds: the wait is between KITH_QUERY_HEDGE_MIN_US and
 *   KITH_QUERY_HEDGE_US. Never: an allocation.
 */
#ifndef KITH_PRESENCE_HEDGE_H
#define KITH_PRESENCE_HEDGE_H

#include "base/limits.h"

#define KITH_QUERY_HEDGE_US (500 * KITH_US_PER_MS) /* at most: a handshake within a continent, with a retry */
#define KITH_QUERY_HEDGE_MIN_US (30 * KITH_US_PER_MS)

struct kith_hedge {
	kith_time_us usual_us, varies_us; /* usual_us 0: nothing was learnt yet */
};

/* How long replicas usually take, and four times how much that varies. */
kith_time_us kith_hedge_wait(const struct kith_hedge *h);

/* A replica has answered after that time. */
void kith_hedge_learn(struct kith_hedge *h, kith_time_us took);

#endif
