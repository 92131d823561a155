/* The replay window: a truth table, the change between narrow and wide, the end of the counters, and a naive model. */
#include "support.h"

#include "crypto/replay.h"

#define END KITH_REPLAY_COUNTER_END
#define W ((uint64_t)KITH_REPLAY_NARROW)
#define WW ((uint64_t)KITH_REPLAY_WIDE)

/* Takes a packet as a session does. */
static bool take(struct kith_replay *r, uint64_t counter)
{
	if (!kith_replay_check(r, counter))
		return false;
	kith_replay_commit(r, counter);
	return true;
}

struct row {
	uint64_t counter;
	bool fresh;
};

static void check_rows(bool wide, const struct row *rows, size_t n)
{
	struct kith_replay r = { 0 };
	struct test_alloc a;
	test_alloc_init(&a);
	if (wide)
		assert_true(kith_replay_widen(&r, &a.alloc));
	for (size_t i = 0; i < n; i++) {
		if (take(&r, rows[i].counter) != rows[i].fresh)
			fail_msg("row %zu (counter %llu, %s): expected %s", i, (unsigned long long)rows[i].counter,
				 wide ? "wide" : "narrow", rows[i].fresh ? "fresh" : "refused");
	}
	kith_replay_narrow(&r, &a.alloc);
	test_alloc_check(&a);
}

#define CHECK_ROWS(wide, rows) check_rows(wide, rows, sizeof(rows) / sizeof(rows)[0])

static void the_narrow_window_follows_its_truth_table(void **state)
{
	/* clang-format off */
	static const struct row rows[] = {
		{ 0, true },	   { 0, false },      { 1, true },	{ 1, false },	  { 7, true },
		{ 5, true },	   { 6, true },	      { 5, false },	{ 7, false },	  { 2, true },
		{ 63, true },	   { 64, true },      { 65, true },	{ 63, false },	  { 64, false },
		{ 127, true },	   { 3, true },	      { 0, false },	{ 128, true }, /* 0 leaves */
		{ 0, false },	   { 1, false },      { 4, true },	{ 8, true },	  { 136, true },
		{ 8, false },	   { 9, true },	      { 9, false },	{ 300, true }, /* all leave, none aliased */
		{ 136, false },	   { 171, false },    { 172, false },	{ 173, true },	  { 173, false },
		{ 300 - 63, true }, { 300 - 64, true }, { 300 - 65, true }, { 299, true }, { 301, true },
		{ 173, false },	   { 174, true },     { 1000000, true }, { 301, false },
		{ 1000000 - 127, true },
		{ 1000000 - 128, false },
	};
	/* clang-format on */

	(void)state;
	CHECK_ROWS(false, rows);
}

static void the_wide_window_follows_its_truth_table(void **state)
{
	/* clang-format off */
	static const struct row rows[] = {
		{ 2047, true },	 { 0, true },	 { 0, false },	  { 2047, false },  { 2048, true }, { 0, false },
		{ 1, true },	 { 3000, true }, { 952, false },  { 953, true },    { 953, false },
		{ 3000 - 2047, false },
		{ 1024, true },	 { 1024, false }, { 3064, true }, { 3000, false },  { 1016, false }, { 1017, true },
		{ 90000, true }, { 3064, false }, { 90000 - 2047, true }, { 90000 - 2048, false },
	};
	/* clang-format on */

	(void)state;
	CHECK_ROWS(true, rows);
}

static void a_window_in_order_takes_every_counter_once(void **state)
{
	struct kith_replay r = { 0 };
	(void)state;
	for (uint64_t c = 0; c < 3 * WW; c++) {
		assert_true(take(&r, c));
		for (uint64_t back = 0; back <= c && back < W + 70; back++)
			assert_false(kith_replay_check(&r, c - back));
	}
}

