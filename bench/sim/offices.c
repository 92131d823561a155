/* Who serves, how evenly leaves are spread over them, and what supernodes say to each other. */
#include "sim/internal.h"

#include "link/state.h"

void kith_sim_offices_delivered(struct kith_sim *sim, const struct kith_simnode *from, const struct kith_simnode *to,
				uint32_t len)
{
	if (from->core != NULL && kith_serves(from->core) && to->core != NULL && kith_serves(to->core))
		sim->offices.between_bytes += len;
}

void kith_sim_offices_changed(struct kith_sim *sim, const struct kith_event *e)
{
	if (e->err == 0)
		sim->offices.changes++;
}

void kith_sim_offices_sample(struct kith_sim *sim, kith_time_us gap)
{
	struct kith_simoffices *o = &sim->offices;
	uint64_t leaves = 0, most = 0;
	uint32_t serving = 0;
	for (uint32_t i = 0; i < sim->nodes_n; i++) {
		const struct kith_core *c = sim->nodes[i].core;
		if (c == NULL || !kith_serves(c))
			continue;
		serving++;
		leaves += c->super->leaves;
		most = c->super->leaves > most ? c->super->leaves : most;
	}
	o->serving = serving;
	o->serving_s += serving * (uint64_t)(gap / KITH_US_PER_S);
	if (leaves == 0 || sim->now < sim->options.join_us + sim->options.bounds.settle_us)
		return;
	const uint32_t ratio = (uint32_t)(most * serving * 1000 / leaves);
	o->leaves_mean = (uint32_t)(leaves / serving);
	o->serving_most = serving > o->serving_most ? serving : o->serving_most;
	o->serving_least = o->serving_least == 0 || serving < o->serving_least ? serving : o->serving_least;
	o->fullest_permille = ratio > o->fullest_permille ? ratio : o->fullest_permille;
}

const struct kith_simoffices *kith_sim_offices(const struct kith_sim *sim)
{
	return &sim->offices;
}
