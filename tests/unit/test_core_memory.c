/* One allocation fails, each in its turn, in the life of a small network: nobody crashes, nothing leaks, what was asked
 * for ends in a clear answer, and what failed works when it is tried again.
 */
#include "core_world.h"

#include "sim/suite_sim.h"

enum { S0, S1, ALICE, BOB, NODES };

static const char *const names[NODES] = { "s0", "s1", "alice", "bob" };

/* How the application's calls ended. */
struct story {
	int steps; /* that went well */
	int failed;
	bool hit; /* the allocation that was to fail was asked for */
};

static bool is_clean(int err)
{
	return err == KITH_ENOMEM || err == KITH_EFULL || err == KITH_EAGAIN || err == KITH_ENOENT ||
	       err == KITH_ETIMEDOUT || err == KITH_EUNREACHABLE || err == KITH_EDETACHED || err == KITH_ECLOSED ||
	       err == KITH_EOFFLINE || err == KITH_EREJECTED || err == KITH_ESTATE;
}

static bool went_well(struct story *story, int err)
{
	if (err < 0 && !is_clean(err))
		fail_msg("step %d ended with %s", story->steps, kith_err_name(err));
	if (err < 0)
		story->failed++;
	else
		story->steps++;
	return err >= 0;
}

static void accept_if_possible(struct core_world *w, int node, const struct kith_event *ev)
{
	if (ev->type == KITH_EVENT_INCOMING) {
		int err = kith_core_accept(w->nodes[node].core, world_clock(w), ev->session);
		assert_true(err == 0 || is_clean(err));
	}
}

/* Starts a node; without memory once more. */
static void start(struct core_world *w, struct story *story, int i)
{
	struct kith_core_options o;
	assert_int_equal(world_add(w, names[i], i <= S1), i);
	world_options(w, i, &o);
	o.bootstrap_n = 2;
	if (!went_well(story, world_try_start(w, i, &o)))
		assert_int_equal(world_try_start(w, i, &o), 0);
}

/* The end of an operation: 0, or its error. It must come. */
static int ended(const struct core_world *w, kith_op op, int since, kith_session_id *session)
{
	for (int i = w->events_n; i-- > since;) {
		const struct kith_event *ev = &w->events[i].ev;
		if (w->events[i].node != ALICE || ev->op != op)
			continue;
		if (ev->type == KITH_EVENT_OP_DONE)
			return ev->err;
		if (ev->type == KITH_EVENT_OPENED) {
			*session = ev->session;
			return 0;
		}
	}
	fail_msg("an operation never ended");
	return 0;
}

static void look_up(struct core_world *w, struct story *story)
{
	kith_op op;
	kith_session_id none;
	int since = w->events_n;
	int err = kith_core_lookup(w->nodes[ALICE].core, world_clock(w), "bob", &op);
	world_drain(w, ALICE);
	world_run(w, 9 * KITH_US_PER_S);
	if (went_well(story, err))
		(void)went_well(story, ended(w, op, since, &none));
}

/* Calls; 0 when it failed. */
static kith_session_id call(struct core_world *w, struct story *story)
{
	kith_op op;
	kith_session_id session = 0;
	int since = w->events_n;
	int err = kith_core_call(w->nodes[ALICE].core, world_clock(w), "bob", "chat", 5 * KITH_US_PER_S, &op);
	world_drain(w, ALICE);
	world_run(w, 6 * KITH_US_PER_S);
	if (!went_well(story, err) || !went_well(story, ended(w, op, since, &session)))
		return 0;
	return session;
}

