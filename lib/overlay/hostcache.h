/* The supernodes that a leaf knows of: up to 16 in memory, up to 200 in the state file, and which to try next.
 *
 * What the network says of a host counts only as its own signed member entry. The entry here then knows its author
 * (the key that signed) and its number: another author, or a lower number, changes nothing. A certificate does not
 * prove that its subject holds the X25519 secret, so anybody can sign an entry for somebody else's; a handshake tells
 * who is right.
 *
 * A home should not be able to choose the others: candidates are taken from different address prefixes, at most one
 * that any one supernode suggested, and two anchors - the first two that worked, of different prefixes and sources -
 * keep their place across restarts until they fail ten times in a row. Hosts are interned blobs that many caches may
 * share; the cache itself holds 32 bytes each and grows on demand.
 *
 * What does not fit is kept aside: hosts that are tried only when those in memory fail (kith_hostcache_draw). When nine
 * of ten supernodes are lost at once, sixteen hosts are all lost for one leaf in five, eighty for one in five thousand.
 *
 * Invariants: no two entries have the same key; entries without a key (bootstrap hosts) differ in their first
 *   endpoint; at most two anchors.
 * Timers: none of its own; a host that failed is tried again after full-jitter backoff, 1 s to 2 min; one that is full
 *   after the time that it named, 120 s at most, and up to as much again (kith_hostcache_retry_at), one that was put
 *   aside after 1 to 64 min.
 * Bounds: KITH_HOSTCACHE_MAX in memory besides the bootstrap hosts, which are as many as are configured;
 *   KITH_HOSTCACHE_PER_SOURCE of them suggested by one supernode (one of its that failed gives way). When full, the
 *   entry that failed most or never worked gives way, one that lied after all others; never one in use, an anchor, a
 *   bootstrap host, or one that works; else the newcomer is put aside (kith_hostcache_add_tried: unless it is tried
 *   at once). KITH_HOSTCACHE_ASIDE are put aside, in four
 *   shares; what one supernode suggests takes places of one share only. What the network says never changes a bootstrap
 *   host's entry. The file keeps the KITH_HOSTCACHE_FILE_HOSTS that were first in it, memory's first.
 * Never: opens a file, resolves a name, makes a session, verifies (its caller did), changes an entry for what is not
 *   signed.
 */
#ifndef KITH_OVERLAY_HOSTCACHE_H
#define KITH_OVERLAY_HOSTCACHE_H

#include "base/blob.h"
#include "wire/record.h"

#define KITH_HOSTCACHE_MAX 16
#define KITH_HOSTCACHE_PER_SOURCE 5
#define KITH_HOSTCACHE_FULL_MAX_US (120 * KITH_US_PER_S) /* longest time that one that is full may name */
#define KITH_HOSTCACHE_ANCHORS 2
#define KITH_HOSTCACHE_ASIDE 64
#define KITH_HOSTCACHE_FILE_HOSTS 200
#define KITH_HOSTCACHE_FILE_HEADER 8
#define KITH_HOSTCACHE_FILE_SUM 8
#define KITH_HOST_WORD_LEN (8 + KITH_HOME_TAG_LEN)
#define KITH_HOSTCACHE_FILE_MAX                                                                                        \
	(KITH_HOSTCACHE_FILE_HEADER + KITH_HOSTCACHE_FILE_HOSTS * (14 + KITH_HOST_LEN_MAX + KITH_HOST_WORD_LEN) +      \
	 KITH_HOSTCACHE_FILE_SUM)

enum kith_hostcache_flags {
	KITH_HOST_ANCHOR = 1 << 0,
	KITH_HOST_BOOTSTRAP = 1 << 1, /* from the configuration; written to the file only once it has worked */
	KITH_HOST_USED = 1 << 2, /* is a home, or being tried */
	KITH_HOST_LIED = 1 << 3 /* was caught: the last to be tried */
};

/* Whose word an entry is. */
struct kith_host_word {
	uint64_t seq; /* of the member entry; 0: of none */
	uint8_t author
		[KITH_HOME_TAG_LEN]; /* tag of the Ed25519 key that signed, or that a handshake proved; 0: not known */
};

