/* Another carrier than UDP is a file and a row: nodes find, call and hear each other over one that is made up here. */
#include "host_world.h"

#include "memory_carrier.h"

enum { HOME_PORT = 1000 };

struct fixture {
	struct world w;
	struct memory_net net;
	struct kith_carrier_row rows[3];
	struct party home, alice, bob;
	int writable, troubles;
	char trouble[256];
};

static void memory_party(struct fixture *f, struct party *p, const char *label, bool supernode)
{
	struct kith_node_options o;
	const char *list[1] = { "11.0.0.1:1000" };
	party_options(p, &f->w, label, &o);
	o.allow_loopback = false;
	o.bind_v4.family = KITH_FAMILY_NONE;
	if (supernode) {
		o.role = KITH_ROLE_SUPERNODE;
		o.port = HOME_PORT;
		o.stun = KITH_HAS_STUN;
		struct kith_addr own = { .family = KITH_FAMILY_V4, .port = HOME_PORT, .ip = { 11, 0, 0, 1 } };
		o.endpoints[0] = kith_endpoint_udp(&own);
		o.endpoints_n = 1;
	} else {
		o.bootstrap = list;
		o.bootstrap_n = 1;
	}
	party_new(p, &o);
	p->node->carriers = f->rows;
	assert_int_equal(kith_serve(p->node, "chat"), 0);
	assert_int_equal(kith_node_start(p->node), 0);
	UNTIL(&f->w, p->started);
}

static void fixture_init(struct fixture *f)
{
	memset(f, 0, sizeof *f);
	f->rows[0] = (struct kith_carrier_row){ &memory_carrier, KITH_FAMILY_V4, &f->net };
	world_init(&f->w);
	memory_party(f, &f->home, "home", true);
	memory_party(f, &f->alice, "alice", false);
	memory_party(f, &f->bob, "bob", false);
	assert_true(f->home.start_err == 0 && f->alice.start_err == 0 && f->bob.start_err == 0);
	UNTIL(&f->w, f->alice.published && f->bob.published);
	assert_int_equal(kith_connect(f->alice.node, f->bob.name, "chat", 0, on_connected, &f->alice, NULL), 0);
	UNTIL(&f->w, f->alice.call_done && f->bob.conn != NULL);
	assert_int_equal(f->alice.call_err, 0);
}

static void fixture_deinit(struct fixture *f)
{
	party_close(&f->alice);
	party_close(&f->bob);
	party_close(&f->home);
	for (size_t i = 0; i < MEMORY_PORTS; i++)
		assert_null(f->net.ports[i]);
	world_deinit(&f->w);
}

static struct memory_port *port_of(const struct party *p)
{
	return p->node->sockets[0].self;
}

static void a_call_goes_over_a_carrier_that_the_host_knows_nothing_of(void **state)
{
	struct fixture f;
	struct kith_node_info info;
	(void)state;
	fixture_init(&f);
	assert_int_equal(f.net.opened, 3);
	assert_int_equal(kith_conn_send(f.alice.conn, 7, "hello", 5), 0);
	UNTIL(&f.w, f.bob.datagrams == 1);
	assert_string_equal(f.bob.datagram, "hello");
	assert_int_equal(kith_conn_send(f.bob.conn, 7, "hi", 2), 0);
	UNTIL(&f.w, f.alice.datagrams == 1);
	kith_node_info(f.home.node, &info);
	assert_int_equal(info.port, HOME_PORT);
	assert_true(info.v4 && !info.v6 && !info.offload);
	fixture_deinit(&f);
}

static void many_packets_are_one_call(void **state)
{
	enum { N = 24 };
	struct fixture f;

	(void)state;
	fixture_init(&f);
	struct memory_port *port = port_of(&f.alice);
	port->calls = port->packets = port->longest = 0;
	for (int i = 0; i < N; i++)
		assert_int_equal(kith_conn_send(f.alice.conn, 0, "x", 1), 0);
	assert_int_equal(port->calls, 0); /* the loop sends them, all together */
	UNTIL(&f.w, f.bob.datagrams == N);
	assert_true(port->longest > 1);
	assert_true(port->calls < N);
	fixture_deinit(&f);
}

static bool is_direct(const struct kith_conn *conn)
{
	struct kith_path_info paths[8];
	size_t n = kith_conn_paths(conn, paths, 8);
	for (size_t i = 0; i < n && i < 8; i++)
		if (paths[i].sending && paths[i].kind == KITH_PATH_CLASS_DIRECT)
			return true;
	return false;
}

/* An application that turns the loop by itself must not wait for the next packet to hear of this one. */
static void a_turn_of_the_loop_tells_what_it_read(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f);
	UNTIL(&f.w, is_direct(f.alice.conn) && is_direct(f.bob.conn));
	assert_int_equal(kith_conn_send(f.alice.conn, 0, "x", 1), 0);
	(void)uv_run(&f.w.loop, UV_RUN_NOWAIT);
	assert_int_equal(f.bob.datagrams, 1);
	fixture_deinit(&f);
}

static struct fixture *fixture_of(void *alice)
{
	return KITH_LINKED(alice, struct fixture, alice);
}

static void count_writable(struct kith_conn *conn, void *user)
{
	(void)conn;
	fixture_of(user)->writable++;
}

static void count_trouble(struct kith_node *node, enum kith_trouble what, int err, const char *why, void *user)
{
	struct fixture *f = fixture_of(user);
	(void)node;
	assert_int_equal(what, KITH_TROUBLE_SOCKET);
	assert_int_equal(err, KITH_EIO);
	f->troubles++;
	(void)snprintf(f->trouble, sizeof f->trouble, "%s", why);
}

