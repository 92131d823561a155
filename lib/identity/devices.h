/* The numbered list of an identity's live devices, signed by the identity and carried with presence. Strangers read it
 * there, so it has tags of devices and not their keys: who is shown a device can tell whether it is in the list, and
 * the list alone tells neither which devices there are nor how many.
 *
 * Structure, making and parsing are public (<kith/identity.h>); here is what takes a suite. Which list counts is
 * trust.h's: the highest number seen.
 * Bounds: KITH_DEVICES_MAX tags. They are ascending, and those that stand for no device follow from the identity's
 * secret key and the number, so a set of devices has one encoding.
 */
#ifndef KITH_IDENTITY_DEVICES_H
#define KITH_IDENTITY_DEVICES_H

#include "identity/object.h"

/* As kith_devices_make, with extensions and the identity's secret key. */
int kith_devices_sign(const struct kith_suite *suite, uint8_t out[KITH_DEVICES_LEN_MAX], uint64_t number,
		      const struct kith_key keys[], size_t n, struct kith_span ext,
		      const uint8_t identity_sk[KITH_SIGN_SK_LEN]) KITH_MUST_USE;

/* As kith_devices_has, on the suite in use. */
bool kith_devices_holds(const struct kith_suite *suite, const struct kith_devices *list, const struct kith_key *device);

/* The part before the signature, from a parsed list. */
void kith_devices_write(struct kith_writer *w, const struct kith_devices *list);

#endif
