/* A node's randomness: byte blocks that are a pure function of (seed, node, count), so that a run is repeatable in
 * whatever order its nodes are driven. A restarted node carries on counting: it must not draw its old keys again.
 * Not for cryptography.
 */
#ifndef KITH_SIM_SIMRANDOM_H
#define KITH_SIM_SIMRANDOM_H

#include <kith/types.h>

struct kith_simrandom {
	struct kith_random random; /* to be handed out as &r->random */
	uint64_t seed, stream, count;
};

/* Must not move once handed out. */
void kith_simrandom_init(struct kith_simrandom *r, uint64_t seed, uint64_t stream);

#endif
