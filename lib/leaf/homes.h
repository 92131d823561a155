/* A leaf keeps three homes.
 *
 * The first home is asked alone, since it says when to look for the others: at once, unless too many do. Another is
 * asked when it does not answer soon. Homes that do not answer: leaf/doubt. As long as attempts fail, up to KITH_SPARES
 * more supernodes are tried at the same time, and one while no home answers; the first that answer are taken.
 *
 * Timers: a lost home is replaced at once, then with the host cache's backoff; a home whose place was taken
 *   (leaf/moving) is let go 3 s later.
 * Never: two homes at one supernode; a home whose certificate was not verified.
 */
#ifndef KITH_LEAF_HOMES_H
#define KITH_LEAF_HOMES_H

#include "link/state.h"

/* The leaf's timer goes off by then. */
void kith_homes_wake(struct kith_core *c, kith_time_us at);

unsigned kith_homes_count(const struct kith_core *c);

/* The session of a home, NULL while it is none. */
struct kith_session *kith_homes_session(struct kith_core *c, const struct kith_home_slot *home);

/* The session of the home that publishes and watches for us, NULL while cut off. */
struct kith_session *kith_homes_primary(struct kith_core *c);

/* The slot of the home at the other end of a session, below 0: it is none. */
int kith_homes_slot(const struct kith_core *c, const struct kith_session *s);

/* Replaces homes that were caught (leaf/caught). */
void kith_homes_dismiss(struct kith_core *c);

void kith_homes_on_attached(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer);
void kith_homes_on_leave(struct kith_core *c, struct kith_session *s, const struct kith_request *request);

/* The supernode that this attempt goes to takes nobody now: how long it is left alone, and whom it names instead. */
void kith_homes_refused(struct kith_core *c, const struct kith_session *s, const struct kith_busy *busy);

/* Tries a supernode for the place of the home whose session that is. KITH_ENOENT: it is no home; KITH_EEXIST: the
 * supernode is one, or is being tried; KITH_EFULL: others are being tried; KITH_EUNREACHABLE. */
int kith_homes_replace(struct kith_core *c, const struct kith_session *s, const struct kith_host *host) KITH_MUST_USE;

/* Something happened on a home's session: looks whether the home is in doubt. */
void kith_homes_look(struct kith_core *c, struct kith_session *s);

/* A session that was used as a home has ended. */
void kith_homes_lost(struct kith_core *c, const struct kith_session *s, enum kith_close_reason reason);

/* Gives up homes in doubt and attempts that take too long, and tries others in their place. */
void kith_homes_tick(struct kith_core *c);

/* Gives up an attempt that is not needed any more; nothing is held against the supernode. */
void kith_homes_let_go(struct kith_core *c, struct kith_home_slot *slot);

#endif
