/* WebSockets as a carrier; see carrier_web.h. */
#include "host/carrier_web.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/alloc.h"
#include "base/stats.h"
#include "host/system.h"
#include "host/tcp_socket.h"

enum { SLOT = KITH_PACKET_HEADROOM + KITH_TCP_PACKET_MAX, RX_LEN = KITH_WEB_SLOTS * SLOT };

KITH_STATIC_ASSERT(KITH_CARRIER_WHY_MAX >= KITH_TCP_WHY_MAX, "the socket's reason is the carrier's");

static void polled(uv_poll_t *poll, int status, int events);
static void went_off(uv_timer_t *timer);

static uint64_t now_ms(const struct kith_web_carrier *c)
{
	return uv_now(c->o.loop);
}

static const struct kith_alloc *alloc_of(const struct kith_web_carrier *c)
{
	return c->o.alloc;
}

/* ---- what is told ---- */

static void note_error(struct kith_web_carrier *c, const struct kith_addr *remote, int err, bool by_proxy,
		       const char *why)
{
	if (c->errors_n == KITH_WEB_ERRORS)
		return;
	c->errors[c->errors_n] = (struct kith_carrier_error){ .remote = *remote, .err = err, .by_proxy = by_proxy };
	(void)snprintf(c->why[c->errors_n++], KITH_CARRIER_WHY_MAX, "%s", why);
}

static bool web_error(void *self, struct kith_carrier_error *out)
{
	struct kith_web_carrier *c = self;
	if (c->errors_n == 0)
		return false;
	*out = c->errors[0];
	memcpy(c->told, c->why[0], sizeof c->told);
	out->why = c->told[0] != '\0' ? c->told : NULL;
	c->errors_n--;
	memmove(c->errors, c->errors + 1, c->errors_n * sizeof c->errors[0]);
	memmove(c->why, c->why + 1, c->errors_n * sizeof c->why[0]);
	return true;
}

/* ---- time ---- */

static bool is_open(const struct kith_web_link *l)
{
	return l->conn.state == KITH_WEB_OPEN;
}

static uint64_t ends_at(const struct kith_web_link *l)
{
	const struct kith_web_bounds *b = l->c->bounds;
	if (!is_open(l))
		return l->since_ms + (l->taken_in ? b->greet_ms : b->dial_ms);
	return l->useful ? l->heard_ms + b->idle_ms : l->since_ms + b->useless_ms;
}

static uint64_t pings_at(const struct kith_web_link *l)
{
	if (l->taken_in || !is_open(l))
		return UINT64_MAX;
	return (l->pinged_ms > l->heard_ms ? l->pinged_ms : l->heard_ms) + l->c->bounds->ping_ms;
}

static uint64_t deadline_of(const struct kith_web_link *l)
{
	return ends_at(l) < pings_at(l) ? ends_at(l) : pings_at(l);
}

/* The timer goes off by then. It may go off earlier, and finds that nothing is due. */
static void wake(struct kith_web_carrier *c, uint64_t at_ms)
{
	uint64_t in = at_ms > now_ms(c) ? at_ms - now_ms(c) : 0;
	if (!c->closing && (!uv_is_active((uv_handle_t *)&c->timer) || uv_timer_get_due_in(&c->timer) > in))
		(void)uv_timer_start(&c->timer, went_off, in, 0);
}

/* ---- connections ---- */

static void handle_closed(struct kith_web_carrier *c)
{
	if (--c->handles > 0 || !c->closing)
		return;
	void (*closed)(void *ctx) = c->closed;
	void *ctx = c->closed_ctx;
	KITH_FREE(alloc_of(c), c);
	closed(ctx);
}

static void link_closed(uv_handle_t *handle)
{
	struct kith_web_link *l = handle->data;
	struct kith_web_carrier *c = l->c;
	KITH_FREE(alloc_of(c), l);
	handle_closed(c);
}

static void set_useful(struct kith_web_link *l)
{
	l->c->strangers = (uint16_t)(l->c->strangers - (l->taken_in && !l->useful));
	l->useful = true;
}

