/* What must hold for every crypto suite, real or simulated. Each check takes the suite; the tests of either suite run
 * all. */
#ifndef KITH_TESTS_SUITE_CONTRACT_H
#define KITH_TESTS_SUITE_CONTRACT_H

#include "support.h"

#include "crypto/suite.h"

enum { CONTRACT_TEXT_MAX = 200 };

static const struct kith_span contract_nothing = { NULL, 0 };

static inline void contract_flip(uint8_t *p, size_t bit)
{
	p[bit / 8] = (uint8_t)(p[bit / 8] ^ (1u << (bit % 8)));
}

static inline bool contract_all_zero(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != 0)
			return false;
	return true;
}

static inline void contract_dh_is_symmetric(const struct kith_suite *s)
{
	struct test_random r;
	uint8_t a[32], b[32], c[32], pa[32], pb[32], pc[32], ab[32], ba[32], ac[32];
	test_random_init(&r, 1);
	for (int i = 0; i < 20; i++) {
		test_random_fill(&r, a, sizeof a);
		test_random_fill(&r, b, sizeof b);
		test_random_fill(&r, c, sizeof c);
		s->dh_public(pa, a);
		s->dh_public(pb, b);
		s->dh_public(pc, c);
		assert_int_equal(s->dh(ab, a, pb), 0);
		assert_int_equal(s->dh(ba, b, pa), 0);
		assert_int_equal(s->dh(ac, a, pc), 0);
		assert_memory_equal(ab, ba, 32);
		assert_memory_not_equal(ab, ac, 32);
		assert_memory_not_equal(pa, a, 32);
	}
	/* With oneself, as in a session between two devices that were given one key. */
	assert_int_equal(s->dh(ab, a, pa), 0);
	assert_false(contract_all_zero(ab, 32));
}

static inline void contract_dh_refuses_the_zero_key(const struct kith_suite *s)
{
	uint8_t sk[32], zero[32] = { 0 }, out[32];
	memset(sk, 7, sizeof sk);
	memset(out, 7, sizeof out);
	assert_int_equal(s->dh(out, sk, zero), KITH_EAUTH);
	assert_true(contract_all_zero(out, sizeof out));
}

static inline void contract_signatures_fail_for_any_changed_bit(const struct kith_suite *s)
{
	struct test_random r;
	uint8_t seed[32], pk[32], sk[64], sig[64], again[64], msg[45];
	test_random_init(&r, 2);
	test_random_fill(&r, seed, sizeof seed);
	test_random_fill(&r, msg, sizeof msg);
	s->sign_keypair(pk, sk, seed);
	assert_memory_equal(sk, seed, 32);
	assert_memory_equal(sk + 32, pk, 32);
	s->sign(sig, msg, sizeof msg, sk);
	s->sign(again, msg, sizeof msg, sk);
	assert_memory_equal(sig, again, sizeof sig);
	assert_int_equal(s->verify(sig, msg, sizeof msg, pk), 0);
	for (size_t bit = 0; bit < 8 * sizeof sig; bit++) {
		contract_flip(sig, bit);
		assert_int_equal(s->verify(sig, msg, sizeof msg, pk), KITH_ESIGNATURE);
		contract_flip(sig, bit);
	}
	for (size_t bit = 0; bit < 8 * sizeof msg; bit++) {
		contract_flip(msg, bit);
		assert_int_equal(s->verify(sig, msg, sizeof msg, pk), KITH_ESIGNATURE);
		contract_flip(msg, bit);
	}
	for (size_t bit = 0; bit < 8 * sizeof pk; bit++) {
		contract_flip(pk, bit);
		assert_int_equal(s->verify(sig, msg, sizeof msg, pk), KITH_ESIGNATURE);
		contract_flip(pk, bit);
	}
	assert_int_equal(s->verify(sig, msg, sizeof msg - 1, pk), KITH_ESIGNATURE);
	assert_int_equal(s->verify(sig, NULL, 0, pk), KITH_ESIGNATURE);
	memset(pk, 0, sizeof pk);
	assert_int_equal(s->verify(sig, msg, sizeof msg, pk), KITH_ESIGNATURE);
}

