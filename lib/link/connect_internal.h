/* What the two halves of the handshake share, connect.c and respond.c, and gone.c with them; nobody else. */
#ifndef KITH_LINK_CONNECT_INTERNAL_H
#define KITH_LINK_CONNECT_INTERNAL_H

#include "link/state.h"

/* Whether a packet over this hop may be answered: a supernode answers anybody, a leaf only what comes through a home of
 * its own. */
bool kith_connect_may_answer(const struct kith_core *c, const struct kith_hop *from);

/* Checks a payload's certificates. 0, or an error that was counted. key: the static key that the handshake proved. */
int kith_connect_check_chain(struct kith_core *c, struct kith_span chain, const uint8_t key[32],
			     const struct kith_hop *from, struct kith_person *person);

/* Remembers the other side's certificates with the session, and its claimed role as far as they allow it. False without
 * memory: no session may stay whose certificates are never checked again. */
bool kith_connect_keep_chain(struct kith_core *c, struct kith_session *s, struct kith_span chain,
			     uint8_t role) KITH_MUST_USE;

/* Makes s the session of its device, unless s is an application's; an older one that the same side began ends. */
void kith_connect_bind(struct kith_core *c, struct kith_session *s);

/* The session is up on our side; from is the hop that the other side was heard on. */
void kith_connect_opened(struct kith_core *c, struct kith_session *s, const struct kith_hop *from);

#endif
