/* What the directory and the overlay pass around: presence records, vanish reports, member entries, host entries.
 * PROTOCOL.md section 9 has the byte layouts and the reasons.
 *
 * The first three are signed objects in the frame of identity/object.h, by a device's Ed25519 key. Parsing borrows from
 * the bytes, verifies nothing, and accepts one encoding only. Verifying goes from cheap to dear: times, then the chain,
 * then the signature over the received bytes.
 * Times: seq is max(last + 1, the signer's wall clock in ms), so that "higher" is "newer" across restarts; a leaf's
 * record has the minute only, and counts within it. One more
 * than KITH_CLOCK_TOLERANCE_MS ahead of the verifier is refused, and so is an object that expired longer ago than that.
 * On a clock that is only a lower bound nothing can be "ahead": these checks are then left out, and expiry <= seq +
 * life still holds.
 * Bounds: KITH_RECORD_LEN_MAX and KITH_MEMBER_LEN_MAX, so that each fits one request with a key beside it.
 * Never: a clock, an allocation, randomness, a state.
 */
#ifndef KITH_WIRE_RECORD_H
#define KITH_WIRE_RECORD_H

#include "base/limits.h"
#include "identity/object.h"
#include "identity/trust.h"
#include "wire/follow.h"
#include "wire/endpoint.h"

#define KITH_RECORD_LEN_MAX 1040 /* wire: with a directory key and the map around them, a request of 1100 bytes */
#define KITH_MEMBER_LEN_MAX 1040 /* wire: as above; three attestations are 387 bytes of it, in IPv6 423 */
#define KITH_VANISH_LEN_MAX 308 /* 179, and the most of extensions */
#define KITH_RECORD_STATUS_MAX 64 /* wire: sealed status */
/* wire: two kinds of transport, one of each family; of an entry that names more the first ones known are kept */
#define KITH_HOST_ENDPOINTS_MAX 4
#define KITH_MEMBER_ENDPOINTS_MAX 4 /* wire: the same */
#define KITH_MEMBER_ID_PREFIX 16 /* bytes of a supernode's id that name it in lists */
#define KITH_HOST_LEN_MAX (KITH_KEY_LEN + 1 + KITH_HOST_ENDPOINTS_MAX * KITH_ENDPOINT_LEN_MAX)
#define KITH_HOME_TAG_LEN 16
#define KITH_EXT_RECORD_GUARD 1 /* extension of a record: its guard, KITH_FOLLOW_LEN bytes */
#define KITH_MEMBER_LIFE_MS (24 * 60 * 60 * 1000) /* wire: renewed every 10 h */

/* Second byte; the numbers below 16 are lib/identity's. */
enum kith_record_object {
	KITH_OBJECT_RECORD = 16,
	KITH_OBJECT_VANISH = 17,
	KITH_OBJECT_MEMBER = 18,
	KITH_OBJECT_ATTEST = 19, /* wire/attest.h */
	KITH_OBJECT_BUSY = 20, /* wire/busy.h */
	KITH_OBJECT_HELP_TOKEN = 21 /* wire/token.h */
};

enum kith_record_flags {
	KITH_RECORD_RELAY_ONLY =
		1 << 0, /* a hint: the device will take no direct path; unknown bits are kept and ignored */
	KITH_RECORD_OFFLINE = 1 << 1, /* the device says goodbye: a record without homes */
	KITH_RECORD_CONTACTS = 1 << 2 /* guarded: and without a token it is given to nobody */
};

enum kith_member_flags {
	KITH_MEMBER_LEFT =
		1 << 0 /* tombstone: serves no more; kept until it expires, so that older entries do not return */
};

/* How to reach a supernode: all that a stranger needs for a first message. */
struct kith_host {
	struct kith_key dh; /* X25519 key of its device; all zero: not known (never on the wire) */
	uint8_t endpoints_n; /* 1 to KITH_HOST_ENDPOINTS_MAX; 0 of a parsed one: none of a kind that is known */
	struct kith_endpoint endpoints[KITH_HOST_ENDPOINTS_MAX];
};

/* A home in a record. The tag binds the key that signs vanish reports: the X25519 key alone would not do, since anybody
 * may certify somebody else's public key beside an Ed25519 key of his own. */
