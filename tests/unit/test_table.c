#include "support.h"

#include "base/table.h"

enum { ELEMENTS = 300, ROUNDS = 40000 };

struct element {
	uint32_t before;
	uint16_t key;
	uint16_t after;
};

struct fixture {
	struct test_alloc alloc;
	struct kith_table table;
	struct element e[ELEMENTS];
};

static const uint64_t seed[2] = { 1, 2 };

static void fixture_init(struct fixture *f, uint32_t max)
{
	test_alloc_init(&f->alloc);
	kith_table_init(&f->table, &f->alloc.alloc, max, KITH_TABLE_KEY(struct element, key), seed);
	for (unsigned i = 0; i < ELEMENTS; i++)
		f->e[i] = (struct element){ .before = i, .key = (uint16_t)(i * 7), .after = (uint16_t)i };
}

static void fixture_deinit(struct fixture *f)
{
	kith_table_deinit(&f->table);
	test_alloc_check(&f->alloc);
}

static void hash_is_siphash_2_4(void **state)
{
	(void)state;
	/* Appendix A of the SipHash paper, and the first entries of its reference vectors. */
	static const uint64_t vectors[] = { 0x726fdb47dd0e0e31u, 0x74f839c593dc67fdu, 0x0d6c8009d9a94f5au,
					    0x85676696d7fb7e2du };
	const uint64_t key[2] = { 0x0706050403020100u, 0x0f0e0d0c0b0a0908u };
	uint8_t in[15];
	for (uint8_t i = 0; i < sizeof in; i++)
		in[i] = i;
	assert_true(kith_hash64(key, in, sizeof in) == 0xa129ca6149be45e5u);
	for (size_t len = 0; len < sizeof vectors / sizeof vectors[0]; len++)
		assert_true(kith_hash64(key, in, len) == vectors[len]);
}

static void hash_depends_on_both_halves_of_the_seed_and_on_the_length(void **state)
{
	(void)state;
	const uint64_t seeds[3][2] = { { 1, 2 }, { 1, 3 }, { 4, 2 } };
	const uint8_t zeros[16] = { 0 };
	assert_true(kith_hash64(seeds[0], zeros, 8) != kith_hash64(seeds[1], zeros, 8));
	assert_true(kith_hash64(seeds[0], zeros, 8) != kith_hash64(seeds[2], zeros, 8));
	for (size_t len = 1; len <= 16; len++)
		assert_true(kith_hash64(seed, zeros, len) != kith_hash64(seed, zeros, len - 1));
}

/* What a table of numbers and one of the same numbers' bytes, lowest first, have in common on every machine. */
struct numbered {
	uint16_t narrow;
	uint32_t middle;
	uint64_t wide;
	uint8_t narrow_bytes[2], middle_bytes[4], wide_bytes[8];
};

static void check_same_order(struct numbered e[], size_t n, struct kith_table_key number, struct kith_table_key bytes)
{
	struct test_alloc alloc;
	struct kith_table a, b;
	uint32_t at_a = 0, at_b = 0;
	test_alloc_init(&alloc);
	kith_table_init(&a, &alloc.alloc, ELEMENTS, number, seed);
	kith_table_init(&b, &alloc.alloc, ELEMENTS, bytes, seed);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(kith_table_put(&a, &e[i]), 0);
		assert_int_equal(kith_table_put(&b, &e[i]), 0);
	}
	for (size_t i = 0; i <= n; i++)
		assert_ptr_equal(kith_table_next(&a, &at_a), kith_table_next(&b, &at_b));
	kith_table_deinit(&a);
	kith_table_deinit(&b);
	test_alloc_check(&alloc);
}

