/* The part of the table of members (overlay/members.h) that is about attestations: what they are worth by that table,
 * and what is done about those whose witnesses are not known.
 *
 * With sectors a witness is mostly far, and looked for (overlay/absent.h): the entry of a member that is near is
 * refused until its witnesses are known. Of a member that is far itself enough words are taken instead.
 * Never: a message. Whoever has the table asks for those that are absent (super/vouch.h).
 */
#ifndef KITH_OVERLAY_MEMBERS_VOUCHED_H
#define KITH_OVERLAY_MEMBERS_VOUCHED_H

#include "overlay/members.h"

/* Whether an entry may stand in the table; held: the member that it is of, or NULL. person: whose certificates it
 * shows. KITH_ENOENT: it needs attestations, and some are by witnesses that are not known. */
int kith_members_check(const struct kith_members *ms, const struct kith_now *now, const struct kith_member_entry *entry,
		       const struct kith_member *held, struct kith_person *person) KITH_MUST_USE;

/* Whether an entry whose witnesses are not known is taken without them. If it is of a member that is near, and somebody
 * tells of it, they are looked for. */
bool kith_members_on_word(struct kith_members *ms, const struct kith_now *now, const struct kith_id *id,
			  struct kith_span attests);

/* Takes a member out. Pointers to it become invalid. */
void kith_members_drop(struct kith_members *ms, uint32_t i);

#endif
