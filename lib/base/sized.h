/* Structs of the public API whose length depends on the version that the caller was compiled with: what of them is
 * read and written (the rule is in <kith/types.h>). Never beyond the caller's length, and never beyond our own. */
#ifndef KITH_BASE_SIZED_H
#define KITH_BASE_SIZED_H

#include <stdbool.h>
#include <stddef.h>

/* Copies in, which begins with its size, over what is in out: what the caller does not know keeps its default, and out
 * has its own size. False, and nothing was copied: in is NULL, or its size was never filled in. */
bool kith_sized_read(void *out, size_t out_size, const void *in);

/* Copies to the caller as many bytes as it has room for; what we do not know is zero. */
void kith_sized_write(void *out, size_t out_size, const void *in, size_t in_size);

#endif
