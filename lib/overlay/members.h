/* The table of supernodes: a supernode knows all others, a leaf a few.
 *
 * An entry is a signed member entry (wire/record.h), verified through the trust when it is merged. Of two for one
 * supernode id the higher sequence wins; an older or equal one is turned away before anything is verified. A tombstone
 * (KITH_MEMBER_LEFT) stays until it expires, so that what it replaced does not come back, and is not live. An identity
 * has one placement (identity/placements.h): an entry with a lower one makes a tombstone of that with the other.
 * Entries lie in the order of their ids: an id is found by halving, and a key's neighbours by walking outward from it.
 * A supernode that its name certificate does not call one (it elected itself) counts only with attestations by three
 * members of the table (overlay/qualify.h), at the endpoint that they reached it at, one device of an identity at a
 * time. If a witness is not known yet, the entry is refused for now and comes again with a later exchange. A newcomer,
 * which knows no witness at all, may take such entries on the word of who tells them (on_word), and looks at them again
 * when it knows the others (kith_members_recheck).
 * The bytes are interned blobs that many tables may share; a table itself holds 80 bytes and a pointer per member.
 *
 * Invariants: ids ascend strictly; every entry has verified; tombs counts the tombstones.
 * Timers: expired entries are swept once per KITH_MEMBERS_SWEEP_US. Suspicion ends by itself: 30 s, doubling with each
 *   further failure to one hour.
 * Bounds: max members, tombstones included. When full, expired ones are swept, else the newcomer is refused
 *   (KITH_EFULL): a flood must not push out known members. Changes to be told are a ring of the last
 *   KITH_MEMBERS_RECENT. Pointers to members stay valid until the next kith_members_expire, or kith_members_merge into
 *   a full table.
 * Never: a clock, a message, a choice of replicas (presence/replicas.h).
 */
#ifndef KITH_OVERLAY_MEMBERS_H
#define KITH_OVERLAY_MEMBERS_H

#include "base/blob.h"
#include "overlay/qualify.h"
#include "wire/record.h"

#define KITH_MEMBERS_MAX 25000 /* what a full view is built for; beyond it come sectors */
#define KITH_MEMBERS_RECENT 32
#define KITH_MEMBERS_SWEEP_US (60 * KITH_US_PER_S)

struct kith_member {
	struct kith_id id;
	struct kith_blob *blob; /* X25519 key, Ed25519 key, entry */
	uint64_t seq;
	int64_t expires_ms;
	uint64_t prefix; /* kith_addr_diversity_prefix of the first address */
	kith_time_us suspect_until;
	uint8_t flags; /* enum kith_member_flags */
	uint8_t load;
	uint8_t failures; /* in a row */
	bool on_word; /* its attestations are not verified yet */
};

/* A change on its way to others: the member, and how often it is still told. */
struct kith_member_recent {
	struct kith_id id;
	uint8_t left;
};

struct kith_members {
	const struct kith_alloc *alloc; /* borrowed, as the next two */
	struct kith_blobs *blobs;
	struct kith_trust *trust;
	struct kith_member **at; /* by id */
	uint32_t n, cap, max;
	uint32_t tombs;
	bool word; /* entries are taken on_word: set by the caller for as long as it believes who tells them */
	uint32_t rechecked; /* place of the next member that kith_members_recheck looks at */
	kith_time_us swept;
	struct kith_member_recent recent[KITH_MEMBERS_RECENT];
	uint8_t recent_next;
};

/* What is needed to talk to a member, read out of its blob. */
struct kith_member_facts {
	struct kith_key dh, sign; /* X25519, Ed25519 */
	uint8_t endpoints_n;
	struct kith_endpoint endpoints[KITH_MEMBER_ENDPOINTS_MAX];
	struct kith_span entry; /* borrowed from the member's blob */
};

enum kith_merge {
	KITH_MERGE_KNOWN = 0, /* nothing new: this one or a newer one is held */
	KITH_MERGE_NEW = 1,
	KITH_MERGE_UPDATED = 2
};

void kith_members_init(struct kith_members *ms, const struct kith_alloc *alloc, struct kith_blobs *blobs,
		       struct kith_trust *trust, uint32_t max);
void kith_members_deinit(struct kith_members *ms);

