/* The supernode's half of a node: its life, its timer, and leaving in good order.
 *
 * Timers: one for gossip, its entry, records that are due, watches that are renewed, and what expires (every 5 s).
 * Each function may be called for a node without this half, and does nothing there.
 * Bounds: those of its tables (members, store, watches, fwd), given at KITH_SUPER_*.
 */
#ifndef KITH_SUPER_SUPER_H
#define KITH_SUPER_SUPER_H

#include "link/state.h"

#define KITH_SUPER_RECORDS_MAX 1000000 /* local: 6 copies of a million leaves' records over 100 supernodes is 60,000 */
#define KITH_SUPER_WATCHES_MAX 1000000 /* local */

/* What this half may take. A maximum that is lowered costs nothing that is there already. */
struct kith_super_options {
	uint32_t sessions_max, tunnels_max;
	uint32_t leaves_max; /* attached; a further one is told that this node is full */
	uint32_t records_max, watches_max; /* of the directory; watches_max: of replicas, and as many of homes */
	uint64_t relay_rate, relay_owner_rate; /* bytes a second: in all, for one identity */
	uint8_t shard;
	/* Of a node that its certificate does not call a supernode: list of attestations, of its first endpoint. */
	struct kith_span attests;
};

/* Makes this half, at the start or while the core runs. KITH_EINVAL: the node has no public address to be reached at;
 * KITH_ENOMEM, or why our own entry does not hold. Nothing stays after an error. */
int kith_super_new(struct kith_core *c, const struct kith_super_options *o) KITH_MUST_USE;

/* Stops serving: the sessions that others have here for its services end, and they look for another supernode at once.
 * This half is freed when those ends were told. */
void kith_super_end(struct kith_core *c);
void kith_super_free(struct kith_core *c);

/* Other attestations of the same endpoint: our entry is signed anew with them. */
void kith_super_attested(struct kith_core *c, struct kith_span attests);

/* The wall clock was set: what this node signed with the former one is signed again. */
void kith_super_clock_set(struct kith_core *c);

void kith_super_tick(struct kith_core *c);

/* A session has ended: its tunnels and watches go, and a leaf that did not say goodbye is reported. */
void kith_super_lost(struct kith_core *c, struct kith_session *s, enum kith_close_reason reason);

/* Tells leaves and members that this node goes. */
void kith_super_leave(struct kith_core *c, kith_time_us grace_us);

/* The host told of a transport that it had told of before. An endpoint of ours that was an address of its interface
 * before, and is none any more, becomes the one that the interface has instead; then the members are told. */
void kith_super_readdress(struct kith_core *c, const struct kith_transport *before, const struct kith_transport *now);

/* The node's endpoints are others: the members are told. */
void kith_super_announce(struct kith_core *c);

/* New limits; the shard stays. */
void kith_super_limit(struct kith_core *c, const struct kith_super_options *o);

/* This half's part of kith_core_info, and of the hash of the state. */
void kith_super_info(const struct kith_core *c, struct kith_core_info *out);
void kith_super_hash(const struct kith_core *c, struct kith_writer *w);

#endif