static void a_window_in_reverse_takes_every_counter_that_it_covers_once(void **state)
{
	struct test_alloc a;
	(void)state;
	test_alloc_init(&a);
	for (int wide = 0; wide < 2; wide++) {
		struct kith_replay r = { 0 };
		const uint64_t size = wide ? WW : W, top = 10007;

		if (wide)
			assert_true(kith_replay_widen(&r, &a.alloc));
		for (uint64_t back = 0; back < size; back++)
			assert_true(take(&r, top - back));
		for (uint64_t back = 0; back < size + 100; back++)
			assert_false(kith_replay_check(&r, top - back));
		kith_replay_narrow(&r, &a.alloc);
	}
	test_alloc_check(&a);
}

/* Every jump up to beyond the size, from every place in a word, must clear what it passes over and nothing else. */
static void a_jump_of_any_length_keeps_what_stays_and_clears_what_enters(void **state)
{
	(void)state;
	for (uint64_t start = 200; start < 264; start++) {
		for (uint64_t jump = 1; jump <= W + 66; jump++) {
			struct kith_replay r = { 0 };

			/* Even counters are taken. */
			for (uint64_t c = start - W - 20; c <= start; c++)
				if (c % 2 == 0 || c == start)
					(void)take(&r, c);
			assert_true(take(&r, start + jump));
			for (uint64_t c = start + jump + 1 - W; c < start + jump; c++) {
				const bool seen = c <= start && (c % 2 == 0 || c == start);

				assert_int_equal(kith_replay_check(&r, c), !seen);
			}
			assert_false(kith_replay_check(&r, start + jump - W));
		}
	}
}

static void checking_changes_nothing(void **state)
{
	struct kith_replay r = { 0 }, before;
	(void)state;
	(void)take(&r, 70);
	memcpy(&before, &r, sizeof r);
	for (uint64_t c = 0; c < 500; c++)
		(void)kith_replay_check(&r, c);
	(void)kith_replay_check(&r, UINT64_MAX);
	assert_memory_equal(&r, &before, sizeof r);
}

static void committing_what_would_not_pass_changes_nothing(void **state)
{
	struct kith_replay r = { 0 }, before;
	(void)state;
	(void)take(&r, 1000);
	(void)take(&r, 990);
	memcpy(&before, &r, sizeof r);
	kith_replay_commit(&r, 1000);
	kith_replay_commit(&r, 990);
	kith_replay_commit(&r, 1000 - W); /* shares its bit with 1000 */
	kith_replay_commit(&r, 999 - W); /* shares its bit with 999 */
	kith_replay_commit(&r, 0);
	kith_replay_commit(&r, END);
	kith_replay_commit(&r, UINT64_MAX);
	assert_memory_equal(&r, &before, sizeof r);
	assert_true(kith_replay_check(&r, 999));
}

static void counters_near_the_end_are_refused_and_top_never_wraps(void **state)
{
	struct test_alloc a;
	(void)state;
	test_alloc_init(&a);
	assert_true(END == (UINT64_C(1) << 48) - 8192);
	for (int wide = 0; wide < 2; wide++) {
		struct kith_replay r = { 0 };
		const uint64_t size = wide ? WW : W;

		if (wide)
			assert_true(kith_replay_widen(&r, &a.alloc));
		assert_true(take(&r, 5));
		assert_false(take(&r, UINT64_MAX));
		assert_false(take(&r, END));
		assert_true(take(&r, 6));
		assert_true(take(&r, END - 2));
		assert_true(take(&r, END - 1));
		assert_false(take(&r, END - 1));
		assert_false(take(&r, END));
		assert_false(take(&r, END + 1));
		assert_false(take(&r, UINT64_MAX - 1));
		assert_false(take(&r, UINT64_MAX));
		assert_true(r.top == END);
		assert_true(take(&r, END - size));
		assert_false(take(&r, END - size));
		assert_false(take(&r, END - size - 1));
		assert_false(take(&r, 0));
		kith_replay_narrow(&r, &a.alloc);
		assert_true(take(&r, END - W + 1));
		assert_false(take(&r, END - W - 1));
	}
	test_alloc_check(&a);
}

