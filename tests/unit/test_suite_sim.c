/* The simulated suite: the contract of every suite, and what simulations count on besides. */
#include "suite_contract.h"

#include "sim/suite_sim.h"

#define SUITE() kith_suite_sim()
CONTRACT_TESTS(CONTRACT_TEST, CONTRACT_TEST_BOTH_AEADS)

/* Tests that look for plaintext on the wire must go on working: no eight bytes of it survive anywhere. */
static void sealed_bytes_do_not_show_the_plaintext(void **state)
{
	static const uint8_t zeros[256];
	uint8_t key[32] = { 1 }, out[256 + 16];
	struct test_random r;
	(void)state;
	test_random_init(&r, 6);
	for (uint64_t nonce = 0; nonce < 50; nonce++) {
		size_t zero_bytes = 0;

		test_random_fill(&r, key, sizeof key);
		SUITE()->seal(out, key, nonce, contract_nothing, zeros, sizeof zeros);
		for (size_t i = 0; i < sizeof out; i++)
			zero_bytes += out[i] == 0;
		assert_in_range(zero_bytes, 0, 12);
		for (size_t i = 0; i + 16 <= sizeof zeros; i += 8)
			assert_memory_not_equal(out + i, out + i + 8, 8);
	}
}

static void every_key_and_nonce_masks_differently(void **state)
{
	static const uint8_t zeros[32];
	uint8_t key[32] = { 0 }, first[48], other[48];
	(void)state;
	SUITE()->seal(first, key, 0, contract_nothing, zeros, sizeof zeros);
	for (uint64_t nonce = 1; nonce < 100; nonce++) {
		SUITE()->seal(other, key, nonce, contract_nothing, zeros, sizeof zeros);
		for (size_t i = 0; i < sizeof other; i += 8)
			assert_memory_not_equal(first + i, other + i, 8);
	}
	for (size_t bit = 0; bit < 256; bit++) {
		contract_flip(key, bit);
		SUITE()->seal(other, key, 0, contract_nothing, zeros, sizeof zeros);
		for (size_t i = 0; i < sizeof other; i += 8)
			assert_memory_not_equal(first + i, other + i, 8);
		contract_flip(key, bit);
	}
}

static void swapped_blocks_are_refused(void **state)
{
	uint8_t key[32] = { 1 }, text[96], out[112], swap[8], back[96];
	(void)state;
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (uint8_t)i;
	SUITE()->seal(out, key, 1, contract_nothing, text, sizeof text);
	for (size_t i = 0; i < sizeof text; i += 8) {
		for (size_t j = i + 8; j < sizeof text; j += 8) {
			memcpy(swap, out + i, 8);
			memcpy(out + i, out + j, 8);
			memcpy(out + j, swap, 8);
			assert_int_equal(SUITE()->open(back, key, 1, contract_nothing, out, sizeof out), KITH_EAUTH);
			memcpy(swap, out + i, 8);
			memcpy(out + i, out + j, 8);
			memcpy(out + j, swap, 8);
		}
	}
	assert_int_equal(SUITE()->open(back, key, 1, contract_nothing, out, sizeof out), 0);
}

static int compare_words(const void *a, const void *b)
{
	return memcmp(a, b, 8);
}

/* Keys of the directory and ids of nodes are hashes of very similar texts. */
static void hashes_of_consecutive_names_neither_collide_nor_cluster(void **state)
{
	enum { NAMES = 100000, BUCKETS = 256 };
	uint8_t *words = malloc(NAMES * 8), out[32];
	unsigned bucket[BUCKETS] = { 0 };
	char name[24];

	(void)state;
	assert_non_null(words);
	for (int i = 0; i < NAMES; i++) {
		const int len = snprintf(name, sizeof name, "user%d", i);
		const struct kith_span parts[] = { test_span("network", 7), test_span(name, (size_t)len) };

		SUITE()->blake2b(out, sizeof out, contract_nothing, parts, 2);
		memcpy(words + 8 * (size_t)i, out, 8);
		bucket[out[0]]++;
	}
	qsort(words, NAMES, 8, compare_words);
	for (size_t i = 8; i < (size_t)NAMES * 8; i += 8)
		assert_memory_not_equal(words + i - 8, words + i, 8);
	/* 390 a bucket on average, standard deviation 20 */
	for (int i = 0; i < BUCKETS; i++)
		assert_in_range(bucket[i], 290, 490);
	free(words);
}

/* End states of simulations are compared across machines and releases, so the figures must never change by accident. */
static void results_are_the_same_everywhere(void **state)
{
	static const uint8_t zeros[32];
	const struct kith_span part = test_span("abc", 3);
	uint8_t out[32], expected[32], sealed[19];
	(void)state;
	SUITE()->sha256(out, &part, 1);
	test_hex(expected, sizeof expected, "39085d876ffb4c59802661eb7d4262f73b9a2bf0d4d9872b3e30024aeda8467f");
	assert_memory_equal(out, expected, 32);
	SUITE()->dh_public(out, zeros);
	test_hex(expected, sizeof expected, "52a0c4e00642b12a78977c97b664346d43269556fe7d56c479cc2d7209c59129");
	assert_memory_equal(out, expected, 32);
	SUITE()->seal(sealed, zeros, 1, test_span("ad", 2), part.p, part.len);
	test_hex(expected, sizeof expected, "ebac5e46df48608f7e6d4a963c91163dee1c57");
	assert_memory_equal(sealed, expected, sizeof sealed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* clang-format off */
		CONTRACT_TESTS(CONTRACT_ENTRY, CONTRACT_ENTRY)
		/* clang-format on */
		cmocka_unit_test(sealed_bytes_do_not_show_the_plaintext),
		cmocka_unit_test(every_key_and_nonce_masks_differently),
		cmocka_unit_test(swapped_blocks_are_refused),
		cmocka_unit_test(hashes_of_consecutive_names_neither_collide_nor_cluster),
		cmocka_unit_test(results_are_the_same_everywhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
