/* A home's leaves watch names: SUBSCRIBE, and the renewal of what the home in turn watches at the replicas.
 *
 * All leaves' watches of a key are one watch at its replicas (presence/watch.h). A look-up of the key is made for a
 * leaf that newly watches it, and none for one that does already: that leaf is told of every change.
 * Timers: a key is renewed at half of KITH_SUBSCRIPTION_US, sooner when replicas did not answer or members changed.
 * Bounds: KITH_SUBSCRIPTIONS_PER_S new watches of one identity, look-ups under way as in super/query.h; what is beyond
 * is not watched, and the leaf is told LIMITED: it asks again.
 */
#ifndef KITH_SUPER_INTERESTS_H
#define KITH_SUPER_INTERESTS_H

#include "link/state.h"

void kith_interests_on_request(struct kith_core *c, struct kith_session *s, const struct kith_request *request);

/* Asks the replicas again for keys that are due, as far as there is room for look-ups. Returns when to be called next.
 */
kith_time_us kith_interests_tick(struct kith_core *c);

#endif
