/* What the tests of leaves have in common. */
#ifndef KITH_TEST_LEAF_WORLD_H
#define KITH_TEST_LEAF_WORLD_H

#include "core_world.h"

#include "leaf/homes.h"

static inline unsigned homes_of(const struct core_world *w, int node)
{
	return kith_homes_count(w->nodes[node].core);
}

#endif
