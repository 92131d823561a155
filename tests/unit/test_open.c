/* A node's begin against what disks, people and clocks did to its state directory: it starts, says what is wrong, and
 * loses no contact that can be had. */
#include <stdlib.h>
#include <sys/stat.h>
#include <utime.h>

#include "host_world.h"

struct told {
	int n;
	int err;
	char why[512];
};

static void note(struct kith_node *node, enum kith_trouble what, int err, const char *why, void *user)
{
	struct told *t = user;
	(void)node;
	if (what != KITH_TROUBLE_STATE)
		return;
	t->n++;
	t->err = err;
	(void)snprintf(t->why, sizeof t->why, "%s", why);
}

static void on_shell(const struct party *p, const char *command)
{
	char line[512];
	(void)snprintf(line, sizeof line, "cd '%s/state' && %s", p->dir, command);
	assert_int_equal(system(line), 0);
}

static bool holds(const struct party *p, const char *file)
{
	char path[192];
	struct stat st;
	(void)snprintf(path, sizeof path, "%s/state/%s", p->dir, file);
	return lstat(path, &st) == 0;
}

/* Starts the node of a profile that is there, on a network in which nobody answers. */
static void start(struct party *p, struct world *w, struct told *told)
{
	struct kith_node_options o;
	struct kith_node_callbacks cb;
	struct kith_node_info info;
	char why[256];
	memset(told, 0, sizeof *told);
	p->world = w;
	kith_node_options_init(&o);
	assert_int_equal(kith_node_options_load(&o, p->dir, why, sizeof why), 0);
	o.loop = &w->loop;
	o.alloc = &w->alloc.alloc;
	o.no_v6 = true;
	kith_node_callbacks_init(&cb);
	cb.trouble = note;
	assert_int_equal(kith_node_new(&p->node, &o, &cb, told), 0);
	kith_node_options_deinit(&o);
	assert_int_equal(kith_node_start(p->node), 0);
	UNTIL(w, (kith_node_info(p->node, &info), info.state != KITH_NODE_STARTING));
	assert_int_equal(info.state, KITH_NODE_RUNNING);
}

static void stop(struct party *p, struct world *w)
{
	struct kith_node_info info;
	assert_int_equal(kith_node_close(p->node, NULL), 0);
	UNTIL(w, (kith_node_info(p->node, &info), info.state == KITH_NODE_CLOSED));
	assert_int_equal(kith_node_free(p->node), 0);
}

static const struct kith_key bob = { { 1 } }, other = { { 2 } };

/* A profile whose node has pinned bob, then carol, and was stopped. */
static void with_contacts(struct party *p, struct world *w)
{
	struct kith_node_options o;
	struct told told;
	party_options(p, w, "alice", &o);
	kith_node_options_deinit(&o);
	start(p, w, &told);
	assert_int_equal(told.n, 0);
	assert_int_equal(kith_pin(p->node, "bob", &bob, KITH_CONTACT_ACCEPTED, false), 0);
	kith_node_touch(p->node);
	UNTIL(w, holds(p, "contacts") && p->node->jobs == 0);
	assert_int_equal(kith_pin(p->node, "carol", &bob, KITH_CONTACT_ACCEPTED, false), 0);
	kith_node_touch(p->node);
	UNTIL(w, holds(p, "contacts.old") && p->node->jobs == 0);
	stop(p, w);
	on_shell(p, "rm -f state"); /* each test puts its own there */
}

static int pinned(struct party *p, const char *name)
{
	return kith_pin(p->node, name, &other, KITH_CONTACT_ACCEPTED, false);
}

/* Something is done to the files of a node that knows bob and carol. What is wrong is told, so many times. */
static void after(const char *command, struct party *p, struct world *w, struct told *told)
{
	world_init(w);
	with_contacts(p, w);
	on_shell(p, command);
	start(p, w, told);
}

static void finish(struct party *p, struct world *w)
{
	stop(p, w);
	world_deinit(w);
}

/* The state is a cache: whatever is in its place, the node starts, and has its contacts. */
static void nothing_in_place_of_the_state_keeps_a_node_from_starting(void **state)
{
	static const char *const commands[] = { "mkdir state && touch state/inside",
						"truncate -s 20M state",
						"touch state",
						"echo nonsense > state",
						"mkfifo state",
						"ln -s nowhere state",
						"ln -s contacts state" };
	(void)state;
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		struct world w;
		struct party p;
		struct told told;
		after(commands[i], &p, &w, &told);
		assert_int_equal(told.n, 1);
		assert_true(told.err != 0);
		assert_non_null(strstr(told.why, "/state/state cannot be used"));
		assert_non_null(strstr(told.why, "put aside as state.bad"));
		assert_true(holds(&p, "state.bad"));
		assert_int_equal(pinned(&p, "bob"), KITH_EPINNED);
		assert_int_equal(pinned(&p, "carol"), KITH_EPINNED);
		finish(&p, &w);
	}
}

