/* The public API from end to end: calls, datagrams, streams, presence; and whatever an application may do in
 * callbacks. */
#include "host_world.h"

static void a_name_is_called_and_datagrams_go_both_ways(void **state)
{
	struct trio t;
	struct kith_session_info who;
	struct kith_path_info paths[8];
	char text[4096];
	(void)state;
	trio_init(&t);
	talk(&t);
	assert_string_equal(t.bob.caller, t.alice.name);
	assert_int_equal(kith_conn_info(t.alice.conn, &who), 0);
	assert_string_equal(who.name, t.bob.name);
	assert_string_equal(who.service, "chat");
	assert_true(who.initiator && who.open);

	assert_int_equal(kith_conn_send(t.alice.conn, 7, "hello", 5), 0);
	UNTIL(&t.w, t.bob.datagrams == 1);
	assert_string_equal(t.bob.datagram, "hello");
	assert_int_equal(t.bob.datagram_channel, 7);
	assert_int_equal(kith_conn_send(t.bob.conn, 9, "hi", 2), 0);
	UNTIL(&t.w, t.alice.datagrams == 1);
	assert_string_equal(t.alice.datagram, "hi");

	assert_int_equal(kith_conn_send(t.alice.conn, 0, text, kith_conn_datagram_max(t.alice.conn) + 1),
			 KITH_EMSGSIZE);
	assert_true(kith_conn_paths(t.alice.conn, paths, 8) >= 1);
	assert_true(kith_explain(t.alice.conn, text, sizeof text) > 0);
	trio_deinit(&t);
}

static void a_call_becomes_direct(void **state)
{
	struct trio t;
	(void)state;
	trio_init(&t);
	talk(&t);
	for (;;) {
		struct kith_path_info paths[8];
		size_t n = kith_conn_paths(t.alice.conn, paths, 8);
		bool direct = false;
		for (size_t i = 0; i < n && i < 8; i++)
			direct = direct || (paths[i].sending && paths[i].kind == KITH_PATH_CLASS_DIRECT);
		if (direct && kith_ping(t.alice.conn) > 0)
			break;
		assert_false(t.w.late);
		(void)uv_run(&t.w.loop, UV_RUN_ONCE);
	}
	trio_deinit(&t);
}

static void closing_tells_both_sides_once(void **state)
{
	struct trio t;
	(void)state;
	trio_init(&t);
	talk(&t);
	struct kith_conn *conn = t.alice.conn;
	assert_int_equal(kith_conn_close(conn, KITH_CLOSE_NORMAL), 0);
	assert_int_equal(t.alice.closed_conns, 0); /* later, not in here */
	assert_int_equal(kith_conn_close(conn, KITH_CLOSE_NORMAL), KITH_ESTATE);
	assert_int_equal(kith_conn_send(conn, 0, "x", 1), KITH_ESTATE);
	UNTIL(&t.w, t.alice.closed_conns && t.bob.closed_conns);
	assert_false(t.alice.closed_remote);
	assert_true(t.bob.closed_remote);
	assert_int_equal(t.bob.closed_reason, KITH_CLOSE_NORMAL);
	trio_deinit(&t);
	assert_int_equal(t.alice.closed_conns, 1);
	assert_int_equal(t.bob.closed_conns, 1);
}

static void what_explains_a_session_can_be_asked_for_when_it_is_over(void **state)
{
	struct trio t;
	char text[8192];
	(void)state;
	trio_init(&t);
	talk(&t);
	assert_int_equal(kith_explain_last(t.alice.node, t.bob.name, text, sizeof text), 0);
	assert_int_equal(kith_conn_close(t.alice.conn, KITH_CLOSE_NORMAL), 0);
	UNTIL(&t.w, t.alice.closed_conns && t.bob.closed_conns);
	assert_non_null(strstr(t.alice.ended, "by this side: closed"));
	assert_non_null(strstr(t.bob.ended, "by the other side: closed"));
	assert_true(kith_explain_last(t.alice.node, t.bob.name, text, sizeof text) > 0);
	assert_non_null(strstr(text, "verdict: "));
	assert_int_equal(kith_explain_last(t.alice.node, "nobody", text, sizeof text), 0);
	assert_string_equal(text, "");
	assert_int_equal(kith_explain_last(t.alice.node, NULL, text, sizeof text), 0);
	trio_deinit(&t);
}

