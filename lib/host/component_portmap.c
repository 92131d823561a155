/* The component "portmap": a thread that talks with the router (host/mapper, host/upnp), until it is told to stop. What
 * comes of it is judged by the node. Its sockets are its own: that of the talk reaches only the router, and hears only
 * from it; another hears what the router tells all of its network when it has restarted. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/component.h"
#include "host/mapper.h"
#include "host/upnp.h"

enum { BATCH = 16, WAKE, TALK, NEWS, DESCRIPTORS };

struct worker {
	struct kith_portmap_link *link;
	struct kith_mapper mapper;
	struct kith_upnp *upnp; /* NULL: not looked for, or there is none */
	struct kith_portmap_told told; /* last */
	int talk, news; /* -1: not open */
};

static kith_time_us now_us(void)
{
	return (kith_time_us)(uv_hrtime() / 1000);
}

static struct sockaddr_in in_of(const struct kith_addr *addr, uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
	memcpy(&in.sin_addr, addr->ip, sizeof in.sin_addr);
	return in;
}

/* ---- its sockets ---- */

static int udp_socket(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0)
		return -1;
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

static uint16_t port_of(const struct kith_portmap_ask *ask)
{
	return ask->gateway.port != 0 ? ask->gateway.port : KITH_PCP_PORT;
}

static void close_sockets(struct worker *w)
{
	if (w->talk >= 0)
		(void)close(w->talk);
	if (w->news >= 0)
		(void)close(w->news);
	w->talk = w->news = -1;
}

