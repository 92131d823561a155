/* What the two ends of a peer session allow each other: each gives the other, if that is a contact it accepted, the
 * token by which its comings and goings may be followed.
 *
 * It is given when the session opens, when the contact is accepted meanwhile, and when it is another one. What is given
 * to us is kept if the giver is a contact of ours, then or later while the session lasts.
 * A token is withdrawn from all at once, by a new one: when a contact that had it is blocked, or is one no more. Those
 * who are not talked to then have the new one when they are talked to next, and the public view until then.
 * Bounds: a request for each session and change. Timers: none.
 * Never: given to somebody who is no contact.
 */
#ifndef KITH_CALL_FOLLOW_H
#define KITH_CALL_FOLLOW_H

#include "link/state.h"

/* The session opened, or its contact's flags changed: gives and takes what may be given and taken. */
void kith_follow_exchange(struct kith_core *c, struct kith_session *s);

void kith_follow_on_request(struct kith_core *c, struct kith_session *s, const struct kith_request *request);

/* Whether somebody who was given the token is not to have it any more: the contact is to be another key, to have these
 * flags, or to be none (NULL, 0). */
bool kith_follow_ends(const struct kith_core *c, const char *name, const struct kith_key *identity, uint8_t flags);

/* Withdraws the token: there is another one from now on, a record that goes by it, and contacts that are talked to have
 * it. */
void kith_follow_withdraw(struct kith_core *c);

/* The name is no contact any more: its tokens are forgotten. */
void kith_follow_forget(struct kith_core *c, const char *name);

#endif
