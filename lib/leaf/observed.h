/* Where others see this node, learnt from whoever says so first.
 *
 * A home's word is believed: it is offered to peers as a candidate, and when it is another one than before, our way out
 * has changed, so that every path through that transport is asked at once. A peer's word, or that of another
 * supernode, is a hint: the homes are asked. Behind a NAT that shows each supernode another address, it is none
 * (leaf/sounding).
 *
 * Timers: a home is believed again after 2 s, and asked by then; hints that were vain count again after 10 s, doubling
 * to 640 s. So neither can make a node ask, offer or punch without end.
 * Never: an address of a peer's choice that is offered to others.
 */
#ifndef KITH_LEAF_OBSERVED_H
#define KITH_LEAF_OBSERVED_H

#include "link/state.h"

/* A home took us, and sees us there. family NONE: it cannot say. */
void kith_observed_attached(struct kith_core *c, unsigned home, const struct kith_seen *told);

/* The other side of a session told where it sees us (KITH_NEWS_SEEN). Returns when kith_observed_tick is due. */
kith_time_us kith_observed_told(struct kith_core *c, struct kith_session *s, const struct kith_seen *told);

/* Perhaps our way out has changed: the homes are asked, unless such hints were vain lately. */
void kith_observed_hint(struct kith_core *c);

void kith_observed_tick(struct kith_core *c);

#endif
