/* TCP as a carrier; see carrier_tcp.h. */
#include "host/carrier_tcp.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/alloc.h"
#include "base/stats.h"
#include "host/system.h"
#include "host/tcp_socket.h"

enum {
	RUN = 32, /* packets in one system call */
	SLOT = KITH_PACKET_HEADROOM + KITH_TCP_PACKET_MAX,
	SLOTS_LEN = KITH_TCP_SLOTS * SLOT,
	READ_LEN = KITH_TCP_UNIT_MAX + KITH_TCP_READ,
	RX_LEN = SLOTS_LEN + READ_LEN
};

static_assert(KITH_CARRIER_WHY_MAX >= KITH_TCP_WHY_MAX, "the socket's reason is the carrier's");

static void polled(uv_poll_t *poll, int status, int events);
static void went_off(uv_timer_t *timer);

static uint64_t now_ms(const struct kith_tcp_carrier *c)
{
	return uv_now(c->o.loop);
}

static const struct kith_alloc *alloc_of(const struct kith_tcp_carrier *c)
{
	return c->o.alloc;
}

/* ---- what is remembered, and told ---- */

static void remember(struct kith_tcp_carrier *c, const struct kith_addr *remote, uint64_t for_ms)
{
	kith_tcp_shun(&c->shunned, alloc_of(c), remote, now_ms(c) + for_ms);
}

static void drop_errors(struct kith_tcp_carrier *c)
{
	KITH_FREE_ARRAY(alloc_of(c), c->errors, KITH_TCP_ERRORS);
	c->errors = NULL;
	c->errors_n = 0;
}

/* by_proxy: that it was to be reached through. */
static void note_error(struct kith_tcp_carrier *c, const struct kith_addr *remote, int err, bool by_proxy)
{
	if (c->errors == NULL)
		c->errors = KITH_NEW_ARRAY(alloc_of(c), struct kith_carrier_error, KITH_TCP_ERRORS);
	if (c->errors != NULL && c->errors_n < KITH_TCP_ERRORS)
		c->errors[c->errors_n++] = (struct kith_carrier_error){ *remote, err, by_proxy, NULL };
}

static bool tcp_error(void *self, struct kith_carrier_error *out)
{
	struct kith_tcp_carrier *c = self;
	if (c->errors_n == 0)
		return false;
	*out = c->errors[0];
	c->errors_n--;
	memmove(c->errors, c->errors + 1, c->errors_n * sizeof c->errors[0]);
	if (c->errors_n == 0)
		drop_errors(c);
	return true;
}

/* ---- time ---- */

static uint64_t deadline_of(const struct kith_tcp_conn *conn)
{
	const struct kith_tcp_bounds *b = conn->c->bounds;
	if (conn->state == KITH_TCP_DIALLING)
		return conn->since_ms + b->dial_ms;
	return conn->useful ? conn->heard_ms + b->idle_ms : conn->since_ms + b->useless_ms;
}

/* The timer goes off by then. It may go off earlier, and finds that nothing is due. */
static void wake(struct kith_tcp_carrier *c, uint64_t at_ms)
{
	uint64_t in = at_ms > now_ms(c) ? at_ms - now_ms(c) : 0;
	if (!c->closing && (!uv_is_active((uv_handle_t *)&c->timer) || uv_timer_get_due_in(&c->timer) > in))
		(void)uv_timer_start(&c->timer, went_off, in, 0);
}

/* ---- connections ---- */

static void all_closed(struct kith_tcp_carrier *c)
{
	void (*closed)(void *ctx) = c->closed;
	void *ctx = c->closed_ctx;

	KITH_FREE_ARRAY(alloc_of(c), c->listeners, KITH_TCP_LISTENERS);
	KITH_FREE(alloc_of(c), c);
	closed(ctx);
}

static void handle_closed(struct kith_tcp_carrier *c)
{
	if (--c->handles == 0 && c->closing)
		all_closed(c);
}

