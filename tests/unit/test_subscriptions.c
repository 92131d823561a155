/* A leaf's two subscriptions: it is told of those whom it watches though homes withhold it, and finds out who does. */
#include "leaf_world.h"

#include "base/limits.h"
#include "core/settle.h"
#include "leaf/caught.h"
#include "leaf/record.h"
#include "leaf/subscriptions.h"
#include "leaf/watching.h"

enum { ALICE = WORLD_FAR_ALICE, BOB = WORLD_FAR_BOB };

/* Six supernodes, alice at the last three, bob at the first three. Alice watches bob. */
static struct core_world w;

static int setup(void **state)
{
	(void)state;
	world_far_apart(&w);
	w.nodes[BOB].core->presence = KITH_PRESENCE_PUBLIC; /* alice is not his contact */
	assert_int_equal(kith_core_watch(w.nodes[ALICE].core, world_clock(&w), "bob"), 0);
	world_drain(&w, ALICE);
	world_run(&w, 65 * KITH_US_PER_S);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	core_world_deinit(&w);
	return 0;
}

static struct kith_core *alice(void)
{
	return w.nodes[ALICE].core;
}

/* The node that is alice's home for that subscription; below 0: there is none. */
static int home_of(unsigned subscription)
{
	const struct kith_subscription *at = &alice()->leaf.subscriptions.at[subscription];
	const struct kith_session *s = kith_sessions_get(&alice()->sessions, at->session);
	return s != NULL ? world_node_at(&w, &kith_session_hop(s)->remote) : -1;
}

/* That home forgets again and again what alice asked it for: it says yes, and tells nothing. */
static void withhold(int home)
{
	struct kith_core *c = w.nodes[home].core;
	const struct kith_session *s = kith_sessions_of(&c->sessions, w.nodes[ALICE].id.device_dh.b);
	if (s != NULL)
		(void)kith_watches_drop(&c->super->interests, s->index);
}

static void run(kith_time_us us, int liar, int other_liar)
{
	for (const kith_time_us end = w.now + us; w.now < end;) {
		if (liar >= 0)
			withhold(liar);
		if (other_liar >= 0)
			withhold(other_liar);
		world_run(&w, 100 * KITH_US_PER_MS);
	}
}

/* Bob signs a new record, as he does when a home of his changes. */
static uint64_t bob_signs(void)
{
	struct kith_core *c = w.nodes[BOB].core;
	kith_core_enter(c, world_clock(&w));
	kith_leaf_publish(c, true);
	kith_core_settle(c);
	world_drain(&w, BOB);
	return c->leaf.record_seq;
}

static uint64_t alice_knows(void)
{
	assert_int_equal(alice()->watched_n, 1);
	return alice()->watched[0].devices[0].verdict.seq;
}

static unsigned points(void)
{
	unsigned n = 0;
	for (size_t i = 0; i < KITH_HOMES; i++)
		n += alice()->leaf.homes[i].points;
	return n;
}

static void a_leaf_subscribes_at_two_of_its_homes(void **state)
{
	unsigned watching = 0, brief = 0;
	(void)state;
	for (int i = 0; i < 6; i++) {
		struct kith_core *c = w.nodes[i].core;
		const struct kith_session *s = kith_sessions_of(&c->sessions, w.nodes[ALICE].id.device_dh.b);
		watching += s != NULL && kith_watches_has(&c->super->interests, &alice()->watched[0].key, s->index);
		brief += s != NULL && s->attached != NULL && s->attached->brief;
	}
	assert_int_equal(watching, KITH_SUBSCRIPTIONS);
	assert_int_equal(brief, 1);
	assert_int_not_equal(home_of(0), home_of(1));
}

static void nothing_is_held_against_honest_homes(void **state)
{
	(void)state;
	for (int i = 0; i < 6; i++) {
		uint64_t seq = bob_signs();
		run(180 * KITH_US_PER_S, -1, -1);
		assert_int_equal(alice_knows(), seq);
		assert_int_equal(alice()->watched[0].devices[0].compare_at, KITH_TIME_NEVER);
	}
	assert_int_equal(points(), 0);
}

/* Alice hears of bob from the other one, and leaves the one that withholds after the third time. */
static void whoever_withholds_is_found_out(unsigned subscription)
{
	const int liar = home_of(subscription);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(world_events(&w, ALICE, KITH_EVENT_CAUGHT, 0), 0);
		withhold(liar);
		uint64_t seq = bob_signs();
		run(2 * KITH_US_PER_S, liar, -1);
		assert_int_equal(alice_knows(), seq);
		run(KITH_LEAF_VANISH_US + 55 * KITH_US_PER_S, liar, -1);
		assert_int_equal(points(), 4 * (unsigned)i); /* it may be slow */
		run(10 * KITH_US_PER_S, liar, -1);
	}
	const struct world_event *ev = world_event(&w, ALICE, KITH_EVENT_CAUGHT, 0);
	assert_non_null(ev);
	assert_string_equal(ev->ev.name, w.nodes[liar].name);
	assert_int_equal(ev->ev.lie, KITH_LIE_WITHHOLDS);
	world_run(&w, 10 * KITH_US_PER_S);
	assert_int_equal(world_events(&w, ALICE, KITH_EVENT_CAUGHT, 0), 1);
	for (unsigned i = 0; i < KITH_SUBSCRIPTIONS; i++) {
		assert_true(home_of(i) >= 0);
		assert_int_not_equal(home_of(i), liar);
	}
}

