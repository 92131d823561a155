/* New keys for a session, by a request and an answer in the old ones. The rules are in session/session.h. */
#ifndef KITH_LINK_REKEY_H
#define KITH_LINK_REKEY_H

#include "link/state.h"

/* Asks for new keys, if that is due and not under way. */
void kith_rekey_begin(struct kith_core *c, struct kith_session *s);

void kith_rekey_on_request(struct kith_core *c, struct kith_session *s, const struct kith_request *request);
void kith_rekey_on_answer(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer);

#endif
