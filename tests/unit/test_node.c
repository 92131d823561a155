/* A node from its options to its end: starting, failing, threads, closing at any time, remembering. */
#include <sys/resource.h>
#include <unistd.h>

#include "host_world.h"

#include "host/carrier_udp.h"
#include "host/internal.h"
#include "host/udp_internal.h"
#include "super/super.h"

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

/* No descriptor beyond those that are open now; returns the limit to be set back. */
static struct rlimit take_descriptors(void)
{
	struct rlimit before, none;
	int next = dup(0);
	assert_true(next > 0);
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = (rlim_t)next;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	return before;
}

static void descriptors_that_ran_out_are_told_as_that(void **state)
{
	struct world w;
	struct party p, other;
	struct kith_node_options o;
	struct kith_node *node;
	(void)state;
	world_init(&w);
	party_options(&p, &w, "alice", &o);
	party_new(&p, &o);
	party_options(&other, &w, "bob", &o);
	struct rlimit before = take_descriptors();
	assert_int_equal(kith_node_start(p.node), 0);
	UNTIL(&w, p.started);
	assert_int_equal(p.start_err, KITH_EMFILE);
	o.loop = NULL; /* a loop of its own needs some, too */
	assert_int_equal(kith_node_new(&node, &o, NULL, NULL), KITH_EMFILE);
	kith_node_options_deinit(&o);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	party_close(&p);
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

/* Whoever forgets to fill it in learns so, instead of waiting for callbacks that never come. */
static void callbacks_without_their_size_are_refused(void **state)
{
	struct world w;
	struct party p;
	struct kith_node_options o;
	const struct kith_node_callbacks none = { .started = NULL };
	const struct kith_node_callbacks sized = KITH_NODE_CALLBACKS_INIT;
	struct kith_node *node;
	(void)state;
	world_init(&w);
	party_options(&p, &w, "alice", &o);
	assert_int_equal(kith_node_new(&node, &o, &none, NULL), KITH_EINVAL);
	assert_int_equal(kith_node_new(&node, &o, &sized, NULL), 0);
	assert_int_equal(kith_node_free(node), 0);
	kith_node_options_deinit(&o);
	world_deinit(&w);
}

/* A program that was compiled when these structs were shorter. */
static void an_older_programs_structs_are_not_overflowed(void **state)
{
	struct world w;
	struct party p;
	union {
		struct kith_node_info info;
		struct kith_node_options options;
		uint8_t bytes[2048];
	} room;
	const size_t old = offsetof(struct kith_node_info, identity),
		     old_options = offsetof(struct kith_node_options, port);
	(void)state;
	world_init(&w);
	leaf_init(&p, &w, "alice", 9);
	UNTIL(&w, p.started);
	memset(&room, 0xee, sizeof room);
	kith_node_info_sized(p.node, &room.info, old);
	assert_int_equal(room.info.state, KITH_NODE_RUNNING);
	for (size_t i = old; i < sizeof room; i++)
		assert_int_equal(room.bytes[i], 0xee);
	memset(&room, 0xee, sizeof room);
	kith_node_options_init_sized(&room.options, old_options);
	assert_int_equal(room.options.size, old_options);
	assert_int_equal(room.options.role, KITH_ROLE_LEAF);
	for (size_t i = old_options; i < sizeof room; i++)
		assert_int_equal(room.bytes[i], 0xee);
	party_close(&p);
	world_deinit(&w);
}

struct doubts {
	int told, err;
	enum kith_trouble what;
	struct kith_node_info info; /* when it was told first: what comes after may be known a moment later */
};

/* Of a node whose callbacks are not a party's. */
static void party_close_plain(struct party *p)
{
	struct kith_node_info info;
	assert_int_equal(kith_node_close(p->node, NULL), 0);
	UNTIL(p->world, (kith_node_info(p->node, &info), info.state == KITH_NODE_CLOSED));
	assert_int_equal(kith_node_free(p->node), 0);
}

static void note_trouble(struct kith_node *node, enum kith_trouble what, int err, const char *why, void *user)
{
	struct doubts *d = user;
	assert_non_null(node);
	assert_true(why[0] != '\0');
	if (d->told++ == 0)
		kith_node_info(node, &d->info);
	d->what = what;
	d->err = err;
}

/* One name does not exist; the other is found. The node runs from the start, and uses what there is. */
static void names_that_cannot_be_resolved_hold_nothing_up(void **state)
{
	struct world w;
	struct party home, p;
	struct kith_node_options o;
	struct kith_node_callbacks cb;
	struct kith_node_info info;
	struct kith_bootstrap_info entries[4];
	struct doubts d = { .told = 0 };
	char found[32];
	const char *list[] = { "nobody.invalid:7000", found };
	(void)state;
	world_init(&w);
	(void)snprintf(found, sizeof found, "localhost:%u", supernode_init(&home, &w));
	party_options(&p, &w, "alice", &o);
	o.bootstrap = list;
	o.bootstrap_n = 1;
	kith_node_callbacks_init(&cb);
	cb.trouble = note_trouble;
	assert_int_equal(kith_node_new(&p.node, &o, &cb, &d), 0);
	assert_int_equal(kith_node_adjust(p.node, &o), KITH_ESTATE);
	assert_int_equal(kith_node_start(p.node), 0);
	UNTIL(&w, (kith_node_info(p.node, &info), info.state == KITH_NODE_RUNNING) && d.told > 0);
	assert_int_equal(d.what, KITH_TROUBLE_BOOTSTRAP);
	assert_int_equal(d.err, KITH_ENOENT);
	assert_int_equal(kith_node_bootstrap(p.node, entries, 4), 1);
	assert_string_equal(entries[0].where, "nobody.invalid:7000");
	assert_int_equal(entries[0].addrs_n, 0);
	assert_int_equal(entries[0].err, KITH_ENOENT);
	UNTIL(&w, p.node->resolver.attempt >= 2); /* it goes on looking, and says so once */
	assert_int_equal(d.told, 1);
	assert_int_equal(info.core.homes, 0);

	o.bootstrap_n = 2;
	assert_int_equal(kith_node_adjust(p.node, &o), 0);
	UNTIL(&w, (kith_node_info(p.node, &info), info.core.homes == 1));
	assert_int_equal(kith_node_bootstrap(p.node, entries, 4), 2);
	assert_true(entries[1].addrs_n > 0);
	assert_int_equal(kith_node_bootstrap(p.node, NULL, 0), 2);
	kith_node_options_deinit(&o);
	party_close_plain(&p);
	party_close(&home);
	world_deinit(&w);
}

/* A supernode has moved since its name was looked up: the node finds it by the name again, and says why it was cut off
 * meanwhile. */
static void a_name_is_looked_up_again_when_no_home_answers(void **state)
{
	struct world w;
	struct party home, p;
	struct kith_node_options o;
	struct kith_node_callbacks cb;
	struct kith_node_info info;
	struct doubts d = { .told = 0 };
	char entry[32];
	const char *list[] = { entry };
	(void)state;
	world_init(&w);
	(void)snprintf(entry, sizeof entry, "localhost:%u", supernode_init(&home, &w));
	party_options(&p, &w, "alice", &o);
	o.bootstrap = list;
	o.bootstrap_n = 1;
	kith_node_callbacks_init(&cb);
	cb.trouble = note_trouble;
	assert_int_equal(kith_node_new(&p.node, &o, &cb, &d), 0);
	kith_node_options_deinit(&o);
	/* As if it had been found elsewhere. */
	struct kith_resolve_entry *e = p.node->resolver.entries[0];
	e->found[0] = (struct kith_addr){ .family = KITH_FAMILY_V4, .port = e->is.addr.port, .ip = { 127, 0, 0, 9 } };
	e->found_n = 1;
	assert_int_equal(kith_node_start(p.node), 0);
	UNTIL(&w, d.told > 0);
	assert_int_equal(d.what, KITH_TROUBLE_HOMELESS);
	assert_int_equal(d.err, KITH_ETIMEDOUT);
	assert_string_equal(d.info.homeless_why, "of 1 known supernodes none takes us: 1 do not answer");
	UNTIL(&w, (kith_node_info(p.node, &info), info.core.homes == 1));
	assert_string_equal(info.homeless_why, "");
	party_close_plain(&p);
	party_close(&home);
	world_deinit(&w);
}

static void what_may_change_while_it_runs_does(void **state)
{
	static const char *const nonsense[] = { "127.0.0.1:1", "no port here" };
	struct world w;
	struct party home;
	struct kith_node_options o;
	struct kith_bootstrap_info entry;
	(void)state;
	world_init(&w);
	(void)supernode_init(&home, &w);
	struct kith_node *node = home.node;
	kith_node_options_init(&o);
	o.relay_rate = 5000;
	o.leave_us = 7;
	o.stun = true;
	assert_int_equal(kith_node_adjust(node, &o), 0);
	assert_int_equal(node->core->super->fwd.limits.rate, 5000);
	assert_int_equal(node->core->super->fwd.limits.owner_rate, 1250000); /* the core's default */
	assert_int_equal(node->o.leave_us, 7);
	assert_non_null(node->stun);
	o.stun = false;
	assert_int_equal(kith_node_adjust(node, &o), 0);
	assert_null(node->stun);
	/* What is wrong changes nothing. */
	o.relay_rate = UINT64_MAX;
	o.stun = true;
	assert_int_equal(kith_node_adjust(node, &o), KITH_EINVAL);
	assert_null(node->stun);
	o.relay_rate = 6000;
	o.bootstrap = nonsense;
	o.bootstrap_n = 2;
	assert_int_equal(kith_node_adjust(node, &o), KITH_EINVAL);
	assert_int_equal(node->core->super->fwd.limits.rate, 5000);
	assert_int_equal(kith_node_bootstrap(node, &entry, 1), 0);
	o.bootstrap_n = 1;
	assert_int_equal(kith_node_adjust(node, &o), 0);
	assert_int_equal(kith_node_adjust(node, &o), 0);
	assert_int_equal(kith_node_bootstrap(node, &entry, 1), 1);
	assert_string_equal(entry.where, "127.0.0.1:1");
	assert_int_equal(node->core->bootstrap_n, 1);
	party_close(&home);
	world_deinit(&w);
}

/* ---- a socket that fails ---- */

static void start_leaf_with_doubts(struct party *p, struct world *w, uint16_t home, struct doubts *d)
{
	struct kith_node_options o;
	struct kith_node_callbacks cb;
	char bootstrap[32];
	const char *list[1] = { bootstrap };
	struct kith_node_info info;
	party_options(p, w, "alice", &o);
	(void)snprintf(bootstrap, sizeof bootstrap, "127.0.0.1:%u", home);
	o.bootstrap = list;
	o.bootstrap_n = 1;
	kith_node_callbacks_init(&cb);
	cb.trouble = note_trouble;
	assert_int_equal(kith_node_new(&p->node, &o, &cb, d), 0);
	kith_node_options_deinit(&o);
	assert_int_equal(kith_node_start(p->node), 0);
	UNTIL(w, (kith_node_info(p->node, &info), info.core.homes == 1));
}

static void on_lookup_done(struct kith_call *call, int err, void *user)
{
	(void)call;
	*(int *)user = err == 0 || err == KITH_ENOENT ? 1 : -1;
}

/* Looks a name up: packets go and come. */
static bool reaches_home(struct world *w, struct party *p)
{
	int done = 0;
	assert_int_equal(kith_lookup(p->node, "nobody.at.all", NULL, on_lookup_done, &done, NULL), 0);
	UNTIL(w, done != 0);
	return done == 1;
}

/* The socket behind a node's first transport. */
static struct kith_udp *udp_of(const struct kith_node *node)
{
	const struct kith_udp_carrier *c = node->sockets[0].self;
	return c->udp;
}

static void socket_comes_back(bool foreign)
{
	struct world w;
	struct party home, p;
	struct doubts d = { .told = 0 };
	struct kith_node_info before, info;
	int other[2];
	world_init(&w);
	start_leaf_with_doubts(&p, &w, supernode_init(&home, &w), &d);
	kith_node_info(p.node, &before);
	/* The descriptor goes away under us, or becomes one of another kind. */
	int fd = kith_udp_fd(udp_of(p.node));
	assert_int_equal(pipe(other), 0);
	if (foreign)
		assert_int_equal(dup2(other[0], fd), fd);
	else
		assert_int_equal(close(fd), 0);
	int done = 0;
	assert_int_equal(kith_lookup(p.node, "nobody.at.all", NULL, on_lookup_done, &done, NULL), 0);
	UNTIL(&w, d.told > 0); /* noticed by the first packet that goes out */
	assert_int_equal(d.what, KITH_TROUBLE_SOCKET);
	assert_int_equal(d.err, KITH_EIO);
	UNTIL(&w, (kith_node_info(p.node, &info), info.v4));
	assert_int_equal(info.port, before.port);
	UNTIL(&w, done != 0);
	assert_true(reaches_home(&w, &p));
	assert_int_equal(d.told, 1);
	if (foreign) { /* it was not ours to close */
		assert_int_equal(write(other[1], "x", 1), 1);
		char c;
		assert_int_equal(read(fd, &c, 1), 1);
		(void)close(fd);
	}
	(void)close(other[0]);
	(void)close(other[1]);
	party_close_plain(&p);
	party_close(&home);
	world_deinit(&w);
}

static void a_socket_that_is_gone_is_opened_again_on_its_port(void **state)
{
	(void)state;
	socket_comes_back(false);
}

static void a_descriptor_that_became_another_file_is_left_alone(void **state)
{
	(void)state;
	socket_comes_back(true);
}

/* Somebody else takes the port meanwhile: it is tried again until it is free, and said once. */
static void a_socket_waits_for_its_port(void **state)
{
	struct kith_udp_options uo = { .alloc = kith_system_alloc(),
				       .bind = { .family = KITH_FAMILY_V4, .ip = { 127, 0, 0, 1 } } };
	struct world w;
	struct party home, p;
	struct doubts d = { .told = 0 };
	struct kith_node_info before, info;
	struct kith_udp *thief;
	char why[KITH_UDP_WHY_MAX];
	(void)state;
	world_init(&w);
	start_leaf_with_doubts(&p, &w, supernode_init(&home, &w), &d);
	kith_node_info(p.node, &before);
	assert_int_equal(close(kith_udp_fd(udp_of(p.node))), 0);
	uo.bind.port = before.port;
	assert_int_equal(kith_udp_open(&thief, &uo, why), 0);
	/* The number is the thief's now, and a socket: nothing fails, so it is told. */
	udp_of(p.node)->lost = true;
	udp_of(p.node)->broken = KITH_EIO;
	kith_node_touch(p.node);
	UNTIL(&w, p.node->sockets[0].attempts >= 3);
	kith_node_info(p.node, &info);
	assert_false(info.v4);
	assert_int_equal(d.told, 1);
	kith_udp_close(thief);
	UNTIL(&w, (kith_node_info(p.node, &info), info.v4));
	assert_int_equal(info.port, before.port);
	assert_true(reaches_home(&w, &p));
	assert_int_equal(d.told, 1);
	party_close_plain(&p);
	party_close(&home);
	world_deinit(&w);
}

static void a_node_may_be_closed_while_its_socket_is_away(void **state)
{
	struct world w;
	struct party home, p;
	struct doubts d = { .told = 0 };
	(void)state;
	world_init(&w);
	start_leaf_with_doubts(&p, &w, supernode_init(&home, &w), &d);
	assert_int_equal(close(kith_udp_fd(udp_of(p.node))), 0);
	party_close_plain(&p);
	party_close(&home);
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
	(void)snprintf(path, sizeof path, "%s/state/contacts", p.dir);
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
		cmocka_unit_test(descriptors_that_ran_out_are_told_as_that),
		cmocka_unit_test(a_node_may_be_closed_while_it_starts),
		cmocka_unit_test(callbacks_without_their_size_are_refused),
		cmocka_unit_test(an_older_programs_structs_are_not_overflowed),
		cmocka_unit_test(options_that_contradict_each_other_are_refused),
		cmocka_unit_test(names_that_cannot_be_resolved_hold_nothing_up),
		cmocka_unit_test(a_name_is_looked_up_again_when_no_home_answers),
		cmocka_unit_test(what_may_change_while_it_runs_does),
		cmocka_unit_test(a_socket_that_is_gone_is_opened_again_on_its_port),
		cmocka_unit_test(a_descriptor_that_became_another_file_is_left_alone),
		cmocka_unit_test(a_socket_waits_for_its_port),
		cmocka_unit_test(a_node_may_be_closed_while_its_socket_is_away),
		cmocka_unit_test(a_node_runs_on_a_thread_of_its_own),
		cmocka_unit_test(what_was_pinned_is_remembered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