struct kith_hostcache_entry {
	struct kith_blob *blob; /* key, count, endpoints, word */
	int64_t success_ms; /* when it last worked, unix ms; 0: never */
	kith_time_us retry_at;
	uint32_t source; /* who suggested it; 0: nobody */
	uint8_t flags; /* enum kith_hostcache_flags */
	uint8_t failures; /* in a row */
	int8_t came; /* enum kith_err: what came of trying it last; 0: it works, or was not tried */
};

/* A host that is put aside. */
struct kith_hostcache_aside {
	struct kith_blob *blob; /* NULL: none */
	uint32_t source;
	uint32_t failures : 4, retry_s : 28; /* as in an entry; in seconds */
};

struct kith_hostcache {
	const struct kith_alloc *alloc; /* borrowed, as the next */
	struct kith_blobs *blobs;
	struct kith_hostcache_entry *at;
	struct kith_hostcache_aside *aside; /* aside_n of them; grows as they come, up to KITH_HOSTCACHE_ASIDE */
	uint16_t n, cap;
	uint8_t aside_n;
};

/* How far a pick may go from what it should be. */
enum kith_hostcache_relax {
	KITH_PICK_STRICT = 0, /* another prefix and another source than every host in use */
	KITH_PICK_SAME_PREFIX = 1, /* the same prefix will do */
	KITH_PICK_ANY = 2 /* so will the same source: a network too small to be choosy in */
};

void kith_hostcache_init(struct kith_hostcache *hc, const struct kith_alloc *alloc, struct kith_blobs *blobs);
void kith_hostcache_deinit(struct kith_hostcache *hc);

/* The number by which suggestions of a supernode are told apart; never 0. */
uint32_t kith_hostcache_source(const struct kith_key *dh);

/* Adds a host of the configuration or of a file (flags: KITH_HOST_BOOTSTRAP or 0; only a bootstrap host may lack its
 * key). Of a known one only the configuration changes anything: its endpoints come first. Returns its index (valid
 * until the next add, draw or load), KITH_EFULL (it was put aside), KITH_ENOMEM, KITH_EINVAL. */
int kith_hostcache_add(struct kith_hostcache *hc, const struct kith_host *host, uint32_t source,
		       uint8_t flags) KITH_MUST_USE;

/* Adds a host that is tried at once, on the word of a home. When full, one gives way that is not in use and no anchor,
 * and is put aside: one of the same source if that has its share; one that never worked, or else worked longest ago. */
int kith_hostcache_add_tried(struct kith_hostcache *hc, const struct kith_host *host, uint32_t source) KITH_MUST_USE;

/* Takes what a supernode's own member entry says, which was verified; author: tag of the key that signed it. A known
 * host gets the endpoints of a newer entry by the same author; one that failed and never worked, those of another
 * author's too, since who signed first is not who is right. Returns its index; KITH_EEXIST: nothing new; KITH_EACCES:
 * the entry is another's; KITH_EFULL, KITH_ENOMEM. */
int kith_hostcache_take(struct kith_hostcache *hc, const struct kith_member_entry *entry,
			const uint8_t author[KITH_HOME_TAG_LEN], uint32_t source) KITH_MUST_USE;

/* The index of the host with that key, or KITH_ENOENT. */
int kith_hostcache_find(const struct kith_hostcache *hc, const struct kith_key *dh);

void kith_hostcache_get(const struct kith_hostcache *hc, int i, struct kith_host *out);

/* What a handshake proved: the key of a bootstrap host, and the author whose entries count from now on. KITH_EEXIST:
 * another entry has that key (this one is then dropped), KITH_ENOMEM. */
int kith_hostcache_learn(struct kith_hostcache *hc, int i, const struct kith_key *dh,
			 const uint8_t author[KITH_HOME_TAG_LEN]) KITH_MUST_USE;

/* Whether the entry of a bootstrap host has that endpoint. */
bool kith_hostcache_is_configured(const struct kith_hostcache *hc, const struct kith_endpoint *at);

/* A bootstrap host is none any more: it is dropped, or, once its key is known, one like others. One that is being tried
 * without its key stays for now. */
