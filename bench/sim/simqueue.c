#include "sim/simqueue.h"

#include "base/alloc.h"
#include "base/assert.h"

enum { DAY_BITS = 14 }; /* of a time in microseconds */

#define ARITY 4u

int kith_simkey_compare(const struct kith_simkey *a, const struct kith_simkey *b)
{
	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	if (a->dst != b->dst)
		return a->dst < b->dst ? -1 : 1;
	if (a->src != b->src)
		return a->src < b->src ? -1 : 1;
	if (a->seq != b->seq)
		return a->seq < b->seq ? -1 : 1;
	return 0;
}

void kith_simqueue_init(struct kith_simqueue *q, const struct kith_alloc *alloc)
{
	memset(q, 0, sizeof *q);
	q->alloc = alloc;
}

/* Entries, then the numbers of both heaps. */
static size_t block_len(uint32_t cap)
{
	return cap * (sizeof(struct kith_simentry) + 2 * sizeof(uint32_t));
}

void kith_simqueue_deinit(struct kith_simqueue *q)
{
	kith_alloc_free(q->alloc, q->entries, block_len(q->cap));
	memset(q, 0, sizeof *q);
}

/* ---- heaps ---- */

static bool before(const struct kith_simqueue *q, uint32_t a, uint32_t b)
{
	return kith_simkey_compare(&q->entries[a].event.key, &q->entries[b].event.key) < 0;
}

static void heap_put(const struct kith_simqueue *q, struct kith_simheap *h, uint32_t entry)
{
	uint32_t i = h->n++;
	while (i > 0 && before(q, entry, h->at[(i - 1) / ARITY])) {
		h->at[i] = h->at[(i - 1) / ARITY];
		i = (i - 1) / ARITY;
	}
	h->at[i] = entry;
}

/* The least child of i, or 0 when it has none. */
static uint32_t least_child(const struct kith_simqueue *q, const struct kith_simheap *h, uint32_t i)
{
	uint32_t first = i * ARITY + 1;
	if (first >= h->n)
		return 0;
	uint32_t best = first, end = first + ARITY < h->n ? first + ARITY : h->n;
	for (uint32_t c = first + 1; c < end; c++) {
		if (before(q, h->at[c], h->at[best]))
			best = c;
	}
	return best;
}

static uint32_t heap_take(const struct kith_simqueue *q, struct kith_simheap *h)
{
	const uint32_t top = h->at[0], moved = h->at[--h->n];
	uint32_t i = 0, child;
	while (h->n > 0 && (child = least_child(q, h, i)) != 0 && before(q, h->at[child], moved)) {
		h->at[i] = h->at[child];
		i = child;
	}
	h->at[i] = moved;
	return top;
}

/* ---- days ---- */

static uint64_t day_of(const struct kith_simqueue *q, uint32_t entry)
{
	const kith_time_us at = q->entries[entry].event.key.at;
	return at > 0 ? (uint64_t)at >> DAY_BITS : 0;
}

static void place(struct kith_simqueue *q, uint32_t entry)
{
	const uint64_t day = day_of(q, entry);
	if (day <= q->today) {
		heap_put(q, &q->now, entry);
	} else if (day - q->today < KITH_SIMQUEUE_DAYS) {
		uint32_t *first = &q->days[day % KITH_SIMQUEUE_DAYS];
		q->entries[entry].next = *first;
		*first = entry + 1;
		q->days_n++;
	} else {
		heap_put(q, &q->later, entry);
	}
}

/* To the first day on which there is something. */
static void turn(struct kith_simqueue *q)
{
	while (q->now.n == 0 && q->n > 0) {
		q->today = q->days_n > 0 ? q->today + 1 : day_of(q, q->later.at[0]);
		uint32_t *first = &q->days[q->today % KITH_SIMQUEUE_DAYS];
		while (*first != 0) {
			const uint32_t entry = *first - 1;
			*first = q->entries[entry].next;
			q->days_n--;
			heap_put(q, &q->now, entry);
		}
		while (q->later.n > 0 && day_of(q, q->later.at[0]) <= q->today)
			heap_put(q, &q->now, heap_take(q, &q->later));
	}
}

/* ---- in and out ---- */

/* Each heap has room for all entries, so that nothing but a push needs memory. */
static bool grow(struct kith_simqueue *q)
{
	uint32_t cap = q->cap < 64 ? 64 : q->cap + q->cap / 2;
	struct kith_simentry *grown = kith_alloc_resize(q->alloc, NULL, 0, block_len(cap));
	if (grown == NULL)
		return false;
	uint32_t *now = (uint32_t *)(grown + cap), *later = now + cap;
	if (q->cap > 0) {
		memcpy(grown, q->entries, q->cap * sizeof *grown);
		memcpy(now, q->now.at, q->now.n * sizeof *now);
		memcpy(later, q->later.at, q->later.n * sizeof *later);
	}
	kith_alloc_free(q->alloc, q->entries, block_len(q->cap));
	q->entries = grown;
	q->now.at = now;
	q->later.at = later;
	q->cap = cap;
	return true;
}

int kith_simqueue_push(struct kith_simqueue *q, const struct kith_simevent *event)
{
	KITH_ASSERT(!q->any || event->key.at >= q->last.at);
	if (q->free == 0 && q->used == q->cap && !grow(q))
		return KITH_ENOMEM;
	const uint32_t entry = q->free != 0 ? q->free - 1 : q->used++;
	if (q->free != 0)
		q->free = q->entries[entry].next;
	q->entries[entry] = (struct kith_simentry){ *event, 0 };
	if (q->n++ == 0)
		q->today = day_of(q, entry);
	if (q->n > q->peak)
		q->peak = q->n;
	place(q, entry);
	return 0;
}

const struct kith_simevent *kith_simqueue_peek(const struct kith_simqueue *q)
{
	return q->n > 0 ? &q->entries[q->now.at[0]].event : NULL;
}

bool kith_simqueue_pop(struct kith_simqueue *q, struct kith_simevent *out)
{
	if (q->n == 0)
		return false;
	const uint32_t entry = heap_take(q, &q->now);
	*out = q->entries[entry].event;
	KITH_ASSERT(!q->any || out->key.at > q->last.at || kith_simkey_compare(&out->key, &q->last) != 0);
	q->last = out->key;
	q->any = true;
	q->entries[entry].next = q->free;
	q->free = entry + 1;
	q->n--;
	turn(q);
	return true;
}
