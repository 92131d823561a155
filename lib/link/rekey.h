/* New keys for a session, by a request in the old ones: the question and the answer. The rules: session/session.h. */
#ifndef KITH_LINK_REKEY_H
#define KITH_LINK_REKEY_H

#include "link/state.h"

/* Asks for new keys, where that is due and not under way. */
void kith_rekey_begin(struct kith_core *c, struct kith_session *s);

void kith_rekey_on_request(struct kith_core *c, struct kith_session *s, const struct kith_request *request);
void kith_rekey_on_answer(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer);

#endif
