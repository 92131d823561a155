/* Sessions of applications that outlive outages: of a link, of the whole network, of one end that sleeps. */
#include "call_world.h"

#include "base/limits.h"
#include "call/outage.h"

enum { CHANNEL = 4 };

static const uint8_t words[] = "are you still there?";

/* A call between alice and bob on which a stream is open, and has carried something. */
struct held {
	struct core_world w;
	kith_session_id ours, theirs;
	uint64_t stream;
	int since;
};

static void write_words(struct held *h)
{
	assert_int_equal(kith_core_stream_write(h->w.nodes[WORLD_ALICE].core, world_clock(&h->w), h->ours, h->stream,
						words, sizeof words, false),
			 sizeof words);
	world_drain(&h->w, WORLD_ALICE);
}

/* How many bytes bob can read. */
static int read_words(struct held *h)
{
	uint8_t got[8 * sizeof words];
	bool fin;
	int n = kith_core_stream_read(h->w.nodes[WORLD_BOB].core, world_clock(&h->w), h->theirs, h->stream, got,
				      sizeof got, &fin);
	world_drain(&h->w, WORLD_BOB);
	for (int i = 0; i < n; i++)
		assert_int_equal(got[i], words[(size_t)i % sizeof words]);
	return n;
}

static void hold(struct held *h)
{
	world_alice_and_bob_sim(&h->w);
	h->ours = world_call(&h->w, WORLD_ALICE, WORLD_BOB, &h->theirs);
	assert_int_equal(
		kith_core_stream_open(h->w.nodes[WORLD_ALICE].core, world_clock(&h->w), h->ours, CHANNEL, &h->stream),
		0);
	write_words(h);
	world_run(&h->w, 2 * KITH_US_PER_S);
	assert_int_equal(read_words(h), sizeof words);
	h->since = h->w.events_n;
}

static void patience(struct held *h, int node, kith_time_us us)
{
	kith_session_id id = node == WORLD_ALICE ? h->ours : h->theirs;
	assert_int_equal(kith_core_patience(h->w.nodes[node].core, world_clock(&h->w), id, us), 0);
}

static const struct world_event *closed(struct held *h, int node)
{
	return world_event(&h->w, node, KITH_EVENT_CLOSED, h->since);
}

/* Neither end has lost the session, and what was written meanwhile has arrived. */
static void goes_on(struct held *h, int bytes)
{
	assert_null(closed(h, WORLD_ALICE));
	assert_null(closed(h, WORLD_BOB));
	assert_int_equal(read_words(h), bytes);
}

/* ---- of a link ---- */

static void a_link_that_is_down_for_seconds_costs_no_session_and_no_stream(void **state)
{
	static const kith_time_us lengths[] = { KITH_US_PER_S / 10, KITH_US_PER_S, 3 * KITH_US_PER_S,
						14 * KITH_US_PER_S, 40 * KITH_US_PER_S };
	(void)state;
	for (int node = WORLD_ALICE; node <= WORLD_BOB; node++) {
		for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
			struct held h;
			hold(&h);
			world_link(&h.w, node, 0, false);
			h.w.nodes[node].muted = true;
			world_run(&h.w, lengths[i] / 2);
			write_words(&h);
			world_run(&h.w, lengths[i] / 2);
			h.w.nodes[node].muted = false;
			world_link(&h.w, node, 0, true);
			world_run(&h.w, 2 * KITH_US_PER_S);
			goes_on(&h, sizeof words);
			core_world_deinit(&h.w);
		}
	}
}

