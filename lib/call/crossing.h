/* Two people call each other at the same moment, and end with one session.
 *
 * Both sides know the rule: of two HELLOs that are both on their way, the one of the lower device key stays. Its author
 * drops the other HELLO without a word. The other author takes it as the answer to its own call, and says so in its
 * reply (CROSSED), so that late copies of its own HELLO are known. A caller that has not sent its HELLO yet (it still
 * looks the name up, or is rung by the very person that it calls) sends none, and takes the other call.
 * Both sessions exist until one of them has opened: if the other side gives up, ours goes on.
 */
#ifndef KITH_CALL_CROSSING_H
#define KITH_CALL_CROSSING_H

#include "link/state.h"

enum kith_crossing {
	KITH_CROSSING_NONE, /* we do not call that person for that service */
	KITH_CROSSING_OURS, /* our call stays: theirs is dropped */
	KITH_CROSSING_THEIRS /* theirs is taken as the answer to ours */
};

/* What becomes of a person's call. *op: our own call of that person, 0 for none. */
enum kith_crossing kith_crossing_judge(struct kith_core *c, const struct kith_hello *hello,
				       const struct kith_person *person, kith_op *op);

/* Their call s is taken as the answer to our own. */
void kith_crossing_take(struct kith_core *c, kith_op op, struct kith_session *s);

/* Ends a call that has not opened, since another one stays or the application gave up. The application hears no more of
 * the call; the other side does, if it may wait for an answer. */
void kith_crossing_give_way(struct kith_core *c, struct kith_session *s);

/* Their session that is taken as the answer to an operation already, or NULL. */
struct kith_session *kith_crossing_taken(struct kith_core *c, const struct kith_operation *op);

/* Of two calls that crossed, s has opened. */
void kith_crossing_settle(struct kith_core *c, struct kith_session *s, struct kith_session *rival);

#endif
