#include "overlay/pick.h"

#include <string.h>

#include "base/rng.h"

enum { TRIES_PER_PICK = 8 };

/* How choosy a pick is. */
enum pick { PICK_KNOWN_DIVERSE, PICK_DIVERSE, PICK_ANY };

bool kith_members_is_in(const struct kith_members *ms, enum kith_pick_from from, const struct kith_member *m)
{
	uint64_t place = kith_sectors_place(m->id.b), self = ms->sectors.self;
	return from == KITH_PICK_FROM_ALL ||
	       (from == KITH_PICK_FROM_NEAR
			? kith_sectors_share(&ms->sectors, self, place)
			: kith_sectors_of(&ms->sectors, self) == kith_sectors_of(&ms->sectors, place));
}

static bool pickable(const struct kith_members *ms, enum kith_pick_from from, const struct kith_member *m,
		     kith_time_us now, const struct kith_id *self, const struct kith_member *const out[], uint32_t n,
		     enum pick how)
{
	if (!kith_member_live(m) || kith_member_suspect(m, now) || !kith_members_is_in(ms, from, m) ||
	    (how == PICK_KNOWN_DIVERSE && kith_member_newcomer(m, now)))
		return false;
	if (self != NULL && memcmp(m->id.b, self->b, sizeof self->b) == 0)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		if (out[i] == m || (how != PICK_ANY && out[i]->prefix == m->prefix))
			return false;
	}
	return true;
}

uint32_t kith_members_pick_from(const struct kith_members *ms, enum kith_pick_from from,
				const struct kith_random *random, kith_time_us now, const struct kith_id *self,
				const struct kith_member *out[], uint32_t n)
{
	uint32_t have = 0;
	if (ms->n == 0)
		return 0;
	for (enum pick how = PICK_KNOWN_DIVERSE; how <= PICK_DIVERSE; how++) {
		for (uint32_t tries = TRIES_PER_PICK * n; tries > 0 && have < n; tries--) {
			const struct kith_member *m = ms->at[kith_rng_below(random, ms->n)];
			if (pickable(ms, from, m, now, self, out, have, how))
				out[have++] = m;
		}
	}
	/* Few members or few prefixes: one round from a random place takes what is there. */
	uint32_t start = have < n ? kith_rng_below(random, ms->n) : 0;
	for (uint32_t i = 0; i < ms->n && have < n; i++) {
		const struct kith_member *m = ms->at[(start + i) % ms->n];
		if (pickable(ms, from, m, now, self, out, have, PICK_ANY))
			out[have++] = m;
	}
	return have;
}

uint32_t kith_members_pick(const struct kith_members *ms, const struct kith_random *random, kith_time_us now,
			   const struct kith_id *self, const struct kith_member *out[], uint32_t n)
{
	return kith_members_pick_from(ms, KITH_PICK_FROM_ALL, random, now, self, out, n);
}
