/* Posted things (identity/posted.h) on their way between nodes: editions, and the bodies of LIST and EDITIONS, as
 * message.h has the others. A run of editions is checked as a whole when its message is read: a walk over it ends at
 * its end and never fails. */
#ifndef KITH_WIRE_MESSAGE_LIST_H
#define KITH_WIRE_MESSAGE_LIST_H

#include "codec/cursor.h"
#include "identity/posted.h"
#include "wire/message.h"

/* A list of each signer, of each issuer a head or a fork, and the network's parameters. */
#define KITH_EDITIONS_LEN_MAX ((KITH_LISTS_MAX + 1) * KITH_EDITION_LEN + (KITH_LISTS_MAX - 1) * KITH_EDITION_LEN_MAX)
#define KITH_EDITIONS_TOLD_LEN (32 * KITH_EDITION_LEN_MAX) /* of an EDITIONS request, which has to hold them */

/* Which thing is the newest of a kind and a signer. */
struct kith_edition {
	uint8_t kind; /* enum kith_posted_kind, or one that is not known here */
	const uint8_t *signer; /* KITH_ISSUER_ID_LEN bytes, borrowed */
	uint64_t number;
	const uint8_t *digest; /* KITH_POSTED_DIGEST_LEN bytes, borrowed; NULL: the kind has none */
};

/* The next one of a run; false at its end. */
bool kith_edition_next(struct kith_reader *r, struct kith_edition *out);
void kith_edition_write(struct kith_writer *w, const struct kith_edition *e);
/* Whether a run is whole, and at most KITH_EDITIONS_LEN_MAX bytes. */
bool kith_editions_check(struct kith_span run);
/* That of a thing that is held; borrows from it. */
struct kith_edition kith_edition_of(const struct kith_trust_list *l);

/* The sum of editions, by which two nodes see whether they have the same: begins with KITH_EDITIONS_NONE, and has each
 * mixed in, in any order. */
#define KITH_EDITIONS_NONE UINT64_C(0x65646974696f6e73) /* "editions" */
uint64_t kith_editions_mix(uint64_t sum, const struct kith_edition *e);

/* LIST. */
struct kith_msg_list {
	uint8_t signer[KITH_ISSUER_ID_LEN]; /* must be there */
	uint8_t kind; /* enum kith_posted_kind; 0: a list */
	uint64_t number; /* a higher one is wanted */
	bool cert; /* the signer's certificate is wanted instead */
};

size_t kith_msg_list_write(uint8_t *out, size_t cap, const struct kith_msg_list *m);
int kith_msg_list_read(struct kith_msg_list *out, struct kith_span body) KITH_MUST_USE;

/* ... and its answer: one of the two. */
struct kith_msg_listed {
	struct kith_span list; /* the posted thing: at most KITH_REVOCATION_LEN_MAX */
	struct kith_span cert; /* at most KITH_CERT_MAX */
};

size_t kith_msg_listed_write(uint8_t *out, size_t cap, const struct kith_msg_listed *m);
int kith_msg_listed_read(struct kith_msg_listed *out, struct kith_span body) KITH_MUST_USE;

/* EDITIONS. */
struct kith_msg_editions {
	struct kith_span editions; /* at most KITH_EDITIONS_LEN_MAX bytes; must be there */
};

size_t kith_msg_editions_write(uint8_t *out, size_t cap, const struct kith_msg_editions *m);
int kith_msg_editions_read(struct kith_msg_editions *out, struct kith_span body) KITH_MUST_USE;

#endif
