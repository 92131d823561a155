/* A test's own hand in a simulation: calls that last until the end, and faults at the moment and the place that it
 * chooses, down to a single path of a single session. What the options let happen goes on besides.
 *
 * Nodes are numbered as in sim.h. A leaf's end is that of its first open call.
 * To be used between two calls of kith_sim_run. Never: an invariant of its own, a draw.
 */
#ifndef KITH_SIM_HAND_H
#define KITH_SIM_HAND_H

#include "sim/sim.h"

/* One end of a call, as it is now. */
struct kith_simend {
	uint32_t peer; /* the other leaf */
	bool ours; /* this end called */
	uint32_t via; /* the supernode that it sends through; KITH_SIM_NONE: straight to the other one */
	unsigned live, relays; /* paths that are live, all and those through supernodes */
	kith_time_us gap_us; /* longest time without a talk datagram since it was listened; one that lasts counts */
};

enum kith_simhand {
	KITH_SIM_HAND_KILL, /* a node vanishes, for good */
	KITH_SIM_HAND_FLUSH, /* its router forgets all bindings */
	KITH_SIM_HAND_REBIND, /* ... and gives other ports from now on */
	KITH_SIM_HAND_READDRESS, /* its router gets another public address */
	KITH_SIM_HAND_MOVE, /* the leaf joins another network, and knows */
	KITH_SIM_HAND_CUT, /* its link is down, and it does not know */
	KITH_SIM_HAND_UNCUT,
	KITH_SIM_HAND_UNPLUG, /* its link is down, and it knows */
	KITH_SIM_HAND_PLUG
};

/* A leaf calls another one. False: that failed at once. */
bool kith_sim_hand_call(struct kith_sim *sim, uint32_t from, uint32_t to);

/* False: it has no open call. */
bool kith_sim_hand_look(const struct kith_sim *sim, uint32_t leaf, struct kith_simend *out);

/* The n-th supernode (from 0) that relays for that call and is not sent through; a home of that leaf's; somebody whom
 * it knows. KITH_SIM_NONE: there is none. */
uint32_t kith_sim_hand_standby(const struct kith_sim *sim, uint32_t leaf, unsigned n);
uint32_t kith_sim_hand_home(const struct kith_sim *sim, uint32_t leaf);
uint32_t kith_sim_hand_contact(const struct kith_sim *sim, uint32_t leaf);

/* From here on it is measured how long that end hears nothing. anew: the silence so far does not count, either. */
void kith_sim_hand_listen(struct kith_sim *sim, uint32_t leaf, bool anew);

/* That end says nothing, until told otherwise. */
void kith_sim_hand_hush(struct kith_sim *sim, uint32_t leaf, bool on);

/* The talk datagrams that came to that end so far. */
uint64_t kith_sim_hand_heard(const struct kith_sim *sim, uint32_t leaf);

/* What the leaf has cost so far: bytes both ways, with headers of IPv4 and UDP, and times that there was something to
 * do after KITH_SIM_ROUSED_US without. */
struct kith_simspent {
	uint64_t bytes, wakes;
};
struct kith_simspent kith_sim_hand_spent(const struct kith_sim *sim, uint32_t leaf);

void kith_sim_hand_do(struct kith_sim *sim, enum kith_simhand what, uint32_t node);

/* What goes wrong from one node to another, in the place of what did before; NULL heals. Nodes behind one router share
 * it. False: out of memory. */
bool kith_sim_hand_way(struct kith_sim *sim, uint32_t from, uint32_t to, const struct kith_net_way *way) KITH_MUST_USE;

#endif
