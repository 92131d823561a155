/* A day in which nobody does anything: what it costs a leaf and a supernode, in bytes a second, headers of UDP and IPv4
 * included.
 *
 *     sim_day              24 hours; leaves that watch nobody, and leaves that watch eight others
 *     sim_day HOURS SEED   so many, with that seed
 *
 * Each leaf restarts twice in the first 20 hours, as a node does to take a renewed certificate; records, watches and
 * keys are renewed when it is time, member entries every ten hours. Held are the mean of all, and each leaf and
 * supernode by itself, all along (idle-quiet); printed is the most that one leaf had in an hour, and how often one is
 * woken, by a packet or a timer, after a tenth of a second without either.
 * What 25,000 members' entries cost is measured at their rate by sim_members_cost, in networks that are small enough: a
 * supernode passes each renewal on once, however many members there are.
 */
#include "scenario.h"

#include "sim/internal.h"

enum {
	SUPERNODES = 8,
	LEAVES = 24,
	HOURS = 24,
	SETTLED_S = 120,
	SUPER_BYTES_MAX = 1000, /* a second, that a supernode sends besides what it sends to leaves: 8 kbit/s */
	/* In and out, with three homes, and eight others watched. Wanted are 15 and 20: keepalives alone are 11.9, and
	 * the rest is the record, which all homes are given and one is asked for each time that it is renewed. */
	LEAF_BYTES_MAX = 17,
	WATCHING_BYTES_MAX = 25,
	LEAF_BYTES_WANTED = 15,
	WATCHING_BYTES_WANTED = 20
};

struct day {
	double leaf, leaf_hour, super; /* bytes a second */
	double roused; /* a minute, of a leaf */
	uint64_t restarts;
};

static void options(struct kith_simoptions *o, uint32_t hours, uint64_t seed, bool watch)
{
	struct kith_simfaults *f = &o->faults;
	scenario_calm(o, seed);
	o->supernodes = SUPERNODES;
	o->leaves = LEAVES;
	o->duration_us = hours * 3600 * KITH_US_PER_S;
	o->verify_us = 0;
	o->checked = false;
	o->workload.call_gap_us = 0;
	o->workload.contacts_n = 4; /* of each, and mutual */
	o->workload.watch = watch;
	o->bounds.idle_bytes = watch ? WATCHING_BYTES_MAX : LEAF_BYTES_MAX;
	o->bounds.super_idle_bytes = SUPER_BYTES_MAX;
	f->leaf_stops_n = 2 * LEAVES;
	f->down_us = 10 * KITH_US_PER_S;
	f->from_us = SETTLED_S * KITH_US_PER_S;
	f->until_us = o->duration_us * 5 / 6;
	snprintf(o->command, sizeof o->command, "sim_day %u %llu", hours, (unsigned long long)seed);
}

static uint64_t bytes_of(const struct kith_simnode *n)
{
	return n->bytes_in + n->bytes_out + SCENARIO_HEADERS * (n->packets_in + n->packets_out);
}

static bool run(uint32_t hours, uint64_t seed, bool watch, struct day *out)
{
	struct kith_simoptions o;
	uint64_t leaf[LEAVES], sum = 0, most = 0, super = 0, roused = 0;
	options(&o, hours, seed, watch);
	struct kith_sim *sim = kith_sim_new(&o);
	bool good = sim != NULL && kith_sim_run(sim, SETTLED_S * KITH_US_PER_S);
	for (uint32_t i = 0; good && i < LEAVES; i++)
		leaf[i] = bytes_of(&sim->nodes[SUPERNODES + i]), roused -= sim->nodes[SUPERNODES + i].roused;
	uint64_t before =
		good ? kith_sim_counts(sim)->super_bytes + SCENARIO_HEADERS * kith_sim_counts(sim)->super_packets : 0;
	for (uint32_t h = 1; good && h <= hours; h++) {
		good = kith_sim_run(sim, (h < hours ? h * 3600 + SETTLED_S : h * 3600) * KITH_US_PER_S);
		for (uint32_t i = 0; i < LEAVES; i++) {
			uint64_t now = bytes_of(&sim->nodes[SUPERNODES + i]), in_hour = now - leaf[i];
			leaf[i] = now;
			sum += in_hour;
			most = in_hour > most ? in_hour : most;
		}
	}
	for (uint32_t i = 0; good && i < LEAVES; i++)
		roused += sim->nodes[SUPERNODES + i].roused;
	if (good) {
		const double seconds = hours * 3600.0 - SETTLED_S;
		super = kith_sim_counts(sim)->super_bytes + SCENARIO_HEADERS * kith_sim_counts(sim)->super_packets -
			before;
		*out = (struct day){ .leaf = (double)sum / LEAVES / seconds,
				     .leaf_hour = (double)most / 3600,
				     .roused = (double)roused / LEAVES / seconds * 60,
				     .super = (double)super / SUPERNODES / seconds,
				     .restarts = kith_sim_counts(sim)->stops };
	}
	char text[2048];
	if (!good || !kith_sim_finish(sim)) {
		fprintf(stderr, "%s\n",
			sim != NULL ? kith_sim_violation_text(sim, text, sizeof text) : "out of memory");
		good = false;
	}
	kith_sim_free(sim);
	return good;
}

int main(int argc, char **argv)
{
	uint32_t hours = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : HOURS;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	int failures = 0;
	if (hours == 0 || argc > 3) {
		fprintf(stderr, "usage: %s [HOURS [SEED]]\n", argv[0]);
		return 2;
	}
	for (int watch = 0; watch < 2; watch++) {
		struct day d;
		const int most = watch ? WATCHING_BYTES_MAX : LEAF_BYTES_MAX;
		if (!run(hours, seed, watch != 0, &d))
			return 1;
		printf("  %u hours, seed %llu, %llu restarts: a leaf that watches %s: %.1f B/s in and out (at most %d, "
		       "wanted %d), in its worst hour %.1f; %.1f wake-ups a minute\n",
		       hours, (unsigned long long)seed, (unsigned long long)d.restarts, watch ? "eight" : "nobody",
		       d.leaf, most, watch ? WATCHING_BYTES_WANTED : LEAF_BYTES_WANTED, d.leaf_hour, d.roused);
		printf("    a supernode of %d, with nine leaves, sends %.0f bit/s\n", SUPERNODES, d.super * 8);
		failures += d.leaf > most || d.restarts < LEAVES;
	}
	return failures > 0;
}
