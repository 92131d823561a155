/* WebSockets as a carrier: one transport for all of them, for where plain TCP is cut by whoever looks into it.
 *
 * Who dials needs the URL that belongs to an address (kith_web_arg.find), and says what a browser would: SNI, ALPN, a
 * certificate that is checked. Who listens does so with TLS, if it has a certificate, or bare, behind a reverse proxy
 * of its own. Then the last address in X-Forwarded-For is where a client is, if the proxy is on this machine or on a
 * private network; its port is that of the proxy's connection to us, which makes it one of a kind.
 * Whoever asks for anything but a WebSocket at the path gets a web server's answer (host/web_http).
 * Timers: a dial may take KITH_WEB_DIAL_MS, one that was taken in KITH_WEB_GREET_MS until its WebSocket is open, or its
 * page has gone out, however slowly it talks. A WebSocket that is of no use for KITH_WEB_USELESS_MS is closed: the core
 * sent nothing over one that was taken in, or nothing came over one that was dialled. Who dialled pings when nothing
 * came for KITH_WEB_PING_MS; what is silent for KITH_WEB_IDLE_MS is closed.
 * Bounds: KITH_WEB_CONNS_MAX in all; of those taken in KITH_WEB_STRANGERS_MAX of which the core has answered nothing,
 * and KITH_WEB_PER_PREFIX of one /24 or /48; KITH_WEB_DIALS_MAX being dialled; KITH_WEB_WAITING_MAX bytes wait for one
 * that is open, KITH_WEB_DIALLING_MAX for one that is not. Beyond: no connection, and packets are dropped. Refused,
 * malformed and useless ones are counted with those of TCP (KITH_STAT_TCP_*).
 * Nobody is dialled back; what failed or ended is not dialled for KITH_WEB_FAILED_MS.
 * Never: a look into a packet; a header from strangers that is believed.
 */
#ifndef KITH_HOST_CARRIER_WEB_H
#define KITH_HOST_CARRIER_WEB_H

#include "base/list.h"
#include "base/table.h"
#include "host/carrier.h"
#include "host/tcp_shunned.h"
#include "host/web_conn.h"

#define KITH_WEB_DIAL_MS 10000
#define KITH_WEB_GREET_MS 5000 /* a handshake and a head take three round trips */
#define KITH_WEB_USELESS_MS 10000
#define KITH_WEB_PING_MS 25000 /* proxies cut what is silent for 60 s (nginx), or 50 s (haproxy) */
#define KITH_WEB_IDLE_MS 120000
#define KITH_WEB_FAILED_MS 2000
#define KITH_WEB_PAUSE_MS 1000 /* no connections are taken in: descriptors or memory lack */
#define KITH_WEB_CONNS_MAX 1024 /* with TLS each takes 21 kB */
#define KITH_WEB_STRANGERS_MAX 256
#define KITH_WEB_PER_PREFIX 64 /* many may be behind one NAT */
#define KITH_WEB_DIALS_MAX 16
#define KITH_WEB_WAITING_MAX (128 * 1024) /* as TCP's */
#define KITH_WEB_DIALLING_MAX (16 * 1024)

enum {
	KITH_WEB_SLOTS = 64, /* packets of one receive */
	KITH_WEB_TURN = 16, /* packets of one connection, before others get their turn */
	KITH_WEB_ERRORS = 32
};

struct kith_web_carrier;

/* A connection, with the handles of the loop. */
struct kith_web_link {
	struct kith_link all, ready; /* ready: there may be something to read */
	struct kith_web_carrier *c;
	struct kith_web_conn conn;
	struct kith_addr peer; /* at the other end of the socket */
	struct kith_addr remote; /* whom it leads to; of those taken in: once it is open */
	struct kith_web_place place; /* of one that was dialled */
	bool named; /* found by remote */
	bool taken_in;
	bool useful; /* it had an answer: ours, or theirs */
	int events; /* polled for */
	uint64_t since_ms, heard_ms, pinged_ms;
	uv_poll_t poll;
};

/* Times and numbers, of which tests have smaller ones. */
struct kith_web_bounds {
	uint64_t dial_ms, greet_ms, useless_ms, ping_ms, idle_ms, failed_ms;
	unsigned conns, strangers, per_prefix, dials;
	size_t waiting;
};

struct kith_web_carrier {
	struct kith_carrier_options o;
	const struct kith_web_arg *arg; /* o.arg */
	const struct kith_web_tls *tls; /* its shared */
	const struct kith_web_bounds *bounds;
	uint64_t queue_full; /* packets dropped */
	uint64_t paused_ms; /* since when no connection is taken in; 0: they are */
	int listener; /* -1: none */
	bool polled; /* listen is a handle of the loop's */
	uv_poll_t listen;
	struct kith_table by_remote; /* struct kith_web_link */
	struct kith_link all, ready;
	struct kith_tcp_shunned shunned;
	struct kith_carrier_error errors[KITH_WEB_ERRORS];
	char why[KITH_WEB_ERRORS][KITH_CARRIER_WHY_MAX];
	char told[KITH_CARRIER_WHY_MAX]; /* of the error taken out last */
	uint8_t *rx; /* KITH_WEB_SLOTS packets, while they are handed out */
	uint16_t errors_n, dialling, conns, strangers;
	unsigned handles;
	bool closing;
	uv_timer_t timer;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

extern const struct kith_carrier kith_carrier_web;

#endif
