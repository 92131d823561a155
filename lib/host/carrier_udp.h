/* A UDP socket (udp.h) as a carrier: polled by the loop, for room only while packets wait.
 *
 * Invariant: a broken socket is not polled; its descriptor may be gone, and libuv aborts at that.
 * Never: a packet of its own.
 */
#ifndef KITH_HOST_CARRIER_UDP_H
#define KITH_HOST_CARRIER_UDP_H

#include "host/carrier.h"
#include "host/udp.h"

struct kith_udp_carrier {
	struct kith_carrier_options o;
	struct kith_udp *udp; /* NULL: closed */
	uv_poll_t poll;
	int events; /* what is polled for */
	void (*closed)(void *ctx);
	void *closed_ctx;
};

extern const struct kith_carrier kith_carrier_udp;

#endif
