#include "leaf/turn.h"

#include "base/rng.h"

#define ALONE_US (KITH_US_PER_S / 2) /* for the first one to answer */
#define SETTLE_US (50 * KITH_US_PER_MS) /* until as many homes as came together are in the record */
#define MORE_US (400 * KITH_US_PER_MS) /* until there are more: a slow round trip or two */

static bool trying(const struct kith_core *c)
{
	bool any = false;
	for (size_t i = 0; i < KITH_HOMES; i++)
		any = any || c->leaf.homes[i].state == KITH_HOME_CONNECTING;
	return any;
}

kith_time_us kith_turn_next(const struct kith_core *c, unsigned homes)
{
	if (homes > 0)
		return c->leaf.more_at;
	return c->leaf.attempts == 0 && trying(c) ? c->leaf.alone_at + ALONE_US : 0;
}

kith_time_us kith_turn_told(struct kith_core *c, uint32_t wait_ms)
{
	const kith_time_us told = (kith_time_us)wait_ms * KITH_US_PER_MS, now = c->now.mono_us;
	const kith_time_us wait = told < KITH_ATTACH_WAIT_US ? told : KITH_ATTACH_WAIT_US;
	if (wait == 0)
		return 0;
	c->leaf.more_at = now + kith_rng_below(c->random, (uint32_t)wait);
	if (c->leaf.eased_until < now + 2 * wait)
		c->leaf.eased_until = now + 2 * wait;
	return wait;
}

kith_time_us kith_turn_record(const struct kith_core *c, unsigned homes)
{
	return homes < KITH_HOMES && c->leaf.more_at <= c->now.mono_us ? MORE_US : SETTLE_US;
}
