/* The ways to a supernode: over which hops a first message may go there, and in which order.
 *
 * Addresses in host entries are a stranger's claim. Only those that kith_candidate_check allows, or the operator
 * configured, are spoken to. What the operator configured is an address: every kind of transport that reaches it is a
 * way, whatever kind its entry has; but one that is reached by WebSockets is a URL, and that is the only way.
 * The order is that of the entry, but for two things. Transports that are mute come last: where others answered, they
 * did not, and nothing came over them since. And the second way is by another kind of transport than the first, if
 * there is one: what lets no packet of one kind through mostly lets none through to any address.
 * Never: a packet, a decision for good (what is mute is asked all the same).
 */
#ifndef KITH_LINK_WAYS_H
#define KITH_LINK_WAYS_H

#include "link/state.h"

/* The hops to a host that may be used; from: over that transport only, unless it is NULL. How many. */
uint8_t kith_ways_to(struct kith_core *c, const struct kith_host *host, const uint16_t *from,
		     struct kith_hop out[KITH_HOST_ENDPOINTS_MAX]);

/* The way that would be the first if nothing were mute. False: there is none. */
bool kith_ways_first(struct kith_core *c, const struct kith_host *host, struct kith_hop *out);

/* A first message was answered over that way: which transports are mute follows from it. */
void kith_ways_answered(struct kith_core *c, const struct kith_handshake *hs, const struct kith_hop *from);

/* Which of the ways is by another kind of transport than the one tried now; below 0: none is. */
int kith_ways_other(const struct kith_core *c, const struct kith_handshake *hs);

#endif
