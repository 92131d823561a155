#include "host/proxy.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/assert.h"

enum {
	VERSION = 5,
	AUTH_VERSION = 1,
	METHOD_NONE = 0,
	METHOD_PASSWORD = 2,
	CONNECT = 1,
	TYPE_V4 = 1,
	TYPE_NAME = 3,
	TYPE_V6 = 4,
	REPLY_HEAD = 4, /* version, reply, reserved, type of the address */
	PORT_LEN = 2,
	NOT_ALLOWED = 2, /* of replies */
	FIRST_LINE = 12 /* "HTTP/1.1 200" */
};

enum step { METHOD, PASSWORD, REPLY, REPLY_NAME, SKIPPED, HEAD };

static void clear(struct kith_proxy *p)
{
	memset(p, 0, sizeof *p);
}

/* Up to end, which is not copied. False: too long, or nothing. */
static bool copy(char out[KITH_PROXY_USER_MAX], const char *from, const char *end)
{
	size_t n = (size_t)(end - from);
	if (n == 0 || n >= KITH_PROXY_USER_MAX)
		return false;
	memcpy(out, from, n);
	out[n] = '\0';
	return true;
}

int kith_proxy_parse(struct kith_proxy *out, const char *text)
{
	static const char socks[] = "socks5://", http[] = "http://";
	clear(out);
	bool is_socks = strncmp(text, socks, sizeof socks - 1) == 0;
	if (!is_socks && strncmp(text, http, sizeof http - 1) != 0)
		return KITH_EINVAL;
	const char *at = text + (is_socks ? sizeof socks : sizeof http) - 1, *host = strrchr(at, '@');
	if (host != NULL) {
		const char *colon = memchr(at, ':', (size_t)(host - at));
		if (colon == NULL || !copy(out->user, at, colon) || !copy(out->password, colon + 1, host)) {
			clear(out);
			return KITH_EINVAL;
		}
		at = host + 1;
	}
	size_t len = strlen(at);
	char address[KITH_ADDR_TEXT_MAX];
	if (len > 0 && at[len - 1] == '/') /* as environments have it */
		len--;
	if (len >= sizeof address) {
		clear(out);
		return KITH_EINVAL;
	}
	memcpy(address, at, len);
	address[len] = '\0';
	if (kith_addr_parse(&out->at, address) != 0 || out->at.port == 0) {
		clear(out);
		return KITH_EINVAL;
	}
	out->kind = is_socks ? KITH_PROXY_SOCKS5 : KITH_PROXY_HTTP;
	return 0;
}

static void put(struct kith_proxy_talk *t, const void *bytes, size_t n)
{
	KITH_ASSERT(t->says_len + n <= sizeof t->says);
	memcpy(t->says + t->says_len, bytes, n);
	t->says_len = (uint16_t)(t->says_len + n);
}

static void put_byte(struct kith_proxy_talk *t, unsigned byte)
{
	put(t, &(uint8_t){ (uint8_t)byte }, 1);
}

static void put_string(struct kith_proxy_talk *t, const char *s)
{
	put_byte(t, (unsigned)strlen(s));
	put(t, s, strlen(s));
}

static void await(struct kith_proxy_talk *t, enum step step, unsigned need)
{
	t->step = (uint8_t)step;
	t->need = (uint8_t)need;
	t->got = 0;
}

static void ask_socks(struct kith_proxy_talk *t)
{
	bool v4 = t->remote.family == KITH_FAMILY_V4;
	put_byte(t, VERSION);
	put_byte(t, CONNECT);
	put_byte(t, 0);
	put_byte(t, v4 ? TYPE_V4 : TYPE_V6);
	put(t, t->remote.ip, v4 ? 4 : sizeof t->remote.ip);
	put_byte(t, t->remote.port >> 8);
	put_byte(t, t->remote.port & 0xff);
	await(t, REPLY, REPLY_HEAD);
}

static void ask_http(struct kith_proxy_talk *t)
{
	char to[KITH_ADDR_TEXT_MAX], pair[2 * KITH_PROXY_USER_MAX], text[KITH_PROXY_SAYS_MAX];
	char coded[sodium_base64_ENCODED_LEN(sizeof pair, sodium_base64_VARIANT_ORIGINAL)] = "";
	kith_addr_format(&t->remote, to);
	if (t->proxy->user[0] != '\0') {
		int n = snprintf(pair, sizeof pair, "%s:%s", t->proxy->user, t->proxy->password);
		(void)sodium_bin2base64(coded, sizeof coded, (const uint8_t *)pair, (size_t)n,
					sodium_base64_VARIANT_ORIGINAL);
	}
	int n = snprintf(text, sizeof text, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n%s%s%s\r\n", to, to,
			 coded[0] != '\0' ? "Proxy-Authorization: Basic " : "", coded, coded[0] != '\0' ? "\r\n" : "");
	KITH_ASSERT(n > 0 && n < (int)sizeof text);
	put(t, text, (size_t)n);
	sodium_memzero(pair, sizeof pair);
	await(t, HEAD, 1);
}

