/* Who serves, when, and what is refused under load: the decisions of supernodes that elect themselves, as functions of
 * figures and times.
 *
 * Load is a utilisation in permille (1000: all that there is), the highest of what a supernode has to give: time of its
 * processor, the wait of packets before they are read, bytes relayed, memory, sessions, tunnels.
 *
 * Overload goes by levels, each of which holds what the ones below it do. A level begins when four seconds in a row
 * reach its threshold, and ends when utilisation has stayed KITH_OVERLOAD_SLACK below it for KITH_OVERLOAD_HOLD_US;
 * levels fall one at a time. The number of sessions and tunnels has no part in it: those tables refuse by themselves
 * when they are full. Relayed bytes reach the first level only.
 *
 * Where there are KITH_ELECTION_LEAST supernodes, and the mean of their loads is KITH_ELECTION_ROOMY at most, a
 * supernode with too much to do has one of the others take leaves of its, and nobody is promoted: else there were a
 * supernode more for each unevenness, and twice as many as the load needs.
 * Help is asked for when utilisation stayed above KITH_ELECTION_ASK for KITH_ELECTION_ASK_US, or at once when packets
 * wait longer than KITH_ELECTION_WAIT_US; then not again for KITH_ELECTION_AGAIN_US. Whoever was promoted gives its
 * office up (those whose certificates name them seed the network, and stay) when its own utilisation and the mean of
 * all have stayed below KITH_ELECTION_GO for KITH_ELECTION_GO_US, it was in office for KITH_ELECTION_OFFICE_US, and a
 * draw says so: of N supernodes of which some are too many, each goes with probability excess/N, drawn once in
 * KITH_ELECTION_DRAW_US, so that they do not go together. Too many are those beyond what all load needs at half of
 * what it may take, with a tenth, and one at least, in reserve, and never so that fewer than KITH_ELECTION_LEAST stay.
 * Times here are those of the election's clock (kith_paced of link/state.h), which in test networks goes faster than
 * others.
 * Never: input, output, a clock, a table, randomness of its own.
 */
#ifndef KITH_OVERLAY_ELECTION_H
#define KITH_OVERLAY_ELECTION_H

#include <kith/role.h>

#include "base/rng.h"
#include "base/timer.h"
#include "overlay/qualify.h"

#define KITH_ELECTION_ASK 700 /* permille */
#define KITH_ELECTION_ASK_US (30 * KITH_US_PER_S)
#define KITH_ELECTION_WAIT_US (20 * KITH_US_PER_MS)
#define KITH_ELECTION_AGAIN_US (60 * KITH_US_PER_S)
#define KITH_ELECTION_GO 250 /* permille */
#define KITH_ELECTION_GO_US (1800 * KITH_US_PER_S)
#define KITH_ELECTION_OFFICE_US (3600 * KITH_US_PER_S)
#define KITH_ELECTION_DRAW_US (600 * KITH_US_PER_S)
#define KITH_ELECTION_LEAST 6 /* supernodes: as many as keep a record */
#define KITH_ELECTION_ROOMY 650 /* permille, mean of all: up to that those that there are suffice */
#define KITH_ELECTION_TAKES 500 /* permille: who has no more takes leaves of others */
#define KITH_ELECTION_CANDIDATES 8
#define KITH_LOAD_ENTRY_US (600 * KITH_US_PER_S) /* local: 25,000 members that all change cost each other 176 kbit/s */
#define KITH_LOAD_ENTRY_LEAST_US (60 * KITH_US_PER_S) /* local: as often as help is asked for */

/* ---- load ---- */

/* What a supernode has to give. */
enum kith_resource {
	KITH_RESOURCE_WAIT, /* of packets before they are read: 20 ms are KITH_ELECTION_ASK */
	KITH_RESOURCE_BUSY, /* share of the time that the loop works */
	KITH_RESOURCE_MEMORY,
	KITH_RESOURCE_RELAY, /* bytes a second */
	KITH_RESOURCE_SESSIONS, /* from here on: tables, which have no part in overload */
	KITH_RESOURCE_TUNNELS,
	KITH_RESOURCES_N
};

/* The figures of one second, and the bounds that they are measured against. A bound of 0: not counted. */
struct kith_figures {
	kith_time_us wait_us; /* mean */
	uint32_t busy_permille;
	uint64_t memory, memory_max;
	uint64_t relayed, relay_max; /* bytes */
	uint32_t sessions, sessions_max, tunnels, tunnels_max;
};

