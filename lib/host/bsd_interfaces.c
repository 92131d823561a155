/* Word of changes, and the way out, from the routing socket of BSDs and macOS (route(4)); see interfaces.h. Expected to
 * work: it was never run there. Elsewhere it is compiled with declarations that a test gives it (KITH_ROUTING_SOCKET).
 * Systems that have neither this socket nor Linux's have a timer that looks, and no way out.
 */
#include "host/interfaces.h"

#include <string.h>

#if defined(__APPLE__) || defined(__FreeBSD__) || defined(__NetBSD__) || defined(__OpenBSD__) ||                       \
	defined(__DragonFly__) || defined(KITH_ROUTING_SOCKET)

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include <net/if.h>
#ifndef KITH_ROUTING_SOCKET
#include <net/if_dl.h>
#include <net/route.h>
#endif

#include "host/sockaddr.h"

/* What all messages begin with (struct rt_msghdr, if_msghdr, ifa_msghdr). */
struct head {
	uint16_t len;
	uint8_t version, type;
};

/* Addresses behind a message begin at multiples of this; one without a length takes that much, too. */
#ifdef __APPLE__
enum { ALIGN = 4 };
#elif defined(__NetBSD__)
enum { ALIGN = 8 };
#else
enum { ALIGN = sizeof(long) };
#endif

enum { ASK_SEQ = 1, ANSWERS_MAX = 64 };

