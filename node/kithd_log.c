#include "kithd_log.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 2048, TIME_TEXT_MAX = 40 };

static const char *const level_texts[] = { "error", "warn", "info", "debug" };

const char *log_level_text(enum kith_log_level level)
{
	return level_texts[level];
}

bool log_level_parse(enum kith_log_level *out, const char *text)
{
	for (unsigned i = 0; i < sizeof level_texts / sizeof level_texts[0]; i++) {
		if (strcmp(level_texts[i], text) == 0) {
			*out = (enum kith_log_level)i;
			return true;
		}
	}
	return false;
}

static const char *time_text(char out[TIME_TEXT_MAX])
{
	struct timespec now;
	struct tm tm;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	size_t n = strftime(out, TIME_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(out + n, TIME_TEXT_MAX - n, ".%03uZ", (unsigned)(now.tv_nsec / 1000000) % 1000);
	return out;
}

/* A line of bounded length, cut where it is full. */
struct line {
	char b[LINE_MAX_BYTES];
	size_t len;
};

static void add(struct line *line, const char *text)
{
	size_t space = sizeof line->b - line->len, n = strlen(text);
	if (n >= space)
		n = space - 1;
	memcpy(line->b + line->len, text, n);
	line->len += n;
}

/* key=value; values that would not read back as one word are quoted. */
static void add_field(struct line *line, const char *key, json_t *value)
{
	char *dumped = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
	const char *text = json_string_value(value);
	add(line, " ");
	add(line, key);
	add(line, "=");
	if (text != NULL && text[0] != '\0' && text[strcspn(text, " \"=\\\n\r\t")] == '\0')
		add(line, text);
	else if (dumped != NULL)
		add(line, dumped);
	free(dumped);
}

static void write_line(struct line *line)
{
	/* One write, so that lines of several processes do not mix; a full or closed standard error must not stop the
	 * node. */
	line->b[line->len < sizeof line->b - 1 ? line->len++ : line->len - 1] = '\n';
	ssize_t ignored = write(STDERR_FILENO, line->b, line->len);
	(void)ignored;
}

static void emit(const struct logger *log, enum kith_log_level level, const char *event, json_t *fields)
{
	static const char *const syslog_levels[] = { "<3>", "<4>", "<6>", "<7>" };
	struct line line = { .len = 0 };
	char when[TIME_TEXT_MAX];
	const char *key;
	json_t *value;
	if (log->format == LOG_JSON) {
		json_t *all = json_pack("{s:s, s:s, s:s}", "time", time_text(when), "level", level_texts[level],
					"event", event);
		if (all != NULL && fields != NULL)
			json_object_update(all, fields);
		char *dumped = all != NULL ? json_dumps(all, 0) : NULL;
		if (dumped != NULL)
			add(&line, dumped);
		free(dumped);
		json_decref(all);
	} else {
		if (log->format == LOG_TEXT) {
			add(&line, time_text(when));
			add(&line, " ");
			add(&line, level_texts[level]);
			add(&line, " ");
		} else {
			add(&line, syslog_levels[level]);
		}
		add(&line, event);
		json_object_foreach(fields, key, value) add_field(&line, key, value);
	}
	write_line(&line);
}

void log_event(const struct logger *log, enum kith_log_level level, const char *event, const char *fields, ...)
{
	json_error_t error;
	va_list args;
	if (level > log->level)
		return;
	json_t *packed = NULL;
	if (fields != NULL) {
		va_start(args, fields);
		packed = json_vpack_ex(&error, 0, fields, args);
		va_end(args);
	}
	emit(log, level, event, packed);
	json_decref(packed);
}

/* The library's lines, "event key=value ...": its warnings, and at debug everything. What it tells by a callback it
 * does not warn of a second time. */
static void sink(void *ctx, enum kith_log_level level, const char *text)
{
	const struct logger *log = ctx;
	char event[64];
	size_t word = strcspn(text, " ");
	(void)snprintf(event, sizeof event, "%.*s", (int)word, text);
	const char *rest = text + word + (text[word] == ' ' ? 1 : 0);
	if (rest[0] == '\0')
		log_event(log, level, event, NULL);
	else
		log_event(log, level, event, "{s:s}", "detail", rest);
}

void logger_init(struct logger *log, enum kith_log_level level, enum log_format format, bool clear)
{
	log->format = format;
	log->clear = clear;
	log->hook.sink = sink;
	log->hook.ctx = log;
	log->hook.clear = clear;
	logger_set_level(log, level);
}

void logger_set_level(struct logger *log, enum kith_log_level level)
{
	log->level = level;
	log->hook.level = level == KITH_LOG_INFO ? KITH_LOG_WARN : level; /* what goes well kithd tells by itself */
}

const char *log_name(const struct logger *log, const char *name, char out[KITH_NAME_MAX + 1])
{
	if (log->clear)
		(void)snprintf(out, KITH_NAME_MAX + 1, "%s", name);
	else
		(void)snprintf(out, KITH_NAME_MAX + 1, "%.1s...", name);
	return out;
}

const char *log_addr(const struct logger *log, const struct kith_addr *addr, char out[KITH_ADDR_TEXT_MAX])
{
	if (log->clear)
		return kith_addr_format(addr, out);
	(void)snprintf(out, KITH_ADDR_TEXT_MAX, "[%s]",
		       addr->family == KITH_FAMILY_V4	? "v4"
		       : addr->family == KITH_FAMILY_V6 ? "v6"
							: "none");
	return out;
}
