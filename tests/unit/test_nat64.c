/* Addresses for a NAT64: only public ones, with the v4 one at the end. */
#include "path/nat64.h"

#include "support.h"

static struct kith_addr addr(const char *text)
{
	struct kith_addr a;
	assert_int_equal(kith_addr_parse(&a, text), 0);
	return a;
}

static void a_public_address_is_wrapped_with_its_port(void **state)
{
	(void)state;
	struct kith_addr a = addr("11.1.0.1:4433"), wanted = addr("[64:ff9b::b01:1]:4433");
	assert_false(kith_nat64_is(&a));
	assert_true(kith_nat64_wrap(&a));
	assert_memory_equal(&a, &wanted, sizeof a);
	assert_true(kith_nat64_is(&a));
}

static void what_no_translator_reaches_stays_as_it_is(void **state)
{
	(void)state;
	const char *const others[] = { "192.168.1.2:1", "100.64.0.2:1", "127.0.0.1:1",
				       "169.254.1.1:1", "224.0.0.1:1",	"[2a00:11::1]:1" };
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		struct kith_addr a = addr(others[i]), before = a;
		assert_false(kith_nat64_wrap(&a));
		assert_memory_equal(&a, &before, sizeof a);
	}
	struct kith_addr inside = addr("[64:ff9b::c0a8:102]:1"), other = addr("[64:ff9b:1::b01:1]:1");
	assert_false(kith_nat64_is(&inside));
	assert_false(kith_nat64_is(&other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_public_address_is_wrapped_with_its_port),
		cmocka_unit_test(what_no_translator_reaches_stays_as_it_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
