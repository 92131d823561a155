/* Questions to supernodes that are no homes: all homes of a leaf may lie.
 *
 * Bounds: KITH_BEYOND_REPLICAS replicas and KITH_BEYOND_STRANGERS_MAX supernodes of the host cache for each question.
 * Never: asks a home, whose session a second one would replace; changes the host cache.
 */
#ifndef KITH_LEAF_BEYOND_H
#define KITH_LEAF_BEYOND_H

#include "link/state.h"

#define KITH_BEYOND_STRANGERS_MAX 3
#define KITH_BEYOND_REPLICAS 2 /* named with a negative answer: about a kilobyte */

/* Asks for the records of a key: replicas that an answer named (KITH_B_FOUND_MEMBERS, may be none) by FIND, and
 * supernodes of the host cache, so many strangers, by LOOKUP. Returns how many; an answer comes for each. */
unsigned kith_beyond_ask(struct kith_core *c, const struct kith_id *key, uint64_t token, struct kith_spans named,
			 unsigned strangers);

/* An answer came. A session that serves for nothing else ends, so that strangers need not keep it. */
void kith_beyond_answered(struct kith_core *c, struct kith_session *s);

#endif
