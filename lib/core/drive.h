/* The frame around every mutating call: enter, act, leave. Leaving seals what was written and takes away what was
 * closed. */
#ifndef KITH_CORE_DRIVE_H
#define KITH_CORE_DRIVE_H

#include "role/state.h"

void kith_core_enter(struct kith_core *c, struct kith_now now);
void kith_core_settle(struct kith_core *c);

/* On the way out: when everybody was told, or at the latest when the grace is over, sessions are closed and LEFT is
 * told. */
void kith_leaving_tick(struct kith_core *c);

#endif
