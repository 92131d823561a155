/* Opening a direct path: the exchange of candidates, and when to probe which.
 *
 * The initiator of the session sends CANDIDATES and PUNCH(round) over the path there is; the responder answers with
 * its own pair, and both probe. No clock is shared: the responder begins half a round trip after its answer left,
 * when that answer arrives and the initiator begins. Before that, one packet with a low TTL opens the own NAT and
 * dies before it reaches the other NAT, where it would be a stranger's.
 *
 * A strategy (strategy.h) says which targets a round probes, and when. It is chosen by both classes of NAT and the
 * number of the round; the timers below are the simple one's.
 *
 * Timers: CANDIDATES+PUNCH at 0, 250, 750 ms ... (doubling, at most 2 s, KITH_PUNCH_OFFERS times) until answered;
 * probes at 0, 20, 60, 140, 300, 600, 1000 ms +-10 %; a round fails 2 RTT + 150 ms later; four rounds, with pauses of
 * 1, 2, 4 s, then one a minute while the session is used, and one whenever either side's candidates change (at most
 * every 2 s).
 * A range of ports is tried, besides a round and beyond it, only at an address that a relay of the session has named as
 * the peer's proven one (kith_punch_attested), each port once, KITH_PROBES_RANGE_PACE_US apart, KITH_PROBES_RANGE at
 * most, and every KITH_PROBES_RANGE_US at most: the peer's own word aims no such thing at anybody. After
 * KITH_PROBES_RANGE_TRIES attempts it rests for KITH_PROBES_RANGE_REST_US, unless the relay names another address.
 * A spread is the other half of that: one packet from each of many sockets to that address, under the same limits. The
 * sockets are the session's owner's (wants), and so is their pace.
 * Connections (TCP) are tried while no direct path is there, beside the rounds: KITH_CONNECT_SOON_US after the start of
 * one if UDP is hopeless, else a round trip and KITH_CONNECT_LATER_US after it; and when the peer names an address for
 * them later than that. One PROBE goes over each. path/connections has their limits; the initiator goes first where
 * either could. A direct path over one does not end the rounds: one over UDP takes its place.
 * Bounds: 8 addresses; 20 probes to one in one round, 20 to all that are guessed from one, 160 to all in 20 s.
 * Never: makes a path. When a target is heard from, the path set makes it one and takes the target over.
 */
#ifndef KITH_PATH_PUNCH_H
#define KITH_PATH_PUNCH_H

#include "path/candidate.h"
#include "path/connections.h"
#include "path/path.h"
#include "path/ports.h"
#include "path/strategy.h"

enum kith_punch_state {
	KITH_PUNCH_QUIET, /* nothing to do: no candidates, or a direct path is there */
	KITH_PUNCH_OFFERED, /* initiator: CANDIDATES and PUNCH are repeated until answered */
	KITH_PUNCH_PROBING, /* the schedule runs */
	KITH_PUNCH_WAITING, /* all probes are out; the last may still be answered */
	KITH_PUNCH_PAUSED, /* initiator: until the next round */
	KITH_PUNCH_TOLD /* responder: CANDIDATES that are new to the initiator are repeated until it starts a round */
};

/* What the session's owner should do; it clears what it has read. */
enum kith_punch_want {
	KITH_PUNCH_WANT_LEG = 1, /* the peer is to hear from the relays where we are */
	KITH_PUNCH_WANT_SOCKETS = 2, /* open them, and kith_punch_spread for each */
	KITH_PUNCH_WANT_LISTENER = 4, /* UDP leads to no direct path: connections should be taken in */
	KITH_PUNCH_WANT_OFFER =
		8 /* kith_punch_offer, with what our NAT is foretold to do now; also if that is the same */
};

/* How often something was tried that costs many packets, and when the last time began. */
struct kith_tries {
	kith_time_us began; /* 0: never */
	uint8_t n; /* in a row */
};

