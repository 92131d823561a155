/* What a home's leaves watch: a leaf asks its home to watch (SUBSCRIBE), and the home asks the replicas (WATCH).
 *
 * All leaves' watches of a key are one watch at its replicas (presence/watch.h). The key is looked up for a leaf that
 * newly watches it; a leaf that watches it already is told of every change, and needs no look-up.
 * Timers: the watch of a key is renewed at half of KITH_SUBSCRIPTION_US, a fifth of that earlier or later, sooner if
 *   replicas did not answer or are not the same any more, not while the link is full (super/uplink); when members
 *   changed, 256 keys each 10 ms are looked at for that.
 * Bounds: KITH_SUBSCRIPTIONS_PER_S new watches of one identity, look-ups under way as in super/query.h. A key beyond
 * them is not watched; the leaf is told LIMITED, and asks again.
 */
#ifndef KITH_SUPER_INTERESTS_H
#define KITH_SUPER_INTERESTS_H

#include "link/state.h"

void kith_interests_on_request(struct kith_core *c, struct kith_session *s, const struct kith_request *request);

/* Members changed: keys of which a replica became another one, or may have lost its watch, are due. */
void kith_interests_recheck(struct kith_core *c);

/* Sends WATCH again for keys that are due, as far as there is room for look-ups. Returns when to be called next. */
kith_time_us kith_interests_tick(struct kith_core *c);

#endif
