/* Members at random: with whom to gossip, to whom a leaf is sent.
 *
 * Never: a suspect one, or a newcomer while there are others.
 */
#ifndef KITH_OVERLAY_PICK_H
#define KITH_OVERLAY_PICK_H

#include "overlay/members.h"

/* Up to n live members at random, not suspect and not self (may be NULL), of as many different prefixes as can be had
 * without going through all; newcomers only when there are not enough others. Returns how many. */
uint32_t kith_members_pick(const struct kith_members *ms, const struct kith_random *random, kith_time_us now,
			   const struct kith_id *self, const struct kith_member *out[], uint32_t n);

/* The same of all that are known, or in sectors (overlay/sectors.h) of those near, or of our own sector. */
enum kith_pick_from { KITH_PICK_FROM_ALL, KITH_PICK_FROM_NEAR, KITH_PICK_FROM_SECTOR };

bool kith_members_is_in(const struct kith_members *ms, enum kith_pick_from from, const struct kith_member *m);

uint32_t kith_members_pick_from(const struct kith_members *ms, enum kith_pick_from from,
				const struct kith_random *random, kith_time_us now, const struct kith_id *self,
				const struct kith_member *out[], uint32_t n);

#endif
