#include "sim/simmap.h"

#include "base/alloc.h"
#include "net/draw.h"

void kith_simmap_init(struct kith_simmap *m, const struct kith_alloc *alloc)
{
	memset(m, 0, sizeof *m);
	m->alloc = alloc;
}

void kith_simmap_deinit(struct kith_simmap *m)
{
	KITH_FREE_ARRAY(m->alloc, m->slots, m->cap);
	memset(m, 0, sizeof *m);
}

/* Where key is, or the free slot where it belongs. cap > n. */
static struct kith_simslot *slot_of(struct kith_simslot *slots, uint32_t cap, uint64_t key)
{
	uint32_t i = (uint32_t)kith_draw_hash(key, 0, 0) & (cap - 1);
	while (slots[i].used && slots[i].key != key)
		i = (i + 1) & (cap - 1);
	return &slots[i];
}

uint32_t *kith_simmap_get(const struct kith_simmap *m, uint64_t key)
{
	if (m->n == 0)
		return NULL;
	struct kith_simslot *s = slot_of(m->slots, m->cap, key);
	return s->used ? &s->value : NULL;
}

static bool grow(struct kith_simmap *m)
{
	uint32_t cap = m->cap == 0 ? 16 : m->cap * 2;
	struct kith_simslot *slots = KITH_NEW_ARRAY(m->alloc, struct kith_simslot, cap);
	if (slots == NULL)
		return false;
	for (uint32_t i = 0; i < m->cap; i++) {
		if (m->slots[i].used)
			*slot_of(slots, cap, m->slots[i].key) = m->slots[i];
	}
	KITH_FREE_ARRAY(m->alloc, m->slots, m->cap);
	m->slots = slots;
	m->cap = cap;
	return true;
}

uint32_t *kith_simmap_at(struct kith_simmap *m, uint64_t key)
{
	uint32_t *has = kith_simmap_get(m, key);
	if (has != NULL)
		return has;
	if ((m->n + 1) * 4 > m->cap * 3 && !grow(m))
		return NULL;
	struct kith_simslot *s = slot_of(m->slots, m->cap, key);
	s->key = key;
	s->value = 0;
	s->used = true;
	m->n++;
	return &s->value;
}
