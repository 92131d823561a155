/* Calls that come: which of them may ring, and how they are answered.
 *
 * A blocked contact's call is dropped: what the caller sees is what is seen of a device that fell silent.
 * Bounds: KITH_INCOMING_MAX calls wait for the application, KITH_INCOMING_PER_CALLER of them of one identity.
 */
#ifndef KITH_CALL_RINGING_H
#define KITH_CALL_RINGING_H

#include "link/respond.h"

/* A person calls: the call rings, is answered at once, or is dropped and counted. */
void kith_ringing_on_call(struct kith_core *c, const struct kith_first *first);

/* Answers a call that waits for the application: verdict 0 accepts, else it is the reason. */
void kith_ringing_decide(struct kith_core *c, struct kith_session *s, uint16_t verdict);

/* Accepts the call that rings here, if it comes from the name and for the service of our own call; false if there is
 * none. */
bool kith_ringing_answer(struct kith_core *c, struct kith_operation *op);

/* It does not wait any more. */
void kith_ringing_stop(struct kith_core *c, struct kith_session *s);

#endif
