/* A supernode among others: its own entry, and what it tells of others to leaves.
 *
 * Timers: the supernode's own entry is renewed every 10 hours.
 * Bounds: those of overlay/members.h.
 */
#ifndef KITH_SUPER_MEMBERS_H
#define KITH_SUPER_MEMBERS_H

#include "link/state.h"
#include "session/kept.h"

#define KITH_GOSSIP_URGENT_US (100 * KITH_US_PER_MS)
#define KITH_MEMBER_RENEW_US (10 * 3600 * KITH_US_PER_S)
#define KITH_MEMBER_LATELY_US (30 * KITH_US_PER_S) /* each partner is heard within half of that */

/* local: so long a newcomer takes the word of supernodes that a certificate calls so: by then it has paged through
 * all */
#define KITH_MEMBERS_YOUNG_US (10 * 60 * KITH_US_PER_S)

bool kith_super_is_young(const struct kith_core *c);

/* The supernode's timer goes off by then. */
void kith_super_wake(struct kith_core *c, kith_time_us at);

/* Forgets the numbers of what was signed by a clock that went ahead of this one by more than the tolerance: whoever had
 * the right time refused it, and would refuse what is numbered after it. */
void kith_super_forget_ahead(struct kith_core *c);

/* Signs our own entry anew (enum kith_member_flags), and takes it into the table, unless our own certificates are out
 * of their time by the clock: then when that is set. */
int kith_super_make_entry(struct kith_core *c, uint16_t flags) KITH_MUST_USE;

/* The highest sequence number of anything that this node has signed, over restarts. */
uint64_t kith_super_seq(const struct kith_core *c);

/* Sends a GOSSIP request to a supernode; give_up_us: for how long it is waited for an answer, or for the session to
 * open. */
void kith_super_gossip_with(struct kith_core *c, const struct kith_host *host, struct kith_span body,
			    kith_time_us give_up_us);

/* Merges the entry of a member of which the supernode at the other end tells. As kith_members_merge. */
int kith_super_told_of(struct kith_core *c, const struct kith_session *s, struct kith_span entry,
		       struct kith_member **out) KITH_MUST_USE;

/* Before a supernode is asked what only supernodes may ask: if it may not have heard of us, since we elected ourselves
 * and are far from it, it is shown our entry. */
void kith_super_introduce(struct kith_core *c, const struct kith_host *host);

/* The member whose device that is at the other end, or NULL. All members are searched. */
struct kith_member *kith_super_member_of(struct kith_core *c, const struct kith_session *s);

/* Members came, went or moved, and replicas of keys with them: partners hear of it at once. */
void kith_super_learnt(struct kith_core *c);

/* The records of our leaves are soon brought to the replicas that keep them now. */
void kith_super_republish_soon(struct kith_core *c);

/* Supernodes that a leaf may turn to, drawn at random among those that we heard within KITH_MEMBER_LATELY_US, then
 * among all that nobody doubts; at most max (up to KITH_MEMBERS_TOLD_MAX): their own entries, borrowed from the table;
 * the list lies in room. */
struct kith_super_named {
	struct kith_span at[KITH_MEMBERS_TOLD_MAX];
	struct kith_kept_stretch kept[KITH_MEMBERS_TOLD_MAX]; /* where they lie */
};

struct kith_spans kith_super_named(struct kith_core *c, struct kith_super_named *room, uint32_t max);

/* The body of LEAVE, which names as many of those as fit. Returns the length. */
size_t kith_super_leave_write(struct kith_core *c, uint64_t in_ms, uint8_t out[KITH_REQUEST_MAX]);

/* MEMBERS. */
void kith_super_on_members(struct kith_core *c, struct kith_session *s, const struct kith_request *request);

#endif
