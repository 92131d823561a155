#include "path/offer.h"

#include "base/addr.h"

enum { OWN_PLACES = 3 }; /* for addresses of one's own, whatever others see: both ways out, and one more */

struct choice {
	const struct kith_own_list *own;
	bool taken[KITH_OWN_MAX];
	struct kith_candidate *out;
	size_t n;
};

static void take(struct choice *c, size_t i)
{
	if (c->taken[i] || c->n == KITH_CANDIDATES_MAX)
		return;
	c->taken[i] = true;
	c->out[c->n++] = c->own->list[i];
}

static bool is_first_of_transport(const struct kith_own_list *own, size_t i)
{
	for (size_t k = 0; k < i; k++) {
		if (own->list[k].kind == KITH_ADDR_HOST && own->list[k].transport == own->list[i].transport)
			return false;
	}
	return true;
}

static bool is_near(const struct kith_candidate *c, const struct kith_candidates *theirs)
{
	for (unsigned i = 0; i < theirs->n; i++) {
		const struct kith_addr *addr = &theirs->list[i].at.addr;
		if (theirs->list[i].kind == KITH_ADDR_HOST &&
		    kith_addr_same_prefix(&c->at.addr, addr, kith_prefix_bits(addr->family, c->prefix_bits)))
			return true;
	}
	return false;
}

size_t kith_offer_choose(const struct kith_own_list *own, const struct kith_candidates *theirs, uint8_t round,
			 struct kith_candidate out[KITH_CANDIDATES_MAX])
{
	struct choice c = { .own = own, .out = out };
	size_t hosts = 0;
	for (size_t i = 0; i < own->n; i++)
		hosts += own->list[i].kind == KITH_ADDR_HOST;
	size_t others_max = KITH_CANDIDATES_MAX - (hosts < OWN_PLACES ? hosts : OWN_PLACES);
	for (size_t i = 0; i < own->n && c.n < others_max; i++) {
		if (own->list[i].kind != KITH_ADDR_HOST)
			take(&c, i);
	}
	for (size_t i = 0; i < own->n; i++) {
		if (own->list[i].kind == KITH_ADDR_HOST && is_first_of_transport(own, i))
			take(&c, i);
	}
	for (size_t i = 0; i < own->n; i++) {
		if (own->list[i].kind == KITH_ADDR_HOST && own->list[i].worked)
			take(&c, i);
	}
	for (size_t i = 0; i < own->n; i++) {
		if (own->list[i].kind == KITH_ADDR_HOST && is_near(&own->list[i], theirs))
			take(&c, i);
	}
	/* The rest begins where the round before ended, if all of it could be named in turn. */
	size_t rest[KITH_OWN_MAX], rest_n = 0, room = KITH_CANDIDATES_MAX - c.n;
	for (size_t i = 0; i < own->n; i++) {
		if (!c.taken[i] && own->list[i].kind == KITH_ADDR_HOST)
			rest[rest_n++] = i;
	}
	for (size_t k = 0; k < rest_n; k++)
		take(&c, rest[((round > 0 ? round - 1u : 0u) * room + k) % rest_n]);
	return c.n;
}
