/* Asking a proxy for a connection: SOCKS 5 (RFC 1928, with the user name and password of RFC 1929), or HTTP's CONNECT
 * (RFC 9110, 9.3.6, with Basic authentication). What is said and heard, without a socket.
 *
 * Whoever has a connection to the proxy sends what kith_proxy_says, and hands in what came, as many bytes as
 * kith_proxy_wants at most: what comes behind the proxy's last byte is the remote side's.
 * Bounds: KITH_PROXY_HEAD_MAX bytes of an HTTP answer.
 * Never: a name that is looked up, a password in a text.
 */
#ifndef KITH_HOST_PROXY_H
#define KITH_HOST_PROXY_H

#include <kith/err.h>
#include <kith/types.h>

#define KITH_PROXY_USER_MAX 64 /* with NUL; of the password too */
#define KITH_PROXY_HEAD_MAX 8192
#define KITH_PROXY_SAYS_MAX 512

enum kith_proxy_kind { KITH_PROXY_NONE, KITH_PROXY_SOCKS5, KITH_PROXY_HTTP };

struct kith_proxy {
	uint8_t kind; /* enum kith_proxy_kind */
	struct kith_addr at;
	char user[KITH_PROXY_USER_MAX], password[KITH_PROXY_USER_MAX]; /* user empty: none is told */
};

/* Of "socks5://[USER:PASSWORD@]ADDRESS:PORT" or "http://...". KITH_EINVAL; out is KITH_PROXY_NONE then. */
int kith_proxy_parse(struct kith_proxy *out, const char *text) KITH_MUST_USE;

struct kith_proxy_talk {
	const struct kith_proxy *proxy; /* borrowed */
	struct kith_addr remote;
	uint8_t step; /* enum step */
	uint8_t need; /* SOCKS: bytes of the next part */
	uint8_t got, part[32]; /* of it; HTTP: of the first line */
	uint8_t end; /* HTTP: bytes of the empty line so far */
	uint16_t left; /* SOCKS: bytes of the address to skip; HTTP: bytes that came */
	uint16_t says_at, says_len;
	uint8_t says[KITH_PROXY_SAYS_MAX];
};

void kith_proxy_begin(struct kith_proxy_talk *t, const struct kith_proxy *proxy, const struct kith_addr *remote);

/* What is to be sent now: its length, 0: nothing. */
size_t kith_proxy_says(const struct kith_proxy_talk *t, const uint8_t **bytes);
void kith_proxy_said(struct kith_proxy_talk *t, size_t n);

/* How many bytes may be read now, 1 or more. */
size_t kith_proxy_wants(const struct kith_proxy_talk *t);

/* n bytes came (0 to kith_proxy_wants). 1: the connection to remote stands; 0: not yet; KITH_EACCES: the proxy wants
 * another user or password, or does not allow it; KITH_EUNREACHABLE: it has not reached remote; KITH_EPROTO: it is no
 * such proxy. */
int kith_proxy_heard(struct kith_proxy_talk *t, const uint8_t *bytes, size_t n) KITH_MUST_USE;

#endif
