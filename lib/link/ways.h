/* The ways to a supernode: over which hops a first message may go there, and in which order.
 *
 * Addresses in host entries are a stranger's claim. Only those that kith_candidate_check allows, or the operator
 * configured, are spoken to. What the operator configured is an address: every kind of transport that reaches it is a
 * way, whatever kind its entry has; but one that is reached by WebSockets is a URL, and that is the only way.
 * The order is that of the entry, but for three things. Transports that are mute come last: where others answered, they
 * did not, and nothing came over them since. To a leaf IPv4 comes first: which address of it a NAT shows, what NAT that
 * is, and how long it keeps a mapping, a leaf learns from those that it speaks to by it, and nobody has to tell it its
 * addresses of IPv6. And the second way is by the other family than the first, or, if there is
 * none of that kind, by another kind of transport: what lets no packet of one through mostly lets none through to any
 * address.
 * Never: a packet, a decision for good (what is mute is asked all the same).
 */
#ifndef KITH_LINK_WAYS_H
#define KITH_LINK_WAYS_H

#include "link/state.h"

/* The hops to a host that may be used; from: over that transport only, unless it is NULL. How many. */
uint8_t kith_ways_to(struct kith_core *c, const struct kith_host *host, const uint16_t *from,
		     struct kith_hop out[KITH_HOST_ENDPOINTS_MAX]);

/* Those of them, in the order of the entry, that are better for a leaf than the one by which the host is reached: that
 * cost nothing, if that one does, and else IPv4, if that one is not. How many.
 * TCP is no better than WebSockets: a connection would be opened, and a proxy asked for one that it refuses. */
uint8_t kith_ways_better(struct kith_core *c, const struct kith_host *host, const struct kith_hop *than,
			 struct kith_hop out[KITH_HOST_ENDPOINTS_MAX]);

/* The transport that a first message would go over; whether it may is not asked. False: there is none. */
bool kith_ways_transport(const struct kith_core *c, const struct kith_host *host, uint16_t *out);

/* Whether a first message that this node sends in that session has brought nothing yet, no word of the way either. */
bool kith_ways_silent(const struct kith_session *s);

/* A first message was answered over that way: which transports are mute follows from it. */
void kith_ways_answered(struct kith_core *c, const struct kith_handshake *hs, const struct kith_hop *from);

/* Which of the ways is by another kind of transport than the one tried now; below 0: none is. */
int kith_ways_other(const struct kith_core *c, const struct kith_handshake *hs);

#endif
