/* Homes that do not do what they are for, and how sure of it their leaf is.
 *
 * What a home says is checked against what others say and against what is signed. Each failing adds points; a home that
 * has enough of them is named to the application, remembered in the host cache as one that lies, and left to
 * leaf/homes, which replaces it. An honest home that is cut off from the others may look as bad for a moment: so that
 * takes more than one moment.
 *
 * Timers: failings of one home within 20 s count once (within 2 min, if it withholds news); points fade with each
 * record (one in 24 min).
 * Never: ends a session; counts what one other supernode only says, without a signature that shows it.
 */
#ifndef KITH_LEAF_CAUGHT_H
#define KITH_LEAF_CAUGHT_H

#include "link/state.h"

/* The home in a slot has failed us once more. */
void kith_caught_failed(struct kith_core *c, unsigned slot, enum kith_lie how);

/* The same for each home in a set of slots. Unsure: what was seen may have another reason, and has to be seen
 * thrice. */
void kith_caught_unsure_all(struct kith_core *c, unsigned slots, enum kith_lie how);
void kith_caught_failed_all(struct kith_core *c, unsigned slots, enum kith_lie how);

/* The slot of a home that failed lately, as far as is known in that way (0: any that concerns our own record); below 0:
 * none. It is to show soon whether it does so again. */
int kith_caught_suspect(const struct kith_core *c, enum kith_lie how);

/* All homes seem to fail: they all lie, or those do whom we asked, or the network is torn. One of them, drawn, makes
 * room for another supernode, and is not said to lie: one honest home is enough to be found. Only of those that took
 * our record, once a minute at most, while our clock is that of others, and where there is another to try. */
void kith_caught_replace_one(struct kith_core *c);

/* A new record was signed: what was long ago weighs less. */
void kith_caught_fade(struct kith_core *c);

#endif
