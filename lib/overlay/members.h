/* The table of supernodes: a supernode knows all others, a leaf a few.
 *
 * An entry is a signed member entry (wire/record.h), verified through the trust when it is merged. Of two for one
 * supernode id the higher sequence wins; an older or equal one is turned away before anything is verified. A tombstone
 * (KITH_MEMBER_LEFT) stays until it expires, so that what it replaced does not come back, and is not live. An identity
 * has one placement (identity/placements.h): an entry with a lower one makes a tombstone of that with the other.
 * Nor is a member live that several found dead (overlay/suspicion.h), until an entry comes that it signed after that.
 * Entries lie in the order of their ids: an id is found by halving, and a key's neighbours by walking outward from it.
 * A supernode that its name certificate does not call one (it elected itself) counts only with attestations by three
 * members of the table (overlay/qualify.h), at the endpoint that they reached it at, one device of an identity at a
 * time. If a witness is not known yet, the entry is refused for now and comes again with a later exchange. A newcomer,
 * which knows no witness at all, may take such entries on the word of who tells them (on_word), and looks at them again
 * when it knows the others (kith_members_recheck). With sectors witnesses that are far are looked for, and members that
 * are far are taken on the word of several (overlay/members_vouched.h).
 * The bytes are interned blobs that many tables may share; a table itself holds 120 bytes and a pointer per member.
 *
 * With as many live members as a full view may have, the table goes over to sectors (overlay/sectors.h): those near are
 * known in full as before; of those that are far a few guides, and such as were of use lately. News are of near ones.
 *
 * News are changes on their way to others. Each is told once to every partner (a slot of the caller's, of
 * KITH_MEMBERS_PARTNERS), and to a few strangers; whoever told us of it needs not be told.
 *
 * Invariants: ids ascend strictly; every entry has verified; tombs counts those that are not live, dead those of them
 *   that were found dead.
 * Timers: expired entries are swept once per KITH_MEMBERS_SWEEP_US. Suspicion ends by itself: 30 s, doubling with each
 *   further failure to one hour.
 * Bounds: max members, tombstones included. When full, expired ones are swept, else one that was found dead gives way,
 *   else one that is far and no guide (for a newcomer that is near also a guide), the longest unused first, else the
 *   newcomer is refused (KITH_EFULL): a flood must not push out known members. News are a ring of the last
 *   KITH_MEMBERS_RECENT; when one is overwritten before all partners heard it, news_lost says so, and digests find it.
 *   Our own entry has a place beside the ring: a newcomer learns of more at once than that holds, and nobody else can
 *   tell of it yet.
 *   Pointers to members stay valid until the next kith_members_expire, or kith_members_merge into
 *   a full table.
 * Never: a clock, a message, a choice of replicas (presence/replicas.h).
 */
#ifndef KITH_OVERLAY_MEMBERS_H
#define KITH_OVERLAY_MEMBERS_H

#include "base/blob.h"
#include "base/table.h"
#include "overlay/absent.h"
#include "overlay/qualify.h"
#include "overlay/sectors.h"
#include "wire/record.h"

#define KITH_MEMBERS_MAX 25000 /* local: what a full view is built for; beyond it come sectors */
#define KITH_MEMBERS_RECENT 128
#define KITH_MEMBERS_PARTNERS 12
#define KITH_MEMBERS_STRANGER KITH_MEMBERS_PARTNERS /* a slot: nobody in particular */
#define KITH_MEMBERS_WANTED 32
#define KITH_MEMBERS_WANTED_US (2 * KITH_US_PER_S)
#define KITH_MEMBERS_NEWCOMER_US (60 * KITH_US_PER_S)
#define KITH_MEMBERS_SWEEP_US (60 * KITH_US_PER_S)
/* local: longer than a record is kept by whoever brings it anew after 24 min, and than watches are renewed */
#define KITH_FAR_KEPT_US (30 * 60 * KITH_US_PER_S)
#define KITH_SECTOR_SIZE 256 /* local: members of a sector, on average */
#define KITH_SECTOR_GUIDES 8 /* local: members that are kept of each sector that is far */