static void a_call_may_be_rejected(void **state)
{
	struct trio t;
	(void)state;
	trio_init(&t);
	t.bob.reject = true;
	assert_int_equal(kith_connect(t.alice.node, t.bob.name, "chat", 0, on_connected, &t.alice, NULL), 0);
	UNTIL(&t.w, t.alice.call_done);
	assert_int_equal(t.alice.call_err, KITH_EREJECTED);
	assert_null(t.alice.conn);
	UNTIL(&t.w, t.bob.closed_conns == 1);
	assert_false(t.bob.closed_remote);
	trio_deinit(&t);
}

static void a_call_may_be_decided_later(void **state)
{
	struct trio t;
	(void)state;
	trio_init(&t);
	t.bob.defer = true;
	assert_int_equal(kith_connect(t.alice.node, t.bob.name, "chat", 0, on_connected, &t.alice, NULL), 0);
	UNTIL(&t.w, t.bob.waiting != NULL);
	assert_int_equal(t.alice.call_done, 0);
	assert_int_equal(kith_conn_send(t.bob.waiting, 0, "x", 1), KITH_ESTATE);
	assert_int_equal(kith_conn_accept(t.bob.waiting), 0);
	UNTIL(&t.w, t.alice.call_done && t.bob.conn != NULL);
	assert_int_equal(t.alice.call_err, 0);
	assert_int_equal(kith_conn_accept(t.bob.conn), KITH_ESTATE);
	trio_deinit(&t);
}

static void a_service_that_is_not_served_is_refused(void **state)
{
	struct trio t;
	(void)state;
	trio_init(&t);
	assert_int_equal(kith_connect(t.alice.node, t.bob.name, "voice", 0, on_connected, &t.alice, NULL), 0);
	UNTIL(&t.w, t.alice.call_done);
	assert_int_equal(t.alice.call_err, KITH_EREJECTED);
	assert_int_equal(t.bob.closed_conns, 0);
	assert_string_equal(t.bob.caller, "");
	trio_deinit(&t);
}

static void a_cancelled_call_completes_once(void **state)
{
	struct trio t;
	struct kith_call *call;
	(void)state;
	trio_init(&t);
	t.bob.defer = true;
	assert_int_equal(kith_connect(t.alice.node, t.bob.name, "chat", 0, on_connected, &t.alice, &call), 0);
	UNTIL(&t.w, t.bob.waiting != NULL);
	kith_call_cancel(call);
	kith_call_cancel(call);
	assert_int_equal(t.alice.call_done, 0);
	UNTIL(&t.w, t.alice.call_done);
	assert_int_equal(t.alice.call_err, KITH_ECANCELED);
	trio_deinit(&t);
	assert_int_equal(t.alice.call_done, 1);
	assert_int_equal(t.bob.closed_conns, 1); /* whatever became of it, its handle was ended */
}

static void closing_a_node_ends_what_is_under_way(void **state)
{
	struct trio t;
	(void)state;
	trio_init(&t);
	t.bob.defer = true;
	assert_int_equal(kith_connect(t.alice.node, t.bob.name, "chat", 0, on_connected, &t.alice, NULL), 0);
	UNTIL(&t.w, t.bob.waiting != NULL);
	trio_deinit(&t);
	assert_int_equal(t.alice.call_done, 1);
	assert_int_equal(t.alice.call_err, KITH_ECANCELED);
	assert_int_equal(t.bob.closed_conns, 1);
}

static void stream_of(struct trio *t, size_t total)
{
	struct kith_stream_callbacks cb;
	talk(t);
	stream_callbacks(&cb);
	t->bob.echo = true;
	t->alice.total = total;
	assert_int_equal(kith_stream_open(t->alice.conn, 3, &cb, &t->alice, &t->alice.stream), 0);
	write_more(t->alice.stream, &t->alice);
}

static void a_stream_carries_everything_in_order(void **state)
{
	struct trio t;
	(void)state;
	trio_init(&t);
	stream_of(&t, 3 * 1000 * 1000);
	UNTIL(&t.w, t.bob.fin);
	assert_int_equal(t.bob.received, 3 * 1000 * 1000);
	assert_true(t.bob.verified);
	UNTIL(&t.w, t.alice.streams_closed && t.bob.streams_closed);
	assert_int_equal(t.alice.stream_err, 0);
	assert_int_equal(t.bob.stream_err, 0);
	trio_deinit(&t);
}

static void on_release(const void *data, size_t len, int err, void *ctx)
{
	struct party *p = ctx;
	assert_non_null(data);
	assert_int_equal(len, 1000 * 1000);
	p->released++;
	p->release_err = err;
}

