#include "net/delay.h"

#include <string.h>

#include "base/assert.h"
#include "net/draw.h"

enum {
	LOG2_E_Q16 = 94548, /* log2(e) in 1/65536 */
	CLAMP_DEVIATIONS = 3
};

const struct kith_country_rtt *kith_delay_rtt(uint8_t a, uint8_t b)
{
	KITH_ASSERT(a < KITH_COUNTRIES_N && b < KITH_COUNTRIES_N);
	unsigned row = a < b ? a : b, col = a < b ? b : a;
	return &kith_country_rtts[row * (2 * KITH_COUNTRIES_N - row + 1) / 2 + (col - row)];
}

/* 2^e for e in 1/65536, |e| < 16 * 65536, as a factor in 1/65536. Sixteen segments, linear between: within 0.03 %. */
static uint64_t exp2_q16(int64_t e)
{
	static const uint32_t steps[17] = { 65536, 68438,  71468,  74632,  77936,  81386,  84990,  88752, 92682,
					    96785, 101070, 105545, 110218, 115098, 120194, 125515, 131072 };
	KITH_ASSERT(e > -16 * 65536 && e < 16 * 65536);
	int64_t whole = e >= 0 ? e / 65536 : -((65535 - e) / 65536);
	uint32_t frac = (uint32_t)(e - whole * 65536);
	uint32_t i = frac >> 12, rest = frac & 0xfff;
	uint64_t v = steps[i] + (((uint64_t)(steps[i + 1] - steps[i]) * rest) >> 12);
	return whole >= 0 ? v << whole : v >> -whole;
}

static kith_time_us pair_rtt(uint64_t seed, struct kith_delay_point a, struct kith_delay_point b)
{
	const struct kith_country_rtt *t = kith_delay_rtt(a.country, b.country);
	uint64_t low = a.id < b.id ? a.id : b.id, high = a.id < b.id ? b.id : a.id;
	int64_t z_q16 = kith_draw_normal_q16(seed, low, high);
	uint64_t factor_q16 = exp2_q16((int64_t)t->sigma_q10 * z_q16 / 1024 * LOG2_E_Q16 / 65536);
	kith_time_us rtt = (kith_time_us)((t->median_10us * 10 * factor_q16) >> 16);
	/* As in the table, a deviation beyond the mean is taken for the mean. */
	kith_time_us deviation = t->std_100us < t->mean_100us ? t->std_100us : t->mean_100us;
	kith_time_us max = 100 * (t->mean_100us + CLAMP_DEVIATIONS * deviation);
	if (rtt > max)
		rtt = max;
	return rtt < KITH_DELAY_RTT_MIN_US ? KITH_DELAY_RTT_MIN_US : rtt;
}

kith_time_us kith_delay_one_way(const struct kith_delay_model *m, struct kith_delay_point a, struct kith_delay_point b)
{
	switch (m->kind) {
	case KITH_DELAY_CONSTANT:
		return m->constant_us;
	case KITH_DELAY_COUNTRY:
		return pair_rtt(m->seed, a, b) / 2;
	}
	return 0;
}

uint8_t kith_delay_pick_country(uint64_t draw)
{
	uint32_t total = 0;
	for (unsigned i = 0; i < KITH_COUNTRIES_N; i++)
		total += kith_countries[i].users_100k;
	uint32_t at = kith_draw_below(draw, total);
	uint8_t i = 0;
	for (; at >= kith_countries[i].users_100k; i++)
		at -= kith_countries[i].users_100k;
	return i;
}

int kith_delay_find_country(const char *code)
{
	for (int i = 0; i < KITH_COUNTRIES_N; i++)
		if (strcmp(kith_countries[i].code, code) == 0)
			return i;
	return -1;
}
