/* Two people call each other at the same moment, and end with one session.
 *
 * The rule that both sides know: of two first messages that are both on their way, the one of the lower device key
 * stays. Its author drops the other one without a word. The author of the other one takes it as the answer to his own
 * call, and says so in his reply (CROSSED), by which copies of his own call that come late are known. A caller that has
 * not sent its message yet, because it still looks up or is being rung by the very person that it calls, sends none and
 * takes theirs.
 * Until one of the two sessions has opened, both are there: if the other side gives up, ours goes on.
 */
#ifndef KITH_CALL_CROSSING_H
#define KITH_CALL_CROSSING_H

#include "link/state.h"

enum kith_crossing {
	KITH_CROSSING_NONE, /* we do not call that person for that service */
	KITH_CROSSING_OURS, /* our call stays: theirs is dropped */
	KITH_CROSSING_THEIRS /* theirs is taken as the answer to ours */
};

/* What becomes of a call from somebody: *op is our own call of that person, 0 for none. */
enum kith_crossing kith_crossing_judge(struct kith_core *c, const struct kith_hello *hello,
				       const struct kith_person *person, kith_op *op);

/* Their call s is taken as the answer to our own. */
void kith_crossing_take(struct kith_core *c, kith_op op, struct kith_session *s);

/* A call that has not opened is not wanted any more, since another one stays or the application gave up. The
 * application hears no more of it; the other side does, as far as it may wait for it. */
void kith_crossing_give_way(struct kith_core *c, struct kith_session *s);

/* Their session that is taken as the answer to an operation already, or NULL. */
struct kith_session *kith_crossing_taken(struct kith_core *c, const struct kith_operation *op);

/* Of two calls that crossed s has opened. */
void kith_crossing_settle(struct kith_core *c, struct kith_session *s, struct kith_session *rival);

#endif
