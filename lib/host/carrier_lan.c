#include "host/carrier_lan.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "host/sockaddr.h"
#include "host/system.h"

enum { STRIDE = KITH_PACKET_HEADROOM + KITH_LAN_PACKET_MAX };

const struct kith_addr kith_lan_group_v4 = { .family = KITH_FAMILY_V4,
					     .port = KITH_LAN_PORT,
					     .ip = { 239, 255, 75, 72 } };
const struct kith_addr kith_lan_group_v6 = { .family = KITH_FAMILY_V6,
					     .port = KITH_LAN_PORT,
					     .ip = { 0xff, 0x02, [12] = 0x4b, 0x49, 0x54, 0x48 } };

/* An address of ours, and the interface that has it. */
struct link {
	struct kith_addr addr;
	unsigned interface; /* of IPv6; 0: not known */
	bool joined;
};

struct lan {
	struct kith_carrier_options o;
	const struct kith_addr *group;
	int fd;
	int broken;
	uv_poll_t poll;
	struct link *links; /* links_n */
	size_t links_n;
	uint8_t *rx; /* KITH_LAN_BATCH buffers, while something was received */
	uint64_t lost;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

static bool is_v4(const struct lan *l)
{
	return l->group->family == KITH_FAMILY_V4;
}

static bool set(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

/* ---- interfaces ---- */

/* The interface that has an address; 0 if none does. */
static unsigned interface_of(const struct kith_addr *addr)
{
	uv_interface_address_t *found;
	int n;
	unsigned interface = 0;
	if (uv_interface_addresses(&found, &n) != 0)
		return 0;
	for (int i = 0; i < n && interface == 0; i++) {
		struct kith_addr a;
		if (kith_sockaddr_get(&a, (const struct sockaddr *)&found[i].address) && a.family == addr->family &&
		    memcmp(a.ip, addr->ip, sizeof a.ip) == 0)
			interface = if_nametoindex(found[i].name);
	}
	uv_free_interface_addresses(found, n);
	return interface;
}

static bool membership(const struct lan *l, const struct link *link, bool join)
{
	if (is_v4(l)) {
		struct ip_mreq m;
		memcpy(&m.imr_multiaddr, l->group->ip, sizeof m.imr_multiaddr);
		memcpy(&m.imr_interface, link->addr.ip, sizeof m.imr_interface);
		return setsockopt(l->fd, IPPROTO_IP, join ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP, &m, sizeof m) == 0;
	}
	struct ipv6_mreq m = { .ipv6mr_interface = link->interface };
	memcpy(&m.ipv6mr_multiaddr, l->group->ip, sizeof m.ipv6mr_multiaddr);
	return setsockopt(l->fd, IPPROTO_IPV6, join ? IPV6_JOIN_GROUP : IPV6_LEAVE_GROUP, &m, sizeof m) == 0;
}

static struct link *find(struct lan *l, const struct kith_addr *addr)
{
	for (size_t i = 0; i < l->links_n; i++) {
		if (memcmp(l->links[i].addr.ip, addr->ip, sizeof addr->ip) == 0)
			return &l->links[i];
	}
	return NULL;
}

static void lan_look(void *self, const struct kith_local locals[], size_t n)
{
	struct lan *l = self;
	struct link *now = n > 0 ? KITH_NEW_ARRAY(l->o.alloc, struct link, n) : NULL;
	if (n > 0 && now == NULL)
		return; /* as before until the next look */
	for (size_t i = 0; i < n; i++) {
		const struct link *had = find(l, &locals[i].addr);
		now[i] = had != NULL ? *had : (struct link){ .addr = locals[i].addr };
	}
	for (size_t i = 0; i < l->links_n; i++) {
		bool stays = false;
		for (size_t k = 0; k < n; k++)
			stays = stays || memcmp(now[k].addr.ip, l->links[i].addr.ip, sizeof now[k].addr.ip) == 0;
		if (!stays && l->links[i].joined)
			(void)membership(l, &l->links[i], false); /* the system may have done so already */
	}
	KITH_FREE_ARRAY(l->o.alloc, l->links, l->links_n);
	l->links = now;
	l->links_n = n;
	for (size_t i = 0; i < n; i++) {
		struct link *link = &l->links[i];
		if (link->joined)
			continue;
		link->interface = is_v4(l) ? 0 : interface_of(&link->addr);
		/* Two addresses of one interface are one membership. */
		link->joined = membership(l, link, true) || errno == EADDRINUSE;
	}
}

/* ---- opening and closing ---- */

static int explain(const struct lan *l, char *why, const char *what)
{
	const int errnum = errno;
	(void)snprintf(why, KITH_CARRIER_WHY_MAX, "cannot %s the socket for the local network, IPv%d: %s", what,
		       is_v4(l) ? 4 : 6, strerror(errnum));
	return kith_system_err(errnum);
}

/* What keeps packets on the link, and the socket to this group. */
static bool set_up(const struct lan *l)
{
	const int flags = fcntl(l->fd, F_GETFL);
	if (fcntl(l->fd, F_SETFD, FD_CLOEXEC) != 0 || flags < 0 || fcntl(l->fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
	    !set(l->fd, SOL_SOCKET, SO_REUSEADDR, 1))
		return false;
#if defined(SO_REUSEPORT) && !defined(__linux__) /* on Linux it would be for sockets of one user only */
	if (!set(l->fd, SOL_SOCKET, SO_REUSEPORT, 1))
		return false;
#endif
	if (is_v4(l)) {
#ifdef IP_MULTICAST_ALL
		(void)set(l->fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
#endif
		const uint8_t one = 1; /* some systems take a byte only, and none refuses it */
		return setsockopt(l->fd, IPPROTO_IP, IP_MULTICAST_TTL, &one, sizeof one) == 0 &&
		       setsockopt(l->fd, IPPROTO_IP, IP_MULTICAST_LOOP, &one, sizeof one) == 0;
	}
#ifdef IPV6_MULTICAST_ALL
	(void)set(l->fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
#endif
	return set(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) && set(l->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) &&
	       set(l->fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 1) && set(l->fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 1);
}

static int make_socket(struct lan *l, char *why)
{
	struct sockaddr_storage ss;
	l->fd = socket(is_v4(l) ? AF_INET : AF_INET6, SOCK_DGRAM, 0);
	if (l->fd < 0)
		return explain(l, why, "open");
	if (!set_up(l))
		return explain(l, why, "set up");
	/* A link-local group is no address to bind to, as each link has it: receive_one sees where packets went. */
	struct kith_addr at = *l->group;
	if (!is_v4(l))
		memset(at.ip, 0, sizeof at.ip);
	const socklen_t len = kith_sockaddr_set(&ss, &at);
	return bind(l->fd, (struct sockaddr *)&ss, len) == 0 ? 0 : explain(l, why, "bind");
}

static void polled(uv_poll_t *poll, int status, int events)
{
	struct lan *l = poll->data;
	(void)events;
	if (status != 0) /* libuv has stopped polling */
		l->broken = kith_system_uv_err(status);
	l->o.ready(l->o.ctx, KITH_CARRIER_INPUT);
}

static int lan_open(void **self, const struct kith_carrier_options *o, char *why)
{
	*self = NULL;
	why[0] = '\0';
	struct lan *l = KITH_NEW(o->alloc, struct lan);
	if (l == NULL)
		return KITH_ENOMEM;
	l->o = *o;
	l->group = o->arg;
	int err = make_socket(l, why);
	int polling = err == 0 ? uv_poll_init(o->loop, &l->poll, l->fd) : 0;
	if (polling != 0) {
		(void)snprintf(why, KITH_CARRIER_WHY_MAX, "cannot poll a UDP socket: %s", uv_strerror(polling));
		err = kith_system_uv_err(polling);
	}
	if (err != 0) {
		if (l->fd >= 0)
			(void)close(l->fd);
		KITH_FREE(o->alloc, l);
		return err;
	}
	l->poll.data = l;
	(void)uv_poll_start(&l->poll, UV_READABLE, polled);
	*self = l;
	return 0;
}

static void lan_rest(void *self)
{
	struct lan *l = self;
	KITH_FREE_ARRAY(l->o.alloc, l->rx, KITH_LAN_BATCH * STRIDE);
	l->rx = NULL;
}

static void poll_closed(uv_handle_t *handle)
{
	struct lan *l = handle->data;
	void (*closed)(void *ctx) = l->closed;
	void *ctx = l->closed_ctx;
	KITH_FREE_ARRAY(l->o.alloc, l->links, l->links_n);
	KITH_FREE(l->o.alloc, l);
	closed(ctx);
}

static void lan_close(void *self, void (*closed)(void *ctx), void *ctx)
{
	struct lan *l = self;
	l->closed = closed;
	l->closed_ctx = ctx;
	lan_rest(l);
	uv_close((uv_handle_t *)&l->poll, poll_closed);
	(void)close(l->fd);
}

/* ---- packets ---- */

/* One packet; false: there is none. *kept: it was sent to the group, by an address that may be answered. */
static bool receive_one(const struct lan *l, struct kith_packet *p, bool *kept)
{
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	} control;
	struct sockaddr_storage ss;
	struct iovec iov = { p->data, KITH_LAN_PACKET_MAX };
	struct msghdr m = { .msg_name = &ss,
			    .msg_namelen = sizeof ss,
			    .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control.bytes,
			    .msg_controllen = sizeof control.bytes };
	const ssize_t got = recvmsg(l->fd, &m, 0);
	if (got < 0)
		return false;
	p->len = (uint32_t)got;
	bool to_group = is_v4(l);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); !is_v4(l) && c != NULL; c = CMSG_NXTHDR(&m, c)) {
		struct in6_pktinfo info;
		if (c->cmsg_level != IPPROTO_IPV6 || c->cmsg_type != IPV6_PKTINFO)
			continue;
		memcpy(&info, CMSG_DATA(c), sizeof info);
		to_group = memcmp(&info.ipi6_addr, l->group->ip, sizeof info.ipi6_addr) == 0;
	}
	*kept = kith_sockaddr_get(&p->remote, (struct sockaddr *)&ss) && to_group;
	return true;
}

static int lan_receive(void *self, struct kith_packet out[], size_t n)
{
	struct lan *l = self;
	size_t got = 0;
	if (l->broken != 0)
		return l->broken;
	if (l->rx == NULL)
		l->rx = KITH_NEW_ARRAY(l->o.alloc, uint8_t, KITH_LAN_BATCH * STRIDE);
	if (l->rx == NULL)
		return KITH_ENOMEM;
	bool kept = true;
	for (unsigned i = 0; got < n && i < KITH_LAN_BATCH; i++) {
		struct kith_packet *p = &out[got];
		*p = (struct kith_packet){ .data = l->rx + got * STRIDE + KITH_PACKET_HEADROOM,
					   .transport = l->o.transport };
		if (!receive_one(l, p, &kept))
			break;
		got += kept;
	}
	return (int)got;
}

/* Out by one address. */
static bool send_by(const struct lan *l, const struct link *link, const struct kith_packet *p)
{
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	} control;
	struct sockaddr_storage ss;
	struct iovec iov = { p->data, p->len };
	struct msghdr m = {
		.msg_name = &ss, .msg_namelen = kith_sockaddr_set(&ss, l->group), .msg_iov = &iov, .msg_iovlen = 1
	};
	if (is_v4(l)) {
		struct in_addr from;
		memcpy(&from, link->addr.ip, sizeof from);
		if (setsockopt(l->fd, IPPROTO_IP, IP_MULTICAST_IF, &from, sizeof from) != 0)
			return false;
		return sendmsg(l->fd, &m, 0) >= 0;
	}
	struct in6_pktinfo info = { .ipi6_ifindex = link->interface };
	memcpy(&info.ipi6_addr, link->addr.ip, sizeof info.ipi6_addr);
	memset(&control, 0, sizeof control);
	m.msg_control = control.bytes;
	m.msg_controllen = sizeof control.bytes;
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = IPPROTO_IPV6;
	c->cmsg_type = IPV6_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof info);
	memcpy(CMSG_DATA(c), &info, sizeof info);
	return sendmsg(l->fd, &m, 0) >= 0;
}

static bool lan_send(void *self, const struct kith_packet packets[], size_t n)
{
	struct lan *l = self;
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < l->links_n; k++) {
			if (l->links[k].joined)
				l->lost += !send_by(l, &l->links[k], &packets[i]);
		}
	}
	return false;
}

static int lan_broken(const void *self)
{
	const struct lan *l = self;
	return l->broken;
}

/* One that cannot be sent to all is asked again; there is no peer that it would be about. */
static bool lan_error(void *self, struct kith_carrier_error *out)
{
	(void)self;
	(void)out;
	return false;
}

static void lan_info(const void *self, struct kith_carrier_info *out)
{
	const struct lan *l = self;
	*out = (struct kith_carrier_info){ .port = KITH_LAN_PORT, .queue_full = l->lost };
}

const struct kith_carrier kith_carrier_lan = {
	.kind = KITH_TRANSPORT_UDP,
	.name = "local network",
	.spare = true,
	.lan = true,
	.open = lan_open,
	.close = lan_close,
	.receive = lan_receive,
	.rest = lan_rest,
	.send = lan_send,
	.broken = lan_broken,
	.error = lan_error,
	.info = lan_info,
	.look = lan_look,
};
