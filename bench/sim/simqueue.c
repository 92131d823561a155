#include "sim/simqueue.h"

#include "base/alloc.h"
#include "base/assert.h"

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

void kith_simqueue_deinit(struct kith_simqueue *q)
{
	KITH_FREE_ARRAY(q->alloc, q->heap, q->cap);
	memset(q, 0, sizeof *q);
}

static bool before(const struct kith_simevent *a, const struct kith_simevent *b)
{
	return kith_simkey_compare(&a->key, &b->key) < 0;
}

int kith_simqueue_push(struct kith_simqueue *q, const struct kith_simevent *event)
{
	KITH_ASSERT(!q->any || event->key.at >= q->last.at);
	if (q->n == q->cap) {
		uint32_t cap = q->cap < 64 ? 64 : q->cap + q->cap / 2;
		struct kith_simevent *grown =
			kith_alloc_resize(q->alloc, q->heap, q->cap * sizeof *grown, cap * sizeof *grown);
		if (grown == NULL)
			return KITH_ENOMEM;
		q->heap = grown;
		q->cap = cap;
	}
	uint32_t i = q->n++;
	if (q->n > q->peak)
		q->peak = q->n;
	while (i > 0 && before(event, &q->heap[(i - 1) / ARITY])) {
		q->heap[i] = q->heap[(i - 1) / ARITY];
		i = (i - 1) / ARITY;
	}
	q->heap[i] = *event;
	return 0;
}

const struct kith_simevent *kith_simqueue_peek(const struct kith_simqueue *q)
{
	return q->n > 0 ? &q->heap[0] : NULL;
}

/* The least child of i, or 0 when it has none. */
static uint32_t least_child(const struct kith_simqueue *q, uint32_t i)
{
	uint32_t first = i * ARITY + 1;
	if (first >= q->n)
		return 0;
	uint32_t best = first, end = first + ARITY < q->n ? first + ARITY : q->n;
	for (uint32_t c = first + 1; c < end; c++) {
		if (before(&q->heap[c], &q->heap[best]))
			best = c;
	}
	return best;
}

bool kith_simqueue_pop(struct kith_simqueue *q, struct kith_simevent *out)
{
	if (q->n == 0)
		return false;
	*out = q->heap[0];
	KITH_ASSERT(!q->any || out->key.at > q->last.at || kith_simkey_compare(&out->key, &q->last) != 0);
	q->last = out->key;
	q->any = true;
	const struct kith_simevent moved = q->heap[--q->n];
	uint32_t i = 0, child;
	while (q->n > 0 && (child = least_child(q, i)) != 0 && before(&q->heap[child], &moved)) {
		q->heap[i] = q->heap[child];
		i = child;
	}
	if (q->n > 0)
		q->heap[i] = moved;
	return true;
}
