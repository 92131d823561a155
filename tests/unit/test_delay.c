/* The delay model and its table. */
#include "net/delay.h"
#include "net/draw.h"

#include <math.h>

#include "support.h"

static struct kith_delay_point at(uint64_t id, const char *code)
{
	int country = kith_delay_find_country(code);
	assert_true(country >= 0);
	struct kith_delay_point p = { id, (uint8_t)country };
	return p;
}

static void table_is_sorted_and_complete(void **state)
{
	(void)state;
	for (int i = 0; i < KITH_COUNTRIES_N; i++) {
		assert_int_equal(strlen(kith_countries[i].code), 2);
		assert_true(kith_countries[i].users_100k > 0);
		if (i > 0)
			assert_true(strcmp(kith_countries[i - 1].code, kith_countries[i].code) < 0);
		assert_int_equal(kith_delay_find_country(kith_countries[i].code), i);
	}
	assert_int_equal(kith_delay_find_country("XX"), -1);
}

/* Spot checks against the published figures: first and last row, diagonal, both triangles. */
static void published_figures_are_found_under_their_countries(void **state)
{
	(void)state;
	static const struct {
		const char *a, *b;
		int mean_100us, std_100us;
	} rows[] = {
		{ "AE", "AE", 40, 41 },	   { "AE", "AU", 2399, 1059 }, { "AR", "AE", 3453, 260 },
		{ "BR", "BR", 406, 434 },  { "DE", "DE", 268, 543 },   { "US", "US", 1084, 1105 },
		{ "VN", "AE", 1792, 903 }, { "AR", "GB", 2401, 470 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct kith_country_rtt *t = kith_delay_rtt(at(0, rows[i].a).country, at(0, rows[i].b).country);
		assert_int_equal(t->mean_100us, rows[i].mean_100us);
		assert_int_equal(t->std_100us, rows[i].std_100us);
	}
}

static void derived_columns_follow_from_the_published_ones(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof kith_country_rtts / sizeof kith_country_rtts[0]; i++) {
		const struct kith_country_rtt *t = &kith_country_rtts[i];
		double cv = fmin((double)t->std_100us / t->mean_100us, 1), sigma = sqrt(log(1 + cv * cv));
		assert_true(fabs(t->sigma_q10 - sigma * 1024) <= 0.51);
		assert_true(fabs(t->median_10us - t->mean_100us * 10 * exp(-sigma * sigma / 2)) <= 0.51);
	}
}

static void delay_is_symmetric_and_constant_for_a_pair(void **state)
{
	(void)state;
	struct kith_delay_model m = { KITH_DELAY_COUNTRY, 0, 11 };
	for (uint64_t i = 0; i < 1000; i++) {
		struct kith_delay_point a = at(i, "US"), b = at(i * 7 + 3, i % 2 == 0 ? "DE" : "AE");
		assert_int_equal(kith_delay_one_way(&m, a, b), kith_delay_one_way(&m, b, a));
	}
	struct kith_delay_model other = { KITH_DELAY_COUNTRY, 0, 12 };
	assert_int_not_equal(kith_delay_one_way(&m, at(1, "US"), at(2, "DE")),
			     kith_delay_one_way(&other, at(1, "US"), at(2, "DE")));
	assert_int_not_equal(kith_delay_one_way(&m, at(1, "US"), at(2, "DE")),
			     kith_delay_one_way(&m, at(1, "US"), at(3, "DE")));
}

static void constant_model_is_constant(void **state)
{
	(void)state;
	struct kith_delay_model m = { KITH_DELAY_CONSTANT, 20000, 0 };
	assert_int_equal(kith_delay_one_way(&m, at(1, "US"), at(2, "ZA")), 20000);
	assert_int_equal(kith_delay_one_way(&m, at(7, "DE"), at(7, "DE")), 20000);
}

/* Every value within its clamp; the clamp takes some of the tail, so the mean may come out lower, never higher. */
static void delays_have_the_published_mean_and_stay_within_the_clamp(void **state)
{
	(void)state;
	enum { N = 20000 };
	static const struct {
		const char *a, *b;
		double low, high; /* mean round trip over the published mean */
	} rows[] = {
		{ "AR", "GB", 0.985, 1.015 }, /* deviation a fifth of the mean: hardly clamped */
		{ "GB", "US", 0.96, 1.015 },
		{ "DE", "DE", 0.94, 1.015 }, /* the most that is taken for true: the mean itself */
	};
	struct kith_delay_model m = { KITH_DELAY_COUNTRY, 0, 5 };
	for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
		struct kith_delay_point a = at(1, rows[r].a);
		const struct kith_country_rtt *t = kith_delay_rtt(a.country, at(0, rows[r].b).country);
		int64_t sum = 0, above_median = 0;
		int64_t deviation = t->std_100us < t->mean_100us ? t->std_100us : t->mean_100us;
		int64_t max = 100 * (t->mean_100us + 3 * deviation);
		for (uint64_t i = 0; i < N; i++) {
			kith_time_us one = kith_delay_one_way(&m, a, at(i + 2, rows[r].b));
			assert_true(one >= KITH_DELAY_RTT_MIN_US / 2 && 2 * one <= max);
			sum += 2 * one;
			above_median += 2 * one > t->median_10us * 10;
		}
		double mean = (double)sum / N / (t->mean_100us * 100.0);
		assert_true(mean > rows[r].low && mean < rows[r].high);
		assert_in_range(above_median, N / 2 - 355, N / 2 + 355); /* five deviations */
	}
}

static void countries_are_drawn_by_weight(void **state)
{
	(void)state;
	enum { N = 1000000 };
	unsigned drawn[KITH_COUNTRIES_N] = { 0 };
	double total = 0;
	for (int i = 0; i < KITH_COUNTRIES_N; i++)
		total += kith_countries[i].users_100k;
	for (uint64_t i = 0; i < N; i++)
		drawn[kith_delay_pick_country(kith_draw(2, 0, i))]++;
	for (int i = 0; i < KITH_COUNTRIES_N; i++) {
		double p = kith_countries[i].users_100k / total, sd = sqrt(N * p * (1 - p));
		assert_true(fabs(drawn[i] - N * p) < 5 * sd);
	}
	assert_int_equal(kith_delay_pick_country(0), 0);
	assert_int_equal(kith_delay_pick_country(UINT64_MAX), KITH_COUNTRIES_N - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_sorted_and_complete),
		cmocka_unit_test(published_figures_are_found_under_their_countries),
		cmocka_unit_test(derived_columns_follow_from_the_published_ones),
		cmocka_unit_test(delay_is_symmetric_and_constant_for_a_pair),
		cmocka_unit_test(constant_model_is_constant),
		cmocka_unit_test(delays_have_the_published_mean_and_stay_within_the_clamp),
		cmocka_unit_test(countries_are_drawn_by_weight),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
