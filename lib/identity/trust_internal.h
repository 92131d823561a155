/* What the files of trust share. */
#ifndef KITH_IDENTITY_TRUST_INTERNAL_H
#define KITH_IDENTITY_TRUST_INTERNAL_H

#include "identity/trust.h"

/* 0, KITH_EEXPIRED or KITH_ENOTYET, with tolerance. */
int kith_trust_times(const struct kith_now *now, int64_t not_before_ms, int64_t expires_ms);

/* Whether a revocation list (NULL: none) has a certificate or its key. */
bool kith_trust_revokes(const struct kith_blob *list, uint64_t serial, const struct kith_key *key);

/* NULL: it is not held. */
struct kith_trust_issuer *kith_trust_issuer_of(const struct kith_trust *t, const uint8_t id[KITH_ISSUER_ID_LEN]);
void kith_trust_issuer_cert(const struct kith_trust_issuer *issuer, struct kith_issuer_cert *out);

#endif
