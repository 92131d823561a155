#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void kith_log_write(const struct kith_log *log, enum kith_log_level level, const char *fmt, ...)
{
	char line[KITH_LOG_LINE_MAX];
	if (log == NULL || log->sink == NULL || level > log->level)
		return;
	va_list args;
	va_start(args, fmt);
	int len = vsnprintf(line, sizeof line, fmt, args);
	va_end(args);
	if (len < 0)
		return;
	/* Some values come from strangers: no control byte may start a line of its own or drive a terminal. */
	for (char *p = line; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	}
	log->sink(log->ctx, level, line);
}

const char *kith_log_addr(const struct kith_log *log, const struct kith_addr *addr, char out[KITH_ADDR_TEXT_MAX])
{
	if (log != NULL && log->clear)
		return kith_addr_format(addr, out);
	const char *text = "none";
	if (addr->family == KITH_FAMILY_V4)
		text = "v4[redacted]";
	else if (addr->family == KITH_FAMILY_V6)
		text = "v6[redacted]";
	(void)snprintf(out, KITH_ADDR_TEXT_MAX, "%s", text);
	return out;
}

const char *kith_log_name(const struct kith_log *log, const char *name, char out[KITH_NAME_MAX + 1])
{
	/* The number of dots is fixed: the length of a name would narrow it down. */
	if (name == NULL || name[0] == '\0')
		out[0] = '\0';
	else if (log != NULL && log->clear)
		(void)snprintf(out, KITH_NAME_MAX + 1, "%.*s", KITH_NAME_MAX, name);
	else
		(void)snprintf(out, KITH_NAME_MAX + 1, "%c...", name[0]);
	return out;
}