/* Fails on a big-endian machine that hashes a number as it lies in memory. */
static void the_order_of_numbers_is_the_same_on_every_machine(void **state)
{
	(void)state;
	struct numbered e[ELEMENTS];
	for (size_t i = 0; i < ELEMENTS; i++) {
		e[i] = (struct numbered){
			(uint16_t)(i * 7), (uint32_t)i * 70001, i * 700000000001, { 0 }, { 0 }, { 0 }
		};
		for (size_t k = 0; k < 8; k++) {
			e[i].wide_bytes[k] = (uint8_t)(e[i].wide >> (8 * k));
			e[i].middle_bytes[k % 4] = (uint8_t)(e[i].middle >> (8 * (k % 4)));
			e[i].narrow_bytes[k % 2] = (uint8_t)(e[i].narrow >> (8 * (k % 2)));
		}
	}
	check_same_order(e, ELEMENTS, KITH_TABLE_KEY(struct numbered, narrow),
			 KITH_TABLE_KEY(struct numbered, narrow_bytes));
	check_same_order(e, ELEMENTS, KITH_TABLE_KEY(struct numbered, middle),
			 KITH_TABLE_KEY(struct numbered, middle_bytes));
	check_same_order(e, ELEMENTS, KITH_TABLE_KEY(struct numbered, wide),
			 KITH_TABLE_KEY(struct numbered, wide_bytes));
}

static void an_empty_table_costs_nothing(void **state)
{
	(void)state;
	struct fixture f;
	uint16_t key = 0;
	uint32_t it = 0;
	fixture_init(&f, 10);
	assert_null(kith_table_get(&f.table, &key));
	assert_null(kith_table_remove(&f.table, &key));
	assert_null(kith_table_next(&f.table, &it));
	assert_int_equal(f.alloc.live_bytes, 0);
	fixture_deinit(&f);
}

static void a_key_is_in_once(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f, 1);
	struct element twin = f.e[5];
	assert_int_equal(kith_table_put(&f.table, &f.e[5]), 0);
	/* That it is there already matters more than that the table is full. */
	assert_int_equal(kith_table_put(&f.table, &twin), KITH_EEXIST);
	assert_ptr_equal(kith_table_get(&f.table, &twin.key), &f.e[5]);
	assert_ptr_equal(kith_table_remove(&f.table, &twin.key), &f.e[5]);
	assert_null(kith_table_remove(&f.table, &twin.key));
	assert_int_equal(kith_table_put(&f.table, &twin), 0);
	assert_ptr_equal(kith_table_get(&f.table, &twin.key), &twin);
	fixture_deinit(&f);
}

static void a_full_table_refuses_until_one_is_taken_out(void **state)
{
	(void)state;
	struct fixture f;
	for (uint32_t max = 0; max < 20; max++) {
		fixture_init(&f, max);
		for (uint32_t i = 0; i < max; i++)
			assert_int_equal(kith_table_put(&f.table, &f.e[i]), 0);
		assert_int_equal(kith_table_put(&f.table, &f.e[max]), KITH_EFULL);
		assert_null(kith_table_get(&f.table, &f.e[max].key));
		assert_int_equal(f.table.n, max);
		if (max > 0) {
			assert_non_null(kith_table_remove(&f.table, &f.e[0].key));
			assert_int_equal(kith_table_put(&f.table, &f.e[max]), 0);
		}
		fixture_deinit(&f);
	}
}

static void a_failed_growth_leaves_the_table_as_it_was(void **state)
{
	(void)state;
	struct fixture f;
	unsigned failures = 0;
	fixture_init(&f, ELEMENTS);
	for (unsigned i = 0; i < ELEMENTS; i++) {
		f.alloc.fail_after = 0;
		int err = kith_table_put(&f.table, &f.e[i]);
		f.alloc.fail_after = -1;
		if (err != 0) {
			assert_int_equal(err, KITH_ENOMEM);
			failures++;
			for (unsigned j = 0; j < ELEMENTS; j++)
				assert_ptr_equal(kith_table_get(&f.table, &f.e[j].key), j < i ? &f.e[j] : NULL);
			assert_int_equal(kith_table_put(&f.table, &f.e[i]), 0);
		}
		assert_true(f.table.n * 4 <= f.table.cap * 3);
	}
	assert_true(failures > 3);
	fixture_deinit(&f);
}

