/* The real suite, over libsodium 1.0.18. The only file that includes sodium.h.
 *
 * Never: a function of libsodium that draws randomness or makes a key without a seed.
 */
#include "crypto/suite.h"

#include <sodium.h>
#include <string.h>

#include "base/assert.h"
#include "base/bytes.h"

KITH_STATIC_ASSERT(crypto_scalarmult_BYTES == KITH_DH_LEN, "X25519 length");
KITH_STATIC_ASSERT(crypto_scalarmult_SCALARBYTES == KITH_DH_LEN, "X25519 scalar length");
KITH_STATIC_ASSERT(crypto_sign_BYTES == KITH_SIG_LEN, "signature length");
KITH_STATIC_ASSERT(crypto_sign_PUBLICKEYBYTES == KITH_KEY_LEN, "signing key length");
KITH_STATIC_ASSERT(crypto_sign_SECRETKEYBYTES == KITH_SIGN_SK_LEN, "signing secret key length");
KITH_STATIC_ASSERT(crypto_sign_SEEDBYTES == KITH_SEED_LEN, "seed length");
KITH_STATIC_ASSERT(crypto_aead_chacha20poly1305_ietf_KEYBYTES == KITH_AEAD_KEY_LEN, "AEAD key length");
KITH_STATIC_ASSERT(crypto_aead_chacha20poly1305_ietf_ABYTES == KITH_AEAD_TAG_LEN, "AEAD tag length");
KITH_STATIC_ASSERT(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == KITH_AEAD_KEY_LEN, "XAEAD key length");
KITH_STATIC_ASSERT(crypto_aead_xchacha20poly1305_ietf_ABYTES == KITH_AEAD_TAG_LEN, "XAEAD tag length");
KITH_STATIC_ASSERT(crypto_aead_xchacha20poly1305_ietf_NPUBBYTES == KITH_XNONCE_LEN, "XAEAD nonce length");
KITH_STATIC_ASSERT(crypto_hash_sha256_BYTES == KITH_SHA256_LEN, "SHA-256 length");
KITH_STATIC_ASSERT(crypto_auth_hmacsha256_BYTES == KITH_SHA256_LEN, "HMAC length");

static void sodium_dh_public(uint8_t pk[KITH_DH_LEN], const uint8_t sk[KITH_DH_LEN])
{
	/* Fails for no scalar: clamping keeps it off zero. */
	KITH_ASSERT(crypto_scalarmult_base(pk, sk) == 0);
}

static int sodium_dh(uint8_t out[KITH_DH_LEN], const uint8_t sk[KITH_DH_LEN], const uint8_t pk[KITH_DH_LEN])
{
	if (crypto_scalarmult(out, sk, pk) != 0) {
		kith_wipe(out, KITH_DH_LEN);
		return KITH_EAUTH;
	}
	return 0;
}

static void sodium_sign_keypair(uint8_t pk[KITH_KEY_LEN], uint8_t sk[KITH_SIGN_SK_LEN],
				const uint8_t seed[KITH_SEED_LEN])
{
	KITH_ASSERT(crypto_sign_seed_keypair(pk, sk, seed) == 0);
}

static void sodium_sign(uint8_t sig[KITH_SIG_LEN], const uint8_t *p, size_t len, const uint8_t sk[KITH_SIGN_SK_LEN])
{
	KITH_ASSERT(crypto_sign_detached(sig, NULL, p, len, sk) == 0);
}

static int sodium_verify(const uint8_t sig[KITH_SIG_LEN], const uint8_t *p, size_t len, const uint8_t pk[KITH_KEY_LEN])
{
	return crypto_sign_verify_detached(sig, p, len, pk) == 0 ? 0 : KITH_ESIGNATURE;
}

/* 32 zero bits, then the counter little-endian (Noise, section 12.3). */
static void nonce_of_counter(uint8_t out[crypto_aead_chacha20poly1305_ietf_NPUBBYTES], uint64_t nonce)
{
	for (size_t i = 0; i < 4; i++)
		out[i] = 0;
	for (size_t i = 0; i < 8; i++)
		out[4 + i] = (uint8_t)(nonce >> (8 * i));
}

static void sodium_seal(uint8_t *out, const uint8_t key[KITH_AEAD_KEY_LEN], uint64_t nonce, struct kith_span ad,
			const uint8_t *in, size_t len)
{
	uint8_t npub[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];
	nonce_of_counter(npub, nonce);
	KITH_ASSERT(crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, in, len, ad.p, ad.len, NULL, npub, key) == 0);
}

