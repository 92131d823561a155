/* The simulator's memory: accounts add up, blocks do not overlap, limits hold. */
#include "support.h"

#include "sim/simalloc.h"

enum { BLOCKS = 600 };

struct block {
	uint8_t *p;
	size_t len;
};

static void *resize(struct kith_simaccount *a, void *p, size_t old_len, size_t new_len)
{
	return a->alloc.realloc_fn(a->alloc.ctx, p, old_len, new_len);
}

static void fill(const struct block *b, uint32_t i)
{
	memset(b->p, (int)(i % 251), b->len);
}

static void check(const struct block *b, uint32_t i)
{
	for (size_t k = 0; k < b->len; k++)
		assert_int_equal(b->p[k], i % 251);
}

/* Allocates, resizes and frees at random on two accounts; every byte must stay what its holder wrote. */
static void churn(bool checked)
{
	struct kith_simpool pool;
	struct kith_simaccount accounts[2];
	struct test_random r;
	static struct block blocks[BLOCKS];
	memset(blocks, 0, sizeof blocks);
	test_random_init(&r, 5);
	kith_simpool_init(&pool, checked);
	kith_simaccount_init(&accounts[0], &pool);
	kith_simaccount_init(&accounts[1], &pool);
	for (uint32_t round = 0; round < 20000; round++) {
		uint64_t z = test_random_next(&r);
		uint32_t i = (uint32_t)(z % BLOCKS);
		struct block *b = &blocks[i];
		size_t len = (z >> 32) % 4 == 0 ? 0 : 1 + (size_t)(z >> 40) % ((z >> 36) % 16 == 0 ? 9000 : 300);
		if (b->p != NULL)
			check(b, i);
		uint8_t *p = resize(&accounts[i % 2], b->p, b->len, len);
		assert_true((p == NULL) == (len == 0));
		for (size_t k = 0; k < (len < b->len ? len : b->len); k++)
			assert_int_equal(p[k], i % 251);
		b->p = p;
		b->len = len;
		if (p != NULL) {
			assert_int_equal((uintptr_t)p % ((len + 7) / 8 % 2 == 0 ? 16 : 8), 0);
			fill(b, i);
		}
		assert_int_equal(accounts[0].live_bytes + accounts[1].live_bytes, pool.live_bytes);
	}
	uint64_t held[2] = { 0, 0 };
	for (uint32_t i = 0; i < BLOCKS; i++)
		held[i % 2] += blocks[i].len;
	assert_int_equal(held[0], accounts[0].live_bytes);
	assert_int_equal(held[1], accounts[1].live_bytes);
	for (uint32_t i = 0; i < BLOCKS; i++)
		(void)resize(&accounts[i % 2], blocks[i].p, blocks[i].len, 0);
	assert_int_equal(pool.live_bytes, 0);
	assert_int_equal(accounts[0].live_blocks, 0);
	assert_true(pool.peak_bytes > 0);
	kith_simpool_deinit(&pool);
}

static void blocks_keep_their_bytes_and_accounts_add_up(void **state)
{
	(void)state;
	churn(false);
}

static void blocks_keep_their_bytes_in_a_checked_pool(void **state)
{
	(void)state;
	churn(true);
}

static void freed_blocks_are_used_again(void **state)
{
	(void)state;
	struct kith_simpool pool;
	struct kith_simaccount a;
	kith_simpool_init(&pool, false);
	kith_simaccount_init(&a, &pool);
	for (int i = 0; i < 100000; i++) {
		void *p = resize(&a, NULL, 0, 1000);
		assert_non_null(p);
		(void)resize(&a, p, 1000, 0);
	}
	assert_true(pool.chunk_bytes <= (uint64_t)1 << 20);
	assert_int_equal(a.peak_bytes, 1000);
	kith_simpool_deinit(&pool);
}

static void refuses_more_than_the_limit_and_keeps_the_block(void **state)
{
	(void)state;
	struct kith_simpool pool;
	struct kith_simaccount a;
	kith_simpool_init(&pool, true);
	kith_simaccount_init(&a, &pool);
	a.limit_bytes = 100;
	uint8_t *p = resize(&a, NULL, 0, 60);
	assert_non_null(p);
	p[59] = 9;
	assert_null(resize(&a, NULL, 0, 41));
	assert_null(resize(&a, p, 60, 101));
	assert_int_equal(p[59], 9);
	p = resize(&a, p, 60, 100);
	assert_non_null(p);
	assert_null(resize(&a, p, 100, 0));
	assert_int_equal(a.live_bytes, 0);
	kith_simpool_deinit(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_keep_their_bytes_and_accounts_add_up),
		cmocka_unit_test(blocks_keep_their_bytes_in_a_checked_pool),
		cmocka_unit_test(freed_blocks_are_used_again),
		cmocka_unit_test(refuses_more_than_the_limit_and_keeps_the_block),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
