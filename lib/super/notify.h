/* Telling watchers of a key: homes at a replica, leaves at a home.
 *
 * A request for each record or report: repeated as long as the watcher is believed to be there; beyond the session's
 * queue it is dropped and counted, and the watcher learns it at its next renewal.
 */
#ifndef KITH_SUPER_NOTIFY_H
#define KITH_SUPER_NOTIFY_H

#include "link/state.h"

/* The body of a replica's NOTIFY to this home: passed on to the leaves that watch the key. */
void kith_notify_pass_on(struct kith_core *c, const struct kith_msg_notice *m);

/* Tells one watcher what became of a key. */
void kith_notify_one(struct kith_core *c, uint32_t session, const struct kith_id *key,
		     const struct kith_msg_notice *notice);

/* Tells all watchers of a key (leaves at a home, homes at a replica). */
void kith_notify_all(struct kith_core *c, const struct kith_watches *ws, const struct kith_id *key,
		     const struct kith_msg_notice *notice);
void kith_notify_record(struct kith_core *c, const struct kith_watches *ws, const struct kith_id *key,
			struct kith_span record);
void kith_notify_vanished(struct kith_core *c, const struct kith_watches *ws, const struct kith_id *key,
			  struct kith_span report);

#endif
