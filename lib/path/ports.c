#include "path/ports.h"

#include <stdbool.h>

#include "base/assert.h"

enum {
	PORT_MIN = 1024, /* others are given to few flows, and probed by nobody */
	NEAR_OF = 4, /* of so many, one is far */
	STRIDE = 619, /* primes: at most one of them divides any count of ports */
	OTHER_STRIDE = 617
};

static uint32_t len_of(uint16_t low, uint16_t high)
{
	return (uint32_t)high - low + 1;
}

static uint32_t near_len(const struct kith_ports *p)
{
	return p->near_high == 0 ? 0 : len_of(p->near_low, p->near_high);
}

uint32_t kith_ports_count(const struct kith_ports *p)
{
	return len_of(p->low, p->high);
}

static uint32_t scatter(uint32_t start, uint32_t i, uint32_t n)
{
	const uint64_t stride = n % STRIDE == 0 ? OTHER_STRIDE : STRIDE;
	return (uint32_t)((start % n + i * stride) % n);
}

uint16_t kith_ports_at(const struct kith_ports *p, uint32_t i)
{
	const uint32_t all = kith_ports_count(p), near = near_len(p), far = all - near;
	const uint32_t of_near = NEAR_OF - 1;
	const uint32_t mixed = near / of_near < far ? near / of_near : far; /* groups of which one is far */
	uint32_t at, nth;
	bool is_near;
	KITH_ASSERT(i < all && p->low <= p->high);
	if (i < mixed * NEAR_OF) {
		is_near = i % NEAR_OF != of_near;
		nth = is_near ? i / NEAR_OF * of_near + i % NEAR_OF : i / NEAR_OF;
	} else {
		const uint32_t rest = i - mixed * NEAR_OF, near_rest = near - mixed * of_near;
		is_near = rest < near_rest;
		nth = is_near ? mixed * of_near + rest : mixed + rest - near_rest;
	}
	if (is_near)
		return (uint16_t)(p->near_low + scatter(p->start, nth, near));
	at = p->low + scatter(p->start, nth, far);
	return (uint16_t)(near > 0 && at >= p->near_low ? at + near : at);
}

struct kith_ports kith_ports_around(uint16_t seen_low, uint16_t seen_high)
{
	struct kith_ports p = { .low = PORT_MIN, .high = UINT16_MAX };
	const uint32_t margin = (len_of(seen_low, seen_high) + 3) / 4;
	if (seen_low == 0 || seen_low > seen_high || seen_high < PORT_MIN)
		return p;
	p.near_low = seen_low > PORT_MIN + margin ? (uint16_t)(seen_low - margin) : PORT_MIN;
	p.near_high = seen_high < UINT16_MAX - margin ? (uint16_t)(seen_high + margin) : UINT16_MAX;
	return p;
}