static void the_application_hears_how_long_it_was_interrupted(void **state)
{
	struct held h;
	(void)state;
	hold(&h);
	world_link(&h.w, WORLD_ALICE, 0, false);
	h.w.nodes[WORLD_ALICE].muted = true;
	world_run(&h.w, 10 * KITH_US_PER_S);
	const struct world_event *cut = world_event(&h.w, WORLD_ALICE, KITH_EVENT_INTERRUPTED, h.since);
	assert_non_null(cut);
	assert_int_equal(cut->ev.session, h.ours);
	assert_in_range(cut->ev.silent_us, KITH_INTERRUPTED_US, 4 * KITH_US_PER_S);
	assert_null(world_event(&h.w, WORLD_ALICE, KITH_EVENT_RESUMED, h.since));
	/* Datagrams are not taken as long as that lasts. */
	assert_int_equal(world_say(&h.w, WORLD_ALICE, h.ours, words, sizeof words), KITH_EAGAIN);
	h.w.nodes[WORLD_ALICE].muted = false;
	world_link(&h.w, WORLD_ALICE, 0, true);
	world_run(&h.w, 1 * KITH_US_PER_S);
	const struct world_event *back = world_event(&h.w, WORLD_ALICE, KITH_EVENT_RESUMED, h.since);
	assert_non_null(back);
	assert_true(back->ev.silent_us >= cut->ev.silent_us + back->at - cut->at);
	assert_int_equal(world_events(&h.w, WORLD_ALICE, KITH_EVENT_INTERRUPTED, h.since), 1);
	assert_int_equal(world_events(&h.w, WORLD_ALICE, KITH_EVENT_WRITABLE, h.since), 1);
	assert_int_equal(world_say(&h.w, WORLD_ALICE, h.ours, words, sizeof words), 0);
	core_world_deinit(&h.w);
}

/* ---- of the network ---- */

static void an_outage_shorter_than_the_patience_is_survived(void **state)
{
	struct held h;
	(void)state;
	for (int node = WORLD_ALICE; node <= WORLD_BOB; node++) {
		hold(&h);
		h.w.nodes[node].muted = true;
		write_words(&h);
		world_run(&h.w, 50 * KITH_US_PER_S);
		h.w.nodes[node].muted = false;
		world_run(&h.w, 30 * KITH_US_PER_S);
		goes_on(&h, sizeof words);
		core_world_deinit(&h.w);
	}
}

static void who_waits_for_ever_does_little_meanwhile_and_goes_on_after_hours(void **state)
{
	struct held h;
	(void)state;
	hold(&h);
	patience(&h, WORLD_ALICE, KITH_TIME_NEVER);
	patience(&h, WORLD_BOB, KITH_TIME_NEVER);
	h.w.nodes[WORLD_BOB].muted = true;
	write_words(&h);
	world_run(&h.w, 1200 * KITH_US_PER_S);
	uint64_t before = world_stat(&h.w, WORLD_ALICE, KITH_STAT_PACKETS_OUT);
	size_t bytes = h.w.alloc.live_bytes;
	world_run(&h.w, 3600 * KITH_US_PER_S);
	uint64_t sent = world_stat(&h.w, WORLD_ALICE, KITH_STAT_PACKETS_OUT) - before;
	print_message("%llu packets in an hour\n", (unsigned long long)sent);
	assert_true(sent < 3600);
	/* What comes and goes in five cores is 7 kB either way; what piled up would be hundreds in an hour. */
	assert_true(h.w.alloc.live_bytes <= bytes + 16384);
	h.w.nodes[WORLD_BOB].muted = false;
	world_run(&h.w, 130 * KITH_US_PER_S);
	goes_on(&h, sizeof words);
	core_world_deinit(&h.w);
}

/* ---- both ends agree ---- */