static void borrowed_bytes_are_given_back_once(void **state)
{
	static uint8_t big[1000 * 1000];
	struct kith_stream_callbacks cb;
	struct trio t;
	(void)state;
	for (size_t i = 0; i < sizeof big; i++)
		big[i] = pattern(i);
	trio_init(&t);
	talk(&t);
	t.bob.echo = true;
	stream_callbacks(&cb);
	assert_int_equal(kith_stream_open(t.alice.conn, 3, &cb, &t.alice, &t.alice.stream), 0);
	assert_int_equal(kith_stream_write_borrowed(t.alice.stream, big, sizeof big, on_release, &t.alice), 0);
	assert_int_equal(t.alice.released, 0);
	assert_int_equal(kith_stream_write(t.alice.stream, "x", 1), KITH_EAGAIN); /* it would overtake */
	assert_int_equal(kith_stream_finish(t.alice.stream), 0);
	assert_int_equal(kith_stream_write(t.alice.stream, "x", 1), KITH_ECLOSED);
	UNTIL(&t.w, t.bob.fin);
	assert_int_equal(t.bob.received, sizeof big);
	assert_true(t.bob.verified);
	assert_int_equal(t.alice.released, 1);
	assert_int_equal(t.alice.release_err, 0);
	trio_deinit(&t);
}

static void a_stream_that_is_given_up_gives_borrowed_bytes_back(void **state)
{
	static uint8_t big[1000 * 1000];
	struct kith_stream_callbacks cb;
	struct trio t;
	(void)state;
	trio_init(&t);
	talk(&t);
	stream_callbacks(&cb);
	assert_int_equal(kith_stream_open(t.alice.conn, 3, &cb, &t.alice, &t.alice.stream), 0);
	for (int i = 0; i < KITH_STREAM_BORROWS; i++)
		assert_int_equal(kith_stream_write_borrowed(t.alice.stream, big, sizeof big, on_release, &t.alice), 0);
	assert_int_equal(kith_stream_write_borrowed(t.alice.stream, big, sizeof big, on_release, &t.alice),
			 KITH_EAGAIN);
	UNTIL(&t.w, t.bob.received > 0);
	kith_stream_close(t.alice.stream);
	UNTIL(&t.w, t.alice.streams_closed == 1);
	assert_int_equal(t.alice.stream_err, KITH_ECANCELED);
	assert_int_equal(t.alice.released, KITH_STREAM_BORROWS);
	assert_int_equal(t.alice.release_err, KITH_ECANCELED);
	UNTIL(&t.w, t.bob.resets == 1);
	trio_deinit(&t);
	assert_int_equal(t.bob.streams_closed, 1);
}

static void a_reset_carries_its_code(void **state)
{
	struct kith_stream_callbacks cb;
	struct trio t;
	(void)state;
	trio_init(&t);
	talk(&t);
	stream_callbacks(&cb);
	assert_int_equal(kith_stream_open(t.alice.conn, 3, &cb, &t.alice, &t.alice.stream), 0);
	assert_int_equal(kith_stream_write(t.alice.stream, "x", 1), 1);
	UNTIL(&t.w, t.bob.received == 1);
	assert_int_equal(kith_stream_reset(t.alice.stream, UINT64_C(1) << 62), KITH_EINVAL);
	assert_int_equal(kith_stream_reset(t.alice.stream, 4711), 0);
	UNTIL(&t.w, t.bob.resets == 1);
	assert_int_equal(t.bob.reset_code, 4711);
	assert_int_equal(kith_stream_write(t.alice.stream, "x", 1), KITH_ECLOSED);
	trio_deinit(&t);
}

static void streams_end_with_their_connection(void **state)
{
	struct trio t;
	(void)state;
	trio_init(&t);
	stream_of(&t, 100 * 1000 * 1000);
	UNTIL(&t.w, t.bob.received > 100000);
	assert_int_equal(kith_conn_close(t.bob.conn, KITH_CLOSE_NORMAL), 0);
	UNTIL(&t.w, t.alice.closed_conns && t.bob.closed_conns);
	assert_int_equal(t.alice.streams_closed, 1);
	assert_int_equal(t.bob.streams_closed, 1);
	assert_int_equal(t.bob.stream_err, KITH_ECANCELED);
	assert_int_equal(t.alice.stream_err, KITH_ECUT);
	trio_deinit(&t);
}

/* ---- whatever an application does inside of a callback ---- */

static void close_in_datagram(struct kith_conn *conn, uint16_t channel, const uint8_t *data, size_t len, void *user)
{
	struct party *p = user;
	(void)channel;
	p->datagrams++;
	assert_int_equal(kith_conn_close(conn, KITH_CLOSE_NORMAL), 0);
	assert_memory_equal(data, "hello", len); /* still there */
}

