/* One placement for an identity; see placements.h. */
#include "identity/placements.h"

#include "base/alloc.h"

struct placed {
	struct kith_key identity;
	uint8_t placement[KITH_PLACEMENT_LEN];
	int64_t expires_ms;
};

void kith_placements_init(struct kith_placements *p, const struct kith_alloc *alloc, const uint64_t seed[2])
{
	p->alloc = alloc;
	kith_table_init(&p->of, alloc, KITH_PLACEMENTS_MAX, KITH_TABLE_KEY(struct placed, identity), seed);
}

static bool is_over(const struct placed *placed, const struct kith_now *now)
{
	return placed->expires_ms < now->unix_ms - KITH_CLOCK_TOLERANCE_MS;
}

/* Those that are over; with now NULL all. */
static void sweep(struct kith_placements *p, const struct kith_now *now)
{
	uint32_t it = 0;
	for (struct placed *placed = kith_table_next(&p->of, &it); placed != NULL;
	     placed = kith_table_next(&p->of, &it)) {
		if (now != NULL && !is_over(placed, now))
			continue;
		(void)kith_table_remove(&p->of, placed->identity.b);
		KITH_FREE(p->alloc, placed);
		it--;
	}
}

void kith_placements_deinit(struct kith_placements *p)
{
	sweep(p, NULL);
	kith_table_deinit(&p->of);
}

/* What is not remembered cannot be held against another one: no reason to refuse this one. */
static void remember(struct kith_placements *p, const struct kith_now *now, const struct placed *fresh)
{
	if (p->of.n == p->of.max)
		sweep(p, now);
	struct placed *placed = p->of.n < p->of.max ? KITH_NEW(p->alloc, struct placed) : NULL;
	if (placed == NULL)
		return;
	*placed = *fresh;
	if (kith_table_put(&p->of, placed) != 0)
		KITH_FREE(p->alloc, placed);
}

int kith_placements_take(struct kith_placements *p, const struct kith_now *now, const struct kith_key *identity,
			 const uint8_t placement[KITH_PLACEMENT_LEN], int64_t expires_ms,
			 uint8_t former[KITH_PLACEMENT_LEN])
{
	struct placed fresh = { .identity = *identity, .expires_ms = expires_ms };
	memcpy(fresh.placement, placement, KITH_PLACEMENT_LEN);
	struct placed *held = kith_table_get(&p->of, identity->b);
	if (held == NULL) {
		remember(p, now, &fresh);
		return KITH_PLACING_HOLDS;
	}
	int order = memcmp(placement, held->placement, KITH_PLACEMENT_LEN);
	if (order > 0 && !is_over(held, now))
		return KITH_EACCES;
	if (order == 0 && held->expires_ms > expires_ms)
		return KITH_PLACING_HOLDS;
	memcpy(former, held->placement, KITH_PLACEMENT_LEN);
	*held = fresh;
	return order == 0 ? KITH_PLACING_HOLDS : KITH_PLACING_REPLACES;
}