static void on_looked_up(struct kith_call *call, int err, void *user)
{
	struct party *p = user;
	(void)call;
	p->lookup_done++;
	p->lookup_err = err;
}

/* Sends until the carrier has to hold packets back, and the connection refuses more. */
static void block(struct fixture *f)
{
	struct kith_conn_callbacks cb;
	conn_callbacks(&cb);
	cb.writable = count_writable;
	kith_conn_set_callbacks(f->alice.conn, &cb, &f->alice);
	memory_hold(port_of(&f->alice), true);
	assert_int_equal(kith_conn_send(f->alice.conn, 0, "x", 1), 0);
	UNTIL(&f->w, kith_exchange_blocked(f->alice.node));
	assert_int_equal(kith_conn_send(f->alice.conn, 0, "y", 1), KITH_EAGAIN);
	assert_int_equal(f->writable, 0);
}

static void what_waits_in_the_carrier_holds_datagrams_back(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f);
	block(&f);
	memory_hold(port_of(&f.alice), false);
	UNTIL(&f.w, f.writable == 1);
	assert_int_equal(kith_conn_send(f.alice.conn, 0, "y", 1), 0);
	UNTIL(&f.w, f.bob.datagrams == 2);
	fixture_deinit(&f);
}

/* What waited is lost with it; whoever waits for room is told all the same. */
static void a_carrier_that_broke_is_opened_again_on_its_port(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f);
	f.alice.node->cb.trouble = count_trouble;
	block(&f);
	struct kith_addr before = port_of(&f.alice)->addr;
	port_of(&f.alice)->broken = KITH_EIO;
	memory_tell(port_of(&f.alice), KITH_CARRIER_INPUT);
	UNTIL(&f.w, f.net.opened == 4 && f.writable == 1);
	assert_true(kith_addr_equal(&port_of(&f.alice)->addr, &before));
	assert_int_equal(f.troubles, 1);
	assert_non_null(strstr(f.trouble, "the memory socket"));
	do { /* its home is reached again, soon */
		f.alice.lookup_done = 0;
		assert_int_equal(kith_lookup(f.alice.node, f.bob.name, NULL, on_looked_up, &f.alice, NULL), 0);
		UNTIL(&f.w, f.alice.lookup_done);
	} while (f.alice.lookup_err != 0);
	fixture_deinit(&f);
}

static void a_carrier_that_does_not_open_is_told_in_its_words(void **state)
{
	struct fixture f;
	(void)state;
	memset(&f, 0, sizeof f);
	f.rows[0] = (struct kith_carrier_row){ &memory_carrier, KITH_FAMILY_V4, &f.net };
	f.net.open_err = KITH_EACCES;
	world_init(&f.w);
	memory_party(&f, &f.alice, "alice", false);
	assert_int_equal(f.alice.start_err, KITH_EACCES);
	party_close(&f.alice);
	world_deinit(&f.w);
}

static void start_on_both_families(struct fixture *f, uint16_t port, uint16_t taken)
{
	struct kith_node_options o;
	memset(f, 0, sizeof *f);
	f->rows[0] = (struct kith_carrier_row){ &memory_carrier, KITH_FAMILY_V4, &f->net };
	f->rows[1] = (struct kith_carrier_row){ &memory_carrier, KITH_FAMILY_V6, &f->net };
	f->net.taken = taken;
	world_init(&f->w);
	party_options(&f->alice, &f->w, "alice", &o);
	o.no_v6 = false;
	o.port = port;
	party_new(&f->alice, &o);
	f->alice.node->carriers = f->rows;
	assert_int_equal(kith_node_start(f->alice.node), 0);
	UNTIL(&f->w, f->alice.started);
}

static void all_are_opened_on_one_port(void **state)
{
	struct fixture f;
	(void)state;
	start_on_both_families(&f, 0, 2000); /* which is what the first one gets */
	assert_int_equal(f.alice.start_err, 0);
	assert_int_equal(f.net.opened, 3);
	const struct memory_port *v4 = f.alice.node->sockets[0].self, *v6 = f.alice.node->sockets[1].self;
	assert_int_equal(v4->addr.port, 2001);
	assert_int_equal(v6->addr.port, 2001);
	party_close(&f.alice);
	world_deinit(&f.w);
}

static void a_port_that_was_asked_for_and_is_taken_leaves_nothing_open(void **state)
{
	struct fixture f;
	(void)state;
	start_on_both_families(&f, 1234, 1234);
	assert_int_equal(f.alice.start_err, KITH_EADDRINUSE);
	for (size_t i = 0; i < MEMORY_PORTS; i++)
		assert_null(f.net.ports[i]);
	party_close(&f.alice);
	world_deinit(&f.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_goes_over_a_carrier_that_the_host_knows_nothing_of),
		cmocka_unit_test(many_packets_are_one_call),
		cmocka_unit_test(a_turn_of_the_loop_tells_what_it_read),
		cmocka_unit_test(what_waits_in_the_carrier_holds_datagrams_back),
		cmocka_unit_test(a_carrier_that_broke_is_opened_again_on_its_port),
		cmocka_unit_test(a_carrier_that_does_not_open_is_told_in_its_words),
		cmocka_unit_test(all_are_opened_on_one_port),
		cmocka_unit_test(a_port_that_was_asked_for_and_is_taken_leaves_nothing_open),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
