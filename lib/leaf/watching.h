/* Names that the application watches, and the verdict on the notices that come. A leaf asks its primary home to watch
 * them by SUBSCRIBE; the home asks the replicas by WATCH (super/interests.h).
 *
 * Timers: subscriptions are renewed with each new record, at half their life, and at once at another home when the
 * primary is lost; a device goes offline when its record ends.
 * Bounds: KITH_WATCHED_MAX names, KITH_DIAL_DEVICES_MAX devices of each (the oldest record gives way).
 */
#ifndef KITH_LEAF_WATCHING_H
#define KITH_LEAF_WATCHING_H

#include "link/state.h"

int kith_watching_add(struct kith_core *c, const char *name) KITH_MUST_USE;
int kith_watching_remove(struct kith_core *c, const char *name);
void kith_watching_deinit(struct kith_core *c);

/* Sends SUBSCRIBE for all names to the primary home again. */
void kith_watching_renew(struct kith_core *c);
void kith_watching_on_answer(struct kith_core *c, const struct kith_answer *answer);

/* Takes the notices (records and vanish reports) of a NOTIFY, or of an answer. */
void kith_watching_notice(struct kith_core *c, struct kith_spans records, struct kith_spans vanished);

void kith_watching_tick(struct kith_core *c);

#endif
