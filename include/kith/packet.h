/* Packets as the core and its host exchange them. */
#ifndef KITH_PACKET_H
#define KITH_PACKET_H

#include <kith/types.h>

/* One packet, or one GSO/GRO train of equal segments, in memory of the host.
 *
 * In: data is mutable and has KITH_PACKET_HEADROOM writable bytes before it; it stays valid until the next
 * kith_core_input. Out: data is borrowed: either a slice of a packet that came in (relayed), or memory of the shared
 * outbox. It is valid until the next call on any core that shares the outbox. */
struct kith_packet { /* fixed */
	uint8_t *data; /* its bytes, as said above */
	uint32_t len; /* bytes in data */
	uint16_t segment_len; /* 0: one packet; else every segment but the last has this length */
	uint16_t transport; /* which transport of the host carried or is to carry it */
	uint8_t ecn; /* the two ECN bits */
	/* out: 0 = the system's default, else the TTL or hop limit to send with. in: as received, 0 = unknown */
	uint8_t ttl;
	struct kith_addr local; /* family NONE = unspecified */
	struct kith_addr remote;
};

#define KITH_PACKET_HEADROOM 64 /* writable bytes before what came in */

#endif
