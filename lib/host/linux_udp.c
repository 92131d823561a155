/* UDP on Linux: recvmmsg, sendmmsg, UDP_SEGMENT and UDP_GRO (since 4.18 and 5.0), IP_RECVERR; see udp.h. */
#if defined(__linux__) && !defined(KITH_UDP_PORTABLE)

#include "host/udp_internal.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/errqueue.h>

#include "base/assert.h"
#include "host/sockaddr.h"

enum { ECN_MASK = 3 };

/* Room for the control messages of one packet, aligned as they must be. */
union control {
	struct cmsghdr align;
	uint8_t bytes[128];
};

static bool set_option(const struct kith_udp *u, int level, int name, int value)
{
	return setsockopt(u->fd, level, name, &value, sizeof value) == 0;
}

void kith_udp_sys_prepare(struct kith_udp *u, bool offload)
{
	int value = 0;
	socklen_t len = sizeof value;
	/* "Probe" sets "do not fragment" and ignores what ICMP says about sizes, which anybody can forge. */
	if (u->family == KITH_FAMILY_V4) {
		(void)set_option(u, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
		(void)set_option(u, IPPROTO_IP, IP_RECVTTL, 1);
		(void)set_option(u, IPPROTO_IP, IP_RECVTOS, 1);
		u->recverr = set_option(u, IPPROTO_IP, IP_RECVERR, 1);
	} else {
		(void)set_option(u, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
		(void)set_option(u, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
		(void)set_option(u, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
		u->recverr = set_option(u, IPPROTO_IPV6, IPV6_RECVERR, 1);
	}
	u->offload = offload;
	if (offload) {
		u->gso = getsockopt(u->fd, IPPROTO_UDP, UDP_SEGMENT, &value, &len) == 0;
		u->gro = set_option(u, IPPROTO_UDP, UDP_GRO, 1);
	}
}

bool kith_udp_sys_fragment(struct kith_udp *u, bool may)
{
	bool v4 = u->family == KITH_FAMILY_V4;
	int how = v4 ? (may ? IP_PMTUDISC_DONT : IP_PMTUDISC_PROBE) : (may ? IPV6_PMTUDISC_DONT : IPV6_PMTUDISC_PROBE);
	if (!set_option(u, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER, how))
		return false;
	int value = 0;
	socklen_t len = sizeof value;
	/* The kernel fragments no segments of a train. */
	u->gso = u->offload && !may && getsockopt(u->fd, IPPROTO_UDP, UDP_SEGMENT, &value, &len) == 0;
	return true;
}

/* ---- in ---- */

static int cmsg_int(struct cmsghdr *c)
{
	int value = 0;
	/* The traffic class of v4 is one byte, everything else an int. */
	if (c->cmsg_len == CMSG_LEN(1))
		value = *(const uint8_t *)CMSG_DATA(c);
	else if (c->cmsg_len >= CMSG_LEN(sizeof value))
		memcpy(&value, CMSG_DATA(c), sizeof value);
	return value;
}

static void read_marks(struct kith_packet *p, struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		int value = cmsg_int(c);
		if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL) ||
		    (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT))
			p->ttl = (uint8_t)value;
		else if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) ||
			 (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS))
			p->ecn = (uint8_t)(value & ECN_MASK);
		else if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO && value > 0 && value < UINT16_MAX &&
			 (uint32_t)value < p->len)
			p->segment_len = (uint16_t)value;
	}
}

int kith_udp_sys_receive(struct kith_udp *u, struct kith_packet out[], size_t n)
{
	struct mmsghdr messages[KITH_UDP_BATCH];
	struct iovec iov[KITH_UDP_BATCH] = { { 0 } };
	struct sockaddr_storage from[KITH_UDP_BATCH];
	union control control[KITH_UDP_BATCH];
	int got, taken = 0;
	KITH_ASSERT(n <= KITH_UDP_BATCH);
	for (size_t i = 0; i < n; i++) {
		iov[i].iov_base = u->rx + i * u->rx_stride + KITH_PACKET_HEADROOM;
		iov[i].iov_len = u->rx_stride - KITH_PACKET_HEADROOM;
		struct msghdr header = { .msg_name = &from[i],
					 .msg_namelen = sizeof from[i],
					 .msg_iov = &iov[i],
					 .msg_iovlen = 1,
					 .msg_control = &control[i],
					 .msg_controllen = sizeof control[i] };
		messages[i].msg_hdr = header;
		messages[i].msg_len = 0;
	}
	do
		got = recvmmsg(u->fd, messages, (unsigned)n, MSG_DONTWAIT, NULL);
	while (got < 0 && errno == EINTR);
	if (got < 0) {
		/* An error that the network reported is not one of the socket: it waits in the error queue. */
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return 0;
		if (!kith_udp_note_failure(u, errno))
			kith_udp_sys_read_errors(u);
		return u->broken;
	}
	u->failures = 0;
	u->counts.calls_in++;
	for (int i = 0; i < got; i++) {
		struct kith_packet *p = &out[taken];
		memset(p, 0, sizeof *p);
		p->data = iov[i].iov_base;
		p->len = messages[i].msg_len;
		p->transport = u->transport;
		if ((messages[i].msg_hdr.msg_flags & MSG_TRUNC) != 0 || p->len == 0 ||
		    !kith_sockaddr_get(&p->remote, (const struct sockaddr *)&from[i]))
			continue;
		read_marks(p, &messages[i].msg_hdr);
		u->counts.trains_in += p->segment_len != 0;
		taken++;
	}
	return taken;
}

