#include "base/slots.h"

#include "base/alloc.h"
#include "base/assert.h"

/* Before the elements. The free ones are a set of bits: an element has no room for a link to the next one by right. */
struct kith_slots_chunk {
	uint32_t used; /* set */
	uint32_t padding;
	uint8_t elements[];
};

KITH_STATIC_ASSERT(KITH_SLOTS_CHUNK == 32, "a chunk's elements are a set of 32 bits");
KITH_STATIC_ASSERT(sizeof(struct kith_slots_chunk) == 8, "elements are aligned to 8 bytes");

#define ALL_USED UINT32_MAX

static size_t chunk_len(const struct kith_slots *s)
{
	return sizeof(struct kith_slots_chunk) + (size_t)KITH_SLOTS_CHUNK * s->size;
}

void kith_slots_init(struct kith_slots *s, const struct kith_alloc *alloc, size_t size)
{
	*s = (struct kith_slots){ .alloc = alloc, .size = (uint32_t)((size + 7) / 8 * 8) };
}

void kith_slots_deinit(struct kith_slots *s)
{
	KITH_ASSERT(s->n == 0);
	KITH_FREE_ARRAY(s->alloc, s->chunks, s->chunks_cap);
	*s = (struct kith_slots){ .alloc = s->alloc, .size = s->size };
}

/* Room for one chunk more. */
static bool grow(struct kith_slots *s)
{
	const uint32_t cap = s->chunks_cap + s->chunks_cap / 2 + 2;
	struct kith_slots_chunk **chunks =
		kith_alloc_resize(s->alloc, s->chunks, s->chunks_cap * sizeof(void *), (size_t)cap * sizeof(void *));
	if (chunks == NULL)
		return false;
	s->chunks = chunks;
	s->chunks_cap = cap;
	return true;
}

/* The first chunk with a free element, made if there is none; NULL: out of memory. */
static struct kith_slots_chunk *roomy(struct kith_slots *s)
{
	while (s->room < s->chunks_n && s->chunks[s->room] != NULL && s->chunks[s->room]->used == ALL_USED)
		s->room++;
	if (s->room < s->chunks_n && s->chunks[s->room] != NULL)
		return s->chunks[s->room];
	if (s->room == s->chunks_cap && !grow(s))
		return NULL;
	struct kith_slots_chunk *fresh = kith_alloc_resize(s->alloc, NULL, 0, chunk_len(s));
	if (fresh == NULL)
		return NULL;
	fresh->used = 0;
	s->chunks[s->room] = fresh;
	s->chunks_n = s->room == s->chunks_n ? s->chunks_n + 1 : s->chunks_n;
	return fresh;
}

uint32_t kith_slots_take(struct kith_slots *s)
{
	struct kith_slots_chunk *chunk = roomy(s);
	uint32_t i = 0;
	if (chunk == NULL)
		return 0;
	while ((chunk->used >> i & 1) != 0)
		i++;
	chunk->used |= UINT32_C(1) << i;
	memset(chunk->elements + (size_t)i * s->size, 0, s->size);
	s->n++;
	return s->room * KITH_SLOTS_CHUNK + i + 1;
}

void kith_slots_give(struct kith_slots *s, uint32_t number)
{
	const uint32_t at = (number - 1) / KITH_SLOTS_CHUNK, bit = UINT32_C(1) << (number - 1) % KITH_SLOTS_CHUNK;
	KITH_ASSERT(number != 0 && at < s->chunks_n && s->chunks[at] != NULL && (s->chunks[at]->used & bit) != 0);
	s->chunks[at]->used &= ~bit;
	s->n--;
	s->room = at < s->room ? at : s->room;
	if (s->chunks[at]->used != 0)
		return;
	kith_alloc_free(s->alloc, s->chunks[at], chunk_len(s));
	s->chunks[at] = NULL;
	while (s->chunks_n > 0 && s->chunks[s->chunks_n - 1] == NULL)
		s->chunks_n--;
	s->room = s->chunks_n < s->room ? s->chunks_n : s->room;
}

void *kith_slots_at(const struct kith_slots *s, uint32_t number)
{
	if (number == 0)
		return NULL;
	return s->chunks[(number - 1) / KITH_SLOTS_CHUNK]->elements +
	       (size_t)((number - 1) % KITH_SLOTS_CHUNK) * s->size;
}
