/* The paths of one session: which one packets take, when another takes over, and how new ones are found.
 *
 * Pure: it appends frames for a hop to the outbox, never seals, never sees a session. The session calls
 * kith_pathset_heard for every fresh authenticated packet before its frames are handled, kith_pathset_pick and
 * kith_pathset_sent for every packet that it seals, kith_pathset_on_frame for the frames of this layer, and
 * kith_pathset_tick when the deadline has come. After each call it looks at news and at the deadline.
 *
 * Invariants: a hop with a tunnel becomes a path only if env->is_relay knows it; a session that is RELAY_ONLY holds,
 * probes, answers and names nothing but such relays. Before CONSENT no
 * candidate is sent and no probe answered. A hop that the peer was heard from, and that has not answered yet, is
 * never sent more bytes than came from it. An idle session with one path holds no memory beyond this structure.
 *
 * Choosing: the lowest round trip, where a relay counts 50 ms more, and a transport what it costs; at once from relay
 * to direct and away from a dead path, else only for 5 ms and 10 % over 1 s. While the sending path is in doubt, data
 * also leaves on standbys: each packet on two of the three best in turn, on one when much was doubled lately.
 *
 * Timers: a home session's leaf sends KEEPALIVE after 25 s of silence, its home and idle supernodes nothing. A peer
 * session's initiator probes every live path after 25 s of silence, the other side direct ones only; standbys are
 * pinged every 5 s while data flows (all +-10 %). A relay that only talk wants is closed 60 s after it. Suspect: probed
 * at once and after each period (SRTT + 4 RTTVAR + 35 ms), with as many bytes as the data has, if those are many; dead
 * after two; probed again after 1, 2, 4, 8, 16 s, then forgotten. Without another path: the pause between probes
 * doubles from a period up to 1 s; dead, and ALL_DEAD, after 15 s. The dead paths of a peer session of which no path is
 * live are not forgotten: probed again and again, each pause half of the time since it died, 1 s to 60 s.
 *
 * Bounds: KITH_PATHS_MAX paths, of which KITH_PATHS_HOT are kept; KITH_STRANGERS_MAX unknown hops at a time;
 * duplicates 20 % of the data of 10 s, and 64.
 */
#ifndef KITH_PATH_PATHSET_H
#define KITH_PATH_PATHSET_H

#include "path/candidate.h"
#include "path/journal.h"
#include "path/path.h"
#include "path/punch.h"

#define KITH_PICK_MAX 3

enum kith_pathset_flag {
	KITH_PATHSET_INITIATOR = 1, /* of the session */
	KITH_PATHSET_CONSENT = 2, /* the application accepted the peer */
	KITH_PATHSET_RELAY_ONLY = 4, /* no direct address is ever offered, probed, answered or added */
	KITH_PATHSET_PEER = 8, /* may punch, holds standbys, tracks its data */
	KITH_PATHSET_HOME = 16, /* a leaf's session to its home: the leaf keeps it alive */
	KITH_PATHSET_ATTACHED = 32, /* the home's side of such a session */
	KITH_PATHSET_ALLOW_LOOPBACK = 64, /* enum kith_candidate_allow */
	KITH_PATHSET_ALLOW_PRIVATE = 128
};

/* News for the session's owner, which clears what it has read. */
enum kith_pathset_news {
	KITH_NEWS_SENDING_CHANGED = 1,
	KITH_NEWS_UPGRADED = 2, /* a direct path is used for the first time */
	KITH_NEWS_PATH_DIED = 4,
	KITH_NEWS_ALL_DEAD = 8, /* nothing answered for 15 s, or no path is left */
	KITH_NEWS_VALIDATED_FIRST = 16, /* the session's first proven path, if the handshake did not prove it */
	KITH_NEWS_ROAMED = 32,
	/* Fewer than KITH_RELAYS_LIVE, or KITH_RELAYS_TALK while it talks: open one more and kith_pathset_add it. */
	KITH_NEWS_WANT_RELAY = 64,
	KITH_NEWS_WANT_OFFER = 128, /* own candidates were forgotten, or what is foretold is old: kith_pathset_offer */
	/* The peer told where it sees us, in env.told until the next packet. In a peer session only what may be news
	 * counts: unasked, or where the path was in doubt. */
	KITH_NEWS_SEEN = 256,
	KITH_NEWS_DOUBT = 512, /* no path is live any more, or one is again: kith_pathset_in_doubt tells which */
	KITH_NEWS_TUNNEL = 1024, /* there is a path through another tunnel */
	/* As SEEN, and no news: a peer tells it on a path that is new, which a NAT may show at an address of its own.
	 */
	KITH_NEWS_MET = 2048,
	KITH_NEWS_WANT_LEG = 4096, /* the peer is to be shown where we are, by the relays (LEG) */
	KITH_NEWS_WANT_SOCKETS = 8192, /* open sockets for a spread, and kith_pathset_spread for each */
	KITH_NEWS_WANT_LISTENER = 16384 /* UDP leads to no direct path: others should be able to connect */
};

