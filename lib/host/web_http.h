/* What HTTP/1.1 needs for WebSockets (RFC 9112, RFC 6455 section 4): heads of requests and answers, read and written.
 *
 * A server answers as a plain web server whoever does not ask for a WebSocket at its path: with a page at "/", with 404
 * at all else, the path itself among it. Nothing that it says names this library.
 * Bounds: KITH_WEB_HEAD_MAX bytes of a head. A head has lines that end with CR LF, and no other control characters.
 * Never: a socket, a body that is read, memory that is allocated.
 */
#ifndef KITH_HOST_WEB_HTTP_H
#define KITH_HOST_WEB_HTTP_H

#include <time.h>

#include <kith/err.h>
#include <kith/types.h>

#include "host/web.h"

#define KITH_WEB_HEAD_MAX 8192 /* as much as common servers take */
#define KITH_WEB_SAYS_MAX 1024 /* bytes of a request or an answer of ours */
#define KITH_WEB_HOST_MAX 272
#define KITH_WEB_NONCE_LEN 16
#define KITH_WEB_KEY_LEN 24 /* of it in base64 */
#define KITH_WEB_ACCEPT_LEN 28

struct kith_web_request {
	bool bad; /* not to be understood: 400 */
	bool reads; /* GET or HEAD; else 405 */
	bool head; /* HEAD */
	bool upgrade; /* asks for a WebSocket, as it is asked for */
	char path[KITH_WEB_PATH_MAX]; /* without a query; "": longer than any of ours */
	char key[KITH_WEB_KEY_LEN + 1];
	struct kith_addr forwarded; /* the last address of X-Forwarded-For, without a port; family NONE: none */
};

/* The length of a head with its empty line; 0: it is not all there; KITH_EPROTO: too long, or with characters that none
 * has. */
int kith_web_head(const uint8_t *bytes, size_t len) KITH_MUST_USE;

/* Of a whole head. */
void kith_web_request_read(struct kith_web_request *out, const uint8_t *head, size_t len);

/* "host:port", or "host" alone if that is 443; v6 addresses in brackets. */
void kith_web_place_text(char out[KITH_WEB_HOST_MAX], const struct kith_web_place *place);

/* Asks for a WebSocket. Returns the length. */
size_t kith_web_request_write(char out[KITH_WEB_SAYS_MAX], const struct kith_web_place *place,
			      const char key[KITH_WEB_KEY_LEN + 1]);

/* The key that stands for a nonce. */
void kith_web_key(char out[KITH_WEB_KEY_LEN + 1], const uint8_t nonce[KITH_WEB_NONCE_LEN]);

/* Answers a request, for a WebSocket at that path. Returns the length; *opens: frames follow, else it ends. */
size_t kith_web_answer_write(char out[KITH_WEB_SAYS_MAX], const struct kith_web_request *r, const char *path,
			     time_t now, bool *opens);

/* 0: the WebSocket is open; above: another status, as 404; KITH_EPROTO: no such answer. */
int kith_web_answer_read(const uint8_t *head, size_t len, const char key[KITH_WEB_KEY_LEN + 1]) KITH_MUST_USE;

#endif
