/* A ring of bits: counter c has bit c modulo the size. Every bit stands for exactly one counter of the window
 * [top - size, top), because moving top forward clears the bits that it passes over. RFC 6479 clears whole words and so
 * gives up to a word of the window away; with a window of two words that is too dear, so bits are cleared exactly.
 */
#include "crypto/replay.h"

#include <string.h>

#define WORD_BITS ((uint64_t)64)
#define WIDE_LEN (KITH_REPLAY_WIDE / 64 * sizeof(uint64_t))

static uint64_t window_size(const struct kith_replay *r)
{
	return r->wide != NULL ? KITH_REPLAY_WIDE : KITH_REPLAY_NARROW;
}

static bool bit_get(const uint64_t *ring, uint64_t size, uint64_t counter)
{
	return (ring[counter % size / WORD_BITS] >> (counter % WORD_BITS) & 1) != 0;
}

/* Sets or clears the bits of [from, to), at most size of them, a word at a time. */
static void bits_fill(uint64_t *ring, uint64_t size, uint64_t from, uint64_t to, bool value)
{
	while (from < to) {
		const uint64_t bit = from % WORD_BITS;
		const uint64_t n = to - from < WORD_BITS - bit ? to - from : WORD_BITS - bit;
		const uint64_t mask = (n == WORD_BITS ? UINT64_MAX : ((uint64_t)1 << n) - 1) << bit;
		uint64_t *word = &ring[from % size / WORD_BITS];

		*word = value ? *word | mask : *word & ~mask;
		from += n;
	}
}

static uint64_t window_start(uint64_t top, uint64_t size)
{
	return top > size ? top - size : 0;
}

bool kith_replay_check(const struct kith_replay *r, uint64_t counter)
{
	const uint64_t size = window_size(r);
	if (counter >= KITH_REPLAY_COUNTER_END)
		return false;
	if (counter >= r->top)
		return true;
	if (r->top - counter > size)
		return false;
	return !bit_get(r->wide != NULL ? r->wide : r->narrow, size, counter);
}

void kith_replay_commit(struct kith_replay *r, uint64_t counter)
{
	const uint64_t size = window_size(r);
	uint64_t *ring = r->wide != NULL ? r->wide : r->narrow;
	if (!kith_replay_check(r, counter))
		return;
	if (counter >= r->top) {
		const uint64_t new_top = counter + 1;
		const uint64_t keep = window_start(new_top, size);

		/* What leaves the window is passed over by what enters it: the two are the same bits. */
		bits_fill(ring, size, r->top > keep ? r->top : keep, new_top, false);
		r->top = new_top;
	}
	bits_fill(ring, size, counter, counter + 1, true);
}

/* Copies what is known of [from, top) from one ring to another. */
static void bits_copy(uint64_t *to_ring, uint64_t to_size, const uint64_t *ring, uint64_t size, uint64_t from,
		      uint64_t top)
{
	for (uint64_t c = from; c < top; c++)
		bits_fill(to_ring, to_size, c, c + 1, bit_get(ring, size, c));
}

bool kith_replay_widen(struct kith_replay *r, const struct kith_alloc *alloc)
{
	const uint64_t known = window_start(r->top, KITH_REPLAY_NARROW);
	uint64_t *wide;
	if (r->wide != NULL)
		return true;
	wide = alloc->realloc_fn(alloc->ctx, NULL, 0, WIDE_LEN);
	if (wide == NULL)
		return false;
	memset(wide, 0, WIDE_LEN);
	/* Older counters were forgotten, so they count as seen. */
	bits_fill(wide, KITH_REPLAY_WIDE, window_start(r->top, KITH_REPLAY_WIDE), known, true);
	bits_copy(wide, KITH_REPLAY_WIDE, r->narrow, KITH_REPLAY_NARROW, known, r->top);
	r->wide = wide;
	return true;
}

void kith_replay_narrow(struct kith_replay *r, const struct kith_alloc *alloc)
{
	if (r->wide == NULL)
		return;
	/* Writes every bit of the window; bits beyond it are cleared as they enter. */
	bits_copy(r->narrow, KITH_REPLAY_NARROW, r->wide, KITH_REPLAY_WIDE, window_start(r->top, KITH_REPLAY_NARROW),
		  r->top);
	alloc->realloc_fn(alloc->ctx, r->wide, WIDE_LEN, 0);
	r->wide = NULL;
}
