/* Introductions and tunnels: how a packet reaches a leaf through its home, and how both ends get further relays.
 *
 * The asker names a device attached to this supernode and hands over a packet; the supernode opens a tunnel between
 * the asker's address and the leaf's, passes the packet on, and answers with the asker's leg. The leaf learns of the
 * tunnel by the packet that comes out of it.
 * Whoever hides its address asks its own home, which has the callee's home open the tunnel and joins its own to that: a
 * tunnel is chained over two supernodes, and never more, since the second opens none for who is no leaf of its own.
 * Until the leaf wants it (ADMIT) a tunnel carries a call and no more; whom the leaf refuses is answered as if it were
 * not there, at the same price.
 * Never: more than one tunnel per asker, device and request; a tunnel for a leaf that is not attached here.
 */
#ifndef KITH_SUPER_TUNNELS_H
#define KITH_SUPER_TUNNELS_H

#include "link/state.h"

/* Passes a packet on to a leaf of ours; a packet for this supernode itself is given back in *own (p NULL: none), to be
 * taken as if it had come directly. */
void kith_tunnels_on_request(struct kith_core *c, struct kith_session *s, const struct kith_request *request,
			     struct kith_span *own);

/* A leaf says how much of a tunnel it wants, or who may call it. */
void kith_tunnels_on_admit(struct kith_core *c, struct kith_session *s, const struct kith_request *request);

/* The callee's home has answered what a leaf of ours asked for: a chained tunnel. */
void kith_tunnels_on_chained(struct kith_core *c, struct kith_session *via, const struct kith_answer *answer);

/* The supernode at the other end of the session closes its half of a chained tunnel. */
void kith_tunnels_on_close(struct kith_core *c, const struct kith_session *s, const struct kith_request *request);

/* The session's address: proven, or only where packets come from now. */
void kith_tunnels_rebind(struct kith_core *c, const struct kith_session *s, bool proven);

/* A packet with a tunnel header arrived at this supernode. True when it was ours to forward (or to drop). */
bool kith_tunnels_forward(struct kith_core *c, struct kith_packet *packet);

/* LEG: an end of a tunnel wants the other end to know where it is. The other end is told, if it is proven. False:
 * malformed. */
bool kith_tunnels_on_leg(struct kith_core *c, const struct kith_session *s, struct kith_span body);

/* Whether a leg of a tunnel hangs on this session. */
bool kith_tunnels_in_use(const struct kith_core *c, const struct kith_session *via);

/* Tunnels end because a session has, because they have expired, or because this supernode goes: their ends are told. */
void kith_tunnels_lost(struct kith_core *c, const struct kith_session *s);
void kith_tunnels_expire(struct kith_core *c);
void kith_tunnels_drain(struct kith_core *c, kith_time_us grace_us);

/* The forwarding table: nobody else touches it, so that it can become another worker's. Rates in bytes a second, in all
 * and of one identity. */
void kith_tunnels_init(struct kith_core *c, uint8_t shard, uint32_t tunnels_max, uint64_t rate, uint64_t owner_rate);
void kith_tunnels_deinit(struct kith_core *c);
void kith_tunnels_limit(struct kith_core *c, uint32_t tunnels_max, uint64_t rate, uint64_t owner_rate);

/* How many there are; bytes, unless NULL: that were relayed so far. */
uint32_t kith_tunnels_count(const struct kith_core *c, uint64_t *bytes);

#endif
