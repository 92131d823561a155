/* kithd's log: one line per event, to standard error.
 *
 *     text      2026-01-31T23:59:59.123Z info attached homes=3
 *     json      {"time": "2026-01-31T23:59:59.123Z", "level": "info", "event": "attached", "homes": 3}
 *     journal   <6>attached homes=3      for systemd, which knows the time and takes the level from the front
 *
 * Names and addresses are written out only if clear is set. */
#ifndef KITH_NODE_KITHD_LOG_H
#define KITH_NODE_KITHD_LOG_H

#include <kith/kith.h>

enum log_format { LOG_TEXT, LOG_JSON, LOG_JOURNAL };

struct logger {
	enum kith_log_level level;
	enum log_format format;
	bool clear;
	struct kith_log hook; /* for the library; set by logger_init */
};

void logger_init(struct logger *log, enum kith_log_level level, enum log_format format, bool clear);
void logger_set_level(struct logger *log, enum kith_log_level level);

/* An event and its fields, as json_pack's format has it: log_event(log, KITH_LOG_INFO, "attached", "{s:i}", "homes",
 * 3). */
void log_event(const struct logger *log, enum kith_log_level level, const char *event, const char *fields, ...);

/* A name or an address as it may be logged, into out. */
const char *log_name(const struct logger *log, const char *name, char out[KITH_NAME_MAX + 1]);
const char *log_addr(const struct logger *log, const struct kith_addr *addr, char out[KITH_ADDR_TEXT_MAX]);

const char *log_level_text(enum kith_log_level level);
/* False when it is no level. */
bool log_level_parse(enum kith_log_level *out, const char *text);

#endif
