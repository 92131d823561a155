/* Intrusive timers in a 4-ary heap that grows on demand: no wheel, no cost for a timer that is not set.
 *
 * Equal deadlines fire in the order in which they were set (sequence number), so a run is repeatable.
 * The owner of a timer is found from its address by its kind: a timer carries no callback.
 * Bounds: capacity grows by half; kith_timers_set fails with KITH_ENOMEM only when growing fails, and a heap that was
 * reserved (kith_timers_reserve) for n timers never fails for n.
 */
#ifndef KITH_BASE_TIMER_H
#define KITH_BASE_TIMER_H

#include <kith/err.h>
#include <kith/types.h>

struct kith_timer {
	kith_time_us at; /* when it fires; meaningful only while set */
	uint32_t seq; /* order among equals; wraps after 2^32 sets, compared by signed difference */
	uint32_t slot; /* 1 + index in the heap; 0 = not set */
	uint8_t kind; /* owner's enum, for the one switch that fires it */
};

struct kith_timers {
	struct kith_timer **heap;
	uint32_t n, cap;
	uint32_t next_seq;
	const struct kith_alloc *alloc; /* borrowed */
};

void kith_timers_init(struct kith_timers *ts, const struct kith_alloc *alloc);
void kith_timers_deinit(struct kith_timers *ts);

/* Room for n timers in all. KITH_ENOMEM if there is none. */
int kith_timers_reserve(struct kith_timers *ts, uint32_t n) KITH_MUST_USE;

/* Sets or moves a timer. KITH_ENOMEM only when the heap had to grow and could not. at = KITH_TIME_NEVER stops it. */
int kith_timers_set(struct kith_timers *ts, struct kith_timer *t, kith_time_us at) KITH_MUST_USE;

/* Stops a timer; no effect when it is not set. */
void kith_timers_stop(struct kith_timers *ts, struct kith_timer *t);

static inline bool kith_timer_is_set(const struct kith_timer *t)
{
	return t->slot != 0;
}

/* The earliest deadline, KITH_TIME_NEVER when none is set. */
kith_time_us kith_timers_next(const struct kith_timers *ts);

/* Takes out and returns the earliest timer due at or before now, NULL if there is none. */
struct kith_timer *kith_timers_pop(struct kith_timers *ts, kith_time_us now);

/* The structure that embeds a timer. */
#define KITH_CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
