/* A leaf is asked by a home of its to serve as well, and does if its operator consents and its own figures hold.
 *
 * Both are the office's to say (overlay/office). The token must be for this device, be signed by the very home that
 * asks, and not have expired.
 * The answer leaves first; the node begins SERVE_US later, when the call that finds it due settles (core/serving).
 * Timers: the leaf's.
 * Never: begins to serve without being asked.
 */
#ifndef KITH_LEAF_PROMOTION_H
#define KITH_LEAF_PROMOTION_H

#include "link/state.h"

void kith_promotion_on_request(struct kith_core *c, struct kith_session *s, const struct kith_request *request);

/* Whether it is time to begin, which is then left behind for the end of the call. */
void kith_promotion_tick(struct kith_core *c);

/* How many leaves whoever allows so many sessions takes at first: a tenth. */
uint32_t kith_promotion_places(uint32_t sessions_max);

#endif
