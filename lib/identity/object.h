/* The frame that all signed objects share: version, type, fields, extensions, signature.
 *
 * Extensions are how the layouts grow: a length byte, then {type, length, value} with ascending type numbers. The top
 * bit of a type says "critical": an object with a critical extension that is not known is refused, others are
 * skipped. Version 1 defines one, of the root's revocation list (KITH_EXT_LIST_GRACE).
 * Invariant: what parses has exactly one encoding, so an object can be compared by its bytes.
 * Never: a signature over anything but the received bytes.
 */
#ifndef KITH_IDENTITY_OBJECT_H
#define KITH_IDENTITY_OBJECT_H

#include "codec/cursor.h"
#include "crypto/suite.h"

#include <kith/identity.h>

#define KITH_OBJECT_VERSION 1
#define KITH_EXT_CRITICAL 0x80
#define KITH_OBJECT_HEADER_LEN 2 /* version, type */
#define KITH_TIME_LEN 5 /* unix seconds */

/* Second byte of every object. Answers to "what file is this?" and keeps one kind from being taken for another. */
enum kith_object_type {
	KITH_OBJECT_ISSUER = 1,
	KITH_OBJECT_NAME = 2,
	KITH_OBJECT_DEVICE = 3,
	KITH_OBJECT_CHAIN = 4,
	KITH_OBJECT_DEVICES = 5,
	KITH_OBJECT_REVOCATION = 6,
	KITH_OBJECT_CHALLENGE = 7,
	KITH_OBJECT_ANSWER = 8,
	KITH_OBJECT_ENROL = 9,
	KITH_OBJECT_CONTACTS = 10,
	KITH_OBJECT_KEYS = 11,
	KITH_OBJECT_LOG_HEAD = 12,
	KITH_OBJECT_FORK = 13,
	KITH_OBJECT_PARAMS = 14
};

/* Starts reading: KITH_EPROTO when it is too short or of another type, KITH_EVERSION. */
int kith_object_begin(struct kith_reader *r, struct kith_span object, enum kith_object_type type) KITH_MUST_USE;

/* Reads extensions. KITH_EPROTO: malformed or out of order; KITH_ENOTSUP: critical. */
int kith_object_ext(struct kith_reader *r, struct kith_span *ext) KITH_MUST_USE;

/* Reads extensions and signature, which must end the object. */
int kith_object_end(struct kith_reader *r, struct kith_span object, struct kith_signed *out) KITH_MUST_USE;

/* Times out of order are KITH_EPROTO at the end: the reader turns bad. */
void kith_object_read_validity(struct kith_reader *r, int64_t *from_s, int64_t *to_s);
/* Length byte and text of at most cap - 1 printable ASCII characters; anything else turns the reader bad. */
void kith_object_read_text(struct kith_reader *r, char *out, size_t cap);

void kith_object_write_header(struct kith_writer *w, enum kith_object_type type);
/* Out of range turns the writer bad. */
void kith_object_write_time(struct kith_writer *w, int64_t unix_s);
/* text is at most max characters, else the writer turns bad. */
void kith_object_write_text(struct kith_writer *w, const char *text, size_t max);
void kith_object_write_ext(struct kith_writer *w, struct kith_span ext);

/* Appends the signature over all that was written; returns the whole length, KITH_EMSGSIZE when the writer is bad. */
int kith_object_sign(const struct kith_suite *suite, struct kith_writer *w, const char *label,
		     const uint8_t sk[KITH_SIGN_SK_LEN]) KITH_MUST_USE;

/* 0 or KITH_ESIGNATURE. */
int kith_object_verify(const struct kith_suite *suite, const struct kith_signed *s, const char *label,
		       const struct kith_key *key) KITH_MUST_USE;

static inline bool kith_key_equal(const struct kith_key *a, const struct kith_key *b)
{
	return memcmp(a->b, b->b, KITH_KEY_LEN) == 0;
}

#endif
