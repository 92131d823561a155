/* A node that a foreign event loop drives: by poll(2), and nothing of libuv. */
#include <poll.h>

#include "host_world.h"

#include "host/internal.h"

enum { WAIT_MAX_MS = 30000 };

static void driven_init(struct party *p, struct world *w, const char *label, uint16_t home)
{
	struct kith_node_options o;
	char bootstrap[32];
	const char *list[1] = { bootstrap };
	party_options(p, w, label, &o);
	(void)snprintf(bootstrap, sizeof bootstrap, "127.0.0.1:%u", home);
	o.bootstrap = list;
	o.bootstrap_n = 1;
	o.loop = NULL;
	o.alloc = NULL; /* the world's belongs to one thread */
	o.driven = true;
	party_new(p, &o);
	assert_int_equal(kith_serve(p->node, "chat"), 0);
}

/* One round of the application's loop, which waits for nothing but the node. */
static int turn(struct kith_node *node)
{
	struct pollfd fd = { .fd = kith_node_fd(node), .events = POLLIN };
	int wait = kith_node_timeout(node);
	assert_true(wait >= -1);
	assert_true(poll(&fd, 1, wait >= 0 && wait < WAIT_MAX_MS ? wait : WAIT_MAX_MS) > 0 || wait >= 0);
	return kith_node_process(node);
}

#define TURN_UNTIL(node, condition)                                                                                    \
	do {                                                                                                           \
		while (!(condition))                                                                                   \
			assert_int_equal(turn(node), 0);                                                               \
	} while (0)

static void count(struct kith_node *node, void *arg)
{
	(void)node;
	++*(int *)arg;
}

static void post(void *arg)
{
	struct party *p = arg;
	assert_int_equal(kith_post(p->node, count, &p->released), 0);
}

static void a_post_of_another_thread_ends_the_wait(void **state)
{
	struct world w;
	struct party p;
	uv_thread_t thread;
	(void)state;
	world_init(&w);
	driven_init(&p, &w, "alice", 9);
	assert_string_equal(kith_node_name(p.node), "");
	assert_int_equal(kith_node_start(p.node), 0);
	TURN_UNTIL(p.node, p.started);
	assert_int_equal(p.start_err, 0);
	assert_string_equal(kith_node_name(p.node), p.name);
	int fd = kith_node_fd(p.node);
	assert_int_equal(uv_thread_create(&thread, post, &p), 0);
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	while (p.released == 0) {
		assert_true(poll(&ready, 1, WAIT_MAX_MS) > 0); /* not its timers: its descriptor */
		assert_int_equal(kith_node_process(p.node), 0);
	}
	assert_int_equal(uv_thread_join(&thread), 0);
	assert_int_equal(kith_node_fd(p.node), fd);
	assert_int_equal(kith_node_free(p.node), KITH_ESTATE);
	assert_int_equal(kith_node_close(p.node, NULL), 0);
	assert_int_equal(kith_node_timeout(p.node), 0); /* a call has left something to do */
	while (turn(p.node) == 0)
		;
	assert_int_equal(kith_node_timeout(p.node), -1);
	assert_int_equal(kith_node_process(p.node), KITH_ECLOSED);
	assert_int_equal(kith_node_free(p.node), 0);
	world_deinit(&w);
}

static void closed_in_a_turn(struct kith_node *node, void *user)
{
	struct party *p = user;
	assert_int_equal(kith_node_process(node), KITH_ESTATE); /* no turn within a turn */
	assert_int_equal(kith_node_free(node), KITH_ESTATE);
	p->closed = true;
}

struct there {
	struct world w;
	struct party home, bob;
	uint16_t port;
	uv_sem_t ready;
	uv_async_t end;
};

static void end_there(uv_async_t *end)
{
	uv_stop(end->loop);
}

/* The others, on a loop and a thread of their own. */
static void run_there(void *arg)
{
	struct there *t = arg;
	UNTIL(&t->w, t->bob.published);
	uv_sem_post(&t->ready);
	(void)uv_run(&t->w.loop, UV_RUN_DEFAULT);
	assert_false(t->w.late);
}

static void calls_and_datagrams_need_no_loop_of_libuvs(void **state)
{
	struct there t;
	struct party alice;
	uv_thread_t thread;
	(void)state;
	world_init(&t.w);
	t.port = supernode_init(&t.home, &t.w);
	leaf_init(&t.bob, &t.w, "bob", t.port);
	assert_int_equal(uv_sem_init(&t.ready, 0), 0);
	assert_int_equal(uv_async_init(&t.w.loop, &t.end, end_there), 0);
	driven_init(&alice, &t.w, "alice", t.port);
	assert_int_equal(uv_thread_create(&thread, run_there, &t), 0);
	uv_sem_wait(&t.ready);

	assert_int_equal(kith_node_start(alice.node), 0);
	TURN_UNTIL(alice.node, alice.published);
	assert_int_equal(kith_connect(alice.node, t.bob.name, "chat", 0, on_connected, &alice, NULL), 0);
	assert_int_equal(kith_node_timeout(alice.node), 0);
	TURN_UNTIL(alice.node, alice.call_done);
	assert_int_equal(alice.call_err, 0);
	assert_int_equal(kith_conn_send(alice.conn, 7, "hello", 5), 0);
	assert_int_equal(kith_node_close(alice.node, closed_in_a_turn), 0);
	int err;
	while ((err = turn(alice.node)) == 0)
		;
	assert_int_equal(err, KITH_ECLOSED);
	assert_true(alice.closed);
	assert_int_equal(kith_node_free(alice.node), 0);

	assert_int_equal(uv_async_send(&t.end), 0);
	assert_int_equal(uv_thread_join(&thread), 0);
	UNTIL(&t.w, t.bob.datagrams == 1 && t.bob.closed_conns == 1);
	assert_string_equal(t.bob.datagram, "hello");
	uv_close((uv_handle_t *)&t.end, NULL);
	uv_sem_destroy(&t.ready);
	party_close(&t.bob);
	party_close(&t.home);
	world_deinit(&t.w);
}

static void only_a_driven_node_that_was_started_is_driven(void **state)
{
	struct world w;
	struct party p;
	struct kith_node_options o;
	struct kith_node *node;
	(void)state;
	world_init(&w);
	party_options(&p, &w, "alice", &o);
	o.driven = true; /* and a loop */
	assert_int_equal(kith_node_new(&node, &o, NULL, NULL), KITH_EINVAL);
	o.driven = false;
	party_new(&p, &o);
	assert_int_equal(kith_node_start(p.node), 0);
	assert_int_equal(kith_node_fd(p.node), KITH_ESTATE);
	assert_int_equal(kith_node_timeout(p.node), -1);
	assert_int_equal(kith_node_process(p.node), KITH_ESTATE);
	party_close(&p);
	driven_init(&p, &w, "bob", 9);
	assert_int_equal(kith_node_fd(p.node), KITH_ESTATE);
	assert_int_equal(kith_node_timeout(p.node), -1);
	assert_int_equal(kith_node_process(p.node), KITH_ESTATE);
	assert_int_equal(kith_node_free(p.node), 0);
	assert_int_equal(kith_node_fd(NULL), KITH_EINVAL);
	assert_int_equal(kith_node_timeout(NULL), -1);
	assert_int_equal(kith_node_process(NULL), KITH_EINVAL);
	assert_null(kith_node_name(NULL));
	world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_post_of_another_thread_ends_the_wait),
		cmocka_unit_test(calls_and_datagrams_need_no_loop_of_libuvs),
		cmocka_unit_test(only_a_driven_node_that_was_started_is_driven),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
