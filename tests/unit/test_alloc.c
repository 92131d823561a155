#include "support.h"

#include "base/alloc.h"

static void new_memory_is_zeroed_and_freed_with_its_exact_length(void **state)
{
	(void)state;
	struct test_alloc t;
	test_alloc_init(&t);
	struct kith_addr *a = KITH_NEW(&t.alloc, struct kith_addr);
	uint32_t *v = KITH_NEW_ARRAY(&t.alloc, uint32_t, 7);
	assert_int_equal(t.live_bytes, sizeof *a + 7 * sizeof *v);
	assert_int_equal(a->family, 0);
	for (size_t i = 0; i < 7; i++)
		assert_int_equal(v[i], 0);
	KITH_FREE(&t.alloc, a);
	KITH_FREE_ARRAY(&t.alloc, v, 7);
	test_alloc_check(&t);
}

static void freeing_null_is_allowed(void **state)
{
	(void)state;
	struct test_alloc t;
	test_alloc_init(&t);
	kith_alloc_free(&t.alloc, NULL, 0);
	kith_alloc_free(&t.alloc, NULL, 12);
	test_alloc_check(&t);
}

static void resizing_keeps_the_bytes(void **state)
{
	(void)state;
	struct test_alloc t;
	test_alloc_init(&t);
	uint8_t *p = kith_alloc_zero(&t.alloc, 4);
	memcpy(p, "abcd", 4);
	p = kith_alloc_resize(&t.alloc, p, 4, 1000);
	assert_memory_equal(p, "abcd", 4);
	p = kith_alloc_resize(&t.alloc, p, 1000, 2);
	assert_memory_equal(p, "ab", 2);
	assert_int_equal(t.live_bytes, 2);
	kith_alloc_free(&t.alloc, p, 2);
	test_alloc_check(&t);
}

static void failures_give_null_and_leave_the_old_block(void **state)
{
	(void)state;
	struct test_alloc t;
	test_alloc_init(&t);
	uint8_t *p = kith_alloc_zero(&t.alloc, 4);
	memcpy(p, "abcd", 4);
	t.fail_after = 0;
	assert_null(kith_alloc_zero(&t.alloc, 1));
	assert_null(kith_alloc_resize(&t.alloc, p, 4, 5));
	assert_memory_equal(p, "abcd", 4);
	kith_alloc_free(&t.alloc, p, 4);
	test_alloc_check(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_memory_is_zeroed_and_freed_with_its_exact_length),
		cmocka_unit_test(freeing_null_is_allowed),
		cmocka_unit_test(resizing_keeps_the_bytes),
		cmocka_unit_test(failures_give_null_and_leave_the_old_block),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
