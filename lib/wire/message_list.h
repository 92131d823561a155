/* Revocation lists on their way between nodes: editions, and the bodies of LIST and EDITIONS, as message.h has the
 * others. A run of editions is checked as a whole when its message is read: a walk over it ends at its end and never
 * fails. */
#ifndef KITH_WIRE_MESSAGE_LIST_H
#define KITH_WIRE_MESSAGE_LIST_H

#include "codec/cursor.h"
#include "wire/message.h"

#define KITH_EDITIONS_LEN_MAX (KITH_LISTS_MAX * KITH_EDITION_LEN)

/* Which list is the newest of a signer. */
struct kith_edition {
	const uint8_t *signer; /* KITH_ISSUER_ID_LEN bytes, borrowed */
	uint64_t number;
};

/* The next one of a run; false at its end. */
bool kith_edition_next(struct kith_reader *r, struct kith_edition *out);
void kith_edition_write(struct kith_writer *w, const uint8_t signer[KITH_ISSUER_ID_LEN], uint64_t number);

/* The sum of editions, by which two nodes see whether they have the same: begins with KITH_EDITIONS_NONE, and has each
 * mixed in, in any order. Nobody makes two cancel out: signers are the root's. */
#define KITH_EDITIONS_NONE UINT64_C(0x65646974696f6e73) /* "editions" */
uint64_t kith_editions_mix(uint64_t sum, const uint8_t signer[KITH_ISSUER_ID_LEN], uint64_t number);

/* LIST. */
struct kith_msg_list {
	uint8_t signer[KITH_ISSUER_ID_LEN]; /* must be there */
	uint64_t number; /* that the asker has: a newer one is wanted */
	bool cert; /* the signer's certificate is wanted instead */
};

size_t kith_msg_list_write(uint8_t *out, size_t cap, const struct kith_msg_list *m);
int kith_msg_list_read(struct kith_msg_list *out, struct kith_span body) KITH_MUST_USE;

/* ... and its answer: one of the two. */
struct kith_msg_listed {
	struct kith_span list; /* at most KITH_REVOCATION_LEN_MAX */
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
