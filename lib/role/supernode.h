/* What a supernode does for others: homes for leaves, a replica of the directory, gossip of members, and leaving in
 * good order.
 *
 * Timers: gossip with a random member every 3 s (1 s while it knows nobody), compared in full every eighth time; its
 * own entry is renewed every 4 hours; leaves that are silent for 65 s are asked, and reported vanished after 75 s.
 * Bounds: those of its tables (members, store, watches, fwd), given at KITH_SUPER_*.
 */
#ifndef KITH_ROLE_SUPERNODE_H
#define KITH_ROLE_SUPERNODE_H

#include "role/state.h"

#define KITH_SUPER_RECORDS_MAX 1000000 /* local: 6 copies of a million leaves' records over 100 supernodes is 60,000 */
#define KITH_SUPER_WATCHES_MAX 1000000 /* local */
#define KITH_SUPER_WATCHES_PER_HOME 200000 /* local: a home joins its leaves' watches, so it has many */
#define KITH_GOSSIP_US (3 * KITH_US_PER_S)
#define KITH_MEMBER_RENEW_US (4 * 3600 * KITH_US_PER_S)

int kith_supernode_new(struct kith_core *c, const struct kith_core_options *o) KITH_MUST_USE;
void kith_supernode_free(struct kith_core *c);
void kith_supernode_tick(struct kith_core *c);

void kith_supernode_on_attach(struct kith_core *c, struct kith_session *s, const struct kith_request *request);
void kith_supernode_on_detach(struct kith_core *c, struct kith_session *s, const struct kith_request *request);
void kith_supernode_on_news(struct kith_core *c, struct kith_session *s, const struct kith_request *request);
void kith_supernode_on_gossip(struct kith_core *c, struct kith_session *s, const struct kith_request *request);
void kith_supernode_on_members(struct kith_core *c, struct kith_session *s, const struct kith_request *request);
void kith_supernode_on_answer(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer);

/* A supernode did not answer a request (KITH_ETIMEDOUT, KITH_ECLOSED), or it did: who fails is not asked for a while.
 */
void kith_supernode_heard_of(struct kith_core *c, const struct kith_session *s, int err);

/* Members changed: replicas of keys with them. */
void kith_supernode_learnt(struct kith_core *c);

/* A session has ended: tunnels and watches go, a leaf that did not say goodbye is reported. */
void kith_supernode_lost(struct kith_core *c, struct kith_session *s, enum kith_close_reason reason);

/* A leaf was not heard for a while: its session's timer. Returns when to be called again. */
kith_time_us kith_supernode_leaf_deadline(const struct kith_session *s);
void kith_supernode_leaf_tick(struct kith_core *c, struct kith_session *s);

/* The highest sequence number of anything that this node has signed, over restarts. */
uint64_t kith_supernode_seq(const struct kith_core *c);

/* Tells leaves and members that this node goes. */
void kith_supernode_leave(struct kith_core *c, kith_time_us grace_us);

#endif
