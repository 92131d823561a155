/* Nodes whose wall clock is wrong, at the start or while they run: what they do then, and that they are reachable as
 * soon as it is right. The others' clocks are right, but for those that lie. */
#include "leaf_world.h"

#include "core/save.h"

#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)
#define YEAR_MS (365 * DAY_MS)
#define SOON_US (30 * KITH_US_PER_S)

static const int64_t skews_ms[] = { HOUR_MS,	 -HOUR_MS,     2 * DAY_MS,   -2 * DAY_MS,
				    60 * DAY_MS, -60 * DAY_MS, 10 * YEAR_MS, -10 * YEAR_MS };
enum { SKEWS = sizeof skews_ms / sizeof skews_ms[0] };

/* What node saved last, to be given back at its next start. */
static uint8_t file[1 << 16];
static size_t file_len;

static void save(struct core_world *w, int node)
{
	struct kith_effect effect;
	struct kith_core *c = w->nodes[node].core;
	kith_outbox_claim(&w->shared->outbox, c, c->stats);
	kith_state_save(c);
	assert_true(kith_core_effect(c, &effect));
	assert_true(effect.bytes.len <= sizeof file);
	memcpy(file, effect.bytes.p, effect.bytes.len);
	file_len = effect.bytes.len;
	kith_core_complete(c, world_clock_of(w, node), effect.id, 0, NULL);
	world_drain(w, node);
}

static void start_with_state(struct core_world *w, int node)
{
	struct kith_core_options o;
	world_options(w, node, &o);
	o.state = test_span(file, file_len);
	o.earliest_ms = WORLD_UNIX_MS - YEAR_MS;
	o.presence = KITH_PRESENCE_PUBLIC; /* a stranger calls it at once */
	assert_int_equal(world_try_start(w, node, &o), 0);
}

/* The clock is right from now on; the node has half a minute to be found and called. */
static void comes_back(struct core_world *w, int node, int other)
{
	w->nodes[node].skew_ms = 0;
	world_run(w, SOON_US);
	assert_int_equal(homes_of(w, node), 3);
	world_call(w, other, node, NULL);
	struct kith_core_info info;
	kith_core_info(w->nodes[node].core, &info);
	assert_true(info.clock_trusted);
	assert_int_equal(info.homeless.err, 0);
}

static void a_leaf_that_starts_with_a_wrong_clock_is_reachable_when_it_is_right(void **state)
{
	(void)state;
	for (int i = 0; i < SKEWS; i++) {
		struct core_world w;
		world_alice_and_bob(&w);
		save(&w, WORLD_BOB);
		world_stop(&w, WORLD_BOB);
		world_run(&w, 20 * 60 * KITH_US_PER_S); /* its record is gone */
		w.nodes[WORLD_BOB].skew_ms = skews_ms[i];
		start_with_state(&w, WORLD_BOB);
		world_run(&w, 300 * KITH_US_PER_S);
		comes_back(&w, WORLD_BOB, WORLD_ALICE);
		/* What it saved meanwhile does no harm either. */
		save(&w, WORLD_BOB);
		world_stop(&w, WORLD_BOB);
		start_with_state(&w, WORLD_BOB);
		comes_back(&w, WORLD_BOB, WORLD_ALICE);
		core_world_deinit(&w);
	}
}

static void a_leaf_whose_clock_goes_wrong_is_reachable_when_it_is_right(void **state)
{
	(void)state;
	for (int i = 0; i < SKEWS; i++) {
		struct core_world w;
		world_alice_and_bob(&w);
		w.nodes[WORLD_BOB].skew_ms = skews_ms[i];
		world_run(&w, 1200 * KITH_US_PER_S); /* certificates were looked at twice */
		comes_back(&w, WORLD_BOB, WORLD_ALICE);
		core_world_deinit(&w);
	}
}

/* State that was written by a clock that was wrong is read by one that is right. */
static void what_a_wrong_clock_saved_does_no_harm(void **state)
{
	(void)state;
	for (int i = 0; i < SKEWS; i++) {
		struct core_world w;
		world_alice_and_bob(&w);
		world_stop(&w, WORLD_BOB);
		w.nodes[WORLD_BOB].skew_ms = skews_ms[i];
		file_len = 0;
		start_with_state(&w, WORLD_BOB);
		world_run(&w, 60 * KITH_US_PER_S);
		save(&w, WORLD_BOB);
		world_stop(&w, WORLD_BOB);
		w.nodes[WORLD_BOB].skew_ms = 0;
		start_with_state(&w, WORLD_BOB);
		comes_back(&w, WORLD_BOB, WORLD_ALICE);
		core_world_deinit(&w);
	}
}

static uint32_t members_of(const struct core_world *w, int node)
{
	struct kith_core_info info;
	kith_core_info(w->nodes[node].core, &info);
	return info.members;
}

