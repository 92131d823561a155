/* The numbered list of an identity's live devices, signed by the identity and carried with presence.
 *
 * Structure, making and parsing are public (<kith/identity.h>); here is what takes a suite. Which list counts is
 * trust.h's: the highest number seen.
 * Bounds: KITH_DEVICES_MAX keys. Keys are ascending, so a set of devices has one encoding.
 */
#ifndef KITH_IDENTITY_DEVICES_H
#define KITH_IDENTITY_DEVICES_H

#include "identity/object.h"

/* As kith_devices_make, with extensions and the identity's secret key. */
int kith_devices_sign(const struct kith_suite *suite, uint8_t out[KITH_DEVICES_LEN_MAX], uint64_t number,
		      const struct kith_key keys[], size_t n, struct kith_span ext,
		      const uint8_t identity_sk[KITH_SIGN_SK_LEN]) KITH_MUST_USE;

/* The part before the signature, from a parsed list. */
void kith_devices_write(struct kith_writer *w, const struct kith_devices *list);

#endif
