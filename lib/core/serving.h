/* A node becomes a supernode while it runs, and a leaf again. What may be, and what was asked for, stands in
 * overlay/office; this carries it out and tells the application.
 *
 * Sessions of applications go on in either case. A node that begins to serve lets its homes go. A node that ends gives
 * its leaves and tunnels up, and looks for homes among the supernodes that it knew.
 *
 * Caps: the number of leaves, records and watches follows from the operator's memory_max (what one takes at most is in
 * serving.c), the rate of relaying from up_max and down_max.
 */
#ifndef KITH_CORE_SERVING_H
#define KITH_CORE_SERVING_H

#include "super/super.h"

/* The office of a core that is no leaf for good. Nothing if there is one. KITH_ENOTSUP: this build does not serve;
 * KITH_ENOMEM. */
int kith_serving_init(struct kith_core *c, enum kith_role role, const struct kith_terms *terms) KITH_MUST_USE;
void kith_serving_deinit(struct kith_core *c);

/* With the options' limits and the office's caps. An endpoint that others found stands in where the options name none.
 * KITH_ESTATE: the node serves already, or leaves; KITH_EACCES: it is a leaf for good. Other errors as kith_super_new;
 * the node then stays a leaf. */
int kith_serving_begin(struct kith_core *c, enum kith_role_reason why) KITH_MUST_USE;

/* Takes effect when the call settles. Nothing if it does not serve. */
void kith_serving_end(struct kith_core *c, enum kith_role_reason why);

/* Another role, terms and endpoints, as kith_core_set_role. KITH_EINVAL, KITH_EACCES, KITH_ENOTSUP, errors as
 * kith_super_new: nothing is changed then. */
int kith_serving_set_role(struct kith_core *c, enum kith_role role, const struct kith_terms *terms,
			  const struct kith_endpoint endpoints[], size_t n) KITH_MUST_USE;

/* The options' limits or the office's terms are others. */
void kith_serving_limit(struct kith_core *c);

/* Begins or ends what the office left behind. True if there was something. */
bool kith_serving_look(struct kith_core *c);

/* After the ends of sessions were told. */
void kith_serving_settle(struct kith_core *c);

/* now: the monotonic clock. */
void kith_serving_info(const struct kith_core *c, kith_time_us now, struct kith_role_info *out);

#endif
