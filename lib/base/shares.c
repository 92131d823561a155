#include "base/shares.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/table.h"

enum { SLOTS_FIRST = 4, BITS = 24 /* of a slot, for what is held */ };

void kith_shares_init(struct kith_shares *b, const struct kith_alloc *alloc, uint32_t each, const uint64_t seed[2])
{
	KITH_ASSERT(each > 0 && each <= KITH_SHARES_MOST);
	*b = (struct kith_shares){ .alloc = alloc, .each = each, .seed = { seed[0], seed[1] } };
}

void kith_shares_deinit(struct kith_shares *b)
{
	KITH_FREE_ARRAY(b->alloc, b->slots, b->cap);
	b->slots = NULL;
	b->n = b->cap = 0;
}

static uint32_t held_of(uint64_t slot)
{
	return (uint32_t)(slot & KITH_SHARES_MOST);
}

static uint64_t owner_of(uint64_t slot)
{
	return slot - held_of(slot);
}

static uint32_t home_of(const struct kith_shares *b, uint64_t slot)
{
	return (uint32_t)(slot >> BITS) & (b->cap - 1);
}

/* The slot of an owner, or the empty one where it would go. hash: without what is held. */
static uint32_t find(const struct kith_shares *b, uint64_t hash)
{
	uint32_t i = home_of(b, hash);
	while (b->slots[i] != 0 && owner_of(b->slots[i]) != hash)
		i = (i + 1) & (b->cap - 1);
	return i;
}

static uint64_t hash_of(const struct kith_shares *b, uint64_t owner)
{
	uint8_t bytes[sizeof owner];
	kith_number_bytes(bytes, sizeof bytes, owner);
	return owner_of(kith_hash64(b->seed, bytes, sizeof bytes));
}

static bool reserve(struct kith_shares *b)
{
	struct kith_shares old = *b;
	if (b->slots != NULL && 4 * (b->n + 1) <= 3 * b->cap)
		return true;
	uint32_t cap = old.cap > 0 ? 2 * old.cap : SLOTS_FIRST;
	uint64_t *slots = KITH_NEW_ARRAY(b->alloc, uint64_t, cap);
	if (slots == NULL)
		return false;
	b->slots = slots;
	b->cap = cap;
	for (uint32_t i = 0; i < old.cap; i++) {
		if (old.slots[i] != 0)
			slots[find(b, owner_of(old.slots[i]))] = old.slots[i];
	}
	KITH_FREE_ARRAY(b->alloc, old.slots, old.cap);
	return true;
}

bool kith_shares_take(struct kith_shares *b, uint64_t owner)
{
	const uint64_t hash = hash_of(b, owner);
	const uint32_t i = b->slots != NULL ? find(b, hash) : 0;
	if (b->slots != NULL && b->slots[i] != 0) {
		bool room = held_of(b->slots[i]) < b->each;
		b->slots[i] += room;
		return room;
	}
	if (!reserve(b))
		return false;
	b->slots[find(b, hash)] = hash | 1;
	b->n++;
	return true;
}

uint32_t kith_shares_held(const struct kith_shares *b, uint64_t owner)
{
	return b->slots != NULL ? held_of(b->slots[find(b, hash_of(b, owner))]) : 0;
}

void kith_shares_give(struct kith_shares *b, uint64_t owner)
{
	uint32_t mask = b->cap - 1;
	KITH_ASSERT(b->cap > 0);
	uint32_t i = find(b, hash_of(b, owner));
	KITH_ASSERT(b->slots[i] != 0);
	if (held_of(--b->slots[i]) > 0)
		return;
	b->n--;
	for (uint32_t j = (i + 1) & mask; b->slots[j] != 0; j = (j + 1) & mask) {
		if (((j - home_of(b, b->slots[j])) & mask) >= ((j - i) & mask)) {
			b->slots[i] = b->slots[j];
			i = j;
		}
	}
	b->slots[i] = 0;
}