static void a_connection_may_be_closed_in_its_own_callback(void **state)
{
	struct kith_conn_callbacks cb;
	struct trio t;
	(void)state;
	trio_init(&t);
	talk(&t);
	conn_callbacks(&cb);
	cb.datagram = close_in_datagram;
	kith_conn_set_callbacks(t.bob.conn, &cb, &t.bob);
	for (int i = 0; i < 20; i++)
		assert_int_equal(kith_conn_send(t.alice.conn, 0, "hello", 5), 0);
	UNTIL(&t.w, t.bob.closed_conns && t.alice.closed_conns);
	assert_int_equal(t.bob.datagrams, 1); /* none after the close */
	trio_deinit(&t);
}

static void node_close_in_datagram(struct kith_conn *conn, uint16_t channel, const uint8_t *data, size_t len,
				   void *user)
{
	struct party *p = user;
	(void)channel;
	(void)data;
	(void)len;
	p->datagrams++;
	if (p->datagrams == 1)
		assert_int_equal(kith_node_close(kith_conn_node(conn), on_node_closed), 0);
}

static void a_node_may_be_closed_in_any_callback(void **state)
{
	struct kith_conn_callbacks cb;
	struct trio t;
	(void)state;
	trio_init(&t);
	stream_of(&t, 100 * 1000 * 1000);
	UNTIL(&t.w, t.bob.received > 100000);
	conn_callbacks(&cb);
	cb.datagram = node_close_in_datagram;
	kith_conn_set_callbacks(t.bob.conn, &cb, &t.bob);
	assert_int_equal(kith_conn_send(t.alice.conn, 0, "bye", 3), 0);
	UNTIL(&t.w, t.bob.closed);
	assert_int_equal(t.bob.closed_conns, 1);
	assert_int_equal(t.bob.streams_closed, 1);
	UNTIL(&t.w, t.alice.closed_conns == 1);
	assert_int_equal(t.alice.closed_reason, KITH_CLOSE_LEAVING);
	party_close(&t.alice);
	party_close(&t.home);
	world_deinit(&t.w);
}

static void echo_back(struct kith_conn *conn, uint16_t channel, const uint8_t *data, size_t len, void *user)
{
	struct party *p = user;
	p->datagrams++;
	/* Many answers to one: more than a batch holds. */
	for (int i = 0; i < 400; i++) {
		int err = kith_conn_send(conn, channel, data, len);
		assert_true(err == 0 || err == KITH_EAGAIN);
	}
	assert_memory_equal(data, "hello", len);
}

static void sending_in_callbacks_keeps_their_data(void **state)
{
	struct kith_conn_callbacks cb;
	struct trio t;
	(void)state;
	trio_init(&t);
	talk(&t);
	conn_callbacks(&cb);
	cb.datagram = echo_back;
	kith_conn_set_callbacks(t.bob.conn, &cb, &t.bob);
	for (int i = 0; i < 8; i++)
		assert_int_equal(kith_conn_send(t.alice.conn, 0, "hello", 5), 0);
	UNTIL(&t.w, t.bob.datagrams == 8 && t.alice.datagrams > 100);
	assert_string_equal(t.alice.datagram, "hello");
	trio_deinit(&t);
}

/* ---- presence ---- */

static void on_found(struct kith_call *call, const struct kith_found_device *device, void *user)
{
	struct party *p = user;
	assert_non_null(call);
	assert_true(device->online);
	p->found++;
}

static void on_looked_up(struct kith_call *call, int err, void *user)
{
	struct party *p = user;
	assert_non_null(call);
	p->lookup_done++;
	p->lookup_err = err;
}

static void names_are_looked_up(void **state)
{
	struct trio t;
	(void)state;
	trio_init(&t);
	assert_int_equal(kith_lookup(t.alice.node, t.bob.name, on_found, on_looked_up, &t.alice, NULL), 0);
	UNTIL(&t.w, t.alice.lookup_done == 1);
	assert_int_equal(t.alice.lookup_err, 0);
	assert_int_equal(t.alice.found, 1);
	assert_int_equal(kith_lookup(t.alice.node, "nobody.at.all", on_found, on_looked_up, &t.alice, NULL), 0);
	UNTIL(&t.w, t.alice.lookup_done == 2);
	assert_int_equal(t.alice.lookup_err, KITH_ENOENT);
	assert_int_equal(kith_lookup(t.alice.node, "No Name", on_found, on_looked_up, &t.alice, NULL), KITH_ENAME);
	assert_int_equal(kith_lookup(t.alice.node, NULL, on_found, on_looked_up, &t.alice, NULL), KITH_EINVAL);
	trio_deinit(&t);
}

