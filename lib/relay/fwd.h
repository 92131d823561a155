/* The forwarding table of a supernode: two legs per tunnel, a packet in on one goes out on the other.
 *
 * A tunnel is found by the id of the leg that a packet came in on: 64 bits, the upper 8 a shard (which worker's table
 * holds it), the others random, so that a tunnel's id cannot be guessed. A leg is bound to the address of the session
 * that owns it, and follows that session when its address moves (kith_fwd_rebind). The packet's inside is end-to-end
 * encrypted and is neither read nor changed; the 12 bytes of header are rewritten in place.
 *
 * Invariants: both legs of a tunnel exist or neither; every leg is in the list of its session; a tunnel is either
 *   active or draining, and each of the two lists is in the order of its deadlines.
 * Timers: a tunnel without packets for KITH_TUNNEL_IDLE_US is closed (found out at most an eighth later, so that not
 *   every packet moves a list); a draining one closes KITH_TUNNEL_DRAIN_US after it was announced.
 * Before the end of leg 1, who was called, has said that it wants the tunnel (kith_fwd_admit), so many packets pass
 *   each way as a call needs, and half as many again every KITH_TUNNEL_IDLE_US / 8, for one that rings.
 * Bounds: tunnels in all and per owner: opening another is refused, and the last ones, one in KITH_TABLES_RESERVE, are
 *   for owners that have none. Such that nobody answered yet towards one session,
 *   in all and of one owner: the oldest gives way. Bytes per second in all and per owner (token
 *   buckets): packets beyond are dropped, and the owner can be told once a second. Towards a leg whose address is not
 *   proven no more bytes leave than came from it. Memory: KITH_FWD_TUNNEL_BYTES and 16 to 32 bytes of index a tunnel,
 *   up to twice that while the table grows; a small record per owner and per session that has a leg.
 * Never: sees a session, a socket or a key; allocates or looks up twice for a packet; sends a byte that did not come
 * in.
 */
#ifndef KITH_RELAY_FWD_H
#define KITH_RELAY_FWD_H

#include "base/table.h"

#define KITH_FWD_OWNER_LEN 16
#define KITH_FWD_TUNNEL_BYTES 144

/* The identity that a tunnel is counted to, as the first bytes of a hash of its key. */
struct kith_fwd_owner_key {
	uint8_t b[KITH_FWD_OWNER_LEN];
};

struct kith_fwd_limits {
	uint32_t tunnels_max, tunnels_per_owner;
	uint64_t rate; /* bytes per second, in all; 0 = no limit, at most 10^10 */
	uint64_t burst; /* bytes, at most 10^12 */
	uint64_t owner_rate, owner_burst; /* of one owner */
	/* Tunnels that are not wanted yet: packets each way, at most 255 (0: no such bound), of which one owner's
	 * further ones have half as many each time; how many towards one session, and of them by one owner: 2 at
	 * least. */
	uint32_t call_packets, calls, calls_per_owner;
};

struct kith_fwd_bucket {
	uint64_t tokens; /* millionths of a byte, so that filling is exact at any step */
	kith_time_us filled; /* up to when */
};

struct kith_fwd_owner {
	struct kith_fwd_owner_key key;
	struct kith_fwd_bucket bucket;
	uint32_t legs; /* counted to this owner; at 0 it is kept until its bucket is full again */
	uint32_t tunnels; /* that it opened */
	kith_time_us told; /* when it was last reported as limited */
};

struct kith_fwd_leg {
	uint64_t id; /* what packets that come in on it carry */
	uint64_t out_id; /* what packets that leave on it carry */
	struct kith_fwd_owner *owner; /* pays for what comes in on it */
	struct kith_addr remote; /* family NONE: not known yet, nothing passes */
	uint16_t transport;
	uint16_t flags; /* the upper byte: packets that may come in on it until the tunnel is wanted */
	uint32_t session;
	uint32_t credit; /* bytes that may leave on it while its address is unproven */
	uint32_t session_next, session_prev; /* leg numbers of the same session */
};

struct kith_fwd_tunnel {
	struct kith_fwd_leg leg[2]; /* 0: of who opened it */
	kith_time_us at; /* active: last move to the end of its list; draining: when it closes */
	uint32_t next, prev;
};

struct kith_fwd_list {
	uint32_t head, tail;
};

struct kith_fwd {
	const struct kith_alloc *alloc; /* borrowed */
	const struct kith_random *random; /* borrowed */
	struct kith_fwd_limits limits;
	struct kith_fwd_bucket bucket; /* in all */
	struct kith_fwd_tunnel *tunnels;
	uint32_t cap, n; /* of tunnels */
	uint32_t free_head;
	uint32_t *index; /* open addressing by leg id: 1 + leg number (tunnel * 2 + side) */
	uint32_t index_cap; /* power of two, at least twice the legs */
	struct kith_fwd_list active, draining;
	struct kith_table owners, sessions;
	uint32_t owner_sweep; /* where the amortised sweep of owners stands */
	uint8_t shard;
	bool closing; /* no more tunnels */
	uint64_t packets, bytes; /* forwarded since init; utilisation is computed from it */
};

/* One leg as its opener describes it. */
struct kith_fwd_leg_spec {
	struct kith_addr remote;
	uint16_t transport;
	uint32_t session;
	bool proven;
	uint32_t credit; /* unproven: bytes that came from there already */
	uint64_t out_id; /* 0: the leg's own id; else the id of the next supernode's leg (chained tunnels) */
	bool waits; /* leg b: for kith_fwd_join, with a remote of no family until then */
	bool called; /* leg b: its end has to want the tunnel before more passes than a call */
	struct kith_fwd_owner_key owner;
};

