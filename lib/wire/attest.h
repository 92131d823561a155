/* Attestations: what a witness measured of a node that may become a supernode. PROTOCOL.md section 9.6.
 *
 * A signed object in the frame of identity/object.h, by the Ed25519 key of the witness's device. It says who (the tag
 * of the candidate's Ed25519 key), where the candidate was reached from outside, how fast, and since when and how
 * regularly it has been seen. Several of them, each behind a length byte, are what a member entry carries
 * (kith_member_entry.attest). Parsing borrows from the bytes and accepts one encoding only. Nothing here knows who is a
 * member: whether the signer may attest is decided by overlay/qualify.
 * Bounds: KITH_ATTEST_LEN_MAX each without extensions (one with any is refused), KITH_ATTESTS_MAX together.
 * Never: a clock of its own, an allocation, a judgement of the witness.
 */
#ifndef KITH_WIRE_ATTEST_H
#define KITH_WIRE_ATTEST_H

#include "wire/record.h"

/* wire: in IPv6; 128 in IPv4. Three of them are what a member entry has room for beside a usual chain */
#define KITH_ATTEST_LEN_MAX 140
#define KITH_ATTESTS_NEEDED 3 /* wire: by different witnesses, for an entry to count */
#define KITH_ATTESTS_MAX 5 /* wire: in one list: as many as there are witnesses */
#define KITH_ATTESTS_LEN_MAX (KITH_ATTESTS_MAX * (1 + KITH_ATTEST_LEN_MAX))
#define KITH_ATTEST_HOURS_MAX 25 /* wire: longest validity: a day, and an hour to renew it in */
#define KITH_AVAILABILITY_FULL 255 /* always there */

struct kith_attest {
	uint8_t candidate[KITH_HOME_TAG_LEN]; /* kith_home_tag of its Ed25519 key */
	uint8_t witness[KITH_MEMBER_ID_PREFIX]; /* first half of the witness's supernode id */
	struct kith_endpoint endpoint; /* UDP: where the candidate answered a witness that it had not spoken to */
	uint32_t up, down; /* bytes a second from and to the candidate; at least so much */
	int64_t first_seen_s; /* unix seconds; not after at_s */
	uint8_t availability; /* share of the time since then, of 30 days at most, in 1/255 */
	int64_t at_s; /* when it was measured, unix seconds */
	uint8_t hours; /* validity after that, 1 to KITH_ATTEST_HOURS_MAX */
	struct kith_span bytes; /* of a parsed one: all of it */
	struct kith_signed s;
};

/* Signs with the witness's Ed25519 secret key; what is made always parses. The length, or KITH_EINVAL for a field out
 * of bounds. */
int kith_attest_make(const struct kith_suite *suite, uint8_t out[KITH_ATTEST_LEN_MAX], const struct kith_attest *a,
		     const uint8_t sign_sk[KITH_SIGN_SK_LEN]) KITH_MUST_USE;

/* KITH_EPROTO, KITH_EVERSION; KITH_ENOTSUP: with extensions. */
int kith_attest_parse(struct kith_attest *out, struct kith_span bytes) KITH_MUST_USE;

/* Whether it was signed by that key: 0 or KITH_ESIGNATURE. */
int kith_attest_verify(const struct kith_attest *a, const struct kith_suite *suite,
		       const struct kith_key *witness) KITH_MUST_USE;

/* Whether it holds now: 0, KITH_EEXPIRED, or KITH_ENOTYET (measured later than now and the tolerance; a clock that is
 * only a lower bound cannot tell). */
int kith_attest_in_time(const struct kith_attest *a, const struct kith_now *now) KITH_MUST_USE;

/* When it ends, unix ms, without tolerance. */
int64_t kith_attest_until_ms(const struct kith_attest *a);

/* The bytes of a list, n at most KITH_ATTESTS_MAX. Returns the length. */
size_t kith_attests_write(uint8_t out[KITH_ATTESTS_LEN_MAX], const struct kith_span list[], size_t n);

/* How many attestations a list has, parsed into out; KITH_EPROTO when one is malformed or there are too many. An empty
 * list has none. */
int kith_attests_read(struct kith_attest out[KITH_ATTESTS_MAX], struct kith_span bytes) KITH_MUST_USE;

#endif
