/* A leaf keeps three homes, and its presence record up to date with them.
 *
 * Homes are lost together more often than by chance: when one does not answer, the others are asked at once, and as
 * long as what is tried fails, up to KITH_SPARES more are tried at the same time; who answers first is taken.
 *
 * Timers: a home that is in doubt for 5 s while another answers is given up (its paths alone would take 15 s, in which
 * a line may recover); a lost home is replaced at once, then with the host cache's backoff; the record is signed anew
 * 50 ms after the set of homes changed (so that three attaches make one record or two), and every 6 minutes.
 * Never: two homes at one supernode; a home whose certificate was not verified.
 */
#ifndef KITH_ROLE_LEAF_H
#define KITH_ROLE_LEAF_H

#include "role/state.h"

void kith_leaf_begin(struct kith_core *c);
void kith_leaf_deinit(struct kith_core *c);
void kith_leaf_tick(struct kith_core *c);

void kith_leaf_on_attached(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer);
void kith_leaf_on_leave(struct kith_core *c, struct kith_session *s, const struct kith_request *request);

/* Something happened on a home's session: whether it is in doubt. */
void kith_leaf_look(struct kith_core *c, struct kith_session *s);

/* A session that was used as a home has ended. */
void kith_leaf_lost(struct kith_core *c, const struct kith_session *s, enum kith_close_reason reason);

/* Says goodbye to the directory and to the homes: each is asked to publish the last record, since any may be dead. What
 * is being tried is let go. */
void kith_leaf_leave(struct kith_core *c);

/* Whether the goodbye is still on its way: no home has taken it yet, and one may. */
bool kith_leaf_says_goodbye(struct kith_core *c);

unsigned kith_leaf_homes(const struct kith_core *c);

/* The session of the home that publishes and watches for us, NULL while cut off. */
struct kith_session *kith_leaf_primary(struct kith_core *c);

#endif
