/* Sized allocation through the injected hook.
 *
 * Every owner of memory keeps the length it asked for: that is what lets a simulator give each partition one arena.
 * Never: libc malloc, a hidden header per allocation, a global.
 */
#ifndef KITH_BASE_ALLOC_H
#define KITH_BASE_ALLOC_H

#include <string.h>

#include <kith/types.h>

/* Zeroed memory of len bytes, or NULL. */
static inline void *kith_alloc_zero(const struct kith_alloc *a, size_t len)
{
	void *p = a->realloc_fn(a->ctx, NULL, 0, len);
	if (p != NULL)
		memset(p, 0, len);
	return p;
}

/* Frees what was allocated with exactly len bytes; NULL is allowed. */
static inline void kith_alloc_free(const struct kith_alloc *a, void *p, size_t len)
{
	if (p != NULL)
		(void)a->realloc_fn(a->ctx, p, len, 0);
}

/* Resizes; on failure returns NULL and p stays valid. New bytes are not zeroed. */
static inline void *kith_alloc_resize(const struct kith_alloc *a, void *p, size_t old_len, size_t new_len)
{
	return a->realloc_fn(a->ctx, p, old_len, new_len);
}

#define KITH_NEW(a, type) ((type *)kith_alloc_zero((a), sizeof(type)))
#define KITH_FREE(a, p) kith_alloc_free((a), (p), sizeof *(p))
#define KITH_NEW_ARRAY(a, type, n) ((type *)kith_alloc_zero((a), sizeof(type) * (size_t)(n)))
#define KITH_FREE_ARRAY(a, p, n) kith_alloc_free((a), (p), sizeof *(p) * (size_t)(n))

#endif