/* ---- out ---- */

/* One system call's worth of messages. */
struct batch {
	struct mmsghdr messages[KITH_UDP_BATCH];
	struct sockaddr_storage to[KITH_UDP_BATCH];
	union control control[KITH_UDP_BATCH];
	struct kith_udp_train trains[KITH_UDP_BATCH];
	struct iovec iov[KITH_UDP_BATCH];
	size_t n, iov_n;
};

static void add_control(struct msghdr *m, int level, int type, const void *value, size_t len)
{
	struct cmsghdr *c = (struct cmsghdr *)((uint8_t *)m->msg_control + m->msg_controllen);
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), value, len);
	m->msg_controllen += CMSG_SPACE(len);
}

static void add_marks(const struct kith_udp *u, struct msghdr *m, const struct kith_packet *p, uint16_t segment_len)
{
	bool v4 = u->family == KITH_FAMILY_V4;
	int level = v4 ? IPPROTO_IP : IPPROTO_IPV6;
	if (p->ttl != 0) {
		int ttl = p->ttl;
		add_control(m, level, v4 ? IP_TTL : IPV6_HOPLIMIT, &ttl, sizeof ttl);
	}
	if ((p->ecn & ECN_MASK) != 0) {
		int tos = p->ecn & ECN_MASK;
		add_control(m, level, v4 ? IP_TOS : IPV6_TCLASS, &tos, sizeof tos);
	}
	if (segment_len != 0)
		add_control(m, IPPROTO_UDP, UDP_SEGMENT, &segment_len, sizeof segment_len);
}

/* Adds one message for the train; the caller has made sure of the room. */
static void add_message(const struct kith_udp *u, struct batch *b, const struct kith_packet packets[],
			const struct kith_udp_train *t)
{
	const struct kith_packet *p = &packets[t->first];
	struct msghdr *m = &b->messages[b->n].msg_hdr;
	memset(&b->messages[b->n], 0, sizeof b->messages[b->n]);
	memset(&b->control[b->n], 0, sizeof b->control[b->n]);
	m->msg_name = &b->to[b->n];
	m->msg_namelen = kith_sockaddr_set(&b->to[b->n], &p->remote);
	m->msg_iov = &b->iov[b->iov_n];
	m->msg_iovlen = t->n;
	for (size_t i = 0; i < t->n; i++) {
		b->iov[b->iov_n].iov_base = packets[t->first + i].data;
		b->iov[b->iov_n].iov_len = packets[t->first + i].len;
		b->iov_n++;
	}
	m->msg_control = &b->control[b->n];
	m->msg_controllen = 0;
	add_marks(u, m, p, t->segment_len);
	if (m->msg_controllen == 0)
		m->msg_control = NULL;
	b->trains[b->n] = *t;
	b->n++;
}

/* A train from the core, where the kernel cannot cut it: one packet per call. What does not fit into the socket is
 * lost. */
static bool send_segments(struct kith_udp *u, const struct kith_packet *p)
{
	for (uint32_t at = 0; at < p->len; at += p->segment_len) {
		struct kith_packet one = *p;
		one.data += at;
		one.len = p->len - at < p->segment_len ? p->len - at : p->segment_len;
		one.segment_len = 0;
		if (kith_udp_sys_send(u, &one, 1) == 0) {
			if (at == 0)
				return false;
			u->counts.queue_full++;
			return true;
		}
	}
	return true;
}

enum outcome { OUTCOME_STOP, OUTCOME_SKIP, OUTCOME_AGAIN, OUTCOME_BROKEN };

