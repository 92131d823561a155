/* What the tests of look-ups have in common. */
#ifndef KITH_TEST_QUERY_WORLD_H
#define KITH_TEST_QUERY_WORLD_H

#include "core_world.h"

static inline int look_up(struct core_world *w, int node, const char *name, kith_time_us wait, int *found)
{
	kith_op op;
	int since = w->events_n;
	assert_int_equal(kith_core_lookup(w->nodes[node].core, world_clock(w), name, &op), 0);
	world_drain(w, node);
	world_run(w, wait);
	const struct world_event *done = world_event(w, node, KITH_EVENT_OP_DONE, since);
	assert_non_null(done);
	assert_int_equal(done->ev.op, op);
	if (found != NULL)
		*found = world_events(w, node, KITH_EVENT_FOUND, since);
	return done->ev.err;
}

#endif
