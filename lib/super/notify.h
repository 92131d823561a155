/* Notices (records and vanish reports) to the watchers of a key: homes at a replica, leaves at a home.
 *
 * Each record or report is a request of its own, repeated as long as the watcher is believed to be there. A request
 * beyond the session's queue is dropped and counted; the watcher hears of the change at its next renewal.
 */
#ifndef KITH_SUPER_NOTIFY_H
#define KITH_SUPER_NOTIFY_H

#include "link/state.h"

/* Passes the body of a replica's NOTIFY to this home on to the leaves that watch the key. */
void kith_notify_pass_on(struct kith_core *c, const struct kith_msg_notice *m);

/* Sends a notice of a key to one watcher. */
void kith_notify_one(struct kith_core *c, uint32_t session, const struct kith_id *key,
		     const struct kith_msg_notice *notice);

/* Sends a notice of a key to all its watchers; leaves are told of each once. */
void kith_notify_all(struct kith_core *c, struct kith_watches *ws, const struct kith_id *key,
		     const struct kith_msg_notice *notice);
void kith_notify_record(struct kith_core *c, struct kith_watches *ws, const struct kith_id *key,
			struct kith_span record);
void kith_notify_vanished(struct kith_core *c, struct kith_watches *ws, const struct kith_id *key,
			  struct kith_span report);

#endif
