/* TCP as a carrier: one transport for all connections of a family. A packet goes over the connection to its remote
 * address; where there is none, one is dialled, and what is sent meanwhile waits for it. What comes over a connection
 * comes from its remote address. Frames are tcp_stream's.
 *
 * With a proxy all connections are made through it (tcp_dial).
 * A carrier that listens takes connections of strangers; one that does not has no socket while nobody is dialled.
 * Nobody is dialled back: a connection that was taken in and ended, or a dial that failed, is remembered, and
 * what is sent there is dropped until that is forgotten.
 * Timers: a dial may take KITH_TCP_DIAL_MS. A connection that is of no use for KITH_TCP_USELESS_MS is closed: nothing
 * came over one that was dialled, or the core sent nothing over one that was taken in, which it does for what it can
 * read only. So is one over which nothing came for KITH_TCP_IDLE_MS.
 * Bounds: KITH_TCP_CONNS_MAX connections, of these KITH_TCP_PER_PREFIX taken in from one /24 or /48, and
 * KITH_TCP_DIALS_MAX being dialled; KITH_TCP_WAITING_MAX bytes wait for one that is open, KITH_TCP_DIALLING_MAX for one
 * that is not. Beyond: no connection, and packets are dropped.
 * A carrier that only takes in (a leaf's, for its calls) has KITH_TCP_IN_MAX, KITH_TCP_IN_PER_PREFIX of a prefix, and
 * they end KITH_TCP_IN_USELESS_MS after they came unless the core answers, and KITH_TCP_IN_IDLE_MS after the last
 * packet.
 * A length that is none ends its connection. Refused, malformed and useless ones are counted (KITH_STAT_TCP_*).
 * Never: half a packet, a look into one, held back by one connection what is for others (so it never says that packets
 * wait).
 */
#ifndef KITH_HOST_CARRIER_TCP_H
#define KITH_HOST_CARRIER_TCP_H

#include "base/list.h"
#include "base/table.h"
#include "host/carrier.h"
#include "host/tcp_dial.h"
#include "host/tcp_shunned.h"
#include "host/tcp_stream.h"

#define KITH_TCP_DIAL_MS 10000
#define KITH_TCP_USELESS_MS 10000
#define KITH_TCP_IDLE_MS 180000 /* seven keepalives of a leaf */
#define KITH_TCP_FAILED_MS 1000 /* nobody is dialled again at once */
#define KITH_TCP_ENDED_MS 180000 /* of one that was taken in */
#define KITH_TCP_PAUSE_MS 1000 /* no connections are taken in: descriptors or memory lack */
#define KITH_TCP_CONNS_MAX 4096
#define KITH_TCP_PER_PREFIX 256 /* many may be behind one NAT */
#define KITH_TCP_DIALS_MAX 64
#define KITH_TCP_IN_USELESS_MS 5000 /* a contact's first packet comes at once */
#define KITH_TCP_IN_IDLE_MS 75000 /* three keepalives of a session */
#define KITH_TCP_IN_MAX 64
#define KITH_TCP_IN_PER_PREFIX 8 /* contacts behind one NAT */
#define KITH_TCP_WAITING_MAX (128 * 1024) /* a second at 1 Mbit/s */
#define KITH_TCP_DIALLING_MAX (16 * 1024)

enum {
	KITH_TCP_LISTENERS = 2, /* the port that UDP has, and another */
	KITH_TCP_SLOTS = 64, /* packets of one receive */
	KITH_TCP_READ = 16 * 1024, /* bytes of one connection, before others get their turn */
	KITH_TCP_ERRORS = 32
};

struct kith_tcp_carrier;

struct kith_tcp_listener {
	struct kith_tcp_carrier *c;
	int fd;
	uint16_t port;
	bool polled; /* poll is a handle of the loop's */
	uv_poll_t poll;
};

enum kith_tcp_state {
	KITH_TCP_DIALLING, /* not there yet */
	KITH_TCP_OPEN
};

struct kith_tcp_conn {
	struct kith_link all, ready; /* ready: there may be something to read */
	struct kith_tcp_carrier *c;
	struct kith_addr remote;
	enum kith_tcp_state state;
	bool taken_in; /* by a listener */
	bool useful; /* it had an answer: ours, or theirs */
	int fd;
	int events; /* polled for */
	uint64_t since_ms, heard_ms;
	uv_poll_t poll;
	struct kith_tcp_dial dial; /* while it is not there yet */
	struct kith_tcp_in in;
	struct kith_tcp_out out;
};

/* Times and numbers, of which tests have smaller ones. */
struct kith_tcp_bounds {
	uint64_t dial_ms, useless_ms, idle_ms, failed_ms;
	unsigned conns, per_prefix, dials;
	size_t waiting;
};

/* There is one in every node, and mostly without a connection. */
struct kith_tcp_carrier {
	struct kith_carrier_options o;
	const struct kith_tcp_bounds *bounds;
	uint64_t queue_full; /* packets dropped */
	uint64_t paused_ms; /* since when no connection is taken in; 0: they are */
	struct kith_tcp_listener *listeners; /* KITH_TCP_LISTENERS; NULL: it does not listen */
	struct kith_table by_remote; /* struct kith_tcp_conn */
	struct kith_link all, ready;
	struct kith_tcp_shunned shunned; /* nobody there is dialled */
	struct kith_carrier_error *errors; /* KITH_TCP_ERRORS, while there are any */
	uint8_t *rx; /* while packets are handed out: KITH_TCP_SLOTS packets, and what was read */
	struct kith_tcp_conn *reading; /* of which bytes read are left ... */
	uint32_t read_at, read_len; /* ... from here on, to there */
	uint16_t listeners_n, dialling, errors_n;
	unsigned handles;
	bool closing;
	uv_timer_t timer;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

extern const struct kith_carrier kith_carrier_tcp;

#endif
