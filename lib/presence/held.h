/* News of presence that wait a while, so that several about one thing go out as one.
 *
 * One piece of news is a record of a device, or one home's report that it vanished, for one of two tables of watches.
 * What is put in anew takes the place of what waits, and goes out when that was due. Two kinds wait, each in a list of
 * its own: under load what would go out soon anyway, and always what has not reached all watchers yet, since there are
 * more of them than packets.
 * Invariants: what was put in first goes out first, so what is due later waits for what is in front of it.
 * Timers: none; kith_held_due says when the next is due.
 * Bounds: KITH_HELD_MAX. What finds no place does not wait: its owner sends it at once.
 * Never: drops news, sends.
 */
#ifndef KITH_PRESENCE_HELD_H
#define KITH_PRESENCE_HELD_H

#include "base/blob.h"
#include "base/list.h"
#include "base/timer.h"
#include "crypto/suite.h"
#include "wire/follow.h"

#define KITH_HELD_MAX 4096 /* local: 0.7 MB with their records; 60 s of 68 a second */

/* Which of the watchers are told. */
enum kith_whom {
	KITH_WHOM_ALL, /* the record is not guarded, or everybody may know by now */
	KITH_WHOM_FOLLOWERS, /* those with a token for the guard */
	KITH_WHOM_OTHERS /* those without */
};

/* What a piece of news is about. All zero where it does not apply. */
struct kith_held_about {
	bool of_leaves; /* for the watches of our leaves, and not for those of other homes */
	struct kith_id key; /* directory key */
	struct kith_key device; /* X25519 */
	struct kith_key home; /* Ed25519, of a report; zero: a record */
	uint8_t whom; /* enum kith_whom */
	uint8_t guard[KITH_FOLLOW_LEN]; /* of the record, unless all are told; no part of the name, as the next */
	uint32_t left; /* watchers that have not been told, counted from the end of their list */
};

struct kith_held {
	const struct kith_alloc *alloc;
	struct kith_blobs *blobs;
	struct kith_table table;
	struct kith_link list; /* the first that came first */
};

void kith_held_init(struct kith_held *h, const struct kith_alloc *alloc, struct kith_blobs *blobs,
		    const uint64_t seed[2]);
void kith_held_deinit(struct kith_held *h);

bool kith_held_has(const struct kith_held *h, const struct kith_held_about *about);

/* Keeps news until due_at. False: there is no room, or no memory. */
bool kith_held_put(struct kith_held *h, const struct kith_held_about *about, struct kith_span bytes,
		   kith_time_us due_at) KITH_MUST_USE;

/* Takes out the next that is due; its bytes are the caller's, who gives the blob back. NULL: there is none. */
struct kith_blob *kith_held_take(struct kith_held *h, kith_time_us now, struct kith_held_about *about);

/* When the next is due; KITH_TIME_NEVER. */
kith_time_us kith_held_due(const struct kith_held *h);

#endif