static void widening_keeps_what_was_seen_and_what_was_forgotten(void **state)
{
	struct test_alloc a;
	(void)state;
	test_alloc_init(&a);
	for (uint64_t top = 0; top < 5000; top += top < 200 ? 1 : 61) {
		struct kith_replay r = { 0 };

		for (uint64_t c = top > 400 ? top - 400 : 0; c <= top; c++)
			if (c % 3 == 0 || c == top)
				(void)take(&r, c);
		assert_true(kith_replay_widen(&r, &a.alloc));
		for (uint64_t c = 0; c <= top; c++) {
			const bool forgotten = c + W <= top, seen = c % 3 == 0 || c == top;

			assert_int_equal(kith_replay_check(&r, c), !forgotten && !seen);
		}
		/* From now on the wide window counts, and nothing lies in it that was not put there. */
		assert_true(take(&r, top + WW - 1));
		for (uint64_t c = top + 1; c < top + WW - 1; c++)
			assert_true(kith_replay_check(&r, c));
		kith_replay_narrow(&r, &a.alloc);
	}
	test_alloc_check(&a);
}

static void narrowing_keeps_what_was_seen_and_refuses_the_rest(void **state)
{
	struct test_alloc a;
	(void)state;
	test_alloc_init(&a);
	for (uint64_t top = 0; top < 5000; top += top < 200 ? 1 : 61) {
		struct kith_replay r = { 0 };

		assert_true(kith_replay_widen(&r, &a.alloc));
		for (uint64_t c = 0; c <= top; c++)
			if (c % 3 == 0 || c == top)
				(void)take(&r, c);
		kith_replay_narrow(&r, &a.alloc);
		assert_null(r.wide);
		for (uint64_t c = 0; c <= top; c++) {
			const bool forgotten = c + W <= top, seen = c % 3 == 0 || c == top;

			assert_int_equal(kith_replay_check(&r, c), !forgotten && !seen);
		}
		assert_true(take(&r, top + 1));
		assert_false(take(&r, top + 1));
	}
	test_alloc_check(&a);
}

static void without_memory_the_narrow_window_goes_on(void **state)
{
	struct kith_replay r = { 0 };
	struct test_alloc a;
	(void)state;
	test_alloc_init(&a);
	(void)take(&r, 9);
	a.fail_after = 0;
	assert_false(kith_replay_widen(&r, &a.alloc));
	assert_null(r.wide);
	assert_false(take(&r, 9));
	assert_true(take(&r, 8));
	a.fail_after = -1;
	assert_true(kith_replay_widen(&r, &a.alloc));
	assert_int_equal(a.live_bytes, WW / 8);
	/* Asking twice neither leaks nor forgets. */
	assert_true(kith_replay_widen(&r, &a.alloc));
	assert_int_equal(a.live_blocks, 1);
	assert_false(take(&r, 8));
	kith_replay_narrow(&r, &a.alloc);
	kith_replay_narrow(&r, &a.alloc);
	assert_false(take(&r, 8));
	test_alloc_check(&a);
}

/* The model: a plain set of what was committed, and the lowest counter that was never forgotten. */
enum { MODEL_COUNTERS = 1 << 17 };

struct model {
	bool seen[MODEL_COUNTERS];
	uint64_t base; /* counter of seen[0] */
	uint64_t top, floor;
	uint64_t size;
};

static bool model_fresh(const struct model *m, uint64_t c)
{
	return c >= m->floor && c < END && !m->seen[c - m->base];
}

static void model_forget(struct model *m)
{
	if (m->top > m->size && m->top - m->size > m->floor)
		m->floor = m->top - m->size;
}