/* The first message of what is left was refused. */
static enum outcome refused(struct kith_udp *u, const struct kith_packet *p, const struct kith_udp_train *t,
			    bool *read_errors)
{
	int errnum = errno;
	if (errnum == EINTR)
		return OUTCOME_AGAIN;
	if (errnum == EAGAIN || errnum == EWOULDBLOCK)
		return OUTCOME_STOP;
	if (errnum == ENOBUFS || errnum == ENOMEM) {
		/* The interface's queue is full. Polling says "writable" all the same, so waiting would spin. */
		u->counts.queue_full += t->n;
		return OUTCOME_SKIP;
	}
	if (t->segment_len != 0 && (errnum == EIO || errnum == EINVAL)) {
		/* An interface that cannot checksum segments, or a limit lower than ours. */
		u->gso = false;
		return OUTCOME_AGAIN;
	}
	if (errnum == EMSGSIZE && kith_udp_go_in_parts(u, &p->remote))
		return OUTCOME_AGAIN;
	/* With IP_RECVERR the call may report an earlier packet's fate: that is told by the error queue, with its
	 * address. */
	if (u->recverr && !*read_errors && errnum != EMSGSIZE && errnum != EINVAL) {
		*read_errors = true;
		kith_udp_sys_read_errors(u);
		return OUTCOME_AGAIN;
	}
	/* Of these, EINVAL is about what was sent. */
	if (errnum != EINVAL && kith_udp_note_failure(u, errnum) && u->broken != 0)
		return OUTCOME_BROKEN;
	kith_udp_note_error(u, &p->remote, errnum);
	return OUTCOME_SKIP;
}

static void fill(const struct kith_udp *u, struct batch *b, const struct kith_packet packets[], size_t first, size_t n)
{
	b->n = b->iov_n = 0;
	for (size_t at = first; at < n && b->n < KITH_UDP_BATCH;) {
		struct kith_udp_train t = kith_udp_train_at(packets, at, n, u->gso);
		if (b->iov_n + t.n > KITH_UDP_BATCH || (t.segment_len != 0 && !u->gso))
			break;
		add_message(u, b, packets, &t);
		at += t.n;
	}
}

size_t kith_udp_sys_send(struct kith_udp *u, const struct kith_packet packets[], size_t n)
{
	struct batch b;
	size_t done = 0;
	bool read_errors = false;
	while (done < n) {
		fill(u, &b, packets, done, n);
		if (b.n == 0) {
			if (!send_segments(u, &packets[done]))
				return done;
			done++;
			continue;
		}
		int sent = sendmmsg(u->fd, b.messages, (unsigned)b.n, MSG_DONTWAIT);
		if (sent > 0) {
			u->failures = 0;
			u->counts.calls_out++;
			for (int i = 0; i < sent; i++) {
				done += b.trains[i].n;
				u->counts.trains_out += b.trains[i].segment_len != 0;
			}
			read_errors = false;
			continue;
		}
		switch (refused(u, &packets[b.trains[0].first], &b.trains[0], &read_errors)) {
		case OUTCOME_STOP:
			return done;
		case OUTCOME_SKIP:
			done += b.trains[0].n;
			break;
		case OUTCOME_AGAIN:
			break;
		case OUTCOME_BROKEN:
			return n;
		}
	}
	return done;
}

/* ---- errors ---- */

/* A low TTL that ran out did what it was meant to do. */
static bool is_new(const struct sock_extended_err *e)
{
	if (e->ee_origin == SO_EE_ORIGIN_ICMP)
		return e->ee_type != ICMP_TIME_EXCEEDED;
	if (e->ee_origin == SO_EE_ORIGIN_ICMP6)
		return e->ee_type != ICMP6_TIME_EXCEEDED;
	return e->ee_origin == SO_EE_ORIGIN_LOCAL;
}

static void read_error(struct kith_udp *u, struct msghdr *m, const struct sockaddr_storage *to)
{
	struct kith_addr remote;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		struct sock_extended_err e;
		bool ours = (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
			    (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR);
		if (!ours || c->cmsg_len < CMSG_LEN(sizeof e))
			continue;
		memcpy(&e, CMSG_DATA(c), sizeof e);
		if (!is_new(&e) || m->msg_namelen == 0 || !kith_sockaddr_get(&remote, (const struct sockaddr *)to))
			continue;
		if (e.ee_errno != EMSGSIZE)
			kith_udp_note_error(u, &remote, (int)e.ee_errno);
		else /* it is lost, and what it was for sends it again */
			(void)kith_udp_go_in_parts(u, &remote);
	}
}

void kith_udp_sys_read_errors(struct kith_udp *u)
{
	/* Bounded, so that a flood of errors cannot hold the loop: the rest waits for the next time. */
	for (int i = 0; i < 4 * KITH_UDP_BATCH; i++) {
		struct sockaddr_storage to;
		union control control;
		uint8_t quoted[64];
		struct iovec iov = { quoted, sizeof quoted };
		struct msghdr m = { .msg_name = &to,
				    .msg_namelen = sizeof to,
				    .msg_iov = &iov,
				    .msg_iovlen = 1,
				    .msg_control = &control,
				    .msg_controllen = sizeof control };
		memset(&to, 0, sizeof to);
		if (recvmsg(u->fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) {
			if (errno == EINTR)
				continue;
			break;
		}
		read_error(u, &m, &to);
	}
	/* What the socket itself remembers as an error would otherwise be the answer to the next call. */
	int pending;
	socklen_t len = sizeof pending;
	(void)getsockopt(u->fd, SOL_SOCKET, SO_ERROR, &pending, &len);
}

#endif
