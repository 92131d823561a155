/* GONE, "no such session": telling a peer that its session is forgotten here, and what hearing it leads to.
 *
 * Nothing vouches for a GONE, which an observer of one packet can write. It ends no session by itself, but makes the
 * session ask on all its paths, at most once a second (kith_pathset_hint). The session ends when it has asked three
 * times so, is hinted at once more, without a genuine packet between them, and its own probes are not answered either.
 * Bounds: GONE is sent at KITH_GONE_PER_S to each prefix, and heard at that rate from each prefix and in all, because
 * finding the session is a search. A leaf sends it only through its homes. Timers: none of its own.
 */
#ifndef KITH_LINK_GONE_H
#define KITH_LINK_GONE_H

#include "link/state.h"

/* A data packet came over this hop for a session that we do not have. */
void kith_gone_say(struct kith_core *c, uint64_t name, const struct kith_hop *from);

/* A GONE came from there. */
void kith_gone_on_packet(struct kith_core *c, struct kith_span packet, const struct kith_hop *from);

#endif
