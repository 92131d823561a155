/* One placement for an identity: which one holds, when it is over, and a table that is full. */
#include "support.h"

#include "identity/placements.h"

#define NOW_MS (INT64_C(1800000000) * 1000)
enum { LIFE_MS = 1000 };

static struct test_alloc mem;
static struct kith_placements p;
static struct kith_now now;
static uint8_t former[KITH_PLACEMENT_LEN];

static int setup(void **state)
{
	static const uint64_t seed[2] = { 1, 2 };
	(void)state;
	test_alloc_init(&mem);
	now = (struct kith_now){ 0, NOW_MS, true };
	kith_placements_init(&p, &mem.alloc, seed);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	kith_placements_deinit(&p);
	test_alloc_check(&mem);
	return 0;
}

static int take(uint32_t who, uint8_t place, int64_t expires_ms)
{
	struct kith_key identity = { { 7, (uint8_t)(who >> 16), (uint8_t)(who >> 8), (uint8_t)who } };
	uint8_t placement[KITH_PLACEMENT_LEN] = { place };
	memset(former, 0xff, sizeof former);
	return kith_placements_take(&p, &now, &identity, placement, expires_ms, former);
}

static void the_lower_one_holds_whichever_came_first(void **state)
{
	(void)state;
	assert_int_equal(take(1, 5, NOW_MS + LIFE_MS), KITH_PLACING_HOLDS);
	assert_int_equal(take(1, 5, NOW_MS + LIFE_MS), KITH_PLACING_HOLDS);
	assert_int_equal(take(1, 9, NOW_MS + LIFE_MS), KITH_EACCES);
	assert_int_equal(take(1, 3, NOW_MS + LIFE_MS), KITH_PLACING_REPLACES);
	assert_int_equal(former[0], 5);
	assert_int_equal(take(1, 5, NOW_MS + 2 * LIFE_MS), KITH_EACCES);
	assert_int_equal(take(2, 9, NOW_MS + LIFE_MS), KITH_PLACING_HOLDS); /* somebody else's */
}

static void what_is_over_holds_nothing(void **state)
{
	(void)state;
	assert_int_equal(take(1, 3, NOW_MS + LIFE_MS), KITH_PLACING_HOLDS);
	assert_int_equal(take(1, 3, NOW_MS + 2 * LIFE_MS), KITH_PLACING_HOLDS); /* renewed */
	assert_int_equal(take(1, 3, NOW_MS), KITH_PLACING_HOLDS); /* an older entry shortens nothing */
	now.unix_ms = NOW_MS + 2 * LIFE_MS + KITH_CLOCK_TOLERANCE_MS;
	assert_int_equal(take(1, 9, now.unix_ms + LIFE_MS), KITH_EACCES);
	now.unix_ms++;
	assert_int_equal(take(1, 9, now.unix_ms + LIFE_MS), KITH_PLACING_REPLACES);
	assert_int_equal(take(1, 9, now.unix_ms + LIFE_MS), KITH_PLACING_HOLDS);
}

static void a_full_table_lets_newcomers_pass_and_forgets_what_is_over(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < KITH_PLACEMENTS_MAX; i++)
		assert_int_equal(take(i, 5, NOW_MS + LIFE_MS), KITH_PLACING_HOLDS);
	assert_int_equal(take(KITH_PLACEMENTS_MAX, 5, NOW_MS + LIFE_MS), KITH_PLACING_HOLDS);
	assert_int_equal(take(KITH_PLACEMENTS_MAX, 9, NOW_MS + LIFE_MS),
			 KITH_PLACING_HOLDS); /* it was not remembered */
	assert_int_equal(take(0, 9, NOW_MS + LIFE_MS), KITH_EACCES);
	now.unix_ms = NOW_MS + LIFE_MS + KITH_CLOCK_TOLERANCE_MS + 1;
	assert_int_equal(take(KITH_PLACEMENTS_MAX, 5, now.unix_ms + LIFE_MS), KITH_PLACING_HOLDS);
	assert_int_equal(take(KITH_PLACEMENTS_MAX, 9, now.unix_ms + LIFE_MS), KITH_EACCES);
	assert_int_equal(p.of.n, 1);
}

static void without_memory_nobody_is_refused(void **state)
{
	(void)state;
	mem.fail_after = 0;
	assert_int_equal(take(1, 5, NOW_MS + LIFE_MS), KITH_PLACING_HOLDS);
	mem.fail_after = -1;
	assert_int_equal(take(1, 9, NOW_MS + LIFE_MS), KITH_PLACING_HOLDS);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(the_lower_one_holds_whichever_came_first),
		T(what_is_over_holds_nothing),
		T(a_full_table_lets_newcomers_pass_and_forgets_what_is_over),
		T(without_memory_nobody_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
