/* Serving others: what a node may be, what it is now, and its user's word on it. See <kith/role.h>.
 *
 * Threads and wrong arguments: see <kith/node.h>.
 */
#ifndef KITH_SERVING_H
#define KITH_SERVING_H

#include <kith/node.h>

/* Takes over role, terms and endpoints from o, while the node runs: from now on it is a leaf, a supernode, or either. A
 * node that serves goes on when its role becomes auto, if it may serve then. All else in o is ignored, stun goes on as
 * it is. KITH_EINVAL: not such a role, terms that cannot be, or a supernode without an endpoint; KITH_EACCES: the
 * certificates do not allow a supernode; KITH_ENOTSUP: the library is built without serving, and a node can only be a
 * leaf; KITH_ESTATE: it does not run; KITH_ENOMEM. Of an error nothing is changed. */
KITH_EXPORT int kith_node_set_role(struct kith_node *node, const struct kith_node_options *o) KITH_MUST_USE;

/* What the user says to serving others (role auto): the answer to the callback asked, or before it is asked, or later.
 * It takes the place of terms.consent. KITH_EINVAL: not such an answer; KITH_ESTATE: it does not run. */
KITH_EXPORT int kith_node_consent(struct kith_node *node, enum kith_consent consent);

/* What it is now; kith_node_info has it, too. KITH_EINVAL, KITH_ETHREAD; KITH_ESTATE: it does not run. Zeros then. */
KITH_EXPORT int kith_node_role(const struct kith_node *node, struct kith_role_info *out);

#endif
