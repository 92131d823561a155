/* Text that grows up to its bound; what does not fit is cut.
 *
 * Never: an allocation.
 */
#ifndef KITH_CALL_WORDS_H
#define KITH_CALL_WORDS_H

#include <stdarg.h>
#include <stdio.h>

#include <kith/types.h>

struct kith_words {
	char *out;
	size_t len, cap;
};

static inline void kith_words_say(struct kith_words *t, const char *fmt, ...) KITH_PRINTF(2, 3);

static inline void kith_words_say(struct kith_words *t, const char *fmt, ...)
{
	va_list ap;
	if (t->len + 1 >= t->cap)
		return;
	va_start(ap, fmt);
	int n = vsnprintf(t->out + t->len, t->cap - t->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->len = t->len + (size_t)n < t->cap ? t->len + (size_t)n : t->cap - 1;
}

#endif