/* Whether another attempt may begin; and that one does. */
static inline bool kith_tries_may(const struct kith_tries *tries, kith_time_us now)
{
	const bool rests = tries->n >= KITH_PROBES_RANGE_TRIES;
	return tries->began == 0 || now - tries->began >= (rests ? KITH_PROBES_RANGE_REST_US : KITH_PROBES_RANGE_US);
}

static inline void kith_tries_note(struct kith_tries *tries, kith_time_us now)
{
	tries->n = (uint8_t)(tries->n % KITH_PROBES_RANGE_TRIES + 1);
	tries->began = now;
}

struct kith_target {
	struct kith_hop hop;
	struct kith_probe probe;
	uint8_t sent; /* probes in this round */
	bool guess; /* not named by the peer */
	bool taken; /* a path by now: probed by the path set */
	bool open; /* public: wants an opener */
	bool relayed; /* by a TURN server of ours: which is told of the peer's address so */
};

struct kith_punch {
	struct kith_own_list own; /* all that there are */
	struct kith_candidates ours, theirs; /* ours: what is named of them */
	struct kith_target targets[KITH_PLAN_TARGETS + KITH_RELAYED_TARGETS];
	uint8_t n_targets;
	uint8_t state; /* enum kith_punch_state */
	uint8_t round; /* as on the wire; 0 = none yet */
	uint8_t rounds; /* in a row without success */
	uint8_t step; /* next probe of the plan */
	uint8_t offers; /* repetitions of CANDIDATES */
	uint8_t told; /* the generation that the peer was told last */
	bool asked; /* responder: a PUNCH waits for consent, or for candidates of ours */
	bool renewing; /* a round waits for our candidates as they are now */
	struct kith_plan plan; /* of this round */
	kith_time_us start_at; /* of its schedule */
	kith_time_us started_at; /* of the last attempt */
	kith_time_us next_at; /* KITH_TIME_NEVER: nothing */
	struct kith_addr relayed_to[KITH_RELAYED_PEERS]; /* whom a TURN server of ours was told of; port 0 */
	kith_time_us relayed_at; /* the first of them; 0: there is none */
	uint8_t relayed_n;
	kith_time_us window_at; /* of the limit on all probes */
	uint16_t window_sent;
	uint32_t credit_bytes; /* what came from the peer, less what went to addresses that it named */
	uint8_t guessed; /* probes to guesses in this round */
	struct kith_addr
		attested; /* where a relay says that the peer is; family NONE: none did. Its port is not looked at */
	struct kith_probe range_probe;
	kith_time_us range_at; /* of the next probe of the range; NEVER: none is tried */
	struct kith_tries range_tries;
	struct kith_ports range; /* of this attempt: the order of its ports */
	uint32_t range_sent, range_n; /* of this attempt: probes, and how many there are to be */
	struct kith_probe spread_probe;
	kith_time_us spread_at; /* when it is time for a spread; NEVER: for none, or it waits for a relay's word */
	bool spread_due; /* it waits for that */
	struct kith_tries spread_tries;
	uint16_t spread_of, spread_sent; /* sockets of this attempt, and packets from them */
	uint16_t sockets; /* that the peer says it would open for a spread */
	uint8_t wants; /* enum kith_punch_want */
	bool tcp; /* connections were tried, or waited for */
	kith_time_us connect_at; /* of the next connection; NEVER */
	struct kith_connections connections;
	struct kith_target connecting[KITH_CONNECT_ADDRESSES]; /* by place in connections; of those that were begun */
};

struct kith_pathset;