static void a_supernode_whose_clock_was_wrong_is_a_member_again_when_it_is_right(void **state)
{
	(void)state;
	for (int at_start = 0; at_start < 2; at_start++) {
		for (int i = 0; i < SKEWS; i++) {
			struct core_world w;
			world_alice_and_bob(&w);
			if (at_start) {
				save(&w, 1);
				world_stop(&w, 1);
			}
			w.nodes[1].skew_ms = skews_ms[i];
			if (at_start)
				start_with_state(&w, 1);
			world_run(&w, 1200 * KITH_US_PER_S);
			w.nodes[1].skew_ms = 0;
			world_run(&w, SOON_US);
			for (int k = 0; k < 3; k++)
				assert_int_equal(members_of(&w, k), 3);
			world_run(&w, 130 * KITH_US_PER_S); /* leaves try a host that failed once in two minutes */
			assert_int_equal(homes_of(&w, WORLD_BOB), 3);
			world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
			world_call(&w, WORLD_BOB, WORLD_ALICE, NULL);
			core_world_deinit(&w);
		}
	}
}

static const struct world_event *told(const struct core_world *w, int node, enum kith_event_type type, int err,
				      int since)
{
	for (int i = since; i < w->events_n; i++)
		if (w->events[i].node == node && w->events[i].ev.type == type && w->events[i].ev.err == err)
			return &w->events[i];
	return NULL;
}

static void a_wrong_clock_is_told_and_so_is_its_end(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	assert_null(told(&w, WORLD_BOB, KITH_EVENT_CLOCK, KITH_ESKEW, 0));
	int since = w.events_n;
	w.nodes[WORLD_BOB].skew_ms = 2 * DAY_MS;
	world_run(&w, 500 * KITH_US_PER_S);
	const struct world_event *e = told(&w, WORLD_BOB, KITH_EVENT_CLOCK, KITH_ESKEW, since);
	assert_non_null(e);
	assert_int_equal(e->ev.count, 3);
	assert_true(e->ev.ahead_ms > -2 * DAY_MS - 1000 && e->ev.ahead_ms < -2 * DAY_MS + 1000);
	/* Its record is refused, which is told as well; the homes are kept, and asked calmly. */
	e = told(&w, WORLD_BOB, KITH_EVENT_ATTACH_FAILING, KITH_ESKEW, since);
	assert_non_null(e);
	assert_int_equal(homes_of(&w, WORLD_BOB), 3);
	uint64_t sent = w.nodes[WORLD_BOB].stats.counter[KITH_STAT_PACKETS_OUT];
	world_run(&w, 120 * KITH_US_PER_S);
	assert_true(w.nodes[WORLD_BOB].stats.counter[KITH_STAT_PACKETS_OUT] - sent < 120);
	since = w.events_n;
	w.nodes[WORLD_BOB].skew_ms = 0;
	world_run(&w, SOON_US);
	assert_non_null(told(&w, WORLD_BOB, KITH_EVENT_CLOCK, 0, since));
	core_world_deinit(&w);
}

/* The date of the release is wrong, two days ahead: three homes know better, two do not suffice. */
static void a_bound_that_is_wrong_gives_way_to_three_homes(void **state)
{
	struct core_world w;
	struct kith_core_options o;
	struct kith_core_info info;
	(void)state;
	world_alice_and_bob(&w);
	world_stop(&w, WORLD_BOB);
	world_options(&w, WORLD_BOB, &o);
	o.earliest_ms = WORLD_UNIX_MS + 2 * DAY_MS;
	assert_int_equal(world_try_start(&w, WORLD_BOB, &o), 0);
	kith_core_info(w.nodes[WORLD_BOB].core, &info);
	assert_false(info.clock_trusted);
	world_run(&w, SOON_US);
	kith_core_info(w.nodes[WORLD_BOB].core, &info);
	assert_true(info.clock_trusted);
	world_call(&w, WORLD_ALICE, WORLD_BOB, NULL);
	core_world_deinit(&w);
}

/* One home, then two, lie about the time: the leaf's own stays, and it is told of nothing, or of a doubt. */
static void a_home_that_lies_moves_no_clock(void **state)
{
	(void)state;
	for (int liars = 1; liars <= 2; liars++) {
		for (int i = 0; i < SKEWS; i++) {
			struct core_world w;
			core_world_init(&w, kith_suite_sodium(), 1);
			for (int k = 0; k < 3; k++) {
				char name[] = { 's', (char)('0' + k), '\0' };
				world_start(&w, name, true);
			}
			world_run(&w, 10 * KITH_US_PER_S);
			int leaf = world_start(&w, "alice", false);
			for (int k = 0; k < liars; k++)
				w.nodes[k].skew_ms = skews_ms[i];
			world_run(&w, 120 * KITH_US_PER_S);
			struct kith_core *c = w.nodes[leaf].core;
			assert_true(c->now.unix_trusted);
			assert_int_equal(c->now.unix_ms, WORLD_UNIX_MS + c->now.mono_us / 1000);
			if (liars == 1)
				assert_null(told(&w, leaf, KITH_EVENT_CLOCK, KITH_ESKEW, 0));
			core_world_deinit(&w);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_leaf_that_starts_with_a_wrong_clock_is_reachable_when_it_is_right),
		cmocka_unit_test(a_leaf_whose_clock_goes_wrong_is_reachable_when_it_is_right),
		cmocka_unit_test(what_a_wrong_clock_saved_does_no_harm),
		cmocka_unit_test(a_supernode_whose_clock_was_wrong_is_a_member_again_when_it_is_right),
		cmocka_unit_test(a_wrong_clock_is_told_and_so_is_its_end),
		cmocka_unit_test(a_bound_that_is_wrong_gives_way_to_three_homes),
		cmocka_unit_test(a_home_that_lies_moves_no_clock),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
