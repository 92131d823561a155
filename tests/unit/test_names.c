/* Names of sessions: they lead back to their session, and say nothing to others. */
#include "support.h"

#include "session/names.h"

static const uint64_t secret[2] = { 0x0102030405060708, 0x1112131415161718 };

static void each_name_leads_back_to_its_index_and_number(void **state)
{
	static const uint32_t indexes[] = { 1, 0xffffff, 0x7f000001, 0xff123456, 0xffffffff };
	struct kith_names ns;
	uint32_t number;
	(void)state;
	kith_names_init(&ns, secret);
	for (uint32_t i = 0; i < 5000; i++) {
		uint32_t index = indexes[i % 5];
		uint64_t name = kith_names_new(&ns, index);
		assert_true(name != 0);
		assert_int_equal(name >> 56, index >> 24);
		assert_int_equal(kith_names_index(&ns, name, &number), index);
		assert_int_equal(number, i);
	}
}

static void the_numbers_go_on_when_they_wrap(void **state)
{
	struct kith_names ns;
	uint32_t number;
	(void)state;
	kith_names_init(&ns, secret);
	ns.next = UINT32_MAX;
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(kith_names_index(&ns, kith_names_new(&ns, 9), &number), 9);
		assert_int_equal(number, UINT32_MAX + i);
	}
}

static unsigned bits(uint64_t v)
{
	unsigned n = 0;
	for (; v != 0; v &= v - 1)
		n++;
	return n;
}

/* Two names of one session differ as much as two of different ones: by half of 56 bits. */
static void names_of_one_session_are_no_nearer_than_those_of_others(void **state)
{
	enum { N = 2000 };
	struct kith_names ns;
	unsigned same = 0, other = 0, of_bit[56] = { 0 };
	(void)state;
	kith_names_init(&ns, secret);
	for (uint32_t i = 0; i < N; i++) {
		uint64_t a = kith_names_new(&ns, 0x1234), b = kith_names_new(&ns, 0x1234),
			 c = kith_names_new(&ns, 0x1235 + i);
		same += bits(a ^ b);
		other += bits(b ^ c);
		for (unsigned k = 0; k < 56; k++)
			of_bit[k] += (a ^ b) >> k & 1;
	}
	assert_in_range(same, 28 * N - N / 2, 28 * N + N / 2);
	assert_in_range(other, 28 * N - N / 2, 28 * N + N / 2);
	for (unsigned k = 0; k < 56; k++) /* 4.5 standard deviations */
		assert_in_range(of_bit[k], N / 2 - 100, N / 2 + 100);
}

static void who_has_another_secret_reads_other_indexes(void **state)
{
	const uint64_t theirs[2] = { secret[0], secret[1] ^ 1 };
	struct kith_names ns, other;
	uint32_t number, hits = 0;
	(void)state;
	kith_names_init(&ns, secret);
	kith_names_init(&other, theirs);
	for (int i = 0; i < 1000; i++)
		hits += kith_names_index(&other, kith_names_new(&ns, 77), &number) == 77;
	assert_int_equal(hits, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_name_leads_back_to_its_index_and_number),
		cmocka_unit_test(the_numbers_go_on_when_they_wrap),
		cmocka_unit_test(names_of_one_session_are_no_nearer_than_those_of_others),
		cmocka_unit_test(who_has_another_secret_reads_other_indexes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
