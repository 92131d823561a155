/* Explicit challenge-response between the two ends of an application's session: identity/challenge.h over a request.
 *
 * The handshake already proved both device keys. A challenge proves possession now, for a purpose that a text names,
 * and yields a signature that the application may keep.
 * Bounds: one outstanding challenge per session.
 */
#ifndef KITH_CALL_CHALLENGE_H
#define KITH_CALL_CHALLENGE_H

#include "link/state.h"

int kith_challenge_begin(struct kith_core *c, struct kith_session *s, const char *context, kith_op *op) KITH_MUST_USE;
void kith_challenge_on_request(struct kith_core *c, struct kith_session *s, const struct kith_request *request);
void kith_challenge_on_answer(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer);

#endif
