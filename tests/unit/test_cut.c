/* What a session's end leaves of its streams, and how long the end waits for what was finished. */
#include "core_world.h"

#include "base/limits.h"
#include "call/cut.h"

enum { CHANNEL = 4, SOME = 3000, MEGABYTES = 3 * 1000 * 1000 };

static const uint8_t zeros[64 * 1024];

struct talk {
	struct core_world w;
	kith_session_id ours, theirs; /* alice's, bob's */
	uint64_t stream;
};

static void talk_init(struct talk *t)
{
	world_alice_and_bob(&t->w);
	t->ours = world_call(&t->w, WORLD_ALICE, WORLD_BOB, &t->theirs);
	assert_int_equal(
		kith_core_stream_open(t->w.nodes[WORLD_ALICE].core, world_clock(&t->w), t->ours, CHANNEL, &t->stream),
		0);
}

static int write_some(struct talk *t, size_t len, bool fin)
{
	int n = kith_core_stream_write(t->w.nodes[WORLD_ALICE].core, world_clock(&t->w), t->ours, t->stream, zeros, len,
				       fin);
	world_drain(&t->w, WORLD_ALICE);
	return n;
}

/* Bob's. */
static int read_some(struct talk *t, size_t cap, bool *fin)
{
	static uint8_t out[sizeof zeros];
	int n = kith_core_stream_read(t->w.nodes[WORLD_BOB].core, world_clock(&t->w), t->theirs, t->stream, out,
				      cap < sizeof out ? cap : sizeof out, fin);
	world_drain(&t->w, WORLD_BOB);
	return n;
}

static void hang_up(struct talk *t, kith_time_us linger_us)
{
	assert_int_equal(kith_core_close_after(t->w.nodes[WORLD_ALICE].core, world_clock(&t->w), t->ours,
					       KITH_CLOSE_NORMAL, linger_us),
			 0);
	world_drain(&t->w, WORLD_ALICE);
}

/* ---- cut, or ended ---- */

static void what_had_arrived_is_read_after_the_cut_and_then_the_cut_is_told(void **state)
{
	struct talk t;
	bool fin;
	(void)state;
	talk_init(&t);
	assert_int_equal(write_some(&t, SOME, false), SOME);
	world_run(&t.w, KITH_US_PER_S);
	hang_up(&t, 0);
	world_run(&t.w, KITH_US_PER_S);
	assert_non_null(world_event(&t.w, WORLD_BOB, KITH_EVENT_CLOSED, 0));
	assert_int_equal(read_some(&t, 1000, &fin), 1000);
	assert_int_equal(read_some(&t, SOME, &fin), SOME - 1000);
	assert_int_equal(read_some(&t, SOME, &fin), KITH_ECUT);
	assert_false(fin);
	assert_null(kith_cut_get(t.w.nodes[WORLD_BOB].core, t.theirs)); /* all is told */
	core_world_deinit(&t.w);
}

static void an_end_that_had_arrived_is_an_end_after_the_cut(void **state)
{
	struct talk t;
	bool fin;
	(void)state;
	talk_init(&t);
	assert_int_equal(write_some(&t, SOME, true), SOME);
	world_run(&t.w, KITH_US_PER_S);
	hang_up(&t, 0);
	world_run(&t.w, KITH_US_PER_S);
	assert_int_equal(read_some(&t, SOME, &fin), SOME);
	assert_true(fin);
	core_world_deinit(&t.w);
}

static void what_nobody_reads_is_given_back_in_time(void **state)
{
	struct talk t;
	bool fin;
	(void)state;
	talk_init(&t);
	assert_int_equal(write_some(&t, SOME, false), SOME);
	world_run(&t.w, KITH_US_PER_S);
	hang_up(&t, 0);
	world_run(&t.w, KITH_US_PER_S);
	assert_non_null(kith_cut_get(t.w.nodes[WORLD_BOB].core, t.theirs));
	world_run(&t.w, KITH_CUT_KEPT_US);
	assert_null(kith_cut_get(t.w.nodes[WORLD_BOB].core, t.theirs));
	assert_int_equal(read_some(&t, SOME, &fin), KITH_ENOENT);
	core_world_deinit(&t.w);
}

static void giving_up_reading_gives_it_back_at_once(void **state)
{
	struct talk t;
	(void)state;
	talk_init(&t);
	assert_int_equal(write_some(&t, SOME, false), SOME);
	world_run(&t.w, KITH_US_PER_S);
	hang_up(&t, 0);
	world_run(&t.w, KITH_US_PER_S);
	assert_int_equal(kith_core_stream_stop(t.w.nodes[WORLD_BOB].core, world_clock(&t.w), t.theirs, t.stream, 0), 0);
	assert_null(kith_cut_get(t.w.nodes[WORLD_BOB].core, t.theirs));
	core_world_deinit(&t.w);
}

static void nothing_is_kept_of_a_session_whose_streams_were_read(void **state)
{
	struct talk t;
	bool fin;
	(void)state;
	talk_init(&t);
	assert_int_equal(write_some(&t, SOME, false), SOME);
	world_run(&t.w, KITH_US_PER_S);
	assert_int_equal(read_some(&t, SOME, &fin), SOME);
	hang_up(&t, 0);
	world_run(&t.w, KITH_US_PER_S);
	assert_int_equal(t.w.nodes[WORLD_BOB].core->cuts_n, 0);
	core_world_deinit(&t.w);
}

/* ---- lingering ---- */

