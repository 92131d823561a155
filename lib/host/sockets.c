/* The node's UDP sockets: opened together, told to the core, and opened again when one fails.
 *
 * A socket that is of no more use (kith_udp_broken) is closed, the core is told that the transport is down, the
 * application that there is trouble: once, however long it lasts. Then it is opened again: at once, and if that does
 * not help after KITH_SOCKET_RETRY_US, doubling up to KITH_SOCKET_RETRY_MAX_US, with full jitter; on the same port, as
 * others know it. A port that the system had chosen is given up for any other after PORT_ATTEMPTS failures. A failure
 * after KITH_SOCKET_GOOD_US of good service is a new story.
 */
#include "host/internal.h"

#include <stdio.h>
#include <string.h>

#include "base/rng.h"

enum { PORT_ATTEMPTS = 8 };

/* ---- opening ---- */

static int open_socket(struct kith_node *node, enum kith_host_transport which, uint16_t port, char *why)
{
	bool v4 = which == KITH_TRANSPORT_UDP_V4;
	struct kith_socket *s = &node->sockets[which];
	struct kith_udp_options o = { .alloc = node->alloc,
				      .transport = (uint16_t)which,
				      .offload = !node->o.no_offload };

	o.bind = v4 ? node->o.bind_v4 : node->o.bind_v6;
	o.bind.family = v4 ? KITH_FAMILY_V4 : KITH_FAMILY_V6;
	o.bind.port = port;
	s->node = node;
	return kith_udp_open(&s->udp, &o, why);
}

static void close_socket(struct kith_node *node, enum kith_host_transport which)
{
	kith_udp_close(node->sockets[which].udp);
	node->sockets[which].udp = NULL;
}

/* Opens both families on one port. One family that this machine does not have is no error, both are. */
int kith_sockets_open(struct kith_node *node, char *why)
{
	char why6[KITH_UDP_WHY_MAX];
	int err4 = 0, err6 = 0;

	for (int attempt = 0; attempt < PORT_ATTEMPTS; attempt++) {
		uint16_t port = node->o.port;
		err4 = err6 = KITH_ENOTSUP;
		why[0] = why6[0] = '\0';
		if (!node->o.no_v4) {
			err4 = open_socket(node, KITH_TRANSPORT_UDP_V4, port, why);
			if (err4 == 0)
				port = kith_udp_port(node->sockets[KITH_TRANSPORT_UDP_V4].udp);
		}
		if (!node->o.no_v6)
			err6 = open_socket(node, KITH_TRANSPORT_UDP_V6, port, why6);
		/* The port that v4 was given may be somebody else's on v6: ask for another. */
		if (node->o.port != 0 || err4 != 0 || err6 != KITH_EADDRINUSE)
			break;
		if (attempt + 1 < PORT_ATTEMPTS)
			close_socket(node, KITH_TRANSPORT_UDP_V4);
	}
	if (err4 != 0 && err6 != 0) {
		if (why[0] == '\0')
			memcpy(why, why6, sizeof why6);
		return node->o.no_v4 ? err6 : err4;
	}
	/* A port that was asked for and is taken: half a node would only confuse. */
	if (err4 == KITH_EADDRINUSE || (err6 == KITH_EADDRINUSE && node->o.port != 0)) {
		if (err6 == KITH_EADDRINUSE)
			memcpy(why, why6, sizeof why6);
		return KITH_EADDRINUSE;
	}
	if (err4 != 0 && !node->o.no_v4)
		kith_trouble(node, KITH_TROUBLE_SOCKET, err4, why);
	if (err6 != 0 && !node->o.no_v6)
		kith_trouble(node, KITH_TROUBLE_SOCKET, err6, why6);
	return 0;
}

/* ---- what the core is told ---- */

static void tell_transport(struct kith_node *node, enum kith_host_transport which,
			   const struct kith_interface_list *list, const struct kith_addr *bound)
{
	struct kith_socket *s = &node->sockets[which];
	struct kith_transport t = { .id = (uint16_t)which,
				    .up = list->n > 0,
				    .family = which == KITH_TRANSPORT_UDP_V4 ? KITH_FAMILY_V4 : KITH_FAMILY_V6 };

	if (s->udp == NULL || (!t.up && !s->up))
		return;
	for (size_t i = 0; i < list->n; i++) {
		if (bound->family != KITH_FAMILY_NONE && memcmp(bound->ip, list->addrs[i].ip, sizeof bound->ip) != 0)
			continue;
		t.locals[t.locals_n] = list->addrs[i];
		t.locals[t.locals_n].port = kith_udp_port(s->udp);
		t.prefix_bits[t.locals_n] = list->prefix_bits[i];
		t.locals_n++;
	}
	s->up = t.up;
	kith_core_transport(node->core, kith_node_now(node), &t);
	kith_node_touch(node);
}