static void conn_closed(uv_handle_t *handle)
{
	struct kith_tcp_conn *conn = handle->data;
	struct kith_tcp_carrier *c = conn->c;
	KITH_FREE(alloc_of(c), conn);
	handle_closed(c);
}

static void conn_close(struct kith_tcp_conn *conn)
{
	struct kith_tcp_carrier *c = conn->c;
	(void)kith_table_remove(&c->by_remote, &conn->remote);
	kith_link_remove(&conn->all);
	kith_link_remove(&conn->ready);
	c->dialling = (uint16_t)(c->dialling - (conn->state == KITH_TCP_DIALLING));
	if (c->reading == conn)
		c->reading = NULL;
	kith_tcp_dial_deinit(&conn->dial, alloc_of(c));
	kith_tcp_in_deinit(&conn->in, alloc_of(c));
	kith_tcp_out_deinit(&conn->out, alloc_of(c));
	uv_close((uv_handle_t *)&conn->poll, conn_closed);
	(void)close(conn->fd);
}

/* It ended by itself: what waited there is lost, and the core is told, unless it knows nothing of that address. */
static void conn_end(struct kith_tcp_conn *conn, int err)
{
	struct kith_tcp_carrier *c = conn->c;
	if (!conn->taken_in || conn->useful)
		note_error(c, &conn->remote, err, conn->state == KITH_TCP_DIALLING && c->o.proxy != NULL);
	if (conn->taken_in && conn->useful)
		remember(c, &conn->remote, KITH_TCP_ENDED_MS);
	else if (conn->state == KITH_TCP_DIALLING)
		remember(c, &conn->remote, c->bounds->failed_ms);
	conn_close(conn);
}

/* Polls for what is needed now. */
static void watch(struct kith_tcp_conn *conn)
{
	bool dialling = conn->state == KITH_TCP_DIALLING;
	bool reads = !dialling || kith_tcp_dial_reads(&conn->dial);
	int events = (reads ? UV_READABLE : 0) | (!reads || (!dialling && conn->out.len > 0) ? UV_WRITABLE : 0);
	if (events == conn->events)
		return;
	conn->events = events;
	(void)uv_poll_start(&conn->poll, events, polled);
}

/* Takes over the descriptor. NULL: there is no memory, and it is closed. */
static struct kith_tcp_conn *conn_new(struct kith_tcp_carrier *c, int fd, const struct kith_addr *remote,
				      enum kith_tcp_state state)
{
	struct kith_tcp_conn *conn = KITH_NEW(alloc_of(c), struct kith_tcp_conn);
	if (conn == NULL || uv_poll_init(c->o.loop, &conn->poll, fd) != 0) {
		KITH_FREE(alloc_of(c), conn);
		(void)close(fd);
		return NULL;
	}
	c->handles++;
	conn->poll.data = conn;
	conn->c = c;
	conn->fd = fd;
	conn->remote = *remote;
	conn->state = state;
	conn->taken_in = state == KITH_TCP_OPEN;
	conn->since_ms = conn->heard_ms = now_ms(c);
	kith_link_init(&conn->all);
	kith_link_init(&conn->ready);
	kith_link_append(&c->all, &conn->all);
	c->dialling = (uint16_t)(c->dialling + (state == KITH_TCP_DIALLING));
	if (kith_table_put(&c->by_remote, conn) != 0) {
		conn_close(conn);
		return NULL;
	}
	watch(conn);
	wake(c, deadline_of(conn));
	return conn;
}

static bool has_room(const struct kith_tcp_carrier *c)
{
	return c->by_remote.n < c->bounds->conns;
}

static struct kith_tcp_conn *dial(struct kith_tcp_carrier *c, const struct kith_addr *remote)
{
	int fd;
	if (!has_room(c) || c->dialling >= c->bounds->dials || kith_tcp_is_shunned(&c->shunned, remote, now_ms(c)))
		return NULL;
	int err = kith_tcp_dial_begin(&c->o.bind, remote, c->o.proxy, &fd);
	if (err != 0) {
		note_error(c, remote, err, c->o.proxy != NULL);
		remember(c, remote, c->bounds->failed_ms);
		return NULL;
	}
	return conn_new(c, fd, remote, KITH_TCP_DIALLING);
}