struct kith_home {
	struct kith_host host;
	uint8_t tag[KITH_HOME_TAG_LEN]; /* kith_home_tag of its Ed25519 key */
};

struct kith_record {
	uint16_t flags; /* enum kith_record_flags */
	struct kith_id key; /* where the directory keeps it */
	uint64_t seq;
	int64_t expires_ms; /* unix ms */
	uint8_t homes_n;
	struct kith_home homes[KITH_HOMES];
	struct kith_span devices; /* the identity's device list, or empty */
	struct kith_span status; /* sealed, or empty */
	struct kith_span chain;
	/* Filled in by parsing, from the chain; trusted only after kith_record_verify. */
	struct kith_key device, sign; /* X25519, Ed25519 */
	/* Without a token only the public view is told (presence/store.h). An extension, which making writes, too. */
	bool guarded;
	uint8_t guard[KITH_FOLLOW_LEN];
	struct kith_span bytes; /* the whole record */
	struct kith_signed s; /* making reads s.ext, if it is not guarded */
};

struct kith_vanish {
	struct kith_id key;
	struct kith_key device; /* X25519 key of the device that fell silent */
	uint64_t seq; /* of the record that it speaks of */
	int64_t at_ms; /* when the home gave up, unix ms */
	struct kith_key home; /* Ed25519 key of the home; making leaves it to the caller */
	struct kith_span bytes;
	struct kith_signed s;
};

struct kith_member_entry {
	uint16_t flags; /* enum kith_member_flags */
	uint8_t load; /* a hint: utilisation in 1/255 */
	uint64_t seq;
	int64_t expires_ms;
	uint8_t endpoints_n; /* 1 to KITH_MEMBER_ENDPOINTS_MAX, the witnessed one first: UDP, as everybody speaks it */
	struct kith_endpoint endpoints[KITH_MEMBER_ENDPOINTS_MAX];
	struct kith_span attest; /* attestations of qualification (wire/attest.h), or empty */
	struct kith_span chain;
	struct kith_key device, sign; /* as in a record */
	struct kith_span bytes;
	struct kith_signed s;
};

/* ---- hosts ---- */

/* Key, count, endpoints. Of what is read endpoints_n is 0 when all its endpoints are of kinds not known. */
void kith_host_write(struct kith_writer *w, const struct kith_host *host);
void kith_host_read(struct kith_reader *r, struct kith_host *out);
/* Exactly one host entry with a key. KITH_EPROTO. */
int kith_host_parse(struct kith_host *out, struct kith_span bytes) KITH_MUST_USE;
/* Returns the length. The host must be well-formed. */
size_t kith_host_make(uint8_t out[KITH_HOST_LEN_MAX], const struct kith_host *host);

/* Names one endpoint more, unless one of its kind and family is there, or there is no room. */
void kith_host_add(struct kith_host *host, const struct kith_endpoint *endpoint);

/* BLAKE2b of 16 bytes over an Ed25519 key. */
void kith_home_tag(const struct kith_suite *suite, uint8_t out[KITH_HOME_TAG_LEN], const struct kith_key *sign);

/* ---- presence records ---- */

/* Signs with the device's Ed25519 secret key; what is made always parses. The length, KITH_EINVAL for fields out of
 * bounds, KITH_EMSGSIZE beyond KITH_RECORD_LEN_MAX (name fewer endpoints then). */
int kith_record_make(const struct kith_suite *suite, uint8_t out[KITH_RECORD_LEN_MAX], const struct kith_record *record,
		     const uint8_t sign_sk[KITH_SIGN_SK_LEN]) KITH_MUST_USE;

/* The end of an object that its device signs, a record or another: what is said of its signer is looked up in the chain
 * that it carries. KITH_EPROTO also when r is bad already. */
int kith_object_end_chain(struct kith_reader *r, struct kith_span bytes, struct kith_signed *s, struct kith_span chain,
			  struct kith_key *device, struct kith_key *sign) KITH_MUST_USE;

/* KITH_EPROTO, KITH_EVERSION, KITH_ENOTSUP, or what parsing the chain says. */
int kith_record_parse(struct kith_record *out, struct kith_span bytes) KITH_MUST_USE;

/* Whether those who show these tokens (wire/follow.h) may know the record as it is: one that is not guarded all may. */
bool kith_record_is_open_to(const struct kith_record *record, const struct kith_suite *suite, struct kith_span tokens);

