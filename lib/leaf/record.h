/* A leaf's presence record: signed, and given to the leaf's homes. Two publish what is news; one, in turn, publishes
 * what renews a record that is there. The others are given it when leaf/audit has asked them for it.
 *
 * Timers: signed anew 50 ms after the set of homes changed (so that three attaches make one record or two), and every 6
 * minutes; a minute after a home failed to publish one, which then shows whether it does so again.
 */
#ifndef KITH_LEAF_RECORD_H
#define KITH_LEAF_RECORD_H

#include "link/state.h"

#define KITH_AUDIT_US (3 * KITH_US_PER_S) /* for a record to be with its replicas: a handshake, repeated twice */

/* Signs a record of the homes there are and gives it to them. When the node leaves, the record is the goodbye, and
 * every home is asked to publish it. news: the homes changed, or nobody has a record of ours. */
void kith_leaf_publish(struct kith_core *c, bool news);

/* Gives the record to the homes in a set of slots, to publish it or to have it. */
void kith_record_hand(struct kith_core *c, unsigned slots, bool publish);

#endif
