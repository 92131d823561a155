/* Memory of a simulation: one pool, and an account for each who draws on it.
 *
 * The pool hands out blocks of 8-byte size classes up to KITH_SIMALLOC_SMALL_MAX from chunks, larger ones from libc. A
 * block is aligned to 16 bytes if its class is a multiple of 16, else to 8: no type needs more whose size that may be.
 * No header per block: the caller's exact length, which the sized hook demands, is enough. A checked pool takes every
 * block from libc with its length in front and asserts that it is given back with that length; for tests, and for
 * sanitizers. An account knows what its holder holds now and held at most, which is how bytes per role are measured.
 * Invariants: live bytes of all accounts sum up to the pool's. Bounds: none but an account's limit (0: none), beyond
 * which allocation fails.
 * Never: an order that depends on addresses. One thread.
 */
#ifndef KITH_SIM_SIMALLOC_H
#define KITH_SIM_SIMALLOC_H

#include <kith/types.h>

#define KITH_SIMALLOC_SMALL_MAX 2048u
#define KITH_SIMALLOC_GRAIN 8u
#define KITH_SIMALLOC_ALIGN 16u
#define KITH_SIMALLOC_CLASSES (KITH_SIMALLOC_SMALL_MAX / KITH_SIMALLOC_GRAIN + 1)

struct kith_simchunk;

/* What is left of a chunk. */
struct kith_simbump {
	uint8_t *at;
	size_t left;
};

struct kith_simpool {
	struct kith_simchunk *chunks;
	struct kith_simbump bump[2]; /* for classes that are a multiple of the alignment, and for the others */
	void *free[KITH_SIMALLOC_CLASSES];
	uint64_t live_bytes, peak_bytes;
	uint64_t chunk_bytes; /* taken from libc for small blocks */
	bool checked;
};

struct kith_simaccount {
	struct kith_alloc alloc; /* to be handed out as &account->alloc */
	struct kith_simpool *pool;
	uint64_t live_bytes, peak_bytes, limit_bytes;
	uint32_t live_blocks;
};

void kith_simpool_init(struct kith_simpool *pool, bool checked);
/* Returns all chunks, whoever still holds blocks of them. */
void kith_simpool_deinit(struct kith_simpool *pool);

/* The account must not move while anything is allocated on it. */
void kith_simaccount_init(struct kith_simaccount *account, struct kith_simpool *pool);

#endif
