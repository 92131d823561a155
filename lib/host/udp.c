/* UDP sockets, the part that every system shares; see udp.h. */
#include "host/udp_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "host/sockaddr.h"
#include "host/system.h"

static int explain(char *why, const char *what, const struct kith_addr *addr)
{
	char text[KITH_ADDR_TEXT_MAX];
	int errnum = errno;
	(void)snprintf(why, KITH_UDP_WHY_MAX, "cannot %s UDP %s: %s", what, kith_addr_format(addr, text),
		       strerror(errnum));
	return kith_system_err(errnum);
}

static bool set_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

static int make_socket(struct kith_udp *u, const struct kith_udp_options *o, char *why)
{
	struct sockaddr_storage ss;
	int domain = o->bind.family == KITH_FAMILY_V6 ? AF_INET6 : AF_INET;
	u->fd = socket(domain, SOCK_DGRAM, 0);
	if (u->fd < 0)
		return explain(why, "open", &o->bind);
	int flags = fcntl(u->fd, F_GETFL);
	if (fcntl(u->fd, F_SETFD, FD_CLOEXEC) != 0 || flags < 0 || fcntl(u->fd, F_SETFL, flags | O_NONBLOCK) != 0)
		return explain(why, "set up", &o->bind);
	/* v4 has a socket of its own, so that addresses are what they seem. */
	if (domain == AF_INET6 && !set_option(u->fd, IPPROTO_IPV6, IPV6_V6ONLY, 1))
		return explain(why, "set up", &o->bind);
	int buffer = o->socket_buffer > 0 ? o->socket_buffer : KITH_UDP_SOCKET_BUFFER;
	(void)set_option(u->fd, SOL_SOCKET, SO_RCVBUF, buffer);
	(void)set_option(u->fd, SOL_SOCKET, SO_SNDBUF, buffer);
	socklen_t len = kith_sockaddr_set(&ss, &o->bind);
	if (bind(u->fd, (struct sockaddr *)&ss, len) != 0)
		return explain(why, "bind", &o->bind);
	len = sizeof ss;
	struct kith_addr bound;
	if (getsockname(u->fd, (struct sockaddr *)&ss, &len) != 0 || !kith_sockaddr_get(&bound, (struct sockaddr *)&ss))
		return explain(why, "bind", &o->bind);
	u->port = bound.port;
	return 0;
}

int kith_udp_open(struct kith_udp **out, const struct kith_udp_options *o, char *why)
{
	*out = NULL;
	why[0] = '\0';
	if (o->bind.family != KITH_FAMILY_V4 && o->bind.family != KITH_FAMILY_V6)
		return KITH_EINVAL;
	struct kith_udp *u = KITH_NEW(o->alloc, struct kith_udp);
	if (u == NULL)
		return KITH_ENOMEM;
	u->alloc = o->alloc;
	u->fd = -1;
	u->family = o->bind.family;
	u->transport = o->transport;
	int err = make_socket(u, o, why);
	if (err != 0) {
		kith_udp_close(u);
		return err;
	}
	kith_udp_sys_prepare(u, o->offload);
	*out = u;
	return 0;
}

static void drop_errors(struct kith_udp *u)
{
	KITH_FREE_ARRAY(u->alloc, u->errors, KITH_UDP_ERRORS_MAX);
	u->errors = NULL;
	u->errors_n = 0;
}

static void drop_queue(struct kith_udp *u)
{
	while (u->head != NULL) {
		struct kith_udp_queued *q = u->head;
		u->head = q->next;
		kith_alloc_free(u->alloc, q, sizeof *q + q->packet.len);
	}
	u->tail = NULL;
	u->queued_n = u->queued_bytes = 0;
}

void kith_udp_rest(struct kith_udp *u)
{
	kith_alloc_free(u->alloc, u->rx, u->rx_n * u->rx_stride);
	u->rx = NULL;
	u->rx_n = 0;
}

void kith_udp_close(struct kith_udp *u)
{
	if (u == NULL)
		return;
	drop_queue(u);
	drop_errors(u);
	kith_udp_rest(u);
	if (u->fd >= 0 && !u->lost)
		(void)close(u->fd);
	KITH_FREE(u->alloc, u);
}

int kith_udp_fd(const struct kith_udp *u)
{
	return u->fd;
}

uint16_t kith_udp_port(const struct kith_udp *u)
{
	return u->port;
}

bool kith_udp_offloads(const struct kith_udp *u)
{
	return u->gso;
}

int kith_udp_broken(const struct kith_udp *u)
{
	return u->broken;
}

bool kith_udp_note_failure(struct kith_udp *u, int errnum)
{
	switch (errnum) {
	case EBADF: /* somebody closed it; by now its number may be another file's */
	case ENOTSOCK:
		u->lost = true;
		u->failures = KITH_UDP_FAILURES_MAX;
		break;
	case ENETDOWN: /* these may pass, or stay until there is another socket */
	case ENODEV:
	case ENXIO:
	case ENOTCONN:
	case EPIPE:
	case EINVAL:
	case EFAULT:
	case EIO:
		u->failures++;
		break;
	default:
		return false;
	}
	if (u->failures >= KITH_UDP_FAILURES_MAX)
		u->broken = kith_system_err(errnum);
	return true;
}

int kith_udp_receive(struct kith_udp *u, struct kith_packet out[], size_t n)
{
	if (u->broken != 0)
		return u->broken;
	if (u->rx == NULL) {
		u->rx_n = u->gro ? KITH_UDP_TRAINS : KITH_UDP_BATCH;
		u->rx_stride = KITH_PACKET_HEADROOM + (u->gro ? KITH_UDP_TRAIN_MAX + 1 : KITH_UDP_PACKET_MAX);
		/* Not zeroed: of most buffers, only the first page is ever touched. */
		u->rx = kith_alloc_resize(u->alloc, NULL, 0, u->rx_n * u->rx_stride);
		if (u->rx == NULL) {
			u->rx_n = 0;
			return KITH_ENOMEM;
		}
	}
	return kith_udp_sys_receive(u, out, n < u->rx_n ? n : u->rx_n);
}

