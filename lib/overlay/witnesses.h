/* Who may attest a candidate: members that the candidate does not choose.
 *
 * The key of a candidate on a day is BLAKE2b(candidate's supernode id, day): nobody has a place near all of his own
 * keys for long. Walking outward from it over live members, the first of each address prefix is taken, and none of the
 * candidate's own prefix. The first KITH_WITNESSES_MAX are those that may attest; a home asks KITH_WITNESSES of them,
 * which leaves three for the candidate's homes and others that cannot (the candidate has spoken to them). Where there
 * are fewer than KITH_WITNESSES_MAX, a candidate chooses nobody by its homes, and these may attest it as well.
 * Never: a message, a state.
 */
#ifndef KITH_OVERLAY_WITNESSES_H
#define KITH_OVERLAY_WITNESSES_H

#include "overlay/members.h"

#define KITH_WITNESSES 5 /* wire: asked to attest a candidate */
#define KITH_WITNESSES_MAX 8 /* wire: that may */
#define KITH_WITNESS_DAY_MS (24 * 60 * 60 * 1000)

/* The candidate's key on the day of a time (unix ms, not negative). */
void kith_witnesses_key(const struct kith_suite *suite, const struct kith_id *candidate, int64_t unix_ms,
			struct kith_id *out);

/* Those that may attest, nearest first; returns how many. endpoint: the candidate's. */
uint32_t kith_witnesses_find(const struct kith_members *ms, const struct kith_id *key,
			     const struct kith_endpoint *endpoint, const struct kith_member *out[KITH_WITNESSES_MAX]);

/* Whether so few were found that all members of other prefixes may attest, whatever the candidate. Then its homes may,
 * too: there would not be KITH_ATTESTS_NEEDED others. */
bool kith_witnesses_few(const struct kith_members *ms, uint32_t found);

/* Whether a member is one of them, by the day of a clock that may be wrong by the tolerance. */
bool kith_witnesses_has(const struct kith_members *ms, const struct kith_id *candidate, const struct kith_now *now,
			const struct kith_endpoint *endpoint, const struct kith_id *self);

#endif