/* ---- out ---- */

static void put(struct kith_tcp_conn *conn, const struct kith_packet *p, size_t skip)
{
	struct kith_tcp_carrier *c = conn->c;
	size_t max = conn->state == KITH_TCP_DIALLING ? KITH_TCP_DIALLING_MAX : c->bounds->waiting;
	c->queue_full += kith_tcp_out_put(&conn->out, alloc_of(c), p->data, p->len, skip, max);
}

/* Writes packets (1 to RUN) for a connection on which nothing waits. Returns how many are done with: one that left in
 * part waits; below 0: it has ended. */
static int write_now(struct kith_tcp_conn *conn, const struct kith_packet packets[], size_t n)
{
	uint8_t lengths[RUN][KITH_TCP_LENGTH];
	struct iovec parts[2 * RUN];
	size_t i = 0, done = 0;
	do {
		kith_tcp_length(lengths[i], packets[i].len);
		parts[2 * i] = (struct iovec){ lengths[i], KITH_TCP_LENGTH };
		parts[2 * i + 1] = (struct iovec){ packets[i].data, packets[i].len };
	} while (++i < n);
	int sent = kith_tcp_write(conn->fd, parts, 2 * n);
	if (sent < 0)
		return sent;
	size_t left = (size_t)sent;
	while (done < n && left >= KITH_TCP_LENGTH + packets[done].len)
		left -= KITH_TCP_LENGTH + packets[done++].len;
	if (left == 0 || done == n)
		return (int)done;
	put(conn, &packets[done], left);
	return conn->out.len > 0 ? (int)done + 1 : KITH_ENOMEM;
}

/* Packets for one connection, at most RUN. */
static void send_run(struct kith_tcp_conn *conn, const struct kith_packet packets[], size_t n)
{
	int done = 0;
	if (conn->taken_in)
		conn->useful = true;
	if (conn->state == KITH_TCP_OPEN && conn->out.len == 0)
		done = write_now(conn, packets, n);
	if (done < 0) {
		conn_end(conn, KITH_EUNREACHABLE);
		return;
	}
	for (size_t i = (size_t)done; i < n; i++)
		put(conn, &packets[i], 0);
	watch(conn);
}

/* The connection to there, dialled if there is none. NULL: none, and none can be. */
static struct kith_tcp_conn *conn_to(struct kith_tcp_carrier *c, const struct kith_addr *remote)
{
	struct kith_tcp_conn *conn = kith_table_get(&c->by_remote, remote);
	return conn != NULL ? conn : dial(c, remote);
}

/* What trains are made of, gathered for one connection. */
struct run {
	struct kith_packet packets[RUN];
	size_t n;
};

static void send_gathered(struct kith_tcp_carrier *c, struct run *run)
{
	struct kith_tcp_conn *conn = run->n > 0 ? conn_to(c, &run->packets[0].remote) : NULL;
	if (conn != NULL)
		send_run(conn, run->packets, run->n);
	else
		c->queue_full += run->n;
	run->n = 0;
}

static void gather(struct kith_tcp_carrier *c, struct run *run, const struct kith_packet *packet)
{
	uint32_t step = packet->segment_len != 0 ? packet->segment_len : packet->len;
	for (uint32_t at = 0; at < packet->len; at += step) {
		uint32_t len = packet->len - at < step ? packet->len - at : step;
		if (run->n == RUN || (run->n > 0 && !kith_addr_equal(&run->packets[0].remote, &packet->remote)))
			send_gathered(c, run);
		if (len > KITH_TCP_PACKET_MAX) {
			note_error(c, &packet->remote, KITH_EMSGSIZE, false);
			continue;
		}
		struct kith_packet *one = &run->packets[run->n++];
		one->data = packet->data + at;
		one->len = len;
		one->remote = packet->remote;
	}
}

