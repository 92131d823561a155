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

static void what_is_too_many_leaves_those_that_stay_a_little_below_what_calls_for_more(void **state)
{
	static const struct kith_looks lasting = { .few = KITH_ELECTION_FEW_LOOKS };
	struct kith_census all = { .n = 6 };
	(void)state;
	assert_int_equal(kith_election_excess(&all), 0);
	all.n = 10;
	assert_int_equal(kith_election_excess(&all), 4);
	all = (struct kith_census){ .n = 13, .sum = 12 * KITH_ELECTION_GO + KITH_ELECTION_GO / 2 - 1 };
	assert_int_equal(kith_election_excess(&all), 1); /* twelve and a half are nearer to twelve */
	all.sum++;
	assert_int_equal(kith_election_excess(&all), 0);
	all = (struct kith_census){ .n = 1000, .sum = 950 * KITH_ELECTION_GO };
	assert_int_equal(kith_election_excess(&all), 50);
	/* Whoever goes leaves nobody a reason to call it back. */
	for (uint32_t n = KITH_ELECTION_LEAST; n < 200; n++) {
		for (uint64_t load = 0; load < 1000; load += 10) {
			all = (struct kith_census){ .n = n, .sum = n * load };
			const uint32_t excess = kith_election_excess(&all);
			all.n -= excess;
			assert_true(excess == 0 || kith_election_lacking(&lasting, &all) == 0);
		}
	}
}

static void a_supernode_more_is_wanted_when_the_load_of_all_needs_one_and_that_lasts(void **state)
{
	struct kith_looks looks = { 0 };
	struct kith_census all = { .n = 12, .above = 12, .sum = 12 * KITH_ELECTION_ASK + KITH_ELECTION_ASK / 2 - 1 };
	(void)state;
	for (int i = 0; i < 100; i++)
		kith_election_look(&looks, &all);
	assert_int_equal(kith_election_lacking(&looks, &all), 0); /* twelve are nearer to what is needed */
	all.sum++;
	for (int i = 1; i < KITH_ELECTION_FEW_LOOKS; i++) {
		kith_election_look(&looks, &all);
		assert_int_equal(kith_election_lacking(&looks, &all), 0);
	}
	kith_election_look(&looks, &all);
	assert_int_equal(kith_election_lacking(&looks, &all), 1);
	all.sum += KITH_ELECTION_ASK;
	assert_int_equal(kith_election_lacking(&looks, &all), 2);
	all.n += 2;
	assert_int_equal(kith_election_lacking(&looks, &all), 0); /* they are here */
}

/* Ten minutes of each thirty are not what all usually have to do. */
static void a_wave_of_work_calls_nobody(void **state)
{
	struct kith_looks looks = { 0 };
	struct kith_census all = { .n = 12, .above = 12 };
	(void)state;
	for (int i = 0; i < 300; i++) {
		all.sum = i % 30 < 10 ? 12 * 780 : 12 * 705;
		kith_election_look(&looks, &all);
		assert_int_equal(kith_election_lacking(&looks, &all), 0);
	}
	/* But one that is missed by a bad minute now and then is. */
	for (int i = 0; i < 30; i++) {
		all.sum = i % 5 == 0 ? 12 * 705 : 12 * 760;
		kith_election_look(&looks, &all);
	}
	assert_int_equal(kith_election_lacking(&looks, &all), 1);
}

static void nobody_waits_when_it_presses(void **state)
{
	const struct kith_looks looks = { 0 };
	struct kith_census all = { .n = 12, .sum = 12 * KITH_ELECTION_PRESSING };
	(void)state;
	assert_int_equal(kith_election_lacking(&looks, &all), 0);
	all.sum++;
	assert_int_equal(kith_election_lacking(&looks, &all), 1);
	all.sum = 14 * KITH_ELECTION_PRESSING;
	assert_int_equal(kith_election_lacking(&looks, &all), 2);
	all = (struct kith_census){ .n = KITH_ELECTION_LEAST - 2 };
	assert_int_equal(kith_election_lacking(&looks, &all), 2);
}

