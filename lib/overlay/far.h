/* Which members of other sectors are kept, and how wide sectors are (overlay/sectors.h).
 *
 * Of each sector that is far those guides are kept that are next to the place where our own id would be in it, one of
 * each address prefix as far as there are such: each supernode knows others, and so each is known to as many. A member
 * that is far and no guide goes when it was of no use for KITH_FAR_KEPT_US.
 * Timers: all is looked at once a minute, and when sectors became narrower.
 * Bounds: those of the table, of which guides are half at most.
 * Never: a message. Whoever looks for guides asks by FIND (super/query.h).
 */
#ifndef KITH_OVERLAY_FAR_H
#define KITH_OVERLAY_FAR_H

#include "overlay/members.h"

/* Sectors are not made wider within that: a newcomer has to learn first who is near. */
#define KITH_SECTORS_HOLD_US (10 * 60 * KITH_US_PER_S)

/* Chooses guides, and makes sectors wider when so few are near that the network must have shrunk. */
void kith_far_settle(struct kith_members *ms, kith_time_us now, const struct kith_id *self);

/* Somebody (a place) says that there are so many supernodes. When two do, and that is more than a full view holds and
 * twice what is thought here, sectors become as narrow as that asks for: a newcomer knows only what others told it, and
 * with sectors that are too wide would look for its neighbours among all of them. */
void kith_far_told(struct kith_members *ms, kith_time_us now, uint64_t teller, uint32_t supernodes);

#endif
