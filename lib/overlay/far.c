#include "overlay/far.h"

#include <string.h>

enum {
	WALK = 64, /* members around the point, of which guides are chosen */
	GUIDES_MAX = 16
};

static bool taken(const struct kith_member *const out[], unsigned n, const struct kith_member *m, bool diverse)
{
	for (unsigned i = 0; i < n; i++) {
		if (out[i] == m || (diverse && out[i]->prefix == m->prefix))
			return true;
	}
	return false;
}

static void choose(struct kith_members *ms, const struct kith_id *self, uint64_t sector)
{
	const struct kith_member *out[GUIDES_MAX], *m;
	struct kith_id point;
	unsigned n = 0;
	kith_sectors_point(&ms->sectors, self, sector, &point);
	for (int diverse = 1; diverse >= 0; diverse--) {
		struct kith_member_walk walk;
		kith_member_walk_init(&walk, ms, &point);
		for (unsigned i = 0; i < WALK && n < ms->sectors.guides && n < GUIDES_MAX; i++) {
			m = kith_member_walk_next(&walk);
			if (m == NULL)
				break;
			if (kith_sectors_of(&ms->sectors, kith_sectors_place(m->id.b)) == sector &&
			    !taken(out, n, m, diverse != 0))
				out[n++] = m;
		}
	}
	for (unsigned i = 0; i < n; i++)
		kith_members_get(ms, &out[i]->id)->guide = true;
}

/* So few are near that half as many sectors, or a full view, would do. */
static void widen(struct kith_members *ms, kith_time_us now)
{
	struct kith_sectors *s = &ms->sectors;
	uint32_t near = kith_members_near(ms);
	if (s->bits == 0 || now - s->since < KITH_SECTORS_HOLD_US)
		return;
	if (kith_members_estimate(ms) < s->full / 2)
		s->bits = 0;
	else if (s->bits > 1 && near < s->size * 3 / 4) /* a quarter of the size in each of three */
		s->bits--;
	else
		return;
	s->since = now;
	s->teller = 0;
	ms->rechecked = 0; /* of some that are near now nobody has looked at the attestations */
}

void kith_far_settle(struct kith_members *ms, kith_time_us now, const struct kith_id *self)
{
	struct kith_sectors *s = &ms->sectors;
	if (s->bits == 0 || (s->marked && now - s->settled < KITH_MEMBERS_SWEEP_US))
		return;
	widen(ms, now);
	for (uint32_t i = 0; i < ms->n; i++)
		ms->at[i]->guide = false;
	for (uint64_t sector = 0; sector < UINT64_C(1) << s->bits; sector++)
		choose(ms, self, sector);
	s->marked = true;
	s->settled = now;
}

void kith_far_told(struct kith_members *ms, kith_time_us now, uint64_t teller, uint32_t supernodes)
{
	struct kith_sectors *s = &ms->sectors;
	if (supernodes < s->full || supernodes / 2 < kith_members_estimate(ms))
		return;
	if (s->teller != 0 && s->teller != teller)
		kith_members_narrow(ms, now, supernodes);
	s->teller = teller;
}
