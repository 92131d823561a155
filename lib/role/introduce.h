/* Introductions and tunnels: how a packet reaches a leaf through its home, and how both ends get further relays.
 *
 * The asker names a device attached to this supernode and hands over a packet; the supernode opens a tunnel between
 * the asker's address and the leaf's, passes the packet on, and answers with the asker's leg. The leaf learns of the
 * tunnel by the packet that comes out of it.
 * Never: more than one tunnel per asker, device and request; a tunnel for a leaf that is not attached here.
 */
#ifndef KITH_ROLE_INTRODUCE_H
#define KITH_ROLE_INTRODUCE_H

#include "role/state.h"

/* Asks the supernode at host to pass packet (may be empty: open the tunnel only) to the device of session s. The
 * answer becomes a way for s. */
int kith_introduce(struct kith_core *c, struct kith_session *s, const struct kith_host *host,
		   struct kith_span packet) KITH_MUST_USE;

void kith_introduce_on_request(struct kith_core *c, struct kith_session *s, const struct kith_request *request);
void kith_introduce_on_answer(struct kith_core *c, struct kith_session *via, const struct kith_answer *answer);
void kith_introduce_on_close(struct kith_core *c, struct kith_session *s, const struct kith_request *request);

/* RELAY_LIMITED: the supernode at the other end of s drops what we send into a tunnel. Whatever uses the tunnel has it
 * in its journal. False: malformed, or s is not a session with a supernode for its services. */
bool kith_introduce_on_limited(struct kith_core *c, const struct kith_session *s, struct kith_span body);

/* A packet with a tunnel header arrived at this supernode: true when it was one of ours to forward (or to drop). */
bool kith_introduce_forward(struct kith_core *c, struct kith_packet *packet);

/* Whether a tunnel hangs on this session: one of ours that it opened, or one that a session of our application sends
 * through. */
bool kith_introduce_in_use(const struct kith_core *c, const struct kith_session *via);

/* Tunnels that end (expired, drained, or their session went): the other ends are told. */
void kith_introduce_tell(struct kith_core *c, const struct kith_fwd_ends *ends, size_t n, kith_time_us in_us,
			 uint32_t gone);

#endif
