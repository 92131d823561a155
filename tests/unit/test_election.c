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
	for (int i = 0; i < KITH_OVERLOAD_BEFORE; i++)
		assert_false(kith_election_overload(&o, 0, kith_election_strain(u)));
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
	assert_false(kith_election_overload(&o, 0, 4000)); /* one bad second */
	assert_false(kith_election_overload(&o, 0, 799));
	for (int i = 0; i < KITH_OVERLOAD_BEFORE; i++)
		assert_false(kith_election_overload(&o, 0, 800));
	assert_true(kith_election_overload(&o, 0, 800));
	assert_int_equal(o.level, KITH_OVERLOAD_RELAYS);
	for (int i = 0; i < KITH_OVERLOAD_BEFORE; i++)
		assert_false(kith_election_overload(&o, 0, 1200));
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
	for (int i = 0; i < KITH_OVERLOAD_BEFORE; i++)
		assert_false(kith_election_overload(&o, 0, 990));
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

/* ---- who, and when ---- */

#define HOUR_MS (INT64_C(3600) * 1000)
#define NOW_MS (1000 * HOUR_MS)

static struct kith_qualification good(uint32_t rate, uint8_t availability, int64_t hours)
{
	return (struct kith_qualification){ .up = rate,
					    .down = rate,
					    .availability = availability,
					    .first_seen_s = (NOW_MS - hours * HOUR_MS) / 1000,
					    .until_ms = NOW_MS + 1 };
}

static void who_is_slow_new_seldom_there_or_out_of_date_is_not_asked(void **state)
{
	struct kith_qualification q = good(125000, 128, 1);
	(void)state;
	assert_int_equal(kith_election_lacks(&q, NOW_MS, 1), KITH_ROLE_WHY_NONE);
	assert_int_equal(kith_election_lacks(&q, NOW_MS + 1, 1), KITH_ROLE_WHY_UNPROVEN);
	q = good(124999, 128, 1);
	assert_int_equal(kith_election_lacks(&q, NOW_MS, 1), KITH_ROLE_WHY_SLOW);
	q = good(125000, 127, 1);
	assert_int_equal(kith_election_lacks(&q, NOW_MS, 1), KITH_ROLE_WHY_SELDOM);
	q = good(125000, 128, 0);
	assert_int_equal(kith_election_lacks(&q, NOW_MS, 1), KITH_ROLE_WHY_NEW);
}

/* Only time goes faster at another pace: what was measured counts as ever. */
static void in_a_test_network_an_hour_is_as_short_as_it_says(void **state)
{
	struct kith_qualification q = good(125000, 128, 0);
	(void)state;
	q.first_seen_s = NOW_MS / 1000 - 5;
	assert_int_equal(kith_election_lacks(&q, NOW_MS, 600), KITH_ROLE_WHY_NEW);
	q.first_seen_s = NOW_MS / 1000 - 6;
	assert_int_equal(kith_election_lacks(&q, NOW_MS, 600), KITH_ROLE_WHY_NONE);
	assert_int_equal(kith_election_lacks(&q, NOW_MS, 599), KITH_ROLE_WHY_NEW);
	q.up = 124999;
	assert_int_equal(kith_election_lacks(&q, NOW_MS, KITH_ELECTION_PACE_MAX), KITH_ROLE_WHY_SLOW);
}

static void the_best_is_the_one_that_stays_and_has_room(void **state)
{
	struct kith_qualification young = good(12500000, 255, 1), old = good(6000000, 255, 500),
				  flaky = good(12500000, 153, 300), slow = good(200000, 255, 700),
				  huge = good(UINT32_MAX, 255, 1);
	const struct kith_qualification *all[] = { &young, NULL, &flaky, &old, &slow, &huge };
	(void)state;
	assert_int_equal(kith_election_best(all, 6, NOW_MS, 1), 3);
	assert_int_equal(kith_election_best(all, 3, NOW_MS, 1), 2);
	assert_int_equal(kith_election_best(all, 2, NOW_MS, 1), 0);
	all[0] = all[5] = &huge; /* what nobody can use does not count */
	all[2] = &young;
	assert_int_equal(kith_election_best(all, 3, NOW_MS, 1), 0);
	assert_int_equal(kith_election_best(all + 1, 1, NOW_MS, 1), -1);
}

static void help_is_asked_after_thirty_seconds_or_at_once_when_packets_wait(void **state)
{
	struct kith_need need = { .above_since = KITH_TIME_NEVER };
	(void)state;
	for (int i = 1; i <= 100; i++)
		assert_false(kith_election_asks(&need, i * S, 700, 0));
	for (int i = 101; i < 131; i++)
		assert_false(kith_election_asks(&need, i * S, 701, 0));
	assert_true(kith_election_asks(&need, 131 * S, 701, 0));
	for (int i = 132; i < 191; i++)
		assert_false(kith_election_asks(&need, i * S, 701, 0));
	assert_true(kith_election_asks(&need, 191 * S, 701, 0));
	assert_false(kith_election_asks(&need, 260 * S, 600, 0)); /* a second of calm: it begins anew */
	assert_false(kith_election_asks(&need, 261 * S, 900, 0));
	assert_true(kith_election_asks(&need, 262 * S, 900, 750));
}

