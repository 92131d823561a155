/* Sessions of the application: incoming calls, paths, datagrams, streams, and their end. */
#ifndef KITH_CALL_TALK_H
#define KITH_CALL_TALK_H

#include "link/state.h"

/* The session is up. */
void kith_talk_opened(struct kith_core *c, struct kith_session *s);

/* The callee said no. */
void kith_talk_refused(struct kith_core *c, struct kith_session *s);

/* The session ends: the application is told, and s->peer is freed. */
void kith_talk_closed(struct kith_core *c, struct kith_session *s, enum kith_close_reason reason, bool remote);

/* What the path set has to tell (paths.news). */
void kith_talk_news(struct kith_core *c, struct kith_session *s);

/* Timers of streams and relays; and moving stream packets out. */
void kith_talk_tick(struct kith_core *c, struct kith_session *s);
kith_time_us kith_talk_deadline(const struct kith_core *c, const struct kith_session *s);

void kith_talk_on_datagram(struct kith_core *c, struct kith_session *s, struct kith_span body);

int kith_talk_send(struct kith_core *c, struct kith_session *s, uint16_t channel, struct kith_span data) KITH_MUST_USE;

/* The contact became relay-only: from now on nothing goes to it, or to a supernode that it named, but through homes of
 * our own. */
void kith_talk_relay_only(struct kith_core *c, struct kith_session *s);

/* Our candidates changed: offer them on every session; or, unless all, on those that wait for a sounding. */
void kith_talk_offer_all(struct kith_core *c, bool all);

/* Ends a session when what its streams have finished has arrived, or in so long. */
void kith_talk_linger(struct kith_core *c, struct kith_session *s, enum kith_close_reason reason, kith_time_us us);

/* Whether it was closed so, and waits. */
bool kith_talk_lingers(const struct kith_core *c, const struct kith_session *s);

#endif
