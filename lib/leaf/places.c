#include "leaf/places.h"

#include "base/alloc.h"

unsigned kith_places(const struct kith_core *c)
{
	return c->leaf.spares != NULL ? KITH_HOMES + KITH_SPARES : KITH_HOMES;
}

struct kith_home_slot *kith_place(struct kith_core *c, unsigned i)
{
	return i < KITH_HOMES ? &c->leaf.homes[i] : &c->leaf.spares[i - KITH_HOMES];
}

struct kith_home_slot *kith_place_of(struct kith_core *c, uint32_t session)
{
	for (unsigned i = 0; i < kith_places(c); i++) {
		struct kith_home_slot *place = kith_place(c, i);
		if (place->state != KITH_HOME_FREE && place->session == session)
			return place;
	}
	return NULL;
}

bool kith_place_is_home(const struct kith_core *c, const struct kith_home_slot *place)
{
	for (unsigned i = 0; i < KITH_HOMES; i++) {
		if (place == &c->leaf.homes[i])
			return true;
	}
	return false;
}

static bool names(const struct kith_host *host, const struct kith_endpoint *at)
{
	for (unsigned i = 0; i < host->endpoints_n; i++) {
		if (kith_endpoint_equal(&host->endpoints[i], at))
			return true;
	}
	return false;
}

/* Whether packets of the place's session go to that address. */
static bool leads_to(const struct kith_core *c, const struct kith_home_slot *place, const struct kith_endpoint *at)
{
	const struct kith_session *s = kith_sessions_get(&c->sessions, place->session);
	const struct kith_hop *hop = s != NULL && s->state == KITH_SESSION_OPEN ? kith_session_hop(s) : NULL;
	return hop != NULL && hop->tunnel == 0 && kith_addr_equal(&hop->remote, &at->addr);
}

/* Bootstrap hosts that were not spoken to yet have no key. Who is at an address that is just asked for its key may be
 * told of by a home meanwhile, by any of its addresses; and who is known by its key may be at an address without one.
 */
bool kith_place_in_use(struct kith_core *c, const struct kith_host *host)
{
	static const struct kith_key no_key;
	const bool keyed = memcmp(&host->dh, &no_key, sizeof no_key) != 0;
	const struct kith_endpoint *first = &host->endpoints[0];
	for (unsigned i = 0; i < kith_places(c); i++) {
		const struct kith_home_slot *place = kith_place(c, i);
		if (place->state == KITH_HOME_FREE)
			continue;
		const struct kith_endpoint *at = &place->host.endpoints[0];
		bool same = kith_endpoint_equal(first, at) ||
			    (keyed && memcmp(&place->host.dh, &host->dh, sizeof host->dh) == 0);
		if (memcmp(&place->host.dh, &no_key, sizeof no_key) == 0)
			same = same || names(host, at);
		if (!keyed)
			same = same || leads_to(c, place, first);
		if (same)
			return true;
	}
	return false;
}

bool kith_places_grow(struct kith_core *c)
{
	if (c->leaf.spares == NULL)
		c->leaf.spares = KITH_NEW_ARRAY(c->alloc, struct kith_home_slot, KITH_SPARES);
	return c->leaf.spares != NULL;
}

void kith_places_shrink(struct kith_core *c)
{
	KITH_FREE_ARRAY(c->alloc, c->leaf.spares, KITH_SPARES);
	c->leaf.spares = NULL;
}