/* One train in the making may be sent as one only if the kernel cuts it where the packets end. */
static bool joins(const struct kith_packet *first, const struct kith_packet *next)
{
	return next->segment_len == 0 && next->len > 0 && next->len <= first->len && next->ttl == first->ttl &&
	       next->ecn == first->ecn && kith_addr_equal(&next->remote, &first->remote);
}

struct kith_udp_train kith_udp_train_at(const struct kith_packet packets[], size_t first, size_t n, bool join)
{
	const struct kith_packet *p = &packets[first];
	struct kith_udp_train train = { first, 1, p->segment_len };
	if (p->segment_len != 0 || !join || p->len == 0 || p->len > UINT16_MAX)
		return train;
	size_t total = p->len;
	for (size_t i = first + 1; i < n && train.n < KITH_UDP_SEGMENTS_MAX; i++) {
		const struct kith_packet *next = &packets[i];
		/* 65,000: with headers it must stay below 64 KiB. */
		if (!joins(p, next) || total + next->len > 65000)
			break;
		total += next->len;
		train.n++;
		if (next->len < p->len)
			break; /* a shorter one can only be the last */
	}
	train.segment_len = train.n > 1 ? (uint16_t)p->len : 0;
	return train;
}

bool kith_udp_go_in_parts(struct kith_udp *u, const struct kith_addr *remote)
{
	if (u->parts_left > 0)
		return false;
	if (!kith_udp_sys_fragment(u, true)) {
		kith_udp_note_error(u, remote, EHOSTUNREACH);
		return false;
	}
	u->parts_left = KITH_UDP_PARTS_CALLS;
	kith_udp_note_error(u, remote, EMSGSIZE);
	return true;
}

/* The link may be another one by now. */
static void count_parts(struct kith_udp *u)
{
	if (u->parts_left > 0 && --u->parts_left == 0)
		(void)kith_udp_sys_fragment(u, false);
}

void kith_udp_note_error(struct kith_udp *u, const struct kith_addr *remote, int errnum)
{
	int err = kith_system_err(errnum);
	for (size_t i = 0; i < u->errors_n; i++)
		if (u->errors[i].err == err && kith_addr_equal(&u->errors[i].remote, remote))
			return;
	if (u->errors == NULL)
		u->errors = KITH_NEW_ARRAY(u->alloc, struct kith_udp_error, KITH_UDP_ERRORS_MAX);
	if (u->errors != NULL && u->errors_n < KITH_UDP_ERRORS_MAX) {
		u->errors[u->errors_n].remote = *remote;
		u->errors[u->errors_n].err = err;
		u->errors_n++;
	}
}

bool kith_udp_error(struct kith_udp *u, struct kith_udp_error *out)
{
	if (u->errors_n == 0)
		return false;
	*out = u->errors[0];
	u->errors_n--;
	memmove(u->errors, u->errors + 1, u->errors_n * sizeof u->errors[0]);
	if (u->errors_n == 0)
		drop_errors(u);
	return true;
}

static void queue(struct kith_udp *u, const struct kith_packet *packet)
{
	size_t len = packet->len;
	struct kith_udp_queued *q = NULL;
	if (u->queued_n < KITH_UDP_QUEUE_PACKETS && u->queued_bytes + len <= KITH_UDP_QUEUE_BYTES)
		q = kith_alloc_zero(u->alloc, sizeof *q + len);
	if (q == NULL) {
		u->counts.queue_full++;
		return;
	}
	q->packet = *packet;
	memcpy(q->data, packet->data, len);
	q->packet.data = q->data;
	if (u->tail != NULL)
		u->tail->next = q;
	else
		u->head = q;
	u->tail = q;
	u->queued_n++;
	u->queued_bytes += len;
}

void kith_udp_send(struct kith_udp *u, const struct kith_packet packets[], size_t n)
{
	size_t sent = 0;
	if (u->broken != 0) {
		u->counts.queue_full += n;
		return;
	}
	count_parts(u);
	if (u->head == NULL)
		sent = kith_udp_sys_send(u, packets, n);
	for (; sent < n; sent++)
		queue(u, &packets[sent]);
}

bool kith_udp_queued(const struct kith_udp *u)
{
	return u->head != NULL;
}

void kith_udp_flush(struct kith_udp *u)
{
	struct kith_packet batch[KITH_UDP_BATCH];
	if (u->broken != 0)
		drop_queue(u);
	while (u->head != NULL) {
		size_t n = 0;
		for (struct kith_udp_queued *q = u->head; q != NULL && n < KITH_UDP_BATCH; q = q->next)
			batch[n++] = q->packet;
		size_t sent = kith_udp_sys_send(u, batch, n);
		for (size_t i = 0; i < sent; i++) {
			struct kith_udp_queued *q = u->head;
			u->head = q->next;
			u->queued_n--;
			u->queued_bytes -= q->packet.len;
			kith_alloc_free(u->alloc, q, sizeof *q + q->packet.len);
		}
		if (u->head == NULL)
			u->tail = NULL;
		if (sent < n)
			return;
	}
}

void kith_udp_read_errors(struct kith_udp *u)
{
	kith_udp_sys_read_errors(u);
}

void kith_udp_counts(const struct kith_udp *u, struct kith_udp_counts *out)
{
	*out = u->counts;
}
