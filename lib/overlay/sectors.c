#include "overlay/sectors.h"

enum { SIDES = 3 }; /* our own sector, and those beside it */

uint64_t kith_sectors_place(const uint8_t *id)
{
	uint64_t place = 0;
	for (size_t i = 0; i < sizeof place; i++)
		place = place << 8 | id[i];
	return place;
}

bool kith_sectors_share(const struct kith_sectors *s, uint64_t a, uint64_t b)
{
	uint64_t mask = (UINT64_C(1) << s->bits) - 1, apart = (kith_sectors_of(s, a) - kith_sectors_of(s, b)) & mask;
	return apart <= 1 || apart == mask;
}

/* As many hex digits as tell sectors apart. */
static unsigned depth_of(const struct kith_sectors *s)
{
	return s->bits < 2 ? 0 : (s->bits + 3u) / 4;
}

int kith_sectors_side(const struct kith_sectors *s, uint64_t place)
{
	uint64_t own = kith_sectors_of(s, s->self), of = kith_sectors_of(s, place);
	return own == of ? 0 : ((own + 1) & ((UINT64_C(1) << s->bits) - 1)) == of ? 1 : -1;
}

unsigned kith_sectors_ranges(const struct kith_sectors *s)
{
	return s->bits < 2 ? 1u : (unsigned)SIDES << (4 * depth_of(s) - s->bits);
}

struct kith_gossip_range kith_sectors_range(const struct kith_sectors *s, unsigned i)
{
	struct kith_gossip_range r = { (uint8_t)depth_of(s), 0 };
	if (r.depth == 0)
		return r;
	uint64_t first = (kith_sectors_of(s, s->self) - 1) << (4 * r.depth - s->bits);
	r.path = (uint32_t)((first + i) & ((UINT64_C(1) << (4 * r.depth)) - 1));
	return r;
}

uint64_t kith_sectors_begin(struct kith_gossip_range r)
{
	return r.depth == 0 ? 0 : (uint64_t)r.path << (64 - 4 * r.depth);
}

bool kith_sectors_whole(const struct kith_sectors *s, struct kith_gossip_range r)
{
	return s->bits < 2 || (4u * r.depth >= s->bits && kith_sectors_share(s, s->self, kith_sectors_begin(r)));
}

void kith_sectors_point(const struct kith_sectors *s, const struct kith_id *self, uint64_t sector, struct kith_id *out)
{
	uint64_t rest = s->bits == 0 ? s->self : s->self << s->bits >> s->bits;
	uint64_t place = s->bits == 0 ? rest : sector << (64 - s->bits) | rest;
	*out = *self;
	for (size_t i = 0; i < sizeof place; i++)
		out->b[i] = (uint8_t)(place >> (56 - 8 * i));
}
