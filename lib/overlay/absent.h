/* Witnesses that are far (overlay/sectors.h) and not known here, which are looked for; and whose word there is for
 * members that are far.
 *
 * Whoever takes the entry of a supernode that elected itself needs to know its witnesses. Those that are far are asked
 * for at guides of their sector, one guide after the other until the witness is known: one that a certificate calls a
 * supernode is so at once. A witness, or a replica that a guide names, may have elected itself too, and its own
 * witnesses are somewhere else again. It is taken when three that were asked say that it is a member, each in an
 * address prefix of its own: these have it in view, and have looked at its attestations.
 *
 * Timers: the next guide is asked after KITH_ABSENT_STEP_US. Who was not found is not looked for again for
 *   KITH_ABSENT_VAIN_US. Words count together for KITH_ABSENT_WORDS_US.
 * Bounds: KITH_ABSENT_MAX are looked for at once, KITH_ABSENT_PER_TELLER of them on one's word; KITH_ABSENT_GUIDES
 *   guides are asked for each; KITH_ABSENT_WORDS members have some words, but not enough.
 * Never: a table, a message, a clock.
 */
#ifndef KITH_OVERLAY_ABSENT_H
#define KITH_OVERLAY_ABSENT_H

#include <stdbool.h>

#include "base/timer.h"
#include "wire/record.h"

#define KITH_ABSENT_MAX 64 /* local: looked for at once, and not found lately */
#define KITH_ABSENT_PER_TELLER 16 /* local: of those, on the word of one that told of entries */
#define KITH_ABSENT_GUIDES 6 /* local: of eight that there are */
#define KITH_ABSENT_WORDS 64
#define KITH_ABSENT_WORDS_NEEDED 3 /* local: as many as attestations are needed */
#define KITH_ABSENT_STEP_US (500 * KITH_US_PER_MS)
#define KITH_ABSENT_VAIN_US (300 * KITH_US_PER_S)
#define KITH_ABSENT_WORDS_US (60 * KITH_US_PER_S)

struct kith_absent_one {
	uint8_t id[KITH_MEMBER_ID_PREFIX];
	uint64_t teller; /* on whose word it is looked for; 0: ours */
	kith_time_us at; /* when the next guide is asked, or the last one has not answered; 0: free */
	uint8_t asked; /* guides */
};

struct kith_absent_word {
	uint8_t id[KITH_MEMBER_ID_PREFIX];
	uint64_t tellers[KITH_ABSENT_WORDS_NEEDED]; /* address prefixes */
	kith_time_us since;
	uint8_t n;
};

struct kith_absent {
	struct kith_absent_one at[KITH_ABSENT_MAX];
	struct kith_absent_word words[KITH_ABSENT_WORDS];
	uint8_t next_word;
};

/* Somebody is needed. True: it is looked for, or will be when there is room; false: it was, and is not there. */
bool kith_absent_want(struct kith_absent *a, kith_time_us now, const uint8_t id[KITH_MEMBER_ID_PREFIX],
		      uint64_t teller);

/* The one for whom another guide is to be asked now; NULL: none. */
struct kith_absent_one *kith_absent_due(struct kith_absent *a, kith_time_us now);
/* A guide was asked; or (false) there is none left to be asked. */
void kith_absent_asked(struct kith_absent_one *one, kith_time_us now, bool asked);
/* It is known. */
void kith_absent_found(struct kith_absent_one *one);
kith_time_us kith_absent_deadline(const struct kith_absent *a);

/* Somebody (an address prefix) says that this is a member. True: enough have said so. */
bool kith_absent_told(struct kith_absent *a, kith_time_us now, const uint8_t id[KITH_MEMBER_ID_PREFIX],
		      uint64_t teller);

#endif
