/* TCP as a carrier, over real sockets on the loopback interface: packets, dials, and what strangers do to it. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support.h"

#include "base/alloc.h"
#include "host/carrier_tcp.h"
#include "host/sockaddr.h"

enum { PACKETS = 4096, PATIENCE = 30000 /* ms; none comes near it */ };

struct world {
	uv_loop_t loop;
	uv_timer_t guard;
	bool late;
	struct test_alloc alloc;
	struct kith_stats stats;
};

struct got {
	struct kith_addr from;
	uint32_t len;
	uint8_t first, last;
};

/* A carrier and what came of it. */
struct side {
	struct world *w;
	struct kith_tcp_carrier *c;
	struct kith_tcp_bounds bounds; /* which c has, as tests want them */
	struct kith_addr addr;
	struct got got[PACKETS];
	size_t got_n;
	struct kith_carrier_error errors[64];
	size_t errors_n;
	size_t batch; /* packets that one call takes */
	bool deaf; /* fetches nothing */
	bool closed;
	char why[KITH_CARRIER_WHY_MAX];
};

static void late(uv_timer_t *timer)
{
	struct world *w = timer->data;
	w->late = true;
	uv_stop(timer->loop);
}

static void until_failed(const char *what)
{
	fail_msg("did not happen: %s", what);
}

#define UNTIL(w, condition)                                                                                            \
	do {                                                                                                           \
		while (!(condition) && !(w)->late)                                                                     \
			(void)uv_run(&(w)->loop, UV_RUN_ONCE);                                                         \
		if (!(condition))                                                                                      \
			until_failed(#condition);                                                                      \
	} while (0)

static void world_init(struct world *w)
{
	memset(w, 0, sizeof *w);
	test_alloc_init(&w->alloc);
	assert_int_equal(uv_loop_init(&w->loop), 0);
	assert_int_equal(uv_timer_init(&w->loop, &w->guard), 0);
	w->guard.data = w;
	assert_int_equal(uv_timer_start(&w->guard, late, PATIENCE, 0), 0);
}

static void world_deinit(struct world *w)
{
	uv_close((uv_handle_t *)&w->guard, NULL);
	assert_int_equal(uv_run(&w->loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	test_alloc_check(&w->alloc);
}

static struct kith_addr loopback(uint16_t port)
{
	return (struct kith_addr){ .family = KITH_FAMILY_V4, .port = port, .ip = { 127, 0, 0, 1 } };
}

static void fetch(void *ctx, unsigned ready)
{
	struct side *s = ctx;
	struct kith_packet packets[KITH_TCP_SLOTS];
	int n;
	assert_int_equal(ready, KITH_CARRIER_INPUT);
	if (s->deaf)
		return;
	if ((n = kith_carrier_tcp.receive(s->c, packets, s->batch)) > 0) { /* one batch: what is left is told again */
		for (int i = 0; i < n; i++) {
			assert_true(s->got_n < PACKETS);
			assert_int_equal(packets[i].transport, 3);
			memset(packets[i].data - KITH_PACKET_HEADROOM, 0xee, KITH_PACKET_HEADROOM); /* must be ours */
			s->got[s->got_n++] = (struct got){ packets[i].remote, packets[i].len, packets[i].data[0],
							   packets[i].data[packets[i].len - 1] };
		}
	}
	kith_carrier_tcp.rest(s->c);
	while (s->errors_n < 64 && kith_carrier_tcp.error(s->c, &s->errors[s->errors_n]))
		s->errors_n++;
}

static int side_open(struct side *s, struct world *w, bool listen, uint16_t port, uint16_t too)
{
	struct kith_carrier_options o = { .alloc = &w->alloc.alloc,
					  .stats = &w->stats,
					  .loop = &w->loop,
					  .transport = 3,
					  .bind = loopback(port),
					  .listen = listen,
					  .listen_too = too,
					  .ready = fetch,
					  .ctx = s };
	void *self;
	memset(s, 0, sizeof *s);
	s->w = w;
	s->batch = KITH_TCP_SLOTS;
	int err = kith_carrier_tcp.open(&self, &o, s->why);
	if (err != 0)
		return err;
	s->c = self;
	s->bounds = *s->c->bounds;
	s->c->bounds = &s->bounds;
	s->addr = loopback(listen ? s->c->listeners[0].port : 0);
	return 0;
}

static void on_closed(void *ctx)
{
	((struct side *)ctx)->closed = true;
}

static void side_close(struct side *s)
{
	kith_carrier_tcp.close(s->c, on_closed, s);
	assert_false(s->closed);
	UNTIL(s->w, s->closed);
}

static void send_to(struct side *s, const struct kith_addr *to, uint8_t number, uint32_t len)
{
	static uint8_t data[KITH_TCP_PACKET_MAX + 1];
	memset(data, number, len);
	struct kith_packet p = { .data = data, .len = len, .transport = 3, .remote = *to };
	assert_false(kith_carrier_tcp.send(s->c, &p, 1));
}

/* A stranger without our code. */
static int stranger(const struct side *to)
{
	struct sockaddr_storage ss;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&ss, kith_sockaddr_set(&ss, &to->addr)), 0);
	return fd;
}

static void say(int fd, const void *bytes, size_t len)
{
	assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), (int)len);
}

