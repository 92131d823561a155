/* Certificates as time passes: live sessions are checked again, and our own end is announced.
 *
 * Timers: every KITH_HOUSE_US, and at once when a revocation list came in.
 */
#ifndef KITH_CORE_HOUSE_H
#define KITH_CORE_HOUSE_H

#include "role/state.h"

#define KITH_HOUSE_US (10 * 60 * KITH_US_PER_S) /* local: as exact as clocks are trusted */
#define KITH_EXPIRY_WARNING_MS (INT64_C(3) * 24 * 3600 * 1000) /* local: time for a person to renew */

/* Ends every session whose certificates do not hold any more. */
void kith_recheck_sessions(struct kith_core *c);

void kith_house_tick(struct kith_core *c);

#endif