static int lose_one_in_twenty(struct core_world *w, struct world_packet *p)
{
	uint64_t *n = w->tap_ctx;
	(void)p;
	*n = *n * 6364136223846793005u + 1442695040888963407u;
	return (*n >> 33) % 20 == 0 ? 0 : 1;
}

static int lose_all(struct core_world *w, struct world_packet *p)
{
	(void)w, (void)p;
	return 0;
}

/* Alice writes as there is room, ends, and hangs up at once; bob reads what comes. Returns how much, and whether its
 * end came. */
static size_t send_and_hang_up(struct talk *t, size_t len, bool *ended)
{
	size_t sent = 0, got = 0;
	bool fin = false, closed = false;
	for (int i = 0; i < 4000 && !fin && world_event(&t->w, WORLD_BOB, KITH_EVENT_CLOSED, 0) == NULL; i++) {
		while (!closed) {
			size_t left = len - sent;
			int n = write_some(t, left < sizeof zeros ? left : sizeof zeros, left <= sizeof zeros);
			if (n <= 0)
				break;
			sent += (size_t)n;
			if (sent == len) {
				hang_up(t, 60 * KITH_US_PER_S);
				closed = true;
			}
		}
		world_run(&t->w, 10 * KITH_US_PER_MS);
		for (int n; !fin && (n = read_some(t, sizeof zeros, &fin)) > 0;)
			got += (size_t)n;
	}
	for (int n; !fin && (n = read_some(t, sizeof zeros, &fin)) >= 0;)
		got += (size_t)n;
	*ended = fin;
	return got;
}

static void what_was_finished_arrives_before_the_session_ends(void **state)
{
	static const size_t lengths[] = { 1, 100 * 1000, MEGABYTES };
	(void)state;
	for (size_t i = 0; i < 2 * sizeof lengths / sizeof lengths[0]; i++) {
		struct talk t;
		uint64_t random = i;
		bool ended;
		talk_init(&t);
		if (i % 2 == 1)
			t.w.tap = lose_one_in_twenty;
		t.w.tap_ctx = &random;
		assert_int_equal(send_and_hang_up(&t, lengths[i / 2], &ended), lengths[i / 2]);
		assert_true(ended);
		t.w.tap = NULL;
		world_run(&t.w, KITH_US_PER_S);
		const struct world_event *closed = world_event(&t.w, WORLD_ALICE, KITH_EVENT_CLOSED, 0);
		assert_non_null(closed);
		assert_int_equal(closed->ev.err, 0);
		core_world_deinit(&t.w);
	}
}

static void lingering_ends_in_time_if_nothing_arrives(void **state)
{
	struct talk t;
	(void)state;
	talk_init(&t);
	t.w.tap = lose_all;
	assert_int_equal(write_some(&t, SOME, true), SOME);
	kith_time_us began = t.w.now;
	hang_up(&t, 2 * KITH_US_PER_S);
	world_run(&t.w, 5 * KITH_US_PER_S);
	const struct world_event *closed = world_event(&t.w, WORLD_ALICE, KITH_EVENT_CLOSED, 0);
	assert_non_null(closed);
	assert_int_equal(closed->at - began, 2 * KITH_US_PER_S);
	assert_int_equal(closed->ev.err, KITH_ETIMEDOUT);
	core_world_deinit(&t.w);
}

static void a_session_that_owes_nothing_ends_at_once(void **state)
{
	struct talk t;
	(void)state;
	talk_init(&t);
	assert_int_equal(write_some(&t, SOME, false), SOME); /* not finished: given up */
	hang_up(&t, 60 * KITH_US_PER_S);
	const struct world_event *closed = world_event(&t.w, WORLD_ALICE, KITH_EVENT_CLOSED, 0);
	assert_non_null(closed);
	assert_int_equal(closed->at, t.w.now);
	core_world_deinit(&t.w);
}

static void leaving_waits_for_sessions_that_linger(void **state)
{
	struct talk t;
	bool ended = false;
	size_t got = 0;
	(void)state;
	talk_init(&t);
	assert_int_equal(write_some(&t, sizeof zeros, true), sizeof zeros);
	hang_up(&t, 10 * KITH_US_PER_S);
	kith_core_leave(t.w.nodes[WORLD_ALICE].core, world_clock(&t.w), 1000);
	world_drain(&t.w, WORLD_ALICE);
	world_run(&t.w, 3 * KITH_US_PER_S);
	for (int n; !ended && (n = read_some(&t, sizeof zeros, &ended)) >= 0;)
		got += (size_t)n;
	assert_int_equal(got, sizeof zeros);
	assert_true(ended);
	assert_non_null(world_event(&t.w, WORLD_ALICE, KITH_EVENT_LEFT, 0));
	core_world_deinit(&t.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_had_arrived_is_read_after_the_cut_and_then_the_cut_is_told),
		cmocka_unit_test(an_end_that_had_arrived_is_an_end_after_the_cut),
		cmocka_unit_test(what_nobody_reads_is_given_back_in_time),
		cmocka_unit_test(giving_up_reading_gives_it_back_at_once),
		cmocka_unit_test(nothing_is_kept_of_a_session_whose_streams_were_read),
		cmocka_unit_test(what_was_finished_arrives_before_the_session_ends),
		cmocka_unit_test(lingering_ends_in_time_if_nothing_arrives),
		cmocka_unit_test(a_session_that_owes_nothing_ends_at_once),
		cmocka_unit_test(leaving_waits_for_sessions_that_linger),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
