/* What is known of a key: the newest record of each of its devices, and the vanish reports that hold for it.
 *
 * Bounds: KITH_STORE_DEVICES devices, a report of each home.
 * Never: verifies a record (its caller did); keeps an older one.
 */
#ifndef KITH_SUPER_FINDINGS_H
#define KITH_SUPER_FINDINGS_H

#include "link/state.h"
#include "session/kept.h"

struct kith_finding {
	struct kith_blob *record;
	struct kith_blob *reports[KITH_HOMES];
	uint64_t seq;
	uint8_t device[KITH_DEVICE_ID_LEN];
};

struct kith_findings {
	struct kith_finding at[KITH_STORE_DEVICES];
	uint8_t n;
};

void kith_findings_clear(struct kith_core *c, struct kith_findings *f);

/* Takes a verified record if it is newer than the one there for its device. */
void kith_findings_record(struct kith_core *c, struct kith_findings *f, const struct kith_record *record);

/* Takes a vanish report if its author is a home of a record that is there. */
void kith_findings_report(struct kith_core *c, struct kith_findings *f, struct kith_span bytes);

/* Takes what this replica has stored under a key, as one with these tokens may know it. */
void kith_findings_stored(struct kith_core *c, struct kith_findings *f, const struct kith_id *key,
			  struct kith_span tokens);

/* The findings as a message, borrowed, its lists in room; the caller may add members. */
void kith_findings_message(const struct kith_findings *f, struct kith_msg_room *room, struct kith_msg_found *out);

/* Of each record in the message the homes that are no supernodes, or elsewhere, by what is known here
 * (KITH_B_FOUND_DOUBTED): whoever reads the record is not to speak to strangers that it names. Empty where there are
 * none; else in room, a byte of each. */
struct kith_span kith_findings_doubts(const struct kith_core *c, const struct kith_findings *f,
				      uint8_t room[KITH_STORE_DEVICES]);

/* Answers a request with that message: members from the nearest on, as many as fit. The answer is kept without the
 * records. */
void kith_findings_answer(struct kith_core *c, struct kith_session *s, uint16_t id, const struct kith_findings *f,
			  const struct kith_msg_found *found);

#endif