static int sodium_open(uint8_t *out, const uint8_t key[KITH_AEAD_KEY_LEN], uint64_t nonce, struct kith_span ad,
		       const uint8_t *in, size_t len)
{
	uint8_t npub[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];
	nonce_of_counter(npub, nonce);
	if (crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, in, len, ad.p, ad.len, npub, key) != 0)
		return KITH_EAUTH;
	return 0;
}

/* The first words of a block of ChaCha20 are those of HChaCha20 and the first words of the state, which are "expand
 * 32-byte k". libsodium makes the latter in half the time, since it is about to make no stream of blocks. */
static void sodium_mask(uint8_t out[KITH_MASK_LEN], const uint8_t key[KITH_AEAD_KEY_LEN],
			const uint8_t sample[KITH_SAMPLE_LEN])
{
	static const uint32_t constants[2] = { 0x61707865, 0x3320646e };
	uint8_t in[crypto_core_hchacha20_INPUTBYTES], words[crypto_core_hchacha20_OUTPUTBYTES];
	memcpy(in, sample + 8, 4); /* block counter */
	memset(in + 4, 0xff, 4);
	memcpy(in + 8, sample, 8);
	KITH_ASSERT(crypto_core_hchacha20(words, in, key, NULL) == 0);
	for (size_t i = 0; i < 2; i++) {
		uint32_t word = (uint32_t)kith_bytes_number(words + 4 * i, 4) + constants[i];
		kith_number_bytes(words + 4 * i, 4, word);
	}
	memcpy(out, words, KITH_MASK_LEN);
}

static void sodium_xseal(uint8_t *out, const uint8_t key[KITH_AEAD_KEY_LEN], const uint8_t nonce[KITH_XNONCE_LEN],
			 struct kith_span ad, const uint8_t *in, size_t len)
{
	KITH_ASSERT(crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, in, len, ad.p, ad.len, NULL, nonce, key) ==
		    0);
}

static int sodium_xopen(uint8_t *out, const uint8_t key[KITH_AEAD_KEY_LEN], const uint8_t nonce[KITH_XNONCE_LEN],
			struct kith_span ad, const uint8_t *in, size_t len)
{
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, in, len, ad.p, ad.len, nonce, key) != 0)
		return KITH_EAUTH;
	return 0;
}

static void sodium_blake2b(uint8_t *out, size_t out_len, struct kith_span key, const struct kith_span parts[], size_t n)
{
	crypto_generichash_state st;
	KITH_ASSERT(out_len >= 16 && out_len <= 64 && key.len <= 64);
	KITH_ASSERT(crypto_generichash_init(&st, key.len > 0 ? key.p : NULL, key.len, out_len) == 0);
	for (size_t i = 0; i < n; i++)
		crypto_generichash_update(&st, parts[i].p, parts[i].len);
	crypto_generichash_final(&st, out, out_len);
	if (key.len > 0)
		kith_wipe(&st, sizeof st);
}

static void sodium_sha256(uint8_t out[KITH_SHA256_LEN], const struct kith_span parts[], size_t n)
{
	crypto_hash_sha256_state st;
	crypto_hash_sha256_init(&st);
	for (size_t i = 0; i < n; i++)
		crypto_hash_sha256_update(&st, parts[i].p, parts[i].len);
	crypto_hash_sha256_final(&st, out);
	kith_wipe(&st, sizeof st);
}

static void sodium_hmac(uint8_t out[KITH_SHA256_LEN], struct kith_span key, const struct kith_span parts[], size_t n)
{
	crypto_auth_hmacsha256_state st;
	crypto_auth_hmacsha256_init(&st, key.p, key.len);
	for (size_t i = 0; i < n; i++)
		crypto_auth_hmacsha256_update(&st, parts[i].p, parts[i].len);
	crypto_auth_hmacsha256_final(&st, out);
	kith_wipe(&st, sizeof st);
}

static const struct kith_suite suite_sodium = {
	.name = "sodium",
	.dh_public = sodium_dh_public,
	.dh = sodium_dh,
	.sign_keypair = sodium_sign_keypair,
	.sign = sodium_sign,
	.verify = sodium_verify,
	.seal = sodium_seal,
	.open = sodium_open,
	.mask = sodium_mask,
	.xseal = sodium_xseal,
	.xopen = sodium_xopen,
	.blake2b = sodium_blake2b,
	.sha256 = sodium_sha256,
	.hmac = sodium_hmac,
};

const struct kith_suite *kith_suite_sodium(void)
{
	return &suite_sodium;
}

int kith_suite_sodium_init(void)
{
	/* 1 says that it was done before; libsodium holds its own lock. */
	return sodium_init() >= 0 ? 0 : KITH_EIO;
}
