/* Through whom packets of an application's session may go: which supernode's tunnel counts as a relay.
 *
 * A tunnel's number on a packet proves nothing, since whoever holds the session's keys can write one. A hop is a relay
 * when its address is that of an open session with a certified supernode that has a part in the session: a home of our
 * own, or (the initiator's side) a home of the callee that was asked for a tunnel.
 * A home that the callee's record names, and that is none by what supernodes know, is not spoken to: a record would be
 * a way to have strangers send their first messages to anybody's address. A home of our own, which speaks to members
 * where they are by their own entries, is asked for a tunnel to it.
 * The same is done for a node whose homes are all reached by WebSockets: other addresses it does not reach.
 * To a relay-only contact only homes of our own count, and of those none that the contact itself runs: any other
 * supernode may be the contact's, and would see our address.
 * Never: a packet.
 */
#ifndef KITH_LINK_VIA_H
#define KITH_LINK_VIA_H

#include "link/state.h"

/* Whether the hop is a tunnel of a home of ours. */
bool kith_via_home(const struct kith_core *c, const struct kith_hop *hop);

/* The session of the home of ours whose tunnel the hop is; NULL: it is none. */
struct kith_session *kith_via_home_of(const struct kith_core *c, const struct kith_hop *hop);

/* Whether the hop is a relay of an application's session. */
bool kith_via_relay(struct kith_core *c, const struct kith_session *s, const struct kith_hop *hop);

/* Whether the person called by s may answer from there: through a relay, or straight if the callee is a supernode, or
 * answered from there on the local network. */
bool kith_via_callee(struct kith_core *c, const struct kith_session *s, const struct kith_hop *hop);

/* Whether all homes are reached by WebSockets: what stands between us and them lets us speak to no address that has no
 * URL. */
bool kith_via_walled(const struct kith_core *c);

/* Whether a supernode may be asked for a tunnel to the peer. */
bool kith_via_allowed(struct kith_core *c, const struct kith_peer *peer, const struct kith_host *host);

/* The home of ours by which a tunnel to the peer is chained when the peer's own home may not be asked: the turn-th of
 * those that may relay to it. NULL: there is none. */
struct kith_session *kith_via_chain(struct kith_core *c, const struct kith_peer *peer, unsigned turn);

/* kith_via_relay as lib/path asks it: env is that of a core. */
bool kith_via_of_env(const struct kith_path_env *env, const struct kith_hop *hop);

#endif
