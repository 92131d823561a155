/* GONE, "no such session": what is said of sessions that one side has forgotten, and what comes of hearing it.
 *
 * Nothing vouches for a GONE: whatever sees a packet can write one. It ends no session by itself. It makes the session
 * ask on all its paths (kith_pathset_hint: at most once a second). The session ends when four were heard without a
 * genuine packet between them, and its own probes are not answered either.
 * Bounds: said at KITH_GONE_PER_S to each prefix, and heard at that rate from each prefix and in all, because to find
 * the session is a search. A leaf says it only through its homes. Timers: none of its own.
 */
#ifndef KITH_LINK_GONE_H
#define KITH_LINK_GONE_H

#include "link/state.h"

/* A data packet came from there for a session that we do not have. */
void kith_gone_say(struct kith_core *c, uint32_t index, const struct kith_hop *from);

/* A GONE came from there. */
void kith_gone_on_packet(struct kith_core *c, struct kith_span packet, const struct kith_hop *from);

#endif
