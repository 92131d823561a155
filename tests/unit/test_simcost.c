/* The counted suite: it does what the simulated one does, and says what that would have cost. */
#include "support.h"

#include "sim/simcost.h"
#include "sim/suite_sim.h"

static const uint8_t key[32] = { 7 };

static void every_primitive_has_its_price(void **state)
{
	const struct kith_suite *s = kith_suite_simcost();
	const struct kith_span none = { NULL, 0 };
	uint8_t pk[32], sk[64], out[64], sig[64], sealed[1216], text[1200] = { 1 };
	uint8_t mask[KITH_MASK_LEN];
	(void)state;
	(void)kith_simcost_take_ns();
	s->dh_public(pk, key);
	assert_int_equal(kith_simcost_take_ns(), KITH_SIMCOST_DH_PUBLIC_NS);
	assert_int_equal(s->dh(out, key, pk), 0);
	assert_int_equal(kith_simcost_take_ns(), KITH_SIMCOST_DH_NS);
	s->sign_keypair(pk, sk, key);
	assert_int_equal(kith_simcost_take_ns(), KITH_SIMCOST_DH_PUBLIC_NS);
	s->sign(sig, text, 10, sk);
	assert_int_equal(kith_simcost_take_ns(), KITH_SIMCOST_SIGN_NS);
	assert_int_equal(s->verify(sig, text, 10, pk), 0);
	assert_int_equal(kith_simcost_take_ns(), KITH_SIMCOST_VERIFY_NS);
	s->seal(sealed, key, 1, none, text, sizeof text);
	assert_int_equal(kith_simcost_take_ns(), KITH_SIMCOST_AEAD_NS + sizeof text / 2);
	assert_int_equal(s->open(sealed, key, 1, none, sealed, sizeof sealed), 0);
	assert_int_equal(kith_simcost_take_ns(), KITH_SIMCOST_AEAD_NS + sizeof sealed / 2);
	s->blake2b(out, 32, none, NULL, 0);
	assert_int_equal(kith_simcost_take_ns(), KITH_SIMCOST_BLAKE2B_NS);
	s->sha256(out, NULL, 0);
	assert_int_equal(kith_simcost_take_ns(), KITH_SIMCOST_SHA256_NS);
	s->hmac(out, none, NULL, 0);
	assert_int_equal(kith_simcost_take_ns(), KITH_SIMCOST_HMAC_NS);
	s->mask(mask, key, text);
	assert_int_equal(kith_simcost_take_ns(), KITH_SIMCOST_MASK_NS);
}

static void what_is_spent_adds_up_until_it_is_taken(void **state)
{
	const struct kith_suite *s = kith_suite_simcost();
	const struct kith_span none = { NULL, 0 };
	const uint8_t nonce[KITH_XNONCE_LEN] = { 3 };
	uint8_t sealed[116], text[100] = { 1 };
	(void)state;
	(void)kith_simcost_take_ns();
	s->xseal(sealed, key, nonce, none, text, sizeof text);
	assert_int_equal(s->xopen(text, key, nonce, none, sealed, sizeof sealed), 0);
	assert_int_equal(kith_simcost_take_ns(), 2 * KITH_SIMCOST_AEAD_NS + 50 + 58);
	assert_int_equal(kith_simcost_take_ns(), 0);
}

/* A failure costs as much, and stays one. */
static void counts_what_fails(void **state)
{
	const struct kith_suite *s = kith_suite_simcost();
	const struct kith_span none = { NULL, 0 };
	uint8_t sealed[40] = { 9 }, out[64], zero[32] = { 0 };
	(void)state;
	(void)kith_simcost_take_ns();
	assert_int_equal(s->open(out, key, 1, none, sealed, sizeof sealed), KITH_EAUTH);
	assert_int_equal(s->dh(out, key, zero), KITH_EAUTH);
	assert_int_equal(kith_simcost_take_ns(), KITH_SIMCOST_AEAD_NS + 20 + KITH_SIMCOST_DH_NS);
}

static void gives_the_bytes_of_the_suite_beneath(void **state)
{
	uint8_t ours[32], theirs[32];
	const struct kith_span part = { key, sizeof key }, none = { NULL, 0 };
	(void)state;
	kith_suite_simcost()->blake2b(ours, sizeof ours, none, &part, 1);
	kith_suite_sim()->blake2b(theirs, sizeof theirs, none, &part, 1);
	assert_memory_equal(ours, theirs, sizeof ours);
	kith_suite_simcost()->dh_public(ours, key);
	kith_suite_sim()->dh_public(theirs, key);
	assert_memory_equal(ours, theirs, sizeof ours);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_primitive_has_its_price),
		cmocka_unit_test(what_is_spent_adds_up_until_it_is_taken),
		cmocka_unit_test(counts_what_fails),
		cmocka_unit_test(gives_the_bytes_of_the_suite_beneath),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
