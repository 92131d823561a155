/* HTTP heads for WebSockets; see web_http.h. */
#include "host/web_http.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/addr.h"

/* Bytes of a head, from at to end. */
struct text {
	const char *at, *end;
};

int kith_web_head(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len && i < KITH_WEB_HEAD_MAX; i++) {
		const uint8_t b = bytes[i];
		const bool after_cr = i > 0 && bytes[i - 1] == '\r';
		if ((b < ' ' && b != '\t' && b != '\r' && b != '\n') || b == 0x7f || (b == '\n') != after_cr)
			return KITH_EPROTO;
		if (b == '\n' && i >= 3 && bytes[i - 2] == '\n')
			return (int)(i + 1);
	}
	return len < KITH_WEB_HEAD_MAX ? 0 : KITH_EPROTO;
}

/* The next line, without its end. False: none is left. */
static bool next_line(struct text *rest, struct text *line)
{
	const char *end = rest->at < rest->end ? memchr(rest->at, '\r', (size_t)(rest->end - rest->at)) : NULL;
	if (end == NULL)
		return false;
	*line = (struct text){ rest->at, end };
	rest->at = end + 2 <= rest->end ? end + 2 : rest->end;
	return true;
}

/* What is before the next stop; the rest goes on behind it. False: there is no stop. */
static bool cut(struct text *rest, char stop, struct text *part)
{
	const char *at = rest->at < rest->end ? memchr(rest->at, stop, (size_t)(rest->end - rest->at)) : NULL;
	if (at == NULL)
		return false;
	*part = (struct text){ rest->at, at };
	rest->at = at + 1;
	return true;
}

static void trim(struct text *t)
{
	while (t->at < t->end && (*t->at == ' ' || *t->at == '\t'))
		t->at++;
	while (t->end > t->at && (t->end[-1] == ' ' || t->end[-1] == '\t'))
		t->end--;
}

static bool is(const struct text *t, const char *word)
{
	const size_t len = (size_t)(t->end - t->at);
	return len == strlen(word) && strncasecmp(t->at, word, len) == 0;
}

static bool is_exactly(const struct text *t, const char *word)
{
	const size_t len = (size_t)(t->end - t->at);
	return len == strlen(word) && memcmp(t->at, word, len) == 0;
}

/* Whether a list has that word. */
static bool has(struct text list, const char *word)
{
	struct text one;
	while (cut(&list, ',', &one)) {
		trim(&one);
		if (is(&one, word))
			return true;
	}
	trim(&list);
	return is(&list, word);
}

static void copy(char *out, size_t cap, const struct text *t)
{
	const size_t len = (size_t)(t->end - t->at);
	out[0] = '\0';
	if (len >= cap)
		return;
	if (len > 0)
		memcpy(out, t->at, len);
	out[len] = '\0';
}

/* "1.2.3.4", "v6", "[v6]", with a port or without. */
static void read_forwarded(struct kith_addr *out, struct text list)
{
	char text[KITH_ADDR_TEXT_MAX], with_port[KITH_ADDR_TEXT_MAX + 8];
	struct text one;
	while (cut(&list, ',', &one))
		;
	trim(&list);
	copy(text, sizeof text, &list);
	if (text[0] == '\0' || kith_addr_parse(out, text) == 0) {
		out->port = 0;
		return;
	}
	(void)snprintf(with_port, sizeof with_port, text[0] != '[' && strchr(text, ':') != NULL ? "[%s]:1" : "%s:1",
		       text);
	if (kith_addr_parse(out, with_port) != 0)
		*out = (struct kith_addr){ 0 };
	out->port = 0;
}

/* "METHOD /path?query HTTP/1.1". */
static bool read_first(struct kith_web_request *r, struct text line)
{
	struct text method, target, path;
	if (!cut(&line, ' ', &method) || !cut(&line, ' ', &target) || method.at == method.end ||
	    (!is_exactly(&line, "HTTP/1.1") && !is_exactly(&line, "HTTP/1.0")))
		return false;
	r->head = is_exactly(&method, "HEAD");
	r->reads = r->head || is_exactly(&method, "GET");
	path = target;
	(void)cut(&target, '?', &path);
	copy(r->path, sizeof r->path, &path);
	return true;
}

/* What of a request's headers says that it is for a WebSocket. */
enum { HOST = 1, UPGRADE = 2, CONNECTION = 4, VERSION = 8, KEY = 16, ALL = 31 };

static unsigned read_header(struct kith_web_request *r, const struct text *name, const struct text *value)
{
	if (is(name, "host"))
		return HOST;
	if (is(name, "upgrade"))
		return has(*value, "websocket") ? UPGRADE : 0;
	if (is(name, "connection"))
		return has(*value, "upgrade") ? CONNECTION : 0;
	if (is(name, "sec-websocket-version"))
		return is(value, "13") ? VERSION : 0;
	if (is(name, "sec-websocket-key")) {
		copy(r->key, sizeof r->key, value);
		return strlen(r->key) == KITH_WEB_KEY_LEN ? KEY : 0;
	}
	if (is(name, "x-forwarded-for"))
		read_forwarded(&r->forwarded, *value);
	return 0;
}