static bool tcp_send(void *self, const struct kith_packet packets[], size_t n)
{
	struct run run;
	run.n = 0;
	for (size_t i = 0; i < n; i++)
		gather(self, &run, &packets[i]);
	send_gathered(self, &run);
	return false;
}

/* False: the connection has ended. */
static bool flush(struct kith_tcp_conn *conn)
{
	int sent = 0;
	if (conn->out.len > 0)
		sent = kith_tcp_write(conn->fd, &(struct iovec){ conn->out.bytes + conn->out.at, conn->out.len }, 1);
	if (sent < 0) {
		conn_end(conn, KITH_EUNREACHABLE);
		return false;
	}
	kith_tcp_out_left(&conn->out, alloc_of(conn->c), (size_t)sent);
	watch(conn);
	return true;
}

/* ---- in ---- */

static uint8_t *read_bytes(const struct kith_tcp_carrier *c)
{
	return c->rx + SLOTS_LEN;
}

/* Cuts packets out of what was read, into free slots. False: a length is none. */
static bool cut(struct kith_tcp_carrier *c, struct kith_packet out[], size_t n, size_t *got)
{
	const uint8_t *packet;
	size_t at = c->read_at;
	int len = 0;
	while (*got < n && (len = kith_tcp_cut(read_bytes(c), c->read_len, &at, &packet)) > 0) {
		struct kith_packet *p = &out[*got];
		memset(p, 0, sizeof *p);
		p->data = c->rx + *got * SLOT + KITH_PACKET_HEADROOM;
		p->len = (uint32_t)len;
		p->transport = c->o.transport;
		p->remote = c->reading->remote;
		memcpy(p->data, packet, p->len);
		(*got)++;
	}
	c->read_at = (uint32_t)at;
	return len >= 0;
}

/* All of what was read of a connection becomes packets, or as many as there are slots for. */
static void take_out(struct kith_tcp_carrier *c, struct kith_packet out[], size_t n, size_t *got)
{
	struct kith_tcp_conn *conn = c->reading;
	size_t before = *got;
	bool sound = cut(c, out, n, got);
	conn->useful = conn->useful || (!conn->taken_in && *got > before);
	if (!sound) {
		kith_stats_add(c->o.stats, KITH_STAT_TCP_MALFORMED, 1);
		conn_end(conn, KITH_EPROTO);
		return;
	}
	if (*got == n) /* of what is left we do not know yet what it is */
		return;
	c->reading = NULL;
	if (kith_tcp_in_end(&conn->in, alloc_of(c), read_bytes(c) + c->read_at, c->read_len - c->read_at) != 0)
		conn_end(conn, KITH_ENOMEM);
}

static void read_one(struct kith_tcp_carrier *c, struct kith_tcp_conn *conn)
{
	kith_link_remove(&conn->ready);
	size_t before = kith_tcp_in_begin(&conn->in, alloc_of(c), read_bytes(c));
	int n = kith_tcp_read(conn->fd, read_bytes(c) + before, KITH_TCP_READ);
	if (n < 0) {
		conn_end(conn, KITH_EUNREACHABLE);
		return;
	}
	if (n > 0)
		conn->heard_ms = now_ms(c);
	c->reading = conn;
	c->read_at = 0;
	c->read_len = (uint32_t)(before + (size_t)n);
}

static int tcp_receive(void *self, struct kith_packet out[], size_t n)
{
	struct kith_tcp_carrier *c = self;
	size_t got = 0;
	if (c->reading == NULL && kith_link_empty(&c->ready))
		return 0;
	if (c->rx == NULL)
		c->rx = kith_alloc_resize(alloc_of(c), NULL, 0, RX_LEN);
	if (c->rx == NULL)
		return KITH_ENOMEM;
	if (n > KITH_TCP_SLOTS)
		n = KITH_TCP_SLOTS;
	while (got < n && (c->reading != NULL || !kith_link_empty(&c->ready))) {
		if (c->reading == NULL)
			read_one(c, KITH_LINKED(c->ready.next, struct kith_tcp_conn, ready));
		if (c->reading != NULL)
			take_out(c, out, n, &got);
	}
	return (int)got;
}