static void what_one_end_has_given_up_the_other_learns_when_it_can(void **state)
{
	(void)state;
	for (int hasty = WORLD_ALICE; hasty <= WORLD_BOB; hasty++) {
		for (int muted = WORLD_ALICE; muted <= WORLD_BOB; muted++) {
			struct held h;
			int other = WORLD_ALICE + WORLD_BOB - hasty;
			hold(&h);
			patience(&h, hasty, 5 * KITH_US_PER_S);
			patience(&h, other, KITH_TIME_NEVER);
			h.w.nodes[muted].muted = true;
			/* Both notice: one by its words, the other when nothing has come for three keepalives. */
			write_words(&h);
			world_run(&h.w, 300 * KITH_US_PER_S);
			assert_non_null(closed(&h, hasty));
			assert_null(closed(&h, other));
			h.w.nodes[muted].muted = false;
			world_run(&h.w, 120 * KITH_US_PER_S);
			assert_non_null(closed(&h, other));
			core_world_deinit(&h.w);
		}
	}
}

/* ---- of a machine that sleeps ---- */

static void a_machine_that_slept_tries_before_it_gives_up(void **state)
{
	struct held h;
	(void)state;
	hold(&h);
	patience(&h, WORLD_BOB, KITH_TIME_NEVER);
	h.w.nodes[WORLD_ALICE].muted = true;
	write_words(&h);
	world_run(&h.w, 10 * KITH_US_PER_S);
	h.w.now += 7200 * KITH_US_PER_S; /* the clock went on, nobody else did */
	h.w.nodes[WORLD_ALICE].muted = false;
	world_run(&h.w, 60 * KITH_US_PER_S);
	goes_on(&h, sizeof words);
	core_world_deinit(&h.w);
}

/* ---- bounds ---- */

static void no_more_sessions_wait_than_there_is_memory_for(void **state)
{
	struct held h;
	(void)state;
	hold(&h);
	struct kith_core *c = h.w.nodes[WORLD_ALICE].core;
	c->interrupted = KITH_INTERRUPTED_MAX;
	h.w.nodes[WORLD_ALICE].muted = true;
	write_words(&h);
	world_run(&h.w, 3 * KITH_US_PER_S);
	assert_non_null(closed(&h, WORLD_ALICE));
	assert_int_equal(c->interrupted, KITH_INTERRUPTED_MAX);
	core_world_deinit(&h.w);
}

static void the_patience_is_a_time_above_zero_of_a_session_that_there_is(void **state)
{
	struct held h;
	(void)state;
	hold(&h);
	struct kith_core *c = h.w.nodes[WORLD_ALICE].core;
	assert_int_equal(kith_core_patience(c, world_clock(&h.w), h.ours, 0), KITH_EINVAL);
	assert_int_equal(kith_core_patience(c, world_clock(&h.w), h.ours, -1), KITH_EINVAL);
	assert_int_equal(kith_core_patience(NULL, world_clock(&h.w), h.ours, 1), KITH_EINVAL);
	assert_int_equal(kith_core_patience(c, world_clock(&h.w), h.ours + 1, 1), KITH_ENOENT);
	/* It counts from the moment on at which the last path was lost, also when it is set later. */
	h.w.nodes[WORLD_ALICE].muted = true;
	write_words(&h);
	world_run(&h.w, 10 * KITH_US_PER_S);
	patience(&h, WORLD_ALICE, 5 * KITH_US_PER_S);
	world_run(&h.w, KITH_US_PER_S);
	assert_non_null(closed(&h, WORLD_ALICE));
	assert_int_equal(c->interrupted, 0);
	core_world_deinit(&h.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_link_that_is_down_for_seconds_costs_no_session_and_no_stream),
		cmocka_unit_test(the_application_hears_how_long_it_was_interrupted),
		cmocka_unit_test(an_outage_shorter_than_the_patience_is_survived),
		cmocka_unit_test(who_waits_for_ever_does_little_meanwhile_and_goes_on_after_hours),
		cmocka_unit_test(what_one_end_has_given_up_the_other_learns_when_it_can),
		cmocka_unit_test(a_machine_that_slept_tries_before_it_gives_up),
		cmocka_unit_test(no_more_sessions_wait_than_there_is_memory_for),
		cmocka_unit_test(the_patience_is_a_time_above_zero_of_a_session_that_there_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
