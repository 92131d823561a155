/* Who is who in one network: verifies certificate chains against the root (or, in an open network, against the key
 * that is its own name), applies revocation and device lists, and keeps what it needs for that.
 *
 * A check costs three signature verifications the first time; a chain whose signatures held is remembered by its
 * hash, so that repeated handshakes cost none. Only the signatures are remembered: times, revocation and device lists
 * are looked at on every use, and kith_trust_recheck does the same for live sessions when a list arrives.
 * Invariants: nothing is kept that did not verify; numbers of lists only rise; a list is never dropped for a
 * stranger's sake.
 * Timers: none. Bounds and evictions (struct kith_trust_options):
 *   issuers: those expired, revoked or, last, without a revocation list and longest unused go first; a full table of
 *     issuers with lists takes no more (chains that carry their issuer still verify);
 *   device lists: the longest unused that nobody asked to keep, then the longest unused; verified chains: the
 *     longest unused.
 * Memory is taken when first needed. Lists and certificates are interned blobs, which many trusts may share.
 * Never: contacts (contacts.h), a clock of its own, files.
 */
#ifndef KITH_IDENTITY_TRUST_H
#define KITH_IDENTITY_TRUST_H

#include "base/blob.h"
#include "base/table.h"
#include "identity/cert.h"
#include "identity/placements.h"

#define KITH_TRUST_ISSUERS_MAX 64 /* issuers of a network: departments of a firm; 32 bytes and a certificate each */
#define KITH_TRUST_DIGEST_LEN 16 /* local: by which a chain that held is known again */
#define KITH_TRUST_DEVICE_LISTS_LEAF 256 /* contacts and those who called lately */
#define KITH_TRUST_CHAINS_LEAF 24 /* homes, and contacts that are talked with; 48 bytes each, with their slots */
#define KITH_TRUST_DEVICE_LISTS_SUPERNODE 16384
#define KITH_TRUST_CHAINS_SUPERNODE 16384 /* leaves that come back after a restart or a drain; 0.8 MB */

struct kith_trust_options {
	const struct kith_suite *suite; /* this and the next two are borrowed for the trust's life */
	const struct kith_alloc *alloc;
	struct kith_blobs *blobs;
	const struct kith_key *root; /* copied; NULL: an open network */
	const char *open_label; /* of the open network, if root is NULL */
	uint16_t issuers_max; /* 1 .. KITH_TRUST_ISSUERS_MAX */
	uint32_t device_lists_max, chains_max; /* at least 1 */
	uint64_t seed[2]; /* of the hash tables */
};

/* Doubly linked, longest unused first. */
struct kith_trust_link {
	struct kith_trust_link *prev, *next;
};

struct kith_trust_issuer {
	uint8_t id[KITH_ISSUER_ID_LEN];
	struct kith_blob *cert;
	struct kith_blob *list; /* its revocation list or NULL */
	struct kith_blob *head; /* the newest head of its log or NULL */
	struct kith_blob *fork; /* two of its heads that contradict each other, or NULL */
	bool fork_told;
	uint64_t used;
};

struct kith_trust {
	const struct kith_suite *suite;
	const struct kith_alloc *alloc;
	struct kith_blobs *blobs;
	struct kith_id network;
	struct kith_key root; /* zero in an open network */
	bool open;
	uint16_t issuers_n, issuers_cap, issuers_max;
	uint64_t uses; /* counts up: order of use among issuers */
	uint32_t epoch; /* counts up with each list that is new: what was checked at another epoch needs a recheck */
	struct kith_trust_issuer *issuers;
	struct kith_blob *root_list; /* the root's revocation list or NULL */
	struct kith_blob *params; /* of the network, or NULL */
	bool certified_only; /* as they say: no others than those certified so are supernodes */
	struct kith_table device_lists, chains;
	uint8_t chains_key[KITH_TRUST_DIGEST_LEN]; /* ours alone: nobody can look for two chains of one digest */
	struct kith_placements placements;
	struct kith_trust_link lists_lru, kept_lru, chains_lru;
};

/* Whom a chain names, and under what conditions. Valid only as the result of a check. */
struct kith_person {
	char name[KITH_NAME_MAX + 1];
	struct kith_key identity;
	struct kith_key device_dh, device_sign; /* X25519, Ed25519 */
	struct kith_key issuer; /* zero in an open network */
	uint8_t issuer_id[KITH_ISSUER_ID_LEN];
	uint8_t placement[KITH_PLACEMENT_LEN]; /* zero in an open network */
	uint64_t issuer_serial, name_serial;
	uint8_t flags; /* enum kith_name_flags: those that the issuer may give */
	int64_t not_before_ms, expires_ms; /* the latest and the earliest of the chain, without tolerance */
};