/* Takes an entry: enum kith_merge, or what parsing and verifying say, KITH_EACCES where its identity has another
 * placement, KITH_EFULL, KITH_ENOMEM; of one that needs attestations what kith_members_qualify says, or KITH_EEXIST:
 * another device of that identity serves. out (may be NULL) receives the member when it is one of ours after the call,
 * else NULL. */
int kith_members_merge(struct kith_members *ms, const struct kith_now *now, struct kith_span entry,
		       struct kith_member **out) KITH_MUST_USE;

/* What attestations are worth by this table: kith_qualify, or KITH_EPROTO. */
int kith_members_qualify(const struct kith_members *ms, const struct kith_now *now, const struct kith_qualify_who *who,
			 const struct kith_endpoint *endpoint, struct kith_span attests,
			 struct kith_qualification *out) KITH_MUST_USE;
/* kith_qualify_history by this table; what is malformed counts as none. */
void kith_members_history(const struct kith_members *ms, const struct kith_now *now, const struct kith_qualify_who *who,
			  struct kith_span attests, int64_t *first_seen_s, uint8_t *availability);

/* Looks at the attestations of up to n members more that were taken on_word; who has none that count goes. Returns how
 * many went. False in *more: all have been looked at. Pointers to members become invalid. */
uint32_t kith_members_recheck(struct kith_members *ms, const struct kith_now *now, uint32_t n, bool *more);

/* Whether somebody may be a supernode without attestations: by certificate, and anybody in an open network. */
bool kith_members_seeds(const struct kith_members *ms, const struct kith_person *person);

/* NULL if not known. Tombstones are found too: see kith_member_live. */
struct kith_member *kith_members_get(const struct kith_members *ms, const struct kith_id *id);
/* By the first KITH_MEMBER_ID_PREFIX bytes of its id. */
struct kith_member *kith_members_get_prefix(const struct kith_members *ms, const uint8_t prefix[KITH_MEMBER_ID_PREFIX]);

/* The index of the first member whose id is not below; ms->n when there is none. ms->at[i] gives members in the order
 * of ids. */
uint32_t kith_members_lower(const struct kith_members *ms, const struct kith_id *id);

static inline uint32_t kith_members_live(const struct kith_members *ms)
{
	return ms->n - ms->tombs;
}

static inline bool kith_member_live(const struct kith_member *m)
{
	return (m->flags & KITH_MEMBER_LEFT) == 0;
}

static inline bool kith_member_suspect(const struct kith_member *m, kith_time_us now)
{
	return m->suspect_until > now;
}

static inline struct kith_span kith_member_entry_bytes(const struct kith_member *m)
{
	struct kith_span s = { m->blob->bytes + 2 * KITH_KEY_LEN, m->blob->len - 2 * KITH_KEY_LEN };
	return s;
}

void kith_member_facts(const struct kith_member *m, struct kith_member_facts *out);

/* As a host entry, with its first endpoints, at most one of each kind and family. */
void kith_member_host(const struct kith_member *m, struct kith_host *out);

/* It did not answer, or it did. */
void kith_member_failed(struct kith_member *m, kith_time_us now);
void kith_member_alive(struct kith_member *m);

/* Outward from a key on the ring of ids, nearest live member first; distance is the shorter way round, the clockwise
 * one of two at the same distance goes first. The table must not change during a walk. */
struct kith_member_walk {
	const struct kith_members *ms;
	struct kith_id key;
	uint32_t up, down, left; /* next index each way; members not visited yet */
};

void kith_member_walk_init(struct kith_member_walk *walk, const struct kith_members *ms, const struct kith_id *key);
const struct kith_member *kith_member_walk_next(struct kith_member_walk *walk);

/* Up to n live members at random, not suspect and not self (may be NULL), of as many different prefixes as can be had
 * without going through all. Returns how many. */
uint32_t kith_members_pick(const struct kith_members *ms, const struct kith_random *random, kith_time_us now,
			   const struct kith_id *self, const struct kith_member *out[], uint32_t n);

/* Sweeps out what has expired, at most once per KITH_MEMBERS_SWEEP_US; returns how many went. */
uint32_t kith_members_expire(struct kith_members *ms, const struct kith_now *now);
kith_time_us kith_members_next_deadline(const struct kith_members *ms);

#endif
