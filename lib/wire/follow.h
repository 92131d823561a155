/* Who may follow the comings and goings of a device: a token that its owner hands to the contacts it accepted, and the
 * guard in its records by which whoever keeps them knows the token again. PROTOCOL.md, 9.9.
 *
 * A token is a device's: it follows from the secret of that and a number, so that nothing has to be kept but the
 * number, and a new number makes all tokens that were handed out worthless. It shows that its bearer has it, and not
 * who that is: all contacts have the same one.
 * Bounds: KITH_FOLLOW_TOKENS_MAX in one request.
 * Never: an allocation, a state.
 */
#ifndef KITH_WIRE_FOLLOW_H
#define KITH_WIRE_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "codec/cursor.h"
#include "crypto/suite.h"

#define KITH_FOLLOW_LEN 16 /* wire: a token; and a guard */
#define KITH_FOLLOW_TOKENS_MAX 8 /* wire: one for each device that can be found under a key */

/* The token of a device, under a number. */
void kith_follow_token(const struct kith_suite *suite, uint8_t out[KITH_FOLLOW_LEN],
		       const uint8_t sign_sk[KITH_SIGN_SK_LEN], uint64_t number);

/* What a record shows of it. */
void kith_follow_guard(const struct kith_suite *suite, uint8_t out[KITH_FOLLOW_LEN],
		       const uint8_t token[KITH_FOLLOW_LEN]);

/* Whether one of the tokens, one behind the other, is the guard's. */
bool kith_follow_opens(const struct kith_suite *suite, struct kith_span tokens, const uint8_t guard[KITH_FOLLOW_LEN]);

/* Whether these are tokens, one behind the other, and no more than there may be. None are. */
bool kith_follow_well_formed(struct kith_span tokens);

#endif
