/* Everything is made of one step, h' = rotate((h xor word) * odd): a bijection of h and of the word. So two inputs that
 * differ in one word can never meet in the same checksum, which is what makes a flipped bit a certain failure and not a
 * likely one.
 */
#include "suite_sim.h"

#include <string.h>

#include "base/assert.h"

#define GOLDEN 0x9e3779b97f4a7c15u
#define ODD_A 0xbf58476d1ce4e5b9u
#define ODD_B 0x94d049bb133111ebu
#define LANES ((size_t)4) /* independent checksums, so that the multiplications overlap */

enum domain {
	DOMAIN_DH_PUBLIC = 1,
	DOMAIN_DH,
	DOMAIN_SIGN_PUBLIC,
	DOMAIN_SIGN,
	DOMAIN_SEAL,
	DOMAIN_XSEAL,
	DOMAIN_BLAKE2B,
	DOMAIN_SHA256,
	DOMAIN_HMAC,
	DOMAIN_MASK
};

static inline uint64_t load64(const uint8_t *p)
{
	return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 |
	       (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;
}

/* Written out, because gcc merges these stores into one and those of a loop not. */
static inline void store64(uint8_t *p, uint64_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
	p[2] = (uint8_t)(v >> 16);
	p[3] = (uint8_t)(v >> 24);
	p[4] = (uint8_t)(v >> 32);
	p[5] = (uint8_t)(v >> 40);
	p[6] = (uint8_t)(v >> 48);
	p[7] = (uint8_t)(v >> 56);
}

static inline uint64_t load_partial(const uint8_t *p, size_t len)
{
	uint64_t v = 0;
	for (size_t i = 0; i < len; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static inline uint64_t step(uint64_t h, uint64_t word)
{
	h = (h ^ word) * ODD_A;
	return h << 29 | h >> 35;
}

/* The finalizer of splitmix64: a bijection whose every output bit hangs on every input bit. */
static inline uint64_t scatter(uint64_t z)
{
	z = (z ^ (z >> 30)) * ODD_A;
	z = (z ^ (z >> 27)) * ODD_B;
	return z ^ (z >> 31);
}

/* Hashing: two checksums over the same words, fed piece by piece. */
struct hash {
	uint64_t a, b, word; /* word: the bytes that do not fill one yet */
	uint64_t len;
};

static inline void hash_word(struct hash *h, uint64_t word)
{
	h->a = step(h->a, word);
	/* Other shifts than a, or the same two flipped bits would cancel out in both. */
	h->b = (h->b + word) * ODD_B;
	h->b = h->b << 39 | h->b >> 25;
}

static void hash_add(struct hash *h, const uint8_t *p, size_t len)
{
	size_t fill = (size_t)(h->len % 8);
	h->len += len;
	for (; fill != 0 && len > 0; len--) {
		h->word |= (uint64_t)*p++ << (8 * fill);
		fill = (fill + 1) % 8;
		if (fill == 0) {
			hash_word(h, h->word);
			h->word = 0;
		}
	}
	for (; len >= 8; len -= 8, p += 8)
		hash_word(h, load64(p));
	if (len > 0)
		h->word = load_partial(p, len);
}

static void hash_init(struct hash *h, enum domain domain, uint64_t salt, struct kith_span key)
{
	h->a = scatter((uint64_t)domain);
	h->b = scatter(~(uint64_t)domain);
	h->word = 0;
	h->len = 0;
	hash_word(h, salt);
	hash_word(h, key.len);
	/* A whole number of words, so that a key's end and the message's start cannot trade places. */
	for (size_t i = 0; i < key.len; i += 8)
		hash_word(h, load_partial(key.p + i, key.len - i < 8 ? key.len - i : 8));
}

static void hash_final(struct hash *h, uint8_t *out, size_t out_len)
{
	uint8_t word[8];
	if (h->len % 8 != 0)
		hash_word(h, h->word);
	hash_word(h, h->len);
	for (uint64_t i = 0; out_len > 0; i++) {
		const size_t n = out_len < 8 ? out_len : 8;

		/* The words take a and b in turn, so 16 bytes hold the whole state. */
		store64(word, scatter(((i % 2 == 0) ? h->a : h->b) + GOLDEN * i));
		memcpy(out, word, n);
		out += n;
		out_len -= n;
	}
}

static void hash_parts(uint8_t *out, size_t out_len, enum domain domain, struct kith_span key,
		       const struct kith_span parts[], size_t n)
{
	struct hash h;
	hash_init(&h, domain, out_len, key);
	for (size_t i = 0; i < n; i++)
		hash_add(&h, parts[i].p, parts[i].len);
	hash_final(&h, out, out_len);
}

static const struct kith_span no_key = { NULL, 0 };

static bool all_zero(const uint8_t *p, size_t len)
{
	uint8_t any = 0;
	for (size_t i = 0; i < len; i++)
		any |= p[i];
	return any == 0;
}

static void sim_dh_public(uint8_t pk[KITH_DH_LEN], const uint8_t sk[KITH_DH_LEN])
{
	const struct kith_span part = { sk, KITH_DH_LEN };
	hash_parts(pk, KITH_DH_LEN, DOMAIN_DH_PUBLIC, no_key, &part, 1);
}

/* A hash of both public keys in order, so that either side gets the same. */
static int sim_dh(uint8_t out[KITH_DH_LEN], const uint8_t sk[KITH_DH_LEN], const uint8_t pk[KITH_DH_LEN])
{
	uint8_t own[KITH_DH_LEN];
	struct kith_span parts[2] = { { own, sizeof own }, { pk, KITH_DH_LEN } };
	if (all_zero(pk, KITH_DH_LEN)) {
		memset(out, 0, KITH_DH_LEN);
		return KITH_EAUTH;
	}
	sim_dh_public(own, sk);
	if (memcmp(own, pk, sizeof own) > 0) {
		parts[0].p = pk;
		parts[1].p = own;
	}
	hash_parts(out, KITH_DH_LEN, DOMAIN_DH, no_key, parts, 2);
	return 0;
}

static void sim_sign_keypair(uint8_t pk[KITH_KEY_LEN], uint8_t sk[KITH_SIGN_SK_LEN], const uint8_t seed[KITH_SEED_LEN])
{
	const struct kith_span part = { seed, KITH_SEED_LEN };
	memmove(sk, seed, KITH_SEED_LEN);
	hash_parts(pk, KITH_KEY_LEN, DOMAIN_SIGN_PUBLIC, no_key, &part, 1);
	memcpy(sk + KITH_SEED_LEN, pk, KITH_KEY_LEN);
}

static void signature(uint8_t sig[KITH_SIG_LEN], const uint8_t *p, size_t len, const uint8_t pk[KITH_KEY_LEN])
{
	const struct kith_span key = { pk, KITH_KEY_LEN }, part = { p, len };
	hash_parts(sig, KITH_SIG_LEN, DOMAIN_SIGN, key, &part, 1);
}

static void sim_sign(uint8_t sig[KITH_SIG_LEN], const uint8_t *p, size_t len, const uint8_t sk[KITH_SIGN_SK_LEN])
{
	signature(sig, p, len, sk + KITH_SEED_LEN);
}

static int sim_verify(const uint8_t sig[KITH_SIG_LEN], const uint8_t *p, size_t len, const uint8_t pk[KITH_KEY_LEN])
{
	uint8_t right[KITH_SIG_LEN];
	if (all_zero(pk, KITH_KEY_LEN))
		return KITH_ESIGNATURE;
	signature(right, p, len, pk);
	return memcmp(sig, right, sizeof right) == 0 ? 0 : KITH_ESIGNATURE;
}

/* Sealing: key, nonce and additional data make the seed; the ciphertext goes over it in lanes. */
static uint64_t seal_seed(enum domain domain, const uint8_t key[KITH_AEAD_KEY_LEN])
{
	uint64_t h = scatter((uint64_t)domain);
	for (size_t i = 0; i < KITH_AEAD_KEY_LEN; i += 8)
		h = step(h, load64(key + i));
	return h;
}

static uint64_t absorb(uint64_t h, struct kith_span s)
{
	size_t i = 0;
	for (; s.len - i >= 8; i += 8)
		h = step(h, load64(s.p + i));
	if (i < s.len)
		h = step(h, load_partial(s.p + i, s.len - i));
	return step(h, s.len);
}

static void checksum(uint8_t tag[KITH_AEAD_TAG_LEN], uint64_t seed, const uint8_t *p, size_t len)
{
	uint64_t lane[LANES], h = seed;
	size_t i = 0;
	for (size_t k = 0; k < LANES; k++)
		lane[k] = seed + GOLDEN * (uint64_t)k;
	for (; len - i >= 8 * LANES; i += 8 * LANES)
		for (size_t k = 0; k < LANES; k++)
			lane[k] = step(lane[k], load64(p + i + 8 * k));
	for (size_t k = 0; k < LANES; k++)
		h = step(h, lane[k]);
	h = absorb(h, (struct kith_span){ p + i, len - i });
	h = step(h, len);
	store64(tag, scatter(h));
	store64(tag + 8, scatter(h ^ GOLDEN));
}

/* in may be out. */
static void mask(uint8_t *out, uint64_t seed, const uint8_t *in, size_t len)
{
	uint64_t counter = scatter(seed);
	size_t i = 0;
	for (; len - i >= 8; i += 8) {
		counter += GOLDEN;
		store64(out + i, load64(in + i) ^ scatter(counter));
	}
	counter = scatter(counter + GOLDEN);
	for (; i < len; i++, counter >>= 8)
		out[i] = (uint8_t)(in[i] ^ counter);
}

/* The mask must not hang on the additional data, because opening checks that first. */
static void seal_with(uint8_t *out, uint64_t seed, struct kith_span ad, const uint8_t *in, size_t len)
{
	const uint64_t with_ad = absorb(seed, ad);
	mask(out, seed, in, len);
	checksum(out + len, with_ad, out, len);
}

static int open_with(uint8_t *out, uint64_t seed, struct kith_span ad, const uint8_t *in, size_t len)
{
	uint8_t tag[KITH_AEAD_TAG_LEN];
	size_t text_len;
	if (len < sizeof tag)
		return KITH_EAUTH;
	text_len = len - sizeof tag;
	checksum(tag, absorb(seed, ad), in, text_len);
	if (memcmp(tag, in + text_len, sizeof tag) != 0) {
		/* As libsodium does: a caller must not get by with what a failed open left. */
		if (text_len > 0)
			memset(out, 0, text_len);
		return KITH_EAUTH;
	}
	mask(out, seed, in, text_len);
	return 0;
}

static void sim_seal(uint8_t *out, const uint8_t key[KITH_AEAD_KEY_LEN], uint64_t nonce, struct kith_span ad,
		     const uint8_t *in, size_t len)
{
	seal_with(out, step(seal_seed(DOMAIN_SEAL, key), nonce), ad, in, len);
}

static int sim_open(uint8_t *out, const uint8_t key[KITH_AEAD_KEY_LEN], uint64_t nonce, struct kith_span ad,
		    const uint8_t *in, size_t len)
{
	return open_with(out, step(seal_seed(DOMAIN_SEAL, key), nonce), ad, in, len);
}

static void sim_mask(uint8_t out[KITH_MASK_LEN], const uint8_t key[KITH_AEAD_KEY_LEN],
		     const uint8_t sample[KITH_SAMPLE_LEN])
{
	uint8_t word[8];
	store64(word, scatter(absorb(seal_seed(DOMAIN_MASK, key), (struct kith_span){ sample, KITH_SAMPLE_LEN })));
	memcpy(out, word, KITH_MASK_LEN);
}

static uint64_t xseal_seed(const uint8_t key[KITH_AEAD_KEY_LEN], const uint8_t nonce[KITH_XNONCE_LEN])
{
	return absorb(seal_seed(DOMAIN_XSEAL, key), (struct kith_span){ nonce, KITH_XNONCE_LEN });
}

static void sim_xseal(uint8_t *out, const uint8_t key[KITH_AEAD_KEY_LEN], const uint8_t nonce[KITH_XNONCE_LEN],
		      struct kith_span ad, const uint8_t *in, size_t len)
{
	seal_with(out, xseal_seed(key, nonce), ad, in, len);
}

static int sim_xopen(uint8_t *out, const uint8_t key[KITH_AEAD_KEY_LEN], const uint8_t nonce[KITH_XNONCE_LEN],
		     struct kith_span ad, const uint8_t *in, size_t len)
{
	return open_with(out, xseal_seed(key, nonce), ad, in, len);
}

static void sim_blake2b(uint8_t *out, size_t out_len, struct kith_span key, const struct kith_span parts[], size_t n)
{
	KITH_ASSERT(out_len >= 16 && out_len <= 64 && key.len <= 64);
	hash_parts(out, out_len, DOMAIN_BLAKE2B, key, parts, n);
}

static void sim_sha256(uint8_t out[KITH_SHA256_LEN], const struct kith_span parts[], size_t n)
{
	hash_parts(out, KITH_SHA256_LEN, DOMAIN_SHA256, no_key, parts, n);
}

static void sim_hmac(uint8_t out[KITH_SHA256_LEN], struct kith_span key, const struct kith_span parts[], size_t n)
{
	hash_parts(out, KITH_SHA256_LEN, DOMAIN_HMAC, key, parts, n);
}

static const struct kith_suite suite_sim = {
	.name = "sim",
	.dh_public = sim_dh_public,
	.dh = sim_dh,
	.sign_keypair = sim_sign_keypair,
	.sign = sim_sign,
	.verify = sim_verify,
	.seal = sim_seal,
	.open = sim_open,
	.mask = sim_mask,
	.xseal = sim_xseal,
	.xopen = sim_xopen,
	.blake2b = sim_blake2b,
	.sha256 = sim_sha256,
	.hmac = sim_hmac,
};

const struct kith_suite *kith_suite_sim(void)
{
	return &suite_sim;
}
