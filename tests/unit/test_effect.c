/* What the core asks of its host is done by a real node: sockets on the loopback interface, and what it cannot do
 * yet. Whatever outcome.c gives to owners is counted on its way.
 */
#include "host_world.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/settle.h"
#include "host/carrier_udp.h"
#include "host/sockaddr.h"

enum { ENDS_MAX = 16, SOCKETS = 5 };

#include "effects_told.h"

struct fixture {
	struct world w;
	struct party p;
};

static void fixture_init(struct fixture *f)
{
	struct kith_node_options o;
	memset(&told, 0, sizeof told);
	world_init(&f->w);
	party_options(&f->p, &f->w, "alice", &o);
	party_new(&f->p, &o);
	assert_int_equal(kith_node_start(f->p.node), 0);
	UNTIL(&f->w, f->p.started);
	assert_int_equal(f->p.start_err, 0);
}

static void fixture_deinit(struct fixture *f)
{
	party_close(&f->p);
	world_deinit(&f->w);
}

static uint32_t begin(struct fixture *f, struct kith_effect what, kith_time_us in)
{
	struct kith_core *c = f->p.node->core;
	uint32_t id = 0;
	kith_core_enter(c, kith_node_now(f->p.node));
	what.deadline = c->now.mono_us + in;
	assert_int_equal(kith_effects_begin(&c->effects, &what, KITH_OWNER_NONE, 0, &id), 0);
	kith_core_settle(c);
	kith_node_touch(f->p.node);
	return id;
}

static void cancel(struct fixture *f, uint32_t id)
{
	kith_core_enter(f->p.node->core, kith_node_now(f->p.node));
	kith_effects_cancel(&f->p.node->core->effects, id);
	kith_core_settle(f->p.node->core);
	kith_node_touch(f->p.node);
}

/* Begins one and waits for its end. */
static int outcome_of(struct fixture *f, struct kith_effect what)
{
	unsigned before = told.n;
	uint32_t id = begin(f, what, KITH_US_PER_S * 60);
	(void)uv_run(&f->w.loop, UV_RUN_NOWAIT); /* what is done at once leaves nothing to wait for */
	UNTIL(&f->w, told.n > before);
	assert_int_equal(told.n, before + 1);
	assert_int_equal(told.at[before].id, id);
	return told.at[before].err;
}

static struct kith_effect open_sockets(uint16_t count)
{
	return (struct kith_effect){ .type = KITH_EFFECT_OPEN,
				     .count = count,
				     .kind = KITH_TRANSPORT_UDP,
				     .family = KITH_FAMILY_V4,
				     .purpose = KITH_PURPOSE_PUNCH };
}

static struct kith_effect close_socket(uint16_t transport)
{
	return (struct kith_effect){ .type = KITH_EFFECT_CLOSE, .transport = transport };
}

/* The transports of an effect that the core knows; out may hold them. */
static unsigned transports_of(const struct fixture *f, uint32_t effect, struct kith_transport out[])
{
	const struct kith_transports *ts = &f->p.node->core->transports;
	unsigned n = 0;
	for (uint16_t i = 0; i < ts->n; i++) {
		if (ts->at[i].effect != effect)
			continue;
		assert_true(ts->at[i].up && ts->at[i].purpose == KITH_PURPOSE_PUNCH && ts->at[i].locals_n > 0);
		if (out != NULL)
			assert_true(kith_transports_get(ts, ts->at[i].id, &out[n]));
		n++;
	}
	return n;
}

struct byte {
	uint8_t data[KITH_PACKET_HEADROOM + 1];
};

/* A packet of one byte to a port of this machine. */
static struct kith_packet byte_to(struct byte *byte, uint16_t port)
{
	return (struct kith_packet){
		.data = &byte->data[KITH_PACKET_HEADROOM],
		.len = 1,
		.remote = { .family = KITH_FAMILY_V4, .port = port, .ip = { 127, 0, 0, 1 } },
	};
}

/* Sends one, from a socket of the test's own. */
static struct kith_udp *send_byte(uint16_t port)
{
	struct kith_udp_options o = { .alloc = kith_system_alloc(),
				      .bind = { .family = KITH_FAMILY_V4, .ip = { 127, 0, 0, 1 } } };
	struct byte byte = { { 0 } };
	struct kith_packet p = byte_to(&byte, port);
	struct kith_udp *u;
	char why[KITH_UDP_WHY_MAX];
	assert_int_equal(kith_udp_open(&u, &o, why), 0);
	kith_udp_send(u, &p, 1);
	return u;
}

