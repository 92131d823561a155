/* Telling watchers of a key: homes at a replica, leaves at a home.
 *
 * A request for each record or report: repeated as long as the watcher is believed to be there; beyond the session's
 * queue it is dropped and counted, and the watcher learns it at its next renewal.
 */
#ifndef KITH_SUPER_NOTIFY_H
#define KITH_SUPER_NOTIFY_H

#include "link/state.h"

/* The body of a replica's NOTIFY to this home: passed on to the leaves that watch the key. */
void kith_notify_pass_on(struct kith_core *c, const struct kith_id *key, const struct kith_unpacked *pk);

/* Tells one watcher a record (field KITH_B_NEWS_RECORDS) or a report (KITH_B_NEWS_VANISHED). */
void kith_notify_one(struct kith_core *c, uint32_t session, const struct kith_id *key, uint32_t field,
		     struct kith_span item);

/* Tells all watchers of a key (leaves at a home, homes at a replica) records and reports. */
void kith_notify_all(struct kith_core *c, const struct kith_watches *ws, const struct kith_id *key,
		     struct kith_span records[], size_t records_n, struct kith_span vanished[], size_t vanished_n);

#endif
