/* Early data: up to KITH_EARLY_MAX bytes that go along with a call. PROTOCOL.md section 3.12.
 *
 * They ride in the caller's HELLO, if there is room. The callee's application is told of them with the call, before it
 * answers, when the HELLO is certainly no replay (kith_guard_proves), and else when the session has opened. What did
 * not ride, for want of room, or since the other side's call stands for ours, follows by the request EARLY in the first
 * packet.
 * Invariants: once for a session on either side; in one HELLO of an operation: one whose HELLO with early data was sent
 * is not called anew.
 * Bounds: one blob of KITH_EARLY_MAX bytes each way, given back when it was taken, or with the session.
 * Never: tells of what a blocked caller, or a call that does not ring, has said.
 */
#ifndef KITH_CALL_EARLY_H
#define KITH_CALL_EARLY_H

#include "link/connect.h"

/* What goes along with an operation's call of that person. */
struct kith_early kith_early_along(struct kith_core *c, const struct kith_operation *op, const struct kith_peer *peer,
				   const struct kith_person *person);

/* The session of the operation was made: it holds its early data, and the operation knows whether it went. */
void kith_early_take(struct kith_operation *op, struct kith_session *s);

/* A call came with these bytes, or none. */
void kith_early_keep(struct kith_core *c, struct kith_session *s, struct kith_span bytes);

/* The application may have them now. Once. */
void kith_early_tell(struct kith_core *c, struct kith_session *s);

/* The session has opened: what waited is told, and what did not go is sent. */
void kith_early_opened(struct kith_core *c, struct kith_session *s);
void kith_early_on_request(struct kith_core *c, struct kith_session *s, const struct kith_request *request);

/* Gives them to the application, once: their length, or KITH_ENOENT. */
int kith_early_give(struct kith_core *c, struct kith_session *s, uint8_t out[KITH_EARLY_MAX]);

/* The session ends. */
void kith_early_over(struct kith_core *c, struct kith_session *s);

#endif
