#include "super/uplink.h"

#define SHORT_US (100 * KITH_US_PER_MS) /* a queue that nobody minds; a request is repeated after 90 ms and more */
#define FULL_US KITH_US_PER_S /* what is beyond is lost on the link, and so it is none of the queue */
#define CALM_US (200 * KITH_US_PER_MS)
enum {
	WAKE_OF_A_LEAF = 8000, /* bytes that another leaf costs, besides its first REPLY */
	SHARE = 4 /* one part in so many of the rate is for what waits, whatever else there is */
};

static kith_time_us takes(const struct kith_core *c, uint64_t bytes)
{
	const uint64_t rate = c->super->fwd.limits.rate;
	return rate > 0 ? (kith_time_us)(bytes * (uint64_t)KITH_US_PER_S / rate) : 0;
}

static kith_time_us later(kith_time_us a, kith_time_us b)
{
	return a > b ? a : b;
}

void kith_uplink_sent(struct kith_core *c, uint64_t bytes)
{
	struct kith_uplink *u = &c->super->uplink;
	u->owed_us = 0;
	u->free_at = later(u->free_at, c->now.mono_us) + takes(c, bytes);
	if (u->free_at > c->now.mono_us + FULL_US)
		u->free_at = c->now.mono_us + FULL_US;
}

void kith_uplink_owes(struct kith_core *c, uint64_t bytes)
{
	struct kith_uplink *u = &c->super->uplink;
	u->owed_us += takes(c, bytes);
	u->share_at = later(u->share_at, c->now.mono_us) + SHARE * takes(c, bytes);
}

kith_time_us kith_uplink_wait(const struct kith_core *c)
{
	const struct kith_uplink *u = &c->super->uplink;
	kith_time_us all = later(u->free_at - c->now.mono_us, 0) + u->owed_us;
	kith_time_us share = later(u->share_at - c->now.mono_us, 0);
	kith_time_us queue = all < share ? all : share;
	return queue > SHORT_US ? queue - SHORT_US : 0;
}

kith_time_us kith_uplink_attached(struct kith_core *c)
{
	struct kith_uplink *u = &c->super->uplink;
	u->settled_at = later(u->settled_at, c->now.mono_us) + takes(c, WAKE_OF_A_LEAF);
	kith_time_us wait = u->settled_at - c->now.mono_us;
	if (wait < CALM_US)
		return 0;
	return wait < KITH_ATTACH_WAIT_US ? wait : KITH_ATTACH_WAIT_US;
}
