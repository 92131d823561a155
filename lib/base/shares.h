/* How much each of many owners holds of something: so much at most, whatever the others hold.
 *
 * Bounds: an owner that holds nothing is forgotten, so there are never more of them than what is held. 8 bytes a slot,
 *   of which three in four are taken at most: each attached leaf pays for one. An owner is known by a keyed hash of 40
 *   bits: of a million owners one in a million has its share together with another, and nobody can aim at that.
 * Never: a clock (that is what limiters are for), a judgement of what a key stands for.
 */
#ifndef KITH_BASE_SHARES_H
#define KITH_BASE_SHARES_H

#include <kith/types.h>

struct kith_shares {
	const struct kith_alloc *alloc; /* borrowed */
	uint64_t *slots; /* hash, held (its last bits); 0: empty */
	uint32_t n, cap; /* cap is 0 or a power of two */
	uint32_t each;
	uint64_t seed[2];
};

#define KITH_SHARES_MOST ((1u << 24) - 1)

/* Whether a table of max places, of which n are taken, has one for whoever holds so many of them: the last ones, one in
 * `kept`, are for those that hold none. */
static inline bool kith_shares_reserve(uint32_t n, uint32_t max, uint32_t kept, uint32_t held)
{
	return n < max && (held == 0 || n + max / kept < max);
}

/* each: held by one at most, up to KITH_SHARES_MOST. seed keys the hash. */
void kith_shares_init(struct kith_shares *b, const struct kith_alloc *alloc, uint32_t each, const uint64_t seed[2]);
void kith_shares_deinit(struct kith_shares *b);

/* False: this owner holds its share already, or there is no memory for another owner. */
bool kith_shares_take(struct kith_shares *b, uint64_t owner) KITH_MUST_USE;

uint32_t kith_shares_held(const struct kith_shares *b, uint64_t owner);

/* Gives back what was taken. */
void kith_shares_give(struct kith_shares *b, uint64_t owner);

#endif
