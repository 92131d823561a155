/* What authorities sign for everybody to have, and of which the newest one counts: posted things. Of each kind and
 * signer one is kept, in the trust:
 *
 *   LIST  the revocation list of the root or of an issuer, by its number
 *   HEAD  the head of an issuer's log, by its time
 *   FORK  two heads of one issuer that contradict each other: the proof that it keeps two logs. The first one stays,
 *         and the issuer's heads are not told of any more
 *   PARAMS  the network's parameters, by their number
 *
 * How they travel is wire/message_list's, link/lists' and super/bulletin's matter, which treat all kinds alike.
 * Invariants: nothing is kept that did not verify; numbers of what is kept only rise.
 * Timers: none. Bounds: one of each kind for each of KITH_LISTS_MAX signers.
 */
#ifndef KITH_IDENTITY_POSTED_H
#define KITH_IDENTITY_POSTED_H

#include "base/limits.h"
#include "identity/certlog.h"
#include "identity/trust.h"

#define KITH_POSTED_DIGEST 0x80 /* in a kind: two of one number may differ, and a digest tells them apart */
#define KITH_POSTED_DIGEST_LEN 16 /* of BLAKE2b-256: no issuer finds two heads with the same one */

/* On the wire, in editions. */
enum kith_posted_kind {
	KITH_POSTED_LIST = 1,
	KITH_POSTED_HEAD = KITH_POSTED_DIGEST | 2, /* by its time, of which an issuer may sign two */
	KITH_POSTED_FORK = 3,
	KITH_POSTED_PARAMS = 4
};

/* A list of each signer; then the root's parameters, and of each issuer a fork or else a head. */
enum { KITH_POSTED_MAX = 2 * KITH_LISTS_MAX };

#define KITH_FORK_LEN_MAX (KITH_OBJECT_HEADER_LEN + 2 * (2 + KITH_CERTLOG_HEAD_LEN_MAX))

/* A signer that is held, and what it posted of one kind. */
struct kith_trust_list {
	uint8_t kind; /* enum kith_posted_kind */
	uint8_t id[KITH_ISSUER_ID_LEN]; /* the signer's, as its lists name it */
	bool valid; /* it is the root, or an issuer that is neither revoked nor out of its time */
	uint64_t number; /* 0: there is none, or the signer is not valid. A FORK's is 1 */
	uint8_t digest[KITH_POSTED_DIGEST_LEN]; /* zero, unless the kind has one */
	struct kith_span cert, list; /* borrowed until something is added; the root has no certificate */
};

/* The thing at that place, lists first, and of them the root's: places stay as they are while signers come. A place of
 * no signer has number 0, no bytes, and nothing else is set. False: there are not so many; an open network has none. */
bool kith_trust_list_at(const struct kith_trust *t, const struct kith_now *now, size_t i, struct kith_trust_list *out);

/* The revocation list, or the thing of some kind, of the signer of that id. False: the signer is not held. */
bool kith_trust_list_of(const struct kith_trust *t, const struct kith_now *now, const uint8_t id[KITH_ISSUER_ID_LEN],
			struct kith_trust_list *out);
bool kith_trust_posted_of(const struct kith_trust *t, const struct kith_now *now, uint8_t kind,
			  const uint8_t id[KITH_ISSUER_ID_LEN], struct kith_trust_list *out);

/* Takes anything that can be posted. As kith_trust_revocation_add. A head that contradicts the one that is held makes a
 * FORK of both, and 1 is returned. */
int kith_trust_post(struct kith_trust *t, const struct kith_now *now, struct kith_span thing) KITH_MUST_USE;

/* The FORK of two heads, in whichever order. Its length; 0: they do not contradict each other, or are none. */
size_t kith_fork_make(uint8_t out[KITH_FORK_LEN_MAX], struct kith_span a, struct kith_span b);

/* A FORK, taken apart without verifying. KITH_EPROTO, KITH_EVERSION, KITH_ENOTSUP: of which the heads do not contradict
 * each other, or do not stand in order (the older one first, of two of one time the one whose bytes are less). */
int kith_fork_parse(struct kith_span heads[2], struct kith_span fork) KITH_MUST_USE;

#endif
