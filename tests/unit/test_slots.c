#include "support.h"

#include "base/slots.h"

enum { MANY = 70 * KITH_SLOTS_CHUNK }; /* which of the chunks are full takes three words */

struct fixture {
	struct test_alloc alloc;
	struct kith_slots slots;
	uint32_t numbers[MANY];
};

static void fixture_init(struct fixture *f, size_t size)
{
	test_alloc_init(&f->alloc);
	kith_slots_init(&f->slots, &f->alloc.alloc, size);
}

static void fixture_deinit(struct fixture *f)
{
	kith_slots_deinit(&f->slots);
	test_alloc_check(&f->alloc);
}

static void take(struct fixture *f, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		f->numbers[i] = kith_slots_take(&f->slots);
		assert_int_not_equal(f->numbers[i], 0);
		uint64_t *p = kith_slots_at(&f->slots, f->numbers[i]);
		assert_int_equal((uintptr_t)p % 8, 0);
		assert_int_equal(p[0], 0);
		assert_int_equal(p[1], 0);
		p[0] = p[1] = f->numbers[i];
	}
}

static void give(struct fixture *f, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++)
		kith_slots_give(&f->slots, f->numbers[i]);
}

static void each_element_is_its_own_and_stays_where_it_is(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f, 13); /* 16 */
	take(&f, 0, 1);
	const void *first = kith_slots_at(&f.slots, f.numbers[0]);
	take(&f, 1, MANY);
	assert_ptr_equal(kith_slots_at(&f.slots, f.numbers[0]), first);
	assert_null(kith_slots_at(&f.slots, 0));
	for (uint32_t i = 0; i < MANY; i++) {
		const uint64_t *p = kith_slots_at(&f.slots, f.numbers[i]);
		assert_int_equal(p[0], f.numbers[i]);
		assert_int_equal(p[1], f.numbers[i]);
	}
	give(&f, 0, MANY);
	fixture_deinit(&f);
}

static void one_that_was_given_back_is_taken_again_and_is_zero(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f, 16);
	take(&f, 0, MANY);
	const uint32_t low = f.numbers[3], high = f.numbers[MANY - 1];
	give(&f, MANY - 1, MANY);
	give(&f, 40 * KITH_SLOTS_CHUNK, 40 * KITH_SLOTS_CHUNK + 1);
	give(&f, 3, 4);
	take(&f, 3, 4);
	assert_int_equal(f.numbers[3], low); /* the lowest first */
	take(&f, 40 * KITH_SLOTS_CHUNK, 40 * KITH_SLOTS_CHUNK + 1);
	assert_int_equal(f.numbers[40 * KITH_SLOTS_CHUNK], 40 * KITH_SLOTS_CHUNK + 1); /* then the next */
	take(&f, MANY - 1, MANY);
	assert_int_equal(f.numbers[MANY - 1], high);
	assert_int_equal(f.slots.n, MANY);
	give(&f, 0, MANY);
	fixture_deinit(&f);
}

static void chunks_without_elements_are_given_back(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f, 16);
	take(&f, 0, MANY);
	const size_t all = f.alloc.live_bytes;
	give(&f, KITH_SLOTS_CHUNK, 2 * KITH_SLOTS_CHUNK); /* one in the middle ... */
	assert_true(f.alloc.live_bytes <= all - 16 * KITH_SLOTS_CHUNK);
	take(&f, KITH_SLOTS_CHUNK, 2 * KITH_SLOTS_CHUNK); /* ... is made again */
	assert_int_equal(f.alloc.live_bytes, all);
	give(&f, 1, MANY);
	assert_int_equal(f.alloc.live_bytes, 16 * KITH_SLOTS_CHUNK + 8 + f.slots.chunks_cap * sizeof(void *) + 3 * 4);
	give(&f, 0, 1);
	fixture_deinit(&f);
}

static void without_memory_there_is_none_and_nothing_is_lost(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f, 16);
	for (int allowed = 0; allowed < 3; allowed++) {
		f.alloc.fail_after = allowed;
		assert_int_equal(kith_slots_take(&f.slots), 0);
	}
	f.alloc.fail_after = -1;
	take(&f, 0, KITH_SLOTS_CHUNK);
	f.alloc.fail_after = 0;
	assert_int_equal(kith_slots_take(&f.slots), 0);
	f.alloc.fail_after = -1;
	take(&f, KITH_SLOTS_CHUNK, KITH_SLOTS_CHUNK + 1);
	give(&f, 0, KITH_SLOTS_CHUNK + 1);
	fixture_deinit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_element_is_its_own_and_stays_where_it_is),
		cmocka_unit_test(one_that_was_given_back_is_taken_again_and_is_zero),
		cmocka_unit_test(chunks_without_elements_are_given_back),
		cmocka_unit_test(without_memory_there_is_none_and_nothing_is_lost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