static inline void contract_an_empty_message_can_be_signed(const struct kith_suite *s)
{
	uint8_t seed[32] = { 9 }, pk[32], sk[64], sig[64], zero = 0;
	s->sign_keypair(pk, sk, seed);
	s->sign(sig, NULL, 0, sk);
	assert_int_equal(s->verify(sig, NULL, 0, pk), 0);
	assert_int_equal(s->verify(sig, &zero, 1, pk), KITH_ESIGNATURE);
}

/* Both AEADs behind one shape: nonce is 24 bytes, of which the short one uses the first 8. */
static inline void contract_a_mask_changes_with_every_bit(const struct kith_suite *s)
{
	struct test_random r;
	uint8_t key[32], sample[KITH_SAMPLE_LEN], mask[KITH_MASK_LEN], other[KITH_MASK_LEN];
	test_random_init(&r, 5);
	test_random_fill(&r, key, sizeof key);
	test_random_fill(&r, sample, sizeof sample);
	for (int round = 0; round < 2; round++) {
		s->mask(mask, key, sample);
		s->mask(other, key, sample);
		assert_memory_equal(mask, other, sizeof mask);
		for (size_t bit = 0; bit < 8 * (sizeof key + sizeof sample); bit++) {
			bool of_key = bit < 8 * sizeof key;
			contract_flip(of_key ? key : sample, of_key ? bit : bit - 8 * sizeof key);
			s->mask(other, key, sample);
			assert_memory_not_equal(mask, other, sizeof mask);
			contract_flip(of_key ? key : sample, of_key ? bit : bit - 8 * sizeof key);
		}
		memset(sample, 0xff, sizeof sample); /* the last block that a counter can name */
	}
}

static inline void contract_seal(const struct kith_suite *s, bool x, uint8_t *out, const uint8_t *key,
				 const uint8_t *nonce, struct kith_span ad, const uint8_t *in, size_t len)
{
	uint64_t n = 0;
	memcpy(&n, nonce, sizeof n);
	if (x)
		s->xseal(out, key, nonce, ad, in, len);
	else
		s->seal(out, key, n, ad, in, len);
}

static inline int contract_open(const struct kith_suite *s, bool x, uint8_t *out, const uint8_t *key,
				const uint8_t *nonce, struct kith_span ad, const uint8_t *in, size_t len)
{
	uint64_t n = 0;
	memcpy(&n, nonce, sizeof n);
	return x ? s->xopen(out, key, nonce, ad, in, len) : s->open(out, key, n, ad, in, len);
}

static inline void contract_open_gives_back_what_was_sealed(const struct kith_suite *s, bool x)
{
	struct test_random r;
	uint8_t key[32], nonce[24], ad[20], text[CONTRACT_TEXT_MAX], out[CONTRACT_TEXT_MAX + 16],
		back[CONTRACT_TEXT_MAX];
	uint8_t place[CONTRACT_TEXT_MAX + 16];
	test_random_init(&r, 3);
	for (size_t len = 0; len <= CONTRACT_TEXT_MAX; len++) {
		const size_t ad_len = len % (sizeof ad + 1);
		const struct kith_span a = ad_len > 0 ? test_span(ad, ad_len) : contract_nothing;

		test_random_fill(&r, key, sizeof key);
		test_random_fill(&r, nonce, sizeof nonce);
		test_random_fill(&r, ad, sizeof ad);
		test_random_fill(&r, text, sizeof text);
		contract_seal(s, x, out, key, nonce, a, text, len);
		if (len >= 8)
			assert_memory_not_equal(out, text, len);
		assert_int_equal(contract_open(s, x, back, key, nonce, a, out, len + 16), 0);
		if (len > 0)
			assert_memory_equal(back, text, len);
		memcpy(place, text, sizeof text);
		contract_seal(s, x, place, key, nonce, a, place, len);
		assert_memory_equal(place, out, len + 16);
		assert_int_equal(contract_open(s, x, place, key, nonce, a, place, len + 16), 0);
		if (len > 0)
			assert_memory_equal(place, text, len);
	}
}

