/* What kith-sim says of a run: as text, or as a document of JSON.
 *
 * Memory is taken before the end of the simulation, everything else after it.
 */
#ifndef KITH_SIM_PRINT_H
#define KITH_SIM_PRINT_H

#include <jansson.h>

#include "sim/sim.h"

/* Figures of the moment before the end: memory is gone after it. */
struct kith_simmemory {
	uint64_t live[2], most[2], shared, pool;
	uint32_t nodes[2];
};

void kith_sim_memory_take(const struct kith_sim *sim, struct kith_simmemory *m);

void kith_sim_print_text(const struct kith_sim *sim, const struct kith_simmemory *m);
/* The same, and more: the caller adds what it alone knows, and owns it. After kith_sim_finish. */
json_t *kith_sim_json(const struct kith_sim *sim, const struct kith_simoptions *o, const struct kith_simmemory *m);
/* Of runs that go on after a violation. */
void kith_sim_print_violations(const struct kith_sim *sim);
/* Of each two kinds of NAT whose leaves called each other: how many of their calls were direct. */
void kith_sim_print_pairs(const struct kith_sim *sim, const struct kith_simnat_mix *mix);
/* Of runs with machines and links that have limits. */
void kith_sim_print_load(const struct kith_sim *sim);
/* Of runs in which a supernode is handed a revocation list. */
void kith_sim_print_list(const struct kith_sim *sim, const struct kith_simmemory *m);
/* Of all that happened: the same for the same seed and options. */
void kith_sim_print_hash(const struct kith_sim *sim);

#endif
