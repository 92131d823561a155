#include "sim/simlife.h"

#include "base/assert.h"
#include "net/country_table.h"

enum {
	STEPS = 80, /* of the tables: an eighth of an exponential variate each */
	LN2_Q16 = 45426,
	EXPONENTIAL_MAX_Q16 = 10 << 16,
	HOURS = 24
};
#define HOUR_US (3600 * KITH_US_PER_S)

/* Quantiles at 1 - exp(-i / 8), in 1/1024 of the median of a session: of the Weibull distribution with shape 0.57, and
 * of its residual life, whose survival is the regularised incomplete gamma function Q(1/0.57, (x/scale)^0.57). */
static const uint32_t whole_q10[STEPS + 1] = {
	0,     51,    171,   349,   577,   854,	  1176,	  1541,	  1948,	  2395,	  2881,	  3406,	 3967,	4565,
	5199,  5868,  6572,  7309,  8080,  8884,  9721,	  10589,  11490,  12422,  13385,  14378, 15403, 16457,
	17541, 18655, 19798, 20971, 22172, 23402, 24660,  25946,  27261,  28603,  29973,  31371, 32796, 34248,
	35727, 37232, 38765, 40323, 41909, 43520, 45158,  46821,  48510,  50225,  51966,  53732, 55523, 57339,
	59181, 61047, 62939, 64855, 66796, 68761, 70751,  72765,  74804,  76866,  78953,  81063, 83198, 85356,
	87539, 89744, 91974, 94226, 96503, 98802, 101125, 103471, 105840, 108232, 110647,
};
static const uint32_t rest_q10[STEPS + 1] = {
	0,	491,	1078,	1736,	2454,	3226,	4049,	4919,	5834,	6793,	7792,	8833,	9912,	11030,
	12184,	13376,	14602,	15864,	17161,	18491,	19855,	21251,	22680,	24141,	25634,	27157,	28712,	30297,
	31913,	33558,	35234,	36938,	38672,	40435,	42226,	44046,	45894,	47769,	49673,	51604,	53563,	55549,
	57562,	59602,	61669,	63762,	65882,	68027,	70199,	72397,	74621,	76870,	79145,	81446,	83771,	86122,
	88498,	90899,	93325,	95775,	98251,	100750, 103274, 105823, 108395, 110992, 113612, 116257, 118925, 121617,
	124333, 127073, 129836, 132622, 135431, 138264, 141120, 143999, 146901, 149826, 152774,
};

/* log2 of 1 + f / 65536, linear in sixteen segments: within 0.0005. In 1/65536. */
static uint32_t log2_q16(uint32_t f)
{
	static const uint32_t steps[17] = { 0,	   5732,  11136, 16248, 21098, 25711, 30109, 34312, 38336,
					    42196, 45904, 49472, 52911, 56229, 59434, 62534, 65536 };
	uint32_t i = f >> 12, rest = f & 0xfff;
	return steps[i] + ((steps[i + 1] - steps[i]) * rest >> 12);
}

uint32_t kith_simlife_exponential_q16(uint64_t draw)
{
	/* -ln of a uniform number in (0, 1]: as many halvings as there are leading zeros, and the rest. */
	uint32_t zeros = 0;
	draw |= 1;
	while ((draw >> 63) == 0) {
		draw <<= 1;
		zeros++;
	}
	uint32_t fraction = (uint32_t)(draw << 1 >> 48);
	uint64_t halvings_q16 = ((uint64_t)(zeros + 1) << 16) - log2_q16(fraction);
	uint64_t e = halvings_q16 * LN2_Q16 >> 16;
	return e < EXPONENTIAL_MAX_Q16 ? (uint32_t)e : EXPONENTIAL_MAX_Q16;
}

static kith_time_us quantile(const uint32_t table[STEPS + 1], uint64_t draw, kith_time_us median_us)
{
	KITH_ASSERT(median_us >= 0 && median_us <= 366 * HOURS * HOUR_US);
	uint32_t e = kith_simlife_exponential_q16(draw);
	uint32_t i = e >> 13, rest = e & 0x1fff;
	uint64_t q10 = table[i];
	if (i < STEPS)
		q10 += (uint64_t)(table[i + 1] - table[i]) * rest >> 13;
	/* Median in ms: a year's, times 149 in 1/1024, fits 64 bits. */
	return (kith_time_us)((uint64_t)(median_us / KITH_US_PER_MS) * q10 / 1024) * KITH_US_PER_MS;
}

kith_time_us kith_simlife_session(uint64_t draw, kith_time_us median_us)
{
	return quantile(whole_q10, draw, median_us);
}

kith_time_us kith_simlife_residual(uint64_t draw, kith_time_us median_us)
{
	return quantile(rest_q10, draw, median_us);
}

/* Hours ahead of UTC, in the order of kith_countries. */
static const int8_t zones[KITH_COUNTRIES_N] = {
	4, -3, 10, -3, -5, 1, -4, 8, -5, 1, 1, 1, 1, 0, 8, 7, 2, 5,  3, 1,
	9, 3,  -6, 1,  -5, 8, 1,  0, 2,	 3, 3, 1, 8, 7, 3, 8, 2, -5, 7, 2,
};

uint32_t kith_simlife_day_ppm(kith_time_us utc, uint8_t country)
{
	static const uint32_t percent[HOURS] = { 45, 40, 35,  35,  35, 40, 45, 60, 75, 90, 100, 100,
						 95, 95, 100, 100, 95, 90, 85, 80, 75, 70, 60,	50 };
	KITH_ASSERT(utc >= 0 && country < KITH_COUNTRIES_N);
	int64_t hour = (utc / HOUR_US + zones[country] + HOURS) % HOURS;
	return percent[hour] * 10000;
}
