/* Watches: one relation of keys and watchers, at a replica and at a home, and a watcher's verdict on one device.
 *
 * At a replica the watchers are homes, which asked by WATCH; a watch ends by itself unless renewed. At a home the
 * watchers are its leaves, which asked by SUBSCRIBE; a watch lasts until it is dropped. The home joins all leaves'
 * watches of a key into one watch at the replicas ("upstream"), and renews that while a leaf watches the key. A watcher
 * is a 32-bit number of the caller's (a session's or a member's index), and belongs to an owner: an identity.
 *
 * A watcher may have shown tokens (wire/follow.h). What is told of a guarded record goes to those whose tokens open it,
 * or to the others only.
 *
 * A home also remembers of each device of a watched key what its newest verified record said of its homes, so that it
 * can judge what it is told of the key before its leaves are.
 *
 * Invariants: a watch is in the list of its key, in that of its watcher and, if watches end, in the list of all by
 *   time; keys and watchers without a watch do not exist.
 * Timers: one per key for its upstream watch; the list by time is in the order of its ends, since all last equally
 * long.
 * Bounds: watches in all (KITH_EFULL), per watcher and per owner (KITH_ELIMIT; session/allowance, which leaves some to
 *   whoever has none): the newcomer is refused, none is pushed out. A watch is 40 bytes at a home and 56 at a replica,
 *   a key 96 and 40. KITH_STORE_DEVICES devices of a key, 120 bytes each; the one with the oldest record gives way.
 * Never: sends a message, keeps a record, judges who may watch.
 */
#ifndef KITH_PRESENCE_WATCH_H
#define KITH_PRESENCE_WATCH_H

#include "base/slots.h"
#include "base/table.h"
#include "base/timer.h"
#include "presence/held.h"
#include "session/allowance.h"
#include "wire/record.h"

#define KITH_WATCH_PER_LEAF 512 /* contacts of one person; at a home */

#define KITH_WATCH_TOLD 4 /* notices of one key: each replica brings the same ones */

struct kith_watch_key;
struct kith_watcher;

/* What the newest record of a device said. */
struct kith_watch_device {
	struct kith_watch_device *next;
	struct kith_key device;
	uint64_t seq;
	uint8_t tags[KITH_HOMES][KITH_HOME_TAG_LEN];
	uint8_t homes_n;
	uint8_t vanished; /* bit per home whose report all watchers were told */
	bool guarded;
	uint8_t guard[KITH_FOLLOW_LEN];
};

struct kith_watch {
	struct kith_watch_key *key;
	struct kith_watcher *watcher;
	struct kith_blob *tokens; /* shown, one behind the other; NULL: none. Contacts have the same ones */
	uint32_t key_next, key_prev; /* numbers of watches, 0: none; as all that follow */
	uint32_t watcher_next, watcher_prev;
	/* Only where watches end, at a replica: at a home their memory ends here. */
	uint32_t time_next, time_prev;
	kith_time_us until;
};

struct kith_watch_key {
	struct kith_id key;
	uint32_t n;
	uint32_t first; /* number of a watch */
	/* Only at a home: at a replica, which has most of the keys, their memory ends here. */
	uint32_t told[KITH_WATCH_TOLD]; /* numbers of notices that all watchers were told; 0: none */
	uint32_t replicas; /* the caller's number of the replicas that watch it now; 0: none */
	uint16_t tries; /* WATCH sent upstream since the last that went well, or as many as can be counted */
	uint8_t told_next;
	struct kith_watch_device *devices;
	struct kith_timer upstream; /* when it is to be (re)newed; set only at a home */
};

struct kith_watcher {
	uint64_t owner; /* kith_identity_key */
	uint32_t ref;
	uint32_t n;
	uint32_t first; /* number of a watch */
};

