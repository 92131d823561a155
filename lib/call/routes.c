#include "call/routes.h"

#include "base/addr.h"
#include "base/alloc.h"
#include "base/bytes.h"

enum { SLOTS_FIRST = 16, SLOTS_PER_LIVE = 4 };

/* The slot where a search for the tunnel begins. A relay chooses its numbers, and so must not know where they lie. */
static uint32_t slot_of(const struct kith_core *c, uint64_t tunnel)
{
	uint8_t b[sizeof tunnel];
	kith_number_bytes(b, sizeof b, tunnel);
	return (uint32_t)kith_hash64(c->sessions.by_index.seed, b, sizeof b) & (c->routes.cap - 1);
}

/* The open session of an entry, if one of its paths still takes that tunnel; remote NULL: of any supernode. */
static struct kith_session *user_of(const struct kith_core *c, const struct kith_talk_route *r,
				    const struct kith_addr *remote)
{
	struct kith_session *s = r->session != 0 ? kith_sessions_get(&c->sessions, r->session) : NULL;
	if (s == NULL || !(s->use & KITH_USE_PEER) || s->state != KITH_SESSION_OPEN)
		return NULL;
	for (unsigned i = 0; i < kith_pathset_count(&s->paths); i++) {
		const struct kith_hop *hop = &kith_pathset_path(&s->paths, i)->hop;
		if (hop->tunnel == r->tunnel && (remote == NULL || kith_addr_equal(&hop->remote, remote)))
			return s;
	}
	return NULL;
}

static void put(struct kith_core *c, struct kith_talk_route route)
{
	struct kith_talk_routes *r = &c->routes;
	uint32_t i = slot_of(c, route.tunnel);
	for (; r->slots[i].session != 0; i = (i + 1) & (r->cap - 1)) {
		if (r->slots[i].tunnel == route.tunnel && r->slots[i].session == route.session)
			return;
	}
	r->slots[i] = route;
	r->n++;
}

/* Room for one more: when half is full, the live entries move to a table of which they fill a quarter. */
static bool reserve(struct kith_core *c)
{
	struct kith_talk_routes old = c->routes;
	uint32_t live = 1, cap = SLOTS_FIRST;
	if (2 * old.n < old.cap)
		return true;
	for (uint32_t i = 0; i < old.cap; i++)
		live += user_of(c, &old.slots[i], NULL) != NULL;
	while (cap < SLOTS_PER_LIVE * live)
		cap *= 2;
	struct kith_talk_route *slots = KITH_NEW_ARRAY(c->alloc, struct kith_talk_route, cap);
	if (slots == NULL)
		return false;
	c->routes = (struct kith_talk_routes){ slots, 0, cap };
	for (uint32_t i = 0; i < old.cap; i++) {
		if (user_of(c, &old.slots[i], NULL) != NULL)
			put(c, old.slots[i]);
	}
	KITH_FREE_ARRAY(c->alloc, old.slots, old.cap);
	return true;
}

void kith_routes_note(struct kith_core *c, const struct kith_session *s)
{
	for (unsigned i = 0; i < kith_pathset_count(&s->paths); i++) {
		uint64_t tunnel = kith_pathset_path(&s->paths, i)->hop.tunnel;
		if (tunnel == 0)
			continue;
		if (reserve(c))
			put(c, (struct kith_talk_route){ tunnel, s->index });
		else
			kith_stats_add(c->stats, KITH_STAT_ALLOC_FAILED, 1);
	}
}

struct kith_session *kith_routes_next(const struct kith_core *c, const struct kith_hop *hop, uint32_t *it)
{
	const struct kith_talk_routes *r = &c->routes;
	while (*it < r->cap) {
		const struct kith_talk_route *at = &r->slots[(slot_of(c, hop->tunnel) + (*it)++) & (r->cap - 1)];
		struct kith_session *s = at->tunnel == hop->tunnel ? user_of(c, at, &hop->remote) : NULL;
		if (s != NULL || at->session == 0)
			return s;
	}
	return NULL;
}

bool kith_routes_through(const struct kith_core *c, const struct kith_addr *remote)
{
	for (uint32_t i = 0; i < c->routes.cap; i++) {
		if (user_of(c, &c->routes.slots[i], remote) != NULL)
			return true;
	}
	return false;
}

void kith_routes_deinit(struct kith_core *c)
{
	KITH_FREE_ARRAY(c->alloc, c->routes.slots, c->routes.cap);
	memset(&c->routes, 0, sizeof c->routes);
}
