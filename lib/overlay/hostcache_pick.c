/* Which host of the cache is tried next. */
#include "base/rng.h"
#include "overlay/hostcache.h"

/* How far host i is from an ideal choice, given the hosts in use. */
static enum kith_hostcache_relax strain(const struct kith_hostcache *hc, int i)
{
	enum kith_hostcache_relax need = KITH_PICK_STRICT;
	uint64_t prefix = kith_hostcache_prefix(hc, i);
	for (int k = 0; k < hc->n; k++) {
		if (k == i || (hc->at[k].flags & KITH_HOST_USED) == 0)
			continue;
		if (hc->at[i].source != 0 && hc->at[k].source == hc->at[i].source)
			return KITH_PICK_ANY;
		if (kith_hostcache_prefix(hc, k) == prefix)
			need = KITH_PICK_SAME_PREFIX;
	}
	return need;
}

/* Lower is tried earlier. */
static unsigned rank(const struct kith_hostcache_entry *e)
{
	if (e->failures > 0)
		return 4;
	if ((e->flags & KITH_HOST_ANCHOR) != 0)
		return 0;
	if (e->success_ms != 0)
		return 1;
	return (e->flags & KITH_HOST_BOOTSTRAP) != 0 ? 3 : 2;
}

int kith_hostcache_pick_by(const struct kith_hostcache *hc, kith_time_us now, const struct kith_random *random,
			   enum kith_hostcache_relax relax, const struct kith_hostcache_classes *classes)
{
	enum { RANKS = 5 };
	unsigned best = UINT32_MAX;
	uint32_t equals = 0;
	int found = KITH_ENOENT;
	for (int i = 0; i < hc->n; i++) {
		const struct kith_hostcache_entry *e = &hc->at[i];
		if ((e->flags & KITH_HOST_USED) != 0 || (e->failures > 0 && e->retry_at > now))
			continue;
		enum kith_hostcache_relax need = strain(hc, i);
		if (need > relax)
			continue;
		/* Hosts that failed come after all that did not: when many are gone at once, variety must wait. */
		unsigned class = (e->flags & KITH_HOST_LIED) != 0 ? 2 : e->failures > 0;
		if (classes != NULL)
			class = class * classes->n + classes->of(classes->ctx, i);
		unsigned score = class * (KITH_PICK_ANY + 1) * RANKS + (unsigned)need * RANKS + rank(e);
		if (score > best)
			continue;
		equals = score < best ? 1 : equals + 1;
		best = score;
		if (kith_rng_below(random, equals) == 0)
			found = i;
	}
	return found;
}

int kith_hostcache_pick(const struct kith_hostcache *hc, kith_time_us now, const struct kith_random *random,
			enum kith_hostcache_relax relax)
{
	return kith_hostcache_pick_by(hc, now, random, relax, NULL);
}

kith_time_us kith_hostcache_retry_at(const struct kith_hostcache *hc)
{
	kith_time_us at = KITH_TIME_NEVER;
	for (int i = 0; i < hc->n; i++) {
		const struct kith_hostcache_entry *e = &hc->at[i];
		kith_time_us when = e->failures > 0 ? e->retry_at : 0;
		if ((e->flags & KITH_HOST_USED) == 0 && when < at)
			at = when;
	}
	return at;
}