/* Whether the other side has ended it, without more to read. */
static bool is_over(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT);
	return n == 0 || (n < 0 && errno != EAGAIN);
}

struct fixture {
	struct world w;
	struct side server, client;
};

static struct fixture *fixture_new(void)
{
	struct fixture *f = calloc(1, sizeof *f);
	assert_non_null(f);
	world_init(&f->w);
	assert_int_equal(side_open(&f->server, &f->w, true, 0, 0), 0);
	assert_int_equal(side_open(&f->client, &f->w, false, 0, 0), 0);
	return f;
}

static void fixture_free(struct fixture *f)
{
	side_close(&f->client);
	side_close(&f->server);
	world_deinit(&f->w);
	free(f);
}

static void packets_go_over_a_connection_that_is_made_for_them(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	for (uint8_t i = 1; i <= 5; i++)
		send_to(&f->client, &f->server.addr, i, 100u * i);
	assert_int_equal(f->client.c->by_remote.n, 1);
	UNTIL(&f->w, f->server.got_n == 5);
	for (uint8_t i = 1; i <= 5; i++) {
		const struct got *g = &f->server.got[i - 1];
		assert_true(g->len == 100u * i && g->first == i && g->last == i);
		assert_true(kith_addr_equal(&g->from, &f->server.got[0].from));
	}
	/* The answer takes the same connection. */
	send_to(&f->server, &f->server.got[0].from, 9, 1200);
	UNTIL(&f->w, f->client.got_n == 1);
	assert_true(kith_addr_equal(&f->client.got[0].from, &f->server.addr));
	assert_int_equal(f->client.got[0].last, 9);
	assert_true(f->server.c->by_remote.n == 1 && f->client.c->by_remote.n == 1);
	fixture_free(f);
}

static void a_train_is_cut_where_its_packets_end(void **state)
{
	static uint8_t data[100 * 1000 + 300];
	(void)state;
	struct fixture *f = fixture_new();
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i / 1000 + 1);
	struct kith_packet train = { .data = data, .len = sizeof data, .segment_len = 1000, .remote = f->server.addr };
	f->client.bounds.waiting = sizeof data * 2;
	send_to(&f->client, &f->server.addr, 200, 10);
	UNTIL(&f->w, f->server.got_n == 1);
	assert_false(kith_carrier_tcp.send(f->client.c, &train, 1));
	UNTIL(&f->w, f->server.got_n == 102);
	for (size_t i = 1; i < 102; i++) {
		assert_int_equal(f->server.got[i].len, i < 101 ? 1000 : 300);
		assert_true(f->server.got[i].first == i && f->server.got[i].last == i);
	}
	fixture_free(f);
}

static void nobody_there_is_told_with_the_address(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct side gone;
	assert_int_equal(side_open(&gone, &f->w, true, 0, 0), 0);
	struct kith_addr nobody = gone.addr;
	side_close(&gone);
	send_to(&f->client, &nobody, 1, 10);
	UNTIL(&f->w, f->client.errors_n == 1);
	assert_int_equal(f->client.errors[0].err, KITH_EUNREACHABLE);
	assert_true(kith_addr_equal(&f->client.errors[0].remote, &nobody));
	/* And is left alone for a while: packet after packet makes no dial after dial. */
	send_to(&f->client, &nobody, 2, 10);
	assert_int_equal(f->client.c->by_remote.n, 0);
	assert_int_equal(f->client.c->queue_full, 1);
	f->client.c->shunned.list[0].until_ms = 0;
	send_to(&f->client, &nobody, 3, 10);
	assert_int_equal(f->client.c->by_remote.n, 1);
	fixture_free(f);
}