static void link_close(struct kith_web_link *l)
{
	struct kith_web_carrier *c = l->c;
	if (l->named)
		(void)kith_table_remove(&c->by_remote, &l->remote);
	kith_link_remove(&l->all);
	kith_link_remove(&l->ready);
	c->conns--;
	c->dialling = (uint16_t)(c->dialling - (!l->taken_in && !is_open(l)));
	c->strangers = (uint16_t)(c->strangers - (l->taken_in && !l->useful));
	kith_web_conn_deinit(&l->conn);
	uv_close((uv_handle_t *)&l->poll, link_closed);
	(void)close(l->conn.io.fd);
}

/* It ended by itself: what waited there is lost, and the core is told, unless it knows nothing of that address. */
static void link_end(struct kith_web_link *l, int err, bool by_proxy, const char *why)
{
	struct kith_web_carrier *c = l->c;
	char text[KITH_CARRIER_WHY_MAX] = "";
	char host[KITH_WEB_HOST_MAX];
	if (why[0] != '\0' && !l->taken_in) {
		kith_web_place_text(host, &l->place);
		(void)snprintf(text, sizeof text, "wss://%.48s%.32s: %.64s", host, l->place.path, why);
	}
	if (!l->taken_in)
		kith_tcp_shun(&c->shunned, alloc_of(c), &l->remote, now_ms(c) + c->bounds->failed_ms);
	if (!l->taken_in || l->useful)
		note_error(c, &l->remote, err == KITH_ECLOSED ? KITH_EUNREACHABLE : err, by_proxy, text);
	link_close(l);
}

/* Polls for what is needed now. */
static void watch(struct kith_web_link *l)
{
	bool room = kith_web_conn_wants_room(&l->conn);
	int events = (!room || is_open(l) ? UV_READABLE : 0) | (room ? UV_WRITABLE : 0);
	if (events == l->events)
		return;
	l->events = events;
	(void)uv_poll_start(&l->poll, events, polled);
}

static bool has_room(const struct kith_web_carrier *c)
{
	return c->conns < c->bounds->conns;
}

/* Takes over the descriptor. NULL: there is no memory, and it is closed. */
static struct kith_web_link *link_new(struct kith_web_carrier *c, int fd, const struct kith_addr *peer, bool taken_in)
{
	struct kith_web_link *l = KITH_NEW(alloc_of(c), struct kith_web_link);
	if (l == NULL || uv_poll_init(c->o.loop, &l->poll, fd) != 0) {
		KITH_FREE(alloc_of(c), l);
		(void)close(fd);
		return NULL;
	}
	c->handles++;
	c->conns++;
	c->dialling = (uint16_t)(c->dialling + !taken_in);
	c->strangers = (uint16_t)(c->strangers + taken_in);
	l->poll.data = l;
	l->c = c;
	l->peer = *peer;
	l->taken_in = taken_in;
	l->since_ms = l->heard_ms = now_ms(c);
	kith_web_conn_init(&l->conn, fd, taken_in, alloc_of(c), kith_system_random());
	kith_link_init(&l->all);
	kith_link_init(&l->ready);
	kith_link_append(&c->all, &l->all);
	wake(c, deadline_of(l));
	return l;
}

/* False: that address is another's, or there is no memory. */
static bool name(struct kith_web_link *l, const struct kith_addr *remote)
{
	l->remote = *remote;
	l->named = kith_table_get(&l->c->by_remote, remote) == NULL && kith_table_put(&l->c->by_remote, l) == 0;
	return l->named;
}

