/* The scenarios that the tests of this directory share. */
#ifndef KITH_TESTS_SIM_SCENARIO_H
#define KITH_TESTS_SIM_SCENARIO_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/draw.h"
#include "sim/sim.h"

enum { SCENARIO_SUPERNODES = 5, SCENARIO_LEAVES = 11, SCENARIO_S = 120, SCENARIO_HEADERS = 28 /* of IPv4 and UDP */ };

/* A small network in which nothing goes wrong. */
static inline void scenario_calm(struct kith_simoptions *o, uint64_t seed)
{
	kith_simoptions_init(o);
	o->seed = seed;
	o->supernodes = SCENARIO_SUPERNODES;
	o->leaves = SCENARIO_LEAVES;
	o->duration_us = SCENARIO_S * KITH_US_PER_S;
	o->join_us = 5 * KITH_US_PER_S;
	o->checked = true;
	o->verify_us = 40 * KITH_US_PER_S;
	o->workload.call_gap_us = 15 * KITH_US_PER_S;
	o->workload.hold_us = 10 * KITH_US_PER_S;
	o->workload.relay_only_ppm = 200000;
	o->workload.spies_ppm = 200000;
	o->workload.stream_bytes = 20000;
	o->workload.early_bytes = 12 + kith_draw_below(kith_draw(seed, 77, 9), KITH_EARLY_MAX - 11);
	snprintf(o->command, sizeof o->command, "(run the test again)");
}

/* How many the environment says, or as many as is usual. */
static inline uint64_t scenario_count(const char *variable, uint64_t usual)
{
	const char *wanted = getenv(variable);
	return wanted != NULL ? strtoull(wanted, NULL, 10) : usual;
}

/* Runs each seed in turn, as many as the environment says or as is usual, or the one that is the argument. How many
 * failed. */
static inline int scenario_seeds(int argc, char **argv, const char *variable, uint64_t usual, int (*run)(uint64_t seed))
{
	uint64_t seeds = scenario_count(variable, usual);
	int failures = 0;
	if (argc == 2)
		return run(strtoull(argv[1], NULL, 10));
	for (uint64_t seed = 1; seed <= seeds; seed++)
		failures += run(seed);
	return failures;
}

/* Runs on, and says what was violated. */
static inline bool scenario_run(struct kith_sim *sim, kith_time_us until)
{
	char text[2048];
	if (kith_sim_run(sim, until))
		return true;
	fprintf(stderr, "%s\n", kith_sim_violation_text(sim, text, sizeof text));
	return false;
}

/* Bytes that all supernodes sent so far, headers included. */
static inline double scenario_super_bytes(struct kith_sim *sim)
{
	const struct kith_simcounts *c = kith_sim_counts(sim);
	return (double)c->super_bytes + (double)SCENARIO_HEADERS * (double)c->super_packets;
}

/* A draw that depends on the seed and on what it is for. */
static inline uint32_t scenario_below(uint64_t seed, uint64_t what, uint32_t n)
{
	return kith_draw_below(kith_draw(seed, 77, what), n);
}

/* The same under fire: a fifth of all packets lost, others late, twice or in another order; partitions of which half
 * are one way, crashes and departures, addresses that change, clocks that are wrong. From 15 s to 40 s; what holds is
 * asked of them once they have had time to settle, with the loss still on. */
static inline void scenario_storm(struct kith_simoptions *o, uint64_t seed)
{
	struct kith_simfaults *f = &o->faults;
	scenario_calm(o, seed);
	f->link.loss_ppm = 200000;
	f->link.duplicate_ppm = 20000;
	f->link.reorder_ppm = 100000;
	f->link.reorder_delay_us = 30 * KITH_US_PER_MS;
	f->link.jitter_us = 10 * KITH_US_PER_MS;
	f->from_us = 15 * KITH_US_PER_S;
	f->until_us = 40 * KITH_US_PER_S;
	f->partitions_n = scenario_below(seed, 1, 4);
	f->partition_us = 10 * KITH_US_PER_S;
	f->leaf_crashes_n = scenario_below(seed, 2, 4);
	f->super_crashes_n = scenario_below(seed, 3, 3);
	f->leaf_stops_n = scenario_below(seed, 4, 3);
	f->super_stops_n = scenario_below(seed, 5, 2);
	f->down_us = 15 * KITH_US_PER_S;
	f->moves_n = scenario_below(seed, 6, 4);
	f->silences_n = scenario_below(seed, 7, 2);
	f->silence_us = 8 * KITH_US_PER_S;
	f->skew_max_ms = scenario_below(seed, 8, 2) * 120000;
	o->bounds.settle_us = 38 * KITH_US_PER_S;
	o->bounds.talk_us = 30 * KITH_US_PER_S;
	o->bounds.stream_us = 40 * KITH_US_PER_S;
}

/* Invariants that the environment says are not to be checked, comma-separated: to see what comes after one. */
static inline bool scenario_ignore(struct kith_simoptions *o, const char *names)
{
	while (names != NULL && *names != '\0') {
		char name[64];
		size_t len = strcspn(names, ",");
		snprintf(name, sizeof name, "%.*s", len < sizeof name ? (int)len : 0, names);
		enum kith_siminvariant i = kith_siminvariant_find(name);
		if (i == KITH_SIM_INVARIANTS_N)
			return false;
		o->ignored |= 1u << i;
		names += len + (names[len] == ',');
	}
	return true;
}

static inline void scenario_print_hash(const uint8_t hash[32])
{
	for (int i = 0; i < 32; i++)
		printf("%02x", hash[i]);
}

#endif
