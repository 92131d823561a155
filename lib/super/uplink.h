/* How much this supernode sends for itself, against what it may: as much as its operator lets others relay.
 *
 * What it sent and has decided to send is a queue that empties at that rate; how long it takes to do so is all that is
 * kept. News of presence wait for it (super/notify). Leaves that come bring more in their wake - two more homes each,
 * records, news - and so they are told how long to wait with that, the longer, the more came before them.
 * Invariants: a supernode that has little to do makes nobody wait; with a rate of 0 none does.
 * Timers: none. Bounds: KITH_ATTACH_WAIT_US.
 * Never: refuses, sends.
 */
#ifndef KITH_SUPER_UPLINK_H
#define KITH_SUPER_UPLINK_H

#include "link/state.h"

/* So much went out that is not relayed, after the call in which it was decided. */
void kith_uplink_sent(struct kith_core *c, uint64_t bytes);

/* So much will go out with this call. */
void kith_uplink_owes(struct kith_core *c, uint64_t bytes);

/* How long news should wait from now on; 0: not at all. */
kith_time_us kith_uplink_wait(const struct kith_core *c);

/* A leaf was attached: within which time it should look for its other homes. 0: at once. */
kith_time_us kith_uplink_attached(struct kith_core *c);

#endif
