/* Notices (records and vanish reports) to the watchers of a key: homes at a replica, leaves at a home.
 *
 * Each record or report is a request of its own, repeated as long as the watcher is believed to be there. A request
 * beyond the session's queue is dropped and counted; the watcher hears of the change at its next renewal. Under load
 * (KITH_OVERLOAD_PRESENCE) what is to be told to all watchers of a key waits 5 s, up to 60 s with more of it, and else
 * as long as the link is full (super/uplink); only the newest of each device goes out; so what is told first to a new
 * watcher may be older by that.
 * There may be more watchers than packets: those that are left are told when the host has taken the packets; newer news
 * of the same thing take the place of what has not reached all, and go to all.
 * Of a guarded record those are told whose tokens open it. Others hear of it when their home renews its watch, by its
 * public view (kith_query_watch).
 * What others bring is passed on when it holds beside the newest record known of its device (presence/watch.h).
 * Timers: the supernode's. Bounds: presence/held.h; what goes out at a time.
 * Never: passes on what did not verify.
 */
#ifndef KITH_SUPER_NOTIFY_H
#define KITH_SUPER_NOTIFY_H

#include "link/state.h"

/* Passes the body of a replica's NOTIFY to this home on to the leaves that watch the key: what is verified, and no
 * older than what they were told. */
void kith_notify_pass_on(struct kith_core *c, struct kith_session *s, const struct kith_msg_notice *m);

/* A vanish report that s brought did not hold, since err. Who forged it is cut off when there are more. */
void kith_notify_refused(struct kith_core *c, struct kith_session *s, int err);

/* Verified records that the home was told of otherwise: what is passed on is judged by them. */
void kith_notify_learn(struct kith_core *c, struct kith_spans records);

/* Sends a notice of a key to one watcher. */
void kith_notify_one(struct kith_core *c, uint32_t session, const struct kith_id *key,
		     const struct kith_msg_notice *notice);

/* Sends what has waited long enough; returns when to look again. */
kith_time_us kith_notify_tick(struct kith_core *c);

/* Sends a notice of a key to its watchers, now; leaves are told of each once, and of no record older than they know.
 * whom: of a guarded record; of another one all are told, unless it is about the others only. Reports stand beside
 * their records. */
void kith_notify_all(struct kith_core *c, struct kith_watches *ws, const struct kith_id *key,
		     const struct kith_msg_notice *notice, enum kith_whom whom);
/* One record, or report, to those who may know it: now, or a while later. guard: of the record that the report is of;
 * NULL: none. */
void kith_notify_record(struct kith_core *c, struct kith_watches *ws, const struct kith_id *key,
			struct kith_span record);
void kith_notify_vanished(struct kith_core *c, struct kith_watches *ws, const struct kith_id *key, const uint8_t *guard,
			  struct kith_span report);

#endif
