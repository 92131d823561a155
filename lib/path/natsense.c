#include "path/natsense.h"

#include "base/addr.h"
#include "base/assert.h"

enum {
	STEPS_MAX = 32, /* from one mapping to the next that we made: others behind the NAT make some, too */
	STEPS_NEVER = 128, /* so many others are not made in that time */
	BLOCK_MAX = 2048, /* ports, of the largest range that is given to one customer */
	RANDOM_MIN = 4096, /* three random ports lie within so few once in 80 times; blocks are smaller */
	FAR = 2048, /* mappings in steps, of which the second was made long after the first */
	SURE = 3 /* ports: two lie near each other by chance */
};

/* Those of one transport that tell something, in the order in which their mappings were made. */
struct sightings {
	const struct kith_sighting *at[KITH_NATSENSE_MAX];
	size_t n;
};

static bool same_ip(const struct kith_addr *a, const struct kith_addr *b)
{
	return memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

static void take(struct sightings *s, const struct kith_sighting *o)
{
	size_t i = s->n;
	if (o->seen.family != KITH_FAMILY_V4 || s->n == KITH_NATSENSE_MAX)
		return;
	if (s->n > 0 && o->transport != s->at[0]->transport)
		return;
	for (size_t k = 0; k < s->n; k++) {
		if (kith_addr_equal(&s->at[k]->by, &o->by)) /* the first word of each counts */
			return;
	}
	for (; i > 0 && s->at[i - 1]->at > o->at; i--)
		s->at[i] = s->at[i - 1];
	s->at[i] = o;
	s->n++;
}

static uint8_t mapping_of(const struct sightings *s)
{
	bool own = s->n > 0, one = true, by_address = false;
	for (size_t i = 0; i < s->n; i++)
		own = own && s->at[i]->own;
	if (own)
		return KITH_NATCLASS_MAPPING_NONE;
	for (size_t i = 0; i < s->n; i++) {
		for (size_t k = 0; k < i; k++) {
			bool same = kith_addr_equal(&s->at[i]->seen, &s->at[k]->seen);
			one = one && same;
			by_address = by_address || (same && same_ip(&s->at[i]->by, &s->at[k]->by));
		}
	}
	if (s->n < 2)
		return KITH_NATCLASS_MAPPING_UNKNOWN;
	if (one)
		return KITH_NATCLASS_MAPPING_INDEPENDENT;
	return by_address ? KITH_NATCLASS_MAPPING_ADDRESS : KITH_NATCLASS_MAPPING_PORT;
}

static uint16_t common(uint16_t a, uint16_t b)
{
	while (b != 0) {
		uint16_t rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

/* How the ports of mappings lie that were made one after the other. */
struct gaps {
	/* pairs: made soon after each other; few steps apart; falling; made late, and far */
	unsigned soon, small, down, far;
	unsigned no; /* pairs that no steps are the reason of */
	uint16_t step; /* that all small ones are made of; 0: there are none */
};

static struct gaps gaps_of(const struct sightings *s)
{
	struct gaps g = { 0 };
	for (size_t i = 1; i < s->n; i++) {
		int16_t d = (int16_t)(s->at[i]->seen.port - s->at[i - 1]->seen.port);
		uint16_t size = (uint16_t)(d < 0 ? -d : d);
		if (s->at[i]->at - s->at[i - 1]->at > KITH_NATSENSE_SOON_US) {
			g.far += size > FAR;
			continue;
		}
		g.soon++;
		g.no += d < -STEPS_MAX || d > STEPS_NEVER;
		if (size == 0 || size > STEPS_MAX)
			continue;
		g.small++;
		g.down += d < 0;
		g.step = common(size, g.step);
	}
	return g;
}

static void range_of(const struct sightings *s, uint16_t *low, uint16_t *high)
{
	*low = UINT16_MAX;
	*high = 0;
	for (size_t i = 0; i < s->n; i++) {
		uint16_t port = s->at[i]->seen.port;
		*low = port < *low ? port : *low;
		*high = port > *high ? port : *high;
	}
}

/* A range grows while it is the same kind's, unless it would be larger than one customer's. */
static void set(struct kith_natclass *out, uint8_t allocation, uint16_t step, uint16_t low, uint16_t high)
{
	if (allocation == out->allocation && high > 0) {
		uint16_t lowest = out->port_low < low ? out->port_low : low;
		uint16_t highest = out->port_high > high ? out->port_high : high;
		bool fits = allocation == KITH_NATCLASS_ALLOCATION_RANDOM || highest - lowest < BLOCK_MAX;
		low = fits ? lowest : low;
		high = fits ? highest : high;
	}
	out->allocation = allocation;
	out->step = step;
	out->port_low = low;
	out->port_high = high;
}

/* Of a NAT whose mappings depend on where they lead. */
static void allocation_of(const struct sightings *s, struct kith_natclass *out)
{
	const struct gaps g = gaps_of(s);
	uint16_t low, high;
	range_of(s, &low, &high);
	/* Small by chance in a block as well, but not all of them, nor beside one that is far. */
	bool steps = g.small > 0 && g.small == g.soon && (g.small >= SURE - 1 || g.far > 0);
	if (steps && g.down == g.small)
		return; /* falling: not a kind that is known */
	if (steps) {
		bool known = out->allocation == KITH_NATCLASS_ALLOCATION_STEP;
		set(out, KITH_NATCLASS_ALLOCATION_STEP, common(g.step, known ? out->step : 0), 0, 0);
		return;
	}
	if (s->n < SURE || g.soon == 0 || (g.small > 0 && g.no == 0))
		return;
	uint16_t spread = (uint16_t)(high - low);
	if (spread < BLOCK_MAX)
		set(out, KITH_NATCLASS_ALLOCATION_BLOCK, 0, low, high);
	else if (spread >= RANDOM_MIN)
		set(out, KITH_NATCLASS_ALLOCATION_RANDOM, 0, low, high);
}

void kith_natsense(const struct kith_sighting list[], size_t n, const struct kith_natclass *before,
		   struct kith_natclass *out)
{
	struct sightings s = { .n = 0 };
	bool preserved = true, one_address = true;
	for (size_t i = 0; i < n; i++)
		take(&s, &list[i]);
	*out = *before;
	uint8_t mapping = mapping_of(&s);
	for (size_t i = 0; i < s.n; i++) {
		preserved = preserved && s.at[i]->seen.port == s.at[i]->local_port;
		one_address = one_address && same_ip(&s.at[i]->seen, &s.at[0]->seen);
	}
	if (mapping != before->mapping) {
		out->allocation = KITH_NATCLASS_ALLOCATION_UNKNOWN;
		out->step = out->port_low = out->port_high = 0;
	}
	out->mapping = mapping;
	if (s.n == 0 || mapping == KITH_NATCLASS_MAPPING_NONE)
		return;
	if (preserved)
		out->allocation = KITH_NATCLASS_ALLOCATION_PRESERVED;
	else if (mapping == KITH_NATCLASS_MAPPING_PORT || mapping == KITH_NATCLASS_MAPPING_ADDRESS) {
		if (one_address)
			allocation_of(&s, out);
	} else {
		out->allocation = KITH_NATCLASS_ALLOCATION_UNKNOWN; /* one port of one mapping tells nothing */
	}
}
