/* What the tests of supernodes have in common. */
#ifndef KITH_TEST_SUPER_WORLD_H
#define KITH_TEST_SUPER_WORLD_H

#include "core_world.h"

static inline struct kith_core_info info_of(const struct core_world *w, int node)
{
	struct kith_core_info info;
	kith_core_info(w->nodes[node].core, &info);
	return info;
}

static inline void restart(struct core_world *w, int node)
{
	struct kith_core_options o;
	world_stop(w, node);
	world_options(w, node, &o);
	assert_int_equal(world_try_start(w, node, &o), 0);
}

static inline bool holds(const struct core_world *w, int super, const struct kith_id *key)
{
	return kith_store_get(&w->nodes[super].core->super->store, key) != NULL;
}

static inline struct kith_id key_of_name(const struct core_world *w, const char *name)
{
	struct kith_id key;
	kith_ids_directory(w->pki.suite, &key, &w->nodes[0].core->self.network, name);
	return key;
}

#endif
