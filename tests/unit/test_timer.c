#include "support.h"

#include "base/timer.h"

enum { TIMERS = 200, ROUNDS = 20000 };

struct fixture {
	struct test_alloc alloc;
	struct kith_timers ts;
};

static int setup(void **state)
{
	static struct fixture f;
	test_alloc_init(&f.alloc);
	kith_timers_init(&f.ts, &f.alloc.alloc);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	assert_true(kith_timers_next(&f->ts) == KITH_TIME_NEVER); /* one that is set lies in a frame that is gone */
	kith_timers_deinit(&f->ts);
	test_alloc_check(&f->alloc);
	return 0;
}

static void an_empty_heap_costs_nothing_and_is_never_due(void **state)
{
	struct fixture *f = *state;
	assert_true(kith_timers_next(&f->ts) == KITH_TIME_NEVER);
	assert_null(kith_timers_pop(&f->ts, KITH_TIME_NEVER));
	assert_int_equal(f->alloc.live_bytes, 0);
}

static void equal_deadlines_fire_in_the_order_they_were_set(void **state)
{
	struct fixture *f = *state;
	struct kith_timer t[TIMERS] = { { 0 } };
	for (unsigned i = 0; i < TIMERS; i++)
		assert_int_equal(kith_timers_set(&f->ts, &t[i], 50), 0);
	/* Setting again, even to the same time, goes to the end of the queue. */
	assert_int_equal(kith_timers_set(&f->ts, &t[3], 50), 0);
	for (unsigned i = 0; i < TIMERS; i++) {
		if (i != 3)
			assert_ptr_equal(kith_timers_pop(&f->ts, 50), &t[i]);
	}
	assert_ptr_equal(kith_timers_pop(&f->ts, 50), &t[3]);
	assert_null(kith_timers_pop(&f->ts, 50));
}

static void the_order_among_equals_survives_a_wrap_of_the_sequence(void **state)
{
	struct fixture *f = *state;
	struct kith_timer t[64] = { { 0 } };
	f->ts.next_seq = UINT32_MAX - 30;
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(kith_timers_set(&f->ts, &t[i], 7), 0);
	for (unsigned i = 0; i < 64; i++)
		assert_ptr_equal(kith_timers_pop(&f->ts, 7), &t[i]);
}

static void pop_gives_nothing_before_the_deadline(void **state)
{
	struct fixture *f = *state;
	struct kith_timer t = { 0 };
	assert_int_equal(kith_timers_set(&f->ts, &t, 100), 0);
	assert_true(kith_timer_is_set(&t));
	assert_null(kith_timers_pop(&f->ts, 99));
	assert_true(kith_timers_next(&f->ts) == 100);
	assert_ptr_equal(kith_timers_pop(&f->ts, 100), &t);
	assert_false(kith_timer_is_set(&t));
	assert_null(kith_timers_pop(&f->ts, 100));
}

static void setting_to_never_stops(void **state)
{
	struct fixture *f = *state;
	struct kith_timer t = { 0 };
	assert_int_equal(kith_timers_set(&f->ts, &t, KITH_TIME_NEVER), 0);
	assert_false(kith_timer_is_set(&t));
	assert_int_equal(kith_timers_set(&f->ts, &t, 5), 0);
	assert_int_equal(kith_timers_set(&f->ts, &t, KITH_TIME_NEVER), 0);
	assert_false(kith_timer_is_set(&t));
	kith_timers_stop(&f->ts, &t);
	assert_true(kith_timers_next(&f->ts) == KITH_TIME_NEVER);
}

static void deinit_leaves_timers_unset(void **state)
{
	struct fixture *f = *state;
	struct kith_timer t[9] = { { 0 } };
	for (unsigned i = 0; i < 9; i++)
		assert_int_equal(kith_timers_set(&f->ts, &t[i], i), 0);
	kith_timers_deinit(&f->ts);
	for (unsigned i = 0; i < 9; i++)
		assert_false(kith_timer_is_set(&t[i]));
}

static void a_failed_growth_leaves_the_heap_as_it_was(void **state)
{
	struct fixture *f = *state;
	struct kith_timer t[TIMERS] = { { 0 } };
	unsigned n = 0, failures = 0;
	while (n < TIMERS) {
		f->alloc.fail_after = 0;
		int err = kith_timers_set(&f->ts, &t[n], (kith_time_us)(TIMERS - n));
		f->alloc.fail_after = -1;
		if (err != 0) {
			assert_int_equal(err, KITH_ENOMEM);
			assert_false(kith_timer_is_set(&t[n]));
			assert_int_equal(f->ts.n, n);
			assert_int_equal(kith_timers_set(&f->ts, &t[n], (kith_time_us)(TIMERS - n)), 0);
			failures++;
		}
		n++;
	}
	assert_true(failures > 3);
	while (n-- > 0)
		assert_ptr_equal(kith_timers_pop(&f->ts, TIMERS), &t[n]);
}