static void what_is_too_long_for_a_packet_is_told(void **state)
{
	struct kith_carrier_error e;
	(void)state;
	struct fixture *f = fixture_new();
	send_to(&f->client, &f->server.addr, 1, KITH_TCP_PACKET_MAX + 1);
	assert_true(kith_carrier_tcp.error(f->client.c, &e));
	assert_int_equal(e.err, KITH_EMSGSIZE);
	send_to(&f->client, &f->server.addr, 2, KITH_TCP_PACKET_MAX);
	UNTIL(&f->w, f->server.got_n == 1);
	assert_int_equal(f->server.got[0].len, KITH_TCP_PACKET_MAX);
	fixture_free(f);
}

static void a_packet_that_comes_byte_by_byte_is_one(void **state)
{
	static const uint8_t bytes[] = { 0, 3, 7, 8, 9, 0, 1, 5 };
	(void)state;
	struct fixture *f = fixture_new();
	int fd = stranger(&f->server), one = 1;
	assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), 0);
	for (size_t i = 0; i < sizeof bytes; i++) {
		say(fd, &bytes[i], 1);
		if (i == 3 || i == 6) /* all so far was read, and made no packet that is not whole */
			UNTIL(&f->w,
			      !kith_link_empty(&f->server.c->all) &&
				      KITH_LINKED(f->server.c->all.next, struct kith_tcp_conn, all)->in.part_len ==
					      (i == 3 ? 4 : 2));
		assert_int_equal(f->server.got_n, i <= 4 ? 0 : f->server.got_n);
	}
	UNTIL(&f->w, f->server.got_n == 2);
	assert_true(f->server.got[0].len == 3 && f->server.got[0].first == 7 && f->server.got[0].last == 9);
	assert_true(f->server.got[1].len == 1 && f->server.got[1].first == 5);
	close(fd);
	fixture_free(f);
}

/* More than one call takes, in one piece: nothing is left lying until more comes. */
static void many_small_packets_in_one_piece_all_arrive(void **state)
{
	enum { N = 3000 };
	static uint8_t bytes[3 * N];
	(void)state;
	struct fixture *f = fixture_new();
	for (size_t i = 0; i < N; i++) {
		bytes[3 * i + 1] = 1;
		bytes[3 * i + 2] = (uint8_t)i;
	}
	f->server.batch = 7;
	int fd = stranger(&f->server);
	say(fd, bytes, sizeof bytes);
	UNTIL(&f->w, f->server.got_n == N);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(f->server.got[i].first, (uint8_t)i);
	assert_null(f->server.c->rx); /* given back */
	close(fd);
	fixture_free(f);
}

static void a_length_that_is_none_ends_the_connection(void **state)
{
	static const uint8_t empty[] = { 0, 1, 42, 0, 0, 1, 2, 3 }, far_too_long[] = { 'G', 'E', 'T', ' ', '/' };
	(void)state;
	struct fixture *f = fixture_new();
	int fd = stranger(&f->server);
	say(fd, empty, sizeof empty);
	UNTIL(&f->w, is_over(fd));
	assert_int_equal(f->server.got_n, 1); /* what was whole before counts */
	assert_int_equal(f->w.stats.counter[KITH_STAT_TCP_MALFORMED], 1);
	close(fd);
	fd = stranger(&f->server);
	say(fd, far_too_long, sizeof far_too_long);
	UNTIL(&f->w, is_over(fd));
	assert_int_equal(f->w.stats.counter[KITH_STAT_TCP_MALFORMED], 2);
	assert_int_equal(f->server.got_n, 1);
	close(fd);
	fixture_free(f);
}

