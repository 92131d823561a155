/* The event queue of the simulator: a total order that depends on keys alone. */
#include "support.h"

#include "sim/simqueue.h"

enum { EVENTS = 5000 };

static struct kith_simevent event(kith_time_us at, uint32_t dst, uint32_t src, uint64_t seq, uint32_t ref)
{
	struct kith_simevent e = { { at, dst, src, seq }, 0, ref };
	return e;
}

static void orders_by_time_then_destination_then_source_then_sequence(void **state)
{
	(void)state;
	static const struct kith_simkey ascending[] = {
		{ -5, 9, 9, 9 },
		{ 1, 0, 0, 0 },
		{ 1, 0, 0, 1 },
		{ 1, 0, 1, 0 },
		{ 1, 0, UINT32_MAX, UINT64_MAX },
		{ 1, 1, 0, 0 },
		{ 1, UINT32_MAX, 0, 0 },
		{ 2, 0, 0, 0 },
		{ INT64_MAX, 0, 0, 0 },
	};
	const size_t n = sizeof ascending / sizeof ascending[0];
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < n; j++) {
			int c = kith_simkey_compare(&ascending[i], &ascending[j]);
			assert_int_equal((c > 0) - (c < 0), (i > j) - (i < j));
		}
	}
}

static void is_empty_at_first_and_after_the_last(void **state)
{
	(void)state;
	struct test_alloc a;
	struct kith_simqueue q;
	struct kith_simevent e = event(3, 1, 1, 1, 77), out;
	test_alloc_init(&a);
	kith_simqueue_init(&q, &a.alloc);
	assert_null(kith_simqueue_peek(&q));
	assert_false(kith_simqueue_pop(&q, &out));
	assert_int_equal(kith_simqueue_push(&q, &e), 0);
	assert_int_equal(kith_simqueue_peek(&q)->ref, 77);
	assert_true(kith_simqueue_pop(&q, &out));
	assert_int_equal(out.ref, 77);
	assert_false(kith_simqueue_pop(&q, &out));
	kith_simqueue_deinit(&q);
	test_alloc_check(&a);
}

/* Puts the same keys in, in an order of the generator's choice, and returns what came out. */
static void run_through(uint64_t shuffle, uint32_t refs[EVENTS])
{
	struct test_alloc a;
	struct test_random r, order;
	struct kith_simqueue q;
	static struct kith_simevent in[EVENTS];
	test_alloc_init(&a);
	test_random_init(&r, 42);
	test_random_init(&order, shuffle);
	kith_simqueue_init(&q, &a.alloc);
	for (uint32_t i = 0; i < EVENTS; i++) {
		uint64_t z = test_random_next(&r);
		in[i] = event((kith_time_us)(z % 50), (uint32_t)(z >> 8) % 7, (uint32_t)(z >> 16) % 7, i, i);
	}
	for (uint32_t i = EVENTS - 1; i > 0; i--) {
		uint32_t j = (uint32_t)(test_random_next(&order) % (i + 1));
		struct kith_simevent swap = in[i];
		in[i] = in[j];
		in[j] = swap;
	}
	for (uint32_t i = 0; i < EVENTS; i++)
		assert_int_equal(kith_simqueue_push(&q, &in[i]), 0);
	struct kith_simevent out, last = event(-1, 0, 0, 0, 0);
	for (uint32_t i = 0; i < EVENTS; i++) {
		assert_true(kith_simqueue_pop(&q, &out));
		assert_true(kith_simkey_compare(&last.key, &out.key) < 0);
		refs[i] = out.ref;
		last = out;
	}
	assert_int_equal(q.peak, EVENTS);
	kith_simqueue_deinit(&q);
	test_alloc_check(&a);
}

static void comes_out_the_same_whatever_order_it_went_in(void **state)
{
	(void)state;
	static uint32_t first[EVENTS], second[EVENTS];
	run_through(1, first);
	run_through(2, second);
	assert_memory_equal(first, second, sizeof first);
}

