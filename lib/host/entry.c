/* Bootstrap entries; see entry.h. */
#include "host/entry.h"

#include <stdio.h>
#include <string.h>

static bool parse_port(uint16_t *out, const char *text)
{
	unsigned port = 0;
	size_t n = strspn(text, "0123456789");
	if (n == 0 || n > 5 || text[n] != '\0')
		return false;
	for (size_t i = 0; i < n; i++)
		port = port * 10 + (unsigned)(text[i] - '0');
	*out = (uint16_t)port;
	return port > 0 && port <= UINT16_MAX;
}

/* Letters, digits, '-', '.' (and '_', which is seen in the wild). What is nothing but digits and dots was meant as
 * an address. */
static bool host_valid(const char *host, size_t len)
{
	bool letter = false;
	if (len == 0 || len > KITH_ENTRY_HOST_MAX || host[0] == '-' || host[0] == '.')
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = host[i];
		bool alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		letter = letter || alpha;
		if (!alpha && !(c >= '0' && c <= '9') && c != '-' && c != '.' && c != '_')
			return false;
	}
	return letter;
}

bool kith_web_path_valid(const char *path)
{
	size_t len = strlen(path);
	return path[0] == '/' && len < KITH_WEB_PATH_MAX &&
	       strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-._~") == len;
}

const char *kith_entry_path(const struct kith_entry *entry)
{
	return entry->web ? entry->host + strlen(entry->host) + 1 : "";
}

/* A node has some of these: a path has its place in what the name leaves. */
static int put_path(struct kith_entry *e, const char *path)
{
	size_t at = strlen(e->host) + 1, len = strlen(path) + 1;
	if (!e->web)
		return 0;
	if (at + len > sizeof e->host)
		return KITH_EINVAL;
	memcpy(e->host + at, path, len);
	return 0;
}

/* "wss://host:port/path": what is before the path is left in where, with a port. */
static bool parse_url(struct kith_entry *out, char path[KITH_WEB_PATH_MAX], char *where, size_t cap)
{
	enum { SCHEME = 6 };
	if (strncmp(where, "wss://", SCHEME) != 0)
		return true;
	out->web = true;
	memmove(where, where + SCHEME, strlen(where + SCHEME) + 1);
	char *slash = strchr(where, '/');
	(void)snprintf(path, KITH_WEB_PATH_MAX, "%s", slash != NULL && slash[1] != '\0' ? slash : KITH_WEB_PATH);
	if (slash != NULL && slash[1] != '\0' && !kith_web_path_valid(slash))
		return false;
	if (slash != NULL)
		*slash = '\0';
	size_t len = strlen(where);
	const char *bracket = strrchr(where, ']'), *colon = strrchr(where, ':');
	bool has_port = colon != NULL && (bracket == NULL || colon > bracket);
	return has_port || (size_t)snprintf(where + len, cap - len, ":443") < cap - len;
}

int kith_entry_parse(struct kith_entry *out, const char *text)
{
	char where[KITH_ENTRY_HOST_MAX + KITH_WEB_PATH_MAX + 16], path[KITH_WEB_PATH_MAX] = "";
	memset(out, 0, sizeof *out);
	text += strspn(text, " \t");
	size_t len = strcspn(text, " \t\r\n");
	if (len == 0 || len >= sizeof where)
		return KITH_EINVAL;
	memcpy(where, text, len);
	where[len] = '\0';

	char key[KITH_KEY_TEXT_LEN + 1];
	const char *rest = text + len + strspn(text + len, " \t\r\n");
	size_t rest_len = strcspn(rest, " \t\r\n");
	if (rest[rest_len + strspn(rest + rest_len, " \t\r\n")] != '\0')
		return KITH_EINVAL;
	if (rest_len > 0) {
		if (rest_len != KITH_KEY_TEXT_LEN)
			return KITH_EINVAL;
		memcpy(key, rest, rest_len);
		key[rest_len] = '\0';
		if (kith_key_parse(out->key.b, key) != 0)
			return KITH_EINVAL;
		out->has_key = true;
	}
	if (!parse_url(out, path, where, sizeof where))
		return KITH_EINVAL;
	if (kith_addr_parse(&out->addr, where) == 0)
		return out->addr.port != 0 ? put_path(out, path) : KITH_EINVAL;
	memset(&out->addr, 0, sizeof out->addr);
	char *colon = strrchr(where, ':');
	if (colon == NULL || !parse_port(&out->addr.port, colon + 1) || !host_valid(where, (size_t)(colon - where)))
		return KITH_EINVAL;
	memcpy(out->host, where, (size_t)(colon - where));
	out->host[colon - where] = '\0';
	return put_path(out, path);
}

bool kith_entry_equal(const struct kith_entry *a, const struct kith_entry *b)
{
	return strcmp(a->host, b->host) == 0 && kith_addr_equal(&a->addr, &b->addr) && a->web == b->web &&
	       strcmp(kith_entry_path(a), kith_entry_path(b)) == 0;
}

bool kith_bootstrap_valid(const char *entry)
{
	struct kith_entry parsed;
	return entry != NULL && kith_entry_parse(&parsed, entry) == 0;
}
