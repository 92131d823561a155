#include "overlay/witnesses.h"

#include <string.h>

#include "base/addr.h"

enum { STEPS_MAX = 64 }; /* as for replicas: beyond them all are of few prefixes */

void kith_witnesses_key(const struct kith_suite *suite, const struct kith_id *candidate, int64_t unix_ms,
			struct kith_id *out)
{
	uint8_t day[8];
	struct kith_writer w = kith_writer_of(day, sizeof day);
	const struct kith_span parts[] = { { candidate->b, sizeof candidate->b }, { day, sizeof day } };
	const struct kith_span no_key = { NULL, 0 };
	kith_write_u64(&w, (uint64_t)(unix_ms / KITH_WITNESS_DAY_MS));
	suite->blake2b(out->b, sizeof out->b, no_key, parts, 2);
}

static bool taken(const struct kith_member *const out[], uint32_t n, uint64_t prefix)
{
	for (uint32_t i = 0; i < n; i++) {
		if (out[i]->prefix == prefix)
			return true;
	}
	return false;
}

uint32_t kith_witnesses_find(const struct kith_members *ms, const struct kith_id *key,
			     const struct kith_endpoint *endpoint, const struct kith_member *out[KITH_WITNESSES_MAX])
{
	const uint64_t own = kith_addr_diversity_prefix(&endpoint->addr);
	struct kith_member_walk walk;
	const struct kith_member *m;
	uint32_t n = 0;
	kith_member_walk_init(&walk, ms, key);
	for (int i = 0; i < STEPS_MAX && n < KITH_WITNESSES_MAX && (m = kith_member_walk_next(&walk)) != NULL; i++) {
		if (m->prefix != own && !taken(out, n, m->prefix))
			out[n++] = m;
	}
	return n;
}

bool kith_witnesses_few(const struct kith_members *ms, uint32_t found)
{
	return found < KITH_WITNESSES_MAX && ms->n <= STEPS_MAX;
}

bool kith_witnesses_has(const struct kith_members *ms, const struct kith_id *candidate, const struct kith_now *now,
			const struct kith_endpoint *endpoint, const struct kith_id *self)
{
	const int64_t off_ms[] = { 0, -KITH_CLOCK_TOLERANCE_MS, KITH_CLOCK_TOLERANCE_MS };
	for (size_t i = 0; i < sizeof off_ms / sizeof off_ms[0]; i++) {
		const struct kith_member *found[KITH_WITNESSES_MAX];
		struct kith_id key;
		int64_t at = now->unix_ms + off_ms[i];
		kith_witnesses_key(ms->trust->suite, candidate, at > 0 ? at : 0, &key);
		uint32_t n = kith_witnesses_find(ms, &key, endpoint, found);
		for (uint32_t k = 0; k < n; k++) {
			if (memcmp(found[k]->id.b, self->b, sizeof self->b) == 0)
				return true;
		}
	}
	return false;
}
