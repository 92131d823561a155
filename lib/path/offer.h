/* Which of its own addresses a node names to a peer, when they are too many for one list.
 *
 * A machine has an address for each container network, VPN and temporary prefix, and a list holds KITH_CANDIDATES_MAX.
 * In this order, until the list is full: what others see, or a router maps (but three places are kept for own ones);
 * the first address of each transport, which is that of the way out; those at which a peer was met lately, two at most;
 * those on a network of the peer's, as far as its list is known; the others in turn, other ones in each round.
 * Invariants: the same question has the same answer; who has no more than fit names them all, always.
 * Never: an address that is not in own.
 */
#ifndef KITH_PATH_OFFER_H
#define KITH_PATH_OFFER_H

#include "path/candidate.h"

/* Returns how many. round: as on the wire, from 1; theirs: n 0 while it is not known. */
size_t kith_offer_choose(const struct kith_own_list *own, const struct kith_candidates *theirs, uint8_t round,
			 struct kith_candidate out[KITH_CANDIDATES_MAX]);

#endif
