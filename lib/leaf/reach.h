/* By which kind of transport, and which family, homes are reached.
 *
 * What carries packets in order makes all wait for one that was lost, so such transports cost something. Where only
 * they get through, or got through first, a home is reached by them. It is asked by all ways that cost less, at
 * addresses that it names or that are configured, soon and then now and then: when one answers, the session moves
 * there, and the path that it had is closed after that. So is one that is reached by IPv6 asked by IPv4: what address
 * of it, and what NAT, a leaf has, only homes tell it that are reached by it (link/ways). And a home that does not
 * answer is looked for by all ways to it, so that a node that comes into a network where less gets through keeps its
 * homes. A home through which there are tunnels is left where it is: its tunnels are bound to this node's address.
 * Timers: asked after 300 ms, then after 5 s and each time after twice as long, up to 640 s, +-20 %; looked ten times a
 * second for 2 s.
 * Never: a second session, a kind of transport by its name.
 */
#ifndef KITH_LEAF_REACH_H
#define KITH_LEAF_REACH_H

#include "link/state.h"

/* Asks what is due. When it wants to be called again; KITH_TIME_NEVER: not until something else happens. */
kith_time_us kith_reach_tick(struct kith_core *c);

/* The network is another: what did not get through may. */
void kith_reach_again(struct kith_core *c);

#endif