static void keeps_order_when_pushes_and_pops_alternate(void **state)
{
	(void)state;
	struct test_alloc a;
	struct test_random r;
	struct kith_simqueue q;
	struct kith_simevent out;
	kith_time_us now = 0;
	test_alloc_init(&a);
	test_random_init(&r, 7);
	kith_simqueue_init(&q, &a.alloc);
	uint32_t in = 0, taken = 0;
	for (uint32_t i = 0; i < 20000; i++) {
		uint64_t z = test_random_next(&r);
		if (z % 5 < 3) {
			struct kith_simevent e = event(now + (kith_time_us)(z >> 40) % 1000, (uint32_t)z % 16, 0, i, i);
			assert_int_equal(kith_simqueue_push(&q, &e), 0);
			in++;
		} else if (kith_simqueue_pop(&q, &out)) {
			assert_true(out.key.at >= now);
			now = out.key.at;
			taken++;
		}
	}
	while (kith_simqueue_pop(&q, &out)) {
		assert_true(out.key.at >= now);
		now = out.key.at;
		taken++;
	}
	assert_int_equal(in, taken);
	kith_simqueue_deinit(&q);
	test_alloc_check(&a);
}

/* The same against the plainest of queues, over days and years: events of today, of the days in lists, and beyond. */
static void what_comes_out_is_always_the_least(void **state)
{
	enum { MANY = 400, STEPS = 6000 };
	static const kith_time_us spans[] = { 1, 1000, 20000, 30000000, 100000000, 90000000000, 31000000000000 };
	(void)state;
	struct test_alloc a;
	struct test_random r;
	struct kith_simqueue q;
	static struct kith_simevent held[MANY];
	struct kith_simevent out;
	uint32_t n = 0;
	kith_time_us now = 0;
	test_alloc_init(&a);
	test_random_init(&r, 11);
	kith_simqueue_init(&q, &a.alloc);
	for (uint32_t i = 0; i < STEPS || n > 0; i++) {
		const uint64_t z = test_random_next(&r);
		if (i < STEPS && n < MANY && z % 9 < 5) {
			const kith_time_us span = spans[(z >> 8) % (sizeof spans / sizeof spans[0])];
			held[n] = event(now + (kith_time_us)((z >> 16) % (uint64_t)span), (uint32_t)(z >> 4) % 3, 0, i,
					i);
			assert_int_equal(kith_simqueue_push(&q, &held[n++]), 0);
			continue;
		}
		uint32_t least = 0;
		for (uint32_t k = 1; k < n; k++)
			least = kith_simkey_compare(&held[k].key, &held[least].key) < 0 ? k : least;
		assert_int_equal(kith_simqueue_pop(&q, &out), n > 0);
		if (n == 0)
			continue;
		assert_int_equal(out.ref, held[least].ref);
		now = out.key.at;
		held[least] = held[--n];
		const struct kith_simevent *next = kith_simqueue_peek(&q);
		assert_int_equal(next != NULL, n > 0);
	}
	kith_simqueue_deinit(&q);
	test_alloc_check(&a);
}

static void keeps_what_it_has_when_memory_runs_out(void **state)
{
	(void)state;
	struct test_alloc a;
	struct kith_simqueue q;
	struct kith_simevent out;
	test_alloc_init(&a);
	kith_simqueue_init(&q, &a.alloc);
	uint32_t n = 0;
	a.fail_after = 1;
	for (;; n++) {
		struct kith_simevent e = event(n, 0, 0, 0, n);
		if (kith_simqueue_push(&q, &e) != 0)
			break;
	}
	assert_true(n > 0);
	for (uint32_t i = 0; i < n; i++) {
		assert_true(kith_simqueue_pop(&q, &out));
		assert_int_equal(out.ref, i);
	}
	kith_simqueue_deinit(&q);
	test_alloc_check(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(orders_by_time_then_destination_then_source_then_sequence),
		cmocka_unit_test(is_empty_at_first_and_after_the_last),
		cmocka_unit_test(comes_out_the_same_whatever_order_it_went_in),
		cmocka_unit_test(keeps_order_when_pushes_and_pops_alternate),
		cmocka_unit_test(what_comes_out_is_always_the_least),
		cmocka_unit_test(keeps_what_it_has_when_memory_runs_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
