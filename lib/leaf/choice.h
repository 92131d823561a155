/* Which supernode is tried next for a home, and how many at the same time.
 *
 * As different from the homes there are as the host cache allows; but while a first message goes unanswered, those
 * that another transport leads to come first (kinds and families: a wall, or a line without IPv6, stops all of one),
 * and what costs least before what costs more. A transport by which there is a home is as good as any.
 * An attempt that was silent for KITH_STAGGER_US is not waited for where another transport leads to somebody: that one
 * is tried beside it. By the same transport others are as slow, mostly since all leaves come at once.
 * Bounds: KITH_SPARES beside the homes' places.
 * Never: a packet, a session; a supernode whose attempts failed before one whose did not.
 */
#ifndef KITH_LEAF_CHOICE_H
#define KITH_LEAF_CHOICE_H

#include "link/state.h"

/* Failures in a row, more than a cache has hosts: our own line is slow then, or all are gone that we know. */
#define KITH_CHOICE_PATIENT 20

/* The next supernode to try: its index in the host cache; KITH_ENOENT. */
int kith_choice_next(struct kith_core *c, struct kith_host *host) KITH_MUST_USE;

/* Whether somebody can be tried by a transport that was not silent. */
bool kith_choice_elsewhere(struct kith_core *c);

/* How many supernodes may be tried beside those that places of homes are for: as many as failed, or, unless homes said
 * that they are slow, as are silent by transports that lead to no home while others may; none when so many failed that
 * our own line is slow, or that all are gone. */
unsigned kith_choice_spares(struct kith_core *c, unsigned homes);

/* The entry at i of the host cache, without a key, leads to that home: both become one. False: they are still two. */
bool kith_choice_merge(struct kith_core *c, int i, const struct kith_home_slot *home);

#endif
