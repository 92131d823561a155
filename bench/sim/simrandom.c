#include "sim/simrandom.h"

#include <string.h>

#include "net/draw.h"

#define STREAM_NODES UINT64_C(0x72616e646f6d)

static void fill(void *ctx, uint8_t *out, size_t len)
{
	struct kith_simrandom *r = ctx;
	while (len > 0) {
		uint64_t word = kith_draw(r->seed, r->stream, r->count++);
		size_t n = len < sizeof word ? len : sizeof word;
		for (size_t i = 0; i < n; i++)
			out[i] = (uint8_t)(word >> (8 * i));
		out += n;
		len -= n;
	}
}

void kith_simrandom_init(struct kith_simrandom *r, uint64_t seed, uint64_t stream)
{
	r->random.fill = fill;
	r->random.ctx = r;
	r->seed = seed ^ STREAM_NODES;
	r->stream = stream;
	r->count = 0;
}
