/* Key pairs of roots, issuers, identities and devices, and the names and ids that are made of keys.
 *
 * A pair is made from a 32-byte seed; seeds come from the injected generator or from a key file. Both secrets of a
 * device derive from one seed, so a key file holds one secret per device.
 * Whoever holds a pair wipes it. Never: a global, a file, randomness of its own.
 */
#ifndef KITH_IDENTITY_KEYPAIR_H
#define KITH_IDENTITY_KEYPAIR_H

#include "crypto/suite.h"

#include <kith/identity.h>

/* Ed25519: root, issuer or identity. */
struct kith_signer {
	uint8_t sk[KITH_SIGN_SK_LEN];
	struct kith_key pk;
};

/* A device: X25519 for handshakes, Ed25519 for what it signs online. */
struct kith_device_keys {
	uint8_t dh_sk[KITH_DH_LEN];
	struct kith_key dh_pk;
	struct kith_signer sign;
};

void kith_signer_from_seed(struct kith_signer *out, const struct kith_suite *suite, const struct kith_seed *seed);
void kith_signer_wipe(struct kith_signer *s);

/* dh_sk = BLAKE2b-256(key = seed, "kith device x25519 v1"), Ed25519 seed = BLAKE2b-256(key = seed, "kith device
 * ed25519 v1"). */
void kith_device_keys_from_seed(struct kith_device_keys *out, const struct kith_suite *suite,
				const struct kith_seed *seed);
void kith_device_keys_wipe(struct kith_device_keys *keys);

/* Base32 of RFC 4648 with lower-case letters and no padding. out holds (8 * len + 4) / 5 characters and a NUL. */
void kith_base32_encode(char *out, const uint8_t *p, size_t len);
/* Returns the length, KITH_EINVAL for a wrong character, impossible length or non-zero spare bits, KITH_EMSGSIZE. */
int kith_base32_decode(uint8_t *out, size_t cap, const char *text, size_t len) KITH_MUST_USE;

bool kith_name_valid_span(struct kith_span name);

/* As the functions of <kith/identity.h>, on the suite in use. */
void kith_ids_network(const struct kith_suite *s, struct kith_id *out, const struct kith_key *root);
int kith_ids_network_open(const struct kith_suite *s, struct kith_id *out, const char *label) KITH_MUST_USE;
void kith_ids_fingerprint(const struct kith_suite *s, char out[KITH_NAME_MAX + 1], const struct kith_key *identity);
void kith_ids_directory(const struct kith_suite *s, struct kith_id *out, const struct kith_id *network,
			const char *name);
void kith_ids_supernode(const struct kith_suite *s, struct kith_id *out, const struct kith_id *network,
			const uint8_t placement[KITH_PLACEMENT_LEN]);
void kith_ids_issuer(const struct kith_suite *s, uint8_t out[KITH_ISSUER_ID_LEN], const struct kith_key *issuer);

/* Supernode id in an open network: BLAKE2b-256(network id, identity key, family, /24 or /48 of the witnessed
 * address), so that one host cannot choose among many positions. KITH_EINVAL without an address. */
int kith_ids_supernode_open(const struct kith_suite *s, struct kith_id *out, const struct kith_id *network,
			    const struct kith_key *identity, const struct kith_addr *witnessed) KITH_MUST_USE;

#endif
