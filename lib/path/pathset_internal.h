/* What the files of the path set share; no other file includes this.
 *
 * pathset.c        slots, the calls from outside
 * pathset_timers.c what happens as time passes
 * pathset_choose.c which path sends, which are kept
 * pathset_flow.c   data: tracking, suspicion, death, replay
 * pathset_size.c   packets that are lost for their size
 * pathset_frames.c frames of the peer, packets from unknown hops
 * pathset_names.c  what packets on each path carry in the place of an index
 */
#ifndef KITH_PATH_PATHSET_INTERNAL_H
#define KITH_PATH_PATHSET_INTERNAL_H

#include <kith/err.h>

#include "base/addr.h"
#include "base/alloc.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/stats.h"
#include "path/detect.h"
#include "path/pacer.h"
#include "path/pathset.h"
#include "path/punch.h"
#include "path/retain.h"

enum { KITH_STANDBYS_MAX = 3 };

/* Exists while data flows, in peer sessions. */
struct kith_flow {
	struct kith_flight flight; /* of the sending path */
	struct kith_pace in; /* of the path that the peer's data comes on */
	struct kith_pace out;
	struct kith_budget budget;
	struct kith_ack acks[KITH_PATHS_MAX]; /* by index of path */
	struct kith_retain retain;
	struct kith_pacer pacer; /* of the sending path */
	kith_time_us acked_at; /* when a PATH_ACK last left on account of packets */
	kith_time_us data_at; /* last data, either way */
	uint64_t newest; /* highest data counter received */
	kith_time_us sized_at; /* when the sending path was last asked whether large packets arrive, or one did */
	uint64_t replay_from; /* retained packets below went out on standbys already, ... */
	uint64_t held_from, held_to; /* ... but for those from here on and below: doubt is not enough for them */
	uint16_t largest; /* bytes of frames of the largest data packet since then */
	uint8_t in_path; /* index */
	uint8_t turn; /* packets doubled so far */
};

struct kith_pathset_more {
	struct kith_path others[KITH_PATHS_MAX - 1];
	uint8_t n_others;
	uint8_t relay_tries; /* WANT_RELAYs in a row that brought none */
	uint8_t better; /* index of the path that looks better than the sending one */
	bool talks; /* much data flowed, not longer ago than KITH_PATH_MEMORY_US: KITH_RELAYS_TALK are wanted */
	bool relay_spare; /* there were KITH_RELAYS_LIVE when they were last counted */
	kith_time_us better_since; /* 0 = none does */
	kith_time_us used_at; /* last data, or when this was made */
	uint16_t hole; /* a direct path lost packets of so many bytes of frames, not small ones; 0: none did */
	kith_time_us relay_asked_at; /* last WANT_RELAY; 0 = none, or satisfied since */
	struct kith_flow *flow;
	struct kith_punch *punch;
	struct kith_journal *journal;
};

/* ---- pathset.c ---- */

static inline unsigned kith_ps_count(const struct kith_pathset *ps)
{
	return ps->first.state == KITH_PATH_NONE ? 0 : 1u + (ps->more != NULL ? ps->more->n_others : 0);
}

static inline struct kith_path *kith_ps_path(struct kith_pathset *ps, unsigned i)
{
	return i == 0 ? &ps->first : &ps->more->others[i - 1];
}

static inline struct kith_flow *kith_ps_flow(const struct kith_pathset *ps)
{
	return ps->more != NULL ? ps->more->flow : NULL;
}

static inline void kith_ps_arm(struct kith_pathset *ps, kith_time_us at)
{
	if (at < ps->deadline)
		ps->deadline = at;
}

static inline void kith_ps_due(struct kith_pathset *ps, struct kith_path *p, kith_time_us at)
{
	p->due_at = at;
	kith_ps_arm(ps, at);
}

static inline bool kith_ps_has(const struct kith_pathset *ps, unsigned flags)
{
	return (ps->flags & flags) == flags;
}

/* The hop was heard from, and has not answered yet: it may be anybody's address. */
static inline bool kith_ps_is_stranger(const struct kith_path *p)
{
	return p->state == KITH_PATH_CANDIDATE && (p->flags & KITH_PATH_STRANGER) != 0;
}

/* Whether data may go there: a hop that has not answered may be anybody's, unless the handshake came over it. */
static inline bool kith_ps_may_carry(const struct kith_path *p)
{
	return p->state != KITH_PATH_CANDIDATE || (p->flags & KITH_PATH_INITIAL) != 0;
}

/* In doubt for a period and more, and its probes unanswered: hardly a false alarm. */
static inline bool kith_ps_is_sure(const struct kith_path *p)
{
	return p->state == KITH_PATH_SUSPECT && p->tries > 1;
}

/* Index, or -1. */
int kith_ps_find(const struct kith_pathset *ps, const struct kith_hop *hop);
int kith_ps_find_id(const struct kith_pathset *ps, uint8_t id, bool peers);

