/* Word of address changes, from Linux's routing socket (rtnetlink(7)); see interfaces.h. Elsewhere there is none,
 * and a timer looks. */
#include "host/interfaces.h"

#ifdef __linux__

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

int kith_interfaces_sys_open(void)
{
	struct sockaddr_nl nl = { .nl_family = AF_NETLINK,
				  .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&nl, sizeof nl) != 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

/* Any message makes the list be read again, so the messages need not be understood. Missed ones (ENOBUFS) count too. */
bool kith_interfaces_sys_read(int fd)
{
	uint8_t message[8192];
	bool sign = false;
	for (;;) {
		ssize_t n = recv(fd, message, sizeof message, MSG_DONTWAIT | MSG_TRUNC);
		if (n > 0 || (n < 0 && errno == ENOBUFS))
			sign = true;
		else if (n == 0 || errno != EINTR)
			return sign;
	}
}

#else

int kith_interfaces_sys_open(void)
{
	return -1;
}

bool kith_interfaces_sys_read(int fd)
{
	(void)fd;
	return false;
}

#endif
