/* The real suite against published vectors and against the contract of every suite; comparing and wiping. */
#include "suite_contract.h"

#define SUITE() kith_suite_sodium()
CONTRACT_TESTS(CONTRACT_TEST, CONTRACT_TEST_BOTH_AEADS)

static void assert_hex(const uint8_t *got, size_t len, const char *hex)
{
	uint8_t want[512];
	assert_int_equal(test_hex(want, sizeof want, hex), len);
	assert_memory_equal(got, want, len);
}

static void sodium_can_be_initialised_again(void **state)
{
	(void)state;
	assert_int_equal(kith_suite_sodium_init(), 0);
	assert_int_equal(kith_suite_sodium_init(), 0);
}

static void x25519_agrees_with_rfc7748(void **state)
{
	const struct kith_suite *s = SUITE();
	uint8_t a[32], b[32], pk[32], shared[32];
	(void)state;
	/* Section 6.1 */
	test_hex(a, sizeof a, "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
	test_hex(b, sizeof b, "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
	s->dh_public(pk, a);
	assert_hex(pk, 32, "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
	assert_int_equal(s->dh(shared, b, pk), 0);
	assert_hex(shared, 32, "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
	s->dh_public(pk, b);
	assert_hex(pk, 32, "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
	assert_int_equal(s->dh(shared, a, pk), 0);
	assert_hex(shared, 32, "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
}

static void x25519_refuses_points_of_small_order(void **state)
{
	/* 0, 1, the two points of order 8, p - 1, p, p + 1 */
	static const char *const points[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	};
	uint8_t sk[32], pk[32], out[32];

	(void)state;
	memset(sk, 0x5a, sizeof sk);
	for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
		test_hex(pk, sizeof pk, points[i]);
		memset(out, 1, sizeof out);
		assert_int_equal(SUITE()->dh(out, sk, pk), KITH_EAUTH);
		assert_true(contract_all_zero(out, sizeof out));
	}
}

static void ed25519_agrees_with_rfc8032(void **state)
{
	/* Section 7.1, tests 1 to 3 */
	static const struct {
		const char *seed, *pk, *msg, *sig;
	} v[] = {
		{ "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
		  "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
		  "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
		  "d25bf5f0595bbe24655141438e7a100b" },
		{ "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
		  "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
		  "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
		  "387b2eaeb4302aeeb00d291612bb0c00" },
		{ "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
		  "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
		  "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
		  "4a7c15e9716ed28dc027beceea1ec40a" },
	};
	const struct kith_suite *s = SUITE();

	(void)state;
	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
		uint8_t seed[32], pk[32], sk[64], msg[8], sig[64];
		const size_t len = test_hex(msg, sizeof msg, v[i].msg);

		test_hex(seed, sizeof seed, v[i].seed);
		s->sign_keypair(pk, sk, seed);
		assert_hex(pk, sizeof pk, v[i].pk);
		s->sign(sig, msg, len, sk);
		assert_hex(sig, sizeof sig, v[i].sig);
		assert_int_equal(s->verify(sig, msg, len, pk), 0);
	}
}

static void ed25519_refuses_the_second_form_of_a_signature(void **state)
{
	uint8_t seed[32] = { 3 }, pk[32], sk[64], sig[64], order[32];
	const struct kith_suite *s = SUITE();
	unsigned carry = 0;
	(void)state;
	test_hex(order, 32, "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
	s->sign_keypair(pk, sk, seed);
	s->sign(sig, seed, sizeof seed, sk);
	assert_int_equal(s->verify(sig, seed, sizeof seed, pk), 0);
	/* S + L satisfies the same equation, so whoever lists signatures as seen could be fooled with it. */
	for (size_t i = 0; i < 32; i++) {
		carry += (unsigned)sig[32 + i] + order[i];
		sig[32 + i] = (uint8_t)carry;
		carry >>= 8;
	}
	assert_int_equal(carry, 0);
	assert_int_equal(s->verify(sig, seed, sizeof seed, pk), KITH_ESIGNATURE);
}

static void chacha20poly1305_agrees_with_rfc8439(void **state)
{
	/* Appendix A.5, whose nonce starts with 32 zero bits */
	static const char text[] =
		"Internet-Drafts are draft documents valid for a maximum of six months and may be updated, "
		"replaced, or obsoleted by other documents at any time. It is inappropriate to use "
		"Internet-Drafts as reference material or to cite them other than as "
		"/\xe2\x80\x9cwork in progress./\xe2\x80\x9d";
	static const char sealed[] =
		"64a0861575861af460f062c79be643bd5e805cfd345cf389f108670ac76c8cb24c6cfc18755d43eea09ee94e382d26b0"
		"bdb7b73c321b0100d4f03b7f355894cf332f830e710b97ce98c8a84abd0b948114ad176e008d33bd60f982b1ff37c855"
		"9797a06ef4f0ef61c186324e2b3506383606907b6a7c02b0f9f6157b53c867e4b9166c767b804d46a59b5216cde7a4e9"
		"9040c5a40433225ee282a1b0a06c523eaf4534d7f83fa1155b0047718cbc546a0d072b04b3564eea1b422273f548271a"
		"0bb2316053fa76991955ebd63159434ecebb4e466dae5a1073a6727627097a1049e617d91d361094fa68f0ff77987130"
		"305beaba2eda04df997b714d6c6f2c29a6ad5cb4022b02709beead9d67890cbb22392336fea1851f38";
	const size_t len = sizeof text - 1;
	uint8_t key[32], ad[12], out[sizeof text + 15], back[sizeof text];

	(void)state;
	test_hex(key, sizeof key, "1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0");
	test_hex(ad, sizeof ad, "f33388860000000000004e91");
	SUITE()->seal(out, key, 0x0807060504030201u, test_span(ad, sizeof ad), (const uint8_t *)text, len);
	assert_hex(out, sizeof out, sealed);
	assert_int_equal(SUITE()->open(back, key, 0x0807060504030201u, test_span(ad, sizeof ad), out, sizeof out), 0);
	assert_memory_equal(back, text, len);
}

static void xchacha20poly1305_agrees_with_the_draft(void **state)
{
	/* draft-irtf-cfrg-xchacha-03, appendix A.3.1 */
	static const char text[] =
		"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
		"sunscreen would be it.";
	static const char sealed[] =
		"bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39"
		"ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
		"21f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49";
	const size_t len = sizeof text - 1;
	uint8_t key[32], nonce[24], ad[12], out[sizeof text + 15], back[sizeof text];

	(void)state;
	for (size_t i = 0; i < sizeof key; i++)
		key[i] = (uint8_t)(0x80 + i);
	for (size_t i = 0; i < sizeof nonce; i++)
		nonce[i] = (uint8_t)(0x40 + i);
	test_hex(ad, sizeof ad, "50515253c0c1c2c3c4c5c6c7");
	SUITE()->xseal(out, key, nonce, test_span(ad, sizeof ad), (const uint8_t *)text, len);
	assert_hex(out, sizeof out, sealed);
	assert_int_equal(SUITE()->xopen(back, key, nonce, test_span(ad, sizeof ad), out, sizeof out), 0);
	assert_memory_equal(back, text, len);
}

static void hashes_agree_with_their_standards(void **state)
{
	const struct kith_span abc[] = { test_span("a", 1), test_span("bc", 2) };
	const struct kith_span what[] = { test_span("what do ya want ", 16), test_span("for nothing?", 12) };
	uint8_t out[64];
	(void)state;
	SUITE()->blake2b(out, 64, contract_nothing, abc, 2); /* RFC 7693, appendix A */
	assert_hex(out, 64,
		   "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
		   "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923");
	/* A key below libsodium's advertised minimum; the figure is Python's hashlib's. */
	SUITE()->blake2b(out, 16, test_span("k", 1), abc, 2);
	assert_hex(out, 16, "6858b7b52110e28dc8e99bd7c341f05e");
	SUITE()->sha256(out, abc, 2); /* FIPS 180-4 */
	assert_hex(out, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	SUITE()->sha256(out, NULL, 0);
	assert_hex(out, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	SUITE()->hmac(out, test_span("Jefe", 4), what, 2); /* RFC 4231, test 2 */
	assert_hex(out, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void secrets_are_equal_only_when_every_bit_is(void **state)
{
	uint8_t a[40], b[40];
	(void)state;
	memset(a, 0x33, sizeof a);
	memcpy(b, a, sizeof b);
	assert_true(kith_equal_secret(a, b, sizeof a));
	assert_true(kith_equal_secret(NULL, NULL, 0));
	for (size_t bit = 0; bit < 8 * sizeof a; bit++) {
		contract_flip(b, bit);
		assert_false(kith_equal_secret(a, b, sizeof a));
		/* Bytes past the length do not count. */
		assert_true(kith_equal_secret(a, b, bit / 8));
		contract_flip(b, bit);
	}
}

static void wiping_zeroes_exactly_the_range(void **state)
{
	uint8_t a[48];
	(void)state;
	for (size_t len = 0; len <= 32; len++) {
		memset(a, 0xff, sizeof a);
		kith_wipe(a + 8, len);
		assert_int_equal(a[7], 0xff);
		assert_true(contract_all_zero(a + 8, len));
		assert_int_equal(a[8 + len], 0xff);
	}
	kith_wipe(NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* clang-format off */
		CONTRACT_TESTS(CONTRACT_ENTRY, CONTRACT_ENTRY)
		/* clang-format on */
		cmocka_unit_test(sodium_can_be_initialised_again),
		cmocka_unit_test(x25519_agrees_with_rfc7748),
		cmocka_unit_test(x25519_refuses_points_of_small_order),
		cmocka_unit_test(ed25519_agrees_with_rfc8032),
		cmocka_unit_test(ed25519_refuses_the_second_form_of_a_signature),
		cmocka_unit_test(chacha20poly1305_agrees_with_rfc8439),
		cmocka_unit_test(xchacha20poly1305_agrees_with_the_draft),
		cmocka_unit_test(hashes_agree_with_their_standards),
		cmocka_unit_test(secrets_are_equal_only_when_every_bit_is),
		cmocka_unit_test(wiping_zeroes_exactly_the_range),
	};
	if (kith_suite_sodium_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