static struct kith_web_link *dial(struct kith_web_carrier *c, const struct kith_addr *remote)
{
	struct kith_web_place place;
	int fd;
	if (!has_room(c) || c->dialling >= c->bounds->dials || kith_tcp_is_shunned(&c->shunned, remote, now_ms(c)) ||
	    !c->arg->find(c->arg->ctx, remote, &place))
		return NULL;
	int err = kith_tcp_dial_begin(&c->o.bind, remote, c->o.proxy, &fd);
	if (err != 0) {
		note_error(c, remote, err, c->o.proxy != NULL, "");
		kith_tcp_shun(&c->shunned, alloc_of(c), remote, now_ms(c) + c->bounds->failed_ms);
		return NULL;
	}
	struct kith_web_link *l = link_new(c, fd, remote, false);
	if (l == NULL)
		return NULL;
	l->place = place;
	if (!name(l, remote)) {
		link_close(l);
		return NULL;
	}
	watch(l);
	return l;
}

/* ---- out ---- */

static bool flush(struct kith_web_link *l)
{
	int err = kith_web_conn_flush(&l->conn);
	if (err != 0) {
		link_end(l, err, false, "");
		return false;
	}
	watch(l);
	return true;
}

static void put(struct kith_web_link *l, const uint8_t *data, uint32_t len)
{
	struct kith_web_carrier *c = l->c;
	if (len > KITH_TCP_PACKET_MAX) {
		note_error(c, &l->remote, KITH_EMSGSIZE, false, "");
		return;
	}
	c->queue_full +=
		kith_web_conn_put(&l->conn, data, len, is_open(l) ? c->bounds->waiting : (size_t)KITH_WEB_DIALLING_MAX);
}

/* Packets for one connection leave together. */
static bool web_send(void *self, const struct kith_packet packets[], size_t n)
{
	struct kith_web_carrier *c = self;
	for (size_t i = 0; i < n;) {
		const struct kith_addr *to = &packets[i].remote;
		struct kith_web_link *l = kith_table_get(&c->by_remote, to);
		size_t from = i;
		if (l == NULL)
			l = dial(c, to);
		for (; i < n && kith_addr_equal(&packets[i].remote, &packets[from].remote); i++) {
			const struct kith_packet *p = &packets[i];
			uint32_t step = p->segment_len != 0 ? p->segment_len : p->len;
			c->queue_full += l == NULL;
			for (uint32_t at = 0; l != NULL && at < p->len; at += step)
				put(l, p->data + at, p->len - at < step ? p->len - at : step);
		}
		if (l == NULL)
			continue;
		if (l->taken_in)
			set_useful(l);
		if (is_open(l))
			(void)flush(l);
	}
	return false;
}

/* ---- in ---- */

/* Up to a turn's packets of one connection. */
static void read_one(struct kith_web_carrier *c, struct kith_web_link *l, struct kith_packet out[], size_t n,
		     size_t *got)
{
	int len = 1;
	kith_link_remove(&l->ready);
	for (int i = 0; len > 0 && i < KITH_WEB_TURN && *got < n; i++) {
		uint8_t *data = c->rx + *got * SLOT + KITH_PACKET_HEADROOM;
		bool came = false;
		len = kith_web_conn_receive(&l->conn, data, &came);
		if (came)
			l->heard_ms = now_ms(c);
		if (len <= 0)
			break;
		out[(*got)++] = (struct kith_packet){
			.data = data, .len = (uint32_t)len, .transport = c->o.transport, .remote = l->remote
		};
		if (!l->taken_in)
			set_useful(l);
	}
	if (len > 0) /* there may be more, of which no poll tells: it was read already */
		kith_link_append(&c->ready, &l->ready);
	if (len == KITH_EPROTO)
		kith_stats_add(c->o.stats, KITH_STAT_TCP_MALFORMED, 1);
	if (len < 0)
		link_end(l, len, false, len == KITH_EPROTO ? "what came is no packet of ours" : "");
	else if (l->conn.pong_due)
		(void)flush(l);
}

static int web_receive(void *self, struct kith_packet out[], size_t n)
{
	struct kith_web_carrier *c = self;
	size_t got = 0;
	if (kith_link_empty(&c->ready))
		return 0;
	if (c->rx == NULL)
		c->rx = kith_alloc_resize(alloc_of(c), NULL, 0, RX_LEN);
	if (c->rx == NULL)
		return KITH_ENOMEM;
	if (n > KITH_WEB_SLOTS)
		n = KITH_WEB_SLOTS;
	while (got < n && !kith_link_empty(&c->ready))
		read_one(c, KITH_LINKED(c->ready.next, struct kith_web_link, ready), out, n, &got);
	return (int)got;
}

