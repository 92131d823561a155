/* The carrier over TURN, with servers that the test plays at sockets of their own: its address comes and goes, packets
 * pass wrapped, the next server is asked when one fails. */
#include "turn_server.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/carrier_turn.h"

enum { SERVERS = 2 };

/* One server's socket. */
struct place {
	int fd;
	struct turn_server server;
	struct kith_addr client; /* that has spoken last */
	unsigned data; /* packets for peers */
	struct kith_addr to; /* of the last one */
	uint8_t text[64];
	size_t text_len;
	bool silent;
	uv_poll_t poll;
};

struct world {
	struct test_alloc alloc;
	uv_loop_t loop;
	struct place places[SERVERS];
	struct kith_turn_arg arg;
	void *self;
	unsigned locals; /* how often LOCALS was told */
	struct kith_packet in; /* the last one that came in */
	uint8_t bytes[64];
	unsigned got;
	bool closed;
};

static void answer(uv_poll_t *poll, int status, int events)
{
	struct place *p = poll->data;
	uint8_t in[2048], out[KITH_TURN_REQUEST_MAX];
	struct sockaddr_storage from, ss;
	socklen_t from_len = sizeof from, ss_len = sizeof ss;
	StunMessage m;
	uint16_t len;
	(void)status;
	(void)events;
	const ssize_t n = recvfrom(p->fd, in, sizeof in, 0, (struct sockaddr *)&from, &from_len);
	if (n <= 0 || p->silent)
		return;
	assert_true(kith_sockaddr_get(&p->client, (struct sockaddr *)&from));
	if (in[0] == 0 && in[1] == 0x16) { /* Send */
		assert_int_equal(stun_agent_validate(&p->server.agent, &m, in, (size_t)n, NULL, NULL),
				 STUN_VALIDATION_SUCCESS);
		stun_message_find_xor_addr(&m, STUN_ATTRIBUTE_XOR_PEER_ADDRESS, &ss, &ss_len);
		assert_true(kith_sockaddr_get(&p->to, (struct sockaddr *)&ss));
		const uint8_t *text = stun_message_find(&m, STUN_ATTRIBUTE_DATA, &len);
		assert_true(p->server.permitted > 0); /* it came behind the request */
		memcpy(p->text, text, len < sizeof p->text ? len : sizeof p->text);
		p->text_len = len;
		p->data++;
		return;
	}
	const size_t made = turn_server_answer(&p->server, in, (size_t)n, out);
	if (made > 0)
		assert_int_equal(sendto(p->fd, out, made, 0, (struct sockaddr *)&from, from_len), made);
}

/* As a node does. */
static void on_ready(void *ctx, unsigned ready)
{
	struct world *w = ctx;
	struct kith_packet in[4];
	int n = 0;
	w->locals += (ready & KITH_CARRIER_LOCALS) != 0;
	while ((ready & KITH_CARRIER_INPUT) != 0 && (n = kith_carrier_turn.receive(w->self, in, 4)) > 0) {
		w->got += (unsigned)n;
		w->in = in[n - 1];
		assert_in_range(w->in.len, 1, sizeof w->bytes);
		memcpy(w->bytes, w->in.data, w->in.len);
	}
	assert_int_equal(n, 0);
	kith_carrier_turn.rest(w->self);
}

static void on_closed(void *ctx)
{
	((struct world *)ctx)->closed = true;
}

static void place_open(struct world *w, size_t i)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct place *p = &w->places[i];
	socklen_t len = sizeof at;
	p->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_true(p->fd >= 0 && bind(p->fd, (struct sockaddr *)&at, len) == 0);
	assert_int_equal(getsockname(p->fd, (struct sockaddr *)&at, &len), 0);
	struct kith_turn_account *account = &w->arg.accounts[i];
	assert_true(kith_sockaddr_get(&account->server, (struct sockaddr *)&at));
	(void)snprintf(account->user, sizeof account->user, "alice");
	(void)snprintf(account->password, sizeof account->password, "secret");
	turn_server_init(&p->server);
	p->server.relayed.port = (uint16_t)(50000 + i);
	assert_int_equal(uv_poll_init(&w->loop, &p->poll, p->fd), 0);
	p->poll.data = p;
	assert_int_equal(uv_poll_start(&p->poll, UV_READABLE, answer), 0);
}

