/* A node becomes a supernode while it runs, and a leaf again. When it does so is decided elsewhere.
 *
 * Sessions of applications go on in either case. A node that begins to serve lets its homes go. A node that ends gives
 * its leaves and tunnels up, and looks for homes among the supernodes that it knew.
 */
#ifndef KITH_CORE_SERVING_H
#define KITH_CORE_SERVING_H

#include "super/super.h"

/* What the operator allows from now on, if this node is asked to serve (leaf/promotion); NULL: nothing. What others
 * measured of the node is set apart from it, in kith_core.consent.own. */
void kith_serving_consent(struct kith_core *c, const struct kith_super_options *terms);

/* Begins or ends what was left behind: this node was asked for help, or is not needed any more. True: something
 * changed. */
bool kith_serving_elected(struct kith_core *c);

/* KITH_ESTATE: the node serves already, or leaves. Other errors as kith_super_new; the node then stays a leaf. */
int kith_serving_begin(struct kith_core *c, const struct kith_super_options *o) KITH_MUST_USE;

/* Takes effect when the call settles. */
void kith_serving_end(struct kith_core *c);

/* After the ends of sessions were told. */
void kith_serving_settle(struct kith_core *c);

#endif
