/* Which part of the ring of ids a supernode knows in full, once there are more than one table holds.
 *
 * The ring is cut into 2^bits sectors of one width, by the first bits of an id. A supernode is *near* what lies in its
 * own sector and in the two beside it: these it knows in full, so that every key of its own sector has all its
 * replicas, and those around them, in view. Of each other sector it keeps a few guides (overlay/far.h). bits is 0 with
 * a full view: then all is near. Each supernode decides by its own table; those that differ share what both are near.
 *
 * Timers: none. Bounds: KITH_SECTOR_BITS_MAX.
 * Never: a table, a message, a state of its own.
 */
#ifndef KITH_OVERLAY_SECTORS_H
#define KITH_OVERLAY_SECTORS_H

#include "base/limits.h"
#include "wire/message_gossip.h"

#define KITH_SECTOR_BITS_MAX 16 /* local: with 256 members a sector, 16 million */

struct kith_sectors {
	uint64_t self; /* place of our own id */
	uint32_t full; /* so many live members are one too many for a full view */
	uint32_t size; /* members of a sector, about: it is halved with half as many more */
	uint8_t guides; /* that are kept of each other sector */
	uint8_t bits;
	bool marked; /* the guides were chosen since bits changed: all others may go */
	kith_time_us since, settled; /* bits changed; guides were chosen */
	uint64_t teller; /* who said that there are more members than a full view holds; 0: nobody */
};

/* Where an id lies on the ring: its first eight bytes. */
uint64_t kith_sectors_place(const uint8_t *id);

static inline uint64_t kith_sectors_of(const struct kith_sectors *s, uint64_t place)
{
	return s->bits == 0 ? 0 : place >> (64 - s->bits);
}

/* Whether whoever is at the one place is near the other. */
bool kith_sectors_share(const struct kith_sectors *s, uint64_t a, uint64_t b);

static inline bool kith_sectors_near(const struct kith_sectors *s, const uint8_t *id)
{
	return kith_sectors_share(s, s->self, kith_sectors_place(id));
}

/* On which side of our own sector a place that is near lies: -1 before it, 1 after it, 0 in it. */
int kith_sectors_side(const struct kith_sectors *s, uint64_t place);

/* The ranges (of hex digits) that are near, the i-th of kith_sectors_ranges(). */
unsigned kith_sectors_ranges(const struct kith_sectors *s);
struct kith_gossip_range kith_sectors_range(const struct kith_sectors *s, unsigned i);

/* Where a range begins, and whether all of it is near. */
uint64_t kith_sectors_begin(struct kith_gossip_range r);
bool kith_sectors_whole(const struct kith_sectors *s, struct kith_gossip_range r);

/* The place in another sector where our own id would be: our guides are those next to it, so that each supernode
 * has others. */
void kith_sectors_point(const struct kith_sectors *s, const struct kith_id *self, uint64_t sector, struct kith_id *out);

#endif
