#include "net/draw.h"

#include "base/assert.h"

static uint64_t mix(uint64_t z)
{
	z += 0x9e3779b97f4a7c15u;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint64_t kith_draw_hash(uint64_t a, uint64_t b, uint64_t c)
{
	return mix(mix(mix(a) ^ b) ^ c);
}

uint64_t kith_draw(uint64_t seed, uint64_t stream, uint64_t number)
{
	return kith_draw_hash(seed, stream, number);
}

bool kith_draw_hit(uint64_t draw, uint32_t ppm)
{
	return (((draw >> 32) * KITH_PPM) >> 32) < ppm;
}

uint32_t kith_draw_below(uint64_t draw, uint32_t n)
{
	KITH_ASSERT(n > 0);
	return (uint32_t)(((draw >> 32) * n) >> 32);
}

static uint32_t sum_of_four(uint64_t draw)
{
	return (uint32_t)((draw & 0xffff) + ((draw >> 16) & 0xffff) + ((draw >> 32) & 0xffff) + (draw >> 48));
}

kith_time_us kith_draw_bell(uint64_t draw, kith_time_us max)
{
	KITH_ASSERT(max >= 0 && max < INT64_MAX / (4 * 0xffff));
	return max * (kith_time_us)sum_of_four(draw) / (4 * 0xffff);
}

int32_t kith_draw_normal_q16(uint64_t seed, uint64_t stream, uint64_t number)
{
	uint32_t sum = 0;
	for (uint64_t i = 0; i < 3; i++)
		sum += sum_of_four(kith_draw(seed, stream, number * 3 + i));
	/* Twelve uniforms in [0, 1) have mean 6 and variance 1. */
	return (int32_t)sum - 6 * 0xffff;
}