static void place_close(struct place *p)
{
	uv_close((uv_handle_t *)&p->poll, NULL);
	(void)close(p->fd);
	p->fd = -1;
}

static void world_open(struct world *w, size_t servers)
{
	char why[KITH_CARRIER_WHY_MAX];
	memset(w, 0, sizeof *w);
	test_alloc_init(&w->alloc);
	assert_int_equal(uv_loop_init(&w->loop), 0);
	for (size_t i = 0; i < SERVERS; i++)
		place_open(w, i);
	w->arg.n = servers;
	const struct kith_carrier_options o = { .alloc = &w->alloc.alloc,
						.loop = &w->loop,
						.arg = &w->arg,
						.transport = 8,
						.bind = { .family = KITH_FAMILY_V4 },
						.ready = on_ready,
						.ctx = w };
	assert_int_equal(kith_carrier_turn.open(&w->self, &o, why), 0);
}

static void world_close(struct world *w)
{
	kith_carrier_turn.close(w->self, on_closed, w);
	for (size_t i = 0; i < SERVERS; i++)
		if (w->places[i].fd >= 0)
			place_close(&w->places[i]);
	while (!w->closed || uv_loop_alive(&w->loop))
		uv_run(&w->loop, UV_RUN_ONCE);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	test_alloc_check(&w->alloc);
}

static struct kith_turn_info info_of(const struct world *w)
{
	struct kith_turn_info info;
	kith_carrier_turn_info(w->self, &info);
	return info;
}

/* Runs the loop until it was told of its address, or of a failure, so many times in all. */
static void until_told(struct world *w, unsigned locals)
{
	while (w->locals < locals)
		uv_run(&w->loop, UV_RUN_ONCE);
}

static size_t locals_of(const struct world *w, struct kith_addr *at)
{
	struct kith_interface_list list;
	kith_carrier_turn.locals(w->self, &list);
	*at = list.addrs[0];
	return list.n;
}

static void its_address_is_where_the_server_relays(void **state)
{
	struct kith_carrier_info carrier;
	struct kith_addr at;
	struct world w;
	(void)state;
	world_open(&w, 1);
	assert_int_equal(locals_of(&w, &at), 0);
	assert_int_equal(info_of(&w).state, KITH_TURN_FAILED); /* nothing was begun in open */
	until_told(&w, 1);
	assert_int_equal(locals_of(&w, &at), 1);
	assert_true(kith_addr_equal(&at, &w.places[0].server.relayed));
	kith_carrier_turn.info(w.self, &carrier);
	assert_int_equal(carrier.port, at.port);
	const struct kith_turn_info info = info_of(&w);
	assert_int_equal(info.state, KITH_TURN_RELAYED);
	assert_true(kith_addr_equal(&info.server, &w.arg.accounts[0].server));
	assert_true(kith_addr_equal(&info.relayed, &at));
	assert_in_range(info.expires_in_ms, 590000, 600000);
	assert_int_equal(info.err, 0);
	assert_string_equal(info.why, "");
	world_close(&w);
}

static void packets_pass_wrapped_and_trains_are_taken_apart(void **state)
{
	uint8_t bytes[] = "one...two...3", back[KITH_TURN_REQUEST_MAX];
	const struct kith_addr peer = turn_addr("203.0.113.9:7000");
	const struct kith_packet out = { .data = bytes, .len = 13, .segment_len = 6, .remote = peer };
	struct sockaddr_storage ss;
	struct world w;
	(void)state;
	world_open(&w, 1);
	until_told(&w, 1);
	struct place *p = &w.places[0];
	assert_false(kith_carrier_turn.send(w.self, &out, 1));
	while (p->data < 3)
		uv_run(&w.loop, UV_RUN_ONCE);
	assert_true(kith_addr_equal(&p->to, &peer));
	assert_int_equal(p->text_len, 1);
	assert_int_equal(p->text[0], '3');
	assert_int_equal(p->server.permitted, 1);
	/* And back; what comes from elsewhere than the server is nothing. */
	const size_t len = turn_server_data(&p->server, "203.0.113.9:7001", "four", 4, back);
	const socklen_t ss_len = kith_sockaddr_set(&ss, &p->client);
	assert_int_equal(sendto(w.places[1].fd, back, len, 0, (struct sockaddr *)&ss, ss_len), len);
	assert_int_equal(sendto(p->fd, back, len, 0, (struct sockaddr *)&ss, ss_len), len);
	while (w.got == 0 || info_of(&w).bad == 0)
		uv_run(&w.loop, UV_RUN_ONCE);
	assert_int_equal(w.got, 1);
	assert_int_equal(w.in.len, 4);
	assert_memory_equal(w.bytes, "four", 4);
	assert_int_equal(w.in.transport, 8);
	assert_int_equal(w.in.remote.port, 7001);
	assert_int_equal(info_of(&w).bad, 1);
	assert_int_equal(info_of(&w).permissions, 1);
	world_close(&w);
}

