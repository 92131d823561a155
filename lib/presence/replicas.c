#include "presence/replicas.h"

#include <string.h>

#include "base/assert.h"

/* Members in the order of the walk, fetched as far as they are needed. */
struct nearest {
	struct kith_member_walk walk;
	const struct kith_member *at[KITH_REPLICA_WALK];
	bool taken[KITH_REPLICA_WALK];
	uint32_t n;
};

static const struct kith_member *nearest_get(struct nearest *near, uint32_t i)
{
	if (i == KITH_REPLICA_WALK)
		return NULL;
	if (i == near->n) {
		near->at[i] = kith_member_walk_next(&near->walk);
		if (near->at[i] == NULL)
			return NULL;
		near->taken[i] = false;
		near->n++;
	}
	return near->at[i];
}

static bool prefix_taken(const struct kith_member *const out[], uint32_t n, uint64_t prefix)
{
	for (uint32_t i = 0; i < n; i++) {
		if (out[i]->prefix == prefix)
			return true;
	}
	return false;
}

static uint32_t choose(struct nearest *near, const struct kith_member *out[KITH_REPLICAS])
{
	uint32_t n = 0;
	for (unsigned pass = 0; pass < 2; pass++) {
		const struct kith_member *m;
		for (uint32_t i = 0; n < KITH_REPLICAS && (m = nearest_get(near, i)) != NULL; i++) {
			if (near->taken[i] || (pass == 0 && prefix_taken(out, n, m->prefix)))
				continue;
			near->taken[i] = true;
			out[n++] = m;
		}
	}
	return n;
}

uint32_t kith_replicas_find(const struct kith_members *ms, const struct kith_id *key, uint32_t group,
			    const struct kith_member *out[KITH_REPLICAS])
{
	struct nearest near;
	KITH_ASSERT(group < KITH_REPLICA_GROUPS);
	near.n = 0;
	kith_member_walk_init(&near.walk, ms, key);
	uint32_t n = choose(&near, out);
	while (group-- > 0)
		n = choose(&near, out);
	return n;
}

uint32_t kith_replicas_number(const struct kith_members *ms, const struct kith_id *key)
{
	const struct kith_member *out[KITH_REPLICAS];
	uint32_t n = kith_replicas_find(ms, key, 0, out), h = n;
	for (uint32_t i = 0; i < n; i++)
		h = (h ^ kith_member_copy(out[i])) * 0x9e3779b1u;
	return h | 1;
}

static bool holds(const struct kith_member *const list[], uint32_t n, const struct kith_id *id)
{
	for (uint32_t i = 0; i < n; i++) {
		if (memcmp(list[i]->id.b, id->b, sizeof id->b) == 0)
			return true;
	}
	return false;
}

bool kith_replicas_near(const struct kith_members *ms, const struct kith_id *key, const struct kith_id *id)
{
	const struct kith_member *out[KITH_REPLICAS];
	struct nearest near;
	bool found = false;
	near.n = 0;
	kith_member_walk_init(&near.walk, ms, key);
	for (unsigned group = 0; group < KITH_REPLICA_GROUPS && !found; group++)
		found = holds(out, choose(&near, out), id);
	return found;
}

uint32_t kith_replicas_unlisted(const struct kith_members *ms, const struct kith_id *key, struct kith_span listed,
				const struct kith_member *out[KITH_REPLICAS])
{
	uint32_t n = kith_replicas_find(ms, key, 0, out), kept = 0;
	for (uint32_t i = 0; i < n; i++) {
		bool known = false;
		for (size_t at = 0; at + KITH_MEMBER_ID_PREFIX <= listed.len; at += KITH_MEMBER_ID_PREFIX)
			known |= memcmp(listed.p + at, out[i]->id.b, KITH_MEMBER_ID_PREFIX) == 0;
		if (!known)
			out[kept++] = out[i];
	}
	return kept;
}