static void the_time_of_a_state_file_means_nothing(void **state)
{
	static const int64_t later_s[] = { 3600, 2 * 86400, 60 * 86400, 120 * 86400, 10 * 365 * 86400, -1000000000 };
	(void)state;
	for (size_t i = 0; i < sizeof later_s / sizeof later_s[0]; i++) {
		struct world w;
		struct party p;
		struct told told;
		struct kith_node_info info;
		char path[160];
		struct utimbuf times;
		world_init(&w);
		with_contacts(&p, &w);
		start(&p, &w, &told);
		stop(&p, &w);
		on_shell(&p, "cp contacts state"); /* any file has a time */
		times.actime = times.modtime = (time_t)(kith_clock_unix_ms() / 1000 + later_s[i]);
		(void)snprintf(path, sizeof path, "%s/state/contacts", p.dir);
		assert_int_equal(utime(path, &times), 0);
		(void)snprintf(path, sizeof path, "%s/state/state", p.dir);
		assert_int_equal(utime(path, &times), 0);
		start(&p, &w, &told);
		kith_node_info(p.node, &info);
		assert_true(info.clock_trusted);
		finish(&p, &w);
	}
}

static void damaged_contacts_are_those_of_the_time_before_and_that_is_told(void **state)
{
	static const char *const commands[] = { "truncate -s 20 contacts", "echo x >> contacts",
						"truncate -s 0 contacts", "mkdir x && rm contacts && mv x contacts" };
	(void)state;
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		struct world w;
		struct party p;
		struct told told;
		after(commands[i], &p, &w, &told);
		assert_int_equal(told.n, 1);
		assert_non_null(strstr(told.why, "/state/contacts cannot be used"));
		assert_non_null(strstr(told.why, "put aside as contacts.bad"));
		assert_non_null(strstr(told.why, "the contacts of the time before are used"));
		assert_true(holds(&p, "contacts.bad"));
		assert_int_equal(pinned(&p, "bob"), KITH_EPINNED);
		assert_int_equal(pinned(&p, "carol"), 0); /* was added by the save that is lost */
		stop(&p, &w);
		start(&p, &w, &told); /* and all is well again */
		assert_int_equal(told.n, 0);
		assert_int_equal(pinned(&p, "bob"), KITH_EPINNED);
		finish(&p, &w);
	}
}

static void contacts_that_vanished_are_missed(void **state)
{
	struct world w;
	struct party p;
	struct told told;
	(void)state;
	after("rm contacts", &p, &w, &told);
	assert_int_equal(told.n, 1);
	assert_non_null(strstr(told.why, "/state/contacts is missing"));
	assert_int_equal(pinned(&p, "bob"), KITH_EPINNED);
	finish(&p, &w);
}

static void contacts_that_are_lost_for_good_are_told_loudly_and_kept_aside(void **state)
{
	struct world w;
	struct party p;
	struct told told;
	(void)state;
	after("echo x >> contacts; echo x >> contacts.old", &p, &w, &told);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.err, KITH_EPROTO);
	assert_non_null(strstr(told.why, "ALL CONTACTS ARE LOST"));
	assert_true(holds(&p, "contacts.bad"));
	assert_int_equal(pinned(&p, "bob"), 0);
	stop(&p, &w);

	/* Another accident does not take the first file away. */
	on_shell(&p, "echo x >> contacts; rm -f contacts.old");
	start(&p, &w, &told);
	assert_non_null(strstr(told.why, "put aside as contacts.bad2"));
	assert_true(holds(&p, "contacts.bad") && holds(&p, "contacts.bad2"));
	finish(&p, &w);
}

static void what_a_crash_left_half_written_is_removed(void **state)
{
	struct world w;
	struct party p;
	struct told told;
	(void)state;
	after("touch state.tmp contacts.tmp .writable.tmp .writable.tmp.4711.tmp", &p, &w, &told);
	assert_int_equal(told.n, 0);
	assert_false(holds(&p, "state.tmp") || holds(&p, "contacts.tmp") || holds(&p, ".writable.tmp") ||
		     holds(&p, ".writable.tmp.4711.tmp"));
	finish(&p, &w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_in_place_of_the_state_keeps_a_node_from_starting),
		cmocka_unit_test(the_time_of_a_state_file_means_nothing),
		cmocka_unit_test(damaged_contacts_are_those_of_the_time_before_and_that_is_told),
		cmocka_unit_test(contacts_that_vanished_are_missed),
		cmocka_unit_test(contacts_that_are_lost_for_good_are_told_loudly_and_kept_aside),
		cmocka_unit_test(what_a_crash_left_half_written_is_removed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
