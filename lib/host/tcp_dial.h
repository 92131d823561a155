/* A connection that is being made: straight, or through a proxy that is asked once it is reached.
 *
 * Bounds: nothing is held but while a proxy is asked.
 * Never: a wait, a look at what the remote side sends.
 */
#ifndef KITH_HOST_TCP_DIAL_H
#define KITH_HOST_TCP_DIAL_H

#include "host/proxy.h"

struct kith_tcp_dial {
	struct kith_proxy_talk *talk; /* while a proxy is asked */
	bool connected; /* to the proxy, or to the remote side */
};

/* A socket that is being connected to there, or to the proxy (NULL: none). As kith_tcp_dial. */
int kith_tcp_dial_begin(const struct kith_addr *bind, const struct kith_addr *remote, const struct kith_proxy *proxy,
			int *fd) KITH_MUST_USE;

/* Goes on, since the socket can be written to or read from. 1: the connection stands; 0: not yet; an error: of the
 * connection, or as kith_proxy_heard. */
int kith_tcp_dial_go(struct kith_tcp_dial *d, int fd, const struct kith_alloc *alloc, const struct kith_addr *remote,
		     const struct kith_proxy *proxy) KITH_MUST_USE;

/* Whether it waits for something to read, not for room to write. */
bool kith_tcp_dial_reads(const struct kith_tcp_dial *d);

void kith_tcp_dial_deinit(struct kith_tcp_dial *d, const struct kith_alloc *alloc);

#endif
