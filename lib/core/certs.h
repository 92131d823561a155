/* Certificates as time passes: live sessions are checked again, and the end of our own certificates is announced.
 *
 * Timers: every KITH_CERTS_US, and when a list came in: at once, but no more often than every KITH_RECHECK_US, since
 * device lists come from strangers, and a check looks at all sessions. (A revocation list counts at once.)
 */
#ifndef KITH_CORE_CERTS_H
#define KITH_CORE_CERTS_H

#include "link/state.h"

#define KITH_CERTS_US (10 * 60 * KITH_US_PER_S) /* local: as exact as clocks are trusted */
#define KITH_RECHECK_US (10 * KITH_US_PER_S) /* local: a microsecond for each session */
#define KITH_EXPIRY_WARNING_MS (INT64_C(3) * 24 * 3600 * 1000) /* local: time for a person to renew */

/* Ends every session whose certificates do not hold any more. */
void kith_certs_recheck(struct kith_core *c);

/* Tells of issuers that keep two logs, unless it was told. */
void kith_certs_look_at_logs(struct kith_core *c);

void kith_certs_tick(struct kith_core *c);

/* Called after anything that may have brought a list. */
void kith_certs_look(struct kith_core *c);

#endif
