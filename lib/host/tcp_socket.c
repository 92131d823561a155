/* System calls around TCP sockets; see tcp_socket.h. */
#include "host/tcp_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/sockaddr.h"
#include "host/system.h"

enum {
	BACKLOG = 128,
	UNSENT_MAX =
		32 * 1024, /* bytes in the kernel that have not left: more would wait where nothing can be dropped */
	UNACKED_MS = 30 * 1000 /* nothing that was sent is acknowledged for so long: the connection is dead */
};

static bool set_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

static bool set_flags(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	return fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

/* What helps a connection; it lives without. */
static void tune(int fd)
{
	(void)set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
#ifdef TCP_NOTSENT_LOWAT
	(void)set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_MAX);
#endif
#ifdef TCP_USER_TIMEOUT
	(void)set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, UNACKED_MS);
#endif
#ifdef SO_NOSIGPIPE
	(void)set_option(fd, SOL_SOCKET, SO_NOSIGPIPE, 1);
#endif
}

static int fail(int *fd)
{
	int err = kith_system_err(errno);
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
	return err != 0 ? err : KITH_EIO;
}

static int make(uint8_t family, int *fd)
{
	int domain = family == KITH_FAMILY_V6 ? AF_INET6 : AF_INET;
	*fd = socket(domain, SOCK_STREAM, 0);
	if (*fd < 0 || !set_flags(*fd) || (domain == AF_INET6 && !set_option(*fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)))
		return fail(fd);
	return 0;
}

static int explain(char *why, const struct kith_addr *addr, int *fd)
{
	char text[KITH_ADDR_TEXT_MAX];
	int errnum = errno;
	(void)snprintf(why, KITH_TCP_WHY_MAX, "cannot listen on TCP %s: %s", kith_addr_format(addr, text),
		       strerror(errnum));
	errno = errnum;
	return fail(fd);
}

int kith_tcp_supported(uint8_t family, char *why)
{
	int fd;
	int err = make(family, &fd);
	if (err != 0)
		(void)snprintf(why, KITH_TCP_WHY_MAX, "no TCP over IPv%u: %s", family, kith_strerror(err));
	else
		(void)close(fd);
	return err;
}

int kith_tcp_listen(const struct kith_addr *bind_to, int *fd, uint16_t *port, char *why)
{
	struct sockaddr_storage ss;
	struct kith_addr bound;
	why[0] = '\0';
	if (make(bind_to->family, fd) != 0)
		return explain(why, bind_to, fd);
	/* Connections of a process that ended are no reason to refuse its successor. */
	(void)set_option(*fd, SOL_SOCKET, SO_REUSEADDR, 1);
	socklen_t len = kith_sockaddr_set(&ss, bind_to);
	if (bind(*fd, (struct sockaddr *)&ss, len) != 0 || listen(*fd, BACKLOG) != 0)
		return explain(why, bind_to, fd);
	len = sizeof ss;
	if (getsockname(*fd, (struct sockaddr *)&ss, &len) != 0 || !kith_sockaddr_get(&bound, (struct sockaddr *)&ss))
		return explain(why, bind_to, fd);
	*port = bound.port;
	return 0;
}

int kith_tcp_accept(int listener, int *fd, struct kith_addr *remote)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof ss;
	*fd = accept(listener, (struct sockaddr *)&ss, &len);
	if (*fd < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return KITH_EAGAIN;
	if (*fd < 0 || !set_flags(*fd))
		return fail(fd);
	if (!kith_sockaddr_get(remote, (struct sockaddr *)&ss)) {
		errno = EAFNOSUPPORT;
		return fail(fd);
	}
	tune(*fd);
	return 0;
}

int kith_tcp_dial(const struct kith_addr *bind_to, const struct kith_addr *remote, int *fd)
{
	struct sockaddr_storage ss;
	struct kith_addr from = *bind_to;
	int err = make(remote->family, fd);
	if (err != 0)
		return err;
	from.port = 0;
	socklen_t len = kith_sockaddr_set(&ss, &from);
	if (len > 0 && bind(*fd, (struct sockaddr *)&ss, len) != 0)
		return fail(fd);
	tune(*fd);
	len = kith_sockaddr_set(&ss, remote);
	if (connect(*fd, (struct sockaddr *)&ss, len) != 0 && errno != EINPROGRESS && errno != EINTR)
		return fail(fd);
	return 0;
}

int kith_tcp_dialed(int fd)
{
	int errnum = 0;
	socklen_t len = sizeof errnum;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &errnum, &len) != 0)
		errnum = errno;
	return kith_system_err(errnum);
}

int kith_tcp_read(int fd, uint8_t *out, size_t cap)
{
	ssize_t n = recv(fd, out, cap, 0);
	if (n > 0)
		return (int)n;
	if (n == 0)
		return KITH_ECLOSED;
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : KITH_ECLOSED;
}

int kith_tcp_write(int fd, const struct iovec parts[], size_t n)
{
	struct msghdr msg = { .msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = n };
	int flags = 0;
#ifdef MSG_NOSIGNAL
	flags |= MSG_NOSIGNAL;
#endif
	ssize_t sent = sendmsg(fd, &msg, flags);
	if (sent >= 0)
		return (int)sent;
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : KITH_ECLOSED;
}
