/* The public API from end to end, over real sockets on the loopback interface: a supernode and two leaves of an open network. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <uv.h>

#include "support.h"

#include "host/internal.h"

#define PATIENCE_MS 30000 /* a test that is not done by then has failed; none comes near it */

/* One loop, a directory of its own, and a guard against waiting forever. */
struct world {
	uv_loop_t loop;
	uv_timer_t guard;
	bool late;
	struct test_alloc alloc;
	char dir[64];
};

struct party {
	struct world *world;
	struct kith_node *node;
	char dir[96], name[KITH_NAME_MAX + 1];
	int started, start_err;
	unsigned homes;
	bool published, closed;
	/* as a callee */
	struct kith_conn *conn; /* open */
	struct kith_conn *waiting; /* incoming, to be decided by the test */
	bool defer, reject;
	char caller[KITH_NAME_MAX + 1];
	/* as a caller */
	int call_done, call_err;
	/* on the connection */
	int closed_conns, closed_reason;
	bool closed_remote;
	int datagrams;
	char datagram[64];
	uint16_t datagram_channel;
	/* on a stream */
	struct kith_stream *stream;
	size_t received, sent, total;
	bool fin, verified, echo;
	int streams_closed, stream_err, resets;
	uint64_t reset_code;
	/* presence */
	int presence_told;
	bool online;
	int found, lookup_done, lookup_err;
	int released, release_err;
	int challenge_done, challenge_err;
};

static void on_guard(uv_timer_t *timer)
{
	struct world *w = timer->data;
	w->late = true;
	uv_stop(timer->loop);
}

static void remove_tree(const char *dir)
{
	char command[128];
	(void)snprintf(command, sizeof command, "rm -rf '%s'", dir);
	assert_int_equal(system(command), 0);
}

