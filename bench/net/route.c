#include "net/route.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "net/draw.h"

static uint32_t hash_of(uint32_t realm, const struct kith_addr *ip)
{
	uint64_t half[2];
	memcpy(half, ip->ip, sizeof half);
	return (uint32_t)kith_draw_hash((uint64_t)realm << 8 | ip->family, half[0], half[1]);
}

void kith_route_init(struct kith_route *r, const struct kith_alloc *alloc)
{
	memset(r, 0, sizeof *r);
	r->alloc = alloc;
}

void kith_route_deinit(struct kith_route *r)
{
	KITH_FREE_ARRAY(r->alloc, r->slots, r->cap);
	kith_route_init(r, r->alloc);
}

uint32_t kith_route_find(const struct kith_route *r, uint32_t realm, const struct kith_addr *ip,
			 kith_route_owns_fn owns, const void *ctx)
{
	if (r->cap == 0)
		return 0;
	uint32_t hash = hash_of(realm, ip);
	for (uint32_t i = hash & (r->cap - 1); r->slots[i].device != 0; i = (i + 1) & (r->cap - 1))
		if (r->slots[i].hash == hash && owns(ctx, r->slots[i].device, realm, ip))
			return r->slots[i].device;
	return 0;
}

static void place(struct kith_route_slot *slots, uint32_t cap, struct kith_route_slot s)
{
	uint32_t i = s.hash & (cap - 1);
	while (slots[i].device != 0)
		i = (i + 1) & (cap - 1);
	slots[i] = s;
}

int kith_route_add(struct kith_route *r, uint32_t realm, const struct kith_addr *ip, uint32_t device)
{
	KITH_ASSERT(device != 0);
	if (r->n >= r->cap - r->cap / 4) {
		uint32_t cap = r->cap == 0 ? 16 : r->cap * 2;
		struct kith_route_slot *slots = KITH_NEW_ARRAY(r->alloc, struct kith_route_slot, cap);
		if (slots == NULL)
			return KITH_ENOMEM;
		for (uint32_t i = 0; i < r->cap; i++)
			if (r->slots[i].device != 0)
				place(slots, cap, r->slots[i]);
		KITH_FREE_ARRAY(r->alloc, r->slots, r->cap);
		r->slots = slots;
		r->cap = cap;
	}
	place(r->slots, r->cap, (struct kith_route_slot){ hash_of(realm, ip), device });
	r->n++;
	return 0;
}

void kith_route_remove(struct kith_route *r, uint32_t realm, const struct kith_addr *ip, uint32_t device)
{
	if (r->cap == 0)
		return;
	uint32_t mask = r->cap - 1, hash = hash_of(realm, ip), i = hash & mask;
	while (r->slots[i].device != 0 && (r->slots[i].hash != hash || r->slots[i].device != device))
		i = (i + 1) & mask;
	if (r->slots[i].device == 0)
		return;
	r->n--;
	/* Move back every follower that may not stay beyond the gap. */
	for (uint32_t j = (i + 1) & mask; r->slots[j].device != 0; j = (j + 1) & mask) {
		uint32_t wanted = r->slots[j].hash & mask;
		if (((j - wanted) & mask) < ((j - i) & mask))
			continue;
		r->slots[i] = r->slots[j];
		i = j;
	}
	r->slots[i].device = 0;
}
