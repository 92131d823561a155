/* What attestations are worth: figures that a node has not only claimed.
 *
 * An attestation counts when it is of this candidate and endpoint, is in time, and is signed by a known member; of
 * several by one witness, one identity or one address prefix one counts, the first. With KITH_ATTESTS_NEEDED of them
 * the candidate is qualified, and its figures are the lower medians: one witness that lies upwards changes nothing.
 * Since when and how regularly a node has been seen is carried over from attestations of former days, so that a new one
 * does not begin again, and a candidate alone cannot raise it: it needs two witnesses of then that are members still.
 * Never: a table, a clock of its own, a state.
 */
#ifndef KITH_OVERLAY_QUALIFY_H
#define KITH_OVERLAY_QUALIFY_H

#include "wire/attest.h"

#define KITH_HISTORY_S                                                                                                 \
	(30 * 24 * 3600) /* wire: what availability is a share of, and how old what is carried over may be */

/* The figures of a node as others measured them. */
struct kith_qualification {
	int64_t until_ms; /* 0: not qualified */
	int64_t first_seen_s; /* unix seconds */
	struct kith_endpoint endpoint; /* where it can be reached from outside */
	uint32_t up, down; /* bytes a second */
	uint8_t availability; /* in 1/255 */
	uint8_t witnesses; /* that count */
};

/* Whom attestations must be of. */
struct kith_qualify_who {
	struct kith_key sign; /* Ed25519 key of the device */
	struct kith_key identity;
};

/* An attestation, and what is known of its witness. */
struct kith_vouch {
	struct kith_attest attest;
	bool known; /* the witness is a live member; else the rest is nothing */
	struct kith_key sign, identity;
	uint64_t prefix; /* kith_addr_diversity_prefix of its first address */
};

/* 0: qualified. KITH_EACCES: too few count. KITH_ENOENT: too few count, and enough would if witnesses that are not
 * known were members. */
int kith_qualify(const struct kith_suite *suite, const struct kith_now *now, const struct kith_qualify_who *who,
		 const struct kith_endpoint *endpoint, const struct kith_vouch vouches[], size_t n,
		 struct kith_qualification *out) KITH_MUST_USE;

/* The figures of n that all count, at least one, at the endpoint of the first. */
void kith_qualify_figures(const struct kith_vouch vouches[], size_t n, struct kith_qualification *out);

/* What former attestations say to a witness that makes a new one. */
struct kith_history {
	int64_t first_seen_s; /* since when the node has been seen, and how regularly: this goes on */
	uint8_t availability;
	uint32_t up, down; /* where to begin to measure, no more; 0: nothing is known */
};

/* By those that the candidate showed. Without two that count, of whatever endpoint, it is seen for the first time. */
void kith_qualify_history(const struct kith_suite *suite, const struct kith_now *now,
			  const struct kith_qualify_who *who, const struct kith_vouch vouches[], size_t n,
			  struct kith_history *out);

#endif