int kith_interfaces_sys_open(void)
{
	int fd = socket(PF_ROUTE, SOCK_RAW, AF_UNSPEC);
	if (fd < 0)
		return -1;
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

/* ---- what it says ---- */

static bool is_down(const void *message, size_t len, const struct kith_interfaces *last)
{
	struct if_msghdr link;
	if (len < sizeof link)
		return false;
	memcpy(&link, message, sizeof link);
	return (link.ifm_index == last->out_v4.interface || link.ifm_index == last->out_v6.interface) &&
	       ((link.ifm_flags & IFF_UP) == 0 || (link.ifm_flags & IFF_RUNNING) == 0);
}

/* Whether the message is a reason to look. Answers to questions, such as our own, are none; nor is a host's route,
 * which comes with each neighbour on the link. */
static bool is_sign(const void *message, size_t len, const struct kith_interfaces *last, bool *flapped)
{
	struct head h;
	struct rt_msghdr route;
	memcpy(&h, message, sizeof h);
	if (h.version != RTM_VERSION)
		return false;
	switch (h.type) {
	case RTM_ADD:
	case RTM_DELETE:
	case RTM_CHANGE:
		if (len < sizeof route)
			return false;
		memcpy(&route, message, sizeof route);
		return (route.rtm_flags & RTF_HOST) == 0;
	case RTM_IFINFO:
		*flapped = *flapped || is_down(message, len, last);
		return true;
	case RTM_NEWADDR:
	case RTM_DELADDR:
#ifdef RTM_IFANNOUNCE
	case RTM_IFANNOUNCE:
#endif
		return true;
	default:
		return false;
	}
}

bool kith_interfaces_sys_read(int fd, const struct kith_interfaces *last, bool *flapped)
{
	uint8_t message[2048]; /* each read gives one, and cuts what is longer: its beginning is enough */
	bool sign = false;
	for (;;) {
		ssize_t n = recv(fd, message, sizeof message, 0);
		if (n == 0 || (n < 0 && errno != EINTR && errno != ENOBUFS))
			return sign;
		if (n < 0) /* missed ones count too */
			sign = sign || errno == ENOBUFS;
		else if ((size_t)n >= sizeof(struct head))
			sign = is_sign(message, (size_t)n, last, flapped) || sign;
	}
}

/* ---- the way out ---- */

static size_t aligned(size_t len)
{
	return len == 0 ? ALIGN : (len + ALIGN - 1) / ALIGN * ALIGN;
}

/* The addresses behind a message, in the order of their bits. */
static void take_addrs(struct kith_way_out *out, int which, const uint8_t *at, const uint8_t *end)
{
	for (unsigned bit = 0; bit < RTAX_MAX && at < end; bit++) {
		struct sockaddr_storage addr;
		if ((which & (int)(1u << bit)) == 0)
			continue;
		size_t len = at[0]; /* sa_len */
		if (len > sizeof addr || len > (size_t)(end - at))
			return;
		memset(&addr, 0, sizeof addr);
		memcpy(&addr, at, len);
		if (bit == RTAX_GATEWAY)
			(void)kith_sockaddr_get(&out->gateway, (const struct sockaddr *)&addr);
		else if (bit == RTAX_IFA)
			(void)kith_sockaddr_get(&out->source, (const struct sockaddr *)&addr);
		at += aligned(len);
	}
}

/* Everybody's messages come to this socket: the answer is known by its number and by who asked. */
static bool take_answer(struct kith_way_out *out, const uint8_t *message, size_t len)
{
	struct rt_msghdr route;
	if (len < sizeof route)
		return false;
	memcpy(&route, message, sizeof route);
	if (route.rtm_version != RTM_VERSION || route.rtm_type != RTM_GET || route.rtm_seq != ASK_SEQ ||
	    route.rtm_pid != getpid())
		return false;
	if (route.rtm_errno == 0) {
#ifdef __OpenBSD__
		size_t addrs = route.rtm_hdrlen;
#else
		size_t addrs = sizeof route;
#endif
		out->interface = route.rtm_index;
		take_addrs(out, route.rtm_addrs, message + (addrs < len ? addrs : len), message + len);
	}
	return true;
}

/* Where to, and a place for the interface: without it, the answer names neither the interface nor our address on it. */
static bool ask(int fd, uint8_t family)
{
	/* Addresses of examples (RFC 5737, RFC 3849), to which nobody has a route of their own. */
	static const struct kith_addr somewhere[2] = {
		{ .family = KITH_FAMILY_V4, .ip = { 198, 51, 100, 1 } },
		{ .family = KITH_FAMILY_V6, .ip = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } },
	};
	uint8_t question[sizeof(struct rt_msghdr) + 2 * sizeof(struct sockaddr_storage)] = { 0 };
	uint8_t *at = question + sizeof(struct rt_msghdr);
	struct sockaddr_storage to;
	struct sockaddr_dl interface;
	struct rt_msghdr h;
	memset(&interface, 0, sizeof interface);
	memset(&h, 0, sizeof h);
	socklen_t len = kith_sockaddr_set(&to, &somewhere[family == KITH_FAMILY_V4 ? 0 : 1]);
	memcpy(at, &to, len);
	at[0] = (uint8_t)len; /* sa_len */
	at += aligned(len);
	interface.sdl_len = sizeof interface;
	interface.sdl_family = AF_LINK;
	memcpy(at, &interface, sizeof interface);
	at += aligned(sizeof interface);
	h.rtm_msglen = (uint16_t)(at - question);
	h.rtm_version = RTM_VERSION;
	h.rtm_type = RTM_GET;
	h.rtm_addrs = RTA_DST | RTA_IFP;
	h.rtm_seq = ASK_SEQ;
#ifdef __OpenBSD__
	h.rtm_hdrlen = sizeof h;
#endif
	memcpy(question, &h, sizeof h);
	return send(fd, question, h.rtm_msglen, 0) >= 0;
}

/* A question to the kernel, which has answered when it is asked; others' messages may lie before the answer. */
void kith_interfaces_sys_way_out(uint8_t family, struct kith_way_out *out)
{
	uint8_t message[2048];
	memset(out, 0, sizeof *out);
	int fd = kith_interfaces_sys_open();
	if (fd < 0)
		return;
	ssize_t n = ask(fd, family) ? 1 : 0;
	for (int i = 0; n > 0 && i < ANSWERS_MAX; i++) {
		n = recv(fd, message, sizeof message, 0);
		if (n > 0 && take_answer(out, message, (size_t)n))
			break;
	}
	(void)close(fd);
}

#elif !defined(__linux__)

int kith_interfaces_sys_open(void)
{
	return -1;
}

bool kith_interfaces_sys_read(int fd, const struct kith_interfaces *last, bool *flapped)
{
	(void)fd;
	(void)last;
	(void)flapped;
	return false;
}

void kith_interfaces_sys_way_out(uint8_t family, struct kith_way_out *out)
{
	(void)family;
	memset(out, 0, sizeof *out);
}

#endif

#ifndef __linux__

bool kith_interfaces_sys_link(const struct kith_addr *to, struct kith_interface_link *out)
{
	(void)to;
	memset(out, 0, sizeof *out);
	return false;
}

#endif