/* KITH_EINVAL: neither root nor valid label, or a bound is 0 or too large. Nothing is allocated yet; the structure
 * must not move. */
int kith_trust_init(struct kith_trust *t, const struct kith_trust_options *options) KITH_MUST_USE;
void kith_trust_deinit(struct kith_trust *t);

/* Verifies a chain now and says whom it names. 0, or:
 *   KITH_EPROTO, KITH_EVERSION, KITH_ENOTSUP  malformed, of a later version, with an unknown critical extension
 *   KITH_ENETWORK     of another network
 *   KITH_ECHAIN       certificates missing or out of order, the issuer is not the one that is named, or it went by id
 *                     and is not held
 *   KITH_ENAME        the name is none, or outside the issuer's constraint
 *   KITH_EREVOKED     issuer or name is revoked, or the device is absent from the identity's list
 *   KITH_EEXPIRED, KITH_ENOTYET
 *   KITH_ESIGNATURE
 * Cheap reasons come first, so that of several one is given, and a verdict about an unproven chain is for counters,
 * not for users. An issuer that came along is remembered; failing to remember is not an error. On failure out is
 * zeroed. */
int kith_trust_check(struct kith_trust *t, const struct kith_now *now, struct kith_span chain,
		     struct kith_person *out) KITH_MUST_USE;

/* The same of a chain that is not likely to be seen again: it is not remembered, and pushes out none that is. */
int kith_trust_check_once(struct kith_trust *t, const struct kith_now *now, struct kith_span chain,
			  struct kith_person *out) KITH_MUST_USE;

/* The same of our own chain, which may be out of its time by a clock that is not set yet: neither KITH_EEXPIRED nor
 * KITH_ENOTYET. kith_trust_recheck says so. */
int kith_trust_check_undated(struct kith_trust *t, const struct kith_now *now, struct kith_span chain,
			     struct kith_person *out) KITH_MUST_USE;

/* Whether a person that was checked before still holds: KITH_EREVOKED, KITH_EEXPIRED or KITH_ENOTYET. */
int kith_trust_recheck(const struct kith_trust *t, const struct kith_now *now,
		       const struct kith_person *person) KITH_MUST_USE;

/* The same for a chain that kith_trust_check let pass before: no signature is verified again, nothing counts as used.
 * 0, or what kith_trust_check would say. */
int kith_trust_recheck_chain(const struct kith_trust *t, const struct kith_now *now,
			     struct kith_span chain) KITH_MUST_USE;

/* Remembers an issuer's certificate, so that chains may call it by id. Errors as kith_trust_check; KITH_EFULL,
 * KITH_ENOMEM. Of two for one key the one with the higher serial is kept. */
int kith_trust_issuer_add(struct kith_trust *t, const struct kith_now *now, struct kith_span cert) KITH_MUST_USE;

/* Takes a revocation list. 1: it is new (live sessions want a recheck); 0: known, or older than the one held.
 * KITH_ECHAIN: by an issuer that is not held; KITH_EREVOKED: by one that is revoked; KITH_ENETWORK: another root's,
 * or this network is open; KITH_ENOTYET: issued in the future; KITH_ESIGNATURE, KITH_EPROTO, KITH_EVERSION,
 * KITH_ENOTSUP; KITH_EFULL, KITH_ENOMEM. */
int kith_trust_revocation_add(struct kith_trust *t, const struct kith_now *now, struct kith_span list) KITH_MUST_USE;

/* How old the lists are by which names of an issuer (NULL: of any that is held) are judged, the root's among them. */
enum kith_lists_age {
	KITH_LISTS_FRESH = 0, /* none is due, or the network sets no bound */
	KITH_LISTS_LATE = 1, /* one is past its next update */
	KITH_LISTS_TOO_OLD = 2 /* longer than the root's list allows: new calls are refused */
};

/* due_ms (may be NULL): when the one that is latest was due, if any is late. */
enum kith_lists_age kith_trust_lists_age(const struct kith_trust *t, const struct kith_now *now,
					 const uint8_t issuer[KITH_ISSUER_ID_LEN], int64_t *due_ms);

/* Takes a device list signed by the identity. keep: it is of a contact (or oneself) and is not to be evicted for
 * strangers. 1: new (live sessions with that identity want a recheck); 0: known or older; KITH_ENOTYET: its number is
 * ahead of our clock by more than the tolerance; KITH_ESIGNATURE, KITH_EPROTO, KITH_EVERSION, KITH_ENOTSUP, KITH_EFULL,
 * KITH_ENOMEM. A list that is held and turns out to be ahead, once the clock is trusted, counts no more. */
int kith_trust_devices_add(struct kith_trust *t, const struct kith_now *now, const struct kith_key *identity,
			   struct kith_span list, bool keep) KITH_MUST_USE;

#endif
