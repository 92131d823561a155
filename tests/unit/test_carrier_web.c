/* WebSockets as a carrier, over real sockets on the loopback interface: packets, dials, and what strangers do to it. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "web_certificate.h"

#include "base/addr.h"
#include "host/carrier_web.h"

enum { PACKETS = 512, PATIENCE = 30000 /* ms; none comes near it */ };

struct side {
	struct fixture *f;
	struct kith_web_carrier *c;
	struct kith_web_bounds bounds; /* which c has, as tests want them */
	struct kith_web_config config;
	struct kith_web_arg arg;
	struct kith_addr from[PACKETS];
	uint8_t first[PACKETS];
	size_t got_n, bytes;
	int err; /* the last one */
	char why[KITH_CARRIER_WHY_MAX];
	bool closed;
};

struct fixture {
	uv_loop_t loop;
	uv_timer_t guard;
	bool late;
	struct test_alloc alloc;
	struct kith_stats stats;
	struct web_certificate certificate;
	struct side client, server;
	struct kith_addr addr; /* of the server */
	const char *path; /* of its URL */
};

static void late(uv_timer_t *timer)
{
	((struct fixture *)timer->data)->late = true;
}

static void until_failed(const char *what)
{
	fail_msg("did not happen: %s", what);
}

#define UNTIL(f, condition)                                                                                            \
	do {                                                                                                           \
		while (!(condition) && !(f)->late)                                                                     \
			(void)uv_run(&(f)->loop, UV_RUN_ONCE);                                                         \
		if (!(condition))                                                                                      \
			until_failed(#condition);                                                                      \
	} while (0)

static bool find(const void *ctx, const struct kith_addr *remote, struct kith_web_place *out)
{
	const struct fixture *f = ctx;
	*out = (struct kith_web_place){ "h.example", f->path, *remote };
	return kith_addr_equal(remote, &f->addr);
}

static void fetch(void *ctx, unsigned ready)
{
	struct side *s = ctx;
	struct kith_packet packets[KITH_WEB_SLOTS];
	struct kith_carrier_error e;
	int n;
	(void)ready;
	while ((n = kith_carrier_web.receive(s->c, packets, KITH_WEB_SLOTS)) > 0) {
		for (int i = 0; i < n && s->got_n < PACKETS; i++) {
			memset(packets[i].data - KITH_PACKET_HEADROOM, 0xee, KITH_PACKET_HEADROOM); /* must be ours */
			s->from[s->got_n] = packets[i].remote;
			s->first[s->got_n++] = packets[i].data[0];
			s->bytes += packets[i].len;
		}
	}
	kith_carrier_web.rest(s->c);
	while (kith_carrier_web.error(s->c, &e)) {
		s->err = e.err;
		(void)snprintf(s->why, sizeof s->why, "%s", e.why != NULL ? e.why : "");
	}
}

static void side_open(struct side *s, struct fixture *f)
{
	struct kith_carrier_options o = { .alloc = &f->alloc.alloc,
					  .stats = &f->stats,
					  .loop = &f->loop,
					  .arg = &s->arg,
					  .transport = 3,
					  .bind = { .family = KITH_FAMILY_V4 },
					  .ready = fetch,
					  .ctx = s };
	struct kith_web_tls *tls;
	char why[KITH_WEB_WHY_MAX];
	void *self;
	s->f = f;
	assert_int_equal(kith_web_tls_new(&tls, &s->config, why, sizeof why), 0);
	s->arg = (struct kith_web_arg){ tls, &s->config, find, f };
	assert_int_equal(kith_carrier_web.open(&self, &o, why), 0);
	s->c = self;
	s->bounds = *s->c->bounds;
	s->c->bounds = &s->bounds;
}

static void on_closed(void *ctx)
{
	((struct side *)ctx)->closed = true;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_in in;
	socklen_t len = sizeof in;
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	return ntohs(in.sin_port);
}

/* secure: with TLS; else as behind a proxy. */
static struct fixture *fixture_new(bool secure)
{
	struct fixture *f = calloc(1, sizeof *f);
	assert_non_null(f);
	test_alloc_init(&f->alloc);
	assert_int_equal(uv_loop_init(&f->loop), 0);
	assert_int_equal(uv_timer_init(&f->loop, &f->guard), 0);
	f->guard.data = f;
	assert_int_equal(uv_timer_start(&f->guard, late, PATIENCE, 0), 0);
	web_certificate_make(&f->certificate, "DNS:h.example");
	f->path = "/ws";
	f->addr = (struct kith_addr){ .family = KITH_FAMILY_V4, .ip = { 127, 0, 0, 1 } };
	f->client.config = (struct kith_web_config){ .trust = f->certificate.certificate, .path = "/ws" };
	f->server.config = (struct kith_web_config){ .listen = f->addr, .path = "/ws" };
	if (secure) {
		f->server.config.certificate = f->certificate.certificate;
		f->server.config.key = f->certificate.key;
	}
	side_open(&f->server, f);
	side_open(&f->client, f);
	f->addr.port = port_of(f->server.c->listener);
	return f;
}

static void fixture_free(struct fixture *f)
{
	struct side *sides[] = { &f->client, &f->server };
	for (int i = 0; i < 2; i++)
		kith_carrier_web.close(sides[i]->c, on_closed, sides[i]);
	UNTIL(f, f->client.closed && f->server.closed);
	uv_close((uv_handle_t *)&f->guard, NULL);
	assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	for (int i = 0; i < 2; i++)
		kith_web_tls_free(sides[i]->arg.shared);
	web_certificate_remove(&f->certificate);
	test_alloc_check(&f->alloc);
	free(f);
}

static void send_to(struct side *s, const struct kith_addr *to, uint8_t first, uint32_t len)
{
	uint8_t data[KITH_TCP_PACKET_MAX];
	memset(data, first, sizeof data);
	struct kith_packet p = { .data = data, .len = len, .remote = *to };
	assert_false(kith_carrier_web.send(s->c, &p, 1));
}

static void packets_pass_both_ways(void **state)
{
	struct fixture *f = fixture_new(true);
	(void)state;
	send_to(&f->client, &f->addr, 1, 1200); /* waits for the connection */
	send_to(&f->client, &f->addr, 2, 1);
	UNTIL(f, f->server.got_n == 2);
	assert_int_equal(f->server.first[0], 1);
	assert_int_equal(f->server.first[1], 2);
	assert_int_equal(f->server.bytes, 1201);
	assert_int_equal(f->server.from[0].ip[0], 127);
	for (uint8_t i = 0; i < 200; i++)
		send_to(&f->server, &f->server.from[0], i, KITH_TCP_PACKET_MAX);
	UNTIL(f, f->client.got_n + f->server.c->queue_full == 200);
	assert_true(kith_addr_equal(&f->client.from[0], &f->addr));
	assert_int_equal(f->client.first[f->client.got_n - 1], 199);
	assert_int_equal(f->server.c->strangers, 0);
	fixture_free(f);
}

static void trains_are_taken_apart(void **state)
{
	struct fixture *f = fixture_new(true);
	uint8_t data[2500] = { 0 };
	struct kith_packet p = { .data = data, .len = sizeof data, .segment_len = 1000, .remote = f->addr };
	(void)state;
	assert_false(kith_carrier_web.send(f->client.c, &p, 1));
	UNTIL(f, f->server.got_n == 3);
	assert_int_equal(f->server.bytes, 2500);
	fixture_free(f);
}

static void only_urls_are_dialled(void **state)
{
	struct fixture *f = fixture_new(true);
	struct kith_addr other = f->addr;
	(void)state;
	other.port++;
	send_to(&f->client, &other, 1, 100);
	assert_int_equal(f->client.c->conns, 0);
	assert_int_equal(f->client.c->queue_full, 1);
	fixture_free(f);
}

static void a_certificate_that_is_not_trusted_is_said(void **state)
{
	struct fixture *f = fixture_new(true);
	struct kith_web_tls *strict, *own = f->client.arg.shared;
	const struct kith_web_config system = { .trust = NULL };
	char why[KITH_WEB_WHY_MAX];
	(void)state;
	assert_int_equal(kith_web_tls_new(&strict, &system, why, sizeof why), 0);
	f->client.c->tls = strict;
	send_to(&f->client, &f->addr, 1, 100);
	UNTIL(f, f->client.err != 0);
	assert_int_equal(f->client.err, KITH_EACCES);
	assert_non_null(strstr(f->client.why, "wss://h.example:"));
	assert_non_null(strstr(f->client.why, "/ws: self-signed certificate"));
	send_to(&f->client, &f->addr, 1, 100); /* not dialled again at once */
	assert_int_equal(f->client.c->conns, 0);
	f->client.c->tls = own;
	kith_web_tls_free(strict);
	fixture_free(f);
}

static void a_wrong_path_is_said(void **state)
{
	struct fixture *f = fixture_new(true);
	(void)state;
	f->path = "/other";
	send_to(&f->client, &f->addr, 1, 100);
	UNTIL(f, f->client.err != 0);
	assert_int_equal(f->client.err, KITH_EPROTO);
	assert_non_null(strstr(f->client.why, "/other: it answers 404"));
	assert_int_equal(f->server.got_n, 0);
	fixture_free(f);
}

/* ---- strangers ---- */

static int stranger(const struct fixture *f)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(f->addr.port) };
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&in, sizeof in), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* What came by now, as text; NULL: the other side has ended. */
static const char *hear(int fd, char out[2048])
{
	ssize_t n = recv(fd, out, 2047, MSG_DONTWAIT | MSG_PEEK);
	out[n > 0 ? n : 0] = '\0';
	return n == 0 ? NULL : out;
}

