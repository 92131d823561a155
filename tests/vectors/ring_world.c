#include "ring_world.h"

#include <stdio.h>
#include <string.h>

void ring_init(struct ring_world *r)
{
	world_init(&r->w);
	world_trust_init(&r->w, &r->trust);
}

void ring_deinit(struct ring_world *r)
{
	world_trust_deinit(&r->trust);
}

void ring_node(const struct ring_world *r, struct person *p, unsigned n, unsigned prefix, int first_digit)
{
	char name[KITH_NAME_MAX], addr[KITH_ADDR_TEXT_MAX];
	snprintf(name, sizeof name, "node-%u", n);
	snprintf(addr, sizeof addr, "20.%u.%u.%u:4500", prefix, n / 250, n % 250 + 1);
	world_supernode(&r->w, p, name, addr);
	struct kith_id id;
	uint8_t seed[32];
	for (unsigned i = 0; first_digit >= 0; i++) {
		kith_ids_supernode(r->w.suite, &id, &r->w.network, p->name_terms.placement);
		if (id.b[0] >> 4 == first_digit)
			break;
		snprintf(name, sizeof name, "node-%u, %u", n, i);
		vec_seed(seed, name);
		memcpy(p->name_terms.placement, seed, KITH_PLACEMENT_LEN);
	}
	world_certify(&r->w, p);
}

void ring_table(struct ring_world *r, struct kith_members *ms)
{
	static const uint64_t seed[2] = { 1, 2 };
	kith_members_init(ms, vec_alloc(), &r->trust.blobs, &r->trust.trust, 1000, seed);
}

void ring_join(struct ring_world *r, struct kith_members *ms, const struct person *p, uint64_t later, bool left)
{
	uint8_t bytes[KITH_MEMBER_LEN_MAX];
	struct kith_member_entry e = world_member(p);
	e.seq += later;
	e.flags = left ? KITH_MEMBER_LEFT : 0;
	VEC_REQUIRE(kith_members_merge(ms, &r->w.now, world_member_sign(&r->w, p, &e, bytes), NULL) > 0);
}

void ring_put(const struct kith_members *ms, json_t *list)
{
	for (uint32_t i = 0; i < ms->n; i++) {
		struct kith_member_facts facts;
		json_t *item = vec_item(list);
		kith_member_facts(ms->at[i], &facts);
		vec_bytes(item, "id", ms->at[i]->id.b, KITH_ID_LEN);
		vec_u64(item, "seq", ms->at[i]->seq);
		vec_address(item, "address", &facts.endpoints[0].addr);
		vec_bool(item, "left", !kith_member_live(ms->at[i]));
	}
}
