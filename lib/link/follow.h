/* The tokens that this node has (wire/follow.h): its own, and those that contacts gave it.
 *
 * Never: a message; a judgement who is given one (call/follow.h).
 */
#ifndef KITH_LINK_FOLLOW_H
#define KITH_LINK_FOLLOW_H

#include "link/state.h"

/* The token for our own records. */
void kith_follow_own(const struct kith_core *c, uint8_t out[KITH_FOLLOW_LEN]);

/* What is shown to those who keep the records under a key: tokens, one behind the other; NULL when there are none. */
struct kith_span kith_follow_for(const struct kith_core *c, const struct kith_id *key,
				 uint8_t out[KITH_FOLLOW_TOKENS_MAX * KITH_FOLLOW_LEN]);

/* Guards a record of ours that is about to be signed, as the owner wants it. */
void kith_follow_guard_own(const struct kith_core *c, struct kith_record *record);

#endif
