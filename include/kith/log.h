/* The log sink an application may inject. */
#ifndef KITH_LOG_H
#define KITH_LOG_H

#include <kith/types.h>

/* How urgent a line is. */
enum kith_log_level { KITH_LOG_ERROR, KITH_LOG_WARN, KITH_LOG_INFO, KITH_LOG_DEBUG };

/* Receives one finished event: "event key=value key=value", no line end. Addresses and names are redacted unless
 * clear is set. Borrowed until it returns. It must not call back into the library. */
struct kith_log { /* fixed */
	/* Takes a line. */
	void (*sink)(void *ctx, enum kith_log_level level, const char *line);
	void *ctx; /* its first argument */
	enum kith_log_level level; /* the least urgent level that is passed on */
	bool clear; /* true: addresses and names are written out */
};

#endif
