/* Who serves, and what is refused under load.
 *
 * Overload goes by levels, each of which holds what the ones below it do.
 * Never: input, output, a clock, a table.
 */
#ifndef KITH_OVERLAY_ELECTION_H
#define KITH_OVERLAY_ELECTION_H

#include <kith/types.h>

enum kith_overload_level {
	KITH_OVERLOAD_NONE,
	KITH_OVERLOAD_RELAYS, /* no new tunnels */
	KITH_OVERLOAD_LOOKUPS, /* no look-ups for who is no leaf of ours */
	KITH_OVERLOAD_PRESENCE, /* news of presence wait and go out together */
	KITH_OVERLOAD_ATTACHES /* no new leaves */
};

struct kith_overload {
	uint8_t level; /* enum kith_overload_level */
};

#endif