static void tcp_rest(void *self)
{
	struct kith_tcp_carrier *c = self;
	if (c->reading != NULL)
		return;
	kith_alloc_free(alloc_of(c), c->rx, RX_LEN);
	c->rx = NULL;
}

/* Says that there is something, to be called last: it may close any connection. What was not fetched is told of again,
 * when others had their turn: in a millisecond, since a timer that is set to now in a timer goes off before them. */
static void tell(struct kith_tcp_carrier *c)
{
	c->o.ready(c->o.ctx, KITH_CARRIER_INPUT);
	if (c->reading != NULL || !kith_link_empty(&c->ready))
		wake(c, now_ms(c) + 1);
}

static void polled(uv_poll_t *poll, int status, int events)
{
	struct kith_tcp_conn *conn = poll->data;
	struct kith_tcp_carrier *c = conn->c;
	if (status != 0) /* libuv has stopped polling; whatever is done now tells what it is */
		conn->events = 0;
	if (conn->state == KITH_TCP_DIALLING) {
		int came = kith_tcp_dial_go(&conn->dial, conn->fd, alloc_of(c), &conn->remote, c->o.proxy);
		if (came <= 0) {
			came < 0 ? conn_end(conn, came) : watch(conn);
			tell(c);
			return;
		}
		conn->state = KITH_TCP_OPEN;
		conn->since_ms = conn->heard_ms = now_ms(c);
		c->dialling--;
		wake(c, deadline_of(conn));
	}
	if (flush(conn) && (status != 0 || (events & UV_READABLE) != 0))
		kith_link_append(&c->ready, &conn->ready);
	tell(c);
}

/* ---- listening ---- */

static bool is_crowded(const struct kith_tcp_carrier *c, const struct kith_addr *remote)
{
	unsigned n = 0;
	uint64_t prefix = kith_addr_limit_prefix(remote);
	for (struct kith_link *l = c->all.next; l != &c->all; l = l->next) {
		const struct kith_tcp_conn *conn = KITH_LINKED(l, struct kith_tcp_conn, all);
		n += conn->taken_in && kith_addr_limit_prefix(&conn->remote) == prefix;
	}
	return n >= c->bounds->per_prefix;
}

static void take_in(struct kith_tcp_carrier *c, int fd, const struct kith_addr *remote)
{
	/* One that we dial and that dials us, with the same ports: both are as good. */
	if (has_room(c) && !is_crowded(c, remote) && kith_table_get(&c->by_remote, remote) == NULL) {
		(void)conn_new(c, fd, remote, KITH_TCP_OPEN);
		return;
	}
	kith_stats_add(c->o.stats, KITH_STAT_TCP_REFUSED, 1);
	(void)close(fd);
}

static void pause_listening(struct kith_tcp_carrier *c)
{
	for (unsigned i = 0; i < c->listeners_n; i++)
		(void)uv_poll_stop(&c->listeners[i].poll);
	c->paused_ms = now_ms(c) | 1; /* never 0 */
	wake(c, c->paused_ms + KITH_TCP_PAUSE_MS);
}

static void knocked(uv_poll_t *poll, int status, int events)
{
	enum { AT_ONCE = 64 };
	struct kith_tcp_listener *l = poll->data;
	struct kith_addr remote;
	int fd, err = 0;
	(void)events;
	for (int i = 0; status == 0 && i < AT_ONCE; i++) {
		err = kith_tcp_accept(l->fd, &fd, &remote);
		if (err == KITH_EAGAIN)
			return;
		if (err == KITH_EMFILE || err == KITH_ENOMEM)
			break;
		if (err == 0)
			take_in(l->c, fd, &remote);
	}
	if (status != 0 || err == KITH_EMFILE || err == KITH_ENOMEM)
		pause_listening(l->c);
}