void kith_web_request_read(struct kith_web_request *out, const uint8_t *head, size_t len)
{
	struct text rest = { (const char *)head, (const char *)head + len }, line, name;
	unsigned said = 0;
	memset(out, 0, sizeof *out);
	out->bad = !next_line(&rest, &line) || !read_first(out, line);
	while (!out->bad && next_line(&rest, &line) && line.at < line.end) {
		out->bad = !cut(&line, ':', &name) || name.at == name.end || name.end[-1] == ' ';
		trim(&line);
		said |= out->bad ? 0 : read_header(out, &name, &line);
	}
	out->bad = out->bad || (said & HOST) == 0;
	out->upgrade = !out->bad && out->reads && !out->head && said == ALL;
}

void kith_web_key(char out[KITH_WEB_KEY_LEN + 1], const uint8_t nonce[KITH_WEB_NONCE_LEN])
{
	(void)EVP_EncodeBlock((unsigned char *)out, nonce, KITH_WEB_NONCE_LEN);
}

/* What answers a key: RFC 6455, 4.2.2. */
static void accept_of(char out[KITH_WEB_ACCEPT_LEN + 1], const char *key)
{
	enum { SHA1_LEN = 20 };
	unsigned char digest[EVP_MAX_MD_SIZE] = { 0 };
	char text[KITH_WEB_KEY_LEN + 40];
	int n = snprintf(text, sizeof text, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
	(void)EVP_Digest(text, (size_t)n, digest, NULL, EVP_sha1(), NULL);
	(void)EVP_EncodeBlock((unsigned char *)out, digest, SHA1_LEN);
}

void kith_web_place_text(char out[KITH_WEB_HOST_MAX], const struct kith_web_place *place)
{
	char addr[KITH_ADDR_TEXT_MAX];
	if (place->host == NULL)
		(void)snprintf(out, KITH_WEB_HOST_MAX, "%s", kith_addr_format(&place->addr, addr));
	else
		(void)snprintf(out, KITH_WEB_HOST_MAX, "%s:%u", place->host, place->addr.port);
	if (place->addr.port == 443)
		*strrchr(out, ':') = '\0';
}

size_t kith_web_request_write(char out[KITH_WEB_SAYS_MAX], const struct kith_web_place *place,
			      const char key[KITH_WEB_KEY_LEN + 1])
{
	char host[KITH_WEB_HOST_MAX];
	kith_web_place_text(host, place);
	int n = snprintf(out, KITH_WEB_SAYS_MAX,
			 "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nPragma: no-cache\r\n"
			 "Cache-Control: no-cache\r\nUser-Agent: Mozilla/5.0\r\nUpgrade: websocket\r\n"
			 "Origin: https://%s\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n",
			 place->path, host, host, key);
	return n > 0 && n < KITH_WEB_SAYS_MAX ? (size_t)n : 0;
}

/* ---- answers ---- */

static size_t say_page(char out[KITH_WEB_SAYS_MAX], const char *status, const char *says, const char *more, bool bare,
		       time_t now)
{
	char date[40] = "", page[320];
	struct tm tm;
	if (gmtime_r(&now, &tm) != NULL)
		(void)strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
	int len = snprintf(page, sizeof page,
			   "<!DOCTYPE html>\n<html><head><title>%s</title></head>\n<body><h1>%s</h1></body></html>\n",
			   says, says);
	int n = snprintf(out, KITH_WEB_SAYS_MAX,
			 "HTTP/1.1 %s\r\nDate: %s\r\nContent-Type: text/html\r\nContent-Length: %d\r\n%s"
			 "Connection: close\r\n\r\n%s",
			 status, date, len, more, bare ? "" : page);
	return (size_t)n;
}

size_t kith_web_answer_write(char out[KITH_WEB_SAYS_MAX], const struct kith_web_request *r, const char *path,
			     time_t now, bool *opens)
{
	char accept[KITH_WEB_ACCEPT_LEN + 1];
	*opens = false;
	if (r->bad)
		return say_page(out, "400 Bad Request", "Bad Request", "", false, now);
	if (!r->reads)
		return say_page(out, "405 Method Not Allowed", "Method Not Allowed", "Allow: GET, HEAD\r\n", false,
				now);
	if (r->upgrade && strcmp(r->path, path) == 0) {
		*opens = true;
		accept_of(accept, r->key);
		int n = snprintf(out, KITH_WEB_SAYS_MAX,
				 "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
				 "Sec-WebSocket-Accept: %s\r\n\r\n",
				 accept);
		return (size_t)n;
	}
	if (strcmp(r->path, "/") == 0)
		return say_page(out, "200 OK", "It works!", "", r->head, now);
	return say_page(out, "404 Not Found", "Not Found", "", r->head, now);
}

int kith_web_answer_read(const uint8_t *head, size_t len, const char key[KITH_WEB_KEY_LEN + 1])
{
	struct text rest = { (const char *)head, (const char *)head + len }, line, name;
	char accept[KITH_WEB_ACCEPT_LEN + 1];
	bool accepted = false;
	int status = 0;
	if (!next_line(&rest, &line) || line.end - line.at < 12 || strncmp(line.at, "HTTP/1.", 7) != 0 ||
	    line.at[8] != ' ')
		return KITH_EPROTO;
	for (int i = 9; i < 12; i++) {
		if (line.at[i] < '0' || line.at[i] > '9')
			return KITH_EPROTO;
		status = status * 10 + (line.at[i] - '0');
	}
	if (status != 101)
		return status > 0 ? status : KITH_EPROTO;
	accept_of(accept, key);
	while (next_line(&rest, &line) && cut(&line, ':', &name)) {
		trim(&line);
		accepted = accepted || (is(&name, "sec-websocket-accept") && is_exactly(&line, accept));
	}
	return accepted ? 0 : KITH_EPROTO;
}
