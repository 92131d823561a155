/* System calls around TCP sockets: non-blocking, closed on exec, without delay, without signals.
 *
 * Never: a state, a wait.
 */
#ifndef KITH_HOST_TCP_SOCKET_H
#define KITH_HOST_TCP_SOCKET_H

#include <sys/uio.h>

#include <kith/err.h>
#include <kith/types.h>

#define KITH_TCP_WHY_MAX 160

/* Whether there are sockets of that family: 0, KITH_ENOTSUP and others; why as below. */
int kith_tcp_supported(uint8_t family, char *why) KITH_MUST_USE;

/* A socket that takes connections at an address, with any port if that is 0, and the port that it got. Errors as
 * kith_udp_open; why (KITH_TCP_WHY_MAX bytes) says it in words. */
int kith_tcp_listen(const struct kith_addr *bind, int *fd, uint16_t *port, char *why) KITH_MUST_USE;

/* The next connection and whence it came. 0; KITH_EAGAIN: none waits; KITH_EMFILE, KITH_ENOMEM: not now; any other:
 * that one was none, and the next may be one. */
int kith_tcp_accept(int listener, int *fd, struct kith_addr *remote) KITH_MUST_USE;

/* Begins a connection, from bind's address unless that has no family. KITH_EUNREACHABLE and others: it did not. */
int kith_tcp_dial(const struct kith_addr *bind, const struct kith_addr *remote, int *fd) KITH_MUST_USE;

/* What a dial came to, when the socket is writable: 0 or an error. */
int kith_tcp_dialed(int fd) KITH_MUST_USE;

/* Bytes read; 0: none now; KITH_ECLOSED: the other side has finished; or another error. */
int kith_tcp_read(int fd, uint8_t *out, size_t cap) KITH_MUST_USE;

/* Bytes that the system took, perhaps none; or an error. */
int kith_tcp_write(int fd, const struct iovec parts[], size_t n) KITH_MUST_USE;

#endif
