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
 * Where there are KITH_ELECTION_LEAST supernodes, and the mean of their loads is KITH_ELECTION_ROOMY at most, nobody is
 * promoted, however much one has to do: else there were a supernode more for each unevenness, and twice as many as the
 * load needs. Beyond that, as many are as lack until each has KITH_ELECTION_ASK: of those that say more, each asks with
 * such a probability. It waits while there are newcomers, one in KITH_ELECTION_NEW of all since it would have asked
 * last: leaves on the move are work for those that they leave, for those that they go to, and for replicas.
 * Who has KITH_ELECTION_UNEVEN of the mean, in KITH_ELECTION_UNEVEN_LOOKS looks in a row, leans: others that have less
 * than the mean take leaves of its, until it has KITH_ELECTION_EVEN of it, and one look in a row at most.
 * Help is asked for when utilisation stayed above KITH_ELECTION_ASK for KITH_ELECTION_ASK_US, or at once when packets
 * wait longer than KITH_ELECTION_WAIT_US; then not again for KITH_ELECTION_AGAIN_US. Whoever was promoted gives its
 * office up (those whose certificates name them seed the network, and stay) when there have been too many for
 * KITH_ELECTION_GO_US, it was in office for KITH_ELECTION_OFFICE_US, it has no more to do than the mean, and a draw
 * says so: of N supernodes of which some are too many, each goes with probability excess/N, drawn once in
 * KITH_ELECTION_DRAW_US, so that they do not go together. Too many are those beyond what all load needs at
 * KITH_ELECTION_ASK each, rounded, and never so that fewer than KITH_ELECTION_LEAST stay. What is above ASK is the
 * reserve: three in ten may be lost at once. ROOMY is so far above ASK that who goes is not elected again.
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
#define KITH_ELECTION_GO_US (1800 * KITH_US_PER_S)
#define KITH_ELECTION_OFFICE_US (3600 * KITH_US_PER_S)
#define KITH_ELECTION_DRAW_US (600 * KITH_US_PER_S)
#define KITH_ELECTION_LEAST 6 /* supernodes: as many as keep a record */
#define KITH_ELECTION_ROOMY 740 /* permille, mean of all: up to that those that there are suffice */
#define KITH_ELECTION_NEW 20 /* one newcomer among so many is waited for */
#define KITH_ELECTION_UNEVEN 1250 /* permille of the mean of all: who has more leans ... */
#define KITH_ELECTION_EVEN 1100 /* ... until it has that */
#define KITH_ELECTION_UNEVEN_LEAST 150 /* permille: who has less to do has no need to */
#define KITH_ELECTION_UNEVEN_LOOKS 3 /* in a row ... */
#define KITH_ELECTION_UNEVEN_US (60 * KITH_US_PER_S) /* ... that far apart */
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

/* Whether what it has to do differs enough from what it said that the others are to hear of it. */
bool kith_election_entry_due(uint8_t said, uint8_t load);

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

/* What all supernodes say of their loads, own included. */
struct kith_census {
	uint32_t n, busy; /* that serve; that have more than KITH_ELECTION_ASK */
	uint64_t sum; /* permille */
};

struct kith_need {
	kith_time_us above_since; /* NEVER: it is not */
	kith_time_us asked_at; /* 0: never */
	uint32_t n; /* supernodes, when it asked or would have; 0: never */
	kith_time_us uneven_at; /* when it looked last whether it has more than others; 0: never */
	uint8_t uneven; /* looks in a row in which it had */
	bool leans;
};

/* Takes a second's figures: the utilisation of all, and that of the wait. True: ask for help now. */
bool kith_election_asks(struct kith_need *need, kith_time_us now, uint32_t permille, uint32_t wait_permille);

/* Whether all of them have room enough, if load was spread evenly. */
bool kith_election_roomy(const struct kith_census *all);
/* Whether one that asks for help now has a leaf elected. */
bool kith_election_wants(struct kith_need *need, const struct kith_census *all, const struct kith_random *random);
/* Whether it is time to look whether others have less to do; and whether they are to take leaves. */
bool kith_election_uneven_due(const struct kith_need *need, kith_time_us now);
bool kith_election_leans(struct kith_need *need, kith_time_us now, uint32_t permille, const struct kith_census *all);
/* How many of its leaves one with so much load has another take that has so much: those that make them equal, or it to
 * the mean of all. 0: the other is asked for none. */
uint32_t kith_election_evens(uint32_t leaves, uint32_t permille, uint32_t other_permille,
			     const struct kith_census *all);

struct kith_tenure {
	kith_time_us since; /* when it began */
	kith_time_us calm_since; /* NEVER */
	kith_time_us drawn_at; /* 0: never */
};

/* How many supernodes are too many for what they have to do. */
uint32_t kith_election_excess(const struct kith_census *all);

/* Takes own utilisation, and what all say of theirs. True: give the office up now. */
bool kith_election_goes(struct kith_tenure *tenure, kith_time_us now, uint32_t permille, const struct kith_census *all,
			const struct kith_random *random);

#endif
