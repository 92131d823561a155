/* Why a leaf has no home, and attachments that end right away.
 *
 * Each host in the cache remembers what came of asking it last. Five seconds without a home are told with the reason,
 * and told again when the reason changes. An attachment that others end within a minute, or that is given to another
 * node with our key, is brief: after such the next attempts wait, 1 s doubling to a minute, one at a time, until one
 * holds for that long. As long as another home holds, only the host that ended it waits.
 * Timers: the leaf's. While there is no home it looks every 5 s, which also notices that the wall clock was set.
 */
#ifndef KITH_LEAF_HOMELESS_H
#define KITH_LEAF_HOMELESS_H

#include "link/state.h"

#define KITH_HOMELESS_US (5 * KITH_US_PER_S)
#define KITH_HOME_BRIEF_US (60 * KITH_US_PER_S) /* an attachment that lasts for that long is no flapping */

void kith_homeless_begin(struct kith_core *c);

/* Looks, with so many homes, whether there is something to tell; returns when to look again. */
kith_time_us kith_homeless_tick(struct kith_core *c, unsigned homes);

void kith_homeless_info(const struct kith_core *c, struct kith_homeless *out);

/* What the end of a home's session says about the supernode: an error code. */
int kith_homeless_cause(const struct kith_session *s, enum kith_close_reason reason);

/* An attachment that had begun at that time has ended; err says why. */
void kith_homeless_ended(struct kith_core *c, kith_time_us since, enum kith_close_reason reason, int err);

/* Tells that attachments, or records at all homes, are refused. */
void kith_homeless_failing(struct kith_core *c, enum kith_close_reason reason, int err);

/* No attachment may begin before that time; single: and then one at a time. */
kith_time_us kith_homeless_calm(const struct kith_core *c, bool *single);

#endif