/* Utilisation of each resource in permille, at most KITH_UTILISATION_MAX; returns the highest of them all. */
#define KITH_UTILISATION_MAX 4000
uint32_t kith_election_utilisation(const struct kith_figures *f, uint16_t out[KITH_RESOURCES_N]);

/* Utilisation as a member entry says it, in 1/255. */
uint8_t kith_election_load_byte(uint32_t permille);
uint32_t kith_election_load_permille(uint8_t load);

/* How long a supernode waits, among so many, until it says another load than before: the less, the fewer there are,
 * since what they cost each other grows with their number. Who elects by figures of long ago elects too many. */
kith_time_us kith_election_entry_us(uint32_t members);

/* Utilisation as overload judges it: of processor, wait and memory, and of relayed bytes as far as refusing tunnels
 * helps. */
uint32_t kith_election_strain(const uint16_t utilisation[KITH_RESOURCES_N]);

/* ---- overload ---- */

enum kith_overload_level {
	KITH_OVERLOAD_NONE,
	KITH_OVERLOAD_RELAYS, /* no new tunnels */
	KITH_OVERLOAD_LOOKUPS, /* no look-ups for who is no leaf of ours */
	KITH_OVERLOAD_PRESENCE, /* news of presence wait and go out together */
	KITH_OVERLOAD_ATTACHES /* no new leaves */
};

#define KITH_OVERLOAD_SLACK 100 /* permille */
#define KITH_OVERLOAD_BEFORE 3 /* seconds, and one more, that must be bad */
#define KITH_OVERLOAD_HOLD_US (5 * KITH_US_PER_S)

struct kith_overload {
	uint8_t level; /* enum kith_overload_level */
	uint32_t before[KITH_OVERLOAD_BEFORE]; /* permille of the seconds before, the last one first */
	kith_time_us calm_since; /* since when utilisation has been below the level's threshold and slack; NEVER */
};

/* Takes a second's utilisation; true when the level changed. */
bool kith_election_overload(struct kith_overload *o, kith_time_us now, uint32_t permille);
const char *kith_overload_name(uint8_t level);

/* For how long news of presence wait at a level: 0, or 5 s rising to 60 s with utilisation. */
kith_time_us kith_election_coalesce_us(const struct kith_overload *o, uint32_t permille);

/* ---- who may serve, and who is asked ---- */

/* What a node lacks to be asked at all: NONE, or UNPROVEN, SLOW, SELDOM or NEW. It must have been seen for an hour, or,
 * at a pace other than 1, for that part of one. */
enum kith_role_reason kith_election_lacks(const struct kith_qualification *q, int64_t now_ms, uint32_t pace);

/* The best of up to KITH_ELECTION_CANDIDATES; NULL ones are left out. -1: none qualifies. A stable node is preferred to
 * a fast one: bandwidth counts up to 12.5 MB/s, time up to 30 days. */
int kith_election_best(const struct kith_qualification *const candidates[], size_t n, int64_t now_ms, uint32_t pace);

/* ---- when ---- */

struct kith_need {
	kith_time_us above_since; /* NEVER: it is not */
	kith_time_us asked_at; /* 0: never */
};

/* Takes a second's figures: the utilisation of all, and that of the wait. True: ask for help now. */
bool kith_election_asks(struct kith_need *need, kith_time_us now, uint32_t permille, uint32_t wait_permille);

/* Whether n supernodes with such a sum of their loads have room enough, if it was spread evenly. */
bool kith_election_roomy(uint32_t n, uint64_t sum_permille);
/* How many of its leaves one with so much load has another take that has so much: those that make them equal. 0: the
 * other is asked for none. */
uint32_t kith_election_evens(uint32_t leaves, uint32_t permille, uint32_t other_permille);

struct kith_tenure {
	kith_time_us since; /* when it began */
	kith_time_us calm_since; /* NEVER */
	kith_time_us drawn_at; /* 0: never */
};

/* How many supernodes of n are too many for the sum of their loads in permille. */
uint32_t kith_election_excess(uint32_t n, uint64_t sum_permille);

/* Takes own utilisation, and what the members say of theirs, own included. True: give the office up now. */
bool kith_election_goes(struct kith_tenure *tenure, kith_time_us now, uint32_t permille, uint32_t n,
			uint64_t sum_permille, const struct kith_random *random);

#endif
