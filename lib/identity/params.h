/* The parameters of a network, which its root signs: what all nodes go by, and none sets for itself.
 *
 * They are posted (identity/posted.h), and of two the one with the higher number counts; they do not expire. There will
 * be more of them: in extensions, which whoever does not know them skips.
 * Invariant: what parses has one encoding.
 */
#ifndef KITH_IDENTITY_PARAMS_H
#define KITH_IDENTITY_PARAMS_H

#include "identity/object.h"

int kith_params_sign(const struct kith_suite *suite, uint8_t out[KITH_PARAMS_LEN_MAX], const struct kith_params *p,
		     const uint8_t root_sk[KITH_SIGN_SK_LEN]) KITH_MUST_USE;

#endif