/* What the path set knows and a punch needs; built on the stack. */
struct kith_punch_view {
	const struct kith_path_env *env;
	struct kith_journal **journal;
	kith_time_us rtt_us; /* of the path in use, 0 = unknown */
	bool initiator;
	bool allowed; /* consent, a peer, and not relay-only */
	bool consent; /* alone: the peer may be told that there is nothing to probe */
	unsigned allow; /* enum kith_candidate_allow */
	bool direct; /* a direct path works, and is no connection */
	bool connected; /* one works that is a connection */
	bool used; /* data lately */
	const struct kith_strategy *const *strategies; /* which may be tried; NULL: all there are */
	/* Whether a path goes to this hop already: it probes itself then, as a path to what the peer named. */
	bool (*adopt)(struct kith_pathset *ps, const struct kith_hop *hop);
	struct kith_pathset *ps;
};

/* heard: bytes of the handshake that came from the peer. */
void kith_punch_init(struct kith_punch *p, uint32_t heard);

/* A packet of that many bytes came from the peer, by whatever way. */
void kith_punch_heard(struct kith_punch *p, size_t len);

/* Sets our own candidates (KITH_OWN_MAX at most; path/offer chooses) and our NAT. Starts what is allowed. */
void kith_punch_offer(struct kith_punch *p, const struct kith_punch_view *v, const struct kith_candidate list[],
		      size_t n, const struct kith_natclass *nat);

/* The initiator's: a round now, unless one is under way. For a direct path that died, and consent that came late. The
 * responder's: tells the initiator of candidates that changed while there was a direct path. */
void kith_punch_again(struct kith_punch *p, const struct kith_punch_view *v);

/* Frames of the peer, which came on the path from. KITH_EPROTO: malformed. 1: the peer's candidates are others than
 * those that it had named before. */
int kith_punch_on_candidates(struct kith_punch *p, const struct kith_punch_view *v,
			     struct kith_span body) KITH_MUST_USE;
int kith_punch_on_punch(struct kith_punch *p, const struct kith_punch_view *v, struct kith_span body) KITH_MUST_USE;

/* Counts a PROBE to a target that has become a path; false when the target has had as many as it may. */
bool kith_punch_charge(struct kith_punch *p, const struct kith_punch_view *v, struct kith_target *t);

/* A relay of the session says that the peer is at that address. */
void kith_punch_attested(struct kith_punch *p, const struct kith_punch_view *v, const struct kith_addr *at);

/* One packet of the spread leaves through that transport, which was opened for it. False: none is to leave, any more or
 * at all. */
bool kith_punch_spread(struct kith_punch *p, const struct kith_punch_view *v, uint16_t transport);

/* Whether a connection to the peer was begun, and may still come about. */
static inline bool kith_punch_connects(const struct kith_punch *p, kith_time_us now)
{
	for (unsigned i = 0; i < KITH_CONNECT_ADDRESSES; i++) {
		if (p->connections.tried[i].when != 0 && now - p->connections.tried[i].when < 10 * KITH_US_PER_S)
			return true;
	}
	return false;
}

/* The last address that a connection was begun to; NULL: none was. */
static inline const struct kith_addr *kith_punch_connected_to(const struct kith_punch *p)
{
	const struct kith_connection_tried *last = &p->connections.tried[0];
	for (unsigned i = 1; i < KITH_CONNECT_ADDRESSES; i++) {
		if (p->connections.tried[i].when > last->when)
			last = &p->connections.tried[i];
	}
	return last->when != 0 ? &last->at : NULL;
}

/* Whether a range or a spread is under way, at either end. */
static inline bool kith_punch_guesses(const struct kith_punch *p, kith_time_us now)
{
	return p->range_at != KITH_TIME_NEVER ||
	       (p->spread_tries.began != 0 && now - p->spread_tries.began < KITH_SPREAD_WAIT_US);
}

/* When kith_punch_tick has something to do; KITH_TIME_NEVER. */
static inline kith_time_us kith_punch_deadline(const struct kith_punch *p)
{
	kith_time_us at = p->range_at < p->next_at ? p->range_at : p->next_at;
	at = p->connect_at < at ? p->connect_at : at;
	return p->spread_at < at ? p->spread_at : at;
}

void kith_punch_tick(struct kith_punch *p, const struct kith_punch_view *v);

#endif
