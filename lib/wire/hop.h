/* A next hop: where a packet is sent to, and through which tunnel. Two packets with equal hops took the same way. */
#ifndef KITH_WIRE_HOP_H
#define KITH_WIRE_HOP_H

#include <kith/types.h>

struct kith_hop {
	struct kith_addr remote; /* of the peer itself, or of the supernode whose tunnel it is */
	uint16_t transport;
	uint16_t reserved;
	uint64_t tunnel; /* our leg's id; 0 = direct */
};

static inline bool kith_hop_equal(const struct kith_hop *a, const struct kith_hop *b)
{
	return a->tunnel == b->tunnel && a->transport == b->transport && kith_addr_equal(&a->remote, &b->remote);
}

#endif