struct kith_pathset_more; /* made lazily */

struct kith_pathset {
	struct kith_path first;
	struct kith_pathset_more *more; /* NULL while there is one path and nothing going on */
	kith_time_us deadline; /* never later than the next thing to do; earlier is possible */
	uint64_t spare; /* a name of the peer that was never used; 0: none */
	uint16_t news; /* enum kith_pathset_news */
	uint16_t hinted_ms; /* low bits of when a hint last made us ask; 0 = never */
	uint8_t flags; /* enum kith_pathset_flag */
	uint8_t next_id;
	uint8_t keepalives; /* sequence of the last KEEPALIVE */
	uint8_t sending : 4; /* index of the sending path */
	uint8_t validated : 1; /* VALIDATED_FIRST was told */
	uint8_t upgraded : 1; /* UPGRADED was told */
	uint8_t all_dead : 1; /* ALL_DEAD was told, and nothing heard since */
	uint8_t in_doubt : 1; /* no path is live */
};

KITH_STATIC_ASSERT(sizeof(struct kith_pathset) <= 144, "an idle session fits 384 bytes");

/* The path of the handshake. validated: its answer was seen by both. A direct hop of a RELAY_ONLY session is not
 * taken. */
void kith_pathset_init(struct kith_pathset *ps, kith_time_us now, const struct kith_hop *hop, bool validated,
		       uint16_t flags);
/* The path of the handshake costs what its transport does. */
void kith_pathset_weigh(struct kith_pathset *ps, const struct kith_path_env *env);
/* What packets to the peer carry: on all paths so far; and a spare one for when this node moves. */
void kith_pathset_name(struct kith_pathset *ps, uint64_t name, uint64_t spare);

/* What a packet over this hop carries. */
uint64_t kith_pathset_name_on(const struct kith_pathset *ps, const struct kith_hop *hop);

/* This node sends from another place from now on, through that transport: who watches the old place and the new one
 * must not find the same names there. */
void kith_pathset_moved(struct kith_pathset *ps, const struct kith_transports *ts, uint16_t transport);

/* Adds the frame NAME to a packet that is about to be sealed for this hop, if it needs one and has room. */
void kith_pathset_tell_name(const struct kith_pathset *ps, const struct kith_path_env *env, const struct kith_hop *hop,
			    struct kith_writer *w);

void kith_pathset_deinit(struct kith_pathset *ps, const struct kith_path_env *env);

/* Adds flags: consent that came late, or that the contact became relay-only (all paths but relays, as
 * env->is_relay judges by then, are dropped at once). */
void kith_pathset_allow(struct kith_pathset *ps, const struct kith_path_env *env, uint16_t flags);

/* An authenticated, fresh packet of len bytes came over this hop. data: it carried something that is tracked. */
void kith_pathset_heard(struct kith_pathset *ps, const struct kith_path_env *env, const struct kith_hop *hop,
			uint64_t counter, bool data, size_t len);

/* The hops for one packet that is about to be sealed, the sending path's first. 0: there is no path at all. */
size_t kith_pathset_pick(struct kith_pathset *ps, kith_time_us now, bool data, struct kith_hop out[KITH_PICK_MAX]);

/* Whether a datagram of len bytes may leave now: KITH_EAGAIN when it has to wait until kith_pathset_ready_at,
 * KITH_ENOMEM. What may leave is counted as sent. path/pacer.h has the law. */
int kith_pathset_take(struct kith_pathset *ps, const struct kith_path_env *env, size_t len) KITH_MUST_USE;
kith_time_us kith_pathset_ready_at(const struct kith_pathset *ps, kith_time_us now, size_t len);

/* A packet is about to be sealed for this hop, the how manieth of those that were picked is its way; to be called
 * for each of its hops. frames are copied if they are retained. */
void kith_pathset_sent(struct kith_pathset *ps, const struct kith_path_env *env, const struct kith_hop *hop,
		       uint64_t counter, bool data, struct kith_span frames);

/* A frame of this layer (PROBE to PATH_CLOSE), from the hop that kith_pathset_heard was just told of. KITH_EPROTO:
 * malformed; KITH_ENOTSUP: not one of this layer. */
int kith_pathset_on_frame(struct kith_pathset *ps, const struct kith_path_env *env, const struct kith_hop *hop,
			  const struct kith_frame *frame) KITH_MUST_USE;

static inline kith_time_us kith_pathset_deadline(const struct kith_pathset *ps)
{
	return ps->deadline;
}

void kith_pathset_tick(struct kith_pathset *ps, const struct kith_path_env *env);

/* A hop to try: a tunnel that was just opened, or an address. It is probed, then a standby. KITH_EACCES: a direct one
 * while relay-only, or a tunnel of no relay. KITH_EEXIST, KITH_EFULL, KITH_ENOMEM. */