static void listen_again(struct kith_tcp_carrier *c)
{
	for (unsigned i = 0; i < c->listeners_n; i++)
		(void)uv_poll_start(&c->listeners[i].poll, UV_READABLE, knocked);
	c->paused_ms = 0;
}

static int listen_at(struct kith_tcp_carrier *c, uint16_t port, char *why)
{
	struct kith_tcp_listener *l = &c->listeners[c->listeners_n];
	struct kith_addr at = c->o.bind;
	at.port = port;
	int err = kith_tcp_listen(&at, &l->fd, &l->port, why);
	c->listeners_n = (uint16_t)(c->listeners_n + (err == 0));
	return err;
}

static void close_listeners(struct kith_tcp_carrier *c)
{
	for (unsigned i = 0; i < c->listeners_n; i++)
		(void)close(c->listeners[i].fd);
}

/* Sockets, but no handles: until here there is nothing that could be closed by the loop only. */
static int open_listeners(struct kith_tcp_carrier *c, char *why)
{
	if (!c->o.listen)
		return kith_tcp_supported(c->o.bind.family, why);
	c->listeners = KITH_NEW_ARRAY(alloc_of(c), struct kith_tcp_listener, KITH_TCP_LISTENERS);
	if (c->listeners == NULL)
		return KITH_ENOMEM;
	int err = listen_at(c, c->o.bind.port, why);
	if (err == 0 && c->o.listen_too != 0 && c->o.listen_too != c->listeners[0].port)
		err = listen_at(c, c->o.listen_too, why);
	return err;
}

static int poll_listeners(struct kith_tcp_carrier *c, char *why)
{
	for (unsigned i = 0; i < c->listeners_n; i++) {
		struct kith_tcp_listener *l = &c->listeners[i];
		int err = uv_poll_init(c->o.loop, &l->poll, l->fd);
		if (err != 0) {
			(void)snprintf(why, KITH_CARRIER_WHY_MAX, "cannot poll a TCP socket: %s", uv_strerror(err));
			return kith_system_uv_err(err);
		}
		c->handles++;
		l->c = c;
		l->poll.data = l;
		l->polled = true;
	}
	listen_again(c);
	return 0;
}

/* ---- the carrier ---- */

static void went_off(uv_timer_t *timer)
{
	struct kith_tcp_carrier *c = timer->data;
	uint64_t next = UINT64_MAX;
	for (struct kith_link *l = c->all.next, *after; l != &c->all; l = after) {
		struct kith_tcp_conn *conn = KITH_LINKED(l, struct kith_tcp_conn, all);
		uint64_t at = deadline_of(conn);
		after = l->next;
		if (at > now_ms(c)) {
			next = at < next ? at : next;
			continue;
		}
		if (conn->taken_in && !conn->useful)
			kith_stats_add(c->o.stats, KITH_STAT_TCP_USELESS, 1);
		conn_end(conn, KITH_ETIMEDOUT);
	}
	if (c->paused_ms != 0 && now_ms(c) >= c->paused_ms + KITH_TCP_PAUSE_MS)
		listen_again(c);
	else if (c->paused_ms != 0 && c->paused_ms + KITH_TCP_PAUSE_MS < next)
		next = c->paused_ms + KITH_TCP_PAUSE_MS;
	if (next != UINT64_MAX)
		wake(c, next);
	tell(c);
}

static void part_closed(uv_handle_t *handle)
{
	handle_closed(handle->type == UV_TIMER ? handle->data : ((struct kith_tcp_listener *)handle->data)->c);
}