static void a_home_that_is_to_tell_all_and_tells_nothing_is_found_out(void **state)
{
	(void)state;
	whoever_withholds_is_found_out(0);
}

static void a_home_that_is_to_tell_in_brief_and_tells_nothing_is_found_out(void **state)
{
	(void)state;
	whoever_withholds_is_found_out(1);
}

/* They look as if there were no news, until the third is asked. */
static void two_that_withhold_together_are_found_out_by_the_third(void **state)
{
	const int liars[2] = { home_of(0), home_of(1) };
	(void)state;
	withhold(liars[0]);
	withhold(liars[1]);
	uint64_t seq = bob_signs();
	run(10 * KITH_US_PER_S, liars[0], liars[1]);
	assert_true(alice_knows() < seq);
	run(15 * 60 * KITH_US_PER_S, liars[0], liars[1]);
	assert_true(alice_knows() >= seq); /* the third has been asked */
	assert_true(home_of(0) != liars[0] || home_of(1) != liars[1]); /* and taken */
	seq = bob_signs();
	run(2 * KITH_US_PER_S, liars[0], liars[1]);
	assert_int_equal(alice_knows(), seq);
}

/* Whoever slept was told nothing, and by nobody. */
static void what_was_told_before_a_sleep_is_not_held_against_those_who_were_not_heard(void **state)
{
	(void)state;
	const int late = home_of(1);
	withhold(late);
	(void)bob_signs();
	run(2 * KITH_US_PER_S, late, -1);
	assert_true(alice()->watched[0].devices[0].compare_at < KITH_TIME_NEVER);
	w.now += 200 * KITH_US_PER_S;
	kith_core_tick(alice(), world_clock(&w));
	assert_int_equal(points(), 0);
	world_drain(&w, ALICE);
}

/* What is not signed makes nothing true, and is asked for once. */
static void a_brief_word_of_records_that_there_are_not_does_no_harm(void **state)
{
	struct kith_core *c = alice();
	const struct kith_session *s = kith_sessions_get(&c->sessions, c->leaf.subscriptions.at[1].session);
	struct kith_msg_notice m = { .has_key = true, .key = c->watched[0].key, .has_newest = true };
	(void)state;
	assert_non_null(s);
	uint64_t seq = alice_knows();
	m.newest_seq = UINT64_MAX;
	for (unsigned i = 0; i < 20; i++) {
		memset(m.newest, (int)i, sizeof m.newest); /* the first is all zeros, as a free place */
		kith_core_enter(c, world_clock(&w));
		kith_watching_newest(c, s, &m);
		kith_core_settle(c);
	}
	memcpy(m.newest, w.nodes[BOB].id.device_dh.b, sizeof m.newest);
	kith_core_enter(c, world_clock(&w));
	kith_watching_newest(c, s, &m);
	kith_core_settle(c);
	world_drain(&w, ALICE);
	world_run(&w, 300 * KITH_US_PER_S);
	assert_int_equal(c->watched[0].devices_n, KITH_DIAL_DEVICES_MAX);
	assert_int_equal(alice_knows(), seq);
	assert_int_equal(points(), 0);
	assert_true(c->watched[0].online);
	seq = bob_signs();
	world_run(&w, 2 * KITH_US_PER_S);
	assert_int_equal(alice_knows(), seq);
}

static void a_brief_word_pushes_no_device_out(void **state)
{
	struct kith_core *c = alice();
	struct kith_watched *bob = &c->watched[0];
	const struct kith_session *s = kith_sessions_get(&c->sessions, c->leaf.subscriptions.at[1].session);
	struct kith_msg_notice m = { .has_key = true, .key = bob->key, .has_newest = true, .newest_seq = 7 };
	const struct kith_watched_device first = bob->devices[0];
	(void)state;
	bob->devices = kith_alloc_resize(c->alloc, bob->devices, sizeof first, KITH_DIAL_DEVICES_MAX * sizeof first);
	assert_non_null(bob->devices);
	for (unsigned i = 1; i < KITH_DIAL_DEVICES_MAX; i++) {
		bob->devices[i] = first;
		bob->devices[i].record = NULL;
		bob->devices[i].device[0] ^= (uint8_t)i;
		bob->devices[i].verdict.until += (kith_time_us)i;
	}
	bob->devices_n = KITH_DIAL_DEVICES_MAX;
	memset(m.newest, 0x77, sizeof m.newest);
	kith_core_enter(c, world_clock(&w));
	kith_watching_newest(c, s, &m);
	kith_core_settle(c);
	assert_memory_equal(bob->devices[0].device, first.device, sizeof first.device);
	assert_int_equal(alice_knows(), first.verdict.seq);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_leaf_subscribes_at_two_of_its_homes, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_is_held_against_honest_homes, setup, teardown),
		cmocka_unit_test_setup_teardown(a_home_that_is_to_tell_all_and_tells_nothing_is_found_out, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_home_that_is_to_tell_in_brief_and_tells_nothing_is_found_out, setup,
						teardown),
		cmocka_unit_test_setup_teardown(two_that_withhold_together_are_found_out_by_the_third, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_was_told_before_a_sleep_is_not_held_against_those_who_were_not_heard, setup, teardown),
		cmocka_unit_test_setup_teardown(a_brief_word_of_records_that_there_are_not_does_no_harm, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_brief_word_pushes_no_device_out, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