int kith_pathset_add(struct kith_pathset *ps, const struct kith_path_env *env,
		     const struct kith_hop *hop) KITH_MUST_USE;

/* A hop that is gone: a tunnel that closed. */
void kith_pathset_drop(struct kith_pathset *ps, const struct kith_path_env *env, const struct kith_hop *hop);

/* The path over this hop takes the place of all others, which both sides close. False, and nothing: it is not live. */
bool kith_pathset_keep_only(struct kith_pathset *ps, const struct kith_path_env *env, const struct kith_hop *hop);

/* A socket reported something of one hop, or of a whole transport (hop NULL). error KITH_ECLOSED: the transport is
 * gone for good, and its paths are dropped. KITH_EDETACHED: it is down, and its paths are dead if there is another,
 * else in doubt. 0: a route or interface changed, or it is up again: all is tried anew. Else a socket error: the paths
 * are in doubt. */
void kith_pathset_link_event(struct kith_pathset *ps, const struct kith_path_env *env, uint16_t transport,
			     const struct kith_hop *hop, int error);

/* The peer answers what was just sent on the sending path; if nothing is heard in time, it is asked. */
void kith_pathset_expect(struct kith_pathset *ps, kith_time_us now);

/* Asks the peer on every path whether it is there: a leaf that missed keepalives, an application that wants to know. */
void kith_pathset_check(struct kith_pathset *ps, const struct kith_path_env *env);

/* How often a home is to hear of us is another time (env->keepalive_us). */
void kith_pathset_rearm(struct kith_pathset *ps, const struct kith_path_env *env);

/* The same on a hint that the peer has lost the session, also on paths that are dead; at most once in KITH_GONE_ASK_US,
 * since the probes may draw the next hint. Whether it asked. */
bool kith_pathset_hint(struct kith_pathset *ps, const struct kith_path_env *env);

/* The network may be another than before: paths that are in doubt or dead get a probe now, and their whole time again.
 */
void kith_pathset_again(struct kith_pathset *ps, const struct kith_path_env *env);

/* Nothing has been heard for long: what was known of the flow of data is forgotten, since it would be repeated all at
 * once when a path answers again, and be measured against what the network was before. */
void kith_pathset_interrupted(struct kith_pathset *ps, const struct kith_path_env *env);

/* Sets our own candidates and our NAT; copied. They are offered as soon as flags permit, never when RELAY_ONLY.
 * KITH_ENOMEM. */
int kith_pathset_offer(struct kith_pathset *ps, const struct kith_path_env *env, const struct kith_candidate list[],
		       size_t n, const struct kith_natclass *nat) KITH_MUST_USE;

/* A relay told where the other end of its tunnel is: more ports may be tried there (path/punch). Nothing when that hop
 * is no path of this session. */
void kith_pathset_attested(struct kith_pathset *ps, const struct kith_path_env *env, const struct kith_hop *hop,
			   const struct kith_addr *at);

/* How many sockets a spread wants (KITH_NEWS_WANT_SOCKETS); 0: it wants none any more. */
uint16_t kith_pathset_spread_of(const struct kith_pathset *ps);

/* One packet to the peer through that transport, which was opened for a spread (path/punch). False: no more are to go.
 */
bool kith_pathset_spread(struct kith_pathset *ps, const struct kith_path_env *env, uint16_t transport);

/* ---- to look at ---- */

/* Whether a path runs over that transport, and is not dead. */
bool kith_pathset_uses(const struct kith_pathset *ps, uint16_t transport);
bool kith_pathset_is_direct(const struct kith_pathset *ps); /* a direct path works */
bool kith_pathset_is_plain(const struct kith_pathset *ps); /* one works that is no connection */
bool kith_pathset_in_doubt(const struct kith_pathset *ps); /* no path is live */
bool kith_pathset_unanswered(const struct kith_pathset *ps); /* nor was the first question whether one is */
unsigned kith_pathset_count(const struct kith_pathset *ps);
const struct kith_path *kith_pathset_path(const struct kith_pathset *ps, unsigned i); /* i < count */
const struct kith_path *kith_pathset_sending(const struct kith_pathset *ps); /* NULL: none */
const struct kith_punch *kith_pathset_punch(const struct kith_pathset *ps); /* NULL: nothing tried, or forgotten */
const struct kith_journal *kith_pathset_journal(const struct kith_pathset *ps); /* NULL: nothing recorded */
uint32_t kith_pathset_rtt_us(const struct kith_pathset *ps); /* of the sending path; 0 = unknown */

/* A relay told that it drops what we send into this tunnel; limit: enum kith_relay_limit, or one not known. Noted in
 * the journal (kith_journal_due), and nothing else changes: losses show in what is not acknowledged. False: no path. */
bool kith_pathset_relay_limited(struct kith_pathset *ps, const struct kith_path_env *env, const struct kith_hop *hop,
				uint8_t limit);

#endif