/* Else the leaves that go to one would call the next. */
static void who_comes_makes_the_count_begin_anew(void **state)
{
	struct kith_looks looks = { .n = 19 };
	struct kith_census all = { .n = 19, .above = 19, .sum = 21 * KITH_ELECTION_ASK };
	(void)state;
	for (int i = 0; i < KITH_ELECTION_FEW_LOOKS; i++)
		kith_election_look(&looks, &all);
	assert_int_equal(kith_election_lacking(&looks, &all), 2);
	all.n = 20;
	for (int i = 1; i < KITH_ELECTION_FEW_LOOKS; i++) {
		kith_election_look(&looks, &all);
		assert_int_equal(kith_election_lacking(&looks, &all), 0);
	}
	kith_election_look(&looks, &all);
	assert_int_equal(kith_election_lacking(&looks, &all), 1);
	/* One of a thousand is no matter, and ten are less of one than fifty. */
	looks = (struct kith_looks){ .few = KITH_ELECTION_FEW_LOOKS, .n = 1000 };
	all = (struct kith_census){ .n = 1001, .above = 1001, .sum = 1100 * KITH_ELECTION_ASK };
	kith_election_look(&looks, &all);
	assert_int_equal(kith_election_lacking(&looks, &all), 99);
	all.n = 1011;
	kith_election_look(&looks, &all);
	assert_int_equal(looks.few, KITH_ELECTION_FEW_LOOKS - 1);
	all.n = 1070;
	kith_election_look(&looks, &all);
	assert_int_equal(looks.few, 1);
	all.n = 1000; /* who goes makes none */
	kith_election_look(&looks, &all);
	assert_int_equal(looks.few, 2);
}

/* Too few to keep records are no sign of a load that lasts. */
static void so_long_as_there_are_next_to_none_nothing_is_learnt_of_the_load(void **state)
{
	struct kith_looks looks = { 0 };
	struct kith_census all = { .n = KITH_ELECTION_LEAST - 1 };
	(void)state;
	for (int i = 0; i < 100; i++)
		kith_election_look(&looks, &all);
	all = (struct kith_census){ .n = 12, .sum = 12 * 760 };
	assert_int_equal(kith_election_lacking(&looks, &all), 0);
}

/* Of a hundred with too much to do five are lacking. */
static void as_many_promote_one_as_are_lacking(void **state)
{
	const struct kith_looks looks = { .few = KITH_ELECTION_FEW_LOOKS };
	const struct kith_census all = { .n = 100, .above = 80, .sum = 73500 },
				 few = { .n = KITH_ELECTION_LEAST - 1, .above = 1, .sum = 800 },
				 one = { .n = KITH_ELECTION_LEAST, .above = 1, .sum = 800 };
	struct test_random random;
	uint32_t n = 0;
	(void)state;
	test_random_init(&random, 7);
	assert_int_equal(kith_election_lacking(&looks, &all), 5);
	for (int i = 0; i < 8000; i++)
		n += kith_election_promotes(&looks, &all, &random.random);
	assert_in_range(n, 400, 600);
	assert_true(kith_election_promotes(&looks, &few, &random.random)); /* too few to keep records */
	assert_false(kith_election_promotes(&looks, &one, &random.random));
}

static void leaves_go_to_who_has_less_until_the_mean_is_reached(void **state)
{
	struct kith_looks looks = { .own = 800 };
	struct kith_census all = { .n = 10, .sum = 10 * 600, .own = 800 };
	(void)state;
	assert_int_equal(kith_election_evens(&looks, &all, 100, 0), 25); /* 200 of 800 are above the mean */
	assert_int_equal(kith_election_evens(&looks, &all, 100, 500), 18); /* half of the difference is less */
	assert_int_equal(kith_election_evens(&looks, &all, 1, 500), 1);
	assert_int_equal(kith_election_evens(&looks, &all, 100, 600), 0); /* has no less than the mean */
	looks.own = 699;
	assert_int_equal(kith_election_evens(&looks, &all, 100, 0), 0); /* one bad minute */
	looks.own = 700;
	assert_int_equal(kith_election_evens(&looks, &all, 100, 0), 14);
	looks.own = 0;
	all.own = 849;
	assert_int_equal(kith_election_evens(&looks, &all, 100, 0), 0);
	all.own = 850; /* no time to lose */
	assert_int_equal(kith_election_evens(&looks, &all, 100, 0), 29);
	looks.own = 4000;
	all = (struct kith_census){ .n = 10, .own = 4000 };
	assert_int_equal(kith_election_evens(&looks, &all, UINT32_MAX, 0), 0);
	all.sum = 10;
	assert_int_equal(kith_election_evens(&looks, &all, UINT32_MAX, 0), UINT32_MAX / 2);
}