/* Nor is the core told of the end of a connection that it had nothing to do with: it would look at all sessions. */
static void half_a_packet_is_none(void **state)
{
	static const uint8_t bytes[] = { 0, 10, 1, 2, 3 };
	(void)state;
	struct fixture *f = fixture_new();
	int fd = stranger(&f->server);
	say(fd, bytes, sizeof bytes);
	UNTIL(&f->w, f->server.c->by_remote.n == 1);
	close(fd);
	UNTIL(&f->w, f->server.c->by_remote.n == 0);
	assert_int_equal(f->server.got_n, 0);
	assert_int_equal(f->server.errors_n, 0);
	fixture_free(f);
}

/* Strangers that connect and say nothing that the core answers take no place for long. */
static void a_connection_of_no_use_is_closed(void **state)
{
	static const uint8_t bytes[] = { 0, 1, 42 };
	(void)state;
	struct fixture *f = fixture_new();
	f->server.bounds.useless_ms = 50;
	int silent = stranger(&f->server), babbling = stranger(&f->server), answered = stranger(&f->server);
	say(answered, bytes, sizeof bytes);
	UNTIL(&f->w, f->server.got_n == 1);
	send_to(&f->server, &f->server.got[0].from, 1, 10);
	say(babbling, bytes, sizeof bytes);
	UNTIL(&f->w, f->w.stats.counter[KITH_STAT_TCP_USELESS] == 2);
	assert_true(is_over(silent) && is_over(babbling));
	assert_int_equal(f->server.c->by_remote.n, 1);
	close(silent);
	close(babbling);
	close(answered);
	fixture_free(f);
}

static void a_dial_that_is_not_answered_is_given_up(void **state)
{
	enum { WAITING = 4 };
	struct sockaddr_storage ss;
	struct kith_addr at = loopback(0);
	(void)state;
	struct fixture *f = fixture_new();
	/* A listener that takes nobody in, with a queue that is full: SYNs to it are dropped. */
	int fds[WAITING], full = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = kith_sockaddr_set(&ss, &at);
	assert_int_equal(bind(full, (struct sockaddr *)&ss, len), 0);
	assert_int_equal(listen(full, 0), 0);
	len = sizeof ss;
	assert_int_equal(getsockname(full, (struct sockaddr *)&ss, &len), 0);
	assert_true(kith_sockaddr_get(&at, (struct sockaddr *)&ss));
	for (int i = 0; i < WAITING; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(fds[i], (struct sockaddr *)&ss, len);
	}
	f->client.bounds.dial_ms = 50;
	for (uint32_t i = 0; i < 100; i++)
		send_to(&f->client, &at, 1, 1000);
	struct kith_tcp_conn *conn = KITH_LINKED(f->client.c->all.next, struct kith_tcp_conn, all);
	assert_true(conn->out.len <= KITH_TCP_DIALLING_MAX && f->client.c->queue_full > 80);
	UNTIL(&f->w, f->client.errors_n == 1);
	assert_int_equal(f->client.errors[0].err, KITH_ETIMEDOUT);
	assert_true(f->client.c->by_remote.n == 0 && f->client.c->dialling == 0);
	for (int i = 0; i < WAITING; i++)
		close(fds[i]);
	close(full);
	fixture_free(f);
}

static void an_idle_connection_is_closed(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	f->server.bounds.idle_ms = f->server.bounds.useless_ms = 50;
	send_to(&f->client, &f->server.addr, 1, 10);
	UNTIL(&f->w, f->server.got_n == 1);
	send_to(&f->server, &f->server.got[0].from, 1, 10);
	UNTIL(&f->w, f->client.errors_n == 1); /* the other side hears of it, and dials again when it has to */
	assert_int_equal(f->w.stats.counter[KITH_STAT_TCP_USELESS], 0);
	send_to(&f->client, &f->server.addr, 2, 10);
	UNTIL(&f->w, f->server.got_n == 2);
	fixture_free(f);
}

static void too_many_of_one_network_are_refused(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	f->server.bounds.per_prefix = 2;
	int fds[3];
	for (int i = 0; i < 3; i++)
		fds[i] = stranger(&f->server);
	UNTIL(&f->w, f->w.stats.counter[KITH_STAT_TCP_REFUSED] == 1);
	assert_int_equal(f->server.c->by_remote.n, 2);
	assert_true(is_over(fds[2]) && !is_over(fds[0]));
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	fixture_free(f);
}

