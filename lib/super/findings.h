/* What is known of a key: the newest record of each of its devices, and the vanish reports that hold for it.
 *
 * Bounds: KITH_STORE_DEVICES devices, a report of each home.
 * Never: verifies a record (its caller did); keeps an older one.
 */
#ifndef KITH_SUPER_FINDINGS_H
#define KITH_SUPER_FINDINGS_H

#include "link/state.h"

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

/* The same as bytes, borrowed; members may be added by the caller. */
struct kith_findings_spans {
	struct kith_span records[KITH_STORE_DEVICES], vanished[KITH_STORE_DEVICES * KITH_HOMES];
	struct kith_span members[KITH_REPLICAS];
	size_t records_n, vanished_n, members_n;
};

void kith_findings_clear(struct kith_core *c, struct kith_findings *f);

/* Takes a verified record, if it is newer than what is there for its device. */
void kith_findings_record(struct kith_core *c, struct kith_findings *f, const struct kith_record *record);

/* Takes a vanish report, if it is by a home of a record that is there. */
void kith_findings_report(struct kith_core *c, struct kith_findings *f, struct kith_span bytes);

/* Takes what this replica has stored under a key. */
void kith_findings_stored(struct kith_core *c, struct kith_findings *f, const struct kith_id *key);

void kith_findings_spans(const struct kith_findings *f, struct kith_findings_spans *out);

/* Writes the body of an answer: members from the nearest on, as many as fit. Returns its length. */
size_t kith_findings_pack(const struct kith_findings_spans *spans, uint8_t out[KITH_ANSWER_MAX]);

#endif
