/* Events in virtual time, worked off in a total order: time, destination, source, the source's sequence.
 *
 * The order depends on the keys alone, never on when an event was put in, so a run is repeatable whatever order its
 * events are produced in. Keys are unique; two equal ones are a mistake of the caller, noticed when they come out.
 * A calendar: time is cut into days of 16 ms. The events of the current day are in a heap, those of the next 67 s in
 * the list of their day, those beyond in a heap of their own. Of the hundreds of thousands of a large network only the
 * hundreds of one day are compared with each other.
 * Invariants: nothing comes out earlier than what came out before; today's heap is empty only when all is.
 * Bounds: grows by half; only a failing growth, which push does, is an error. Never: a clock, a callback, a pointer in
 * an order.
 */
#ifndef KITH_SIM_SIMQUEUE_H
#define KITH_SIM_SIMQUEUE_H

#include <kith/err.h>
#include <kith/types.h>

#define KITH_SIMQUEUE_DAYS 4096u

struct kith_simkey {
	kith_time_us at;
	uint32_t dst, src; /* numbers of devices; 0 as dst: the simulation itself */
	uint64_t seq; /* unique among those of equal at, dst, src */
};

struct kith_simevent {
	struct kith_simkey key;
	uint32_t kind; /* of the caller */
	uint32_t ref; /* of the caller */
};

struct kith_simentry {
	struct kith_simevent event;
	uint32_t next; /* entry + 1, of the same day, or free */
};

/* Numbers of entries; as long as there are entries. */
struct kith_simheap {
	uint32_t *at;
	uint32_t n;
};

struct kith_simqueue {
	struct kith_simentry *entries; /* and both heaps' numbers behind them */
	uint32_t n, cap, peak;
	uint32_t used, free; /* entries that ever were taken; the first free one of them + 1 */
	uint64_t today;
	struct kith_simheap now, later; /* of today; beyond the days */
	uint32_t days[KITH_SIMQUEUE_DAYS]; /* the first entry of each day after today, + 1 */
	uint32_t days_n; /* events in these */
	struct kith_simkey last; /* the key that came out last */
	bool any; /* last is meaningful */
	const struct kith_alloc *alloc; /* borrowed */
};

void kith_simqueue_init(struct kith_simqueue *q, const struct kith_alloc *alloc);
void kith_simqueue_deinit(struct kith_simqueue *q);

/* at must not lie before the last event taken out. KITH_ENOMEM. */
int kith_simqueue_push(struct kith_simqueue *q, const struct kith_simevent *event) KITH_MUST_USE;

/* The next event, or NULL. Valid until the queue is changed. */
const struct kith_simevent *kith_simqueue_peek(const struct kith_simqueue *q);

/* Takes the next event out; false when there is none. */
bool kith_simqueue_pop(struct kith_simqueue *q, struct kith_simevent *out);

/* <0, 0, >0 */
int kith_simkey_compare(const struct kith_simkey *a, const struct kith_simkey *b);

#endif
