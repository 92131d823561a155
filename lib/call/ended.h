/* What explained a session of the application when it ended: kept for a minute, since only then does anybody ask.
 *
 * Memory is taken when a session ends that was open, and given back with the first tick after its time is over: no
 * timer. Bounds: KITH_ENDED_MAX sessions of KITH_ENDED_TEXT_MAX bytes; beyond, the oldest is dropped.
 * Never: a word to anybody but the application that asks.
 */
#ifndef KITH_CALL_ENDED_H
#define KITH_CALL_ENDED_H

#include "link/state.h"

/* Before the session's state is taken apart. One that never opened, or without memory: nothing is kept. */
void kith_ended_keep(struct kith_core *c, const struct kith_session *s, enum kith_close_reason reason, bool remote);

/* How the last session with that id, or that name, ended, and what was known then. Returns the length, cut at cap - 1;
 * 0: nothing of it is kept. */
size_t kith_ended_explain(const struct kith_core *c, kith_time_us now, kith_session_id session, char *out, size_t cap);
size_t kith_ended_explain_last(const struct kith_core *c, kith_time_us now, const char *name, char *out, size_t cap);

void kith_ended_expire(struct kith_core *c);
void kith_ended_free_all(struct kith_core *c);

#endif
