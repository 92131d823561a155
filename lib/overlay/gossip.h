/* Anti-entropy between two supernodes: what goes into GOSSIP requests and answers (wire/message_gossip), by which
 * their member tables become equal.
 *
 * Entries travel in answers only, since a request is one packet; a side that learns of a newer entry asks for it. A
 * change is named by id and sequence, 24 bytes, and fetched by the side that lacks it: a full entry told by rumour
 * would arrive several times. Partners, with whom exchanges are again and again, are told once of each. Differences
 * that rumours missed are found by digests: of a range of ids (a prefix of hex digits), one 64-bit XOR of hash(salt,
 * id, seq) for each of its 16 children. Children that differ are answered by a list when they are small, by their own
 * 16 digests when not. The side that begins draws a new salt, so that nobody can prepare entries that cancel out. A
 * newcomer that holds less than half of what the other side has pages through all of it with a cursor instead.
 *
 * With sectors (overlay/sectors.h) those ranges are compared that are near both sides; a range that is asked about and
 * not known in full is answered by digests of what of it is, for the asker to compare. So sides with sectors of another
 * width, or with a full view, work together.
 *
 * Every function is one step; all state between steps travels in the bodies. An exchange ends, because follow-ups only
 * go to deeper ranges, fetch once, or page on while pages bring something new. Entries that did not fit wait for the
 * next exchange, which begins elsewhere.
 * Bounds: KITH_GOSSIP_REQUEST_MAX, KITH_ANSWER_MAX, KITH_GOSSIP_*_MAX below. Between equal tables without recent
 * changes: 160 and 25 bytes.
 * Cost: one 24-byte hash per member in a range, so 25,000 for the first request and its answer.
 * Timers: none; the caller begins an exchange every few seconds.
 * Never: sends a message, chooses a partner, merges an entry that did not verify.
 */
#ifndef KITH_OVERLAY_GOSSIP_H
#define KITH_OVERLAY_GOSSIP_H

#include "overlay/members.h"
#include "wire/message_gossip.h"

#define KITH_GOSSIP_LIST_MAX 48 /* a child with at most so many members is answered by a list */
#define KITH_GOSSIP_LISTS_LEN_MAX 6144 /* bytes of lists in an answer */
#define KITH_GOSSIP_WANTS_MAX 30 /* as many entries as an answer holds */
#define KITH_GOSSIP_OFFERS_MAX 16
#define KITH_GOSSIP_ENTRIES_MAX 48
#define KITH_GOSSIP_DOUBTS_LEN_MAX (4 * KITH_GOSSIP_DOUBT_LEN) /* beside news and a digest */

/* With whom an exchange is. */
struct kith_gossip_to {
	unsigned partner; /* its slot (overlay/members.h), or KITH_MEMBERS_STRANGER */
	bool digests; /* a request: the whole tables are compared; without, only news are told */
	struct kith_span doubts; /* to be told beside news: whole doubts, at most KITH_GOSSIP_DOUBTS_LEN_MAX */
	struct kith_span editions; /* the same; in a request they take the place of offers: KITH_LISTS_TOLD_LEN */
	uint64_t editions_sum; /* 0: not told */
};

/* The result of a body, and the request to send back to its sender (0 bytes: none). */
struct kith_gossip_result {
	uint16_t fresh, updated, renewed, returned; /* entries, by enum kith_merge; of those that are near */
	uint16_t paged; /* new entries, far ones too */
	uint16_t refused; /* not merged because of an error */
	struct kith_span doubts; /* that it told: borrowed from the body, not verified */
	struct kith_span editions; /* the same */
	bool editions_all; /* of an answer: the other side has no others */
	uint32_t count; /* of an answer: how many supernodes the other side thinks there are */
	size_t follow_len;
	uint8_t follow[KITH_GOSSIP_REQUEST_MAX];
};

/* Begins an exchange. Returns the length. */
size_t kith_gossip_request(struct kith_members *ms, const struct kith_now *now, const struct kith_random *random,
			   const struct kith_gossip_to *to, uint8_t out[KITH_GOSSIP_REQUEST_MAX]);

/* How many requests it takes at least to compare all that is near: more than one where sectors are apart by so few bits
 * more than a hex digit tells that there are many ranges. */
unsigned kith_gossip_requests(const struct kith_members *ms);

/* Answers a request into out (cap at most KITH_ANSWER_MAX). Returns the length; KITH_EPROTO; KITH_EMSGSIZE when cap is
 * below 4 KiB. */
int kith_gossip_answer(struct kith_members *ms, const struct kith_now *now, const struct kith_gossip_to *to,
		       struct kith_span request, uint8_t *out, size_t cap,
		       struct kith_gossip_result *result) KITH_MUST_USE;

/* Takes an answer in. KITH_EPROTO: nothing of it was used. */
int kith_gossip_answered(struct kith_members *ms, const struct kith_now *now, unsigned partner, struct kith_span answer,
			 struct kith_gossip_result *result) KITH_MUST_USE;

#endif