void kith_hostcache_unconfigure(struct kith_hostcache *hc, int i);

/* kith_addr_diversity_prefix of its first address. */
uint64_t kith_hostcache_prefix(const struct kith_hostcache *hc, int i);

/* The next host to try that is not in use and whose backoff is over: anchors, then those that worked, then untried
 * ones, then bootstrap hosts; at random among equals. relax says how far it may go; strict ones are preferred, and
 * those that failed come after all others, and those that lied at the very end. KITH_ENOENT. */
int kith_hostcache_pick(const struct kith_hostcache *hc, kith_time_us now, const struct kith_random *random,
			enum kith_hostcache_relax relax);

/* Classes of hosts, by which some are tried before others: at n of them, the lowest first. */
struct kith_hostcache_classes {
	unsigned (*of)(void *ctx, int i);
	void *ctx;
	unsigned n;
};

/* The same; a host of a lower class comes before one of a higher, and both before those that failed. NULL: all are of
 * one. */
int kith_hostcache_pick_by(const struct kith_hostcache *hc, kith_time_us now, const struct kith_random *random,
			   enum kith_hostcache_relax relax, const struct kith_hostcache_classes *classes);

/* The hosts in memory fail: one of those put aside, at random, takes the place of one that failed and may give way,
 * which is put aside for it. Its index, or KITH_ENOENT. */
int kith_hostcache_draw(struct kith_hostcache *hc, kith_time_us now, const struct kith_random *random);

/* When the next host that is not in use leaves its backoff; KITH_TIME_NEVER when there is none. */
kith_time_us kith_hostcache_retry_at(const struct kith_hostcache *hc);

/* A host was caught lying: it is no anchor, and is picked only when there is no other. Whether that was known. */
bool kith_hostcache_lied(struct kith_hostcache *hc, int i);

void kith_hostcache_use(struct kith_hostcache *hc, int i, bool used);
void kith_hostcache_succeeded(struct kith_hostcache *hc, int i, const struct kith_now *now);
/* It takes nobody for so long (0: it did not say), and is asked after that time and up to as much again, at random: who
 * was refused together must not come back together. */
void kith_hostcache_full(struct kith_hostcache *hc, int i, kith_time_us now, const struct kith_random *random,
			 kith_time_us retry_us);
/* err says how; KITH_EFULL is kith_hostcache_full without a time. */
void kith_hostcache_failed(struct kith_hostcache *hc, int i, kith_time_us now, const struct kith_random *random,
			   int err);

/* Our own line is there again. Failures without it say little about the hosts, so all may be tried at once. */
void kith_hostcache_forgive(struct kith_hostcache *hc);

/* Writes the new state file: what is in memory, then what the old file (may be empty, or broken) holds besides. Returns
 * the length. */
size_t kith_hostcache_save(const struct kith_hostcache *hc, struct kith_span old, uint8_t out[KITH_HOSTCACHE_FILE_MAX]);

/* Fills the cache from a state file: anchors first, then from host number `from` on (modulo their number; vary it when
 * what was loaded earlier did not work), different prefixes first. Returns how many were added; KITH_EPROTO: torn or
 * altered, nothing was added; KITH_EVERSION. */
int kith_hostcache_load(struct kith_hostcache *hc, struct kith_span file, uint32_t from) KITH_MUST_USE;

/* ---- for hostcache_file.c ---- */

bool kith_host_has_key(const struct kith_host *host);
void kith_hostcache_get_word(const struct kith_hostcache *hc, int i, struct kith_host *out,
			     struct kith_host_word *word);

/* What is kept of a host, in memory and in the file: key (zeros: not known), endpoints, word. */
void kith_hostcache_host_write(struct kith_writer *w, const struct kith_host *host, const struct kith_host_word *word);
void kith_hostcache_host_read(struct kith_reader *r, struct kith_host *host, struct kith_host_word *word);

/* Adds a host of the file. Its index; KITH_EEXIST: it is there; KITH_EINVAL, KITH_EFULL, KITH_ENOMEM. */
int kith_hostcache_restore(struct kith_hostcache *hc, const struct kith_host *host, const struct kith_host_word *word,
			   uint32_t source);

#endif