static void sockets_are_opened_and_closed(void **state)
{
	struct fixture f;
	struct kith_transport t[SOCKETS];
	(void)state;
	fixture_init(&f);
	unsigned handles = f.p.node->handles;
	assert_int_equal(outcome_of(&f, open_sockets(SOCKETS)), 0);
	assert_int_equal(transports_of(&f, told.at[0].id, t), SOCKETS);
	assert_int_equal(f.p.node->handles, handles + SOCKETS);
	for (unsigned i = 1; i < SOCKETS; i++)
		assert_int_not_equal(t[i].locals[0].addr.port, t[0].locals[0].addr.port);

	/* Packets come in by it. */
	assert_int_equal(kith_node_stats(f.p.node)->counter[KITH_STAT_PACKETS_IN], 0);
	struct kith_udp *u = send_byte(t[2].locals[0].addr.port);
	UNTIL(&f.w, kith_node_stats(f.p.node)->counter[KITH_STAT_PACKETS_IN] == 1);
	kith_udp_close(u);

	assert_int_equal(outcome_of(&f, close_socket(t[2].id)), 0);
	assert_int_equal(transports_of(&f, told.at[0].id, NULL), SOCKETS - 1);
	UNTIL(&f.w, f.p.node->handles == handles + SOCKETS - 1);
	assert_int_equal(outcome_of(&f, close_socket(t[2].id)), KITH_ENOENT);
	assert_int_equal(outcome_of(&f, close_socket(0)), KITH_EACCES);
	assert_non_null(f.p.node->sockets[0].self);
	fixture_deinit(&f); /* the rest is closed with the node */
}

static void the_last_one_takes_the_places_with_it(void **state)
{
	struct fixture f;
	struct kith_transport t[2];
	(void)state;
	fixture_init(&f);
	assert_int_equal(outcome_of(&f, open_sockets(2)), 0);
	assert_int_equal(transports_of(&f, told.at[0].id, t), 2);
	assert_int_equal(outcome_of(&f, close_socket(t[0].id)), 0);
	assert_non_null(f.p.node->asked);
	assert_int_equal(outcome_of(&f, close_socket(t[1].id)), 0);
	assert_null(f.p.node->asked);
	fixture_deinit(&f);
}

static void there_is_a_bound_on_sockets(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f);
	assert_int_equal(outcome_of(&f, open_sockets(KITH_HOST_ASKED_MAX + 5)), 0);
	assert_int_equal(transports_of(&f, told.at[0].id, NULL), KITH_HOST_ASKED_MAX);
	assert_int_equal(outcome_of(&f, open_sockets(1)), KITH_EFULL);
	fixture_deinit(&f);
}

/* The program that the node is a part of needs files, too. */
static void where_files_are_few_half_of_them_is_left(void **state)
{
	struct fixture f;
	struct rlimit files, few;
	(void)state;
	fixture_init(&f);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	few = files;
	few.rlim_cur = 128;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	assert_int_equal(outcome_of(&f, open_sockets(256)), 0);
	assert_int_equal(transports_of(&f, told.at[0].id, NULL), 64);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	fixture_deinit(&f);
}

static void what_no_carrier_speaks_is_not_opened(void **state)
{
	struct fixture f;
	struct kith_effect e = open_sockets(1);
	(void)state;
	fixture_init(&f);
	e.family = KITH_FAMILY_V6; /* the node's options exclude it */
	assert_int_equal(outcome_of(&f, e), KITH_ENOTSUP);
	e = open_sockets(1);
	e.remote = (struct kith_addr){ .family = KITH_FAMILY_V4, .port = 1, .ip = { 127, 0, 0, 1 } };
	assert_int_equal(outcome_of(&f, e), KITH_ENOTSUP);
	assert_int_equal(outcome_of(&f, open_sockets(0)), KITH_EINVAL);
	e = (struct kith_effect){ .type = KITH_EFFECT_MAP };
	assert_int_equal(outcome_of(&f, e), KITH_ENOTSUP);
	e = (struct kith_effect){ .type = KITH_EFFECT_PRIVATE };
	assert_int_equal(outcome_of(&f, e), KITH_ENOTSUP);
	assert_int_equal(f.p.node->core->transports.n, 2); /* UDP and TCP */
	fixture_deinit(&f);
}

static struct kith_effect take_in(void)
{
	return (struct kith_effect){ .type = KITH_EFFECT_OPEN,
				     .count = 1,
				     .kind = KITH_TRANSPORT_TCP,
				     .family = KITH_FAMILY_V4,
				     .purpose = KITH_PURPOSE_IN };
}

