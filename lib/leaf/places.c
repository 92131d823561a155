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

bool kith_place_in_use(struct kith_core *c, const struct kith_host *host)
{
	static const struct kith_key no_key; /* bootstrap hosts not spoken to yet have none, and are all different */
	bool keyed = memcmp(&host->dh, &no_key, sizeof no_key) != 0;
	for (unsigned i = 0; i < kith_places(c); i++) {
		const struct kith_home_slot *place = kith_place(c, i);
		bool same_key = keyed && memcmp(&place->host.dh, &host->dh, sizeof host->dh) == 0;
		if (place->state != KITH_HOME_FREE &&
		    (same_key || kith_endpoint_equal(&place->host.endpoints[0], &host->endpoints[0])))
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
