#include "support.h"

#include "path/retain.h"

static void put(struct kith_retain *r, struct test_alloc *a, uint64_t counter, size_t len)
{
	uint8_t bytes[1300];
	memset(bytes, (int)(counter & 0xff), sizeof bytes);
	kith_retain_put(r, &a->alloc, counter, 2, test_span(bytes, len));
}

/* Every packet held is whole; returns how many there are. */
static unsigned check(const struct kith_retain *r)
{
	uint64_t from = 0, counter;
	struct kith_span s;
	unsigned n = 0;
	while (kith_retain_get(r, from, &counter, &s)) {
		assert_true(counter >= from && s.len > 0);
		for (size_t i = 0; i < s.len; i++)
			assert_int_equal(s.p[i], counter & 0xff);
		from = counter + 1;
		n++;
	}
	assert_int_equal(n, r->n);
	return n;
}

static void packets_come_back_byte_for_byte_in_order(void **state)
{
	(void)state;
	struct test_alloc a;
	test_alloc_init(&a);
	struct kith_retain r = { 0 };
	for (uint64_t c = 1; c <= 10; c++)
		put(&r, &a, c, (size_t)(100 + c));
	assert_int_equal(check(&r), 10);
	uint64_t counter;
	struct kith_span s;
	assert_true(kith_retain_get(&r, 4, &counter, &s));
	assert_true(counter == 4 && s.len == 104);
	assert_false(kith_retain_get(&r, 11, &counter, &s));
	kith_retain_release(&r, 8);
	assert_int_equal(check(&r), 3);
	kith_retain_release(&r, 100);
	assert_int_equal(check(&r), 0);
	kith_retain_deinit(&r, &a.alloc);
	test_alloc_check(&a);
}

/* A way that was used once would be the same bytes again. */
static void each_way_of_a_packet_is_taken_once(void **state)
{
	(void)state;
	struct test_alloc a;
	test_alloc_init(&a);
	struct kith_retain r = { 0 };
	put(&r, &a, 7, 100);
	put(&r, &a, 9, 100);
	for (unsigned way = 3; way <= KITH_WAYS_MAX; way++)
		assert_int_equal(kith_retain_way(&r, 9), way);
	assert_int_equal(kith_retain_way(&r, 9), 0);
	assert_int_equal(kith_retain_way(&r, 8), 0);
	assert_int_equal(kith_retain_way(&r, 7), 3);
	kith_retain_release(&r, 8);
	assert_int_equal(kith_retain_way(&r, 7), 0);
	kith_retain_deinit(&r, &a.alloc);
	test_alloc_check(&a);
}

static void memory_is_bounded_and_the_oldest_make_room(void **state)
{
	(void)state;
	struct test_alloc a;
	test_alloc_init(&a);
	struct test_random rnd;
	test_random_init(&rnd, 5);
	struct kith_retain r = { 0 };
	for (uint64_t c = 1; c <= 5000; c++) {
		put(&r, &a, c, (size_t)(1 + test_random_next(&rnd) % 1280));
		if (test_random_next(&rnd) % 8 == 0)
			kith_retain_release(&r, c - test_random_next(&rnd) % 70);
		assert_true(a.live_bytes <= KITH_RETAIN_BYTES);
		check(&r);
	}
	for (uint64_t c = 6000; c < 6100; c++)
		put(&r, &a, c, 60);
	assert_int_equal(check(&r), KITH_RETAIN_PACKETS);
	for (uint64_t c = 7000; c < 7100; c++)
		put(&r, &a, c, 1280);
	assert_in_range(check(&r), KITH_RETAIN_BYTES / 1280 - 1, KITH_RETAIN_BYTES / 1280);
	kith_retain_deinit(&r, &a.alloc);
	test_alloc_check(&a);
}

static void small_traffic_takes_little_memory(void **state)
{
	(void)state;
	struct test_alloc a;
	test_alloc_init(&a);
	struct kith_retain r = { 0 };
	for (uint64_t c = 1; c < 1000; c++) {
		put(&r, &a, c, 200);
		if (c > 10)
			kith_retain_release(&r, c - 10);
	}
	assert_int_equal(a.peak_bytes, 4096);
	kith_retain_deinit(&r, &a.alloc);
}

static void without_memory_packets_are_not_kept(void **state)
{
	(void)state;
	for (long fail = 0; fail < 6; fail++) {
		struct test_alloc a;
		test_alloc_init(&a);
		a.fail_after = fail;
		struct kith_retain r = { 0 };
		for (uint64_t c = 1; c < 200; c++) {
			put(&r, &a, c, 1200);
			check(&r);
		}
		assert_int_equal(r.n > 0, fail > 0);
		kith_retain_deinit(&r, &a.alloc);
		test_alloc_check(&a);
	}
}

static void what_is_no_packet_is_not_kept(void **state)
{
	(void)state;
	struct test_alloc a;
	test_alloc_init(&a);
	struct kith_retain r = { 0 };
	put(&r, &a, 1, 0);
	put(&r, &a, 2, 1281);
	assert_int_equal(check(&r), 0);
	assert_int_equal(a.live_bytes, 0);
}

static void the_newest_are_found(void **state)
{
	(void)state;
	struct test_alloc a;
	test_alloc_init(&a);
	struct kith_retain r = { 0 };
	assert_int_equal(kith_retain_newest(&r, 2), 0);
	for (uint64_t c = 10; c < 10 + 3 * KITH_RETAIN_PACKETS; c += 3) { /* round the ring */
		put(&r, &a, c, 100);
		assert_int_equal(kith_retain_newest(&r, 1), c);
		assert_int_equal(kith_retain_newest(&r, 2), c > 10 ? c - 3 : c);
	}
	assert_int_equal(kith_retain_newest(&r, KITH_RETAIN_PACKETS + 1), 10); /* there are no more */
	kith_retain_deinit(&r, &a.alloc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_come_back_byte_for_byte_in_order),
		cmocka_unit_test(each_way_of_a_packet_is_taken_once),
		cmocka_unit_test(memory_is_bounded_and_the_oldest_make_room),
		cmocka_unit_test(small_traffic_takes_little_memory),
		cmocka_unit_test(without_memory_packets_are_not_kept),
		cmocka_unit_test(what_is_no_packet_is_not_kept),
		cmocka_unit_test(the_newest_are_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