/* For calls: at the port that the node has for UDP, which is the one that people forward by hand; else at any. */
static void connections_are_taken_in_while_the_core_wants_that(void **state)
{
	struct fixture f;
	struct kith_transport t;
	struct kith_local *l = &t.locals[0];
	(void)state;
	fixture_init(&f);
	assert_true(kith_transports_get(&f.p.node->core->transports, 0, &t) && t.kind == KITH_TRANSPORT_UDP);
	const uint16_t udp = l->addr.port;
	for (int again = 0; again < 2; again++) {
		assert_int_equal(outcome_of(&f, take_in()), 0);
		uint16_t id = (uint16_t)(KITH_HOST_SOCKETS_MAX + again);
		assert_true(kith_transports_get(&f.p.node->core->transports, id, &t));
		assert_true(t.up && t.kind == KITH_TRANSPORT_TCP && t.purpose == KITH_PURPOSE_IN && t.cost_ms > 0);
		assert_true(t.locals_n > 0 && l->addr.port != 0);
		assert_int_equal(l->addr.port == udp, again == 0); /* the second one finds it taken */
		struct sockaddr_storage ss;
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		l->addr = (struct kith_addr){ .family = KITH_FAMILY_V4, .port = l->addr.port, .ip = { 127, 0, 0, 1 } };
		assert_int_equal(connect(fd, (struct sockaddr *)&ss, kith_sockaddr_set(&ss, &l->addr)), 0);
		close(fd);
	}
	assert_int_equal(outcome_of(&f, close_socket(KITH_HOST_SOCKETS_MAX)), 0);
	fixture_deinit(&f);
}

static void whoever_wants_no_connections_takes_none_in(void **state)
{
	struct fixture f;
	struct kith_effect e = take_in();
	(void)state;
	fixture_init(&f);
	e.kind = KITH_TRANSPORT_UDP; /* that is no connection */
	assert_int_equal(outcome_of(&f, e), KITH_ENOTSUP);
	f.p.node->o.no_tcp_in = true;
	assert_int_equal(outcome_of(&f, take_in()), KITH_ENOTSUP);
	fixture_deinit(&f);
}

/* A socket that was asked for and breaks is of no use to anybody: the core hears that it is closed. */
static void a_socket_that_breaks_is_closed_for_good(void **state)
{
	struct fixture f;
	struct kith_transport t[1];
	(void)state;
	fixture_init(&f);
	assert_int_equal(outcome_of(&f, open_sockets(1)), 0);
	assert_int_equal(transports_of(&f, told.at[0].id, t), 1);
	struct kith_socket *s = kith_socket_find(f.p.node, t[0].id);
	const struct kith_udp_carrier *c = s->self;
	struct kith_packet p = byte_to(&(struct byte){ { 0 } }, 9);
	int other[2], fd = kith_udp_fd(c->udp);
	assert_int_equal(pipe(other), 0);
	assert_int_equal(dup2(other[0], fd), fd); /* it is no socket any more */
	(void)s->carrier->send(s->self, &p, 1);
	kith_node_touch(f.p.node);
	(void)uv_run(&f.w.loop, UV_RUN_NOWAIT);
	UNTIL(&f.w, transports_of(&f, told.at[0].id, NULL) == 0);
	assert_null(kith_socket_find(f.p.node, t[0].id));
	assert_non_null(f.p.node->sockets[0].self);
	close(other[0]);
	close(other[1]);
	fixture_deinit(&f);
}

static void what_is_given_up_is_closed_and_not_told(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f);
	cancel(&f, begin(&f, open_sockets(SOCKETS), KITH_US_PER_S));
	assert_int_equal(outcome_of(&f, close_socket(0)), KITH_EACCES); /* that much later */
	assert_int_equal(f.p.node->core->transports.n, 2); /* UDP and TCP */
	assert_int_equal(told.n, 1);
	/* One that was told is closed, if its effect is given up nevertheless. */
	assert_int_equal(outcome_of(&f, open_sockets(SOCKETS)), 0);
	kith_sockets_disown(f.p.node, told.at[1].id);
	assert_int_equal(f.p.node->core->transports.n, 2); /* UDP and TCP */
	fixture_deinit(&f);
}

static void a_node_is_closed_with_its_sockets_open(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f);
	(void)begin(&f, open_sockets(SOCKETS), KITH_US_PER_S * 60);
	kith_effects_take(f.p.node);
	fixture_deinit(&f); /* its memory is counted */
	assert_true(told.n <= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sockets_are_opened_and_closed),
		cmocka_unit_test(the_last_one_takes_the_places_with_it),
		cmocka_unit_test(there_is_a_bound_on_sockets),
		cmocka_unit_test(where_files_are_few_half_of_them_is_left),
		cmocka_unit_test(what_no_carrier_speaks_is_not_opened),
		cmocka_unit_test(connections_are_taken_in_while_the_core_wants_that),
		cmocka_unit_test(whoever_wants_no_connections_takes_none_in),
		cmocka_unit_test(a_socket_that_breaks_is_closed_for_good),
		cmocka_unit_test(a_node_is_closed_with_its_sockets_open),
		cmocka_unit_test(what_is_given_up_is_closed_and_not_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
