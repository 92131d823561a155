/* Bringing records to the replicas that keep them: those of our leaves, and our own.
 *
 * Timers: 5 s (with jitter) after the members changed, records go to the replicas that are new; our own record is
 * signed anew as a leaf's is.
 */
#ifndef KITH_SUPER_PUBLISH_H
#define KITH_SUPER_PUBLISH_H

#include "link/state.h"

/* Brings a record (STORE) or a vanish report (VANISH) to the keepers of its key. leaf: the session of the leaf that the
 * record is of, or 0. Returns the keepers' hash; *own: we are one of them. */
uint64_t kith_publish_bring(struct kith_core *c, uint32_t leaf, const struct kith_id *key, uint8_t kind,
			    struct kith_span bytes, bool *own);

/* Signs and publishes our own record, since a supernode can be called like any node. */
void kith_publish_self(struct kith_core *c);

/* Supernodes came, went, fell silent or answer again, so the records of our leaves go to the replicas that keep them
 * now. */
void kith_publish_again(struct kith_core *c);

/* The answer to a STORE or VANISH. */
void kith_publish_on_answer(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer);

#endif