struct kith_watches {
	const struct kith_alloc *alloc; /* borrowed, as the next */
	struct kith_blobs *blobs;
	struct kith_allowance *allowance;
	struct kith_table keys, watchers;
	struct kith_timers upstream;
	struct kith_slots all;
	uint32_t oldest, newest; /* numbers of watches */
	uint32_t n, max, per_watcher;
	kith_time_us life; /* 0: watches do not end, and keys have an upstream watch */
};

/* life_us: how long a watch lasts (a replica: KITH_SUBSCRIPTION_US), or 0 (a home). allowance (borrowed) counts what
 * owners hold: WATCH at a replica, SUBSCRIPTION at a home. */
void kith_watches_init(struct kith_watches *ws, const struct kith_alloc *alloc, struct kith_blobs *blobs,
		       struct kith_allowance *allowance, uint32_t max, uint32_t per_watcher, kith_time_us life_us,
		       const uint64_t seed[2]);
void kith_watches_deinit(struct kith_watches *ws);

/* Adds or renews. A watcher that is known keeps its owner. 1: this key was not watched by anybody before; 0: it was;
 * KITH_EFULL, KITH_ELIMIT, KITH_ENOMEM. */
int kith_watches_add(struct kith_watches *ws, kith_time_us now, const struct kith_id *key, uint32_t watcher,
		     uint64_t owner) KITH_MUST_USE;

/* The tokens that a watcher of a key shows from now on, instead of those before. 1: they are other ones; 0;
 * KITH_ENOENT: it does not watch the key; KITH_ENOMEM. */
int kith_watches_show(struct kith_watches *ws, const struct kith_id *key, uint32_t watcher,
		      struct kith_span tokens) KITH_MUST_USE;

/* Whether these would be other ones. */
bool kith_watches_shows_others(const struct kith_watches *ws, const struct kith_id *key, uint32_t watcher,
			       struct kith_span tokens);

/* The tokens that watchers of a key have shown, each once; as many as go upstream, those first that open a record that
 * is known. Returns their length. */
size_t kith_watches_tokens(const struct kith_watches *ws, const struct kith_suite *suite, const struct kith_id *key,
			   uint8_t out[KITH_FOLLOW_TOKENS_MAX * KITH_FOLLOW_LEN]);

/* Whether there is a record whose news some watcher of the key is not told. */
bool kith_watches_has_others(const struct kith_watches *ws, const struct kith_suite *suite, const struct kith_id *key);

/* The guard of the record that a report speaks of. False: it has none, or is not known. */
bool kith_watches_guard(const struct kith_watches *ws, const struct kith_vanish *vanish, uint8_t out[KITH_FOLLOW_LEN]);

/* False: there was none. */
bool kith_watches_remove(struct kith_watches *ws, const struct kith_id *key, uint32_t watcher);

/* The watcher goes by another number from now on (its session was replaced by a newer one). Without effect when the
 * new number has watches of its own, or there is no memory: the old ones then end in time. */
void kith_watches_rename(struct kith_watches *ws, uint32_t watcher, uint32_t renamed);

/* The watcher is gone: all of its watches end. Returns how many. */
uint32_t kith_watches_drop(struct kith_watches *ws, uint32_t watcher);

/* Up to max watchers of a key, those after the first `skip`; returns how many. Latest first. */
uint32_t kith_watches_of(const struct kith_watches *ws, const struct kith_id *key, uint32_t skip, uint32_t out[],
			 uint32_t max);
/* The same, with a 0 in place of those who are not to be told of what `about` is (its key, whom, guard). */
uint32_t kith_watches_told_of(const struct kith_watches *ws, const struct kith_suite *suite,
			      const struct kith_held_about *about, uint32_t skip, uint32_t out[], uint32_t max);
uint32_t kith_watches_count(const struct kith_watches *ws, const struct kith_id *key);
bool kith_watches_has(const struct kith_watches *ws, const struct kith_id *key, uint32_t watcher);