/* What packets on a new path carry: what others through its transport do; and if there are none, since it begins at
 * another address of ours, the spare name. */
void kith_ps_name_new(struct kith_pathset *ps, struct kith_path *p);

/* Frames NAME and SPARE, from path i or, if it is negative, from none. */
int kith_ps_on_name(struct kith_pathset *ps, const struct kith_path_env *env, int i, const struct kith_frame *frame);

/* The lazy part; NULL without memory. */
struct kith_pathset_more *kith_ps_more(struct kith_pathset *ps, const struct kith_path_env *env);

/* Why this hop may not be a path of the session, whoever names it. */
enum kith_refusal kith_ps_refuse(const struct kith_pathset *ps, const struct kith_path_env *env,
				 const struct kith_hop *hop);

/* A new slot in state CANDIDATE, -1 without room or memory. Indices of other paths may change. */
int kith_ps_add(struct kith_pathset *ps, const struct kith_path_env *env, const struct kith_hop *hop, uint8_t flags);
void kith_ps_remove(struct kith_pathset *ps, const struct kith_path_env *env, unsigned i);

/* A path became live, or is no longer: whether any is, may have changed. */
void kith_ps_judge(struct kith_pathset *ps);

void kith_ps_journal(struct kith_pathset *ps, const struct kith_path_env *env, enum kith_journal_what what,
		     const struct kith_hop *hop, uint32_t value);

/* A PROBE on this path; false when the limits of an unproven hop do not allow it. */
bool kith_ps_probe(struct kith_pathset *ps, const struct kith_path_env *env, struct kith_path *p);

/* Charges bytes of a frame to what came from an unproven hop; false when that was not enough. */
bool kith_ps_pay(struct kith_path *p, size_t frame_bytes);

/* enum kith_candidate_allow */
unsigned kith_ps_allow(const struct kith_pathset *ps);

enum { KITH_PS_REPLY_LEAST = 300 }; /* bytes of a REPLY with its certificates, at least */

/* The punch of the set, made when it is first needed. NULL: no memory, which was counted. */
static inline struct kith_punch *kith_ps_punch(struct kith_pathset *ps, const struct kith_path_env *env)
{
	/* What of the handshake came from the peer, at least: a HELLO, or the REPLY to ours. */
	const uint32_t heard = kith_ps_has(ps, KITH_PATHSET_INITIATOR) ? KITH_PS_REPLY_LEAST : KITH_UDP_PAYLOAD;
	struct kith_pathset_more *m = kith_ps_more(ps, env);
	if (m == NULL || m->punch != NULL)
		return m != NULL ? m->punch : NULL;
	m->punch = KITH_NEW(env->alloc, struct kith_punch);
	if (m->punch == NULL)
		kith_stats_add(env->stats, KITH_STAT_ALLOC_FAILED, 1);
	else
		kith_punch_init(m->punch, heard);
	return m->punch;
}

struct kith_punch_view kith_ps_view(struct kith_pathset *ps, const struct kith_path_env *env);

/* What the punch probes at this hop, or NULL. */
struct kith_target *kith_ps_target(const struct kith_pathset *ps, const struct kith_hop *hop);

/* Tells the punch whether a path probes this hop by itself now. */
void kith_ps_take_target(struct kith_pathset *ps, const struct kith_hop *hop, bool taken);

/* ---- pathset_size.c ---- */

/* The sending path is in doubt: if large packets are on their way, one that size has to arrive. */
void kith_ps_size_doubt(struct kith_pathset *ps, struct kith_path *p);

/* So many data packets of the sending path were lost: was it for their size? */
void kith_ps_size_lost(struct kith_pathset *ps, const struct kith_path_env *env, uint32_t lost);

/* The peer has received that data packet of ours on path p. */
void kith_ps_size_arrived(struct kith_pathset *ps, const struct kith_path_env *env, unsigned i, uint64_t counter);

/* A new direct path, where one had lost large packets. */
void kith_ps_size_new(struct kith_pathset *ps, struct kith_path *p);

/* A probe was answered, perhaps the large one of a pair. False: it was a small one, and does not count. */
bool kith_ps_size_answered(struct kith_pathset *ps, unsigned i, bool large);

/* A path is dead. */
void kith_ps_size_dead(struct kith_pathset *ps, const struct kith_path_env *env, const struct kith_path *p);

/* The network is another one: what was learnt of sizes does not count. */
void kith_ps_size_forget(struct kith_pathset *ps);

/* ---- pathset_timers.c ---- */

/* True when some other path is there to take over from path i. */
bool kith_ps_has_other(const struct kith_pathset *ps, unsigned i);

/* After how long a silence of ours a path is kept alive. */
kith_time_us kith_ps_keepalive_us(const struct kith_pathset *ps, const struct kith_path_env *env,
				  const struct kith_path *p);

/* What a path costs, and whether a TURN server is on the way, by its hop and what the peer has named. */
void kith_ps_weigh(const struct kith_pathset *ps, const struct kith_path_env *env, struct kith_path *p);

