/* Sessions of the application: incoming calls, paths, datagrams, streams, and their end. */
#ifndef KITH_ROLE_PEER_H
#define KITH_ROLE_PEER_H

#include "role/state.h"

/* Somebody calls. True: the application was told and decides; false: *verdict answers at once. s->peer is set either
 * way. */
bool kith_peer_incoming(struct kith_core *c, struct kith_session *s, const struct kith_person *person,
			struct kith_span service, unsigned *verdict);

/* The session is up. */
void kith_peer_opened(struct kith_core *c, struct kith_session *s);

/* The callee said no. */
void kith_peer_refused(struct kith_core *c, struct kith_session *s, enum kith_close_reason reason);

/* Brings the HELLO to the callee: again over the tunnel there is, and through the next home. */
void kith_peer_redial(struct kith_core *c, struct kith_session *s);

/* While calling: a home of the callee opened a tunnel, or (NULL) refused to. False: nothing changed. */
bool kith_peer_dial_via(struct kith_core *c, struct kith_session *s, const struct kith_hop *hop);

/* The session ends: the application is told, what hangs off it is freed. */
void kith_peer_closed(struct kith_core *c, struct kith_session *s, enum kith_close_reason reason, bool remote);

/* What the path set has to tell (paths.news). */
void kith_peer_news(struct kith_core *c, struct kith_session *s);

/* Timers of streams and relays; and moving stream packets out. */
void kith_peer_tick(struct kith_core *c, struct kith_session *s);
kith_time_us kith_peer_deadline(const struct kith_core *c, const struct kith_session *s);

void kith_peer_on_datagram(struct kith_core *c, struct kith_session *s, struct kith_span body);
void kith_peer_on_stream(struct kith_core *c, struct kith_session *s, struct kith_span body);

int kith_peer_send(struct kith_core *c, struct kith_session *s, uint16_t channel, struct kith_span data) KITH_MUST_USE;

/* The session's streams, made when there are none; NULL when out of memory. */
struct kith_streams *kith_peer_streams(struct kith_core *c, struct kith_session *s);

/* Sends what the streams have to send, and tells what they have to tell. */
void kith_peer_pump(struct kith_core *c, struct kith_session *s);

/* Fills in up to n paths and returns how many there are. */
size_t kith_peer_paths(const struct kith_session *s, kith_time_us now, struct kith_path_info out[], size_t n);

/* Our candidates changed: offer them on every session. */
void kith_peer_offer_all(struct kith_core *c);

/* The session of the application with that id, or NULL. */
struct kith_session *kith_peer_get(struct kith_core *c, kith_session_id id);

#endif
