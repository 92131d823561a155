/* Names that the application watches, and the verdict on the notices that come. A leaf asks two of its homes to watch
 * them by SUBSCRIBE (leaf/subscriptions); a home asks the replicas by WATCH (super/interests.h).
 *
 * Timers: subscriptions are renewed with each new record, and so when a home was replaced; a device goes offline when
 * its record ends.
 * Bounds: KITH_WATCHED_MAX names, KITH_DIAL_DEVICES_MAX devices of each (the oldest record gives way).
 */
#ifndef KITH_LEAF_WATCHING_H
#define KITH_LEAF_WATCHING_H

#include "link/state.h"

int kith_watching_add(struct kith_core *c, const char *name) KITH_MUST_USE;
int kith_watching_remove(struct kith_core *c, const char *name);
void kith_watching_deinit(struct kith_core *c);

/* Sends SUBSCRIBE for all names again. */
void kith_watching_renew(struct kith_core *c);
void kith_watching_on_answer(struct kith_core *c, const struct kith_session *s, const struct kith_answer *answer);
/* The same for one of them, if it is: there is a token for it that was not shown. */
void kith_watching_again(struct kith_core *c, const struct kith_id *key);

/* Takes the notices (records and vanish reports) of a NOTIFY, or of an answer. s: who told; NULL: this node itself. */
void kith_watching_notice(struct kith_core *c, const struct kith_session *s, struct kith_spans records,
			  struct kith_spans vanished);

/* Takes what a NOTIFY says in brief. */
void kith_watching_newest(struct kith_core *c, const struct kith_session *s, const struct kith_msg_notice *m);

/* What a home answered that was asked for a name that is watched. */
void kith_watching_on_control(struct kith_core *c, const struct kith_session *s, const struct kith_answer *answer);

void kith_watching_tick(struct kith_core *c);

#endif
