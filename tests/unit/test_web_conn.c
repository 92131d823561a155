/* Two ends of a WebSocket over a pair of sockets, without TLS: packets, and frames that others would send. */
#include <sys/socket.h>
#include <unistd.h>

#include "support.h"

#include "host/web_conn.h"

static const struct kith_web_place place = { "h.example", "/ws", { .family = KITH_FAMILY_V4, .port = 443 } };

struct pair {
	struct test_alloc alloc;
	struct kith_random random;
	struct kith_web_conn client, server;
	int fds[2];
};

static void fill(void *ctx, uint8_t *out, size_t len)
{
	(void)ctx;
	memset(out, 0x5a, len);
}

static int go(struct kith_web_conn *c, const char *path, char why[KITH_WEB_WHY_MAX])
{
	const struct kith_web_terms terms = { .place = c->server ? NULL : &place, .path = path };
	bool by_proxy;
	return kith_web_conn_go(c, &terms, why, &by_proxy);
}

static void begin(struct pair *p)
{
	memset(p, 0, sizeof *p);
	test_alloc_init(&p->alloc);
	p->random.fill = fill;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p->fds), 0);
	kith_web_conn_init(&p->client, p->fds[0], false, &p->alloc.alloc, &p->random);
	kith_web_conn_init(&p->server, p->fds[1], true, &p->alloc.alloc, &p->random);
	p->client.state = KITH_WEB_GREETING; /* it is connected */
}

static void open_both(struct pair *p)
{
	char why[KITH_WEB_WHY_MAX];
	begin(p);
	assert_int_equal(go(&p->client, NULL, why), 0);
	assert_int_equal(go(&p->server, "/ws", why), 1);
	assert_int_equal(go(&p->client, NULL, why), 1);
	assert_int_equal(p->client.state, KITH_WEB_OPEN);
}

static void end(struct pair *p)
{
	kith_web_conn_deinit(&p->client);
	kith_web_conn_deinit(&p->server);
	(void)close(p->fds[0]);
	(void)close(p->fds[1]);
	test_alloc_check(&p->alloc);
}

static int receive(struct kith_web_conn *c, uint8_t out[KITH_TCP_PACKET_MAX])
{
	bool came = false;
	return kith_web_conn_receive(c, out, &came);
}

static void packets_pass_both_ways_whole_and_in_order(void **state)
{
	static const size_t lens[] = { 1, 125, 126, 127, 1200, KITH_TCP_PACKET_MAX, 2 };
	uint8_t packet[KITH_TCP_PACKET_MAX], in[KITH_TCP_PACKET_MAX];
	struct pair p;
	(void)state;
	open_both(&p);
	for (int way = 0; way < 2; way++) {
		struct kith_web_conn *from = way == 0 ? &p.client : &p.server, *to = way == 0 ? &p.server : &p.client;
		for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
			memset(packet, (int)(i + 1), lens[i]);
			assert_int_equal(kith_web_conn_put(from, packet, lens[i], 1 << 20), 0);
		}
		assert_int_equal(kith_web_conn_flush(from), 0);
		for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
			assert_int_equal(receive(to, in), lens[i]);
			assert_int_equal(in[0], i + 1);
			assert_int_equal(in[lens[i] - 1], i + 1);
		}
		assert_int_equal(receive(to, in), 0);
	}
	end(&p);
}

