/* WHERE and HERE: a contact is looked for on the local network, and answers. PROTOCOL.md, section 3.11.
 *
 * WHERE goes to all that are on the link. It has a tag that only who knows the identity key that is sought, and the
 * network, can make or know again, and is another one each time. Behind it is sealed who asks, and that its author made
 * it for this identity. HERE goes back to one asker, sealed under the number of its question. Both have one length
 * each, whatever is in them, and HERE is the shorter one.
 * Bounds: KITH_WHERE_LEN, KITH_HERE_LEN.
 * Never: a state, a clock, an allocation; a judgement about certificates.
 */
#ifndef KITH_WIRE_WHERE_H
#define KITH_WIRE_WHERE_H

#include "crypto/suite.h"
#include "wire/packet.h"

#include <kith/identity.h>

#define KITH_WHERE_KEY_LEN 32
#define KITH_WHERE_TAG_LEN 16
#define KITH_WHERE_HEADER (8 + KITH_XNONCE_LEN) /* type, version, port or 0, index, number */
#define KITH_WHERE_BODY (8 + KITH_SIG_LEN + 2 + KITH_CHAIN_MAX)
#define KITH_WHERE_LEN (KITH_WHERE_HEADER + KITH_WHERE_TAG_LEN + KITH_WHERE_BODY + KITH_AEAD_TAG_LEN)
#define KITH_HERE_LEN (KITH_WHERE_HEADER + KITH_WHERE_BODY + KITH_AEAD_TAG_LEN)

/* An outer header, of either. */
struct kith_where_header {
	uint16_t port; /* WHERE: where HERE is to go, at the address that the question comes from. HERE: 0 */
	uint32_t index; /* the asker's, which HERE repeats */
	const uint8_t *number; /* KITH_XNONCE_LEN random bytes; of HERE its own */
	struct kith_span head; /* all of the header: what the tag is of, and what is sealed with the body */
	const uint8_t *tag; /* WHERE only, else NULL */
	struct kith_span sealed;
};

/* What is sealed. chain is borrowed. */
struct kith_where_body {
	int64_t made_ms; /* unix, by the author's clock */
	struct kith_span chain; /* the author's certificates */
	uint8_t signature[KITH_SIG_LEN]; /* by its device */
};

/* The key that all of a question follows from: of the network and the identity that is sought. */
void kith_where_key(const struct kith_suite *suite, uint8_t out[KITH_WHERE_KEY_LEN], const struct kith_id *network,
		    const struct kith_key *sought);

/* False: not of its length, version or layout. */
bool kith_where_parse(struct kith_where_header *out, struct kith_span packet);
bool kith_here_parse(struct kith_where_header *out, struct kith_span packet);

/* Whether the question is for whom the key is of. */
bool kith_where_is_for(const struct kith_suite *suite, const struct kith_where_header *h,
		       const uint8_t key[KITH_WHERE_KEY_LEN]);

/* Opens the body into plain, which chain then points into. KITH_EAUTH; KITH_EPROTO: it opens, and is malformed. */
int kith_where_open(const struct kith_suite *suite, const struct kith_where_header *h,
		    const uint8_t key[KITH_WHERE_KEY_LEN], uint8_t plain[KITH_WHERE_BODY],
		    struct kith_where_body *out) KITH_MUST_USE;
/* The same of an answer to the question with that number. */
int kith_here_open(const struct kith_suite *suite, const struct kith_where_header *h,
		   const uint8_t key[KITH_WHERE_KEY_LEN], const uint8_t asked[KITH_XNONCE_LEN],
		   uint8_t plain[KITH_WHERE_BODY], struct kith_where_body *out) KITH_MUST_USE;

/* What a question and its answer are about: who signs which names these. */
struct kith_where_parties {
	struct kith_id network;
	struct kith_key asker, sought; /* identities */
};

/* Whether the body is by that device, for these two and for this question: h of a WHERE is its own header; of a HERE
 * what counts is the number that was asked. KITH_ESIGNATURE. */
int kith_where_verify(const struct kith_suite *suite, const struct kith_where_parties *parties,
		      const struct kith_where_header *h, const struct kith_where_body *body,
		      const struct kith_key *device) KITH_MUST_USE;
int kith_here_verify(const struct kith_suite *suite, const struct kith_where_parties *parties,
		     const uint8_t asked[KITH_XNONCE_LEN], const struct kith_where_body *body,
		     const struct kith_key *device) KITH_MUST_USE;

/* Writes the packets. number: random. body: its time and chain, which is KITH_CHAIN_MAX bytes at most; it is signed
 * here. */
void kith_where_write(const struct kith_suite *suite, uint8_t out[KITH_WHERE_LEN], uint16_t port, uint32_t index,
		      const uint8_t number[KITH_XNONCE_LEN], const struct kith_where_parties *parties,
		      const struct kith_where_body *body, const uint8_t sign_sk[KITH_SIGN_SK_LEN]);
void kith_here_write(const struct kith_suite *suite, uint8_t out[KITH_HERE_LEN], uint32_t index,
		     const uint8_t number[KITH_XNONCE_LEN], const uint8_t asked[KITH_XNONCE_LEN],
		     const struct kith_where_parties *parties, const struct kith_where_body *body,
		     const uint8_t sign_sk[KITH_SIGN_SK_LEN]);

#endif
