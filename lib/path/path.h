/* A path of a session and what is known about it, and the environment that all of lib/path works in.
 *
 * A path is LIVE once a probe on it was answered. Round-trip times follow RFC 6298, from probes and from PATH_ACK
 * with the delay that it names subtracted.
 * Never: a key, a session, a clock of its own.
 */
#ifndef KITH_PATH_PATH_H
#define KITH_PATH_PATH_H

#include <kith/log.h>
#include <kith/stats.h>

#include "base/assert.h"
#include "base/limits.h"
#include "path/probe.h"
#include "wire/hop.h"
#include "wire/outbox.h"

struct kith_transports;
struct kith_seen;

/* What all sessions of a node do in turn. */
struct kith_paces {
	kith_time_us range_at; /* before this none probes a port of a range (path/punch) */
	kith_time_us connect_at; /* before this none connects to an address that its peer named (path/connections) */
};

/* What everything in lib/path needs to act, and the time of the call. Lent for one call. */
struct kith_path_env {
	kith_time_us now;
	struct kith_outbox *outbox;
	const struct kith_random *random;
	const struct kith_alloc *alloc;
	struct kith_stats *stats; /* may be NULL */
	const struct kith_log *log; /* may be NULL */
	uint32_t session; /* the session's, for kith_outbox_begin */
	uint32_t keepalive_us; /* a home is to hear of the leaf that often, over UDP and IPv4; 0: not known */
	uint16_t sockets; /* that the node would open for a spread (path/punch.h) now; 0: none */
	/* The packet under way carried a name that was told since this node moved last: what it answers is no older. */
	bool renewed;
	uint16_t *request_id; /* the last one that the session gave to a request of its own */
	const struct kith_transports *transports; /* what there is to probe from; NULL: nothing */
	struct kith_paces *paces; /* of the node; NULL: each session for itself */
	/* Whether a hop with a tunnel is a relay of this session: the number alone proves nothing. NULL: none is. */
	bool (*is_relay)(const struct kith_path_env *env, const struct kith_hop *hop);
	/* A fresh name of that session of ours, to be told to the peer; NULL: none is told. */
	uint64_t (*new_name)(const struct kith_path_env *env);
	/* Of the node: when a KEEPALIVE to any home last wanted an answer; NULL: each session for itself. */
	uint32_t *asked_ms;
	struct kith_seen
		*told; /* left behind with KITH_NEWS_SEEN: where the peer sees us; NULL: nobody wants to know */
};

enum kith_path_state {
	KITH_PATH_NONE, /* the slot is empty */
	KITH_PATH_CANDIDATE, /* probed, not answered yet: carries no data (but a session's first path) */
	KITH_PATH_LIVE, /* answered; the sending path or a standby */
	/* something that was due did not come; probed, and doubled by standbys if it is the sending path */
	KITH_PATH_SUSPECT,
	KITH_PATH_DEAD /* did not answer (probed a few times more, then forgotten), or closed */
};

enum {
	KITH_PATH_INITIAL = 1, /* carried the handshake: any packet proves it, since its key needs our answer */
	KITH_PATH_STRANGER = 2, /* the peer was heard from it: carries no more bytes than came, until proven */
	KITH_PATH_MOVED = 4, /* heard with data first: the peer has moved there, and takes its old path along */
	KITH_PATH_NEED_ANSWER = 8, /* suspect: hearing the peer is not enough, it must have heard us */
	KITH_PATH_CONFIRM = 16, /* the first probes are still being repeated */
	KITH_PATH_ASKED = 32, /* the peer has probed it: a new path, not an old one that moved */
	KITH_PATH_RENAMED = 128, /* every packet tells the peer another name of ours, until it says that it has heard */
	KITH_PATH_CLOSED = 64 /* dead on purpose: kept a while, so that packets on their way do not make it again */
};

#define KITH_PATH_ID_NONE 255

struct kith_path {
	struct kith_hop hop;
	kith_time_us heard_at; /* last authenticated packet; 0 = none */
	kith_time_us sent_at; /* last packet of ours */
	kith_time_us due_at; /* the next thing this path has to do */
	/* Candidate: first seen; suspect, dead: since when; live, without flow tracking: data waits for an answer since
	 * then, 0 = none does. */
	kith_time_us since;
	uint64_t name; /* what packets to the peer carry on this path (session/names.h) */
	struct kith_probe probe;
	uint32_t srtt_us, rttvar_us; /* 0 = not measured */
	union {
		uint16_t credit_bytes; /* candidate, of a stranger: what may be sent to it */
		struct { /* else (pathset_size.c) */
			/* A packet with so many bytes of frames may have been lost for its size: until one is known to
			 * arrive, probes come in pairs, a small one and one of that size, and the path takes over from
			 * no other. 0: nothing is held against it. */
			uint16_t owes_bytes : 12;
			uint16_t passes_small : 1; /* the small one was answered */
		};
	};
	uint8_t id; /* our number for it */
	uint8_t peer_id; /* the peer's, KITH_PATH_ID_NONE until it named it */
	uint8_t state; /* enum kith_path_state */
	uint8_t flags;
	uint8_t tries; /* probes since the last answer */
	uint8_t step : 3; /* candidate: how far in the schedule of first probes */
	uint8_t relayed : 1; /* a TURN server is on the way, ours or the peer's */
	uint8_t cost : 4; /* of its transport, in KITH_PATH_COST_UNIT_US */
};

#define KITH_PATH_COST_UNIT_US (10 * KITH_US_PER_MS)

KITH_STATIC_ASSERT(sizeof(struct kith_path) <= 112, "every idle session holds one path");

void kith_path_init(struct kith_path *p, const struct kith_hop *hop, uint8_t id, kith_time_us now);

/* Asserts that the edge is a legal one. */
void kith_path_set_state(struct kith_path *p, enum kith_path_state state);

/* Bytes of frames that a probe must have to clear it; 0: any will do. */
static inline unsigned kith_path_owes(const struct kith_path *p)
{
	return p->state == KITH_PATH_CANDIDATE ? 0u : p->owes_bytes;
}

static inline bool kith_path_is_relay(const struct kith_path *p)
{
	return p->hop.tunnel != 0;
}

/* Whether packets on it wait for those that were lost before them: its transport is a connection. */
static inline bool kith_path_waits(const struct kith_path *p)
{
	return p->cost > 0 && p->relayed == 0;
}

/* Whether nobody relays on it: neither a supernode nor a TURN server. */
static inline bool kith_path_is_direct(const struct kith_path *p)
{
	return p->hop.tunnel == 0 && p->relayed == 0;
}

/* Whether both lead through one supernode. */
bool kith_path_is_same_relay(const struct kith_path *a, const struct kith_path *b);

/* One measured round trip. */
void kith_path_rtt(struct kith_path *p, uint32_t sample_us);

/* How long an answer on this path may take: SRTT + 4 RTTVAR + 35 ms. */
kith_time_us kith_path_period(const struct kith_path *p);

/* What choosing between paths compares: round trip (1 s while unknown), with KITH_DIRECT_BONUS_US on top for a relay,
 * and what its transport costs. */
kith_time_us kith_path_cost(const struct kith_path *p);

/* When first probe number step (from 0) is due after the start; KITH_TIME_NEVER past the last. Shared with the punch.
 */
kith_time_us kith_path_schedule(unsigned step);
#define KITH_PATH_STEPS 7 /* as many as a path can count */

#endif
