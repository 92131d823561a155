/* Copying short texts into fields of fixed size. */
#ifndef KITH_BASE_TEXT_H
#define KITH_BASE_TEXT_H

#include <string.h>

#include "base/assert.h"

/* Copies text with its NUL; that it fits was checked before (asserted). */
static inline void kith_text_copy(char *out, size_t cap, const char *text)
{
	size_t len = strlen(text);
	KITH_ASSERT(len < cap);
	memcpy(out, text, len + 1);
}

#endif
