/* What a callee lets come to it through its homes: how much of a tunnel it wants, and who may call it at all (ADMIT).
 *
 * A home lets a call's worth of packets through a tunnel that somebody opened towards us. A tunnel of a session that
 * the application has accepted is wanted in full, from the moment on at which it accepted; when the last session that
 * uses it is over, the home is to let through as much as before, so that whoever does not know it yet can be told; of
 * one whose caller is blocked, nothing.
 * Homes are told whom to refuse: who is blocked, or, when contacts only may find this device, everybody else. Those
 * then hear from the home what is said of a device that is not there. Without anybody to refuse nothing is told.
 * Bounds: KITH_ADMIT_MAX callers are named; of more contacts than that none is, and those that are blocked are.
 * Timers: none. A word that is lost with its session is not repeated: the next home is told anew.
 * Never: told to anybody but homes of our own.
 */
#ifndef KITH_CALL_ADMIT_H
#define KITH_CALL_ADMIT_H

#include "link/state.h"

/* The tunnel of a hop is wanted for a session that the application has accepted, unless we asked for it ourselves. */
void kith_admit_all(struct kith_core *c, struct kith_session *s, const struct kith_hop *hop);

/* The same of all tunnels that the session's paths take. */
void kith_admit_paths(struct kith_core *c, struct kith_session *s);

/* The session is over. */
void kith_admit_over(struct kith_core *c, const struct kith_session *s);

/* Nothing is to come through that tunnel any more. */
void kith_admit_end(struct kith_core *c, const struct kith_hop *hop);

/* Something was heard on a home's session: tells it who may call, if it has not been told. */
void kith_admit_tell(struct kith_core *c, struct kith_session *s);

/* The contacts are others: all homes are told. */
void kith_admit_changed(struct kith_core *c);

#endif
