/* What the application is told of its sessions, as events.
 *
 * Never: tells anything of a session that the application does not know of (peer.told).
 */
#ifndef KITH_CALL_TELL_H
#define KITH_CALL_TELL_H

#include "link/state.h"

/* Fills in up to n paths and returns how many there are. */
size_t kith_tell_paths(const struct kith_core *c, const struct kith_session *s, kith_time_us now,
		       struct kith_path_info out[], size_t n);

/* What an event says of the other side. */
void kith_tell_person(struct kith_event *ev, const struct kith_session *s, const struct kith_person *person);

/* A name is certified for another key than the pinned one. */
void kith_tell_identity_changed(struct kith_core *c, const struct kith_person *person);

/* The session is over for the application, if it knows of it. */
void kith_tell_closed(struct kith_core *c, struct kith_session *s, enum kith_close_reason reason, bool remote);

/* Data takes another path. */
void kith_tell_path(struct kith_core *c, struct kith_session *s);

#endif
