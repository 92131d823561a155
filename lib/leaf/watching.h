/* Names that the application watches: subscriptions at the primary home, and the verdict on what comes.
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

/* Subscribes anew to everything at the primary home. */
void kith_watching_renew(struct kith_core *c);
void kith_watching_on_answer(struct kith_core *c, const struct kith_answer *answer);

/* Records and vanish reports of a NOTIFY, or of an answer. */
void kith_watching_notice(struct kith_core *c, struct kith_spans records, struct kith_spans vanished);

void kith_watching_tick(struct kith_core *c);

#endif
