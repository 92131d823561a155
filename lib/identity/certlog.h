/* The log of name certificates: structures, proofs and heads are public (<kith/certlog.h>); here is what tests need.
 *
 * Invariant: what parses has exactly one encoding. Bounds: KITH_CERTLOG_PROOF_MAX. Never: files (kith ca keeps the
 * log), trust: a head says what its issuer logged, not that any of it holds.
 */
#ifndef KITH_IDENTITY_CERTLOG_H
#define KITH_IDENTITY_CERTLOG_H

#include "identity/object.h"

#include <kith/certlog.h>

/* The part before the signature. */
void kith_certlog_head_write(struct kith_writer *w, const struct kith_certlog_head *head);

#endif
