/* The numbered list of an identity's live devices, signed by the identity and carried with presence, where strangers
 * read it. Whoever knows a device learns from it whether that one lives; how many there are, or which, it does not say:
 * of each live device it has a salted hash (a mark), and as many marks of nothing as there is room.
 *
 * Structure, making and parsing are public (<kith/identity.h>); here is what takes a suite. Which list counts is
 * trust.h's: the highest number seen.
 * Invariants: a list has always KITH_DEVICES_MAX marks, ascending. Salt and filling follow from the identity's secret
 * and what is listed, so the same devices under the same number give the same bytes, and nobody foresees a salt.
 * Bounds: KITH_DEVICES_MAX devices.
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

/* The mark of a device in a list with that salt. */
void kith_devices_mark(const struct kith_suite *suite, uint8_t out[KITH_DEVICE_MARK_LEN],
		       const uint8_t salt[KITH_DEVICES_SALT_LEN], const struct kith_key *device);

/* Whether the list has a device, by its Ed25519 key: kith_devices_has. */
bool kith_devices_lists(const struct kith_suite *suite, const struct kith_devices *list, const struct kith_key *device);

#endif
