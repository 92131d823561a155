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
 * A supernode has too much to do when its utilisation stayed above KITH_ELECTION_ASK for KITH_ELECTION_ASK_US, or
 * packets wait longer than KITH_ELECTION_WAIT_US; it looks for help then, and not again for KITH_ELECTION_AGAIN_US.
 * Two things help: one more is promoted if supernodes are lacking, and else leaves go to another that has less to do.
 * Needed are as many as the loads of all members come to at KITH_ELECTION_ASK for each, to the nearest whole one:
 * where twelve are needed one more or less is eight in a hundred. Each supernode looks at the loads once in
 * KITH_ELECTION_LOOK_US, and what fewer there are than needed is lacking once KITH_ELECTION_FEW_LOOKS more looks found
 * it so than did not: leaves that move, and what they all renew at one time, are work for some minutes, and whoever is
 * promoted for that is one too many for an hour. Members that come make such work as well, and the count begins anew:
 * with one in KITH_ELECTION_MANY_COME all of it, with fewer a part. But nobody waits while the loads come to more than
 * KITH_ELECTION_PRESSING for each, or there are fewer than KITH_ELECTION_LEAST. Each of those with too much to do
 * draws, so that as many promote one as are lacking.
 * Leaves go when utilisation is KITH_ELECTION_UNEVEN above the mean of all, both now and in the mean of
 * KITH_ELECTION_USUAL_LOOKS looks, or KITH_ELECTION_FAR above it now; they go to one that is below the mean.
 * Too many are those beyond what the loads come to at KITH_ELECTION_GO for each: that is a little less than ASK, so
 * that nobody who went is called back for a trifle. Whoever was promoted gives its office up (those whose certificates
 * name them seed the network, and stay) when KITH_ELECTION_MANY_LOOKS more of its looks found too many than did not,
 * it was in office for KITH_ELECTION_OFFICE_US, and a draw says so: of N supernodes of which some are too many, each
 * goes with probability excess/N, drawn once in KITH_ELECTION_DRAW_US, so that they do not go together.
 * KITH_ELECTION_LEAST stay.
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
#define KITH_ELECTION_LOOK_US (60 * KITH_US_PER_S)
#define KITH_ELECTION_FEW_LOOKS 15
#define KITH_ELECTION_MANY_COME 20 /* one in so many */
#define KITH_ELECTION_PRESSING 800 /* permille, mean of all: overload begins */
#define KITH_ELECTION_UNEVEN 100 /* permille */
#define KITH_ELECTION_FAR 250 /* permille: more than the load of one varies by itself in half a minute */
#define KITH_ELECTION_USUAL_LOOKS 10
#define KITH_ELECTION_GO 690 /* permille, mean of those that stay */
#define KITH_ELECTION_MANY_LOOKS 30
#define KITH_ELECTION_OFFICE_US (3600 * KITH_US_PER_S)
#define KITH_ELECTION_DRAW_US (600 * KITH_US_PER_S)
#define KITH_ELECTION_LEAST 6 /* supernodes: as many as keep a record */
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

/* What a supernode knows of all members, itself included. Loads are in permille. */
struct kith_census {
	uint32_t n, above; /* members, and those of them above KITH_ELECTION_ASK */
	uint64_t sum; /* of the loads of all */
	uint32_t own;
};

/* What it keeps of its looks at them. */
struct kith_looks {
	uint8_t few, many; /* that found too few or too many, less those that did not: none at least */
	uint32_t n; /* members at the last one */
	uint32_t own; /* mean of what it had to do */
};

/* Takes what was seen, once in KITH_ELECTION_LOOK_US. */
void kith_election_look(struct kith_looks *looks, const struct kith_census *all);

/* How many supernodes are lacking: 0 while it did not last, and does not press. */
uint32_t kith_election_lacking(const struct kith_looks *looks, const struct kith_census *all);
/* One of those with too much to do draws: whether it promotes one. */
bool kith_election_promotes(const struct kith_looks *looks, const struct kith_census *all,
			    const struct kith_random *random);

/* How many of its leaves one has another take that says so much: those that it has above the mean, or that make the two
 * equal if these are fewer. 0: none. */
uint32_t kith_election_evens(const struct kith_looks *looks, const struct kith_census *all, uint32_t leaves,
			     uint32_t other_permille);

struct kith_tenure {
	kith_time_us since; /* when it began */
	kith_time_us drawn_at; /* 0: never */
};

/* How many supernodes are too many. */
uint32_t kith_election_excess(const struct kith_census *all);

/* Each time after a look. True: give the office up now. */
bool kith_election_goes(struct kith_tenure *tenure, kith_time_us now, const struct kith_looks *looks,
			const struct kith_census *all, const struct kith_random *random);

#endif
