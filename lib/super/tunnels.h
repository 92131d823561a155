/* Introductions and tunnels: how a packet reaches a leaf through its home, and how both ends get further relays.
 *
 * The asker names a device attached to this supernode and hands over a packet; the supernode opens a tunnel between
 * the asker's address and the leaf's, passes the packet on, and answers with the asker's leg. The leaf learns of the
 * tunnel by the packet that comes out of it.
 * Never: more than one tunnel per asker, device and request; a tunnel for a leaf that is not attached here.
 */
#ifndef KITH_SUPER_TUNNELS_H
#define KITH_SUPER_TUNNELS_H

#include "link/state.h"

/* A packet that is passed on is for a leaf of ours; one for this supernode itself is given back in *own (p NULL: none),
 * to be taken as if it had come directly. */
void kith_tunnels_on_request(struct kith_core *c, struct kith_session *s, const struct kith_request *request,
			     struct kith_span *own);

/* The session's address: proven, or only where packets come from now. */
void kith_tunnels_rebind(struct kith_core *c, const struct kith_session *s, bool proven);

/* A packet with a tunnel header arrived at this supernode: true when it was one of ours to forward (or to drop). */
bool kith_tunnels_forward(struct kith_core *c, struct kith_packet *packet);

/* Whether a leg of a tunnel hangs on this session. */
bool kith_tunnels_in_use(const struct kith_core *c, const struct kith_session *via);

/* Tunnels that end (expired, drained, or their session went): the other ends are told. */
void kith_tunnels_tell(struct kith_core *c, const struct kith_fwd_ends *ends, size_t n, kith_time_us in_us,
		       uint32_t gone);

#endif
