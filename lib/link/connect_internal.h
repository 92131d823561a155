/* What the two halves of the handshake share, connect.c and respond.c, and gone.c and who.c with them; nobody else. */
#ifndef KITH_LINK_CONNECT_INTERNAL_H
#define KITH_LINK_CONNECT_INTERNAL_H

#include "link/state.h"

/* Whether a packet over this hop may be answered: a supernode answers anybody, a leaf only what comes through a home of
 * its own. */
bool kith_connect_may_answer(const struct kith_core *c, const struct kith_hop *from);

/* Checks a payload's certificates. 0, or an error that was counted. key: the static key that the handshake proved,
 * NULL before there is one. */
int kith_connect_check_chain(struct kith_core *c, struct kith_span chain, const uint8_t key[32],
			     const struct kith_hop *from, struct kith_person *person);

/* Whether a COOKIE, a VERSION or an IAM from there counts, and may be answered by a HELLO, which is long: an observer
 * of the first packet can write any of them, with any source. A supernode's must come from where that went; a call's
 * from where the callee may answer from. */
bool kith_connect_may_prove(struct kith_core *c, const struct kith_session *s, const struct kith_hop *from);

/* The responder's key is known now: sends the HELLO, over the hop that told it. */
void kith_connect_greet(struct kith_core *c, struct kith_session *s, const uint8_t key[32],
			const struct kith_hop *from);

/* Remembers the other side's certificates with the session, and its claimed role as far as they allow it. False without
 * memory: no session may stay whose certificates are never checked again. */
bool kith_connect_keep_chain(struct kith_core *c, struct kith_session *s, struct kith_span chain,
			     uint8_t role) KITH_MUST_USE;

/* Makes s the session of its device, unless s is an application's; an older one that the same side began ends. */
void kith_connect_bind(struct kith_core *c, struct kith_session *s);

/* The session is up on our side; from is the hop that the other side was heard on. */
void kith_connect_opened(struct kith_core *c, struct kith_session *s, const struct kith_hop *from);

#endif
