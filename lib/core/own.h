/* Our own certificates: checked like anybody's, used from the start on, and renewed while the node runs.
 *
 * A device's certificate is due when two thirds of its life are over, and up to a twelfth of it later, which its key
 * decides, so that devices that were certified together do not renew together. Then the host is told, again and again
 * until it has brought a chain with a newer one. That counts in whatever is signed and shaken hands with from then on;
 * record and member entry are signed anew at once, and open sessions show it to their other sides (link/renewed).
 * Timers: that of core/certs. Never: makes a certificate, has the identity's key.
 */
#ifndef KITH_CORE_OWN_H
#define KITH_CORE_OWN_H

#include "link/state.h"

#define KITH_DUE_AGAIN_US (24 * 60 * 60 * KITH_US_PER_S) /* local: at most; short lives make it more often */

/* Takes chain and device of the options, by the clock of the host. Errors as kith_core_new. */
int kith_own_take(struct kith_core *c, const struct kith_core_options *o, struct kith_now host) KITH_MUST_USE;
void kith_own_deinit(struct kith_core *c);

/* Errors as kith_core_renew. */
int kith_own_renew(struct kith_core *c, struct kith_span chain) KITH_MUST_USE;

/* Tells the host if the certificate is due. Returns when to look again, NEVER if that is far away. */
kith_time_us kith_own_tick(struct kith_core *c);

#endif