static void a_server_that_refuses_us_is_left_for_the_next(void **state)
{
	struct kith_addr at;
	struct world w;
	(void)state;
	world_open(&w, 2);
	w.places[0].server.password = "other";
	until_told(&w, 1);
	struct kith_turn_info info = info_of(&w);
	assert_int_equal(info.state, KITH_TURN_FAILED);
	assert_int_equal(info.err, KITH_EACCES);
	assert_non_null(strstr(info.why, "the user or the password is wrong (401)"));
	assert_null(strstr(info.why, "secret"));
	assert_int_equal(locals_of(&w, &at), 0);
	until_told(&w, 2);
	info = info_of(&w);
	assert_int_equal(info.state, KITH_TURN_RELAYED);
	assert_true(kith_addr_equal(&info.server, &w.arg.accounts[1].server));
	assert_true(locals_of(&w, &at) == 1 && at.port == 50001);
	assert_int_equal(info.err, KITH_EACCES); /* of the one before */
	world_close(&w);
}

/* The system says that nobody listens there any more; the address goes, and the next server's comes. */
static void a_server_that_dies_is_noticed_with_the_next_packet(void **state)
{
	uint8_t bytes[] = "hello";
	const struct kith_packet out = { .data = bytes, .len = 5, .remote = turn_addr("203.0.113.9:7000") };
	struct kith_addr at;
	struct world w;
	(void)state;
	world_open(&w, 2);
	until_told(&w, 1);
	place_close(&w.places[0]);
	(void)kith_carrier_turn.send(w.self, &out, 1);
	until_told(&w, 2);
	assert_int_equal(locals_of(&w, &at), 0);
	assert_non_null(strstr(info_of(&w).why, "nobody listens there"));
	assert_false(kith_carrier_turn.send(w.self, &out, 1)); /* between two servers all is dropped */
	until_told(&w, 3);
	assert_true(locals_of(&w, &at) == 1 && at.port == 50001);
	world_close(&w);
}

static void what_is_relayed_is_given_up_at_the_end(void **state)
{
	struct world w;
	(void)state;
	world_open(&w, 1);
	until_told(&w, 1);
	kith_carrier_turn.close(w.self, on_closed, &w);
	while (!w.closed || w.places[0].server.given_up == 0)
		uv_run(&w.loop, UV_RUN_ONCE);
	for (size_t i = 0; i < SERVERS; i++)
		place_close(&w.places[i]);
	uv_run(&w.loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w.loop), 0);
	test_alloc_check(&w.alloc);
}

static void it_is_closed_while_it_asks(void **state)
{
	struct world w;
	(void)state;
	world_open(&w, 1);
	world_close(&w);
	world_open(&w, 1);
	w.places[0].silent = true;
	for (int i = 0; i < 3; i++)
		uv_run(&w.loop, UV_RUN_NOWAIT);
	assert_int_equal(info_of(&w).state, KITH_TURN_ASKING);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_address_is_where_the_server_relays),
		cmocka_unit_test(packets_pass_wrapped_and_trains_are_taken_apart),
		cmocka_unit_test(a_server_that_refuses_us_is_left_for_the_next),
		cmocka_unit_test(a_server_that_dies_is_noticed_with_the_next_packet),
		cmocka_unit_test(what_is_relayed_is_given_up_at_the_end),
		cmocka_unit_test(it_is_closed_while_it_asks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
