/* Operations of the application: looking a name up, and calling it.
 *
 * A call is a look-up, then a handshake: copies of the same HELLO go to the callee through its homes, one after the
 * other. A contact is looked for on the local network as well (call/near.h), and called there if it answers.
 * Two people that call each other at the same moment: call/crossing.h.
 * Homes may lie: the first one asked is drawn; that there is nobody, or nobody online, counts when all homes say so,
 * and a few others, whom the leaf then asks itself: replicas of the name, and supernodes that are no homes of its.
 * Timers: a look-up is repeated through another home when one fails, every second while cut off; a
 * call tries the next home of the callee whenever its handshake repeats; all of it ends with the operation's own time
 * limit.
 * Bounds: those of call/op.h, KITH_DIAL_DEVICES_MAX devices of one name.
 */
#ifndef KITH_CALL_DIAL_H
#define KITH_CALL_DIAL_H

#include "link/state.h"

/* early: what goes along with a call (call/early.h); copied. */
int kith_dial_begin(struct kith_core *c, enum kith_op_kind kind, const char *name, const char *service,
		    kith_time_us timeout_us, struct kith_span early, kith_op *op) KITH_MUST_USE;

/* A session that stood for an operation ended without opening. other: its rival, which still may open, or NULL. */
void kith_dial_fell_through(struct kith_core *c, kith_op op, struct kith_session *other);

/* Ends an operation that did not succeed, and takes the call back. */
void kith_dial_give_up(struct kith_core *c, struct kith_operation *op, int err);

/* This node leaves: takes back the calls that were not answered yet, as far as there is room to tell of it. */
void kith_dial_leave(struct kith_core *c);

/* The HELLO of a call is due again. */
void kith_dial_redial(struct kith_core *c, struct kith_session *s);

/* Looks the peer of a session up again, since the homes that we know of do not help any more. */
void kith_dial_refresh(struct kith_core *c, struct kith_session *s);
void kith_dial_on_refreshed(struct kith_core *c, const struct kith_answer *answer);

/* The answer to a LOOKUP request. */
void kith_dial_on_found(struct kith_core *c, const struct kith_session *via, const struct kith_answer *answer);

/* The answer of one who is no home (leaf/beyond.h). */
void kith_dial_on_beyond(struct kith_core *c, const struct kith_answer *answer);

/* Somebody says that it is on the local network, and asked for by a call. */
void kith_dial_on_here(struct kith_core *c, struct kith_span packet, const struct kith_hop *from);

/* The result of an operation's look-up, by a home (kith_find_home) or by this supernode itself (0). m is read when
 * err is 0 or KITH_ENOENT. */
void kith_dial_found(struct kith_core *c, kith_op id, int err, const struct kith_msg_found *m, unsigned home);

void kith_dial_tick(struct kith_core *c, struct kith_operation *op);

#endif
