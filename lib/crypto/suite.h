/* The primitives behind one vtable: real ones (libsodium), or a cheap simulated suite of the same sizes and failures
 * that lives in bench/ only. Nothing above calls libsodium.
 *
 * All calls are pure: no clock, no randomness, no state. Keys come from the injected generator.
 */
#ifndef KITH_CRYPTO_SUITE_H
#define KITH_CRYPTO_SUITE_H

#include <kith/err.h>
#include <kith/types.h>

#define KITH_AEAD_TAG_LEN 16
#define KITH_AEAD_KEY_LEN 32
#define KITH_XNONCE_LEN 24
#define KITH_SAMPLE_LEN 12
#define KITH_MASK_LEN 7
#define KITH_SIG_LEN 64
#define KITH_SIGN_SK_LEN 64 /* Ed25519 secret key as libsodium keeps it: seed, then public key */
#define KITH_SEED_LEN 32
#define KITH_DH_LEN 32
#define KITH_SHA256_LEN 32

struct kith_suite {
	const char *name;

	/* X25519 (RFC 7748). dh fails (KITH_EAUTH) when the result is all zero. */
	void (*dh_public)(uint8_t pk[KITH_DH_LEN], const uint8_t sk[KITH_DH_LEN]);
	int (*dh)(uint8_t out[KITH_DH_LEN], const uint8_t sk[KITH_DH_LEN], const uint8_t pk[KITH_DH_LEN]);

	/* Ed25519 (RFC 8032). Use kith_sign and kith_verify, which separate domains. */
	void (*sign_keypair)(uint8_t pk[KITH_KEY_LEN], uint8_t sk[KITH_SIGN_SK_LEN], const uint8_t seed[KITH_SEED_LEN]);
	void (*sign)(uint8_t sig[KITH_SIG_LEN], const uint8_t *p, size_t len, const uint8_t sk[KITH_SIGN_SK_LEN]);
	int (*verify)(const uint8_t sig[KITH_SIG_LEN], const uint8_t *p, size_t len, const uint8_t pk[KITH_KEY_LEN]);

	/* ChaCha20-Poly1305 (RFC 8439), nonce as in Noise: 32 zero bits, then the counter little-endian. out may be
	 * in. seal writes len + 16 bytes; open reads len bytes, tag included, writes len - 16, and fails with
	 * KITH_EAUTH. */
	void (*seal)(uint8_t *out, const uint8_t key[KITH_AEAD_KEY_LEN], uint64_t nonce, struct kith_span ad,
		     const uint8_t *in, size_t len);
	int (*open)(uint8_t *out, const uint8_t key[KITH_AEAD_KEY_LEN], uint64_t nonce, struct kith_span ad,
		    const uint8_t *in, size_t len);

	/* Seven bytes that only holders of the key can make of a sample: a block of ChaCha20 whose nonce begins with
	 * ones, so that it is none of those that seal. */
	void (*mask)(uint8_t out[KITH_MASK_LEN], const uint8_t key[KITH_AEAD_KEY_LEN],
		     const uint8_t sample[KITH_SAMPLE_LEN]);

	/* XChaCha20-Poly1305 with a random nonce: cookies, sealed presence. */
	void (*xseal)(uint8_t *out, const uint8_t key[KITH_AEAD_KEY_LEN], const uint8_t nonce[KITH_XNONCE_LEN],
		      struct kith_span ad, const uint8_t *in, size_t len);
	int (*xopen)(uint8_t *out, const uint8_t key[KITH_AEAD_KEY_LEN], const uint8_t nonce[KITH_XNONCE_LEN],
		     struct kith_span ad, const uint8_t *in, size_t len);

	/* BLAKE2b of the concatenated parts, out_len 16..64, key_len 0..64. */
	void (*blake2b)(uint8_t *out, size_t out_len, struct kith_span key, const struct kith_span parts[], size_t n);

	/* SHA-256 and HMAC-SHA-256 of the concatenated parts. */
	void (*sha256)(uint8_t out[KITH_SHA256_LEN], const struct kith_span parts[], size_t n);
	void (*hmac)(uint8_t out[KITH_SHA256_LEN], struct kith_span key, const struct kith_span parts[], size_t n);
};

/* The real suite. libsodium must have been initialised (the host does; the core's constructor checks). */
const struct kith_suite *kith_suite_sodium(void);

/* Initialises libsodium once per process; KITH_EIO if it cannot. Thread-safe, idempotent. */
int kith_suite_sodium_init(void) KITH_MUST_USE;

/* Signature over BLAKE2b-512(label, 0x00, message), so that a signature made for one use is worth nothing in another.
 * label is one of the KITH_SIGN_* strings below. */
void kith_sign(const struct kith_suite *s, uint8_t sig[KITH_SIG_LEN], const char *label, struct kith_span message,
	       const uint8_t sk[KITH_SIGN_SK_LEN]);
int kith_verify(const struct kith_suite *s, const uint8_t sig[KITH_SIG_LEN], const char *label,
		struct kith_span message, const uint8_t pk[KITH_KEY_LEN]) KITH_MUST_USE;

#define KITH_SIGN_ISSUER "kith issuer certificate v1"
#define KITH_SIGN_NAME "kith name certificate v1"
#define KITH_SIGN_DEVICE "kith device certificate v1"
#define KITH_SIGN_DEVICES "kith device list v1"
#define KITH_SIGN_REVOCATION "kith revocation list v1"
#define KITH_SIGN_RECORD "kith presence record v1"
#define KITH_SIGN_VANISH "kith vanish report v1"
#define KITH_SIGN_MEMBER "kith member entry v1"
#define KITH_SIGN_ATTEST "kith attestation v1"
#define KITH_SIGN_DOUBT "kith doubt v1"
#define KITH_SIGN_CHALLENGE "kith challenge v1"
#define KITH_SIGN_BUSY "kith busy notice v1"
#define KITH_SIGN_HELP_TOKEN "kith help token v1"
#define KITH_SIGN_ENROL "kith enrolment v1"
#define KITH_SIGN_LOG_HEAD "kith log head v1"
#define KITH_SIGN_PARAMS "kith network parameters v1"
#define KITH_SIGN_WHERE "kith where v1"
#define KITH_SIGN_HERE "kith here v1"

/* Constant-time comparison. */
bool kith_equal_secret(const void *a, const void *b, size_t len);

/* Zeroes memory in a way that the compiler keeps. */
void kith_wipe(void *p, size_t len);

#endif
