/* The places of supernodes that a leaf is attached to or tries: those of its homes, and behind them those of spares,
 * which exist only while more supernodes are tried than there are homes.
 *
 * Invariants: spares are all there or none. Timers: none. Bounds: KITH_HOMES + KITH_SPARES.
 * Never: chooses a supernode, sends a message.
 */
#ifndef KITH_LEAF_PLACES_H
#define KITH_LEAF_PLACES_H

#include "link/state.h"

/* How many there are, and each. */
unsigned kith_places(const struct kith_core *c);
struct kith_home_slot *kith_place(struct kith_core *c, unsigned i);

/* The one of that session; NULL: none. */
struct kith_home_slot *kith_place_of(struct kith_core *c, uint32_t session);

/* Whether a place is a home's, and not a spare's. */
bool kith_place_is_home(const struct kith_core *c, const struct kith_home_slot *place);

/* Whether one has that supernode. By its address, too: the key of a bootstrap host may not be known. */
bool kith_place_in_use(struct kith_core *c, const struct kith_host *host);

/* Makes those of spares, if they are not there. False: no memory. */
bool kith_places_grow(struct kith_core *c);

/* Gives those of spares back; nothing is tried on them any more. */
void kith_places_shrink(struct kith_core *c);

#endif
