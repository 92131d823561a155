/* Word of changes, and the way out, from Linux's routing socket (rtnetlink(7)); see interfaces.h. */
#ifdef __linux__

#include "host/interfaces.h"

#include <errno.h>
#include <net/if.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

int kith_interfaces_sys_open(void)
{
	struct sockaddr_nl nl = { .nl_family = AF_NETLINK,
				  .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
					       RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE | RTMGRP_IPV4_RULE |
					       1u << (RTNLGRP_IPV6_RULE - 1) };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&nl, sizeof nl) != 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

/* ---- what it says ---- */

/* Routes to half of the world and more lead out; a router's many others do not matter. */
static bool leads_out(const struct nlmsghdr *h)
{
	const struct rtmsg *r = NLMSG_DATA(h);
	return h->nlmsg_len >= NLMSG_LENGTH(sizeof *r) && r->rtm_dst_len <= 1;
}

static bool is_down(const struct nlmsghdr *h, const struct kith_interfaces *last)
{
	const struct ifinfomsg *link = NLMSG_DATA(h);
	if (h->nlmsg_len < NLMSG_LENGTH(sizeof *link))
		return false;
	uint32_t interface = (uint32_t)link->ifi_index;
	return (interface == last->out_v4.interface || interface == last->out_v6.interface) &&
	       (h->nlmsg_type == RTM_DELLINK || (link->ifi_flags & IFF_RUNNING) == 0);
}

/* Whether the message is a reason to look. Most need not be understood for that. */
static bool is_sign(const struct nlmsghdr *h, const struct kith_interfaces *last, bool *flapped)
{
	switch (h->nlmsg_type) {
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return leads_out(h);
	case RTM_NEWLINK:
	case RTM_DELLINK:
		*flapped = *flapped || is_down(h, last);
		return true;
	default:
		return true;
	}
}

bool kith_interfaces_sys_read(int fd, const struct kith_interfaces *last, bool *flapped)
{
	_Alignas(struct nlmsghdr) uint8_t message[8192];
	bool sign = false;
	for (;;) {
		ssize_t n = recv(fd, message, sizeof message, MSG_DONTWAIT | MSG_TRUNC);
		if (n == 0 || (n < 0 && errno != EINTR && errno != ENOBUFS))
			return sign;
		if (n < 0) { /* missed ones count too */
			sign = sign || errno == ENOBUFS;
			continue;
		}
		size_t len = (size_t)n < sizeof message ? (size_t)n : sizeof message;
		for (const struct nlmsghdr *h = (void *)message; NLMSG_OK(h, len); h = NLMSG_NEXT(h, len))
			sign = is_sign(h, last, flapped) || sign;
	}
}

/* ---- the way out ---- */

static void take_addr(struct kith_addr *out, uint8_t family, const struct rtattr *a)
{
	size_t len = family == KITH_FAMILY_V4 ? 4 : 16;
	if (RTA_PAYLOAD(a) != len)
		return;
	out->family = family;
	memcpy(out->ip, RTA_DATA(a), len);
}

static void take_route(struct kith_way_out *out, uint8_t family, const struct nlmsghdr *h)
{
	const struct rtmsg *route = NLMSG_DATA(h);
	size_t len = RTM_PAYLOAD(h);
	for (const struct rtattr *a = RTM_RTA(route); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type == RTA_OIF && RTA_PAYLOAD(a) == sizeof out->interface)
			memcpy(&out->interface, RTA_DATA(a), sizeof out->interface);
		else if (a->rta_type == RTA_GATEWAY)
			take_addr(&out->gateway, family, a);
		else if (a->rta_type == RTA_PREFSRC)
			take_addr(&out->source, family, a);
	}
}

/* A question to the kernel, which answers at once; nothing is sent. */
static void ask_route(const struct kith_addr *to_addr, struct kith_way_out *out)
{
	const bool v4 = to_addr->family == KITH_FAMILY_V4;
	const size_t len = v4 ? 4 : 16;
	struct {
		struct nlmsghdr h;
		struct rtmsg route;
		struct rtattr to;
		uint8_t addr[16];
	} ask = { .h = { .nlmsg_len = (uint32_t)(offsetof(__typeof__(ask), addr) + len),
			 .nlmsg_type = RTM_GETROUTE,
			 .nlmsg_flags = NLM_F_REQUEST },
		  .route = { .rtm_family = v4 ? AF_INET : AF_INET6, .rtm_dst_len = (uint8_t)(8 * len) },
		  .to = { .rta_len = (uint16_t)RTA_LENGTH(len), .rta_type = RTA_DST } };
	_Alignas(struct nlmsghdr) uint8_t answer[4096];
	const struct nlmsghdr *h = (const void *)answer;
	memset(out, 0, sizeof *out);
	memcpy(ask.addr, to_addr->ip, len);
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (fd < 0)
		return;
	ssize_t n = -1;
	if (send(fd, &ask, ask.h.nlmsg_len, 0) >= 0)
		n = recv(fd, answer, sizeof answer, MSG_DONTWAIT);
	(void)close(fd);
	if (n > 0 && NLMSG_OK(h, (size_t)n) && h->nlmsg_type == RTM_NEWROUTE)
		take_route(out, to_addr->family, h);
}

void kith_interfaces_sys_way_out(uint8_t family, struct kith_way_out *out)
{
	/* Addresses of examples (RFC 5737, RFC 3849), to which nobody has a route of their own. */
	static const struct kith_addr v4 = { .family = KITH_FAMILY_V4, .ip = { 198, 51, 100, 1 } };
	static const struct kith_addr v6 = { .family = KITH_FAMILY_V6, .ip = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } };
	ask_route(family == KITH_FAMILY_V4 ? &v4 : &v6, out);
}

bool kith_interfaces_sys_link(const struct kith_addr *to, struct kith_interface_link *out)
{
	struct kith_way_out way;
	struct ifreq r = { 0 };
	memset(out, 0, sizeof *out);
	ask_route(to, &way);
	if (way.interface == 0 || if_indextoname(way.interface, r.ifr_name) == NULL)
		return false;
	memcpy(out->name, r.ifr_name, sizeof r.ifr_name);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && ioctl(fd, SIOCGIFMTU, &r) == 0 && r.ifr_mtu > 0)
		out->mtu = (uint32_t)r.ifr_mtu;
	if (fd >= 0)
		(void)close(fd);
	return true;
}

#endif
