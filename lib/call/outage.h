/* Sessions of the application of which no path is live: kept, led back, or given up.
 *
 * As long as no path answers, other ways are looked for: the supernodes that we are attached to or that relay for us
 * are asked at once, since it may be our own address that has changed; then the peer's homes for new tunnels, and the
 * directory for the peer's homes. After KITH_INTERRUPTED_US the application is told, and nothing of its data leaves
 * until a path answers: then streams go on, and datagrams are taken again, slowly at first. A session ends when its
 * owner's patience does.
 * What one end gave up, the other learns by GONE (link/gone), as soon as a way is found.
 *
 * Timers: one of each such session. Another way is looked for after 0.5 s (callee: 1.5 s), then after half of the time
 * that it has lasted, 1 s to 60 s; and at once when a transport changes, a home is attached, or the machine wakes up.
 * Bounds: KITH_INTERRUPTED_MAX sessions that were told so; one more is given up.
 * Never: a packet of its own.
 */
#ifndef KITH_CALL_OUTAGE_H
#define KITH_CALL_OUTAGE_H

#include "link/state.h"

/* Whether a path is live may have changed. */
void kith_outage_look(struct kith_core *c, struct kith_session *s);

/* Ends the session when its time is over. */
void kith_outage_tick(struct kith_core *c, struct kith_session *s);
kith_time_us kith_outage_deadline(const struct kith_session *s);

/* The session ends. */
void kith_outage_stop(struct kith_core *c, struct kith_session *s);

/* How long the session is kept without a live path, from the moment on at which the last one was lost. */
void kith_outage_patience(struct kith_core *c, struct kith_session *s, kith_time_us patience_us);

/* The network may be another than before: all sessions that wait try again. */
void kith_outage_hurry(struct kith_core *c);

/* The machine was asleep: everything is asked whether it is still there, before anything is given up. */
void kith_outage_woken(struct kith_core *c);

/* Whether data of the application has to wait. */
static inline bool kith_outage_holds(const struct kith_session *s)
{
	return s->peer->outage.told;
}

#endif
