/* A node's sockets beside UDP: what is opened, what others are told of it, and a whole call over TCP. */
#include <netinet/in.h>
#include <sys/socket.h>

#include "host_world.h"

#include <kith/serving.h>

#include "host/carrier_tcp.h"
#include "link/state.h"

struct fixture {
	struct world w;
	struct party home, alice, bob;
	uint16_t port, tcp;
	int troubles, err;
	char trouble[256];
};

static void on_trouble(struct kith_node *node, enum kith_trouble what, int err, const char *why, void *user)
{
	struct fixture *f = KITH_LINKED(user, struct fixture, home);
	(void)node;
	if (what != KITH_TROUBLE_SOCKET)
		return;
	f->troubles++;
	f->err = err;
	(void)snprintf(f->trouble, sizeof f->trouble, "%s", why);
}

/* Changes the options of the supernode. */
typedef void (*change_fn)(struct fixture *f, struct kith_node_options *o);

static struct fixture *fixture_new(change_fn change)
{
	struct kith_node_options o;
	struct fixture *f = calloc(1, sizeof *f);
	assert_non_null(f);
	world_init(&f->w);
	f->port = free_port();
	do {
		f->tcp = free_port();
	} while (f->tcp == f->port);
	party_options(&f->home, &f->w, "home", &o);
	struct kith_addr own = { .family = KITH_FAMILY_V4, .port = f->port, .ip = { 127, 0, 0, 1 } };
	o.role = KITH_ROLE_SUPERNODE;
	o.port = f->port;
	o.listen_tcp = f->tcp;
	o.endpoints[o.endpoints_n++] = kith_endpoint_udp(&own);
	if (change != NULL)
		change(f, &o);
	party_new(&f->home, &o);
	f->home.node->cb.trouble = on_trouble;
	assert_int_equal(kith_node_start(f->home.node), 0);
	UNTIL(&f->w, f->home.started);
	assert_int_equal(f->home.start_err, 0);
	return f;
}

static void fixture_free(struct fixture *f)
{
	if (f->alice.node != NULL)
		party_close(&f->alice);
	if (f->bob.node != NULL)
		party_close(&f->bob);
	party_close(&f->home);
	world_deinit(&f->w);
	free(f);
}

/* Where the supernode says that it is. */
static struct kith_role_info named(const struct fixture *f)
{
	struct kith_role_info info;
	assert_int_equal(kith_node_role(f->home.node, &info), 0);
	return info;
}

/* By which kind of transport a leaf reaches its home. */
static unsigned kind_of_home(const struct party *p)
{
	struct kith_core *c = p->node->core;
	struct kith_session *s = kith_sessions_get(&c->sessions, c->leaf.homes[0].session);
	return s != NULL ? kith_transports_kind(&c->transports, kith_session_hop(s)->transport) : KITH_TRANSPORT_NONE;
}

/* Their bootstrap is a port where no UDP is: what the operator says is an address. */
static void a_call_goes_over_tcp_where_no_udp_gets_through(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	leaf_init(&f->alice, &f->w, "alice", f->tcp);
	leaf_init(&f->bob, &f->w, "bob", f->tcp);
	UNTIL(&f->w, f->alice.published && f->bob.published);
	assert_int_equal(kind_of_home(&f->alice), KITH_TRANSPORT_TCP);
	assert_int_equal(kind_of_home(&f->bob), KITH_TRANSPORT_TCP);
	assert_int_equal(kith_connect(f->alice.node, f->bob.name, "chat", 0, on_connected, &f->alice, NULL), 0);
	UNTIL(&f->w, f->alice.call_done && f->bob.conn != NULL);
	assert_int_equal(f->alice.call_err, 0);
	assert_int_equal(kith_conn_send(f->alice.conn, 7, "hello", 5), 0);
	UNTIL(&f->w, f->bob.datagrams == 1);
	assert_string_equal(f->bob.datagram, "hello");
	fixture_free(f);
}

static void a_supernode_names_its_tcp_port_behind_its_udp(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(NULL);
	struct kith_role_info info = named(f);
	struct kith_node_info node;
	assert_int_equal(info.endpoints_n, 2);
	assert_int_equal(info.endpoints[0].at.kind, KITH_TRANSPORT_UDP);
	assert_int_equal(info.endpoints[1].at.kind, KITH_TRANSPORT_TCP);
	assert_int_equal(info.endpoints[1].at.addr.port, f->tcp);
	kith_node_info(f->home.node, &node);
	assert_int_equal(node.port, f->port); /* that of UDP is the node's */
	assert_int_equal(f->troubles, 0);
	fixture_free(f);
}

static void other_words(struct fixture *f, struct kith_node_options *o)
{
	(void)f;
	o->listen_tcp = 0;
	o->endpoints[o->endpoints_n] = o->endpoints[0];
	o->endpoints[o->endpoints_n].addr.port = 4443;
	o->endpoints[o->endpoints_n++].kind = KITH_TRANSPORT_TCP;
}

static void what_the_operator_names_is_left_alone(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(other_words);
	struct kith_role_info info = named(f);
	assert_int_equal(info.endpoints_n, 2);
	assert_int_equal(info.endpoints[1].at.addr.port, 4443); /* a port that is forwarded to its own */
	fixture_free(f);
}

static int listener = -1;

static void take_the_tcp_port(struct fixture *f, struct kith_node_options *o)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(f->tcp) };
	(void)o;
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&in, sizeof in), 0);
	assert_int_equal(listen(listener, 1), 0);
}

/* A node without TCP is better than none: it runs, says so, and names nothing that is not there. */
static void a_tcp_port_that_is_taken_is_a_trouble_and_no_end(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(take_the_tcp_port);
	assert_int_equal(f->troubles, 1);
	assert_int_equal(f->err, KITH_EADDRINUSE);
	assert_non_null(strstr(f->trouble, "cannot listen on TCP 127.0.0.1:"));
	assert_int_equal(named(f).endpoints_n, 1);
	leaf_init(&f->alice, &f->w, "alice", f->port);
	UNTIL(&f->w, f->alice.published);
	assert_int_equal(kind_of_home(&f->alice), KITH_TRANSPORT_UDP);
	close(listener);
	fixture_free(f);
}

static void no_tcp(struct fixture *f, struct kith_node_options *o)
{
	(void)f;
	o->no_tcp = true;
}

static void who_wants_no_tcp_has_none(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(no_tcp);
	assert_int_equal(named(f).endpoints_n, 1);
	assert_int_equal(f->home.node->core->transports.n, 1);
	assert_int_equal(f->troubles, 0);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_goes_over_tcp_where_no_udp_gets_through),
		cmocka_unit_test(a_supernode_names_its_tcp_port_behind_its_udp),
		cmocka_unit_test(what_the_operator_names_is_left_alone),
		cmocka_unit_test(a_tcp_port_that_is_taken_is_a_trouble_and_no_end),
		cmocka_unit_test(who_wants_no_tcp_has_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
