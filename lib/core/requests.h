/* Gives requests and answers to the half that handles them: two switches, over request kinds and over token kinds. */
#ifndef KITH_CORE_REQUESTS_H
#define KITH_CORE_REQUESTS_H

#include "link/state.h"

/* A REQUEST frame. Returns the id of a new request (its answer may go inside a REPLY), else 0. *own: a packet for this
 * node itself that came inside (INTRODUCE), borrowed from body; p NULL: none. */
uint16_t kith_core_on_request(struct kith_core *c, struct kith_session *s, struct kith_span body,
			      struct kith_span *own);

/* An ANSWER frame. */
void kith_core_on_answer(struct kith_core *c, struct kith_session *s, struct kith_span body);

/* A request of ours that has ended, one way or the other. */
void kith_core_answered(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer);

#endif