/* Ends what was not renewed in time (at a replica), up to max; returns how many. */
uint32_t kith_watches_expire(struct kith_watches *ws, kith_time_us now, uint32_t max);

/* At a home: the next key whose upstream watch is due, NULL if none. The caller asks the replicas and says by
 * kith_watches_upstream when to ask again: at half of KITH_SUBSCRIPTION_US when they agreed, sooner when they did not.
 * Until then it counts as asked, and is due again after KITH_REQUEST_TIMEOUT_US. */
const struct kith_watch_key *kith_watches_due(struct kith_watches *ws, kith_time_us now);

/* The upstream watch of a key is to be renewed at `at`; went_well resets its count of tries. No effect when nobody
 * watches it any more. */
void kith_watches_upstream(struct kith_watches *ws, const struct kith_id *key, kith_time_us at, bool went_well);

/* How often the replicas were asked since the last time that they agreed. 0: nobody watches it. */
uint32_t kith_watches_tries(const struct kith_watches *ws, const struct kith_id *key);

/* The same, but never later than the renewal is due already; the count of tries stays. */
void kith_watches_renew_by(struct kith_watches *ws, const struct kith_id *key, kith_time_us at);

/* Whether all watchers of the key were told of the notice with that number (not 0) lately; they are from now on. */
bool kith_watches_told(struct kith_watches *ws, const struct kith_id *key, uint32_t notice);
/* One of them did not get it: what comes next is told again. */
void kith_watches_untold(struct kith_watches *ws, const struct kith_id *key);

/* At a home: remembers a verified record, if its key is watched and it is the newest of its device. KITH_ENOMEM. */
int kith_watches_record(struct kith_watches *ws, const struct kith_record *record) KITH_MUST_USE;

/* Whether a newer record than one with these (not yet verified) fields is known. */
bool kith_watches_outdated(const struct kith_watches *ws, const struct kith_record *record);

/* At a home: a vanish report. The home of the newest record that it is of, from 0 on, once for each; KITH_EEXIST: all
 * watchers were told of that one; KITH_ENOENT: no record of that device and sequence is known; and what
 * kith_vanish_verify says. */
int kith_watches_vanish(struct kith_watches *ws, const struct kith_suite *suite, const struct kith_now *now,
			const struct kith_vanish *vanish) KITH_MUST_USE;

/* The number by which the caller knows the replicas that watch the key upstream. */
void kith_watches_upstream_at(struct kith_watches *ws, const struct kith_id *key, uint32_t replicas);

/* Goes over the keys, from *it = 0 on, until NULL. Keys may come and go meanwhile; then one may be left out, or come
 * twice. */
const struct kith_watch_key *kith_watches_next_key(const struct kith_watches *ws, uint32_t *it);

kith_time_us kith_watches_next_deadline(const struct kith_watches *ws);

/* ---- a watcher's verdict on one device ---- */

/* The highest sequence seen is remembered for good, so that nobody can bring back an old record. */
struct kith_verdict {
	uint64_t seq; /* 0: none seen */
	kith_time_us until; /* when that record ends here */
	uint8_t homes_n;
	uint8_t vanished; /* bit per home that reported for that sequence */
	bool goodbye; /* the record said so itself */
};

/* Takes a verified record. True when it was new. */
bool kith_verdict_record(struct kith_verdict *v, const struct kith_now *now, const struct kith_record *record);

/* Takes a report that kith_vanish_verify attributed to a home of the record with that sequence. True when it was new.
 */
bool kith_verdict_vanish(struct kith_verdict *v, uint64_t seq, int home);

/* Offline when the record ended, said goodbye, or more than half of its homes (two of three) reported. */
bool kith_verdict_online(const struct kith_verdict *v, kith_time_us now);

/* When online turns to offline without a further notice; KITH_TIME_NEVER when it is offline. */
kith_time_us kith_verdict_deadline(const struct kith_verdict *v, kith_time_us now);

#endif