struct kith_member {
	struct kith_id id;
	uint64_t tag; /* the first bytes of kith_home_tag of its Ed25519 key: what records name homes by */
	struct kith_blob *blob; /* X25519 key, Ed25519 key, entry */
	uint64_t seq;
	int64_t expires_ms;
	uint64_t prefix; /* kith_addr_diversity_prefix of the first address */
	kith_time_us suspect_until;
	kith_time_us since; /* known to us */
	kith_time_us heard_at; /* by ourselves, and lately; 0: not */
	uint8_t flags; /* enum kith_member_flags */
	uint8_t run; /* drawn by the member at its start: another one has lost what it kept */
	uint8_t load;
	uint8_t failures; /* in a row */
	bool on_word; /* its attestations are not verified yet */
	uint8_t returns; /* how often it failed, and answered again */
	bool dead; /* several say so, and it has not signed anything since */
	bool guide; /* one of those that are kept of its sector, which is far */
	kith_time_us used_at; /* one that is far: asked, or brought a record; or it came */
};

/* News: the member, how often strangers are still told, and the partners that know. */
struct kith_member_recent {
	struct kith_id id;
	uint16_t told; /* bit for each partner */
	uint8_t left;
	bool urgent; /* more than that an entry was renewed */
};

/* An entry that was asked for, and not to be asked for again at once. */
struct kith_member_wanted {
	uint64_t prefix, seq;
	kith_time_us at;
};

struct kith_members {
	const struct kith_alloc *alloc; /* borrowed, as the next two */
	struct kith_blobs *blobs;
	struct kith_trust *trust;
	struct kith_member **at; /* by id */
	struct kith_table by_tag; /* the one that came last of each tag */
	uint32_t n, cap, max;
	uint32_t tombs, dead;
	struct kith_sectors sectors; /* full is at most max */
	uint64_t partners[KITH_MEMBERS_PARTNERS]; /* their places */
	bool word; /* entries are taken on_word: set by the caller for as long as it believes who tells them */
	uint64_t teller; /* address prefix of whoever tells of what is merged, set by the caller; 0: nobody */
	struct kith_absent *absent; /* NULL until it is needed */
	uint32_t rechecked; /* place of the next member that kith_members_recheck looks at */
	bool recheck_again; /* from the first on: some of those looked at had witnesses that are looked for */
	kith_time_us swept;
	struct kith_member_recent recent[KITH_MEMBERS_RECENT + 1]; /* the last: our own entry */
	struct kith_member_wanted wanted[KITH_MEMBERS_WANTED];
	uint8_t recent_next, wanted_next;
	bool news_lost;
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
	KITH_MERGE_UPDATED = 2, /* where it is, whether it is there, or that it was started again */
	KITH_MERGE_RENEWED = 3, /* the same for longer */
	KITH_MERGE_RETURNED = 4 /* found dead, and alive after all */
};

void kith_members_init(struct kith_members *ms, const struct kith_alloc *alloc, struct kith_blobs *blobs,
		       struct kith_trust *trust, uint32_t max, const uint64_t seed[2]);
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
			  struct kith_span attests, struct kith_history *out);

/* Witnesses of attestations that are far, and not known, are looked for. False: there are none, or they were looked for
 * in vain lately. */
bool kith_members_seek(struct kith_members *ms, const struct kith_now *now, struct kith_span attests);

/* The rules are others: every entry is looked at again by kith_members_recheck. */
void kith_members_doubt(struct kith_members *ms);

/* Looks at the attestations of up to n members more that were taken on_word; who has none that count goes, unless it is
 * far, or its witnesses are looked for. Returns how many went. False in *more: all have been looked at. Pointers to
 * members become invalid. */
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

/* Whether a record's home is none, by what is known here: there is no member with its keys, or the addresses are not
 * those of the member's own entry (whatever the ports). Where the table does not hold all members, one that it does not
 * hold is no such home. */
bool kith_members_refute(const struct kith_members *ms, const struct kith_home *home);

static inline uint32_t kith_members_live(const struct kith_members *ms)
{
	return ms->n - ms->tombs;
}