static inline void contract_open_refuses_any_flip(const struct kith_suite *s, bool x, size_t len, size_t ad_len)
{
	struct test_random r;
	uint8_t key[32], nonce[24], ad[64], text[CONTRACT_TEXT_MAX], out[CONTRACT_TEXT_MAX + 16],
		back[CONTRACT_TEXT_MAX];
	struct {
		uint8_t *p;
		size_t len;
	} inputs[4] = { { key, sizeof key }, { nonce, x ? 24 : 8 }, { ad, ad_len }, { out, len + 16 } };
	const struct kith_span a = ad_len > 0 ? test_span(ad, ad_len) : contract_nothing;

	test_random_init(&r, 4 + len);
	test_random_fill(&r, key, sizeof key);
	test_random_fill(&r, nonce, sizeof nonce);
	test_random_fill(&r, ad, sizeof ad);
	test_random_fill(&r, text, sizeof text);
	contract_seal(s, x, out, key, nonce, a, text, len);
	for (size_t i = 0; i < 4; i++) {
		for (size_t bit = 0; bit < 8 * inputs[i].len; bit++) {
			contract_flip(inputs[i].p, bit);
			assert_int_equal(contract_open(s, x, back, key, nonce, a, out, len + 16), KITH_EAUTH);
			contract_flip(inputs[i].p, bit);
		}
	}
	assert_int_equal(contract_open(s, x, back, key, nonce, a, out, len + 16), 0);
}

static inline void contract_open_refuses_any_changed_bit(const struct kith_suite *s, bool x)
{
	static const size_t lens[] = { 0, 1, 7, 8, 9, 31, 32, 33, 64, 100, CONTRACT_TEXT_MAX };
	for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++)
		contract_open_refuses_any_flip(s, x, lens[i], i * 6 % 64);
}

static inline void contract_open_refuses_other_lengths(const struct kith_suite *s, bool x)
{
	uint8_t key[32] = { 1 }, nonce[24] = { 2 }, ad[8] = { 0 }, text[40] = { 0 }, out[57] = { 0 }, back[57];
	contract_seal(s, x, out, key, nonce, test_span(ad, 7), text, sizeof text);
	for (size_t len = 0; len <= sizeof out; len++) {
		const int err = contract_open(s, x, back, key, nonce, test_span(ad, 7), out, len);

		assert_int_equal(err, len == 56 ? 0 : KITH_EAUTH);
	}
	/* Zero bytes more or less of additional data. */
	assert_int_equal(contract_open(s, x, back, key, nonce, test_span(ad, 6), out, 56), KITH_EAUTH);
	assert_int_equal(contract_open(s, x, back, key, nonce, test_span(ad, 8), out, 56), KITH_EAUTH);
	assert_int_equal(contract_open(s, x, back, key, nonce, contract_nothing, out, 56), KITH_EAUTH);
}

static inline void contract_a_failed_open_leaves_no_plaintext(const struct kith_suite *s, bool x)
{
	uint8_t key[32] = { 1 }, nonce[24] = { 2 }, text[40], out[56], back[40];
	memset(text, 'p', sizeof text);
	memset(back, 0xee, sizeof back);
	contract_seal(s, x, out, key, nonce, contract_nothing, text, sizeof text);
	out[55] ^= 1;
	assert_int_equal(contract_open(s, x, back, key, nonce, contract_nothing, out, sizeof out), KITH_EAUTH);
	for (size_t i = 0; i < sizeof back; i++)
		assert_int_not_equal(back[i], 'p');
}

/* One of the hashes, by number, always 32 bytes. */
enum { CONTRACT_BLAKE2B, CONTRACT_BLAKE2B_KEYED, CONTRACT_SHA256, CONTRACT_HMAC, CONTRACT_HASHES };

