/* The time of day: the host's wall clock, and what is known about it from elsewhere.
 *
 * The clock is believed, with one exception: it cannot be earlier than what others signed (a release, our name's
 * certificate). One that is (a board without a battery) is replaced by that bound, and not trusted, until it is set.
 * Our own clock of another day is no bound, since it may have been wrong. The bound gives way while KITH_HOMES homes,
 * each within the tolerance of all others, say that it is earlier.
 * Nobody else moves the time: what homes say decides between clock and bound, and is told to people.
 * A clock that was set, in either direction, is noticed by its distance from the monotonic one; so is a machine that
 * slept.
 * Timers: none. Never: reads a clock.
 */
#ifndef KITH_BASE_WALL_H
#define KITH_BASE_WALL_H

#include <kith/types.h>

#include "base/limits.h"

#define KITH_WALL_STEP_MS 60000 /* local: drift and slewing are a thousandth of that between two looks */

struct kith_wall {
	int64_t earliest_ms; /* unix; 0: unknown */
	int64_t ahead_ms; /* the wall clock less the monotonic one, at the last look */
	bool known; /* ahead_ms is */
	bool trusted; /* at the last look */
	bool was_set, news; /* since their owner last took them back: it was set; that, or what is said of it changed */
	struct {
		bool told;
		int64_t ahead_ms; /* the home's wall clock less our monotonic one */
	} homes[KITH_HOMES];
};

/* The wall clock was right for somebody at that time: it cannot be earlier than that. */
void kith_wall_not_before(struct kith_wall *w, int64_t unix_ms);

/* What the host's clocks come to; notices that the wall clock was set. */
struct kith_now kith_wall_judge(struct kith_wall *w, struct kith_now host);

/* What a home says the time is; 0: it is none any more, or says nothing. */
void kith_wall_heard(struct kith_wall *w, unsigned home, const struct kith_now *now, int64_t unix_ms);

/* How far the homes' clocks are ahead of ours: their median, or of two the one that is nearer. *n: how many homes agree
 * with it within the tolerance; 0: none said anything. */
int64_t kith_wall_homes_ahead(const struct kith_wall *w, unsigned *n);

/* Whether that is more than the tolerance, in either direction. */
bool kith_wall_homes_differ(const struct kith_wall *w);

/* Whether our clock is off by more than the tolerance, as two homes or more say, and none denies. */
bool kith_wall_is_off(const struct kith_wall *w);

#endif
