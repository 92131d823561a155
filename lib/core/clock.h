/* What follows from the wall clock: when it was set, whatever hung on it is tried again at once; when it is wrong, the
 * application is told. The time itself is base/wall's.
 */
#ifndef KITH_CORE_CLOCK_H
#define KITH_CORE_CLOCK_H

#include "link/state.h"

/* At the end of every call: acts upon what changed. */
void kith_clock_settle(struct kith_core *c);

#endif
