/* A node that leaves: when every goodbye has arrived, or at the latest when the grace is over, sessions are closed, and
 * LEFT is the last event.
 *
 * Timers: looks every 50 ms whether the goodbyes have arrived.
 */
#ifndef KITH_CORE_LEAVING_H
#define KITH_CORE_LEAVING_H

#include "link/state.h"

void kith_leaving_tick(struct kith_core *c);

/* After the ends of sessions were told. */
void kith_leaving_settle(struct kith_core *c);

#endif
