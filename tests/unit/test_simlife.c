/* How long nodes stay: the published figures come out of many draws. */
#include "support.h"

#include <stdlib.h>

#include "net/country_table.h"
#include "net/draw.h"
#include "sim/simlife.h"

enum { DRAWS = 100000 };
#define HOUR_US (3600 * KITH_US_PER_S)
#define MEDIAN_US KITH_SIMLIFE_SUPER_MEDIAN_US

typedef kith_time_us (*life_fn)(uint64_t, kith_time_us);

static uint32_t longer_permille(life_fn life, kith_time_us than_us)
{
	uint32_t n = 0;
	for (uint64_t i = 0; i < DRAWS; i++)
		n += life(kith_draw(5, 6, i), MEDIAN_US) > than_us;
	return n / (DRAWS / 1000);
}

/* Guha et al. 2006: the median session of a supernode is 5.5 hours ... */
static void half_of_the_sessions_are_longer_than_the_median(void **state)
{
	(void)state;
	assert_in_range(longer_permille(kith_simlife_session, MEDIAN_US), 490, 510);
}

/* ... and of those that are up, 95 % are an hour later. */
static void of_those_that_are_met_19_of_20_stay_an_hour(void **state)
{
	(void)state;
	assert_in_range(longer_permille(kith_simlife_residual, HOUR_US), 944, 956);
	/* Of all that begin, many end sooner: that is what the difference between the two is. */
	assert_in_range(longer_permille(kith_simlife_session, HOUR_US), 750, 800);
}

/* exp(-ln 2 * 2^0.57) of a Weibull distribution, and of its residual life by the incomplete gamma function. */
static void the_tails_are_those_of_the_distribution(void **state)
{
	(void)state;
	assert_in_range(longer_permille(kith_simlife_session, 2 * MEDIAN_US), 347, 367);
	assert_in_range(longer_permille(kith_simlife_session, 10 * MEDIAN_US), 70, 82);
	assert_in_range(longer_permille(kith_simlife_residual, 3583 * (MEDIAN_US / 1000)), 490, 510);
}

static void the_exponential_variate_has_mean_one(void **state)
{
	uint64_t sum = 0;
	(void)state;
	for (uint64_t i = 0; i < DRAWS; i++)
		sum += kith_simlife_exponential_q16(kith_draw(7, 8, i));
	assert_in_range(sum / DRAWS, 64900, 66200);
	assert_int_equal(kith_simlife_exponential_q16(0), 10 << 16);
	assert_in_range(kith_simlife_exponential_q16(UINT64_MAX), 0, 1);
}

static void the_day_goes_round_by_country(void **state)
{
	enum { GB = 13, JP = 20 };
	(void)state;
	assert_string_equal(kith_countries[GB].code, "GB");
	assert_string_equal(kith_countries[JP].code, "JP");
	assert_int_equal(kith_simlife_day_ppm(10 * HOUR_US, GB), 1000000);
	assert_int_equal(kith_simlife_day_ppm(3 * HOUR_US, GB), 350000);
	/* Nine hours ahead. */
	for (int64_t h = 0; h < 24; h++)
		assert_int_equal(kith_simlife_day_ppm(h * HOUR_US, JP), kith_simlife_day_ppm((h + 9) * HOUR_US, GB));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(half_of_the_sessions_are_longer_than_the_median),
		cmocka_unit_test(of_those_that_are_met_19_of_20_stay_an_hour),
		cmocka_unit_test(the_tails_are_those_of_the_distribution),
		cmocka_unit_test(the_exponential_variate_has_mean_one),
		cmocka_unit_test(the_day_goes_round_by_country),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
