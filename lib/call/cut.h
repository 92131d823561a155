/* What had arrived on the streams of a session that has ended, and was not read yet: kept for the application, which
 * hears of the end and of the bytes before it at the same time. By the session's id, which no calls but reading and
 * giving up reading know any more.
 *
 * Timer: KITH_CUT_KEPT_US after the end of the first. Bounds: KITH_CUTS_MAX sessions; beyond, the oldest is dropped.
 * Never: a word to the other side, an event.
 */
#ifndef KITH_CALL_CUT_H
#define KITH_CALL_CUT_H

#include "link/state.h"

/* Takes the streams over, or frees them if nothing is to be read. NULL is nothing. */
void kith_cut_keep(struct kith_core *c, kith_session_id session, struct kith_streams *streams);

/* NULL: nothing of that session is kept. */
struct kith_streams *kith_cut_get(struct kith_core *c, kith_session_id session);

/* Frees what has been read, or belongs to a session that had the id before. */
void kith_cut_done(struct kith_core *c, kith_session_id session);

void kith_cut_tick(struct kith_core *c);
void kith_cut_free_all(struct kith_core *c);

#endif
