/* One line per event, level first, key=value. No secrets, ever; addresses and names through the redacting helpers. */
#ifndef KITH_BASE_LOG_H
#define KITH_BASE_LOG_H

#include <kith/log.h>

#define KITH_LOG_LINE_MAX 512 /* longer lines are cut */

/* log may be NULL: nothing happens. The format is evaluated only if the level passes. */
void kith_log_write(const struct kith_log *log, enum kith_log_level level, const char *fmt, ...) KITH_PRINTF(3, 4);

#define KITH_LOG(log, lvl, ...)                                                                                        \
	do {                                                                                                           \
		if ((log) != NULL && (lvl) <= (log)->level)                                                            \
			kith_log_write((log), (lvl), __VA_ARGS__);                                                     \
	} while (0)

/* The address, or "[redacted]" with the family kept, into out; returns out. */
const char *kith_log_addr(const struct kith_log *log, const struct kith_addr *addr, char out[KITH_ADDR_TEXT_MAX]);

/* The name, or its first letter and dots. */
const char *kith_log_name(const struct kith_log *log, const char *name, char out[KITH_NAME_MAX + 1]);

#endif
