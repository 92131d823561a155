/* The frame around every mutating call: enter, act, settle.
 *
 * While a call acts, a handler changes its own state and leaves behind what concerns others; nothing is called upward.
 * Settling gives these to their owners, in this order, again and again until nothing is left: sessions that ended,
 * answers of this node to itself, effects that ended, what the leaf's half left, revocation lists, news of path sets,
 * packets that were written (which are sealed). Then the timer of every session that was touched is set once, and what
 * has ended is taken away. Timers come after sealing, since what was sent moves deadlines.
 * Bounds: the work of a call. A session ends once, and news that was read is gone.
 */
#ifndef KITH_CORE_SETTLE_H
#define KITH_CORE_SETTLE_H

#include "link/state.h"

void kith_core_enter(struct kith_core *c, struct kith_now now);
/* Enters to take out what is there: nothing is changed, and nothing written. */
void kith_core_look(struct kith_core *c, struct kith_now now);
void kith_core_settle(struct kith_core *c);

/* Gives the news of a session's path set to the session's owner. Settling does so for all touched sessions; called
 * directly where the rest of the call depends on it. False: no news. */
bool kith_settle_news(struct kith_core *c, struct kith_session *s);

/* The machine was asleep: what a timer would give up is tried first. Before timers fire. */
void kith_settle_woken(struct kith_core *c);

/* The session's timer has fired. */
void kith_settle_tick(struct kith_core *c, struct kith_session *s);

#endif
