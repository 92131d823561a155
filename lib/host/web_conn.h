/* One connection that becomes a WebSocket, of either side, and the packets in it: one in each binary message.
 *
 * It goes through these states: DIALLING (host/tcp_dial: straight or through a proxy), GREETING (TLS), ASKING (HTTP's
 * heads), OPEN; a server's that was asked for a page is LEAVING until that has gone out. Frames are wslay's.
 * Whoever owns it polls its socket, calls kith_web_conn_go until it is open, then receives and flushes.
 * Out: packets wait in order, and when they are too many the oldest go, whole (host/tcp_stream).
 * Bounds: a head of KITH_WEB_HEAD_MAX bytes, a message of KITH_TCP_PACKET_MAX, in any number of frames; one pong waits.
 * What is longer, text, frames that are masked where they must not be or the reverse: the connection ends.
 * Never: a clock, a timer, an address that is looked at.
 */
#ifndef KITH_HOST_WEB_CONN_H
#define KITH_HOST_WEB_CONN_H

#include "host/tcp_dial.h"
#include "host/tcp_stream.h"
#include "host/web_http.h"
#include "host/web_tls.h"

enum kith_web_state {
	KITH_WEB_DIALLING,
	KITH_WEB_GREETING,
	KITH_WEB_ASKING,
	KITH_WEB_OPEN,
	KITH_WEB_LEAVING /* the last bytes go out, then it ends */
};

enum { KITH_WEB_PONG_MAX = 125 }; /* RFC 6455, 5.5 */

struct kith_web_conn {
	struct kith_web_io io;
	const struct kith_alloc *alloc;
	const struct kith_random *random;
	enum kith_web_state state;
	bool server;
	bool ping_due, pong_due, bye_due;
	bool begun; /* a message has come in part */
	bool hung; /* the socket has ended, as wslay was told */
	uint8_t pong_len;
	uint8_t opcode; /* of the frame that comes */
	uint16_t part_len; /* of the message */
	uint64_t frame_left;
	uint8_t pong[KITH_WEB_PONG_MAX];
	char key[KITH_WEB_KEY_LEN + 1]; /* a client's */
	struct kith_tcp_dial dial;
	void *frames; /* wslay's context, once it is open */
	uint8_t *head; /* KITH_WEB_HEAD_MAX, until what came in it is used ... */
	uint16_t head_at, head_len; /* ... from here on, to there */
	uint8_t *part; /* KITH_TCP_PACKET_MAX, once it is open */
	uint8_t *wire; /* wire_cap bytes that the socket did not take, from wire_at on */
	size_t wire_cap, wire_at;
	struct kith_tcp_out out; /* packets */
	struct kith_web_request request; /* a server's: what was asked */
};

/* What it takes to become open. */
struct kith_web_terms {
	const struct kith_web_tls *tls; /* NULL: bare */
	const struct kith_web_place *place; /* a client's: of whom */
	const struct kith_addr *remote; /* a client's: where that is */
	const struct kith_proxy *proxy; /* a client's; NULL: straight */
	const char *path; /* a server's: where it answers */
	time_t now; /* a server's, for what it says */
};

/* The socket is the caller's to close. */
void kith_web_conn_init(struct kith_web_conn *c, int fd, bool server, const struct kith_alloc *alloc,
			const struct kith_random *random);
void kith_web_conn_deinit(struct kith_web_conn *c); /* says goodbye, if it can at once */

/* Goes on, since the socket can be read from or written to. 1: it is open; 0: not yet; an error, and why
 * (KITH_WEB_WHY_MAX bytes, "" if there is nothing to say) in words: KITH_EACCES: the certificate; KITH_EPROTO: no
 * WebSocket there; KITH_ECLOSED: it has ended, as it does behind a page. *by_proxy: it was the proxy. */
int kith_web_conn_go(struct kith_web_conn *c, const struct kith_web_terms *t, char *why, bool *by_proxy) KITH_MUST_USE;

/* The next packet (up to KITH_TCP_PACKET_MAX bytes): its length; 0: none now; KITH_EPROTO: what came is none;
 * KITH_ECLOSED. *came: bytes came. */
int kith_web_conn_receive(struct kith_web_conn *c, uint8_t *out, bool *came) KITH_MUST_USE;

/* Lets a packet wait; returns how many were dropped, so that no more than max bytes wait. */
unsigned kith_web_conn_put(struct kith_web_conn *c, const uint8_t *packet, size_t len, size_t max);

/* Writes what waits. KITH_ECLOSED, KITH_ENOMEM: it has ended. */
int kith_web_conn_flush(struct kith_web_conn *c) KITH_MUST_USE;

void kith_web_conn_ping(struct kith_web_conn *c); /* with the next flush */

/* What is waited for: the socket to take more; else, to have more. */
bool kith_web_conn_wants_room(const struct kith_web_conn *c);

#endif