static void what_is_too_many_leaves_half_of_the_room_a_reserve_and_six(void **state)
{
	(void)state;
	assert_int_equal(kith_election_excess(6, 0), 0);
	assert_int_equal(kith_election_excess(10, 0), 4);
	assert_int_equal(kith_election_excess(100, 100 * 500), 0);
	assert_int_equal(kith_election_excess(100, 100 * 200), 56); /* 40, and 4 in reserve */
	assert_int_equal(kith_election_excess(20, 20 * 200), 11); /* 8, and one */
}

static void a_supernode_more_is_wanted_when_all_have_too_much_to_do(void **state)
{
	(void)state;
	assert_true(kith_election_roomy(10, 10 * KITH_ELECTION_ROOMY));
	assert_false(kith_election_roomy(10, 10 * KITH_ELECTION_ROOMY + 1));
	assert_true(kith_election_roomy(10, 9 * 100 + 1000));
	assert_false(kith_election_roomy(0, 0));
	assert_false(kith_election_roomy(KITH_ELECTION_LEAST - 1, 800)); /* too few of them to keep records */
	assert_true(kith_election_roomy(KITH_ELECTION_LEAST, 800));
}

static void leaves_go_until_both_have_as_much_to_do(void **state)
{
	(void)state;
	assert_int_equal(kith_election_evens(100, 800, 0), 50);
	assert_int_equal(kith_election_evens(100, 800, 400), 25);
	assert_int_equal(kith_election_evens(1, 800, 400), 1);
	assert_int_equal(kith_election_evens(100, 800, KITH_ELECTION_TAKES + 1), 0);
	assert_int_equal(kith_election_evens(100, 300, 300), 0);
	assert_int_equal(kith_election_evens(UINT32_MAX, 4000, 0), UINT32_MAX / 2);
}

static void few_supernodes_say_sooner_what_they_have_to_do(void **state)
{
	(void)state;
	assert_int_equal(kith_election_entry_us(1), KITH_LOAD_ENTRY_LEAST_US);
	assert_int_equal(kith_election_entry_us(12500), KITH_LOAD_ENTRY_US / 2);
	assert_int_equal(kith_election_entry_us(25000), KITH_LOAD_ENTRY_US);
	assert_int_equal(kith_election_entry_us(100000), KITH_LOAD_ENTRY_US);
}

/* Twenty supernodes of which too many have nothing to do, and each knows who has gone: as many stay as are needed. */
static void offices_are_given_up_until_those_who_stay_have_enough_to_do(void **state)
{
	struct kith_tenure office[20];
	bool gone[20] = { false };
	struct test_random random;
	uint32_t n = 20;
	const uint64_t all = 20 * 100; /* what there is to do stays */
	(void)state;
	test_random_init(&random, 5);
	for (int i = 0; i < 20; i++)
		office[i] = (struct kith_tenure){ .since = 0, .calm_since = KITH_TIME_NEVER };
	for (kith_time_us t = 0; t < 24 * 3600 * S; t += 60 * S) {
		for (int i = 0; i < 20; i++) {
			if (gone[i] || !kith_election_goes(&office[i], t, (uint32_t)(all / n), n, all, &random.random))
				continue;
			assert_true(t >= KITH_ELECTION_OFFICE_US);
			gone[i] = true;
			n--;
		}
	}
	assert_true(n >= 8 && n <= 10); /* at 250 each they stay */
	/* One that has something to do, or was busy a while ago, stays. */
	struct kith_tenure busy = { .calm_since = KITH_TIME_NEVER };
	for (kith_time_us t = 0; t < 7200 * S; t += 60 * S)
		assert_false(kith_election_goes(&busy, t, t % (1800 * S) == 0 ? 300 : 100, 1000, 0, &random.random));
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
		cmocka_unit_test(who_is_slow_new_seldom_there_or_out_of_date_is_not_asked),
		cmocka_unit_test(in_a_test_network_an_hour_is_as_short_as_it_says),
		cmocka_unit_test(the_best_is_the_one_that_stays_and_has_room),
		cmocka_unit_test(help_is_asked_after_thirty_seconds_or_at_once_when_packets_wait),
		cmocka_unit_test(what_is_too_many_leaves_half_of_the_room_a_reserve_and_six),
		cmocka_unit_test(a_supernode_more_is_wanted_when_all_have_too_much_to_do),
		cmocka_unit_test(leaves_go_until_both_have_as_much_to_do),
		cmocka_unit_test(few_supernodes_say_sooner_what_they_have_to_do),
		cmocka_unit_test(offices_are_given_up_until_those_who_stay_have_enough_to_do),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
