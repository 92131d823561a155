/* Records that a replica keeps for the directory.
 *
 * One record per device under a key; the highest sequence wins, and an equal one with other bytes is not taken. Vanish
 * reports are kept next to the record that they speak of, one per home, and go when a newer record comes. The caller
 * verifies records before it puts them in (after kith_store_wants, which costs a look-up and not three signatures).
 * Reports are verified here, since only the record says which homes may report.
 *
 * Of a device whose record is guarded there are two views: how it is now, for those with a token, and the public view,
 * which shows comings and goings in steps: when one of both happened in this step (kith_record_step), it is how things
 * were when the step began. What came besides, as other homes of a device that was there all the time, it shows at
 * once, so that a stranger's call arrives.
 *
 * Invariants: a key in the table has at least one record; every record has a timer set; bit h of vanished is set
 *   exactly when the report of home h is held.
 * Timers: a record goes when kith_record_life_us is over, counted on the monotonic clock from when it came. What is
 *   remembered of the step's beginning goes after its end, when records are expired.
 * Bounds: max records in all; when full, expired records go, else new devices are refused (KITH_EFULL) and known ones
 *   still updated. KITH_STORE_DEVICES per key; the record next to expire gives way, since all are of one identity. So
 *   it does for each further device while the table has no more than one in KITH_TABLES_RESERVE left: those are for
 *   keys that have none.
 * Never: takes a record that the caller did not verify, sends a message, chooses replicas.
 */
#ifndef KITH_PRESENCE_STORE_H
#define KITH_PRESENCE_STORE_H

#include "base/list.h"
#include "base/timer.h"
#include "wire/record.h"

#define KITH_STORE_DEVICES 8

struct kith_stored;

/* A device as it was when a step began in which it came or went. */
struct kith_stored_past {
	struct kith_link link; /* of all, the oldest first */
	struct kith_stored *of;
	struct kith_blob *record; /* NULL: it was not there */
	struct kith_blob *reports[KITH_HOMES];
	int64_t step;
	kith_time_us until; /* the end of the step */
	bool shown; /* it came or went: this is the public view. Else only what began as this */
};

/* What is told of a device. */
struct kith_store_view {
	const struct kith_blob *record; /* NULL: that there is none */
	struct kith_blob *const *reports; /* KITH_HOMES, each may be NULL */
};

struct kith_stored {
	struct kith_stored *next; /* of the same key */
	struct kith_stored_key *under;
	struct kith_key device; /* X25519 */
	struct kith_blob *record;
	struct kith_blob **reports; /* KITH_HOMES, each may be NULL; NULL: there are none, as of most */
	uint64_t seq;
	struct kith_timer timer;
	struct kith_stored_past *past; /* NULL: nothing changed lately */
	uint8_t homes_n; /* 0: it said goodbye */
	uint8_t vanished; /* bit per home */
};

struct kith_stored_key {
	struct kith_id key;
	struct kith_stored *first;
	uint32_t n;
};

struct kith_store {
	const struct kith_alloc *alloc; /* borrowed, as the next */
	struct kith_blobs *blobs;
	struct kith_table keys;
	struct kith_timers timers;
	struct kith_link pasts;
	uint32_t n, max; /* records */
};

/* The report of a home of its record; NULL: there is none. */
static inline struct kith_blob *kith_stored_report(const struct kith_stored *s, unsigned home)
{
	return s->reports != NULL ? s->reports[home] : NULL;
}

enum kith_put {
	KITH_PUT_OLD = 0, /* this sequence or a higher one is held */
	KITH_PUT_NEW = 1,
	KITH_PUT_UPDATED = 2
};

void kith_store_init(struct kith_store *st, const struct kith_alloc *alloc, struct kith_blobs *blobs, uint32_t max,
		     const uint64_t seed[2]);
void kith_store_deinit(struct kith_store *st);

/* Whether a record with these (not yet verified) fields would be taken. */
bool kith_store_wants(const struct kith_store *st, const struct kith_record *record);

/* Takes a verified record: enum kith_put, KITH_EEXPIRED, KITH_EFULL, KITH_ENOMEM. Its bytes are copied. */
int kith_store_put(struct kith_store *st, const struct kith_now *now, const struct kith_record *record) KITH_MUST_USE;

/* Takes a parsed vanish report. 1: new; 0: known; KITH_ENOENT: no record with that sequence, and what
 * kith_vanish_verify says; KITH_ENOMEM. out (may be NULL) receives the record when the result is not negative. */
int kith_store_vanish(struct kith_store *st, const struct kith_now *now, const struct kith_suite *suite,
		      const struct kith_vanish *vanish, struct kith_stored **out) KITH_MUST_USE;

/* The records under a key, linked by next; NULL: none. */
struct kith_stored *kith_store_get(const struct kith_store *st, const struct kith_id *key);
struct kith_stored *kith_store_find(const struct kith_store *st, const struct kith_id *key,
				    const struct kith_key *device);

/* What one who shows these tokens is told of a device. */
struct kith_store_view kith_store_view(const struct kith_stored *s, const struct kith_suite *suite,
				       const struct kith_now *now, struct kith_span tokens);

/* Forgets up to max records that are due; returns how many. */
size_t kith_store_expire(struct kith_store *st, kith_time_us now, size_t max);

#endif
