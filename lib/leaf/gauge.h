/* Measures the NAT that a leaf is behind, before any call: how long a mapping lasts that is not used, who is let in by
 * it, and whether two behind the NAT reach each other by their outer addresses (hairpin). PROTOCOL.md section 5.10.
 *
 * Spare sockets send ECHO to a home, which sends it back: at once, which opens each mapping as a session's would be;
 * then each after a delay of its own, in which nothing is sent. The longest delay after which one came back is the
 * lifetime. In between another supernode sends one to the first socket, the home one from another port to the second,
 * and the other two send to each other's outer address.
 * What is found stands in c->nat; the keepalives of homes follow from the lifetime (c->env.keepalive_us).
 * Invariants: what packets came back for is found; what none came back for only where the home has said that it sent
 *   one, or shorter delays worked. Nothing is taken for the NAT's doing when the home is gone.
 * Timers, within the leaf's: KITH_GAUGE_AFTER_US after the record is published, up to KITH_GAUGE_CROWD_US later where a
 *   home said that it has much to do, then every KITH_GAUGE_AGAIN_US, and when the public address is another one;
 *   KITH_GAUGE_RETRY_US after a failure.
 * Bounds: KITH_ECHO_DELAYS_MAX sockets, some three kilobytes both ways in all. No memory in between.
 * Never: a packet from the main socket but the request, a second measurement at a time, a word to the application.
 */
#ifndef KITH_LEAF_GAUGE_H
#define KITH_LEAF_GAUGE_H

#include "link/state.h"

#define KITH_GAUGE_AFTER_US (10 * KITH_US_PER_S) /* local: what a node does first when it comes to a network is done */
#define KITH_GAUGE_CROWD_US (600 * KITH_US_PER_S) /* local: up to so much later where a home said that many come */
#define KITH_GAUGE_AGAIN_US (6 * 3600 * KITH_US_PER_S) /* local: a router is changed, or set up anew, that seldom */
#define KITH_GAUGE_RETRY_US (600 * KITH_US_PER_S) /* local: a home was full, or went */
#define KITH_GAUGE_LATE_US (2 * KITH_US_PER_S) /* local: what has not come back by then does not */

/* local: seconds. What NATs are known to keep a mapping for (20, 30, 45, 60, 90, 120, 180), less a round trip */
#define KITH_GAUGE_DELAYS                                                                                              \
	{                                                                                                              \
		13, 18, 28, 43, 58, 88, 118, 178                                                                       \
	}

/* How long a home may hear nothing of a leaf whose NAT keeps a mapping for so many seconds; 0: as nothing is known. */
kith_time_us kith_gauge_keepalive_us(uint16_t lifetime_s);

/* Begins if it is time; goes on. Returns when to be called again, or KITH_TIME_NEVER. */
kith_time_us kith_gauge_tick(struct kith_core *c);

/* Where homes see us may have changed. Returns when to be called (tick). */
kith_time_us kith_gauge_look(struct kith_core *c);

/* A mapping was lost earlier than measured: half of it counts from now on. */
void kith_gauge_lost(struct kith_core *c);

/* The sockets were opened, or not; the home has answered; a packet ECHO came. The leaf's timer is to go off then. */
void kith_gauge_opened(struct kith_core *c, const struct kith_effect_end *end);
void kith_gauge_on_answer(struct kith_core *c, const struct kith_answer *answer);
void kith_gauge_on_packet(struct kith_core *c, struct kith_span packet, const struct kith_hop *from);

/* Nothing is measured any more; what was found stays. Sockets are closed. */
void kith_gauge_stop(struct kith_core *c);

/* Gives the memory back; the host closes what it opened. */
void kith_gauge_deinit(struct kith_core *c);

#endif
