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

/* Of so many bits. */
static uint32_t words(uint32_t bits)
{
	return (bits + 31) / 32;
}

void kith_slots_deinit(struct kith_slots *s)
{
	KITH_ASSERT(s->n == 0);
	KITH_FREE_ARRAY(s->alloc, s->chunks, s->chunks_cap);
	KITH_FREE_ARRAY(s->alloc, s->full, words(s->chunks_cap));
	*s = (struct kith_slots){ .alloc = s->alloc, .size = s->size };
}

static void mark(struct kith_slots *s, uint32_t chunk, bool full)
{
	const uint32_t bit = UINT32_C(1) << chunk % 32;
	s->full[chunk / 32] = full ? s->full[chunk / 32] | bit : s->full[chunk / 32] & ~bit;
}

/* Room for one chunk more. */
static bool grow(struct kith_slots *s)
{
	const uint32_t old = s->chunks_cap, cap = old + old / 2 + 2;
	uint32_t *full = kith_alloc_zero(s->alloc, words(cap) * sizeof *full);
	if (full == NULL)
		return false;
	struct kith_slots_chunk **chunks =
		kith_alloc_resize(s->alloc, s->chunks, old * sizeof(void *), cap * sizeof(void *));
	if (chunks == NULL) {
		KITH_FREE_ARRAY(s->alloc, full, words(cap));
		return false;
	}
	if (s->full != NULL)
		memcpy(full, s->full, words(old) * sizeof *full);
	KITH_FREE_ARRAY(s->alloc, s->full, words(old));
	s->full = full;
	s->chunks = chunks;
	s->chunks_cap = cap;
	return true;
}

/* The number of the first chunk that is not full, which may be behind the last one. */
static uint32_t first_open(const struct kith_slots *s)
{
	const uint32_t all = words(s->chunks_n);
	uint32_t at = s->room, word = at / 32;
	while (word < all && s->full[word] == ALL_USED)
		at = ++word * 32;
	while (at < s->chunks_n && (s->full[at / 32] >> at % 32 & 1) != 0)
		at++;
	return at;
}

/* The first chunk with a free element, made if there is none; NULL: out of memory. */
static struct kith_slots_chunk *roomy(struct kith_slots *s)
{
	s->room = first_open(s);
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
	if (chunk->used == ALL_USED)
		mark(s, s->room, true);
	memset(chunk->elements + (size_t)i * s->size, 0, s->size);
	s->n++;
	return s->room * KITH_SLOTS_CHUNK + i + 1;
}

void kith_slots_give(struct kith_slots *s, uint32_t number)
{
	const uint32_t at = (number - 1) / KITH_SLOTS_CHUNK, bit = UINT32_C(1) << (number - 1) % KITH_SLOTS_CHUNK;
	KITH_ASSERT(number != 0 && at < s->chunks_n && s->chunks[at] != NULL && (s->chunks[at]->used & bit) != 0);
	s->chunks[at]->used &= ~bit;
	mark(s, at, false);
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
