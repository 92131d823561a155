/* The key file: a header, and secrets sealed with a key that Argon2id made of a passphrase.
 *
 * Argon2id itself blocks for a second and takes much memory, so the host runs it on its thread pool; here are only
 * its parameters and their bounds (a file from elsewhere must not make us allocate at will). The header is
 * authenticated. Without a passphrase the contents are plain, behind an explicit marker and with a checksum: for
 * supernodes that start unattended.
 * Never: a file, a passphrase, a secret left on the stack.
 */
#ifndef KITH_IDENTITY_SEALED_H
#define KITH_IDENTITY_SEALED_H

#include "identity/object.h"

enum kith_protection {
	KITH_PROTECTION_NONE = 1, /* plain, with a checksum */
	KITH_PROTECTION_ARGON2ID = 2 /* Argon2id 1.3, then XChaCha20-Poly1305 */
};

#define KITH_SEALED_SALT_LEN 16
#define KITH_SEALED_MAGIC "KITHKEYS"
#define KITH_SEALED_OPS_MIN 1
#define KITH_SEALED_OPS_MAX 16 /* passes; with the memory below, half a minute on a slow machine */
#define KITH_SEALED_MEM_KIB_MIN 8 /* libsodium's own minimum */
#define KITH_SEALED_MEM_KIB_MAX (1024 * 1024) /* 1 GiB: what a small host may still have */
#define KITH_SEALED_OPS_DEFAULT 3 /* libsodium's "moderate" */
#define KITH_SEALED_MEM_KIB_DEFAULT (256 * 1024)

#define KITH_SECRETS_LEN_MAX (1 + KITH_SECRETS_MAX * (2 + KITH_SECRET_LEN_MAX))
#define KITH_SEALED_HEADER_LEN (8 + 2 + 1 + 4 + 4 + KITH_SEALED_SALT_LEN + KITH_XNONCE_LEN + 2)
#define KITH_SEALED_LEN_MAX (KITH_SEALED_HEADER_LEN + KITH_SECRETS_LEN_MAX + 32)

struct kith_sealed {
	uint8_t protection; /* enum kith_protection */
	uint32_t ops, mem_kib; /* Argon2id: passes, memory; zero without protection */
	uint8_t salt[KITH_SEALED_SALT_LEN];
	uint8_t nonce[KITH_XNONCE_LEN];
	struct kith_span header, body; /* borrowed from the file */
};

/* Reads the header. KITH_EPROTO: no key file, torn, or parameters beyond the bounds; KITH_EVERSION. */
int kith_sealed_parse(struct kith_sealed *out, struct kith_span file) KITH_MUST_USE;

/* Opens the contents with the derived key (NULL when unprotected). KITH_EPASSPHRASE: wrong key, or altered;
 * KITH_EPROTO: the plain checksum or the contents are wrong; KITH_EINVAL: key missing. out is wiped on failure. */
int kith_sealed_open(const struct kith_suite *suite, const struct kith_sealed *sealed,
		     const uint8_t key[KITH_AEAD_KEY_LEN], struct kith_secrets *out) KITH_MUST_USE;

/* Writes a key file of at most KITH_SEALED_LEN_MAX bytes; of head, protection, ops, mem_kib, salt and nonce are read
 * (fresh random ones each time). Returns the length; KITH_EINVAL for parameters out of bounds. */
int kith_sealed_seal(const struct kith_suite *suite, uint8_t out[KITH_SEALED_LEN_MAX], const struct kith_sealed *head,
		     const uint8_t key[KITH_AEAD_KEY_LEN], const struct kith_secrets *secrets) KITH_MUST_USE;

/* The contents alone. Ascending kinds, known kinds of 32 bytes; unknown ones are kept. */
int kith_secrets_parse(struct kith_secrets *out, struct kith_span plain) KITH_MUST_USE;
void kith_secrets_write(struct kith_writer *w, const struct kith_secrets *secrets);

#endif