static inline void contract_hash(const struct kith_suite *s, int which, uint8_t out[32], const struct kith_span *parts,
				 size_t n)
{
	static const uint8_t key[32] = { 5 };
	if (which == CONTRACT_BLAKE2B)
		s->blake2b(out, 32, contract_nothing, parts, n);
	else if (which == CONTRACT_BLAKE2B_KEYED)
		s->blake2b(out, 32, test_span(key, 32), parts, n);
	else if (which == CONTRACT_SHA256)
		s->sha256(out, parts, n);
	else
		s->hmac(out, test_span(key, 32), parts, n);
}

static inline void contract_hashes_see_the_concatenation_only(const struct kith_suite *s)
{
	struct test_random r;
	uint8_t msg[150], whole[32], split[32];
	test_random_init(&r, 5);
	test_random_fill(&r, msg, sizeof msg);
	for (int h = 0; h < CONTRACT_HASHES; h++) {
		struct kith_span one = test_span(msg, sizeof msg);

		contract_hash(s, h, whole, &one, 1);
		for (size_t i = 0; i <= sizeof msg; i++) {
			const size_t j = i + (sizeof msg - i) / 3;
			const struct kith_span parts[] = { test_span(msg, i), contract_nothing,
							   test_span(msg + i, j - i),
							   test_span(msg + j, sizeof msg - j) };

			contract_hash(s, h, split, parts, 4);
			assert_memory_equal(whole, split, 32);
		}
		one.len--;
		contract_hash(s, h, split, &one, 1);
		assert_memory_not_equal(whole, split, 32);
	}
}

static inline void contract_hashes_change_with_every_bit(const struct kith_suite *s)
{
	uint8_t msg[70] = { 0 }, first[32], other[32];
	const struct kith_span part = test_span(msg, sizeof msg);
	for (int h = 0; h < CONTRACT_HASHES; h++) {
		contract_hash(s, h, first, &part, 1);
		for (size_t bit = 0; bit < 8 * sizeof msg; bit++) {
			contract_flip(msg, bit);
			contract_hash(s, h, other, &part, 1);
			assert_memory_not_equal(first, other, 32);
			/* Every word of the output, since keys of tables are made of single words. */
			for (size_t w = 0; w < 32; w += 8)
				assert_memory_not_equal(first + w, other + w, 8);
			contract_flip(msg, bit);
		}
	}
}

static inline void contract_hashes_of_zeros_differ_by_length(const struct kith_suite *s)
{
	static const uint8_t zeros[64];
	uint8_t seen[65][32];
	for (int h = 0; h < CONTRACT_HASHES; h++) {
		for (size_t len = 0; len <= 64; len++) {
			const struct kith_span part = test_span(zeros, len);

			contract_hash(s, h, seen[len], &part, 1);
			for (size_t i = 0; i < len; i++)
				assert_memory_not_equal(seen[i], seen[len], 32);
		}
	}
}

static inline void contract_hashes_take_their_own_output_as_a_part(const struct kith_suite *s)
{
	uint8_t h[32], copy[32], expected[32];
	const struct kith_span chained[] = { test_span(h, 32), test_span("x", 1) };
	const struct kith_span plain[] = { test_span(copy, 32), test_span("x", 1) };
	for (int which = 0; which < CONTRACT_HASHES; which++) {
		memset(h, 3, sizeof h);
		memcpy(copy, h, sizeof h);
		contract_hash(s, which, expected, plain, 2);
		contract_hash(s, which, h, chained, 2);
		assert_memory_equal(h, expected, 32);
	}
}

static inline void contract_blake2b_depends_on_key_and_length(const struct kith_suite *s)
{
	static const uint8_t key[64] = { 1 };
	const struct kith_span part = test_span("abc", 3);
	uint8_t out[64], other[64];
	s->blake2b(out, 64, contract_nothing, &part, 1);
	s->blake2b(other, 32, contract_nothing, &part, 1);
	assert_memory_not_equal(out, other, 32);
	for (size_t len = 1; len <= sizeof key; len++) {
		s->blake2b(other, 64, test_span(key, len), &part, 1);
		assert_memory_not_equal(out, other, 64);
		memcpy(out, other, sizeof out);
	}
	/* Exactly the bytes asked for. */
	for (size_t len = 16; len < 64; len++) {
		memset(out, 0xa5, sizeof out);
		s->blake2b(out, len, contract_nothing, &part, 1);
		assert_int_equal(out[len], 0xa5);
	}
}

