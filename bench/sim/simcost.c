#include "sim/simcost.h"

#include "sim/suite_sim.h"

/* Primitives have no context that could hold it. */
static _Thread_local uint64_t spent_ns;

static void spend(uint64_t ns)
{
	spent_ns += ns;
}

static void spend_aead(size_t len)
{
	spent_ns += KITH_SIMCOST_AEAD_NS + len / 2;
}

static void dh_public(uint8_t pk[KITH_DH_LEN], const uint8_t sk[KITH_DH_LEN])
{
	spend(KITH_SIMCOST_DH_PUBLIC_NS);
	kith_suite_sim()->dh_public(pk, sk);
}

static int dh(uint8_t out[KITH_DH_LEN], const uint8_t sk[KITH_DH_LEN], const uint8_t pk[KITH_DH_LEN])
{
	spend(KITH_SIMCOST_DH_NS);
	return kith_suite_sim()->dh(out, sk, pk);
}

/* A key of one's own is made from its seed by the same multiplication as a public DH key. */
static void sign_keypair(uint8_t pk[KITH_KEY_LEN], uint8_t sk[KITH_SIGN_SK_LEN], const uint8_t seed[KITH_SEED_LEN])
{
	spend(KITH_SIMCOST_DH_PUBLIC_NS);
	kith_suite_sim()->sign_keypair(pk, sk, seed);
}

static void sign(uint8_t sig[KITH_SIG_LEN], const uint8_t *p, size_t len, const uint8_t sk[KITH_SIGN_SK_LEN])
{
	spend(KITH_SIMCOST_SIGN_NS);
	kith_suite_sim()->sign(sig, p, len, sk);
}

static int verify(const uint8_t sig[KITH_SIG_LEN], const uint8_t *p, size_t len, const uint8_t pk[KITH_KEY_LEN])
{
	spend(KITH_SIMCOST_VERIFY_NS);
	return kith_suite_sim()->verify(sig, p, len, pk);
}

static void seal(uint8_t *out, const uint8_t key[KITH_AEAD_KEY_LEN], uint64_t nonce, struct kith_span ad,
		 const uint8_t *in, size_t len)
{
	spend_aead(len);
	kith_suite_sim()->seal(out, key, nonce, ad, in, len);
}

static int open(uint8_t *out, const uint8_t key[KITH_AEAD_KEY_LEN], uint64_t nonce, struct kith_span ad,
		const uint8_t *in, size_t len)
{
	spend_aead(len);
	return kith_suite_sim()->open(out, key, nonce, ad, in, len);
}

static void mask(uint8_t out[KITH_MASK_LEN], const uint8_t key[KITH_AEAD_KEY_LEN],
		 const uint8_t sample[KITH_SAMPLE_LEN])
{
	spend(KITH_SIMCOST_MASK_NS);
	kith_suite_sim()->mask(out, key, sample);
}

static void xseal(uint8_t *out, const uint8_t key[KITH_AEAD_KEY_LEN], const uint8_t nonce[KITH_XNONCE_LEN],
		  struct kith_span ad, const uint8_t *in, size_t len)
{
	spend_aead(len);
	kith_suite_sim()->xseal(out, key, nonce, ad, in, len);
}

static int xopen(uint8_t *out, const uint8_t key[KITH_AEAD_KEY_LEN], const uint8_t nonce[KITH_XNONCE_LEN],
		 struct kith_span ad, const uint8_t *in, size_t len)
{
	spend_aead(len);
	return kith_suite_sim()->xopen(out, key, nonce, ad, in, len);
}

static void blake2b(uint8_t *out, size_t out_len, struct kith_span key, const struct kith_span parts[], size_t n)
{
	spend(KITH_SIMCOST_BLAKE2B_NS);
	kith_suite_sim()->blake2b(out, out_len, key, parts, n);
}

static void sha256(uint8_t out[KITH_SHA256_LEN], const struct kith_span parts[], size_t n)
{
	spend(KITH_SIMCOST_SHA256_NS);
	kith_suite_sim()->sha256(out, parts, n);
}

static void hmac(uint8_t out[KITH_SHA256_LEN], struct kith_span key, const struct kith_span parts[], size_t n)
{
	spend(KITH_SIMCOST_HMAC_NS);
	kith_suite_sim()->hmac(out, key, parts, n);
}

const struct kith_suite *kith_suite_simcost(void)
{
	static const struct kith_suite suite = {
		.name = "sim, counted",
		.dh_public = dh_public,
		.dh = dh,
		.sign_keypair = sign_keypair,
		.sign = sign,
		.verify = verify,
		.seal = seal,
		.open = open,
		.mask = mask,
		.xseal = xseal,
		.xopen = xopen,
		.blake2b = blake2b,
		.sha256 = sha256,
		.hmac = hmac,
	};
	return &suite;
}

uint64_t kith_simcost_take_ns(void)
{
	uint64_t ns = spent_ns;
	spent_ns = 0;
	return ns;
}
