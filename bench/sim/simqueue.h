/* Events in virtual time, worked off in a total order: time, destination, source, the source's sequence.
 *
 * The order depends on the keys alone, never on when an event was put in, so a run is repeatable whatever order its
 * events are produced in. Keys are unique; two equal ones are a mistake of the caller, noticed when they come out.
 * A 4-ary heap: four children share a cache line of keys' tops better than two do. Behind this interface it may become
 * a calendar queue.
 * Invariants: nothing comes out earlier than what came out before. Bounds: grows by half; only a failing growth is an
 * error. Never: a clock, a callback, a pointer in an order.
 */
#ifndef KITH_SIM_SIMQUEUE_H
#define KITH_SIM_SIMQUEUE_H

#include <kith/err.h>
#include <kith/types.h>

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

struct kith_simqueue {
	struct kith_simevent *heap;
	uint32_t n, cap, peak;
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
