/* Leaves that are attached to this supernode: taking them, keeping their record, and missing them.
 *
 * Timers: a leaf that is silent for 65 s is asked, and reported vanished after 75 s.
 * Bounds: as many leaves as there are sessions.
 */
#ifndef KITH_SUPER_ATTACH_H
#define KITH_SUPER_ATTACH_H

#include "link/state.h"

void kith_attach_on_request(struct kith_core *c, struct kith_session *s, const struct kith_request *request);

/* The session of a leaf has ended; a leaf that did not say goodbye is reported. */
void kith_attach_lost(struct kith_core *c, struct kith_session *s, enum kith_close_reason reason);

/* A leaf was not heard for a while: its session's timer. */
kith_time_us kith_attach_deadline(const struct kith_session *s);
void kith_attach_tick(struct kith_core *c, struct kith_session *s);

#endif
