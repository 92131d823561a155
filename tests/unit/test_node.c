/* A node from its options to its end: starting, failing, threads, closing at any time, remembering. */
#include "host_world.h"

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
	struct kith_udp_options uo = { .alloc = kith_system_alloc(),
				       .bind = { .family = KITH_FAMILY_V4, .ip = { 127, 0, 0, 1 } } };
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

struct doubts {
	int told, err;
	enum kith_trouble what;
};

static void note_trouble(struct kith_node *node, enum kith_trouble what, int err, const char *why, void *user)
{
	struct doubts *d = user;
	assert_non_null(node);
	assert_true(why[0] != '\0');
	d->told++;
	d->what = what;
	d->err = err;
}

static void names_that_cannot_be_resolved_are_told_and_tried_again(void **state)
{
	static const char *const nowhere[] = { "nobody.invalid:7000" };
	struct world w;
	struct party p;
	struct kith_node_options o;
	struct kith_node_callbacks cb;
	struct kith_node_info info;
	struct doubts d = { .told = 0 };

	(void)state;
	world_init(&w);
	party_options(&p, &w, "alice", &o);
	o.bootstrap = nowhere;
	o.bootstrap_n = 1;
	kith_node_callbacks_init(&cb);
	cb.trouble = note_trouble;
	struct kith_node *node;
	assert_int_equal(kith_node_new(&node, &o, &cb, &d), 0);
	kith_node_options_deinit(&o);
	assert_int_equal(kith_node_start(node), 0);
	UNTIL(&w, d.told >= 2);
	assert_int_equal(d.what, KITH_TROUBLE_BOOTSTRAP);
	assert_int_equal(d.err, KITH_ENOENT);
	kith_node_info(node, &info);
	assert_int_equal(info.state, KITH_NODE_STARTING);
	p.node = node;
	assert_int_equal(kith_node_close(node, NULL), 0);
	while (info.state != KITH_NODE_CLOSED) {
		assert_false(w.late);
		(void)uv_run(&w.loop, UV_RUN_ONCE);
		kith_node_info(node, &info);
	}
	assert_int_equal(kith_node_free(node), 0);
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
		cmocka_unit_test(a_second_node_is_kept_out_of_the_state_directory),
		cmocka_unit_test(a_taken_port_is_told),
		cmocka_unit_test(a_node_may_be_closed_while_it_starts),
		cmocka_unit_test(options_that_contradict_each_other_are_refused),
		cmocka_unit_test(names_that_cannot_be_resolved_are_told_and_tried_again),
		cmocka_unit_test(a_node_runs_on_a_thread_of_its_own),
		cmocka_unit_test(what_was_pinned_is_remembered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