static void web_rest(void *self)
{
	struct kith_web_carrier *c = self;
	kith_alloc_free(alloc_of(c), c->rx, c->rx == NULL ? 0 : RX_LEN);
	c->rx = NULL;
}

/* Says that there is something, to be called last: it may close any connection. What was not fetched is told of again,
 * when others had their turn. */
static void tell(struct kith_web_carrier *c)
{
	c->o.ready(c->o.ctx, KITH_CARRIER_INPUT);
	if (!kith_link_empty(&c->ready))
		wake(c, now_ms(c) + 1);
}

/* ---- those that are taken in ---- */

static unsigned of_prefix(const struct kith_web_carrier *c, const struct kith_addr *addr)
{
	unsigned n = 0;
	uint64_t prefix = kith_addr_limit_prefix(addr);
	for (struct kith_link *at = c->all.next; at != &c->all; at = at->next) {
		const struct kith_web_link *l = KITH_LINKED(at, struct kith_web_link, all);
		n += l->taken_in && kith_addr_limit_prefix(l->named ? &l->remote : &l->peer) == prefix;
	}
	return n;
}

/* A reverse proxy of ours, whose word on where clients are is believed. */
static bool is_proxy(const struct kith_web_carrier *c, const struct kith_addr *peer)
{
	enum kith_addr_scope scope = kith_addr_scope(peer);
	return !kith_web_tls_serves(c->tls) && (scope == KITH_SCOPE_LOOPBACK || scope == KITH_SCOPE_PRIVATE);
}

/* It is a WebSocket: from where? False: there are too many from there. */
static bool admit(struct kith_web_link *l)
{
	struct kith_web_carrier *c = l->c;
	struct kith_addr remote = l->peer;
	const struct kith_addr *forwarded = &l->conn.request.forwarded;
	if (is_proxy(c, &l->peer) && forwarded->family != KITH_FAMILY_NONE) {
		remote = *forwarded;
		remote.port = l->peer.port;
		if (of_prefix(c, &remote) >= c->bounds->per_prefix)
			return false;
	}
	return name(l, &remote);
}

static void refuse(struct kith_web_carrier *c)
{
	kith_stats_add(c->o.stats, KITH_STAT_TCP_REFUSED, 1);
}

/* Goes on until it is open. False: it has ended. */
static bool go(struct kith_web_link *l)
{
	struct kith_web_carrier *c = l->c;
	const bool secure = !l->taken_in || kith_web_tls_serves(c->tls);
	const struct kith_web_terms terms = { .tls = secure ? c->tls : NULL,
					      .place = l->taken_in ? NULL : &l->place,
					      .remote = &l->remote,
					      .proxy = c->o.proxy,
					      .path = c->arg->config->path,
					      .now = (time_t)(kith_clock_unix_ms() / 1000) };
	char why[KITH_WEB_WHY_MAX];
	bool by_proxy;
	int came = kith_web_conn_go(&l->conn, &terms, why, &by_proxy);
	if (came < 0) {
		link_end(l, came, by_proxy, why);
		return false;
	}
	if (came == 0) {
		watch(l);
		return true;
	}
	if (l->taken_in && !admit(l)) {
		refuse(c);
		link_close(l);
		return false;
	}
	c->dialling = (uint16_t)(c->dialling - !l->taken_in);
	l->since_ms = l->heard_ms = now_ms(c);
	wake(c, deadline_of(l));
	return flush(l);
}