static void table_agrees_with_a_naive_model(void **state)
{
	(void)state;
	struct fixture f;
	struct test_random rnd;
	bool in[ELEMENTS] = { false };
	uint32_t n = 0;
	fixture_init(&f, ELEMENTS - 40);
	test_random_init(&rnd, 2);
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t r = test_random_next(&rnd);
		unsigned i = (unsigned)(r >> 8) % ELEMENTS;
		/* Alternately filling up and emptying, so that both ends are met. */
		bool put = (r >> 32) % 8 < (round / 2000 % 2 == 0 ? 6u : 2u);
		if (put) {
			int want = in[i] ? KITH_EEXIST : n == ELEMENTS - 40 ? KITH_EFULL : 0;
			assert_int_equal(kith_table_put(&f.table, &f.e[i]), want);
			n += want == 0;
			in[i] = in[i] || want == 0;
		} else {
			assert_ptr_equal(kith_table_remove(&f.table, &f.e[i].key), in[i] ? &f.e[i] : NULL);
			n -= in[i];
			in[i] = false;
		}
		assert_int_equal(f.table.n, n);
		if (round % 16 != 0)
			continue;
		for (unsigned j = 0; j < ELEMENTS; j++)
			assert_ptr_equal(kith_table_get(&f.table, &f.e[j].key), in[j] ? &f.e[j] : NULL);
	}
	fixture_deinit(&f);
}

static void iteration_meets_every_element_once(void **state)
{
	(void)state;
	struct fixture f;
	unsigned seen[ELEMENTS] = { 0 };
	fixture_init(&f, ELEMENTS);
	for (unsigned i = 0; i < ELEMENTS; i++)
		assert_int_equal(kith_table_put(&f.table, &f.e[i]), 0);
	uint32_t it = 0;
	for (struct element *e; (e = kith_table_next(&f.table, &it)) != NULL;)
		seen[e->before]++;
	for (unsigned i = 0; i < ELEMENTS; i++)
		assert_int_equal(seen[i], 1);
	fixture_deinit(&f);
}

static void a_sweep_that_removes_misses_none(void **state)
{
	(void)state;
	struct fixture f;
	for (unsigned n = 1; n < ELEMENTS; n += 7) {
		unsigned seen[ELEMENTS] = { 0 };
		fixture_init(&f, ELEMENTS);
		for (unsigned i = 0; i < n; i++)
			assert_int_equal(kith_table_put(&f.table, &f.e[i]), 0);
		uint32_t it = 0;
		for (struct element *e; (e = kith_table_next(&f.table, &it)) != NULL;) {
			seen[e->before]++;
			if (e->before % 3 == 0)
				continue;
			assert_ptr_equal(kith_table_remove(&f.table, &e->key), e);
			it--;
		}
		for (unsigned i = 0; i < n; i++) {
			assert_true(seen[i] >= 1);
			assert_ptr_equal(kith_table_get(&f.table, &f.e[i].key), i % 3 == 0 ? &f.e[i] : NULL);
		}
		assert_int_equal(f.table.n, (n + 2) / 3);
		fixture_deinit(&f);
	}
}

static void iteration_order_depends_on_the_seed_alone(void **state)
{
	(void)state;
	struct fixture *f = calloc(2, sizeof *f);
	assert_non_null(f);
	for (unsigned k = 0; k < 2; k++) {
		fixture_init(&f[k], ELEMENTS);
		for (unsigned i = 0; i < ELEMENTS; i++)
			assert_int_equal(kith_table_put(&f[k].table, &f[k].e[i]), 0);
	}
	uint32_t it[2] = { 0, 0 };
	for (unsigned i = 0; i < ELEMENTS; i++) {
		struct element *a = kith_table_next(&f[0].table, &it[0]);
		struct element *b = kith_table_next(&f[1].table, &it[1]);
		assert_int_equal(a->before, b->before);
	}
	fixture_deinit(&f[0]);
	fixture_deinit(&f[1]);
	free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hash_is_siphash_2_4),
		cmocka_unit_test(hash_depends_on_both_halves_of_the_seed_and_on_the_length),
		cmocka_unit_test(the_order_of_numbers_is_the_same_on_every_machine),
		cmocka_unit_test(an_empty_table_costs_nothing),
		cmocka_unit_test(a_key_is_in_once),
		cmocka_unit_test(a_full_table_refuses_until_one_is_taken_out),
		cmocka_unit_test(a_failed_growth_leaves_the_table_as_it_was),
		cmocka_unit_test(table_agrees_with_a_naive_model),
		cmocka_unit_test(iteration_meets_every_element_once),
		cmocka_unit_test(a_sweep_that_removes_misses_none),
		cmocka_unit_test(iteration_order_depends_on_the_seed_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
