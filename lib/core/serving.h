/* A node becomes a supernode while it runs, and a leaf again. When it does so is decided elsewhere.
 *
 * Sessions of applications go on in either case. A node that begins to serve lets its homes go. A node that ends gives
 * its leaves and tunnels up, and looks for homes among the supernodes that it knew.
 */
#ifndef KITH_CORE_SERVING_H
#define KITH_CORE_SERVING_H

#include "super/super.h"

/* KITH_ESTATE: the node serves already, or leaves. Other errors as kith_super_new; the node then stays a leaf. */
int kith_serving_begin(struct kith_core *c, const struct kith_super_options *o) KITH_MUST_USE;

/* Takes effect when the call settles. */
void kith_serving_end(struct kith_core *c);

/* After the ends of sessions were told. */
void kith_serving_settle(struct kith_core *c);

#endif