static void polled(uv_poll_t *poll, int status, int events)
{
	struct kith_web_link *l = poll->data;
	struct kith_web_carrier *c = l->c;
	bool alive = true;
	(void)events;
	if (status != 0) /* libuv has stopped polling; whatever is done now tells what it is */
		l->events = 0;
	alive = is_open(l) ? flush(l) : go(l);
	if (alive && is_open(l) && kith_link_empty(&l->ready))
		kith_link_append(&c->ready, &l->ready);
	tell(c);
}

static void take_in(struct kith_web_carrier *c, int fd, const struct kith_addr *remote)
{
	bool crowded = !is_proxy(c, remote) && of_prefix(c, remote) >= c->bounds->per_prefix;
	if (!has_room(c) || c->strangers >= c->bounds->strangers || crowded) {
		refuse(c);
		(void)close(fd);
		return;
	}
	struct kith_web_link *l = link_new(c, fd, remote, true);
	if (l != NULL)
		watch(l);
}

static void knocked(uv_poll_t *poll, int status, int events)
{
	enum { AT_ONCE = 64 };
	struct kith_web_carrier *c = poll->data;
	struct kith_addr remote;
	int fd, err = 0;
	(void)events;
	for (int i = 0; status == 0 && i < AT_ONCE; i++) {
		err = kith_tcp_accept(c->listener, &fd, &remote);
		if (err == KITH_EAGAIN)
			return;
		if (err == KITH_EMFILE || err == KITH_ENOMEM)
			break;
		if (err == 0)
			take_in(c, fd, &remote);
	}
	if (status == 0 && err != KITH_EMFILE && err != KITH_ENOMEM)
		return;
	(void)uv_poll_stop(&c->listen);
	c->paused_ms = now_ms(c) | 1; /* never 0 */
	wake(c, c->paused_ms + KITH_WEB_PAUSE_MS);
}

static void listen_again(struct kith_web_carrier *c)
{
	(void)uv_poll_start(&c->listen, UV_READABLE, knocked);
	c->paused_ms = 0;
}

/* ---- the carrier ---- */

/* False: it has ended. */
static bool look(struct kith_web_link *l)
{
	struct kith_web_carrier *c = l->c;
	if (ends_at(l) <= now_ms(c)) {
		if (l->taken_in && !l->useful)
			kith_stats_add(c->o.stats, KITH_STAT_TCP_USELESS, 1);
		link_end(l, KITH_ETIMEDOUT, !l->taken_in && l->conn.state == KITH_WEB_DIALLING && c->o.proxy != NULL,
			 "");
		return false;
	}
	if (pings_at(l) > now_ms(c))
		return true;
	l->pinged_ms = now_ms(c);
	kith_web_conn_ping(&l->conn);
	return flush(l);
}

static void went_off(uv_timer_t *timer)
{
	struct kith_web_carrier *c = timer->data;
	uint64_t next = UINT64_MAX;
	for (struct kith_link *at = c->all.next, *after; at != &c->all; at = after) {
		struct kith_web_link *l = KITH_LINKED(at, struct kith_web_link, all);
		after = at->next;
		if (look(l))
			next = deadline_of(l) < next ? deadline_of(l) : next;
	}
	if (c->paused_ms != 0 && now_ms(c) >= c->paused_ms + KITH_WEB_PAUSE_MS)
		listen_again(c);
	else if (c->paused_ms != 0 && c->paused_ms + KITH_WEB_PAUSE_MS < next)
		next = c->paused_ms + KITH_WEB_PAUSE_MS;
	if (next != UINT64_MAX)
		wake(c, next);
	tell(c);
}

static void part_closed(uv_handle_t *handle)
{
	handle_closed(handle->data);
}

static void web_close(void *self, void (*closed)(void *ctx), void *ctx)
{
	struct kith_web_carrier *c = self;
	c->closed = closed;
	c->closed_ctx = ctx;
	c->closing = true;
	while (!kith_link_empty(&c->all))
		link_close(KITH_LINKED(c->all.next, struct kith_web_link, all));
	if (c->polled)
		uv_close((uv_handle_t *)&c->listen, part_closed);
	if (c->listener >= 0)
		(void)close(c->listener);
	uv_close((uv_handle_t *)&c->timer, part_closed);
	kith_table_deinit(&c->by_remote);
	kith_tcp_shunned_deinit(&c->shunned, alloc_of(c));
	web_rest(c);
}