/* Whether our side keeps that path alive. */
bool kith_ps_keeps_alive(const struct kith_pathset *ps, const struct kith_path *p);

/* Gives back what an idle session need not hold. At the end of calls only, since the lazy part may move or be freed. */
void kith_ps_settle(struct kith_pathset *ps, const struct kith_path_env *env);

/* When a live path must next be heard from. */
void kith_ps_rest(struct kith_pathset *ps, const struct kith_path_env *env, unsigned i);

/* A candidate's time has come: asked again, or given up. */
void kith_ps_candidate_due(struct kith_pathset *ps, const struct kith_path_env *env, unsigned i);

/* The punch may have moved its deadline, and want something. */
void kith_ps_punch_acted(struct kith_pathset *ps);

/* Everything lazy. */
void kith_ps_free_more(struct kith_pathset *ps, const struct kith_alloc *alloc);

/* ---- pathset_choose.c ---- */

/* Switches the sending path if that is due. */
void kith_ps_choose(struct kith_pathset *ps, const struct kith_path_env *env);

/* The sending path was removed: the best of the other paths takes its place, even if in doubt or dead. */
void kith_ps_succeed(struct kith_pathset *ps, const struct kith_path_env *env);

/* Tells the peer that a path is closed, and stops using it. */
void kith_ps_say_closed(const struct kith_path_env *env, struct kith_path *p);
void kith_ps_close(struct kith_pathset *ps, const struct kith_path_env *env, unsigned i);

/* Closes the paths beyond the hot set. */
void kith_ps_trim(struct kith_pathset *ps, const struct kith_path_env *env);

/* The best live paths but the sending one and the one named, up to three. Returns how many. */
unsigned kith_ps_standbys(const struct kith_pathset *ps, int but, unsigned out[KITH_STANDBYS_MAX]);

/* Where data is doubled while the sending path is in doubt: on the standbys; if there are none, on the one of those in
 * doubt that was heard last, and since then. Returns how many; of three, each packet takes two (kith_ps_pair). */
unsigned kith_ps_doubles(const struct kith_pathset *ps, unsigned out[KITH_STANDBYS_MAX]);

/* On which of the standbys one packet is doubled. Ample: on the first, and in turn on the second or the third, so that
 * two may die with the sending path and no packet costs more than two. Else on one of them in turn, of those that have
 * answered since they were asked if there are such. Returns how many. */
unsigned kith_ps_pair(const struct kith_pathset *ps, const unsigned standbys[KITH_STANDBYS_MAX], unsigned n,
		      uint64_t turn, bool ample, unsigned out[KITH_PICK_MAX - 1]);

/* Nothing has been said for long: closes the relays that only talk wanted. True: paths were closed. */
bool kith_ps_let_go(struct kith_pathset *ps, const struct kith_path_env *env);

bool kith_ps_has_direct(const struct kith_pathset *ps);

/* Asks the session's owner for a relay when one is missing. */
void kith_ps_count_relays(struct kith_pathset *ps, kith_time_us now);

/* ---- pathset_flow.c ---- */

void kith_ps_suspect(struct kith_pathset *ps, const struct kith_path_env *env, unsigned i, enum kith_cause cause);
/* What the standbys were not sent yet of unsettled data, as far as the budget goes. */
void kith_ps_repeat(struct kith_pathset *ps, const struct kith_path_env *env);
void kith_ps_clear(struct kith_pathset *ps, const struct kith_path_env *env, unsigned i);
void kith_ps_dead(struct kith_pathset *ps, const struct kith_path_env *env, unsigned i);
void kith_ps_validated(struct kith_pathset *ps, const struct kith_path_env *env, unsigned i);

/* The sending path is another one. from_dead: what the old one may have lost is repeated. */
void kith_ps_flow_moved(struct kith_pathset *ps, const struct kith_path_env *env, bool from_dead);

void kith_ps_flow_heard(struct kith_pathset *ps, const struct kith_path_env *env, unsigned i, uint64_t counter,
			bool data);

/* False: there is no memory to track it. */
bool kith_ps_flow_sent(struct kith_pathset *ps, const struct kith_path_env *env, unsigned i, uint64_t counter,
		       struct kith_span frames);
int kith_ps_on_path_ack(struct kith_pathset *ps, const struct kith_path_env *env, int arrived,
			struct kith_span body) KITH_MUST_USE;
void kith_ps_flow_tick(struct kith_pathset *ps, const struct kith_path_env *env);
kith_time_us kith_ps_flow_deadline(const struct kith_pathset *ps);
void kith_ps_flow_free(struct kith_pathset *ps, const struct kith_alloc *alloc);

/* ---- pathset_frames.c ---- */

/* A packet from a hop that is no path yet: index of the new one, or -1. */
int kith_ps_stranger(struct kith_pathset *ps, const struct kith_path_env *env, const struct kith_hop *hop, bool data);

#endif