/* Without the talk UPnP is left; without the news a restart of the router is noticed later. */
static void open_sockets(struct worker *w, const struct kith_portmap_ask *ask)
{
	static const struct kith_addr any;
	const int on = 1;
	struct sockaddr_in self = in_of(&ask->self, 0), gateway = in_of(&ask->gateway, port_of(ask));
	struct sockaddr_in news = in_of(&any, (uint16_t)(port_of(ask) - 1)); /* also what is sent to 224.0.0.1 */
	close_sockets(w);
	w->talk = udp_socket();
	if (w->talk >= 0 && (bind(w->talk, (struct sockaddr *)&self, sizeof self) != 0 ||
			     connect(w->talk, (struct sockaddr *)&gateway, sizeof gateway) != 0)) {
		(void)close(w->talk);
		w->talk = -1;
	}
	w->news = udp_socket();
	if (w->news >= 0 && (setsockopt(w->news, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
			     bind(w->news, (struct sockaddr *)&news, sizeof news) != 0)) {
		(void)close(w->news);
		w->news = -1;
	}
}

/* ---- datagrams ---- */

static void send_due(struct worker *w)
{
	uint8_t out[KITH_PCP_REQUEST_MAX];
	size_t len;
	while ((len = kith_mapper_next(&w->mapper, now_us(), out)) > 0)
		if (w->talk < 0 || (send(w->talk, out, len, 0) < 0 && errno == ECONNREFUSED))
			kith_mapper_deaf(&w->mapper, now_us());
}

static void hear(struct worker *w)
{
	uint8_t in[KITH_PCP_ANSWER_MAX + 1];
	for (int i = 0; i < BATCH && w->talk >= 0; i++) {
		ssize_t n = recv(w->talk, in, sizeof in, 0);
		if (n >= 0)
			kith_mapper_take(&w->mapper, now_us(), in, (size_t)n);
		else if (errno == ECONNREFUSED)
			kith_mapper_deaf(&w->mapper, now_us());
		else
			return;
	}
}

static void hear_news(struct worker *w)
{
	uint8_t in[KITH_PCP_ANSWER_MAX + 1];
	for (int i = 0; i < BATCH && w->news >= 0; i++) {
		struct sockaddr_in from = { 0 };
		socklen_t from_len = sizeof from;
		ssize_t n = recvfrom(w->news, in, sizeof in, 0, (struct sockaddr *)&from, &from_len);
		if (n < 0)
			return;
		if (from_len == sizeof from && from.sin_family == AF_INET &&
		    memcmp(&from.sin_addr, w->mapper.ask.gateway.ip, sizeof from.sin_addr) == 0)
			kith_mapper_take(&w->mapper, now_us(), in, (size_t)n);
	}
}

/* ---- UPnP ---- */

/* One mapping. Where none was found, it is looked for; where one had been, it may be gone, and is looked for again. */
static void ask_upnp(struct worker *w, int i)
{
	const struct kith_portmap_ask *ask = &w->mapper.ask;
	struct kith_addr outer;
	if (w->upnp == NULL)
		w->upnp = kith_upnp_find(&ask->gateway, &ask->self);
	(void)kith_mapper_mapped(&w->mapper, (unsigned)i, &outer);
	if (w->upnp == NULL || !kith_upnp_map(w->upnp, &ask->ports[i], KITH_MAPPER_LIFE_S, &outer)) {
		kith_upnp_free(w->upnp);
		w->upnp = NULL;
		outer = (struct kith_addr){ 0 };
	}
	kith_mapper_upnp_done(&w->mapper, now_us(), i, &outer);
}

static void take_back_upnp(struct worker *w)
{
	struct kith_addr outer;
	int i;
	while ((i = kith_mapper_upnp(&w->mapper, now_us())) >= 0) {
		if (kith_mapper_mapped(&w->mapper, (unsigned)i, &outer) && w->upnp != NULL)
			kith_upnp_unmap(w->upnp, &w->mapper.ask.ports[i], outer.port);
		kith_mapper_upnp_done(&w->mapper, now_us(), i, &outer);
	}
}

/* ---- the thread ---- */

static bool is_told(const struct kith_portmap_told *a, const struct kith_portmap_told *b)
{
	return a->state == b->state && a->method == b->method && a->life_us == b->life_us && a->lies == b->lies &&
	       a->result == b->result && memcmp(a->outer, b->outer, sizeof a->outer) == 0;
}

static void tell(struct worker *w)
{
	const struct kith_mapper *m = &w->mapper;
	struct kith_portmap_told t = { .method = m->method, .lies = m->lies, .result = m->result };
	kith_time_us until = KITH_TIME_NEVER;
	for (unsigned i = 0; i < m->ask.n; i++)
		if (kith_mapper_mapped(m, i, &t.outer[i]) && m->rows[i].until < until)
			until = m->rows[i].until;
	t.state = t.outer[0].family != KITH_FAMILY_NONE ? KITH_PORTMAP_MAPPED
		  : m->method == KITH_PORTMAP_NONE	? KITH_PORTMAP_REFUSED
							: KITH_PORTMAP_ASKING;
	t.life_us = until; /* compared as a time, told as a distance */
	if (is_told(&t, &w->told))
		return;
	w->told = t;
	t.life_us = until == KITH_TIME_NEVER ? 0 : until - now_us();
	w->link->tell(w->link, &t);
}

static void wait_for(struct worker *w, kith_time_us deadline)
{
	struct pollfd fds[DESCRIPTORS - WAKE] = { { w->link->wake, POLLIN, 0 },
						  { w->talk, POLLIN, 0 },
						  { w->news, POLLIN, 0 } };
	kith_time_us now = now_us(), in = deadline > now ? deadline - now : 0;
	int ms = deadline == KITH_TIME_NEVER ? -1 : (int)((in + KITH_US_PER_MS - 1) / KITH_US_PER_MS);
	if (w->mapper.leaving)
		fds[0].fd = -1; /* it was told to stop: nothing else matters */
	(void)poll(fds, DESCRIPTORS - WAKE, ms);
}

/* As far as both go. */
static bool is_same(const struct kith_portmap_ask *a, const struct kith_portmap_ask *b)
{
	bool same = memcmp(&a->gateway, &b->gateway, sizeof a->gateway) == 0 &&
		    memcmp(&a->self, &b->self, sizeof a->self) == 0;
	for (unsigned i = 0; same && i < a->n && i < b->n; i++)
		same = a->ports[i].protocol == b->ports[i].protocol && a->ports[i].port == b->ports[i].port;
	return same;
}

/* What is wanted now. False: nothing any more. */
static bool look(struct worker *w)
{
	struct kith_portmap_ask ask;
	bool changed = false;
	if (!w->link->look(w->link, &ask, &changed))
		return false;
	if (!changed)
		return true;
	open_sockets(w, &ask);
	if (is_same(&ask, &w->mapper.ask) && ask.n > 0 && w->mapper.ask.n > 0) {
		if (ask.n != w->mapper.ask.n)
			kith_mapper_ports(&w->mapper, now_us(), &ask);
		else
			kith_mapper_again(&w->mapper, now_us());
		return true;
	}
	kith_upnp_free(w->upnp);
	w->upnp = NULL;
	kith_mapper_begin(&w->mapper, now_us(), &ask);
	return true;
}

static void leave(struct worker *w)
{
	kith_mapper_leave(&w->mapper, now_us());
	take_back_upnp(w);
	while (!kith_mapper_done(&w->mapper)) {
		send_due(w);
		if (kith_mapper_done(&w->mapper))
			return;
		wait_for(w, kith_mapper_deadline(&w->mapper));
		hear(w);
	}
}

static void run(struct kith_portmap_link *link)
{
	struct worker w = { .link = link, .talk = -1, .news = -1 };
	while (look(&w)) {
		send_due(&w);
		int i = kith_mapper_upnp(&w.mapper, now_us());
		if (i >= 0)
			ask_upnp(&w, i);
		tell(&w);
		if (i < 0)
			wait_for(&w, kith_mapper_deadline(&w.mapper));
		hear(&w);
		hear_news(&w);
	}
	leave(&w);
	close_sockets(&w);
	kith_upnp_free(w.upnp);
}

static const struct kith_portmap_engine engine = { run };

extern const struct kith_component kith_component_portmap;
KITH_EXPORT const struct kith_component kith_component_portmap = { KITH_LIBRARY_VERSION, &engine };
