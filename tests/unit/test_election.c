/* The decisions about who serves, and what is refused, as figures and times have them. */
#include "support.h"

#include "overlay/election.h"

#define S KITH_US_PER_S

/* ---- load ---- */

static void the_most_used_resource_is_the_load(void **state)
{
	uint16_t u[KITH_RESOURCES_N];
	(void)state;
	struct kith_figures f = {
		.busy_permille = 300, .memory = 50, .memory_max = 100, .relayed = 90, .relay_max = 100
	};
	assert_int_equal(kith_election_utilisation(&f, u), 900);
	assert_int_equal(u[KITH_RESOURCE_BUSY], 300);
	assert_int_equal(u[KITH_RESOURCE_MEMORY], 500);
	assert_int_equal(u[KITH_RESOURCE_RELAY], 900);
	f = (struct kith_figures){ .wait_us = KITH_ELECTION_WAIT_US, .sessions = 5, .sessions_max = 10 };
	assert_int_equal(kith_election_utilisation(&f, u), KITH_ELECTION_ASK); /* 20 ms of wait is when help is asked */
	assert_int_equal(u[KITH_RESOURCE_SESSIONS], 500);
	/* What has no bound does not count, and what is beyond any measure is cut. */
	f = (struct kith_figures){ .memory = UINT64_MAX, .relayed = UINT64_MAX, .relay_max = UINT64_MAX };
	assert_int_equal(kith_election_utilisation(&f, u), 1000);
	f = (struct kith_figures){ .memory = UINT64_MAX, .memory_max = 1 };
	assert_int_equal(kith_election_utilisation(&f, u), KITH_UTILISATION_MAX);
}

static void a_byte_says_the_load_to_a_part_in_255(void **state)
{
	(void)state;
	assert_int_equal(kith_election_load_byte(0), 0);
	assert_int_equal(kith_election_load_byte(1000), 255);
	assert_int_equal(kith_election_load_byte(4000), 255);
	for (uint32_t p = 0; p <= 1000; p++) {
		int back = (int)kith_election_load_permille(kith_election_load_byte(p));
		assert_true(back - (int)p <= 2 && (int)p - back <= 2);
	}
}

static void tables_and_the_rate_of_relaying_do_not_turn_leaves_away(void **state)
{
	uint16_t u[KITH_RESOURCES_N] = { 0 };
	struct kith_overload o = { .calm_since = KITH_TIME_NEVER };
	(void)state;
	u[KITH_RESOURCE_SESSIONS] = u[KITH_RESOURCE_TUNNELS] = 1000;
	assert_int_equal(kith_election_strain(u), 0);
	u[KITH_RESOURCE_RELAY] = 3000;
	assert_true(kith_election_overload(&o, 0, kith_election_strain(u)));
	assert_int_equal(o.level, KITH_OVERLOAD_RELAYS);
	u[KITH_RESOURCE_MEMORY] = 980;
	assert_int_equal(kith_election_strain(u), 980);
}

/* ---- overload ---- */

static void levels_rise_at_once_and_fall_one_by_one_when_it_stays_calm(void **state)
{
	struct kith_overload o = { .calm_since = KITH_TIME_NEVER };
	(void)state;
	assert_false(kith_election_overload(&o, 0, 799));
	assert_true(kith_election_overload(&o, 0, 800));
	assert_int_equal(o.level, KITH_OVERLOAD_RELAYS);
	assert_true(kith_election_overload(&o, 0, 1200));
	assert_int_equal(o.level, KITH_OVERLOAD_ATTACHES);
	for (int i = 0; i < 100; i++) /* within the slack it stays */
		assert_false(kith_election_overload(&o, i * S, 860));
	kith_time_us t = 100 * S;
	for (int level = KITH_OVERLOAD_ATTACHES; level > KITH_OVERLOAD_NONE; level--) {
		assert_int_equal(o.level, level);
		kith_time_us since = t;
		while (!kith_election_overload(&o, t, 0))
			t += S;
		assert_true(t - since >= KITH_OVERLOAD_HOLD_US);
	}
	assert_int_equal(o.level, KITH_OVERLOAD_NONE);
	assert_false(kith_election_overload(&o, t + 100 * S, 0));
}

static void one_busy_second_starts_the_calm_anew(void **state)
{
	struct kith_overload o = { .calm_since = KITH_TIME_NEVER };
	(void)state;
	assert_true(kith_election_overload(&o, 0, 990));
	assert_false(kith_election_overload(&o, S, 0));
	assert_false(kith_election_overload(&o, 4 * S, 900));
	assert_false(kith_election_overload(&o, 5 * S, 0));
	assert_false(kith_election_overload(&o, 5 * S + KITH_OVERLOAD_HOLD_US - 1, 0));
	assert_true(kith_election_overload(&o, 5 * S + KITH_OVERLOAD_HOLD_US, 0));
}

static void news_wait_longer_the_more_there_is_to_do(void **state)
{
	struct kith_overload o = { .level = KITH_OVERLOAD_LOOKUPS };
	(void)state;
	assert_int_equal(kith_election_coalesce_us(&o, 2000), 0);
	o.level = KITH_OVERLOAD_PRESENCE;
	assert_int_equal(kith_election_coalesce_us(&o, 0), 5 * S); /* the level holds on for a while */
	assert_int_equal(kith_election_coalesce_us(&o, 900), 5 * S);
	assert_int_equal(kith_election_coalesce_us(&o, 1000), 60 * S);
	assert_int_equal(kith_election_coalesce_us(&o, 4000), 60 * S);
	kith_time_us before = 0;
	for (uint32_t p = 900; p <= 1000; p += 10) {
		assert_true(kith_election_coalesce_us(&o, p) > before);
		before = kith_election_coalesce_us(&o, p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_most_used_resource_is_the_load),
		cmocka_unit_test(a_byte_says_the_load_to_a_part_in_255),
		cmocka_unit_test(tables_and_the_rate_of_relaying_do_not_turn_leaves_away),
		cmocka_unit_test(levels_rise_at_once_and_fall_one_by_one_when_it_stays_calm),
		cmocka_unit_test(one_busy_second_starts_the_calm_anew),
		cmocka_unit_test(news_wait_longer_the_more_there_is_to_do),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
