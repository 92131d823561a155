/* The log of name certificates: an append-only list that an issuer keeps of what it certified, as a Merkle tree whose
 * head it signs. Whoever compares heads knows that nothing was taken out; whoever reads the log sees a name that was
 * certified twice.
 *
 * The tree is that of RFC 6962, section 2.1, with BLAKE2b-256 and prefixes of its own (PROTOCOL.md section 8.9). Leaves
 * are certificates as they were issued, in that order.
 *
 * These functions are pure: no clock, no allocation, no files; any thread may call them. Making a root or a proof costs
 * as many hashes as there are leaves; checking a proof costs one a step.
 */
#ifndef KITH_CERTLOG_H
#define KITH_CERTLOG_H

#include <kith/err.h>
#include <kith/identity.h>

#define KITH_CERTLOG_PROOF_MAX 64 /* steps of a proof: a tree has less than 2^63 leaves */
#define KITH_CERTLOG_HEAD_LEN_MAX 252 /* a head with extensions */

/* A leaf's hash, or a tree's. */
struct kith_certlog_hash { /* fixed */
	uint8_t b[32]; /* the bytes */
};

/* The hash of a certificate as a leaf. */
KITH_EXPORT void kith_certlog_leaf(struct kith_certlog_hash *out, struct kith_span cert);

/* The root of the tree over n leaves; of an empty log too. */
KITH_EXPORT void kith_certlog_root(struct kith_certlog_hash *out, const struct kith_certlog_hash leaves[], size_t n);

/* That leaf number index is in the tree of n leaves. Returns how many steps; KITH_EINVAL: there is no such leaf. */
KITH_EXPORT int kith_certlog_inclusion(struct kith_certlog_hash proof[KITH_CERTLOG_PROOF_MAX],
				       const struct kith_certlog_hash leaves[], size_t n, size_t index) KITH_MUST_USE;

/* That the tree of n leaves begins with that of the first ones. Returns how many steps; KITH_EINVAL: there are not that
 * many leaves. */
KITH_EXPORT int kith_certlog_consistency(struct kith_certlog_hash proof[KITH_CERTLOG_PROOF_MAX],
					 const struct kith_certlog_hash leaves[], size_t n, size_t first) KITH_MUST_USE;

/* 0, or KITH_EAUTH: the proof does not show it. */
KITH_EXPORT int kith_certlog_included(const struct kith_certlog_hash *root, uint64_t size,
				      const struct kith_certlog_hash *leaf, uint64_t index,
				      const struct kith_certlog_hash proof[], size_t steps) KITH_MUST_USE;
KITH_EXPORT int kith_certlog_consistent(const struct kith_certlog_hash *first_root, uint64_t first,
					const struct kith_certlog_hash *root, uint64_t size,
					const struct kith_certlog_hash proof[], size_t steps) KITH_MUST_USE;

/* What an issuer says of its log. */
struct kith_certlog_head { /* fixed */
	uint8_t issuer_id[KITH_ISSUER_ID_LEN]; /* of whom it is */
	uint64_t size; /* leaves */
	struct kith_certlog_hash root; /* of the tree over them */
	int64_t time_ms; /* unix milliseconds, below 2^62 */
	struct kith_signed s; /* signed by the issuer */
};

/* The signed head; issuer_id follows from the signer's key. The length; KITH_EINVAL: a field is out of its bounds. */
KITH_EXPORT int kith_certlog_head_make(uint8_t out[KITH_CERTLOG_HEAD_LEN_MAX], const struct kith_certlog_head *head,
				       const struct kith_seed *issuer) KITH_MUST_USE;

/* Parses without verifying. KITH_EPROTO, KITH_EVERSION, KITH_ENOTSUP. */
KITH_EXPORT int kith_certlog_head_parse(struct kith_certlog_head *out, struct kith_span head) KITH_MUST_USE;

/* Parses, and verifies that the head is that issuer's: KITH_ECHAIN, KITH_ESIGNATURE, or what parsing says. */
KITH_EXPORT int kith_certlog_head_check(struct kith_certlog_head *out, struct kith_span head,
					const struct kith_key *issuer) KITH_MUST_USE;

/* Whether two heads of one issuer cannot both be of one log, as both say: trees of one size with two roots, or a
 * smaller tree that is not older than a larger one. (Of two sizes in order a proof of consistency says more.)
 * Signatures are not looked at. */
KITH_EXPORT bool kith_certlog_contradict(const struct kith_certlog_head *a, const struct kith_certlog_head *b);

#endif
