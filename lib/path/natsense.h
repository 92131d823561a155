/* What the places at which others see a node say about the NAT before it.
 *
 * Each supernode that a node speaks to tells where it sees the node. From a few of such observations, and from nothing
 * else, follow mapping and allocation (path/natclass.h) of the NAT for IPv4:
 * - an address of its own: there is none;
 * - one address and port for two destinations and more: the mapping is independent of them; else it depends on the
 *   destination's address, or, which cannot be told apart unless two share an address, on its port too;
 * - ports of mappings that were made soon after each other and lie a few steps apart: the allocation is in steps
 *   (others behind the NAT may have taken some between); ports far apart, but within a small range: from a block; else
 *   random.
 * What the observations do not decide stays unknown, or as it was found before as long as the mapping is the same.
 * Invariants: a pure function. Bounds: KITH_NATSENSE_MAX observations.
 * Never: a packet, a guess: two ports are no range.
 */
#ifndef KITH_PATH_NATSENSE_H
#define KITH_PATH_NATSENSE_H

#include "path/natclass.h"

#define KITH_NATSENSE_MAX 8 /* local: three homes, and the supernodes that were spoken to last */
#define KITH_NATSENSE_SOON_US (5 * KITH_US_PER_S) /* local: between mappings that are compared port by port */

/* One destination's word. */
struct kith_sighting {
	struct kith_addr seen; /* where it sees us; family NONE: nothing */
	struct kith_addr by; /* the destination */
	kith_time_us at; /* when the mapping was made, about */
	uint16_t transport; /* that sent there */
	uint16_t local_port; /* of that transport */
	bool own; /* seen is an address of the transport itself */
};

/* The class by n sightings; of two words of one destination the first counts. before: as it was found last; only what n
 * decide is changed, unless the mapping is another one. What cannot be seen (filtering, hairpin, hops, lifetime)
 * stays as before. */
void kith_natsense(const struct kith_sighting list[], size_t n, const struct kith_natclass *before,
		   struct kith_natclass *out);

/* Whether peers are told apart by a NAT of this class: an address that one is seen at says nothing to another. */
static inline bool kith_natclass_depends(const struct kith_natclass *c)
{
	return c->mapping == KITH_NATCLASS_MAPPING_ADDRESS || c->mapping == KITH_NATCLASS_MAPPING_PORT;
}

/* Whether the port of the next mapping can be told in advance, where the last one is known. */
static inline bool kith_natclass_steps(const struct kith_natclass *c)
{
	return kith_natclass_depends(c) && c->allocation == KITH_NATCLASS_ALLOCATION_STEP && c->step > 0;
}

#endif
