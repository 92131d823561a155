/* A leaf's presence record: signed, and given to the leaf's homes, two of which publish it.
 *
 * Timers: signed anew 50 ms after the set of homes changed (so that three attaches make one record or two), and every 6
 * minutes.
 */
#ifndef KITH_LEAF_RECORD_H
#define KITH_LEAF_RECORD_H

#include "link/state.h"

/* Signs a record of the homes there are and gives it to them. When the node leaves, the record is the goodbye, and
 * every home is asked to publish it. */
void kith_leaf_publish(struct kith_core *c);

#endif