/* Whether the record holds now: KITH_EEXPIRED, KITH_ENOTYET (seq or expiry too far ahead), KITH_ENAME (the key is not
 * that of the certified name), KITH_ESIGNATURE, or what the trust says of the chain. The trust learns the device list
 * that comes along (KITH_EREVOKED when that leaves the device out). person is filled in on success. */
int kith_record_verify(const struct kith_record *record, struct kith_trust *trust, const struct kith_now *now,
		       struct kith_person *person) KITH_MUST_USE;

/* For how long from now a holder keeps it: at most its validity, and never beyond expiry and tolerance. 0 when it is
 * over. */
kith_time_us kith_record_life_us(const struct kith_record *record, const struct kith_now *now);

/* Whether a number is that of something which was signed ahead of time, so that nobody else takes it. An untrusted
 * clock cannot tell. */
bool kith_record_seq_is_ahead(uint64_t seq, const struct kith_now *now);

/* The next sequence number after last, 0 for the first. Of a leaf's record: the minute, or the step if it is guarded,
 * and what was signed in it is counted. Who lost the last one may draw one that was used in the same minute or step
 * (leaf/audit.h finds out). */
uint64_t kith_record_next_seq(uint64_t last, const struct kith_now *now, bool guarded);
/* Of a supernode's entry, and of its own record, which tells no more than that: to the millisecond. */
uint64_t kith_member_next_seq(uint64_t last, const struct kith_now *now);

/* A wall-clock time as records and reports show it: when its minute began, or its step. */
int64_t kith_record_time(int64_t unix_ms, bool guarded);

/* The number of the step that a moment is in (KITH_PRESENCE_STEP_MS), and how long that still lasts. */
int64_t kith_record_step(int64_t unix_ms);
kith_time_us kith_record_step_left_us(int64_t unix_ms);

/* ---- vanish reports ---- */

int kith_vanish_make(const struct kith_suite *suite, uint8_t out[KITH_VANISH_LEN_MAX], const struct kith_vanish *vanish,
		     const uint8_t sign_sk[KITH_SIGN_SK_LEN]) KITH_MUST_USE;
int kith_vanish_parse(struct kith_vanish *out, struct kith_span bytes) KITH_MUST_USE;

/* Against the record it speaks of, which must have been verified. known: homes whose reports are here, a bit each. The
 * index of the home that signed it; KITH_ENOENT: another key, device or sequence; KITH_EACCES: by no home of that
 * record; KITH_EEXIST: by one that is known; KITH_EEXPIRED: from before the record; KITH_ENOTYET. Only then the
 * signature costs something: KITH_ESIGNATURE. */
int kith_vanish_verify(const struct kith_vanish *vanish, const struct kith_record *record, unsigned known,
		       const struct kith_suite *suite, const struct kith_now *now) KITH_MUST_USE;

/* ---- member entries ---- */

int kith_member_make(const struct kith_suite *suite, uint8_t out[KITH_MEMBER_LEN_MAX],
		     const struct kith_member_entry *entry, const uint8_t sign_sk[KITH_SIGN_SK_LEN]) KITH_MUST_USE;
int kith_member_parse(struct kith_member_entry *out, struct kith_span bytes) KITH_MUST_USE;

/* The supernode id that the entry claims: BLAKE2b(network, placement, 0). In an open network BLAKE2b(network,
 * identity, /24 or /48 of its first address): the subject's own word, until entries carry witnesses' attestations.
 * KITH_ECHAIN, KITH_EINVAL. */
int kith_member_id(const struct kith_member_entry *entry, const struct kith_trust *trust,
		   struct kith_id *out) KITH_MUST_USE;

/* Whether the entry holds now: as kith_record_verify; KITH_EACCES when the certificate does not allow a supernode and
 * there are no attestations. Whether attestations count is for the caller to find out (kith_members_merge). */
int kith_member_verify(const struct kith_member_entry *entry, struct kith_trust *trust, const struct kith_now *now,
		       struct kith_person *person) KITH_MUST_USE;
/* The same; the chain is not remembered (kith_trust_check_once). */
int kith_member_verify_once(const struct kith_member_entry *entry, struct kith_trust *trust, const struct kith_now *now,
			    struct kith_person *person) KITH_MUST_USE;

#endif