/* The two ends of a tunnel, which must be told. id: what each knows its leg by, which is out_id where there is one. */
struct kith_fwd_ends {
	uint64_t id[2];
	uint32_t session[2];
};

enum kith_fwd_verdict {
	KITH_FWD_FORWARD = 0, /* header rewritten; send it to out */
	KITH_FWD_MALFORMED, /* no tunnel header, or reserved bits set */
	/* a train whose segments differ in their headers, or lack one, or may not all pass: nothing was changed, pass
	 * them one by one */
	KITH_FWD_MIXED,
	KITH_FWD_UNKNOWN, /* no such leg */
	KITH_FWD_WRONG_SOURCE, /* not from where the leg is bound to */
	KITH_FWD_UNWANTED, /* as much as a call needs has passed, and who was called does not want it yet */
	KITH_FWD_NO_CREDIT, /* the other leg's address is unproven and its credit used up, or not known */
	KITH_FWD_LIMITED_OWNER, /* who sends is over its rate */
	KITH_FWD_LIMITED_ALL /* the supernode is over its own */
};

struct kith_fwd_out {
	struct kith_addr remote;
	uint16_t transport;
	bool tell; /* limited, and the owner was not told within KITH_TUNNEL_TELL_US: tell this session */
	uint32_t session; /* of the leg that the packet came in on (known from WRONG_SOURCE on) */
	uint64_t tunnel; /* of that leg: its id */
};

/* limits are copied. seed keys the hash tables. */
void kith_fwd_init(struct kith_fwd *fwd, const struct kith_alloc *alloc, const struct kith_random *random,
		   const struct kith_fwd_limits *limits, uint8_t shard, const uint64_t seed[2]);

/* Other limits from now on; what is over them already stays. */
void kith_fwd_limit(struct kith_fwd *fwd, const struct kith_fwd_limits *limits);

void kith_fwd_deinit(struct kith_fwd *fwd);

/* A tunnel between leg a, whose owner it is counted to, and leg b; ids receives the id of each. KITH_EFULL: no more
 * tunnels in all; KITH_ELIMIT: a's owner has its share; KITH_ESTATE: draining; KITH_ENOMEM. */
int kith_fwd_open(struct kith_fwd *fwd, kith_time_us now, const struct kith_fwd_leg_spec *a,
		  const struct kith_fwd_leg_spec *b, uint64_t ids[2]) KITH_MUST_USE;

/* What the end that was called wants of a tunnel. */
enum kith_fwd_wish {
	KITH_FWD_WISH_END, /* nothing more */
	KITH_FWD_WISH_CALL, /* a call's worth of packets each way, from now on, as when it was opened */
	KITH_FWD_WISH_ALL
};

/* Does as the end of leg 1 wants, which is that session's; END by the other end as well. False: that session has no
 * such leg. */
bool kith_fwd_admit(struct kith_fwd *fwd, uint32_t session, uint64_t id, enum kith_fwd_wish wish);

/* Chained tunnels: leg b of one that waits for the next supernode's answer; its out_id is whatever helps to go on then.
 * False: there is no such leg. */
bool kith_fwd_waiting(const struct kith_fwd *fwd, uint64_t id, struct kith_fwd_ends *ends);

/* The leg leads to that address from now on, is the session's, and its packets carry out_id. KITH_ENOENT,
 * KITH_ENOMEM. */
int kith_fwd_join(struct kith_fwd *fwd, uint64_t id, const struct kith_fwd_leg_spec *spec) KITH_MUST_USE;

/* Closes the tunnel with that leg of that session's. False: there is none. */
bool kith_fwd_close_leg(struct kith_fwd *fwd, uint32_t session, uint64_t id, struct kith_fwd_ends *ends);

/* Closes up to max tunnels with a leg of that session and tells their ends; call until it returns less than max. */
size_t kith_fwd_close_session(struct kith_fwd *fwd, uint32_t session, struct kith_fwd_ends out[], size_t max);

/* The session's address moved, or was proven: all its legs follow. An address not proven starts without credit; one
 * that was proven before and did not move stays so. Returns how many legs. */
size_t kith_fwd_rebind(struct kith_fwd *fwd, uint32_t session, const struct kith_addr *remote, uint16_t transport,
		       bool proven);

/* A packet with its tunnel header at data, or a train of segments of segment_len bytes each but the last (0: one
 * packet): one look-up and one charge for all. On KITH_FWD_FORWARD the headers are rewritten, and out says where it
 * goes. */
enum kith_fwd_verdict kith_fwd_train(struct kith_fwd *fwd, kith_time_us now, uint8_t *data, size_t len,
				     size_t segment_len, const struct kith_addr *src, uint16_t transport,
				     struct kith_fwd_out *out);

/* Where that leg is, if it is that session's and its address is proven; of the tunnel's other leg: its id and session.
 * False: it is not. */
bool kith_fwd_leg(const struct kith_fwd *fwd, uint64_t id, uint32_t session, struct kith_addr *at, uint64_t *other_id,
		  uint32_t *other_session);

/* Refuses new tunnels from now on and announces the end of up to max active ones, which go on for KITH_TUNNEL_DRAIN_US;
 * call until it returns 0. */
size_t kith_fwd_drain_all(struct kith_fwd *fwd, kith_time_us now, struct kith_fwd_ends out[], size_t max);

/* Closes up to max tunnels that are due and tells their ends (out may be NULL); call until it returns less than max. */
size_t kith_fwd_expire(struct kith_fwd *fwd, kith_time_us now, struct kith_fwd_ends out[], size_t max);

/* When kith_fwd_expire has something to do; KITH_TIME_NEVER without tunnels. */
kith_time_us kith_fwd_next_deadline(const struct kith_fwd *fwd);

#endif
