/* What is wrong with a node's own key, certificates and role, in words: before it starts, and when it could not.
 *
 * The rules are those of the core (identity/trust, wire/record); here they are applied one after the other, so that the
 * answer can name the part that fails, which a code alone cannot.
 * Never: opens sockets or the state, keeps a secret.
 */
#ifndef KITH_HOST_CHECK_H
#define KITH_HOST_CHECK_H

#include <kith/node.h>

/* 0, or the code; then *part and why (cap bytes) tell. device may be NULL: not known. */
int kith_check_identity(const struct kith_node_options *o, const struct kith_seed *device, const struct kith_now *now,
			enum kith_part *part, char *why, size_t cap) KITH_MUST_USE;

#endif
