/* Hash tables of pointers, keyed by bytes found inside the element. Open addressing, linear probing, backward-shift
 * deletion, so that no tombstones pile up.
 *
 * The hash is SipHash-2-4, keyed per table: a stranger who chooses keys cannot aim at one bucket. Iteration is by slot:
 * its order follows from the seed and the history of insertions and removals, never from pointers, nor from how a
 * machine keeps the bytes of a number. (A key of several numbers in a struct would depend on that: none is.)
 * Bounds: max elements given at init; inserting beyond it is KITH_EFULL and the caller evicts by its own rule.
 */
#ifndef KITH_BASE_TABLE_H
#define KITH_BASE_TABLE_H

#include <kith/err.h>
#include <kith/types.h>

/* Where the key lies in an element. */
struct kith_table_key {
	uint16_t offset;
	uint8_t len;
	bool number; /* and not bytes */
};

struct kith_table {
	void **slots;
	uint32_t n, cap; /* cap is 0 or a power of two; load stays at or below 3/4 */
	uint32_t max;
	struct kith_table_key key;
	uint64_t seed[2];
	const struct kith_alloc *alloc; /* borrowed */
};

/* KITH_TABLE_KEY(struct session, index): a member used as key: up to 255 bytes, or an unsigned number. */
#define KITH_TABLE_IS_NUMBER(x) _Generic((x), uint16_t : true, uint32_t : true, uint64_t : true, default : false)
#define KITH_TABLE_KEY(type, member)                                                                                   \
	((struct kith_table_key){ (uint16_t)offsetof(type, member), (uint8_t)sizeof(((type *)0)->member),              \
				  KITH_TABLE_IS_NUMBER(((type *)0)->member) })

void kith_table_init(struct kith_table *t, const struct kith_alloc *alloc, uint32_t max, struct kith_table_key key,
		     const uint64_t seed[2]);

/* Frees the slots, not the elements. */
void kith_table_deinit(struct kith_table *t);

/* NULL if absent. key points to the bytes of the key, or to the number. */
void *kith_table_get(const struct kith_table *t, const void *key);

/* KITH_EEXIST when an element with that key is in, KITH_EFULL at max, KITH_ENOMEM. The element is borrowed while in. */
int kith_table_put(struct kith_table *t, void *element) KITH_MUST_USE;

/* Takes out and returns the element with that key, or NULL. */
void *kith_table_remove(struct kith_table *t, const void *key);

/* Iteration: start with *it = 0; NULL at the end. The table must not change while iterating, but for
 * kith_table_remove of the element just returned followed by (*it)--, which is safe for a sweep that may visit
 * an element twice. */
void *kith_table_next(const struct kith_table *t, uint32_t *it);

/* Keyed 64-bit hash of bytes (SipHash-2-4), for owners that need one of their own. */
uint64_t kith_hash64(const uint64_t seed[2], const void *p, size_t len);

#endif
