/* Supernodes that elected themselves, where their witnesses are far (overlay/sectors.h): this node asks for witnesses
 * that it needs to know (overlay/absent.h). Whoever shows its entry by ELECTED is told when they are known.
 *
 * Guides of a witness's sector are asked by FIND, which anybody may ask: so nobody has to be introduced first to whom
 * it asks about somebody else.
 * Timers: one question in KITH_VOUCH_US. Who was introduced by ELECTED is told after KITH_VOUCH_WAIT_US at the latest.
 * Bounds: KITH_VOUCH_WAITING that elected themselves wait at a time, one for each session, in the rate of look-ups of
 *   their identities; those of overlay/absent.h.
 * Never: an entry in the table that does not stand the rules of overlay/members.h.
 */
#ifndef KITH_SUPER_VOUCH_H
#define KITH_SUPER_VOUCH_H

#include "link/state.h"

#define KITH_VOUCH_US (50 * KITH_US_PER_MS)
#define KITH_VOUCH_WAIT_US (5 * KITH_US_PER_S) /* local: guides are asked one after the other; ELECTED waits 8 s */
#define KITH_VOUCH_WAITING 16

/* ELECTED: the entry of a supernode that elected itself, from itself. From then on it may ask what supernodes may. */
void kith_vouch_on_elected(struct kith_core *c, struct kith_session *s, const struct kith_request *request);

/* Witnesses of attestations are looked for. s: whose session they came on, or NULL: who makes them up has a part of the
 * room only. False: there are none that are far and not known, or not any more. */
bool kith_vouch_seek(struct kith_core *c, const struct kith_session *s, struct kith_span attests);

/* A guide has answered, or whoever was shown our entry. */
void kith_vouch_on_answer(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer);

/* When there is more to do. */
kith_time_us kith_vouch_tick(struct kith_core *c);
void kith_vouch_deinit(struct kith_core *c);

#endif
