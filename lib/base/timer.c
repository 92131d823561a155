#include "base/timer.h"

#include "base/alloc.h"
#include "base/assert.h"

enum { HEAP_ARITY = 4, HEAP_CAP_MIN = 4, HEAP_CAP_MAX = 1 << 28 };

void kith_timers_init(struct kith_timers *ts, const struct kith_alloc *alloc)
{
	*ts = (struct kith_timers){ .alloc = alloc };
}

void kith_timers_deinit(struct kith_timers *ts)
{
	for (uint32_t i = 0; i < ts->n; i++)
		ts->heap[i]->slot = 0;
	KITH_FREE_ARRAY(ts->alloc, ts->heap, ts->cap);
	kith_timers_init(ts, ts->alloc);
}

/* Before in firing order. Sequence numbers wrap, hence the signed difference. */
static bool fires_before(const struct kith_timer *a, const struct kith_timer *b)
{
	if (a->at != b->at)
		return a->at < b->at;
	return (int32_t)(a->seq - b->seq) < 0;
}

static void place(struct kith_timers *ts, struct kith_timer *t, uint32_t i)
{
	ts->heap[i] = t;
	t->slot = i + 1;
}

static void sift_up(struct kith_timers *ts, struct kith_timer *t, uint32_t i)
{
	while (i > 0) {
		uint32_t parent = (i - 1) / HEAP_ARITY;
		if (!fires_before(t, ts->heap[parent]))
			break;
		place(ts, ts->heap[parent], i);
		i = parent;
	}
	place(ts, t, i);
}

static void sift_down(struct kith_timers *ts, struct kith_timer *t, uint32_t i)
{
	for (;;) {
		uint64_t first = (uint64_t)i * HEAP_ARITY + 1;
		if (first >= ts->n)
			break;
		uint32_t least = (uint32_t)first;
		for (uint32_t c = least + 1; c < ts->n && c < first + HEAP_ARITY; c++) {
			if (fires_before(ts->heap[c], ts->heap[least]))
				least = c;
		}
		if (!fires_before(ts->heap[least], t))
			break;
		place(ts, ts->heap[least], i);
		i = least;
	}
	place(ts, t, i);
}

/* Puts t, whose key may have changed either way, where it belongs, starting from hole i. */
static void settle(struct kith_timers *ts, struct kith_timer *t, uint32_t i)
{
	if (i > 0 && fires_before(t, ts->heap[(i - 1) / HEAP_ARITY]))
		sift_up(ts, t, i);
	else
		sift_down(ts, t, i);
}

int kith_timers_reserve(struct kith_timers *ts, uint32_t n)
{
	if (n <= ts->cap)
		return 0;
	if (n > HEAP_CAP_MAX)
		return KITH_ENOMEM;
	void *heap = kith_alloc_resize(ts->alloc, ts->heap, ts->cap * sizeof(struct kith_timer *),
				       n * sizeof(struct kith_timer *));
	if (heap == NULL)
		return KITH_ENOMEM;
	ts->heap = heap;
	ts->cap = n;
	return 0;
}

static int grow(struct kith_timers *ts)
{
	uint32_t cap = ts->cap + ts->cap / 2;
	return kith_timers_reserve(ts, cap < HEAP_CAP_MIN ? HEAP_CAP_MIN : cap);
}

int kith_timers_set(struct kith_timers *ts, struct kith_timer *t, kith_time_us at)
{
	if (at == KITH_TIME_NEVER) {
		kith_timers_stop(ts, t);
		return 0;
	}
	if (t->slot == 0 && ts->n == ts->cap) {
		int err = grow(ts);
		if (err != 0)
			return err;
	}
	t->at = at;
	t->seq = ts->next_seq++;
	if (t->slot == 0) {
		sift_up(ts, t, ts->n++);
	} else {
		KITH_ASSERT(t->slot <= ts->n && ts->heap[t->slot - 1] == t);
		settle(ts, t, t->slot - 1);
	}
	return 0;
}

void kith_timers_stop(struct kith_timers *ts, struct kith_timer *t)
{
	if (t->slot == 0)
		return;
	uint32_t i = t->slot - 1;
	KITH_ASSERT(i < ts->n && ts->heap[i] == t);
	struct kith_timer *last = ts->heap[--ts->n];
	t->slot = 0;
	if (last != t)
		settle(ts, last, i);
}

kith_time_us kith_timers_next(const struct kith_timers *ts)
{
	return ts->n > 0 ? ts->heap[0]->at : KITH_TIME_NEVER;
}

struct kith_timer *kith_timers_pop(struct kith_timers *ts, kith_time_us now)
{
	if (ts->n == 0 || ts->heap[0]->at > now)
		return NULL;
	struct kith_timer *t = ts->heap[0];
	kith_timers_stop(ts, t);
	return t;
}
