/* Sessions of the application: incoming calls, paths, datagrams, streams, and their end. */
#ifndef KITH_ROLE_PEER_H
#define KITH_ROLE_PEER_H

#include "role/state.h"

/* Somebody calls. True: the application was told and decides; false: *verdict answers at once. s->peer is set either
 * way. op: our own call of that person, which is answered by it; 0: none. */
bool kith_peer_incoming(struct kith_core *c, struct kith_session *s, const struct kith_person *person,
			struct kith_span service, kith_op op, unsigned *verdict);

/* The application, or something else, has decided. */
void kith_peer_stop_ringing(struct kith_core *c, struct kith_session *s);

/* How many calls of an identity wait for the application. */
unsigned kith_peer_ringing(const struct kith_core *c, const struct kith_key *identity);

/* Accepts the call that we are rung by for the name and service of our own; false if there is none. */
bool kith_peer_answer_ringing(struct kith_core *c, struct kith_operation *op);

/* A call that has not opened is not wanted any more, since another one stays or the application gave up. The
 * application hears no more of it; the other side does, as far as it may wait for it. */
void kith_peer_give_way(struct kith_core *c, struct kith_session *s);

/* The session is up. */
void kith_peer_opened(struct kith_core *c, struct kith_session *s);

/* The callee said no. */
void kith_peer_refused(struct kith_core *c, struct kith_session *s);

/* Brings the HELLO to the callee: again over a tunnel there is, and through the next home. */
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