static void world_init(struct world *w)
{
	memset(w, 0, sizeof *w);
	strcpy(w->dir, "/tmp/kith-test-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	test_alloc_init(&w->alloc);
	assert_int_equal(uv_loop_init(&w->loop), 0);
	assert_int_equal(uv_timer_init(&w->loop, &w->guard), 0);
	w->guard.data = w;
	uv_timer_start(&w->guard, on_guard, PATIENCE_MS, 0);
}

static void world_deinit(struct world *w)
{
	uv_close((uv_handle_t *)&w->guard, NULL);
	assert_int_equal(uv_run(&w->loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	test_alloc_check(&w->alloc);
	remove_tree(w->dir);
}

/* Runs the loop until the condition holds. */
#define UNTIL(w, condition)                                                                                            \
	do {                                                                                                           \
		while (!(condition)) {                                                                                 \
			(void)uv_run(&(w)->loop, UV_RUN_ONCE);                                                         \
			if ((w)->late)                                                                                 \
				fail_msg("waited too long for: %s", #condition);                                       \
		}                                                                                                      \
	} while (0)

/* ---- callbacks ---- */

static void on_started(struct kith_node *node, int err, const char *why, void *user)
{
	struct party *p = user;
	assert_ptr_equal(node, p->node);
	assert_non_null(why);
	p->started++;
	p->start_err = err;
}

static void on_attached(struct kith_node *node, unsigned homes, void *user)
{
	(void)node;
	((struct party *)user)->homes = homes;
}

static void on_published(struct kith_node *node, void *user)
{
	(void)node;
	((struct party *)user)->published = true;
}

static void on_presence(struct kith_node *node, const char *name, bool online, void *user)
{
	struct party *p = user;
	(void)node;
	assert_true(name[0] != '\0');
	p->presence_told++;
	p->online = online;
}

static void on_datagram(struct kith_conn *conn, uint16_t channel, const uint8_t *data, size_t len, void *user)
{
	struct party *p = user;
	assert_ptr_equal(conn, p->conn);
	assert_true(len < sizeof p->datagram);
	memcpy(p->datagram, data, len);
	p->datagram[len] = '\0';
	p->datagram_channel = channel;
	p->datagrams++;
}

static uint8_t pattern(size_t at)
{
	return (uint8_t)(at * 31 + (at >> 8));
}

static void on_readable(struct kith_stream *stream, void *user)
{
	struct party *p = user;
	uint8_t buf[3000];
	bool fin = false;
	int n;

	while ((n = kith_stream_read(stream, buf, sizeof buf, &fin)) >= 0) {
		for (int i = 0; i < n; i++)
			p->verified = p->verified && buf[i] == pattern(p->received + (size_t)i);
		p->received += (size_t)n;
		if (fin) {
			p->fin = true;
			break;
		}
	}
	assert_true(fin || n == KITH_EAGAIN || n == KITH_ECLOSED);
	if (p->fin && p->echo)
		(void)kith_stream_finish(stream);
}

static void on_fin(struct kith_stream *stream, void *user)
{
	struct party *p = user;
	p->fin = true;
	if (p->echo)
		(void)kith_stream_finish(stream);
}

static void on_reset(struct kith_stream *stream, uint64_t code, void *user)
{
	struct party *p = user;
	(void)stream;
	p->resets++;
	p->reset_code = code;
}

static void on_stream_closed(struct kith_stream *stream, int err, void *user)
{
	struct party *p = user;
	assert_ptr_equal(stream, p->stream);
	p->stream = NULL;
	p->streams_closed++;
	p->stream_err = err;
}

static void write_more(struct kith_stream *stream, void *user)
{
	struct party *p = user;
	uint8_t buf[8000];

	while (p->sent < p->total) {
		size_t len = p->total - p->sent < sizeof buf ? p->total - p->sent : sizeof buf;
		for (size_t i = 0; i < len; i++)
			buf[i] = pattern(p->sent + i);
		int n = kith_stream_write(stream, buf, len);
		if (n == KITH_EAGAIN)
			return;
		assert_true(n > 0);
		p->sent += (size_t)n;
	}
	if (p->total > 0)
		assert_int_equal(kith_stream_finish(stream), 0);
}

static void stream_callbacks(struct kith_stream_callbacks *cb)
{
	kith_stream_callbacks_init(cb);
	cb->readable = on_readable;
	cb->writable = write_more;
	cb->fin = on_fin;
	cb->reset = on_reset;
	cb->closed = on_stream_closed;
}

static void on_stream(struct kith_conn *conn, struct kith_stream *stream, uint16_t channel, void *user)
{
	struct party *p = user;
	struct kith_stream_callbacks cb;
	assert_ptr_equal(kith_stream_conn(stream), conn);
	assert_int_equal(kith_stream_channel(stream), channel);
	stream_callbacks(&cb);
	kith_stream_set_callbacks(stream, &cb, p);
	p->stream = stream;
	p->verified = true;
}

static void on_closed(struct kith_conn *conn, enum kith_close_reason reason, bool remote, void *user)
{
	struct party *p = user;
	assert_true(p->conn == conn || p->waiting == conn);
	p->conn = p->waiting = NULL;
	p->closed_conns++;
	p->closed_reason = (int)reason;
	p->closed_remote = remote;
}

static void on_opened(struct kith_conn *conn, void *user)
{
	struct party *p = user;
	p->waiting = NULL;
	p->conn = conn;
}

static void conn_callbacks(struct kith_conn_callbacks *cb)
{
	kith_conn_callbacks_init(cb);
	cb->opened = on_opened;
	cb->datagram = on_datagram;
	cb->stream = on_stream;
	cb->closed = on_closed;
}

static void on_incoming(struct kith_node *node, struct kith_conn *conn, const struct kith_session_info *who, void *user)
{
	struct party *p = user;
	struct kith_conn_callbacks cb;
	assert_ptr_equal(kith_conn_node(conn), node);
	strcpy(p->caller, who->name);
	conn_callbacks(&cb);
	kith_conn_set_callbacks(conn, &cb, p);
	p->waiting = conn;
	if (p->reject)
		assert_int_equal(kith_conn_reject(conn, KITH_CLOSE_BUSY), 0);
	else if (!p->defer)
		assert_int_equal(kith_conn_accept(conn), 0);
}

static void on_connected(struct kith_call *call, int err, struct kith_conn *conn, void *user)
{
	struct party *p = user;
	struct kith_conn_callbacks cb;
	assert_non_null(call);
	p->call_done++;
	p->call_err = err;
	p->conn = conn;
	if (conn == NULL)
		return;
	conn_callbacks(&cb);
	kith_conn_set_callbacks(conn, &cb, p);
}

static void on_node_closed(struct kith_node *node, void *user)
{
	struct party *p = user;
	assert_int_equal(kith_node_free(node), 0);
	p->closed = true;
}

/* ---- parties ---- */

/* A port that is free on both families now. */
static uint16_t free_port(void)
{
	struct kith_udp_options o = { .alloc = kith_system_alloc(), .bind = { .family = KITH_FAMILY_V4 } };
	struct kith_udp *u;
	char why[KITH_UDP_WHY_MAX];
	assert_int_equal(kith_udp_open(&u, &o, why), 0);
	uint16_t port = kith_udp_port(u);
	kith_udp_close(u);
	return port;
}

static void party_options(struct party *p, struct world *w, const char *label, struct kith_node_options *o)
{
	char why[256];
	memset(p, 0, sizeof *p);
	p->world = w;
	(void)snprintf(p->dir, sizeof p->dir, "%s/%s", w->dir, label);
	assert_int_equal(kith_profile_create_open(p->dir, "playground", label, NULL, 0, p->name), 0);
	kith_node_options_init(o);
	assert_int_equal(kith_node_options_load(o, p->dir, why, sizeof why), 0);
	o->loop = &w->loop;
	o->alloc = &w->alloc.alloc;
	o->allow_loopback = true;
	o->bind_v4 = (struct kith_addr){ .family = KITH_FAMILY_V4, .ip = { 127, 0, 0, 1 } };
	o->no_v6 = true;
	o->leave_us = KITH_US_PER_S;
}

static void party_new(struct party *p, struct kith_node_options *o)
{
	struct kith_node_callbacks cb;
	kith_node_callbacks_init(&cb);
	cb.started = on_started;
	cb.attached = on_attached;
	cb.published = on_published;
	cb.presence = on_presence;
	cb.incoming = on_incoming;
	assert_int_equal(kith_node_new(&p->node, o, &cb, p), 0);
	kith_node_options_deinit(o);
}

static void leaf_init(struct party *p, struct world *w, const char *label, uint16_t home)
{
	struct kith_node_options o;
	char bootstrap[32];
	const char *list[1] = { bootstrap };
	party_options(p, w, label, &o);
	(void)snprintf(bootstrap, sizeof bootstrap, "127.0.0.1:%u", home);
	o.bootstrap = list;
	o.bootstrap_n = 1;
	party_new(p, &o);
	assert_int_equal(kith_serve(p->node, "chat"), 0);
	assert_int_equal(kith_node_start(p->node), 0);
}

static uint16_t supernode_init(struct party *p, struct world *w)
{
	struct kith_node_options o;
	uint16_t port = free_port();
	party_options(p, w, "home", &o);
	o.role = KITH_ROLE_SUPERNODE;
	o.port = port;
	o.stun = true;
	o.addrs[0] = (struct kith_addr){ .family = KITH_FAMILY_V4, .port = port, .ip = { 127, 0, 0, 1 } };
	o.addrs_n = 1;
	party_new(p, &o);
	assert_int_equal(kith_node_start(p->node), 0);
	UNTIL(w, p->started);
	assert_int_equal(p->start_err, 0);
	return port;
}

static void party_close(struct party *p)
{
	assert_int_equal(kith_node_close(p->node, on_node_closed), 0);
	assert_int_equal(kith_node_close(p->node, on_node_closed), KITH_ESTATE);
	UNTIL(p->world, p->closed);
}

struct trio {
	struct world w;
	struct party home, alice, bob;
};

static void trio_init(struct trio *t)
{
	world_init(&t->w);
	uint16_t port = supernode_init(&t->home, &t->w);
	leaf_init(&t->alice, &t->w, "alice", port);
	leaf_init(&t->bob, &t->w, "bob", port);
	UNTIL(&t->w, t->alice.published && t->bob.published);
	assert_true(t->alice.homes == 1 && t->bob.homes == 1);
}

static void trio_deinit(struct trio *t)
{
	party_close(&t->alice);
	party_close(&t->bob);
	party_close(&t->home);
	world_deinit(&t->w);
}

static void talk(struct trio *t)
{
	assert_int_equal(kith_connect(t->alice.node, t->bob.name, "chat", 0, on_connected, &t->alice, NULL), 0);
	assert_int_equal(t->alice.call_done, 0); /* nothing is called back from within a call */
	UNTIL(&t->w, t->alice.call_done && t->bob.conn != NULL);
	assert_int_equal(t->alice.call_err, 0);
	assert_non_null(t->alice.conn);
}

/* ---- tests ---- */

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
	assert_string_equal(who.label, "bob");
	assert_string_equal(who.service, "chat");
	assert_true(who.initiator && who.open);

	assert_int_equal(kith_conn_send(t.alice.conn, 7, "hello", 5), 0);
	UNTIL(&t.w, t.bob.datagrams == 1);
	assert_string_equal(t.bob.datagram, "hello");
	assert_int_equal(t.bob.datagram_channel, 7);
	assert_int_equal(kith_conn_send(t.bob.conn, 9, "hi", 2), 0);
	UNTIL(&t.w, t.alice.datagrams == 1);
	assert_string_equal(t.alice.datagram, "hi");

	assert_int_equal(kith_conn_send(t.alice.conn, 0, text, kith_conn_datagram_max(t.alice.conn) + 1), KITH_EMSGSIZE);
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
	assert_int_equal(kith_stream_write_borrowed(t.alice.stream, big, sizeof big, on_release, &t.alice), KITH_EAGAIN);
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
	assert_int_equal(t.bob.stream_err, KITH_ECLOSED);
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

static void node_close_in_datagram(struct kith_conn *conn, uint16_t channel, const uint8_t *data, size_t len, void *user)
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
	assert_string_equal(device->label, "bob");
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

/* ---- starting and stopping ---- */

static void a_second_node_is_kept_out_of_the_state_directory(void **state)
{
	struct world w;
	struct party first, second;
	struct kith_node_options o;

	(void)state;
	world_init(&w);
	leaf_init(&first, &w, "alice", 9);
	UNTIL(&w, first.started);
	assert_int_equal(first.start_err, 0);
	party_options(&second, &w, "bob", &o);
	char shared[128];
	(void)snprintf(shared, sizeof shared, "%s/state", first.dir);
	o.state_dir = shared;
	party_new(&second, &o);
	assert_int_equal(kith_node_start(second.node), 0);
	UNTIL(&w, second.started);
	assert_int_equal(second.start_err, KITH_ESTATE);
	party_close(&second);
	party_close(&first);
	world_deinit(&w);
}

static void a_taken_port_is_told(void **state)
{
	struct world w;
	struct party p;
	struct kith_node_options o;
	struct kith_udp_options uo = { .alloc = kith_system_alloc(), .bind = { .family = KITH_FAMILY_V4, .ip = { 127, 0, 0, 1 } } };
	struct kith_udp *u;
	char why[KITH_UDP_WHY_MAX];

	(void)state;
	world_init(&w);
	assert_int_equal(kith_udp_open(&u, &uo, why), 0);
	party_options(&p, &w, "alice", &o);
	o.port = kith_udp_port(u);
	party_new(&p, &o);
	assert_int_equal(kith_node_start(p.node), 0);
	assert_int_equal(kith_node_start(p.node), KITH_ESTATE);
	UNTIL(&w, p.started);
	assert_int_equal(p.start_err, KITH_EADDRINUSE);
	party_close(&p);
	kith_udp_close(u);
	world_deinit(&w);
}

static void a_node_may_be_closed_while_it_starts(void **state)
{
	struct world w;
	struct party p;

	(void)state;
	world_init(&w);
	leaf_init(&p, &w, "alice", 9);
	party_close(&p);
	assert_int_equal(p.started, 0);
	world_deinit(&w);
}

static void options_that_contradict_each_other_are_refused(void **state)
{
	struct world w;
	struct party p;
	struct kith_node_options o, bad;
	struct kith_node *node;

	(void)state;
	world_init(&w);
	party_options(&p, &w, "alice", &o);
	bad = o;
	bad.no_v4 = true;
	assert_int_equal(kith_node_new(&node, &bad, NULL, NULL), KITH_EINVAL);
	bad = o;
	bad.stun = true;
	assert_int_equal(kith_node_new(&node, &bad, NULL, NULL), KITH_EINVAL);
	bad = o;
	bad.chain.len = 0;
	assert_int_equal(kith_node_new(&node, &bad, NULL, NULL), KITH_EINVAL);
	bad = o;
	const char *nonsense = "no port here";
	bad.bootstrap = &nonsense;
	bad.bootstrap_n = 1;
	assert_int_equal(kith_node_new(&node, &bad, NULL, NULL), KITH_EINVAL);
	bad = o;
	bad.key_path = "/nonexistent/key";
	assert_int_equal(kith_node_new(&node, &bad, NULL, NULL), KITH_ENOENT);
	bad = o;
	bad.size = 0;
	assert_int_equal(kith_node_new(&node, &bad, NULL, NULL), KITH_EINVAL);
	assert_int_equal(kith_node_new(&node, &o, NULL, NULL), 0);
	assert_int_equal(kith_connect(node, "bob", "chat", 0, on_connected, NULL, NULL), KITH_ESTATE);
	assert_int_equal(kith_node_close(node, NULL), KITH_ESTATE);
	assert_int_equal(kith_node_free(node), 0);
	kith_node_options_deinit(&o);
	world_deinit(&w);
}

/* ---- a loop of the node's own ---- */

struct threaded {
	uv_sem_t started, posted;
	int count;
};

static void threaded_started(struct kith_node *node, int err, const char *why, void *user)
{
	struct threaded *t = user;
	(void)node;
	(void)why;
	assert_int_equal(err, 0);
	uv_sem_post(&t->started);
}

static void count_up(struct kith_node *node, void *arg)
{
	struct threaded *t = arg;
	struct kith_node_info info;
	kith_node_info(node, &info);
	t->count++;
	uv_sem_post(&t->posted);
}

static void a_node_runs_on_a_thread_of_its_own(void **state)
{
	struct world w;
	struct party p;
	struct kith_node_options o;
	struct kith_node_callbacks cb;
	struct threaded t = { .count = 0 };

	(void)state;
	world_init(&w);
	assert_int_equal(uv_sem_init(&t.started, 0), 0);
	assert_int_equal(uv_sem_init(&t.posted, 0), 0);
	party_options(&p, &w, "alice", &o);
	o.loop = NULL;
	kith_node_callbacks_init(&cb);
	cb.started = threaded_started;
	struct kith_node *node;
	assert_int_equal(kith_node_new(&node, &o, &cb, &t), 0);
	kith_node_options_deinit(&o);
	assert_int_equal(kith_post(node, count_up, &t), KITH_ECLOSED);
	assert_int_equal(kith_node_start(node), 0);
	uv_sem_wait(&t.started);
	for (int i = 0; i < 100; i++)
		assert_int_equal(kith_post(node, count_up, &t), 0);
	for (int i = 0; i < 100; i++)
		uv_sem_wait(&t.posted);
	assert_int_equal(kith_post(node, count_up, &t), 0);
	assert_int_equal(kith_node_free(node), 0); /* closes it first */
	assert_int_equal(t.count, 101);
	uv_sem_destroy(&t.started);
	uv_sem_destroy(&t.posted);
	world_deinit(&w);
}

static void what_was_pinned_is_remembered(void **state)
{
	struct world w;
	struct party p;
	struct kith_node_options o;
	struct kith_key key = { { 1 } }, other = { { 2 } };
	char path[128], dir[sizeof p.dir], why[256];
	struct stat st;

	(void)state;
	world_init(&w);
	leaf_init(&p, &w, "alice", 9);
	UNTIL(&w, p.started);
	assert_int_equal(kith_pin(p.node, "bob", &key, KITH_CONTACT_ACCEPTED, false), 0);
	(void)snprintf(path, sizeof path, "%s/state/state", p.dir);
	UNTIL(&w, stat(path, &st) == 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	strcpy(dir, p.dir);
	party_close(&p);

	memset(&p, 0, sizeof p);
	p.world = &w;
	kith_node_options_init(&o);
	assert_int_equal(kith_node_options_load(&o, dir, why, sizeof why), 0);
	o.loop = &w.loop;
	o.alloc = &w.alloc.alloc;
	party_new(&p, &o);
	assert_int_equal(kith_pin(p.node, "bob", &key, 0, false), KITH_ESTATE);
	assert_int_equal(kith_node_start(p.node), 0);
	UNTIL(&w, p.started);
	assert_int_equal(kith_pin(p.node, "bob", &other, KITH_CONTACT_ACCEPTED, false), KITH_EPINNED);
	assert_int_equal(kith_pin(p.node, "bob", &other, KITH_CONTACT_ACCEPTED, true), 0);
	party_close(&p);
	world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_called_and_datagrams_go_both_ways),
		cmocka_unit_test(a_call_becomes_direct),
		cmocka_unit_test(closing_tells_both_sides_once),
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
		cmocka_unit_test(a_second_node_is_kept_out_of_the_state_directory),
		cmocka_unit_test(a_taken_port_is_told),
		cmocka_unit_test(a_node_may_be_closed_while_it_starts),
		cmocka_unit_test(options_that_contradict_each_other_are_refused),
		cmocka_unit_test(a_node_runs_on_a_thread_of_its_own),
		cmocka_unit_test(what_was_pinned_is_remembered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