static bool has_ended(int fd)
{
	char out[2048];
	ssize_t n;
	while ((n = recv(fd, out, sizeof out, MSG_DONTWAIT)) > 0)
		;
	return n == 0;
}

#define ASK                                                                                                            \
	"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"    \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static void a_web_server_is_seen(void **state)
{
	struct fixture *f = fixture_new(false);
	char out[2048] = "";
	(void)state;
	int fd = stranger(f);
	say(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	UNTIL(f, hear(fd, out) == NULL || strstr(out, "</html>") != NULL);
	assert_non_null(strstr(out, "HTTP/1.1 200 OK\r\n"));
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	UNTIL(f, has_ended(fd) && f->server.c->conns == 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(f->server.got_n, 0);
	fixture_free(f);
}

static void a_proxy_says_where_clients_are(void **state)
{
	struct fixture *f = fixture_new(false);
	char out[2048] = "";
	(void)state;
	int fd = stranger(f), other = stranger(f);
	say(fd, ASK "X-Forwarded-For: 6.6.6.6, 9.8.7.6\r\n\r\n\x82\x81\1\1\1\1\x60");
	say(other, ASK "X-Forwarded-For: 9.8.7.6\r\n\r\n\x82\x81\1\1\1\1\x60");
	UNTIL(f, f->server.got_n == 2);
	assert_int_equal(f->server.first[0], 0x61);
	assert_int_equal(f->server.from[0].ip[0], 9);
	assert_int_equal(f->server.from[1].ip[0], 9);
	assert_true(f->server.from[0].port != f->server.from[1].port); /* two, behind one address */
	send_to(&f->server, &f->server.from[0], 'x', 3);
	UNTIL(f, hear(fd, out) == NULL || strstr(out, "xxx") != NULL);
	(void)hear(other, out);
	assert_null(strstr(out, "xxx"));
	assert_int_equal(close(fd) + close(other), 0);
	fixture_free(f);
}

/* With a certificate of our own there is no proxy in front of us, wherever they are. */
static void strangers_are_not_believed(void **state)
{
	static const char says[] = ASK "X-Forwarded-For: 9.8.7.6\r\n\r\n\x82\x81\1\1\1\1\x60";
	const struct kith_web_place place = { "h.example", "/ws", { .family = KITH_FAMILY_V4, .port = 443 } };
	struct fixture *f = fixture_new(true);
	struct kith_web_io io = { .fd = stranger(f) };
	char why[KITH_WEB_WHY_MAX];
	int greeted = 0;
	(void)state;
	assert_int_equal(fcntl(io.fd, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(kith_web_io_secure(&io, f->client.arg.shared, &place), 0);
	while (greeted == 0 && !f->late) {
		greeted = kith_web_io_greet(&io, why, sizeof why);
		(void)uv_run(&f->loop, UV_RUN_NOWAIT);
	}
	assert_int_equal(greeted, 1);
	assert_int_equal(kith_web_io_write(&io, (const uint8_t *)says, sizeof says - 1), sizeof says - 1);
	UNTIL(f, f->server.got_n == 1);
	assert_int_equal(f->server.from[0].ip[0], 127);
	kith_web_io_end(&io);
	assert_int_equal(close(io.fd), 0);
	fixture_free(f);
}

static void who_talks_slowly_is_cut(void **state)
{
	struct fixture *f = fixture_new(false);
	(void)state;
	f->server.bounds.greet_ms = 60;
	int silent = stranger(f), slow = stranger(f);
	say(slow, "GET / HTTP/1.1\r\nHo");
	UNTIL(f, has_ended(silent) && has_ended(slow));
	assert_int_equal(f->server.c->conns, 0);
	assert_int_equal(f->stats.counter[KITH_STAT_TCP_USELESS], 2);
	assert_int_equal(close(silent) + close(slow), 0);
	fixture_free(f);
}

static void who_says_nothing_of_use_is_cut(void **state)
{
	struct fixture *f = fixture_new(false);
	(void)state;
	f->server.bounds.useless_ms = 60;
	int fd = stranger(f);
	say(fd, ASK "\r\n\x82\x81\1\1\1\1\x60");
	UNTIL(f, f->server.got_n == 1); /* which the core does not answer */
	UNTIL(f, has_ended(fd));
	assert_int_equal(f->server.err, 0); /* it knows nothing of it */
	assert_int_equal(close(fd), 0);
	fixture_free(f);
}

static void strangers_are_bounded(void **state)
{
	struct fixture *f = fixture_new(true);
	int fds[4];
	(void)state;
	f->server.bounds.strangers = 2;
	for (int i = 0; i < 4; i++)
		fds[i] = stranger(f);
	UNTIL(f, has_ended(fds[2]) && has_ended(fds[3]));
	assert_int_equal(f->server.c->strangers, 2);
	assert_int_equal(f->stats.counter[KITH_STAT_TCP_REFUSED], 2);
	for (int i = 0; i < 4; i++)
		assert_int_equal(close(fds[i]), 0);
	UNTIL(f, f->server.c->conns == 0);
	f->server.bounds.strangers = 100;
	f->server.bounds.per_prefix = 1;
	fds[0] = stranger(f);
	fds[1] = stranger(f);
	UNTIL(f, has_ended(fds[1]));
	assert_int_equal(close(fds[0]) + close(fds[1]), 0);
	fixture_free(f);
}

static void clients_of_a_proxy_are_bounded_by_where_they_are(void **state)
{
	struct fixture *f = fixture_new(false);
	int fds[3];
	(void)state;
	f->server.bounds.per_prefix = 1;
	for (int i = 0; i < 3; i++) {
		fds[i] = stranger(f);
		say(fds[i], i < 2 ? ASK "X-Forwarded-For: 9.8.7.6\r\n\r\n\x82\x81\1\1\1\1\x60"
				  : ASK "X-Forwarded-For: 9.8.8.6\r\n\r\n\x82\x81\1\1\1\1\x60");
	}
	UNTIL(f, f->server.got_n == 2 && has_ended(fds[1]));
	assert_false(has_ended(fds[0]));
	assert_false(has_ended(fds[2]));
	for (int i = 0; i < 3; i++)
		assert_int_equal(close(fds[i]), 0);
	fixture_free(f);
}

/* ---- time ---- */

static void who_dialled_pings_and_stays(void **state)
{
	struct fixture *f = fixture_new(true);
	(void)state;
	f->client.bounds.ping_ms = 20;
	f->client.bounds.idle_ms = f->server.bounds.idle_ms = 200;
	send_to(&f->client, &f->addr, 1, 10);
	UNTIL(f, f->server.got_n == 1);
	send_to(&f->server, &f->server.from[0], 1, 10);
	UNTIL(f, f->client.got_n == 1);
	uint64_t until = uv_now(&f->loop) + 500;
	UNTIL(f, uv_now(&f->loop) > until);
	assert_int_equal(f->client.c->conns, 1);
	assert_int_equal(f->server.c->conns, 1);
	f->client.bounds.ping_ms = 100000; /* silent now */
	UNTIL(f, f->client.c->conns == 0 && f->server.c->conns == 0);
	UNTIL(f, f->server.err != 0); /* the core is told, whom it was of use to */
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_pass_both_ways),
		cmocka_unit_test(trains_are_taken_apart),
		cmocka_unit_test(only_urls_are_dialled),
		cmocka_unit_test(a_certificate_that_is_not_trusted_is_said),
		cmocka_unit_test(a_wrong_path_is_said),
		cmocka_unit_test(a_web_server_is_seen),
		cmocka_unit_test(a_proxy_says_where_clients_are),
		cmocka_unit_test(strangers_are_not_believed),
		cmocka_unit_test(who_talks_slowly_is_cut),
		cmocka_unit_test(who_says_nothing_of_use_is_cut),
		cmocka_unit_test(strangers_are_bounded),
		cmocka_unit_test(clients_of_a_proxy_are_bounded_by_where_they_are),
		cmocka_unit_test(who_dialled_pings_and_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
