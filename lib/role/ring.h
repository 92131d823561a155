/* Calls that come: which may ring, who is told, and how they are answered.
 *
 * Bounds: KITH_INCOMING_MAX wait for the application, KITH_INCOMING_PER_CALLER of them of one identity.
 */
#ifndef KITH_ROLE_RING_H
#define KITH_ROLE_RING_H

#include "role/state.h"

/* Somebody calls. True: the application was told and decides; false: *verdict answers at once. s->peer is set either
 * way. op: our own call of that person, which is answered by it; 0: none. */
bool kith_ring_incoming(struct kith_core *c, struct kith_session *s, const struct kith_person *person,
			struct kith_span service, kith_op op, unsigned *verdict);

/* The application, or something else, has decided. */
void kith_ring_stop(struct kith_core *c, struct kith_session *s);

/* How many calls of an identity wait for the application. */
unsigned kith_ring_count(const struct kith_core *c, const struct kith_key *identity);

/* Accepts the call that we are rung by for the name and service of our own; false if there is none. */
bool kith_ring_answer(struct kith_core *c, struct kith_operation *op);

#endif