static inline bool kith_member_live(const struct kith_member *m)
{
	return (m->flags & KITH_MEMBER_LEFT) == 0 && !m->dead;
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

/* It did not answer us, or it did. */
void kith_member_failed(struct kith_member *m, kith_time_us now);
void kith_member_alive(struct kith_member *m, kith_time_us now);

/* Several found it dead: it is not live until an entry comes that it signed later. */
void kith_members_bury(struct kith_members *ms, struct kith_member *m);

/* What a copy of a record at this member is known by: another member, another start, or a time without an answer in
 * between, and the copy may be gone. Never 0. */
uint32_t kith_member_copy(const struct kith_member *m);

/* ---- news ---- */

/* The member is told of again. told: bits of the partners that know already. */
void kith_members_tell(struct kith_members *ms, const struct kith_id *id, uint16_t told, bool urgent);

/* The partner at that slot has that entry, or a newer one. */
void kith_members_knows(struct kith_members *ms, unsigned partner, const uint8_t prefix[KITH_MEMBER_ID_PREFIX],
			uint64_t seq);

/* Another member takes the partner's slot, and knows nothing yet. It is told of what is near it, by our sectors. */
void kith_members_partner(struct kith_members *ms, unsigned partner, const struct kith_id *id);

/* Up to max members that the partner is to be told of now, newest first; counts as told. */
size_t kith_members_news(struct kith_members *ms, const struct kith_now *now, unsigned partner,
			 const struct kith_member *out[], size_t max);

/* Partners (bits) that were not told of something; urgent: of something that must not wait. */
uint16_t kith_members_untold(const struct kith_members *ms, uint16_t partners, bool urgent);

/* Whether an entry with that number is to be asked for: it is newer than ours, there is room, and nobody was asked for
 * it within KITH_MEMBERS_WANTED_US. */
bool kith_members_want(struct kith_members *ms, const struct kith_now *now, const uint8_t prefix[KITH_MEMBER_ID_PREFIX],
		       uint64_t seq);

/* Outward from a key on the ring of ids, nearest live member first; distance is the shorter way round, the clockwise
 * one of two at the same distance goes first. The table must not change during a walk. */
struct kith_member_walk {
	const struct kith_members *ms;
	struct kith_id key;
	uint32_t up, down, left; /* next index each way; members not visited yet */
};

void kith_member_walk_init(struct kith_member_walk *walk, const struct kith_members *ms, const struct kith_id *key);
const struct kith_member *kith_member_walk_next(struct kith_member_walk *walk);

/* Whether the member is known for less than KITH_MEMBERS_NEWCOMER_US. A newcomer has shown nothing yet: its word on
 * others does not count, and nobody is sent to it while there are others. */
static inline bool kith_member_newcomer(const struct kith_member *m, kith_time_us now)
{
	return now - m->since < KITH_MEMBERS_NEWCOMER_US;
}

/* ---- sectors ---- */

static inline bool kith_member_near(const struct kith_members *ms, const struct kith_member *m)
{
	return kith_sectors_near(&ms->sectors, m->id.b);
}

/* Entries of a sector, and of those that are near; and about how many supernodes there are. */
uint32_t kith_members_in_sector(const struct kith_members *ms, uint64_t sector);
uint32_t kith_members_near(const struct kith_members *ms);
uint32_t kith_members_estimate(const struct kith_members *ms);

/* The member is of use: it stays for KITH_FAR_KEPT_US, though it is far. */
void kith_members_use(const struct kith_members *ms, const struct kith_id *id, kith_time_us now);

/* Sectors become narrower, as many as that leaves near ones for a full table. */
void kith_members_narrow(struct kith_members *ms, kith_time_us now, uint32_t estimate);

/* Sweeps out what has expired, and what is far and of no use, at most once per KITH_MEMBERS_SWEEP_US; returns how many
 * went. */
uint32_t kith_members_expire(struct kith_members *ms, const struct kith_now *now);
kith_time_us kith_members_next_deadline(const struct kith_members *ms);

#endif
