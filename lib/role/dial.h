/* Operations of the application: looking a name up, and calling it.
 *
 * A call is a look-up, then a handshake brought to the callee through its homes, one after the other, as copies of
 * the same message.
 * Timers: a look-up is repeated through another home when one fails, every second while cut off; a
 * call tries the next home of the callee whenever its handshake repeats; all of it ends with the operation's own time
 * limit.
 * Bounds: KITH_OPS_MAX operations, KITH_DIAL_DEVICES_MAX devices of one name.
 */
#ifndef KITH_ROLE_DIAL_H
#define KITH_ROLE_DIAL_H

#include "role/state.h"

int kith_dial_begin(struct kith_core *c, enum kith_op_kind kind, const char *name, const char *service,
		    kith_time_us timeout_us, kith_op *op) KITH_MUST_USE;

/* An operation of another kind: its id and time limit only. KITH_EFULL. */
int kith_dial_new_op(struct kith_core *c, enum kith_op_kind kind, const char *name, kith_time_us timeout_us,
		     kith_op *op) KITH_MUST_USE;

/* Looks the peer of a session up again, since the homes that we know of do not help any more. */
void kith_dial_refresh(struct kith_core *c, struct kith_session *s);
void kith_dial_on_refreshed(struct kith_core *c, const struct kith_answer *answer);

struct kith_operation *kith_dial_get(struct kith_core *c, kith_op op);

/* The answer to a LOOKUP request; via is NULL when this supernode asked itself. */
void kith_dial_on_found(struct kith_core *c, struct kith_session *via, const struct kith_answer *answer);

/* Ends an operation: OP_DONE unless err is 0 and told says that another event told it. */
void kith_dial_done(struct kith_core *c, kith_op op, int err, bool told);

void kith_dial_tick(struct kith_core *c, struct kith_operation *op);

#endif