static void talk(struct core_world *w, struct story *story, kith_session_id session)
{
	static const uint8_t text[3000] = { 'd', 'a', 't', 'a' };
	uint64_t stream;
	int since = w->events_n;
	struct kith_core *alice = w->nodes[ALICE].core, *bob = w->nodes[BOB].core;
	(void)went_well(story, world_say(w, ALICE, session, "hello", 5));
	if (!went_well(story, kith_core_stream_open(alice, world_clock(w), session, 1, &stream)))
		return;
	world_drain(w, ALICE);
	(void)went_well(story, kith_core_stream_write(alice, world_clock(w), session, stream, text, sizeof text, true));
	world_drain(w, ALICE);
	world_run(w, 2 * KITH_US_PER_S);
	const struct world_event *e = world_event(w, BOB, KITH_EVENT_STREAM, since);
	if (e == NULL || !went_well(story, 0))
		return;
	uint8_t out[4000];
	bool fin;
	uint64_t theirs = e->ev.stream;
	kith_session_id at_bob = e->ev.session;
	(void)went_well(story, kith_core_stream_read(bob, world_clock(w), at_bob, theirs, out, sizeof out, &fin));
	world_drain(w, BOB);
	(void)went_well(story, kith_core_stream_write(bob, world_clock(w), at_bob, theirs, text, 10, true));
	world_drain(w, BOB);
	world_run(w, KITH_US_PER_S);
}

/* A network from its first minute to its last; the n-th allocation fails. */
static struct story live(const struct kith_suite *suite, long n)
{
	struct core_world w;
	struct story story = { 0 };
	core_world_init(&w, suite, 1);
	w.log = getenv("KITH_TEST_LOG") != NULL;
	w.on_event = accept_if_possible;
	w.alloc.fail_once = true;
	w.alloc.fail_after = n;
	for (int i = S0; i <= S1; i++)
		start(&w, &story, i);
	world_run(&w, 10 * KITH_US_PER_S);
	for (int i = ALICE; i <= BOB; i++)
		start(&w, &story, i);
	world_run(&w, 10 * KITH_US_PER_S);
	(void)went_well(&story, kith_core_watch(w.nodes[ALICE].core, world_clock(&w), "bob"));
	world_drain(&w, ALICE);
	look_up(&w, &story);
	kith_session_id session = call(&w, &story);
	if (session != 0) {
		talk(&w, &story, session);
		int err = kith_core_close(w.nodes[ALICE].core, world_clock(&w), session, KITH_CLOSE_NORMAL);
		world_drain(&w, ALICE);
		(void)went_well(&story, err);
	}
	world_run(&w, 20 * KITH_US_PER_S);
	story.hit = w.alloc.fail_after < 0;
	w.alloc.fail_after = -1;
	world_run(&w, 60 * KITH_US_PER_S);
	struct story again = { 0 };
	session = call(&w, &again);
	if (session == 0)
		fail_msg("allocation %ld failed, and alice cannot call bob two minutes later", n);
	kith_core_leave(w.nodes[ALICE].core, world_clock(&w), KITH_US_PER_S);
	world_drain(&w, ALICE);
	world_run(&w, 2 * KITH_US_PER_S);
	assert_non_null(world_event(&w, ALICE, KITH_EVENT_LEFT, 0));
	core_world_deinit(&w);
	return story;
}

static void any_single_allocation_may_fail(void **state)
{
	(void)state;
	struct story whole = live(kith_suite_sim(), 1000000);
	assert_false(whole.hit);
	assert_int_equal(whole.failed, 0);
	long n = 0;
	int troubled = 0;
	for (bool hit = true; hit; n++) {
		struct story story = live(kith_suite_sim(), n);
		hit = story.hit;
		troubled += story.failed > 0;
	}
	printf("%ld allocations, %d of them were felt by the application\n", n - 1, troubled);
	assert_true(n > 300); /* else the story has become shorter than it should be */
	assert_true(troubled > 10);
}

static void what_cores_share_may_fail_to_be_made(void **state)
{
	(void)state;
	struct test_alloc alloc;
	struct test_random random;
	struct kith_shared_options o;
	struct kith_shared *shared = NULL;
	test_alloc_init(&alloc);
	test_random_init(&random, 1);
	kith_shared_options_init(&o);
	o.alloc = &alloc.alloc;
	o.random = &random.random;
	int err = KITH_ENOMEM;
	for (long n = 0; err != 0; n++) {
		alloc.fail_after = n;
		err = kith_shared_new(&shared, &o);
		assert_true(err == 0 || err == KITH_ENOMEM);
		if (err != 0)
			test_alloc_check(&alloc);
		assert_true(n < 10);
	}
	kith_shared_free(shared);
	test_alloc_check(&alloc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_single_allocation_may_fail),
		cmocka_unit_test(what_cores_share_may_fail_to_be_made),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
