/* Operations of the application: their ids, their time limits, and their end.
 *
 * One that is done stays where it is until the end of the call in which it ended, since its handler may still look at
 * it; then its memory is given back.
 * Timers: one for each operation, which ends at its time limit, whatever it waits for.
 * Bounds: KITH_OPS_MAX at once.
 * Never: ends twice.
 */
#ifndef KITH_CALL_OP_H
#define KITH_CALL_OP_H

#include "link/state.h"

/* Makes an operation with an id and a time limit only. KITH_EFULL. */
int kith_op_new(struct kith_core *c, enum kith_op_kind kind, const char *name, kith_time_us timeout_us,
		kith_op *op) KITH_MUST_USE;

struct kith_operation *kith_op_get(struct kith_core *c, kith_op op);

/* Ends an operation: OP_DONE unless err is 0 and told says that another event told it. */
void kith_op_done(struct kith_core *c, kith_op op, int err, bool told);

/* The end of a call: gives back those that are done. */
void kith_ops_settle(struct kith_core *c);
void kith_ops_deinit(struct kith_core *c);

/* The session of the application with that id, or NULL. */
struct kith_session *kith_peer_get(struct kith_core *c, kith_session_id id);

/* When the operation is looked at again: at the latest at its time limit, and besides when its callee is to be asked
 * for once more (call/near.h). */
void kith_op_arm(struct kith_core *c, struct kith_operation *op, kith_time_us at);

#endif
