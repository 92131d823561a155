/* What is sent to all on the links of this machine, and taken from there: one UDP socket of one family, which has
 * joined a group on each interface that has an address (KITH_PURPOSE_LAN).
 *
 * A packet that the core sends goes out once by each of these addresses, with a TTL or hop limit of 1, to the group.
 * What comes in was sent to the group, and nothing else is taken; others on this machine may have bound the port, too.
 * Interfaces that come and go are joined and left when the owner says which there are.
 * Bounds: KITH_LOCALS_MAX addresses; KITH_LAN_BATCH packets at once, of KITH_LAN_PACKET_MAX bytes: questions are
 *   shorter, and what is longer is none.
 * Never: a queue. What the system does not take at once is lost, and asked again.
 */
#ifndef KITH_HOST_CARRIER_LAN_H
#define KITH_HOST_CARRIER_LAN_H

#include "host/carrier.h"

#define KITH_LAN_PORT 7411 /* wire; PROTOCOL.md, 3.11, as the groups */
#define KITH_LAN_BATCH 8
#define KITH_LAN_PACKET_MAX 1024

extern const struct kith_carrier kith_carrier_lan;

/* The groups, the args of its rows. */
extern const struct kith_addr kith_lan_group_v4, kith_lan_group_v6;

#endif
