/* Operations of the application: looking a name up, and calling it.
 *
 * A call is a look-up, then a handshake brought to the callee through its homes, one after the other, as copies of
 * the same message.
 * Two people who call each other at the same moment end with one session. The rule that both sides know: of two first
 * messages that are both on their way the one of the lower device key stays. So its author drops the other one without
 * a word; the author of the other one takes it as the answer to his own call, and tells so in his reply (CROSSED), by
 * which copies of his own call that come late are known. Whoever has not sent his message yet, since he still looks up,
 * or is being rung by the very person that he calls, sends none, and takes theirs.
 * Until one of the two sessions has opened, both are there: if the other side gives up, ours goes on.
 * Timers: a look-up is repeated through another home when one fails, every second while cut off; a
 * call tries the next home of the callee whenever its handshake repeats; all of it ends with the operation's own time
 * limit.
 * Bounds: KITH_OPS_MAX operations, KITH_DIAL_DEVICES_MAX devices of one name.
 */
#ifndef KITH_ROLE_DIAL_H
#define KITH_ROLE_DIAL_H

#include "role/state.h"

enum kith_crossing {
	KITH_CROSSING_NONE, /* we do not call that person for that service */
	KITH_CROSSING_OURS, /* our call stays: theirs is dropped */
	KITH_CROSSING_THEIRS /* theirs is taken as the answer to ours */
};

int kith_dial_begin(struct kith_core *c, enum kith_op_kind kind, const char *name, const char *service,
		    kith_time_us timeout_us, kith_op *op) KITH_MUST_USE;

/* An operation of another kind: its id and time limit only. KITH_EFULL. */
int kith_dial_new_op(struct kith_core *c, enum kith_op_kind kind, const char *name, kith_time_us timeout_us,
		     kith_op *op) KITH_MUST_USE;

/* What becomes of a call from somebody: *op is our own call of that person, 0 for none. */
enum kith_crossing kith_dial_crossing(struct kith_core *c, const struct kith_hello *hello,
				      const struct kith_person *person, kith_op *op);

/* Their call s is taken as the answer to our own. */
void kith_dial_take(struct kith_core *c, kith_op op, struct kith_session *s);

/* A session that stood for an operation ended without opening: other is the one that still may (its rival), or NULL. */
void kith_dial_fell_through(struct kith_core *c, kith_op op, struct kith_session *other);

/* Ends an operation that did not succeed, and takes the call back. */
void kith_dial_give_up(struct kith_core *c, struct kith_operation *op, int err);

/* Takes back the calls that were not answered yet, as far as there is room to tell of it: this node leaves. */
void kith_dial_leave(struct kith_core *c);

/* Looks the peer of a session up again, since the homes that we know of do not help any more. */
void kith_dial_refresh(struct kith_core *c, struct kith_session *s);
void kith_dial_on_refreshed(struct kith_core *c, const struct kith_answer *answer);

struct kith_operation *kith_dial_get(struct kith_core *c, kith_op op);

/* The answer to a LOOKUP request, or to what this supernode asked itself. */
void kith_dial_on_found(struct kith_core *c, const struct kith_answer *answer);

/* Ends an operation: OP_DONE unless err is 0 and told says that another event told it. */
void kith_dial_done(struct kith_core *c, kith_op op, int err, bool told);

void kith_dial_tick(struct kith_core *c, struct kith_operation *op);

#endif