/* Steps of many kinds: in order, reordered, replayed, jumps, and far outside. */
static uint64_t next_counter(struct test_random *rnd, const struct model *m)
{
	const uint64_t x = test_random_next(rnd), kind = x >> 60, v = x & 0xffffffff;
	uint64_t c = m->top;
	if (kind < 6)
		c = m->top + v % 3;
	else if (kind < 12)
		c = m->top - 1 - v % (kind < 9 ? W + 10 : WW + 10);
	else if (kind < 14)
		c = m->top + v % 70;
	else if (kind < 15)
		c = m->top + v % (W + 10);
	else if (v % 64 == 0)
		c = m->top + v % (WW + 100);
	/* Below zero, and below the model, nothing is of interest. */
	if (c < m->base || c > m->base + MODEL_COUNTERS - 1)
		c = m->base;
	return c;
}

/* Returns how far the window got. */
static uint64_t run_model(uint64_t seed, uint64_t base)
{
	struct model *m = calloc(1, sizeof *m);
	struct kith_replay r = { 0 };
	struct test_random rnd;
	struct test_alloc a;
	assert_non_null(m);
	test_alloc_init(&a);
	test_random_init(&rnd, seed);
	m->base = base;
	m->size = W;
	if (base > 0) { /* start in the middle of the counters */
		kith_replay_commit(&r, base);
		m->seen[0] = true;
		m->top = base + 1;
		m->floor = base + 1 - W;
		m->floor = m->floor > base ? m->floor : base;
	}
	for (int i = 0; i < 60000 && m->top - m->base < MODEL_COUNTERS - 3 * WW; i++) {
		const uint64_t c = next_counter(&rnd, m);
		const bool fresh = kith_replay_check(&r, c);

		if (fresh != model_fresh(m, c))
			fail_msg("seed %llu base %llu step %d: counter %llu is %s", (unsigned long long)seed,
				 (unsigned long long)base, i, (unsigned long long)c, fresh ? "taken" : "refused");
		if (fresh && test_random_next(&rnd) % 8 != 0) { /* else: it did not authenticate */
			kith_replay_commit(&r, c);
			m->seen[c - m->base] = true;
			m->top = c >= m->top ? c + 1 : m->top;
			model_forget(m);
		}
		if (test_random_next(&rnd) % 500 == 0) {
			if (m->size == W)
				assert_true(kith_replay_widen(&r, &a.alloc));
			else
				kith_replay_narrow(&r, &a.alloc);
			m->size = m->size == W ? WW : W;
			model_forget(m);
		}
		assert_true(r.top == m->top);
	}
	for (uint64_t c = m->base; c < m->base + MODEL_COUNTERS; c++)
		assert_int_equal(kith_replay_check(&r, c), model_fresh(m, c));
	kith_replay_narrow(&r, &a.alloc);
	test_alloc_check(&a);
	free(m);
	return r.top;
}

static void the_window_agrees_with_a_set_of_all_counters(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		assert_true(run_model(seed, 0) > 10 * WW);
		(void)run_model(seed, ((uint64_t)1 << 32) - 1000); /* nothing must be cut to 32 bits */
		(void)run_model(seed, ((uint64_t)1 << 47) - 777);
		assert_true(run_model(seed, (UINT64_C(1) << 48) - 1 - MODEL_COUNTERS) == END);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_narrow_window_follows_its_truth_table),
		cmocka_unit_test(the_wide_window_follows_its_truth_table),
		cmocka_unit_test(a_window_in_order_takes_every_counter_once),
		cmocka_unit_test(a_window_in_reverse_takes_every_counter_that_it_covers_once),
		cmocka_unit_test(a_jump_of_any_length_keeps_what_stays_and_clears_what_enters),
		cmocka_unit_test(checking_changes_nothing),
		cmocka_unit_test(committing_what_would_not_pass_changes_nothing),
		cmocka_unit_test(counters_near_the_end_are_refused_and_top_never_wraps),
		cmocka_unit_test(widening_keeps_what_was_seen_and_what_was_forgotten),
		cmocka_unit_test(narrowing_keeps_what_was_seen_and_refuses_the_rest),
		cmocka_unit_test(without_memory_the_narrow_window_goes_on),
		cmocka_unit_test(the_window_agrees_with_a_set_of_all_counters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