static void too_many_in_all_are_refused(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	f->server.bounds.conns = 1;
	int first = stranger(&f->server), second = stranger(&f->server);
	UNTIL(&f->w, f->w.stats.counter[KITH_STAT_TCP_REFUSED] == 1);
	assert_true(is_over(second) && !is_over(first));
	f->client.bounds.dials = 0;
	send_to(&f->client, &f->server.addr, 1, 10); /* nor do we dial beyond bounds */
	assert_int_equal(f->client.c->by_remote.n, 0);
	assert_int_equal(f->client.c->queue_full, 1);
	close(first);
	close(second);
	fixture_free(f);
}

/* One that is there for the calls of a leaf makes none, whatever it is given to send, and takes in few. */
static void what_only_takes_in_dials_nobody_and_has_bounds_of_its_own(void **state)
{
	(void)state;
	struct fixture *f = fixture_new();
	struct kith_carrier_options o = f->client.c->o;
	struct side in;
	void *self;
	memset(&in, 0, sizeof in);
	in.w = &f->w;
	o.in = o.listen = true;
	o.ctx = &in;
	assert_int_equal(kith_carrier_tcp.open(&self, &o, in.why), 0);
	in.c = self;
	in.batch = KITH_TCP_SLOTS;
	assert_true(in.c->bounds->conns == KITH_TCP_IN_MAX && in.c->bounds->per_prefix == KITH_TCP_IN_PER_PREFIX);
	assert_true(in.c->bounds->useless_ms == KITH_TCP_IN_USELESS_MS && in.c->bounds->idle_ms == KITH_TCP_IN_IDLE_MS);
	send_to(&in, &f->server.addr, 1, 10);
	assert_int_equal(in.c->by_remote.n, 0);
	assert_int_equal(in.c->queue_full, 1);
	side_close(&in);
	fixture_free(f);
}

static void whoever_went_is_not_dialled_back(void **state)
{
	struct linger hard = { .l_onoff = 1 };
	static const uint8_t bytes[] = { 0, 1, 42 };
	(void)state;
	struct fixture *f = fixture_new();
	int fd = stranger(&f->server);
	say(fd, bytes, sizeof bytes);
	UNTIL(&f->w, f->server.got_n == 1);
	send_to(&f->server, &f->server.got[0].from, 1, 10);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard), 0);
	close(fd); /* a reset */
	UNTIL(&f->w, f->server.errors_n == 1);
	assert_true(kith_addr_equal(&f->server.errors[0].remote, &f->server.got[0].from));
	send_to(&f->server, &f->server.got[0].from, 1, 10);
	assert_int_equal(f->server.c->by_remote.n, 0);
	assert_int_equal(f->server.c->queue_full, 1);
	fixture_free(f);
}

/* Reads packets from a stranger's side until there are none for now; all whole and in order. */
static size_t read_all(int fd, uint32_t *last, size_t want_len)
{
	static uint8_t bytes[1 << 20];
	static size_t len;
	size_t n = 0, at = 0;
	ssize_t got;
	const uint8_t *packet;
	int cut;
	while ((got = recv(fd, bytes + len, sizeof bytes - len, MSG_DONTWAIT)) > 0)
		len += (size_t)got;
	while ((cut = kith_tcp_cut(bytes, len, &at, &packet)) > 0) {
		uint32_t number = (uint32_t)packet[0] << 8 | packet[1];
		assert_int_equal(cut, want_len);
		assert_true(number > *last);
		*last = number;
		n++;
	}
	assert_int_equal(cut, 0);
	memmove(bytes, bytes + at, len - at);
	len -= at;
	return n;
}

