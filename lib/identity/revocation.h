/* Revocation lists: serials (in ranges) and keys, never certificate hashes, since a signature can be given another
 * form.
 *
 * Structure, making and parsing are public (<kith/identity.h>); here is what takes a suite. Each list is whole: a
 * higher number supersedes. The root's list revokes issuers, an issuer's its name certificates. Entries are ascending
 * and are searched in place by bisection; nothing is unpacked.
 * Bounds: KITH_REVOKED_RANGES_MAX, KITH_REVOKED_KEYS_MAX.
 */
#ifndef KITH_IDENTITY_REVOCATION_H
#define KITH_IDENTITY_REVOCATION_H

#include "identity/object.h"

#define KITH_REVOKED_RANGE_LEN 16

/* As kith_revocation_make; signer_id is read from list as well. */
int kith_revocation_sign(const struct kith_suite *suite, uint8_t *out, size_t cap, const struct kith_revocation *list,
			 const struct kith_serial_range ranges[], size_t ranges_n, const struct kith_key keys[],
			 size_t keys_n, const uint8_t sk[KITH_SIGN_SK_LEN]) KITH_MUST_USE;

/* The bound on the age of lists that a root's list names: 1, and in seconds after their next update; 0: none.
 * KITH_EPROTO: it is not of 4 bytes. */
int kith_revocation_grace(const struct kith_revocation *list, uint32_t *grace_s) KITH_MUST_USE;

/* A list that parsed before (bytes that we keep): as kith_revocation_parse without looking at every entry again. */
int kith_revocation_view(struct kith_revocation *out, struct kith_span list) KITH_MUST_USE;

#endif
