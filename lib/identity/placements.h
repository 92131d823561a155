/* Which placement an identity has, so that it has one: whoever holds certificates with several would hold as many
 * places among the supernodes.
 *
 * Of two placements of one identity the lower one (as bytes) holds, whichever was seen first and whoever certified it:
 * so all tables agree once they have seen both. The other one is refused until the entry with the lower one is over.
 * Timers: none. Bounds: KITH_PLACEMENTS_MAX identities; when full, those whose entries are over are swept, else a
 * newcomer is not remembered and passes. Memory is taken when first needed.
 * Never: a certificate, a choice of who may be a supernode (trust.h).
 */
#ifndef KITH_IDENTITY_PLACEMENTS_H
#define KITH_IDENTITY_PLACEMENTS_H

#include "base/table.h"

#include <kith/identity.h>

#define KITH_PLACEMENTS_MAX 25000 /* as many as there are members in a full view (KITH_MEMBERS_MAX) */

struct kith_placements {
	const struct kith_alloc *alloc; /* borrowed */
	struct kith_table of; /* by identity */
};

enum kith_placing {
	KITH_PLACING_HOLDS = 0, /* it is the identity's */
	KITH_PLACING_REPLACES = 1 /* so it is, instead of the one that was: that one is void now */
};

void kith_placements_init(struct kith_placements *p, const struct kith_alloc *alloc, const uint64_t seed[2]);
void kith_placements_deinit(struct kith_placements *p);

/* Takes the placement of an identity's entry, which has verified and is good until expires_ms. enum kith_placing;
 * former is filled in where it replaces. KITH_EACCES: another one holds. */
int kith_placements_take(struct kith_placements *p, const struct kith_now *now, const struct kith_key *identity,
			 const uint8_t placement[KITH_PLACEMENT_LEN], int64_t expires_ms,
			 uint8_t former[KITH_PLACEMENT_LEN]) KITH_MUST_USE;

#endif
