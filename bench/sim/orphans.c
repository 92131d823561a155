/* Leaves whose homes have all gone down, told or not: how long until they have one that is up. That counts from the
 * loss; a leaf that is idle does not notice it before its next keepalive. */
#include "sim/internal.h"

static bool has_home_that_is_up(const struct kith_sim *sim, const struct kith_simnode *n)
{
	struct kith_addr homes[KITH_HOMES];
	size_t count = kith_core_homes(n->core, homes, KITH_HOMES);
	for (size_t i = 0; i < count; i++) {
		const struct kith_simnode *home = kith_sim_super_at(sim, &homes[i]);
		if (home != NULL && home->core != NULL)
			return true;
	}
	return false;
}

void kith_sim_orphans_due(struct kith_sim *sim)
{
	/* Once all have gone down that do so now. */
	const struct kith_simcontrol c = { .kind = KITH_SIM_ORPHANS };
	if (sim->orphans_at == sim->now || sim->finished)
		return;
	sim->orphans_at = sim->now;
	kith_sim_control_at(sim, sim->now, &c);
}

void kith_sim_orphans(struct kith_sim *sim)
{
	for (uint32_t i = sim->options.supernodes; i < sim->nodes_n; i++) {
		struct kith_simnode *n = &sim->nodes[i];
		if (n->core != NULL && n->homes > 0 && n->orphaned_at == KITH_TIME_NEVER &&
		    !has_home_that_is_up(sim, n))
			n->orphaned_at = sim->now;
	}
}

void kith_sim_orphan_look(struct kith_sim *sim, struct kith_simnode *n)
{
	if (n->orphaned_at == KITH_TIME_NEVER || !has_home_that_is_up(sim, n))
		return;
	kith_sim_sample(sim, n->id, KITH_SIM_ORPHANED, sim->now - n->orphaned_at);
	n->orphaned_at = KITH_TIME_NEVER;
}
