/* Look-ups in the directory, for a leaf, for this node's own application, or for the leaves that watch a key.
 *
 * Three replicas are asked at once, the rest as answers fail to come; the highest sequence of each device wins. Before
 * a query finds nothing, it asks the next six. A replica never learns for which leaf a home asks.
 * With sectors (overlay/sectors.h) the members that seem nearest to a key that is far are guides: they name the
 * replicas, which are asked then. An answer counts if the one that gave it is, by what is known by then, one of the
 * members that keep the key.
 * Timers: a replica that takes longer than replicas usually do (KITH_QUERY_HEDGE_MIN_US to KITH_QUERY_HEDGE_US) is not
 * waited for, and another one is asked. A
 * query ends when three answered and one of them knew the key, when all answered, when one knew and none is left to be
 * asked, or after KITH_QUERY_US with what there is.
 * Bounds: KITH_QUERIES_MAX at once, KITH_QUERIES_PER_ASKER of them for one identity, so that there is room for others
 * (else LIMITED), and the last ones, one in KITH_TABLES_RESERVE, for identities that have none; half of all for
 * renewals of watches; KITH_STORE_DEVICES devices each.
 */
#ifndef KITH_SUPER_QUERY_H
#define KITH_SUPER_QUERY_H

#include "super/findings.h"

#define KITH_QUERIES_MAX 1024
#define KITH_QUERIES_PER_ASKER 64 /* a leaf's operations, or its contacts in two or three turns */
#define KITH_QUERY_OWN 0 /* an asker: this node itself */
#define KITH_QUERY_US (3 * KITH_US_PER_S)

/* LOOKUP of a leaf or a stranger. */
void kith_query_on_lookup(struct kith_core *c, struct kith_session *s, const struct kith_request *request);
void kith_query_on_answer(struct kith_core *c, struct kith_session *s, const struct kith_answer *answer);

/* A look-up for an operation of this node's own application, with the tokens that it has. KITH_EFULL. */
int kith_query_for_op(struct kith_core *c, const struct kith_id *key, kith_op op) KITH_MUST_USE;

/* Takes what was found for this node's own application, one look-up after the other until false: for an operation, or
 * (*op 0) for what it watches. The caller clears found (kith_findings_clear). */
bool kith_query_take(struct kith_core *c, kith_op *op, struct kith_findings *found);

/* Whether an asker (kith_identity_key, or KITH_QUERY_OWN for renewals) may have one more under way. */
bool kith_query_room(const struct kith_core *c, uint64_t asker);

/* A leaf newly watches a key, as the first of ours or as a further one, and has shown these tokens: looks up what there
 * is now, for the leaf. */
void kith_query_subscribe(struct kith_core *c, uint32_t session, const struct kith_id *key, uint64_t asker,
			  struct kith_span tokens, bool first);

/* Sends WATCH to the replicas of a key, with the tokens of all its watchers in c->super->interests; they are told what
 * is found. The public view is looked up besides for those of them who may not know that. */
void kith_query_watch(struct kith_core *c, const struct kith_id *key);

/* What is to be brought to the replicas of a key that is far: they are looked for first. */
struct kith_errand {
	struct kith_blob *bytes; /* a record or a report, held; NULL: only the replicas are of interest */
	struct kith_id key;
	uint32_t leaf; /* session of the leaf that the record is of, or 0 */
	uint8_t kind; /* KITH_REQ_STORE or KITH_REQ_VANISH; or KITH_REQ_WITNESS: then bytes are that request's ... */
	uint16_t request; /* ... and it is asked for by that one, of the leaf's session */
};

/* Looks for the replicas of a key. KITH_EFULL, KITH_ENOMEM. */
int kith_query_locate(struct kith_core *c, const struct kith_id *key, uint32_t leaf, uint8_t kind,
		      struct kith_span bytes, uint16_t request) KITH_MUST_USE;

/* Takes an errand whose replicas were looked for, one after the other until false. witness: one of that kind, else
 * others. The caller gives bytes back. */
bool kith_query_located(struct kith_core *c, bool witness, struct kith_errand *out);

void kith_query_tick(struct kith_core *c, struct kith_query *q);
struct kith_query *kith_query_of_timer(struct kith_timer *t);
void kith_query_deinit(struct kith_core *c);

#endif
