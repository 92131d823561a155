/* A call looks for its callee on the local network, beside the look-up (link/nearby.h): when its questions go out.
 *
 * Only a contact is looked for: the question is made of the identity that is pinned. A name that is not pinned is found
 * through homes, or not at all.
 * Timers: the operation's. KITH_NEARBY_TRIES questions, KITH_NEARBY_RETRY_US apart and doubling, until one is
 *   answered.
 * Bounds: one struct kith_question for each such call, freed with it.
 * Never: a session, or an end of the operation.
 */
#ifndef KITH_CALL_NEAR_H
#define KITH_CALL_NEAR_H

#include "link/state.h"

/* A call begins: asks, if the callee may be asked for. */
void kith_near_begin(struct kith_core *c, struct kith_operation *op);

/* Asks again, if that is due. */
void kith_near_tick(struct kith_core *c, struct kith_operation *op);

/* When it is; NEVER. */
kith_time_us kith_near_due(const struct kith_operation *op);

/* The call that an answer is for, and who answered, verified. NULL: none, which was counted. */
struct kith_operation *kith_near_found(struct kith_core *c, struct kith_span packet, const struct kith_hop *from,
				       struct kith_person *person);

/* The call has found its callee, or is over: no more questions. */
void kith_near_end(struct kith_core *c, struct kith_operation *op);

#endif
