/* The replicas of a key: R = 6 supernodes, found by walking outward from the key among the members.
 *
 * Distance is that of the ring of ids (overlay/members.h: the shorter way round, clockwise first on a tie). A key's
 * neighbours are then its neighbours in the sorted table, so six replicas cost one search by halving and about six
 * steps, and a member that joins or leaves moves only the keys next to it. Nearest members are taken first, skipping
 * address prefixes (/16, v6 /32) that are taken already; when the walk ends before there are six, those skipped fill
 * up, nearest first. "The next six" are chosen in the same way among the members that the first six left over; a miss
 * is believed only after they were asked too.
 *
 * Invariant: equal views give equal replicas. Only the live members' ids and first addresses count, not which are
 * suspect.
 * Bounds: a walk ends after KITH_REPLICA_WALK members, which is part of the rule: in a network within one prefix the
 * nearest are taken.
 * Never: a state, an allocation, a message.
 */
#ifndef KITH_PRESENCE_REPLICAS_H
#define KITH_PRESENCE_REPLICAS_H

#include "base/limits.h"
#include "overlay/members.h"

#define KITH_REPLICA_WALK 64 /* wire: both sides must end at the same member */
#define KITH_REPLICA_GROUPS 2 /* the six, and the next six */

/* The replicas of a key, group 0 or 1, in the order in which they were chosen. Returns how many, at most KITH_REPLICAS;
 * members are borrowed from the table. */
uint32_t kith_replicas_find(const struct kith_members *ms, const struct kith_id *key, uint32_t group,
			    const struct kith_member *out[KITH_REPLICAS]);

/* The replicas of the first six as one number to compare, never 0: another member, or one that may have lost what it
 * kept (kith_member_copy), makes it another one. */
uint32_t kith_replicas_number(const struct kith_members *ms, const struct kith_id *key);

/* Whether the member with that id is a replica in any group. Views differ, so a member that is near enough in our own
 * may be asked. */
bool kith_replicas_near(const struct kith_members *ms, const struct kith_id *key, const struct kith_id *id);

/* The replicas of the first six that are not in listed (prefixes of KITH_MEMBER_ID_PREFIX bytes each): an asker with
 * another view should hear of them. */
uint32_t kith_replicas_unlisted(const struct kith_members *ms, const struct kith_id *key, struct kith_span listed,
				const struct kith_member *out[KITH_REPLICAS]);

#endif
