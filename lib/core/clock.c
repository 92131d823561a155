#include "core/clock.h"

#include "leaf/leaf.h"
#include "super/super.h"

static void tell(struct kith_core *c)
{
	unsigned homes;
	int64_t ahead_ms = kith_wall_homes_ahead(&c->wall, &homes);
	int err = !c->now.unix_trusted || kith_wall_is_off(&c->wall) ? KITH_ESKEW : 0;
	struct kith_event *ev = err != c->clock_told ? kith_event_push(c, KITH_EVENT_CLOCK) : NULL;
	if (ev == NULL)
		return;
	ev->err = c->clock_told = err;
	ev->count = homes;
	ev->ahead_ms = ahead_ms;
}

void kith_clock_settle(struct kith_core *c)
{
	if (!c->wall.news)
		return;
	c->wall.news = false;
	if (c->wall.was_set) {
		c->wall.was_set = false;
		KITH_LOG(c->log, KITH_LOG_INFO, "clock_set unix_ms=%lld trusted=%d", (long long)c->now.unix_ms,
			 c->now.unix_trusted);
		if (kith_serves(c) && !c->leaving)
			kith_super_clock_set(c);
		else if (!c->leaving)
			kith_leaf_again(c);
	}
	tell(c);
}
