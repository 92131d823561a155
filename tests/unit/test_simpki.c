/* The simulated authority: what it issues verifies, follows from the seed, and differs between nodes. */
#include "support.h"

#include "identity/cert.h"
#include "identity/trust.h"
#include "sim/simpki.h"
#include "sim/simrandom.h"
#include "sim/suite_sim.h"

#define BASE_S INT64_C(1800000000)

static void both_suites(void (*test)(const struct kith_suite *))
{
	assert_int_equal(kith_suite_sodium_init(), 0);
	test(kith_suite_sim());
	test(kith_suite_sodium());
}

static void check_signatures(const struct kith_suite *suite)
{
	struct kith_simpki pki;
	struct kith_simcredentials c;
	struct kith_chain chain;
	kith_simpki_init(&pki, suite, 9, BASE_S);
	kith_simpki_issue(&pki, 7, "leaf-7", false, &c);
	assert_int_equal(kith_chain_parse(&chain, test_span(c.chain, c.chain_len)), 0);
	assert_int_equal(chain.kind, KITH_CHAIN_FULL);
	assert_string_equal(chain.name.name, "leaf-7");
	assert_int_equal(chain.name.flags, 0);
	assert_memory_equal(chain.device.dh.b, c.device_dh.b, KITH_KEY_LEN);
	assert_int_equal(kith_verify(suite, chain.issuer.s.sig, KITH_SIGN_ISSUER, chain.issuer.s.body, pki.root.pk.b),
			 0);
	assert_int_equal(kith_verify(suite, chain.name.s.sig, KITH_SIGN_NAME, chain.name.s.body, pki.issuer.pk.b), 0);
	assert_int_equal(kith_verify(suite, chain.device.s.sig, KITH_SIGN_DEVICE, chain.device.s.body, c.identity.b),
			 0);
	assert_true(c.devices_len > 0);
	kith_simpki_issue(&pki, 8, "super-8", true, &c);
	assert_int_equal(kith_chain_parse(&chain, test_span(c.chain, c.chain_len)), 0);
	assert_int_equal(chain.name.flags, KITH_NAME_SUPERNODE);
	assert_int_equal(c.devices_len, 0);
}

static void certificates_verify_with_the_suite_that_made_them(void **state)
{
	(void)state;
	both_suites(check_signatures);
}

static void the_same_seed_gives_the_same_bytes_and_another_others(void **state)
{
	(void)state;
	struct kith_simpki one, other;
	struct kith_simcredentials a, b;
	struct kith_key identity, device;
	kith_simpki_init(&one, kith_suite_sim(), 1, BASE_S);
	kith_simpki_init(&other, kith_suite_sim(), 2, BASE_S);
	kith_simpki_issue(&one, 3, "leaf-3", false, &a);
	kith_simpki_issue(&one, 3, "leaf-3", false, &b);
	assert_memory_equal(&a, &b, sizeof a);
	kith_simpki_keys(&one, 3, &identity, &device);
	assert_memory_equal(identity.b, a.identity.b, KITH_KEY_LEN);
	assert_memory_equal(device.b, a.device_dh.b, KITH_KEY_LEN);
	kith_simpki_issue(&other, 3, "leaf-3", false, &b);
	assert_memory_not_equal(a.device.b, b.device.b, sizeof a.device.b);
	kith_simpki_issue(&one, 4, "leaf-3", false, &b);
	assert_memory_not_equal(a.device.b, b.device.b, sizeof a.device.b);
	assert_memory_not_equal(a.identity.b, b.identity.b, KITH_KEY_LEN);
}

static void a_generator_depends_on_seed_stream_and_count_only(void **state)
{
	(void)state;
	struct kith_simrandom a, b;
	uint8_t one[24], two[24];
	kith_simrandom_init(&a, 1, 2);
	kith_simrandom_init(&b, 1, 2);
	a.random.fill(a.random.ctx, one, 24);
	b.random.fill(b.random.ctx, two, 24);
	assert_memory_equal(one, two, 24);
	a.random.fill(a.random.ctx, two, 24);
	assert_memory_not_equal(one, two, 24);
	kith_simrandom_init(&b, 1, 3);
	b.random.fill(b.random.ctx, two, 24);
	assert_memory_not_equal(one, two, 24);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificates_verify_with_the_suite_that_made_them),
		cmocka_unit_test(the_same_seed_gives_the_same_bytes_and_another_others),
		cmocka_unit_test(a_generator_depends_on_seed_stream_and_count_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
