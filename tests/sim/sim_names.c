/* Leaves join other networks while they talk, and an observer of all packets tries to find them again: by names,
 * counters and equal bytes of what is sealed it cannot, also where packets are lost, late and doubled. By the ids of
 * tunnels it can (PROTOCOL.md, 16.4), which shows that it looks.
 *
 *     sim_names [SEED]     20 seeds, or that one; KITH_NAMES_SEEDS=N: so many
 */
#include "scenario.h"

static int run(uint64_t seed)
{
	struct kith_simoptions o;
	char text[2 * KITH_SIM_TEXT_MAX + 1024];
	scenario_calm(&o, seed);
	o.linking = true;
	o.faults.link.loss_ppm = 50000;
	o.faults.link.duplicate_ppm = 20000;
	o.faults.link.reorder_ppm = 100000;
	o.faults.link.reorder_delay_us = 30 * KITH_US_PER_MS;
	o.faults.from_us = 15 * KITH_US_PER_S;
	o.faults.until_us = 40 * KITH_US_PER_S;
	o.faults.moves_n = 12; /* half of them to another network, the others unknowingly */
	o.bounds.settle_us = 38 * KITH_US_PER_S;
	o.bounds.talk_us = 30 * KITH_US_PER_S;
	o.bounds.stream_us = 40 * KITH_US_PER_S;
	struct kith_sim *sim = kith_sim_new(&o);
	if (sim == NULL || !kith_sim_finish(sim)) {
		fputs(sim != NULL ? kith_sim_violation_text(sim, text, sizeof text) : "out of memory\n", stderr);
		return 1;
	}
	const struct kith_simcounts *c = kith_sim_counts(sim);
	bool good = c->moved_packets >= 100 && c->linked_packets == 0 && c->linked_tunnels > 0;
	printf("seed %llu: %llu packets at other networks, %llu of them linked; %llu in tunnels linked%s\n",
	       (unsigned long long)seed, (unsigned long long)c->moved_packets, (unsigned long long)c->linked_packets,
	       (unsigned long long)c->linked_tunnels, good ? "" : ": NOT GOOD");
	kith_sim_free(sim);
	return !good;
}

int main(int argc, char **argv)
{
	return scenario_seeds(argc, argv, "KITH_NAMES_SEEDS", 20, run) != 0;
}