static void a_reserved_heap_never_fails(void **state)
{
	struct fixture *f = *state;
	struct kith_timer t[TIMERS] = { { 0 } };
	f->alloc.fail_after = 0;
	assert_int_equal(kith_timers_reserve(&f->ts, TIMERS), KITH_ENOMEM);
	f->alloc.fail_after = -1;
	assert_int_equal(kith_timers_reserve(&f->ts, TIMERS), 0);
	f->alloc.fail_after = 0;
	assert_int_equal(kith_timers_reserve(&f->ts, TIMERS / 2), 0);
	for (unsigned i = 0; i < TIMERS; i++)
		assert_int_equal(kith_timers_set(&f->ts, &t[i], i), 0);
	/* Moving one that is in needs no room either. */
	assert_int_equal(kith_timers_set(&f->ts, &t[0], 1000), 0);
	f->alloc.fail_after = -1;
	assert_int_equal(kith_timers_reserve(&f->ts, UINT32_MAX), KITH_ENOMEM);
	kith_timers_deinit(&f->ts); /* before the timers go */
}

/* The model: an array searched from end to end; order is when it was last set. */
struct model {
	kith_time_us at[TIMERS];
	uint64_t order[TIMERS];
};

static int model_first(const struct model *m)
{
	int best = -1;
	for (int i = 0; i < TIMERS; i++) {
		if (m->at[i] == KITH_TIME_NEVER)
			continue;
		if (best < 0 || m->at[i] < m->at[best] || (m->at[i] == m->at[best] && m->order[i] < m->order[best]))
			best = i;
	}
	return best;
}

static void heap_agrees_with_a_naive_model(void **state)
{
	struct fixture *f = *state;
	struct kith_timer t[TIMERS] = { { 0 } };
	struct model m;
	struct test_random rnd;
	for (int i = 0; i < TIMERS; i++)
		m.at[i] = KITH_TIME_NEVER;
	test_random_init(&rnd, 1);
	f->ts.next_seq = UINT32_MAX - ROUNDS / 4;
	unsigned popped = 0;
	kith_time_us now = 0;
	for (uint64_t round = 0; round < ROUNDS; round++) {
		uint64_t r = test_random_next(&rnd);
		unsigned i = (unsigned)(r >> 8) % TIMERS;
		if (r % 8 < 5) {
			m.at[i] = now + (kith_time_us)((r >> 32) % 64); /* few values, many ties */
			m.order[i] = round;
			assert_int_equal(kith_timers_set(&f->ts, &t[i], m.at[i]), 0);
		} else if (r % 8 < 6) {
			m.at[i] = KITH_TIME_NEVER;
			kith_timers_stop(&f->ts, &t[i]);
		} else {
			now += (kith_time_us)((r >> 32) % 4);
			struct kith_timer *got;
			while ((got = kith_timers_pop(&f->ts, now)) != NULL) {
				int want = model_first(&m);
				assert_ptr_equal(got, &t[want]);
				assert_true(m.at[want] <= now);
				m.at[want] = KITH_TIME_NEVER;
				popped++;
			}
		}
		int first = model_first(&m);
		assert_true(kith_timers_next(&f->ts) == (first < 0 ? KITH_TIME_NEVER : m.at[first]));
		assert_int_equal(kith_timer_is_set(&t[i]), m.at[i] != KITH_TIME_NEVER);
	}
	assert_true(popped > 1000);
	kith_timers_deinit(&f->ts);
}

static void the_owner_is_found_from_its_timer(void **state)
{
	(void)state;
	struct owner {
		int before;
		struct kith_timer timer;
	} owner = { 0 };
	assert_ptr_equal(KITH_CONTAINER_OF(&owner.timer, struct owner, timer), &owner);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_empty_heap_costs_nothing_and_is_never_due, setup, teardown),
		cmocka_unit_test_setup_teardown(equal_deadlines_fire_in_the_order_they_were_set, setup, teardown),
		cmocka_unit_test_setup_teardown(the_order_among_equals_survives_a_wrap_of_the_sequence, setup,
						teardown),
		cmocka_unit_test_setup_teardown(pop_gives_nothing_before_the_deadline, setup, teardown),
		cmocka_unit_test_setup_teardown(setting_to_never_stops, setup, teardown),
		cmocka_unit_test_setup_teardown(deinit_leaves_timers_unset, setup, teardown),
		cmocka_unit_test_setup_teardown(a_failed_growth_leaves_the_heap_as_it_was, setup, teardown),
		cmocka_unit_test_setup_teardown(a_reserved_heap_never_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(heap_agrees_with_a_naive_model, setup, teardown),
		cmocka_unit_test(the_owner_is_found_from_its_timer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