static void a_watched_name_is_seen_to_leave(void **state)
{
	struct trio t;
	(void)state;
	trio_init(&t);
	assert_int_equal(kith_watch(t.alice.node, t.bob.name), 0);
	UNTIL(&t.w, t.alice.presence_told > 0 && t.alice.online);
	party_close(&t.bob);
	UNTIL(&t.w, !t.alice.online);
	assert_int_equal(kith_unwatch(t.alice.node, t.bob.name), 0);
	assert_int_equal(kith_unwatch(t.alice.node, t.bob.name), KITH_ENOENT);
	party_close(&t.alice);
	party_close(&t.home);
	world_deinit(&t.w);
}

static void on_challenged(struct kith_call *call, int err, void *user)
{
	struct party *p = user;
	assert_non_null(call);
	p->challenge_done++;
	p->challenge_err = err;
}

static void a_challenge_is_met(void **state)
{
	struct trio t;
	(void)state;
	trio_init(&t);
	talk(&t);
	assert_int_equal(kith_challenge(t.alice.conn, "transfer 42", on_challenged, &t.alice, NULL), 0);
	UNTIL(&t.w, t.alice.challenge_done);
	assert_int_equal(t.alice.challenge_err, 0);
	trio_deinit(&t);
}

static void a_supernode_answers_stun_on_its_port(void **state)
{
	/* A binding request, as short as can be (RFC 8489). */
	static uint8_t request[20] = { 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 'k', 'i', 't', 'h' };
	struct world w;
	struct party home;
	struct kith_udp_options uo = { .alloc = kith_system_alloc(),
				       .bind = { .family = KITH_FAMILY_V4, .ip = { 127, 0, 0, 1 } } };
	struct kith_packet packet = { .data = request, .len = sizeof request };
	struct kith_node_info info;
	struct kith_udp *u;
	char why[KITH_UDP_WHY_MAX];
	int n = 0;

	(void)state;
	if (!KITH_HAS_STUN)
		skip();
	world_init(&w);
	packet.remote = uo.bind;
	packet.remote.port = supernode_init(&home, &w);
	assert_int_equal(kith_udp_open(&u, &uo, why), 0);
	kith_udp_send(u, &packet, 1);
	UNTIL(&w, (n = kith_udp_receive(u, &packet, 1)) > 0);
	assert_int_equal(n, 1);
	assert_int_equal(packet.len, 32);
	assert_int_equal(packet.data[0], 1); /* a success, */
	assert_int_equal(packet.data[21], 0x20); /* with XOR-MAPPED-ADDRESS: */
	uint16_t port = (uint16_t)((packet.data[26] ^ 0x21) << 8 | (packet.data[27] ^ 0x12));
	assert_int_equal(port, kith_udp_port(u));
	kith_node_info(home.node, &info);
	assert_int_equal(info.stun_answers, 1);
	assert_int_equal(info.port, packet.remote.port);
	assert_true(info.v4 && !info.v6);
	kith_udp_close(u);
	party_close(&home);
	world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_called_and_datagrams_go_both_ways),
		cmocka_unit_test(a_call_becomes_direct),
		cmocka_unit_test(closing_tells_both_sides_once),
		cmocka_unit_test(what_explains_a_session_can_be_asked_for_when_it_is_over),
		cmocka_unit_test(a_call_may_be_rejected),
		cmocka_unit_test(a_call_may_be_decided_later),
		cmocka_unit_test(a_service_that_is_not_served_is_refused),
		cmocka_unit_test(a_cancelled_call_completes_once),
		cmocka_unit_test(closing_a_node_ends_what_is_under_way),
		cmocka_unit_test(a_stream_carries_everything_in_order),
		cmocka_unit_test(borrowed_bytes_are_given_back_once),
		cmocka_unit_test(a_stream_that_is_given_up_gives_borrowed_bytes_back),
		cmocka_unit_test(a_reset_carries_its_code),
		cmocka_unit_test(streams_end_with_their_connection),
		cmocka_unit_test(a_connection_may_be_closed_in_its_own_callback),
		cmocka_unit_test(a_node_may_be_closed_in_any_callback),
		cmocka_unit_test(sending_in_callbacks_keeps_their_data),
		cmocka_unit_test(names_are_looked_up),
		cmocka_unit_test(a_watched_name_is_seen_to_leave),
		cmocka_unit_test(a_challenge_is_met),
		cmocka_unit_test(a_supernode_answers_stun_on_its_port),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
