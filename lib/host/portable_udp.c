/* UDP by plain calls, for systems that have nothing better: one packet per call, no trains, no TTL and ECN on what
 * comes in; see udp.h. */
#if !defined(__linux__) || defined(KITH_UDP_PORTABLE)

#include "host/udp_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "host/sockaddr.h"

static bool set_option(const struct kith_udp *u, int level, int name, int value)
{
	return setsockopt(u->fd, level, name, &value, sizeof value) == 0;
}

bool kith_udp_sys_fragment(struct kith_udp *u, bool may)
{
#ifdef IP_DONTFRAG
	if (u->family == KITH_FAMILY_V4)
		return set_option(u, IPPROTO_IP, IP_DONTFRAG, may ? 0 : 1);
#endif
#ifdef IPV6_DONTFRAG
	if (u->family == KITH_FAMILY_V6)
		return set_option(u, IPPROTO_IPV6, IPV6_DONTFRAG, may ? 0 : 1);
#endif
	(void)u;
	return may; /* the system's default: nobody forbids it */
}

void kith_udp_sys_prepare(struct kith_udp *u, bool offload)
{
	(void)offload;
	(void)kith_udp_sys_fragment(u, false);
}

int kith_udp_sys_receive(struct kith_udp *u, struct kith_packet out[], size_t n)
{
	size_t taken = 0;
	while (taken < n) {
		struct sockaddr_storage from;
		struct kith_packet *p = &out[taken];
		socklen_t from_len = sizeof from;
		uint8_t *data = u->rx + taken * u->rx_stride + KITH_PACKET_HEADROOM;
		size_t room = u->rx_stride - KITH_PACKET_HEADROOM;
		ssize_t len = recvfrom(u->fd, data, room, 0, (struct sockaddr *)&from, &from_len);
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0 && kith_udp_note_failure(u, errno) && taken == 0)
			return u->broken;
		if (len < 0)
			break;
		u->failures = 0;
		u->counts.calls_in++;
		memset(p, 0, sizeof *p);
		p->data = data;
		p->len = (uint32_t)len;
		p->transport = u->transport;
		/* As long as its buffer: it was cut, or is at least longer than any of ours. */
		if (len > 0 && (size_t)len < room && kith_sockaddr_get(&p->remote, (const struct sockaddr *)&from))
			taken++;
	}
	return (int)taken;
}

static void set_ttl(const struct kith_udp *u, int ttl)
{
	if (u->family == KITH_FAMILY_V4)
		(void)set_option(u, IPPROTO_IP, IP_TTL, ttl);
	else
		(void)set_option(u, IPPROTO_IPV6, IPV6_UNICAST_HOPS, ttl);
}

/* False: would block. */
static bool send_one(struct kith_udp *u, const struct kith_packet *p, const uint8_t *data, size_t len)
{
	struct sockaddr_storage to;
	socklen_t to_len = kith_sockaddr_set(&to, &p->remote);
	ssize_t sent;
	/* -1 brings the system's default back on v6; on v4, 64 is every system's. */
	if (p->ttl != 0)
		set_ttl(u, p->ttl);
	do
		sent = sendto(u->fd, data, len, 0, (struct sockaddr *)&to, to_len);
	while (sent < 0 && errno == EINTR);
	int errnum = errno;
	if (p->ttl != 0)
		set_ttl(u, u->family == KITH_FAMILY_V4 ? 64 : -1);
	if (sent < 0 && (errnum == EAGAIN || errnum == EWOULDBLOCK))
		return false;
	if (sent >= 0) {
		u->counts.calls_out++;
		u->failures = 0;
		return true;
	}
	if (errnum == EMSGSIZE && kith_udp_go_in_parts(u, &p->remote))
		return send_one(u, p, data, len);
	if (errnum != EINVAL && kith_udp_note_failure(u, errnum) && u->broken != 0)
		return true;
	if (errnum == ENOBUFS)
		u->counts.queue_full++;
	else
		kith_udp_note_error(u, &p->remote, errnum);
	return true;
}

static bool send_packet(struct kith_udp *u, const struct kith_packet *p)
{
	if (p->segment_len == 0)
		return send_one(u, p, p->data, p->len);
	for (uint32_t at = 0; at < p->len; at += p->segment_len) {
		uint32_t len = p->len - at < p->segment_len ? p->len - at : p->segment_len;
		if (send_one(u, p, p->data + at, len))
			continue;
		if (at == 0)
			return false;
		u->counts.queue_full++; /* the rest of the train is lost */
		break;
	}
	return true;
}

size_t kith_udp_sys_send(struct kith_udp *u, const struct kith_packet packets[], size_t n)
{
	size_t done = 0;
	while (done < n && send_packet(u, &packets[done]))
		done++;
	return done;
}

void kith_udp_sys_read_errors(struct kith_udp *u)
{
	int pending;
	socklen_t len = sizeof pending;
	(void)getsockopt(u->fd, SOL_SOCKET, SO_ERROR, &pending, &len);
}

#endif