static void tcp_close(void *self, void (*closed)(void *ctx), void *ctx)
{
	struct kith_tcp_carrier *c = self;
	c->closed = closed;
	c->closed_ctx = ctx;
	c->closing = true;
	while (!kith_link_empty(&c->all))
		conn_close(KITH_LINKED(c->all.next, struct kith_tcp_conn, all));
	for (unsigned i = 0; i < c->listeners_n; i++)
		if (c->listeners[i].polled)
			uv_close((uv_handle_t *)&c->listeners[i].poll, part_closed);
	close_listeners(c);
	uv_close((uv_handle_t *)&c->timer, part_closed);
	kith_table_deinit(&c->by_remote);
	drop_errors(c);
	kith_tcp_shunned_deinit(&c->shunned, alloc_of(c));
	kith_alloc_free(alloc_of(c), c->rx, RX_LEN);
	c->rx = NULL;
}

static void nothing(void *ctx)
{
	(void)ctx;
}

static const struct kith_tcp_bounds bounds = { .dial_ms = KITH_TCP_DIAL_MS,
					       .useless_ms = KITH_TCP_USELESS_MS,
					       .idle_ms = KITH_TCP_IDLE_MS,
					       .failed_ms = KITH_TCP_FAILED_MS,
					       .conns = KITH_TCP_CONNS_MAX,
					       .per_prefix = KITH_TCP_PER_PREFIX,
					       .dials = KITH_TCP_DIALS_MAX,
					       .waiting = KITH_TCP_WAITING_MAX };

/* And dials nobody. */
static const struct kith_tcp_bounds bounds_in = { .useless_ms = KITH_TCP_IN_USELESS_MS,
						  .idle_ms = KITH_TCP_IN_IDLE_MS,
						  .conns = KITH_TCP_IN_MAX,
						  .per_prefix = KITH_TCP_IN_PER_PREFIX,
						  .waiting = KITH_TCP_WAITING_MAX };

static void init(struct kith_tcp_carrier *c, const struct kith_carrier_options *o)
{
	uint64_t seed[2];
	const struct kith_random *random = kith_system_random();
	random->fill(random->ctx, (uint8_t *)seed, sizeof seed);
	c->o = *o;
	c->bounds = o->in ? &bounds_in : &bounds;
	kith_link_init(&c->all);
	kith_link_init(&c->ready);
	kith_table_init(&c->by_remote, alloc_of(c), KITH_TCP_CONNS_MAX, KITH_TABLE_KEY(struct kith_tcp_conn, remote),
			seed);
}

static int tcp_open(void **self, const struct kith_carrier_options *o, char *why)
{
	*self = NULL;
	why[0] = '\0';
	struct kith_tcp_carrier *c = KITH_NEW(o->alloc, struct kith_tcp_carrier);
	if (c == NULL)
		return KITH_ENOMEM;
	init(c, o);
	int err = open_listeners(c, why);
	err = err == 0 ? kith_system_uv_err(uv_timer_init(o->loop, &c->timer)) : err;
	if (err != 0) {
		close_listeners(c);
		KITH_FREE_ARRAY(alloc_of(c), c->listeners, KITH_TCP_LISTENERS);
		KITH_FREE(o->alloc, c);
		return err;
	}
	c->timer.data = c;
	c->handles++;
	err = poll_listeners(c, why);
	if (err != 0) {
		tcp_close(c, nothing, NULL);
		return err;
	}
	*self = c;
	return 0;
}

static int tcp_broken(const void *self)
{
	(void)self;
	return 0; /* connections end each for itself */
}

/* A port that is asked for besides is the one by which others get here from behind walls: that one is named. */
static void tcp_info(const void *self, struct kith_carrier_info *out)
{
	const struct kith_tcp_carrier *c = self;
	*out = (struct kith_carrier_info){ .port = c->listeners_n > 0 ? c->listeners[c->listeners_n - 1].port : 0,
					   .queue_full = c->queue_full };
}

const struct kith_carrier kith_carrier_tcp = {
	.kind = KITH_TRANSPORT_TCP,
	.name = "TCP",
	.spare = true,
	.cost_ms = 30, /* about what one lost packet holds up those behind it */
	.open = tcp_open,
	.close = tcp_close,
	.receive = tcp_receive,
	.rest = tcp_rest,
	.send = tcp_send,
	.broken = tcp_broken,
	.error = tcp_error,
	.info = tcp_info,
};
