/* What carries packets for a node. UDP is one carrier, TCP another; the next is a file of its own and a
 * row in carrier.c.
 *
 * A carrier is a table of functions, and what its open makes is one transport of the core, of one family. Packets go in
 * and out by the batch: one call for as many as there are, so that a carrier can use what its system has for many
 * (recvmmsg, sendmmsg, segmentation). What it cannot send at once it keeps, in order, up to a bound of its own.
 * A carrier owns its handles of the loop, and tells by ready what they told it: from the loop only, never inside of
 * another call. Nobody closes it in ready. It says that it broke by broken: its owner closes it and opens another.
 * Never: a look into a packet, a callback but ready and closed.
 */
#ifndef KITH_HOST_CARRIER_H
#define KITH_HOST_CARRIER_H

#include <uv.h>

#include <kith/err.h>
#include <kith/packet.h>
#include <kith/stats.h>
#include <kith/transport.h>

#include "host/interfaces.h"
#include "host/proxy.h"

#define KITH_CARRIER_WHY_MAX 160

/* What ready tells. */
enum kith_carrier_ready {
	KITH_CARRIER_INPUT = 1, /* packets, or errors, may be there to be fetched */
	KITH_CARRIER_ROOM = 2, /* everything that had to wait was sent */
	KITH_CARRIER_LOCALS = 4 /* its own addresses are others now */
};

struct kith_carrier_options {
	const struct kith_alloc *alloc; /* borrowed until closed, as loop, stats and arg */
	struct kith_stats *stats; /* may be NULL */
	uv_loop_t *loop;
	const void *arg; /* of its row */
	uint16_t transport; /* put into packets that come in */
	struct kith_addr bind; /* the family, address (zeros: any) and port (0: any) */
	bool offload; /* use the system's segmentation and coalescing */
	bool in; /* of connections: make none, and take in few: a leaf's, during a call */
	bool listen; /* of connections: take in those of strangers, too, at bind ... */
	uint16_t listen_too; /* ... and at this port; 0: at no other */
	const struct kith_proxy *proxy; /* through which connections are made; NULL: none */
	void (*ready)(void *ctx, unsigned ready); /* bits of enum kith_carrier_ready */
	void *ctx;
};

/* An address that packets do not reach. */
struct kith_carrier_error {
	struct kith_addr remote;
	int err; /* KITH_EUNREACHABLE, KITH_EACCES ...; KITH_EMSGSIZE: they do, but in fragments */
	bool by_proxy; /* the proxy is not reached, or says so */
	const char *why; /* what a person should know of it, valid until the next is taken out; NULL: nothing */
};

struct kith_carrier_info {
	uint16_t port; /* as bound, and to be named to others; 0: strangers cannot send here */
	bool offload; /* segmentation is in use */
	uint64_t queue_full; /* packets dropped, because too many waited */
};

struct kith_carrier {
	enum kith_transport_kind kind; /* what it speaks; of tests: what it stands in for */
	const char *name; /* as in "the UDP socket" */
	bool spare; /* a node starts without it, too */
	bool lan; /* reaches all that are on the link, at the address that its row's arg is */
	bool relayed; /* all that it carries passes a server, at the address that is its own */
	uint8_t cost_ms; /* as of its transport */

	/* On failure nothing is open, and why (KITH_CARRIER_WHY_MAX bytes) says it in words. KITH_EADDRINUSE: the port
	 * is taken; KITH_ENOTSUP: no such family here; KITH_EACCES, KITH_EUNREACHABLE, KITH_ENOMEM, KITH_EIO. */
	int (*open)(void **self, const struct kith_carrier_options *o, char *why);

	/* Nothing is sent or taken in from here on, ready is not called any more, self is invalid; closed is called
	 * from the loop, later. */
	void (*close)(void *self, void (*closed)(void *ctx), void *ctx);

	/* Takes in up to n packets or trains; their memory, with KITH_PACKET_HEADROOM before each, is valid until the
	 * next call, or rest. 0: none now, ready tells of more; KITH_ENOMEM: not now; what broken says. */
	int (*receive)(void *self, struct kith_packet out[], size_t n);

	/* What it received is not used any more: its memory may go until the next receive. NULL: it has none. */
	void (*rest)(void *self);

	/* Sends in order. True: some have to wait, and ready will tell of room. */
	bool (*send)(void *self, const struct kith_packet packets[], size_t n);

	/* Why it is of no more use; 0: it is. */
	int (*broken)(const void *self);

	/* Takes out the next error; false when there is none. */
	bool (*error)(void *self, struct kith_carrier_error *out);

	void (*info)(const void *self, struct kith_carrier_info *out);

	/* Its own addresses. NULL: those of the machine's interfaces, at its port. */
	void (*locals)(const void *self, struct kith_interface_list *out);

	/* These addresses of the machine are its own now. NULL: it does not care. */
	void (*look)(void *self, const struct kith_local locals[], size_t n);
};

/* What a node opens, in this order: the index is the transport's id. The last row has no carrier. */
struct kith_carrier_row {
	const struct kith_carrier *carrier;
	uint8_t family;
	const void *arg; /* for carriers that need one */
};

extern const struct kith_carrier_row kith_carriers[];

#endif
