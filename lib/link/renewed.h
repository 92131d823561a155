/* Certificates that were renewed while sessions are open: each other side is shown the new ones, before it ends the
 * session because the old ones have ended.
 *
 * A session is marked when our chain is renewed; when something was heard on it, the chain goes out by RENEWED, and
 * again when that was not answered. What comes is verified like the chain of a handshake, and takes its place.
 * Invariants: the other side stays who it is, name, identity and device; of its certificates none becomes older.
 * Timers: those of requests. Bounds: each costs at most three signatures, at KITH_GONE_PER_S for a device.
 * Never: a chain kept that did not verify.
 */
#ifndef KITH_LINK_RENEWED_H
#define KITH_LINK_RENEWED_H

#include "link/state.h"

/* Our chain is another one: every session that is there is to show it. */
void kith_renewed_mark(struct kith_core *c);

/* Something came on a session: if it is marked, the chain goes out. */
void kith_renewed_look(struct kith_core *c, struct kith_session *s);

/* RENEWED. */
void kith_renewed_on_request(struct kith_core *c, struct kith_session *s, const struct kith_request *request);
void kith_renewed_on_answer(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer);

#endif