static void nothing(void *ctx)
{
	(void)ctx;
}

static const struct kith_web_bounds bounds = { .dial_ms = KITH_WEB_DIAL_MS,
					       .greet_ms = KITH_WEB_GREET_MS,
					       .useless_ms = KITH_WEB_USELESS_MS,
					       .ping_ms = KITH_WEB_PING_MS,
					       .idle_ms = KITH_WEB_IDLE_MS,
					       .failed_ms = KITH_WEB_FAILED_MS,
					       .conns = KITH_WEB_CONNS_MAX,
					       .strangers = KITH_WEB_STRANGERS_MAX,
					       .per_prefix = KITH_WEB_PER_PREFIX,
					       .dials = KITH_WEB_DIALS_MAX,
					       .waiting = KITH_WEB_WAITING_MAX };

static void init(struct kith_web_carrier *c, const struct kith_carrier_options *o)
{
	uint64_t seed[2];
	const struct kith_random *random = kith_system_random();
	random->fill(random->ctx, (uint8_t *)seed, sizeof seed);
	c->o = *o;
	c->arg = o->arg;
	c->tls = c->arg->shared;
	c->bounds = &bounds;
	c->listener = -1;
	kith_link_init(&c->all);
	kith_link_init(&c->ready);
	kith_table_init(&c->by_remote, alloc_of(c), KITH_WEB_CONNS_MAX, KITH_TABLE_KEY(struct kith_web_link, remote),
			seed);
}

static int poll_listener(struct kith_web_carrier *c, char *why)
{
	if (c->listener < 0)
		return 0;
	int err = uv_poll_init(c->o.loop, &c->listen, c->listener);
	if (err != 0) {
		(void)snprintf(why, KITH_CARRIER_WHY_MAX, "cannot poll a TCP socket: %s", uv_strerror(err));
		return kith_system_uv_err(err);
	}
	c->handles++;
	c->listen.data = c;
	c->polled = true;
	listen_again(c);
	return 0;
}

static int web_open(void **self, const struct kith_carrier_options *o, char *why)
{
	const struct kith_web_arg *arg = o->arg;
	uint16_t port;
	*self = NULL;
	why[0] = '\0';
	struct kith_web_carrier *c = KITH_NEW(o->alloc, struct kith_web_carrier);
	if (c == NULL)
		return KITH_ENOMEM;
	init(c, o);
	int err = arg->config->listen.family == o->bind.family
			  ? kith_tcp_listen(&arg->config->listen, &c->listener, &port, why)
			  : kith_tcp_supported(o->bind.family, why);
	if (err == 0 && (err = kith_system_uv_err(uv_timer_init(o->loop, &c->timer))) != 0)
		(void)(c->listener >= 0 && close(c->listener));
	if (err != 0) {
		KITH_FREE(o->alloc, c);
		return err;
	}
	c->timer.data = c;
	c->handles++;
	err = poll_listener(c, why);
	if (err != 0) {
		web_close(c, nothing, NULL);
		return err;
	}
	*self = c;
	return 0;
}

static int web_broken(const void *self)
{
	(void)self;
	return 0; /* connections end each for itself */
}

/* No port is named: others need the URL. */
static void web_info(const void *self, struct kith_carrier_info *out)
{
	const struct kith_web_carrier *c = self;
	*out = (struct kith_carrier_info){ .queue_full = c->queue_full };
}

const struct kith_carrier kith_carrier_web = {
	.kind = KITH_TRANSPORT_TLS,
	.name = "WebSocket",
	.spare = true,
	.cost_ms = 40, /* as TCP, and what it passes through */
	.open = web_open,
	.close = web_close,
	.receive = web_receive,
	.rest = web_rest,
	.send = web_send,
	.broken = web_broken,
	.error = web_error,
	.info = web_info,
};