void kith_proxy_begin(struct kith_proxy_talk *t, const struct kith_proxy *proxy, const struct kith_addr *remote)
{
	KITH_ASSERT(proxy->kind != KITH_PROXY_NONE);
	memset(t, 0, sizeof *t);
	t->proxy = proxy;
	t->remote = *remote;
	if (proxy->kind == KITH_PROXY_HTTP) {
		ask_http(t);
		return;
	}
	bool user = proxy->user[0] != '\0';
	put_byte(t, VERSION);
	put_byte(t, user ? 2 : 1);
	put_byte(t, METHOD_NONE);
	if (user)
		put_byte(t, METHOD_PASSWORD);
	await(t, METHOD, 2);
}

size_t kith_proxy_says(const struct kith_proxy_talk *t, const uint8_t **bytes)
{
	*bytes = t->says + t->says_at;
	return t->says_len - t->says_at;
}

void kith_proxy_said(struct kith_proxy_talk *t, size_t n)
{
	KITH_ASSERT(n <= (size_t)(t->says_len - t->says_at));
	t->says_at = (uint16_t)(t->says_at + n);
	if (t->says_at == t->says_len)
		t->says_at = t->says_len = 0;
}

size_t kith_proxy_wants(const struct kith_proxy_talk *t)
{
	return t->step == HEAD ? 1 : (size_t)(t->need - t->got);
}

/* ---- SOCKS ---- */

static int method_came(struct kith_proxy_talk *t)
{
	if (t->part[0] != VERSION)
		return KITH_EPROTO;
	if (t->part[1] == METHOD_NONE) {
		ask_socks(t);
		return 0;
	}
	if (t->part[1] != METHOD_PASSWORD || t->proxy->user[0] == '\0')
		return KITH_EACCES;
	put_byte(t, AUTH_VERSION);
	put_string(t, t->proxy->user);
	put_string(t, t->proxy->password);
	await(t, PASSWORD, 2);
	return 0;
}

static int password_came(struct kith_proxy_talk *t)
{
	if (t->part[0] != AUTH_VERSION)
		return KITH_EPROTO;
	if (t->part[1] != 0)
		return KITH_EACCES;
	ask_socks(t);
	return 0;
}

/* The address that the proxy speaks from is of no use. A name may be longer than a part: it is skipped in pieces. */
static void skip(struct kith_proxy_talk *t, unsigned n)
{
	t->left = (uint16_t)n;
	await(t, SKIPPED, n < sizeof t->part ? n : (unsigned)sizeof t->part);
}

static int reply_came(struct kith_proxy_talk *t)
{
	if (t->part[0] != VERSION)
		return KITH_EPROTO;
	if (t->part[1] != 0)
		return t->part[1] == NOT_ALLOWED ? KITH_EACCES : KITH_EUNREACHABLE;
	if (t->part[3] == TYPE_V4)
		skip(t, 4 + PORT_LEN);
	else if (t->part[3] == TYPE_V6)
		skip(t, 16 + PORT_LEN);
	else if (t->part[3] == TYPE_NAME)
		await(t, REPLY_NAME, 1);
	else
		return KITH_EPROTO;
	return 0;
}

static int part_came(struct kith_proxy_talk *t)
{
	switch ((enum step)t->step) {
	case METHOD:
		return method_came(t);
	case PASSWORD:
		return password_came(t);
	case REPLY:
		return reply_came(t);
	case REPLY_NAME:
		skip(t, t->part[0] + PORT_LEN);
		return 0;
	case SKIPPED:
		if (t->left == t->got)
			return 1;
		skip(t, t->left - t->got);
		return 0;
	case HEAD:
		break;
	}
	return KITH_EPROTO;
}

/* ---- HTTP ---- */

static int status_of(const struct kith_proxy_talk *t)
{
	const char *s = (const char *)t->part;
	if (t->got < FIRST_LINE || memcmp(s, "HTTP/1.", 7) != 0 || s[8] != ' ')
		return KITH_EPROTO;
	if (s[9] == '2')
		return 1;
	bool denied = memcmp(s + 9, "407", 3) == 0 || memcmp(s + 9, "403", 3) == 0 || memcmp(s + 9, "401", 3) == 0;
	return denied ? KITH_EACCES : s[9] >= '3' && s[9] <= '5' ? KITH_EUNREACHABLE : KITH_EPROTO;
}

/* One byte of the head; the empty line ends it. */
static int head_byte(struct kith_proxy_talk *t, uint8_t byte)
{
	static const uint8_t end[] = { '\r', '\n', '\r', '\n' };
	if (t->got < FIRST_LINE)
		t->part[t->got++] = byte;
	if (t->got <= 5 && memcmp(t->part, "HTTP/", t->got) != 0)
		return KITH_EPROTO;
	t->end = byte == end[t->end] ? (uint8_t)(t->end + 1) : byte == end[0] ? 1 : 0;
	if (t->end == sizeof end)
		return status_of(t);
	return ++t->left >= KITH_PROXY_HEAD_MAX ? KITH_EPROTO : 0;
}

int kith_proxy_heard(struct kith_proxy_talk *t, const uint8_t *bytes, size_t n)
{
	KITH_ASSERT(n <= kith_proxy_wants(t));
	if (t->step == HEAD)
		return n == 0 ? 0 : head_byte(t, bytes[0]);
	memcpy(t->part + t->got, bytes, n);
	t->got = (uint8_t)(t->got + n);
	return t->got < t->need ? 0 : part_came(t);
}