/* Whoever does not read loses what is old, and what is new comes when they do. */
static void who_does_not_read_loses_the_oldest(void **state)
{
	enum { N = 20000, LEN = 1200 };
	static uint8_t data[LEN];
	static const uint8_t bytes[] = { 0, 1, 42 };
	uint32_t last = 0;
	size_t came = 0;
	(void)state;
	struct fixture *f = fixture_new();
	int fd = stranger(&f->server);
	say(fd, bytes, sizeof bytes);
	UNTIL(&f->w, f->server.got_n == 1);
	for (uint32_t i = 1; i <= N; i++) {
		struct kith_packet p = { .data = data, .len = LEN, .remote = f->server.got[0].from };
		data[0] = (uint8_t)(i >> 8);
		data[1] = (uint8_t)i;
		assert_false(kith_carrier_tcp.send(f->server.c, &p, 1));
	}
	assert_true(f->server.c->queue_full > 0);
	assert_true(KITH_LINKED(f->server.c->all.next, struct kith_tcp_conn, all)->out.len <= KITH_TCP_WAITING_MAX);
	UNTIL(&f->w, (came += read_all(fd, &last, LEN), last == N));
	assert_int_equal(came + f->server.c->queue_full, N);
	assert_int_equal(KITH_LINKED(f->server.c->all.next, struct kith_tcp_conn, all)->out.cap, 0);
	close(fd);
	fixture_free(f);
}

static void it_listens_at_another_port_as_well(void **state)
{
	struct kith_carrier_info info;
	(void)state;
	struct fixture *f = fixture_new();
	struct side both, taken;
	struct side *probe = &taken;
	assert_int_equal(side_open(probe, &f->w, true, 0, 0), 0);
	uint16_t other = probe->addr.port;
	side_close(probe);
	assert_int_equal(side_open(&both, &f->w, true, 0, other), 0);
	kith_carrier_tcp.info(both.c, &info);
	assert_int_equal(info.port, other); /* that is the one that is named */
	send_to(&f->client, &both.addr, 1, 10);
	struct kith_addr too = loopback(other);
	send_to(&f->client, &too, 2, 10);
	UNTIL(&f->w, both.got_n == 2);
	assert_int_equal(side_open(&taken, &f->w, true, other, 0), KITH_EADDRINUSE);
	assert_non_null(strstr(taken.why, "cannot listen on TCP 127.0.0.1:"));
	assert_int_equal(side_open(&taken, &f->w, true, 0, other), KITH_EADDRINUSE);
	side_close(&both);
	kith_carrier_tcp.info(f->client.c, &info);
	assert_int_equal(info.port, 0); /* nobody comes in there */
	fixture_free(f);
}

/* Whatever lacks memory, and when: packets are lost and nothing else is. */
static void without_memory_packets_are_lost(void **state)
{
	(void)state;
	for (long after = 0; after < 12; after++) {
		struct fixture *f = fixture_new();
		f->w.alloc.fail_after = after;
		send_to(&f->client, &f->server.addr, 1, 1000);
		for (int i = 0; i < 4; i++)
			(void)uv_run(&f->w.loop, UV_RUN_NOWAIT);
		f->w.alloc.fail_after = -1;
		f->client.bounds.failed_ms = 0;
		while (f->server.got_n == 0 && !f->w.late) {
			if (f->client.c->by_remote.n == 0)
				send_to(&f->client, &f->server.addr, 2, 1000);
			(void)uv_run(&f->w.loop, UV_RUN_NOWAIT);
		}
		assert_int_equal(f->server.got[0].len, 1000);
		fixture_free(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_go_over_a_connection_that_is_made_for_them),
		cmocka_unit_test(a_train_is_cut_where_its_packets_end),
		cmocka_unit_test(nobody_there_is_told_with_the_address),
		cmocka_unit_test(what_is_too_long_for_a_packet_is_told),
		cmocka_unit_test(a_packet_that_comes_byte_by_byte_is_one),
		cmocka_unit_test(many_small_packets_in_one_piece_all_arrive),
		cmocka_unit_test(a_length_that_is_none_ends_the_connection),
		cmocka_unit_test(half_a_packet_is_none),
		cmocka_unit_test(a_connection_of_no_use_is_closed),
		cmocka_unit_test(a_dial_that_is_not_answered_is_given_up),
		cmocka_unit_test(an_idle_connection_is_closed),
		cmocka_unit_test(too_many_of_one_network_are_refused),
		cmocka_unit_test(too_many_in_all_are_refused),
		cmocka_unit_test(what_only_takes_in_dials_nobody_and_has_bounds_of_its_own),
		cmocka_unit_test(whoever_went_is_not_dialled_back),
		cmocka_unit_test(who_does_not_read_loses_the_oldest),
		cmocka_unit_test(it_listens_at_another_port_as_well),
		cmocka_unit_test(without_memory_packets_are_lost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
