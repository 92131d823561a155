/* How much this supernode has to do, what it refuses because of that, and what it says of it to the members.
 *
 * The host tells what only it can know (kith_core_load): how long packets wait, how much of the time its loop works,
 * how much memory is taken. The rest is counted here: packets, relayed bytes, sessions, tunnels. What all that comes to
 * is decided in overlay/election. The operator reads each change of level in the log.
 * Timers: the supernode's: it looks every 5 s by itself, once a second where the host tells. The load in the member
 *   entry is a mean over 30 s or so; a new entry is signed for it when it is a twentieth of all off, as often as
 *   overlay/election allows, and half as often for half of that, and so on. A sum of many is as good as exact by that.
 * Bounds: what the host told counts for KITH_LOAD_TOLD_US.
 */
#ifndef KITH_SUPER_LOAD_H
#define KITH_SUPER_LOAD_H

#include "link/state.h"

#define KITH_LOAD_TOLD_US (5 * KITH_US_PER_S)

/* What the host measured since it told last. */
void kith_load_told(struct kith_core *c, const struct kith_core_load *told);

/* Looks at the figures of the time since it did so last, unless that is less than a second ago. */
void kith_load_look(struct kith_core *c);

#endif
