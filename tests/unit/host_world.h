/* A supernode and two leaves of an open network, over real sockets on the loopback interface, on one loop. */
#ifndef KITH_TESTS_HOST_WORLD_H
#define KITH_TESTS_HOST_WORLD_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <uv.h>

#include "support.h"

#include "host/internal.h"
#include "host/udp.h"

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
	char ended[200]; /* what explained it then */
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

static inline void on_guard(uv_timer_t *timer)
{
	struct world *w = timer->data;
	w->late = true;
	uv_stop(timer->loop);
}

static inline void remove_tree(const char *dir)
{
	char command[128];
	(void)snprintf(command, sizeof command, "rm -rf '%s'", dir);
	assert_int_equal(system(command), 0);
}

static inline void world_init(struct world *w)
{
	memset(w, 0, sizeof *w);
	strcpy(w->dir, "/tmp/kith-test-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	test_alloc_init(&w->alloc);
	assert_int_equal(setenv(KITH_COMPONENT_PATH_ENV, KITH_COMPONENTS, 1), 0);
	assert_int_equal(uv_loop_init(&w->loop), 0);
	assert_int_equal(uv_timer_init(&w->loop, &w->guard), 0);
	w->guard.data = w;
	uv_timer_start(&w->guard, on_guard, PATIENCE_MS, 0);
}

static inline void world_deinit(struct world *w)
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

static inline void on_started(struct kith_node *node, int err, const char *why, void *user)
{
	struct party *p = user;
	assert_ptr_equal(node, p->node);
	assert_non_null(why);
	p->started++;
	p->start_err = err;
}

static inline void on_attached(struct kith_node *node, unsigned homes, void *user)
{
	(void)node;
	((struct party *)user)->homes = homes;
}

static inline void on_published(struct kith_node *node, void *user)
{
	(void)node;
	((struct party *)user)->published = true;
}

static inline void on_presence(struct kith_node *node, const char *name, bool online, void *user)
{
	struct party *p = user;
	(void)node;
	assert_true(name[0] != '\0');
	p->presence_told++;
	p->online = online;
}

static inline void on_datagram(struct kith_conn *conn, uint16_t channel, const uint8_t *data, size_t len, void *user)
{
	struct party *p = user;
	assert_ptr_equal(conn, p->conn);
	assert_true(len < sizeof p->datagram);
	memcpy(p->datagram, data, len);
	p->datagram[len] = '\0';
	p->datagram_channel = channel;
	p->datagrams++;
}

static inline uint8_t pattern(size_t at)
{
	return (uint8_t)(at * 31 + (at >> 8));
}

static inline void on_readable(struct kith_stream *stream, void *user)
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

static inline void on_fin(struct kith_stream *stream, void *user)
{
	struct party *p = user;
	p->fin = true;
	if (p->echo)
		(void)kith_stream_finish(stream);
}

static inline void on_reset(struct kith_stream *stream, uint64_t code, void *user)
{
	struct party *p = user;
	(void)stream;
	p->resets++;
	p->reset_code = code;
}

static inline void on_stream_closed(struct kith_stream *stream, int err, void *user)
{
	struct party *p = user;
	assert_ptr_equal(stream, p->stream);
	p->stream = NULL;
	p->streams_closed++;
	p->stream_err = err;
}

static inline void write_more(struct kith_stream *stream, void *user)
{
	struct party *p = user;
	uint8_t buf[8000];
	while (p->sent < p->total) {
		size_t len = p->total - p->sent < sizeof buf ? p->total - p->sent : sizeof buf;
		for (size_t i = 0; i < len; i++)
			buf[i] = pattern(p->sent + i);
		int n = kith_stream_write(stream, buf, len);
		if (n == KITH_EAGAIN || n == KITH_ECLOSED || n == KITH_ECUT)
			return;
		assert_true(n > 0);
		p->sent += (size_t)n;
	}
	if (p->total > 0)
		assert_int_equal(kith_stream_finish(stream), 0);
}

static inline void stream_callbacks(struct kith_stream_callbacks *cb)
{
	kith_stream_callbacks_init(cb);
	cb->readable = on_readable;
	cb->writable = write_more;
	cb->fin = on_fin;
	cb->reset = on_reset;
	cb->closed = on_stream_closed;
}

static inline void on_stream(struct kith_conn *conn, struct kith_stream *stream, uint16_t channel, void *user)
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

static inline void on_closed(struct kith_conn *conn, enum kith_close_reason reason, bool remote, void *user)
{
	struct party *p = user;
	assert_true(p->conn == conn || p->waiting == conn);
	p->conn = p->waiting = NULL;
	p->closed_conns++;
	p->closed_reason = (int)reason;
	p->closed_remote = remote;
	(void)kith_explain(conn, p->ended, sizeof p->ended);
}

static inline void on_opened(struct kith_conn *conn, void *user)
{
	struct party *p = user;
	p->waiting = NULL;
	p->conn = conn;
}

static inline void conn_callbacks(struct kith_conn_callbacks *cb)
{
	kith_conn_callbacks_init(cb);
	cb->opened = on_opened;
	cb->datagram = on_datagram;
	cb->stream = on_stream;
	cb->closed = on_closed;
}

static inline void on_incoming(struct kith_node *node, struct kith_conn *conn, const struct kith_session_info *who,
			       void *user)
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

static inline void on_connected(struct kith_call *call, int err, struct kith_conn *conn, void *user)
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

static inline void on_node_closed(struct kith_node *node, void *user)
{
	struct party *p = user;
	assert_int_equal(kith_node_free(node), 0);
	p->closed = true;
}

/* ---- parties ---- */

/* A port that is free on both families now. */
static inline uint16_t free_port(void)
{
	struct kith_udp_options o = { .alloc = kith_system_alloc(), .bind = { .family = KITH_FAMILY_V4 } };
	struct kith_udp *u;
	char why[KITH_UDP_WHY_MAX];
	assert_int_equal(kith_udp_open(&u, &o, why), 0);
	uint16_t port = kith_udp_port(u);
	kith_udp_close(u);
	return port;
}

static inline void party_options(struct party *p, struct world *w, const char *label, struct kith_node_options *o)
{
	char why[256];
	memset(p, 0, sizeof *p);
	p->world = w;
	(void)snprintf(p->dir, sizeof p->dir, "%s/%s", w->dir, label);
	assert_int_equal(kith_profile_create_open(p->dir, "playground", NULL, 0, p->name), 0);
	kith_node_options_init(o);
	assert_int_equal(kith_node_options_load(o, p->dir, why, sizeof why), 0);
	o->loop = &w->loop;
	o->alloc = &w->alloc.alloc;
	o->allow_loopback = true;
	o->bind_v4 = (struct kith_addr){ .family = KITH_FAMILY_V4, .ip = { 127, 0, 0, 1 } };
	o->no_lan = true; /* other tests run beside this one */
	o->no_v6 = true;
	o->leave_us = KITH_US_PER_S;
}

static inline void party_new(struct party *p, struct kith_node_options *o)
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

static inline void leaf_init(struct party *p, struct world *w, const char *label, uint16_t home)
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

static inline uint16_t supernode_init(struct party *p, struct world *w)
{
	struct kith_node_options o;
	uint16_t port = free_port();
	party_options(p, w, "home", &o);
	o.role = KITH_ROLE_SUPERNODE;
	o.port = port;
	o.stun = KITH_HAS_STUN;
	struct kith_addr own = { .family = KITH_FAMILY_V4, .port = port, .ip = { 127, 0, 0, 1 } };
	o.endpoints[0] = kith_endpoint_udp(&own);
	o.endpoints_n = 1;
	party_new(p, &o);
	assert_int_equal(kith_node_start(p->node), 0);
	UNTIL(w, p->started);
	assert_int_equal(p->start_err, 0);
	return port;
}

static inline void party_close(struct party *p)
{
	assert_int_equal(kith_node_close(p->node, on_node_closed), 0);
	assert_int_equal(kith_node_close(p->node, on_node_closed), KITH_ESTATE);
	UNTIL(p->world, p->closed);
}

struct trio {
	struct world w;
	struct party home, alice, bob;
};

static inline void trio_init(struct trio *t)
{
	world_init(&t->w);
	uint16_t port = supernode_init(&t->home, &t->w);
	leaf_init(&t->alice, &t->w, "alice", port);
	leaf_init(&t->bob, &t->w, "bob", port);
	UNTIL(&t->w, t->alice.published && t->bob.published);
	assert_true(t->alice.homes == 1 && t->bob.homes == 1);
}

static inline void trio_deinit(struct trio *t)
{
	party_close(&t->alice);
	party_close(&t->bob);
	party_close(&t->home);
	world_deinit(&t->w);
}

static inline void talk(struct trio *t)
{
	assert_int_equal(kith_connect(t->alice.node, t->bob.name, "chat", 0, on_connected, &t->alice, NULL), 0);
	assert_int_equal(t->alice.call_done, 0); /* nothing is called back from within a call */
	UNTIL(&t->w, t->alice.call_done && t->bob.conn != NULL);
	assert_int_equal(t->alice.call_err, 0);
	assert_non_null(t->alice.conn);
}

#endif
