/* Making sessions: both halves of the handshake, on whatever way its packets take.
 *
 * Costs of a stranger's first message, in the order in which it may fail: layout; mac1 (a hash); source rate (a
 * look-up); cookie when asked for (a hash); then one DH and one open, the certificates (up to three signatures,
 * remembered), the timestamp; and only what passed all of them makes state. A leaf answers only what came through the
 * tunnel of a home of its own, so that an address scan with somebody's public key finds nobody.
 * Addresses in host entries are a stranger's claim: none is spoken to that kith_candidate_check would not have probed,
 * but for those that the operator configured.
 * Timers: HELLO again after 300 ms, doubling to 4 s, to the next address of the host each time, given up after 10 s (a
 * call: when its operation is). A cancelled call's last words are repeated for KITH_CANCEL_US.
 */
#ifndef KITH_ROLE_CONNECT_H
#define KITH_ROLE_CONNECT_H

#include "role/state.h"

/* Asks a supernode, over the session there is or in the first message of a new one. use: what the session is for from
 * now on (bits of enum kith_session_use, may be 0). A host whose dh is zero is asked with XX. *session is the
 * session's index. */
int kith_connect_request(struct kith_core *c, const struct kith_host *host, uint8_t use, uint8_t kind,
			 struct kith_span body, uint64_t token, uint32_t *session) KITH_MUST_USE;

/* Makes a session to a person's device and its HELLO, which the caller then brings on its way (s->hs->packet). */
struct kith_session *kith_connect_peer(struct kith_core *c, const struct kith_record *record, const char *service);

/* Sends the HELLO over a hop. */
void kith_connect_send(struct kith_core *c, struct kith_session *s, const struct kith_hop *hop);

/* Gives up a call that was not answered yet. The callee is told, as far as a few messages without an answer can tell
 * it: a first message that takes back the one with the same call id. The session ends by itself after that. */
void kith_connect_cancel(struct kith_core *c, struct kith_session *s);

/* Handshake packets from the network. */
void kith_connect_on_hello(struct kith_core *c, const struct kith_hs_header *header, size_t packet_len,
			   const struct kith_hop *from);
void kith_connect_on_reply(struct kith_core *c, const struct kith_hs_header *header, const struct kith_hop *from);
void kith_connect_on_finish(struct kith_core *c, const struct kith_hs_header *header);
void kith_connect_on_cookie(struct kith_core *c, struct kith_span packet, const struct kith_hop *from);

/* Answers a call that waited for the application: verdict 0 accepts. */
void kith_connect_decide(struct kith_core *c, struct kith_session *s, uint16_t verdict);

/* The first data packet arrived on an unconfirmed session. */
void kith_connect_confirmed(struct kith_core *c, struct kith_session *s);

/* A data packet came for a session that we do not have: whoever may know of us is told. */
void kith_connect_say_gone(struct kith_core *c, uint32_t index, const struct kith_hop *from);

/* Somebody says that he has no session of that index. Anybody could: the session is asked on all its paths, and ends
 * only when it keeps silent and the hint is repeated. */
void kith_connect_on_gone(struct kith_core *c, struct kith_span packet, const struct kith_hop *from);

/* The handshake of an open session is over: the other side was heard in the session's keys. */
void kith_connect_forget(struct kith_core *c, struct kith_session *s);

/* The session's timer while it is not open: repeats or gives up. */
void kith_connect_tick(struct kith_core *c, struct kith_session *s);
kith_time_us kith_connect_deadline(const struct kith_session *s);

#endif
