/* A bootstrap entry as an operator writes it: "host:port", "1.2.3.4:port", "[v6]:port", or "wss://host/path" (with a
 * port behind the host unless it is 443) of one that is reached by WebSockets; and after a blank the supernode's device
 * key (52 characters), if known. The text alone: no name is looked for here.
 * Bounds: names of KITH_ENTRY_HOST_MAX characters (letters, digits, '-', '.', '_'), ports from 1 to 65535, paths of
 * KITH_WEB_PATH_MAX, and both together those of a name.
 */
#ifndef KITH_HOST_ENTRY_H
#define KITH_HOST_ENTRY_H

#include <kith/node.h>

#define KITH_ENTRY_HOST_MAX 253 /* RFC 1035 */
#define KITH_WEB_PATH "/ws" /* of a URL, unless it says another */
#define KITH_WEB_PATH_MAX 64 /* with NUL */

struct kith_entry {
	char host[KITH_ENTRY_HOST_MAX + 1]; /* "": addr holds a literal. Behind the NUL a URL's path */
	struct kith_addr addr; /* with the port in any case */
	struct kith_key key;
	bool has_key;
	bool web; /* a URL */
};

/* Of a URL; else "". */
const char *kith_entry_path(const struct kith_entry *entry);

/* Whether it is a path of a URL: begins with '/', plain characters, no query. */
bool kith_web_path_valid(const char *path);

/* KITH_EINVAL. */
int kith_entry_parse(struct kith_entry *out, const char *text) KITH_MUST_USE;

bool kith_entry_equal(const struct kith_entry *a, const struct kith_entry *b); /* the same host and port, or URL */

#endif