static void what_the_socket_does_not_take_waits_and_the_oldest_go(void **state)
{
	enum { MAX = 20000, LEN = 1000 };
	uint8_t packet[LEN] = { 0 }, in[KITH_TCP_PACKET_MAX];
	struct pair p;
	unsigned dropped = 0, got = 0, sent = 0;
	int size = 4096, last = 0;
	(void)state;
	open_both(&p);
	assert_int_equal(setsockopt(p.fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
	for (; sent < 200; sent++) {
		packet[0] = (uint8_t)(sent + 1);
		dropped += kith_web_conn_put(&p.client, packet, LEN, MAX);
		assert_int_equal(kith_web_conn_flush(&p.client), 0);
		assert_true(p.client.out.len <= MAX);
	}
	assert_true(dropped > 0);
	assert_true(kith_web_conn_wants_room(&p.client));
	for (int n = 1; n > 0 || kith_web_conn_wants_room(&p.client);) {
		n = receive(&p.server, in);
		assert_true(n == 0 || n == LEN);
		assert_true(n == 0 || in[0] > last); /* in order, and whole */
		last = n > 0 ? in[0] : last;
		got += n > 0;
		assert_int_equal(kith_web_conn_flush(&p.client), 0);
	}
	assert_int_equal(got + dropped, sent);
	assert_int_equal(last, sent);
	end(&p);
}

static void a_ping_is_answered(void **state)
{
	uint8_t in[KITH_TCP_PACKET_MAX];
	bool came = false;
	struct pair p;
	(void)state;
	open_both(&p);
	kith_web_conn_ping(&p.client);
	assert_int_equal(kith_web_conn_flush(&p.client), 0);
	assert_int_equal(receive(&p.server, in), 0);
	assert_true(p.server.pong_due);
	assert_int_equal(kith_web_conn_flush(&p.server), 0);
	assert_int_equal(kith_web_conn_receive(&p.client, in, &came), 0);
	assert_true(came);
	end(&p);
}

/* What the server says to a frame from a client, byte by byte. */
static int says_to(const uint8_t *frame, size_t len)
{
	uint8_t in[KITH_TCP_PACKET_MAX];
	struct pair p;
	int n = 0;
	open_both(&p);
	for (size_t i = 0; i < len && n == 0; i++) {
		assert_int_equal(send(p.fds[0], frame + i, 1, MSG_NOSIGNAL), 1);
		n = receive(&p.server, in);
	}
	end(&p);
	return n;
}

static void frames_that_must_not_be_end_it(void **state)
{
	static const uint8_t good[] = { 0x82, 0x81, 0, 0, 0, 0, 'a' }, bare[] = { 0x82, 1, 'a' },
			     text[] = { 0x81, 0x81, 0, 0, 0, 0, 'a' }, rsv[] = { 0xc2, 0x81, 0, 0, 0, 0, 'a' },
			     too_long[] = { 0x82, 0xfe, 8, 1, 0, 0, 0, 0, 'a' },
			     continued[] = { 0x80, 0x81, 0, 0, 0, 0, 'a' },
			     begun_twice[] = { 2, 0x81, 0, 0, 0, 0, 'a', 0x82, 0x81, 0, 0, 0, 0, 'a' },
			     in_parts[] = { 2, 0x81, 0, 0,    0,    0, 'a', 0x89, 0x80, 0,
					    0, 0,    0, 0x80, 0x81, 0, 0,   0,	  0,	'a' },
			     closes[] = { 0x88, 0x80, 0, 0, 0, 0 },
			     huge[] = { 0x82, 0xff, 0x7f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'a' };
	(void)state;
	assert_int_equal(says_to(good, sizeof good), 1);
	assert_int_equal(says_to(in_parts, sizeof in_parts), 2);
	assert_int_equal(says_to(bare, sizeof bare), KITH_EPROTO);
	assert_int_equal(says_to(text, sizeof text), KITH_EPROTO);
	assert_int_equal(says_to(rsv, sizeof rsv), KITH_EPROTO);
	assert_int_equal(says_to(too_long, sizeof too_long), KITH_EPROTO);
	assert_int_equal(says_to(huge, sizeof huge), KITH_EPROTO);
	assert_int_equal(says_to(continued, sizeof continued), KITH_EPROTO);
	assert_int_equal(says_to(begun_twice, sizeof begun_twice), KITH_EPROTO);
	assert_int_equal(says_to(closes, sizeof closes), KITH_ECLOSED);
}

static void another_path_is_a_page_and_said(void **state)
{
	char why[KITH_WEB_WHY_MAX];
	struct pair p;
	(void)state;
	begin(&p);
	assert_int_equal(go(&p.client, NULL, why), 0);
	assert_int_equal(go(&p.server, "/other", why), 0);
	assert_int_equal(p.server.state, KITH_WEB_LEAVING);
	assert_int_equal(go(&p.client, NULL, why), KITH_EPROTO);
	assert_string_equal(why, "it answers 404: is the path of the URL right?");
	assert_int_equal(shutdown(p.fds[0], SHUT_RDWR), 0);
	assert_int_equal(go(&p.server, "/other", why), KITH_ECLOSED);
	end(&p);
}

static void what_is_no_web_server_is_said(void **state)
{
	char why[KITH_WEB_WHY_MAX];
	struct pair p;
	(void)state;
	begin(&p);
	assert_int_equal(go(&p.client, NULL, why), 0);
	assert_int_equal(send(p.fds[1], "220\x01 mail\n", 10, 0), 10);
	assert_int_equal(go(&p.client, NULL, why), KITH_EPROTO);
	assert_string_equal(why, "what answers is no web server");
	end(&p);
}

/* Whatever lacks memory: an error, and nothing is lost of it. */
static void without_memory_it_ends(void **state)
{
	char why[KITH_WEB_WHY_MAX];
	(void)state;
	for (long after = 0; after < 8; after++) {
		struct pair p;
		begin(&p);
		p.alloc.fail_after = after;
		int n = go(&p.client, NULL, why);
		int m = n == 0 ? go(&p.server, "/ws", why) : 0;
		assert_true(n == 0 || n == KITH_ENOMEM);
		assert_true(m >= 0 || m == KITH_ENOMEM);
		p.alloc.fail_after = -1;
		end(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_pass_both_ways_whole_and_in_order),
		cmocka_unit_test(what_the_socket_does_not_take_waits_and_the_oldest_go),
		cmocka_unit_test(a_ping_is_answered),
		cmocka_unit_test(frames_that_must_not_be_end_it),
		cmocka_unit_test(another_path_is_a_page_and_said),
		cmocka_unit_test(what_is_no_web_server_is_said),
		cmocka_unit_test(without_memory_it_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
