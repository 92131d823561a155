/* A map from 64-bit keys to 32-bit values: who has an address, what two nodes are to each other.
 *
 * Open addressing over (key, value) slots, no removal. There is no iteration, hence no order to depend on anything.
 * Bounds: grows by doubling; load at most 3/4.
 */
#ifndef KITH_SIM_SIMMAP_H
#define KITH_SIM_SIMMAP_H

#include <kith/err.h>
#include <kith/types.h>

struct kith_simslot {
	uint64_t key;
	uint32_t value;
	bool used;
};

struct kith_simmap {
	struct kith_simslot *slots;
	uint32_t n, cap; /* cap: 0 or a power of two */
	const struct kith_alloc *alloc; /* borrowed */
};

void kith_simmap_init(struct kith_simmap *m, const struct kith_alloc *alloc);
void kith_simmap_deinit(struct kith_simmap *m);

/* The value of key, NULL if it has none. Valid until the next kith_simmap_at. */
uint32_t *kith_simmap_get(const struct kith_simmap *m, uint64_t key);

/* The same, entered as 0 if it had none. NULL when out of memory. Valid until the next call of this. */
uint32_t *kith_simmap_at(struct kith_simmap *m, uint64_t key);

#endif
