/* A node with a thread of its own: who may call what, and how much may be posted. */
#include "host_world.h"

#include "host/internal.h"

struct threaded {
	uv_sem_t started, go;
	struct kith_node *node;
	unsigned ran;
};

static void started(struct kith_node *node, int err, const char *why, void *user)
{
	struct threaded *t = user;
	struct kith_node_info info;
	(void)why;
	assert_int_equal(err, 0);
	assert_int_equal(kith_node_info(node, &info), 0); /* this is its thread */
	assert_int_equal(kith_serve(node, "inside"), 0);
	uv_sem_post(&t->started);
}

static void threaded_init(struct threaded *t, struct world *w)
{
	struct party p;
	struct kith_node_options o;
	struct kith_node_callbacks cb = KITH_NODE_CALLBACKS_INIT;
	memset(t, 0, sizeof *t);
	world_init(w);
	assert_int_equal(uv_sem_init(&t->started, 0), 0);
	assert_int_equal(uv_sem_init(&t->go, 0), 0);
	party_options(&p, w, "alice", &o);
	o.loop = NULL;
	o.alloc = NULL;
	cb.started = started;
	assert_int_equal(kith_node_new(&t->node, &o, &cb, t), 0);
	kith_node_options_deinit(&o);
	assert_int_equal(kith_serve(t->node, "before"), 0); /* any thread, before it runs */
	assert_int_equal(kith_node_start(t->node), 0);
	uv_sem_wait(&t->started);
}

static void threaded_deinit(struct threaded *t, struct world *w)
{
	assert_int_equal(kith_node_free(t->node), 0);
	uv_sem_destroy(&t->started);
	uv_sem_destroy(&t->go);
	world_deinit(w);
}

static void calls_from_another_thread_are_refused(void **state)
{
	struct threaded t;
	struct world w;
	struct kith_node_info info;
	const struct kith_key key = { { 1 } };
	struct kith_node_options o;
	struct kith_call *call;
	(void)state;
	threaded_init(&t, &w);
	kith_node_options_init(&o);
	assert_int_equal(kith_node_start(t.node), KITH_ETHREAD);
	assert_int_equal(kith_node_close(t.node, NULL), KITH_ETHREAD);
	assert_int_equal(kith_serve(t.node, "chat"), KITH_ETHREAD);
	assert_int_equal(kith_revoke(t.node, (struct kith_span){ NULL, 0 }), KITH_ETHREAD);
	assert_int_equal(kith_add_issuer(t.node, (struct kith_span){ NULL, 0 }), KITH_ETHREAD);
	assert_int_equal(kith_node_adjust(t.node, &o), KITH_ETHREAD);
	assert_int_equal(kith_connect(t.node, "bob", "chat", 0, NULL, NULL, &call), KITH_ETHREAD);
	assert_int_equal(kith_lookup(t.node, "bob", NULL, NULL, NULL, &call), KITH_ETHREAD);
	assert_int_equal(kith_watch(t.node, "bob"), KITH_ETHREAD);
	assert_int_equal(kith_unwatch(t.node, "bob"), KITH_ETHREAD);
	assert_int_equal(kith_pin(t.node, "bob", &key, 0, false), KITH_ETHREAD);
	memset(&info, 0xee, sizeof info);
	assert_int_equal(kith_node_info(t.node, &info), KITH_ETHREAD);
	assert_string_equal(info.name, "");
	assert_int_equal(kith_node_bootstrap(t.node, NULL, 0), 0);
	assert_int_equal(kith_node_homes(t.node, NULL, 0), 0);
	assert_null(kith_node_stats(t.node));
	assert_null(kith_node_name(t.node));
	assert_ptr_equal(kith_node_user(t.node), &t); /* never changes */
	threaded_deinit(&t, &w);
}

static void stand_still(struct kith_node *node, void *arg)
{
	struct threaded *t = arg;
	(void)node;
	uv_sem_post(&t->started);
	uv_sem_wait(&t->go);
}

static void count(struct kith_node *node, void *arg)
{
	(void)node;
	((struct threaded *)arg)->ran++;
}

static void posts_to_a_loop_that_stands_still_are_bounded(void **state)
{
	struct threaded t;
	struct world w;
	(void)state;
	threaded_init(&t, &w);
	assert_int_equal(kith_post(t.node, stand_still, &t), 0);
	uv_sem_wait(&t.started);
	for (unsigned i = 0; i < KITH_HOST_POSTS_MAX; i++)
		assert_int_equal(kith_post(t.node, count, &t), 0);
	assert_int_equal(kith_post(t.node, count, &t), KITH_EFULL);
	uv_sem_post(&t.go);
	assert_int_equal(kith_node_free(t.node), 0); /* each that was taken runs */
	assert_int_equal(t.ran, KITH_HOST_POSTS_MAX);
	t.node = NULL;
	threaded_deinit(&t, &w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_from_another_thread_are_refused),
		cmocka_unit_test(posts_to_a_loop_that_stands_still_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
