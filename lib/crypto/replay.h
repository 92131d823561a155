/* Sliding replay window over packet counters (RFC 6479 in shape): 128 counters inline, 2048 when widened.
 *
 * Hot sets of several paths reorder far more than one path does; a session that moves data widens its window lazily
 * and narrows it when idle. Check before opening, commit after the packet authenticated.
 * A zeroed struct is an empty window; kith_replay_narrow gives back all memory it holds.
 * Bounds: the window is exact (the 128 or 2048 counters below top); counters from KITH_REPLAY_COUNTER_END on are
 * refused. A sender gives the session up long before.
 */
#ifndef KITH_CRYPTO_REPLAY_H
#define KITH_CRYPTO_REPLAY_H

#include <kith/types.h>

#define KITH_REPLAY_NARROW 128
#define KITH_REPLAY_WIDE 2048
#define KITH_REPLAY_COUNTER_END ((UINT64_C(1) << 48) - 8192) /* a packet says 48 bits of it */

struct kith_replay {
	uint64_t top; /* 1 + the highest counter committed; 0 = none */
	uint64_t narrow[KITH_REPLAY_NARROW / 64];
	uint64_t *wide; /* KITH_REPLAY_WIDE / 64 words, owned, or NULL */
};

/* True when the counter is new: neither committed nor older than the window. */
bool kith_replay_check(const struct kith_replay *r, uint64_t counter);

/* Marks an authenticated counter. It must have passed the check since the last commit; one that would not pass changes
 * nothing. */
void kith_replay_commit(struct kith_replay *r, uint64_t counter);

/* Switches to the wide window, keeping what is known; false when out of memory (the narrow one goes on). What the
 * narrow window had forgotten stays refused. No effect when wide already. */
bool kith_replay_widen(struct kith_replay *r, const struct kith_alloc *alloc);

/* Back to the narrow window; counters older than it are refused from then on. */
void kith_replay_narrow(struct kith_replay *r, const struct kith_alloc *alloc);

#endif
