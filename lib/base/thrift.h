/* Whether memory that was just used is given back, or kept for the next time.
 *
 * Who is called rarely gives it back each time: then nothing is held by the idle, and what all of them use in turn is
 * the allocator's. Who is called often keeps it: KITH_THRIFT_USES times a second it costs next to nothing.
 * Invariant: after a pause of a second or more the first uses give back.
 * Never: a timer. What a busy one kept is held until it is used again.
 */
#ifndef KITH_BASE_THRIFT_H
#define KITH_BASE_THRIFT_H

#include <kith/types.h>

#define KITH_THRIFT_USES 32 /* of each second, that give back: a keepalive and what it causes are a few */

struct kith_thrift {
	kith_time_us since;
	uint32_t uses; /* since then */
};

/* It was used now, and is not any more. True: give it back. */
static inline bool kith_thrift_used(struct kith_thrift *t, kith_time_us now)
{
	if (now - t->since >= KITH_US_PER_S || now < t->since)
		*t = (struct kith_thrift){ now, 0 };
	return t->uses++ < KITH_THRIFT_USES;
}

#endif