static void the_usual_load_follows_within_minutes(void **state)
{
	struct kith_looks looks = { .own = 500 };
	struct kith_census all = { .n = 10, .own = 900 };
	(void)state;
	kith_election_look(&looks, &all);
	assert_int_equal(looks.own, 540);
	for (int i = 0; i < 30; i++)
		kith_election_look(&looks, &all);
	assert_in_range(looks.own, 880, 900);
	all.own = 0;
	for (int i = 0; i < 60; i++)
		kith_election_look(&looks, &all);
	assert_in_range(looks.own, 0, 10);
}

static void few_supernodes_say_sooner_what_they_have_to_do(void **state)
{
	(void)state;
	assert_int_equal(kith_election_entry_us(1), KITH_LOAD_ENTRY_LEAST_US);
	assert_int_equal(kith_election_entry_us(12500), KITH_LOAD_ENTRY_US / 2);
	assert_int_equal(kith_election_entry_us(25000), KITH_LOAD_ENTRY_US);
	assert_int_equal(kith_election_entry_us(100000), KITH_LOAD_ENTRY_US);
}

/* Twenty supernodes of which too many have little to do, and each knows who has gone: as many stay as are needed. */
static void offices_are_given_up_until_those_who_stay_have_enough_to_do(void **state)
{
	struct kith_tenure office[20];
	bool gone[20] = { false };
	struct test_random random;
	struct kith_looks looks[20] = { 0 };
	struct kith_census all = { .n = 20, .sum = 20 * 300 }; /* what there is to do stays */
	(void)state;
	test_random_init(&random, 5);
	for (int i = 0; i < 20; i++)
		office[i] = (struct kith_tenure){ .since = 0 };
	for (kith_time_us t = 0; t < 24 * 3600 * S; t += KITH_ELECTION_LOOK_US) {
		for (int i = 0; i < 20; i++) {
			kith_election_look(&looks[i], &all);
			if (gone[i] || !kith_election_goes(&office[i], t, &looks[i], &all, &random.random))
				continue;
			assert_true(t >= KITH_ELECTION_OFFICE_US);
			gone[i] = true;
			all.n--;
		}
	}
	assert_int_equal(all.n, 9); /* 6000 / 690 */
}

/* While there were too many for less than half an hour, or there is more to do just now, one stays. */
static void an_office_is_not_given_up_in_a_lull(void **state)
{
	struct kith_tenure lull = { .since = 0 }, now = lull;
	struct kith_looks looks = { 0 };
	const struct kith_looks lasting = { .many = KITH_ELECTION_MANY_LOOKS };
	struct test_random random;
	(void)state;
	test_random_init(&random, 5);
	for (int i = 0; i < 240; i++) {
		struct kith_census all = { .n = 1000, .sum = i % 50 < 25 ? 0 : 690000 };
		kith_election_look(&looks, &all);
		assert_false(kith_election_goes(&lull, i * KITH_ELECTION_LOOK_US, &looks, &all, &random.random));
		all.sum = 690000;
		assert_false(kith_election_goes(&now, i * KITH_ELECTION_LOOK_US, &lasting, &all, &random.random));
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
		cmocka_unit_test(who_is_slow_new_seldom_there_or_out_of_date_is_not_asked),
		cmocka_unit_test(in_a_test_network_an_hour_is_as_short_as_it_says),
		cmocka_unit_test(the_best_is_the_one_that_stays_and_has_room),
		cmocka_unit_test(help_is_asked_after_thirty_seconds_or_at_once_when_packets_wait),
		cmocka_unit_test(what_is_too_many_leaves_those_that_stay_a_little_below_what_calls_for_more),
		cmocka_unit_test(a_supernode_more_is_wanted_when_the_load_of_all_needs_one_and_that_lasts),
		cmocka_unit_test(a_wave_of_work_calls_nobody),
		cmocka_unit_test(nobody_waits_when_it_presses),
		cmocka_unit_test(who_comes_makes_the_count_begin_anew),
		cmocka_unit_test(so_long_as_there_are_next_to_none_nothing_is_learnt_of_the_load),
		cmocka_unit_test(the_usual_load_follows_within_minutes),
		cmocka_unit_test(as_many_promote_one_as_are_lacking),
		cmocka_unit_test(leaves_go_to_who_has_less_until_the_mean_is_reached),
		cmocka_unit_test(few_supernodes_say_sooner_what_they_have_to_do),
		cmocka_unit_test(offices_are_given_up_until_those_who_stay_have_enough_to_do),
		cmocka_unit_test(an_office_is_not_given_up_in_a_lull),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
