/* A Feistel network over 56 bits: four rounds with a pseudo-random function (SipHash with our secret) make a
 * permutation that who does not know it cannot tell from a random one (Luby and Rackoff, 1988). */
#include "session/names.h"

#include "base/bytes.h"
#include "base/table.h"

enum { ROUNDS = 4, HALF_BITS = 28, INDEX_BITS = 24 /* of an index, without its shard */ };

#define HALF_MASK ((UINT32_C(1) << HALF_BITS) - 1)

void kith_names_init(struct kith_names *ns, const uint64_t seed[2])
{
	*ns = (struct kith_names){ .seed = { seed[0], seed[1] } };
}

static uint32_t round_of(const struct kith_names *ns, uint64_t round, uint32_t half)
{
	uint8_t in[8];
	kith_number_bytes(in, sizeof in, round << 32 | half);
	return (uint32_t)kith_hash64(ns->seed, in, sizeof in) & HALF_MASK;
}

static uint64_t encipher(const struct kith_names *ns, uint64_t plain)
{
	uint32_t left = (uint32_t)(plain >> HALF_BITS), right = (uint32_t)plain & HALF_MASK;
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint32_t next = left ^ round_of(ns, i, right);
		left = right;
		right = next;
	}
	return (uint64_t)left << HALF_BITS | right;
}

static uint64_t decipher(const struct kith_names *ns, uint64_t sealed)
{
	uint32_t left = (uint32_t)(sealed >> HALF_BITS) & HALF_MASK, right = (uint32_t)sealed & HALF_MASK;
	for (unsigned i = ROUNDS; i-- > 0;) {
		uint32_t before = right ^ round_of(ns, i, left);
		right = left;
		left = before;
	}
	return (uint64_t)left << HALF_BITS | right;
}

uint64_t kith_names_new(struct kith_names *ns, uint32_t index)
{
	uint64_t shard = index >> INDEX_BITS, rest = index & ((UINT32_C(1) << INDEX_BITS) - 1), name;
	do {
		name = shard << 2 * HALF_BITS | encipher(ns, rest << 32 | ns->next++);
	} while (name == 0);
	return name;
}

uint32_t kith_names_index(const struct kith_names *ns, uint64_t name, uint32_t *number)
{
	uint64_t plain = decipher(ns, name & ((UINT64_C(1) << 2 * HALF_BITS) - 1));
	*number = (uint32_t)plain;
	return (uint32_t)(name >> 2 * HALF_BITS) << INDEX_BITS | (uint32_t)(plain >> 32);
}
