/* The parameters of a network. */
#include "support.h"

#include "identity/params.h"

static const struct kith_seed root = { { 1 } };

static void what_is_made_parses_as_it_was(void **state)
{
	static const uint8_t ext[] = { 9, 1, 77 }; /* a parameter of a later version */
	uint8_t buf[KITH_PARAMS_LEN_MAX];
	const struct kith_params p = {
		.number = 3, .issued_s = 1000, .eligible = KITH_ELIGIBLE_CERTIFIED, .s.ext = { ext, sizeof ext }
	};
	struct kith_params got;
	struct kith_key key;
	struct kith_id network;
	(void)state;
	int len = kith_params_make(buf, &p, &root);
	assert_int_equal(len, 89 + sizeof ext);
	assert_int_equal(kith_params_parse(&got, test_span(buf, (size_t)len)), 0);
	kith_seed_public(&key, &root);
	kith_network_id(&network, &key);
	assert_memory_equal(got.network, network.b, sizeof got.network);
	assert_true(got.number == 3 && got.issued_s == 1000 && got.eligible == KITH_ELIGIBLE_CERTIFIED);
	assert_int_equal(got.s.ext.len, sizeof ext);
	assert_int_equal(kith_object_verify(kith_suite_sodium(), &got.s, KITH_SIGN_PARAMS, &key), 0);
	for (int cut = 1; cut < len; cut++)
		assert_int_not_equal(kith_params_parse(&got, test_span(buf, (size_t)(len - cut))), 0);
}

static void a_number_of_nothing_and_a_critical_extension_are_refused(void **state)
{
	static const uint8_t ext[] = { 0x80 | 9, 0 };
	uint8_t buf[KITH_PARAMS_LEN_MAX];
	struct kith_params p = { .issued_s = 1000 }, got;
	(void)state;
	assert_int_equal(kith_params_make(buf, &p, &root), KITH_EINVAL);
	p.number = 1;
	p.issued_s = -1;
	assert_int_equal(kith_params_make(buf, &p, &root), KITH_EINVAL);
	p.issued_s = 0;
	int len = kith_params_make(buf, &p, &root);
	assert_true(len > 0);
	buf[17] = 0; /* its number's last byte */
	assert_int_equal(kith_params_parse(&got, test_span(buf, (size_t)len)), KITH_EPROTO);
	p.s.ext = test_span(ext, sizeof ext);
	len = kith_params_make(buf, &p, &root);
	assert_true(len > 0);
	assert_int_equal(kith_params_parse(&got, test_span(buf, (size_t)len)), KITH_ENOTSUP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_made_parses_as_it_was),
		cmocka_unit_test(a_number_of_nothing_and_a_critical_extension_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