void kith_tell_transports(struct kith_node *node, const struct kith_interfaces *interfaces)
{
	tell_transport(node, KITH_TRANSPORT_UDP_V4, &interfaces->v4, &node->o.bind_v4);
	tell_transport(node, KITH_TRANSPORT_UDP_V6, &interfaces->v6, &node->o.bind_v6);
}

/* ---- mending ---- */

int kith_sockets_start(struct kith_node *node)
{
	for (size_t i = 0; i < KITH_HOST_SOCKETS; i++) {
		struct kith_socket *s = &node->sockets[i];
		int err = s->udp != NULL ? kith_exchange_watch(s) : 0;
		if (err != 0)
			return err;
		s->opened_at = kith_node_now(node).mono_us;
	}
	return 0;
}

static void try_again(uv_timer_t *timer);

static void mend_later(struct kith_node *node)
{
	unsigned attempt = 0;

	for (size_t i = 0; i < KITH_HOST_SOCKETS; i++)
		if (node->sockets[i].mending && node->sockets[i].attempts > attempt)
			attempt = node->sockets[i].attempts;
	/* 1 ms, not 0: the closing of the old poll handle is told in between. */
	kith_time_us in = attempt == 0 ? KITH_US_PER_MS
				       : kith_rng_backoff(node->random, KITH_SOCKET_RETRY_US, KITH_SOCKET_RETRY_MAX_US,
							  attempt - 1);
	(void)uv_timer_start(&node->mend_timer, try_again, (uint64_t)(in / KITH_US_PER_MS), 0);
}

/* The way back into the core's knowledge, with the addresses that there are now. */
static bool mend(struct kith_socket *s)
{
	struct kith_node *node = s->node;
	enum kith_host_transport which = (enum kith_host_transport)(s - node->sockets);
	uint16_t port = node->o.port == 0 && s->attempts >= PORT_ATTEMPTS ? 0 : s->port;
	char why[KITH_UDP_WHY_MAX];

	s->attempts++;
	if (s->poll.data != NULL) /* not closed yet */
		return false;
	int err = open_socket(node, which, port, why);
	if (err == 0 && kith_exchange_watch(s) != 0) {
		close_socket(node, which);
		return false;
	}
	if (err != 0)
		return false;
	s->mending = false;
	s->opened_at = kith_node_now(node).mono_us;
	KITH_LOG(node->log, KITH_LOG_WARN, "socket_reopened transport=%d port=%u attempts=%u", (int)which,
		 kith_udp_port(s->udp), s->attempts);
	kith_tell_transports(node, &node->watch.last);
	return true;
}

static void try_again(uv_timer_t *timer)
{
	struct kith_node *node = timer->data;
	bool left = false;

	if (node->core == NULL || node->finishing)
		return;
	for (size_t i = 0; i < KITH_HOST_SOCKETS; i++)
		left = (node->sockets[i].mending && !mend(&node->sockets[i])) || left;
	if (left)
		mend_later(node);
	kith_node_touch(node);
}

static void poll_closed(uv_handle_t *handle)
{
	struct kith_socket *s = handle->data;

	s->poll.data = NULL; /* may be used again */
	s->node->handles--;
}

static void give_up(struct kith_socket *s)
{
	struct kith_node *node = s->node;
	int err = kith_udp_broken(s->udp);
	bool again = s->attempts > 0 && kith_node_now(node).mono_us - s->opened_at < KITH_SOCKET_GOOD_US;
	bool v4 = s == &node->sockets[KITH_TRANSPORT_UDP_V4];
	struct kith_transport t = { .id = (uint16_t)(s - node->sockets),
				    .family = v4 ? KITH_FAMILY_V4 : KITH_FAMILY_V6 };
	char why[KITH_HOST_WHY_MAX];

	s->port = kith_udp_port(s->udp);
	s->up = false;
	s->mending = true;
	s->events = 0;
	uv_close((uv_handle_t *)&s->poll, poll_closed);
	close_socket(node, (enum kith_host_transport)t.id);
	kith_core_transport(node->core, kith_node_now(node), &t);
	kith_node_touch(node);
	if (!again) {
		s->attempts = 0;
		(void)snprintf(why, sizeof why, "the UDP socket for IPv%d, port %u, failed; opening it again",
			       v4 ? 4 : 6, s->port);
		kith_trouble(node, KITH_TROUBLE_SOCKET, err, why);
	}
	mend_later(node);
}

void kith_sockets_close(struct kith_node *node)
{
	for (size_t i = 0; i < KITH_HOST_SOCKETS; i++) {
		struct kith_socket *s = &node->sockets[i];
		if (s->poll.data != NULL && !uv_is_closing((uv_handle_t *)&s->poll)) /* it is while being mended */
			uv_close((uv_handle_t *)&s->poll, poll_closed);
	}
}

void kith_sockets_check(struct kith_node *node)
{
	for (size_t i = 0; i < KITH_HOST_SOCKETS; i++) {
		struct kith_socket *s = &node->sockets[i];
		if (s->udp != NULL && s->poll.data != NULL && kith_udp_broken(s->udp) != 0)
			give_up(s);
	}
}