static inline void contract_a_signature_counts_for_its_label_only(const struct kith_suite *s)
{
	static const char *const labels[] = { KITH_SIGN_ISSUER,	   KITH_SIGN_NAME,	 KITH_SIGN_DEVICE,
					      KITH_SIGN_DEVICES,   KITH_SIGN_REVOCATION, KITH_SIGN_RECORD,
					      KITH_SIGN_VANISH,	   KITH_SIGN_MEMBER,	 KITH_SIGN_CHALLENGE,
					      KITH_SIGN_ENROL,	   KITH_SIGN_ATTEST,	 KITH_SIGN_BUSY,
					      KITH_SIGN_HELP_TOKEN };
	const size_t n = sizeof labels / sizeof labels[0];
	const struct kith_span msg = test_span("message", 7);
	uint8_t seed[32] = { 4 }, pk[32], sk[64], sig[64];
	s->sign_keypair(pk, sk, seed);
	for (size_t i = 0; i < n; i++) {
		kith_sign(s, sig, labels[i], msg, sk);
		for (size_t j = 0; j < n; j++)
			assert_int_equal(kith_verify(s, sig, labels[j], msg, pk), i == j ? 0 : KITH_ESIGNATURE);
		assert_int_equal(s->verify(sig, msg.p, msg.len, pk), KITH_ESIGNATURE);
		assert_int_equal(kith_verify(s, sig, labels[i], test_span("messagf", 7), pk), KITH_ESIGNATURE);
	}
	/* The label's end is part of what is signed: no byte can move from label to message. */
	kith_sign(s, sig, "ab", test_span("c", 1), sk);
	assert_int_equal(kith_verify(s, sig, "a", test_span("bc", 2), pk), KITH_ESIGNATURE);
	assert_int_equal(kith_verify(s, sig, "abc", contract_nothing, pk), KITH_ESIGNATURE);
	assert_int_equal(kith_verify(s, sig, "ab", test_span("c", 1), pk), 0);
}

/* One cmocka test for each check, of the suite named by the macro SUITE(). */
#define CONTRACT_TEST(check)                                                                                           \
	static void check(void **state)                                                                                \
	{                                                                                                              \
		(void)state;                                                                                           \
		contract_##check(SUITE());                                                                             \
	}
#define CONTRACT_TEST_BOTH_AEADS(check)                                                                                \
	static void check(void **state)                                                                                \
	{                                                                                                              \
		(void)state;                                                                                           \
		contract_##check(SUITE(), false);                                                                      \
		contract_##check(SUITE(), true);                                                                       \
	}
#define CONTRACT_TESTS(PLAIN, AEADS)                                                                                   \
	PLAIN(dh_is_symmetric)                                                                                         \
	PLAIN(dh_refuses_the_zero_key)                                                                                 \
	PLAIN(signatures_fail_for_any_changed_bit)                                                                     \
	PLAIN(an_empty_message_can_be_signed)                                                                          \
	PLAIN(hashes_see_the_concatenation_only)                                                                       \
	PLAIN(hashes_change_with_every_bit)                                                                            \
	PLAIN(hashes_of_zeros_differ_by_length)                                                                        \
	PLAIN(hashes_take_their_own_output_as_a_part)                                                                  \
	PLAIN(blake2b_depends_on_key_and_length)                                                                       \
	PLAIN(a_signature_counts_for_its_label_only)                                                                   \
	PLAIN(a_mask_changes_with_every_bit)                                                                           \
	AEADS(open_gives_back_what_was_sealed)                                                                         \
	AEADS(open_refuses_any_changed_bit)                                                                            \
	AEADS(open_refuses_other_lengths)                                                                              \
	AEADS(a_failed_open_leaves_no_plaintext)
/* The entries as a list, each followed by a comma. */
#define CONTRACT_ENTRY(check) cmocka_unit_test(check),

#endif
