/* How a round of punching tries: which targets it probes, and when. One file for each strategy, behind one function.
 *
 * A strategy is asked with what both ends know: both classes of NAT, both lists of candidates, the number of the round.
 * So both ends come to the same strategy without a word. The strategy says whether it fits, and makes the plan of the
 * round: openers at once, then probes to each target at each time of the schedule. The punch checks every target of the
 * plan as it checks a candidate, and its limits stay.
 * To add one: its file, its line here, and its row in strategy.c, before those that take everything.
 * Never: a packet, a clock, randomness (the punch adds the jitter), a target that is not checked.
 */
#ifndef KITH_PATH_STRATEGY_H
#define KITH_PATH_STRATEGY_H

#include "path/candidate.h"

#define KITH_PLAN_STEPS 16
#define KITH_PLAN_GUESSES 10 /* local: ports tried at one address that are not named: two probes each are its 20 */
#define KITH_PLAN_TARGETS (KITH_CANDIDATES_MAX + KITH_PLAN_GUESSES)

struct kith_punch_question {
	const struct kith_candidates *ours, *theirs; /* each with its class of NAT */
	uint8_t round; /* as on the wire: 1 is the first */
	uint16_t our_sockets, their_sockets; /* that each would open at once for a spread */
	bool initiator; /* of the session: where both would do the same, one of them does something else */
};

struct kith_plan {
	uint8_t opener_ttl; /* of the packet that opens our NAT towards each public target at once; 0: none is sent */
	uint8_t steps; /* probes to each target */
	uint8_t enough; /* of them once there is a direct path */
	uint8_t targets_n;
	/* The first targets are no candidates, but ports near one. Together they have as many probes as one address. */
	uint8_t guesses_n;
	bool guess_openers; /* they get openers, too */
	uint16_t guess_steps; /* bit i: they are probed at step i; the others always */
	/* Every port between these at that address is tried once besides, KITH_PROBES_RANGE at most, if a relay has
	 * named the address as the peer's. 0: none is. */
	uint16_t range_low, range_high;
	struct kith_endpoint range_at;
	uint16_t near_low, near_high; /* the part of the range that comes first; 0: there is none */
	uint16_t range_most; /* so many of its ports are enough */
	/* Besides, from so many sockets of ours one packet each goes to the peer, at the address that a relay has named
	 * as the peer's: so many mappings of our NAT wait for one of the peer's probes. */
	uint16_t spread;
	kith_time_us at_us[KITH_PLAN_STEPS]; /* of each, after the start; ascending, the first is 0 */
	struct kith_candidate targets[KITH_PLAN_TARGETS];
};

struct kith_strategy {
	const char *name; /* for the log */
	/* False: the strategy does not fit, and plan is all zero. */
	bool (*plan)(const struct kith_punch_question *q, struct kith_plan *plan);
};

/* Each of the peer's candidates as it is, by the schedule of first probes. Takes everything: the last one asked. */
extern const struct kith_strategy kith_punch_simple;

/* A peer behind a NAT whose ports go in steps: the ports after the one that it predicts. */
extern const struct kith_strategy kith_punch_predict;

/* A peer behind a NAT that gives it ports of a block, when our own address is one for all: the whole block. One whose
 * ports are random: some of all ports, while the peer opens many. And the peer's half of both. */
extern const struct kith_strategy kith_punch_birthday;

/* The strategies in the order in which they are asked; NULL after the last. */
extern const struct kith_strategy *const kith_strategies[];

/* The first strategy of a list that takes the question, with its plan. NULL: none does. */
const struct kith_strategy *kith_strategy_choose(const struct kith_strategy *const list[],
						 const struct kith_punch_question *q, struct kith_plan *plan);

#endif
