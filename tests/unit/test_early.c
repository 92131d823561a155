/* What goes along with a call: told with it, once, whatever the network repeats, and to whom the call rings only. */
#include "call_world.h"

#include "base/limits.h"
#include "call/early.h"

enum { ROOT = 8 };

/* What was told at a node, and when: the last of it. */
static struct told {
	int n, len;
	int after; /* the event before it */
	uint8_t bytes[KITH_EARLY_MAX];
} told[ROOT];

static bool accepts;

static void take(struct core_world *w, int node, const struct kith_event *ev)
{
	static int before[ROOT];
	struct kith_core *c = w->nodes[node].core;
	if (ev->type == KITH_EVENT_EARLY) {
		told[node].n++;
		told[node].len = kith_core_early(c, ev->session, told[node].bytes);
		told[node].after = before[node];
		assert_int_equal(kith_core_early(c, ev->session, told[node].bytes), KITH_ENOENT);
	}
	if (ev->type == KITH_EVENT_INCOMING && accepts)
		assert_int_equal(kith_core_accept(c, world_clock(w), ev->session), 0);
	else if (ev->type == KITH_EVENT_INCOMING)
		let_ring(w, node, ev);
	before[node] = (int)ev->type;
}

/* The floor of a start is over. */
static void settle(struct core_world *w)
{
	memset(told, 0, sizeof told);
	memset(&ringing, 0, sizeof ringing);
	accepts = true;
	w->on_event = take;
	world_run(w, KITH_EARLY_AHEAD_MS * KITH_US_PER_MS);
}

static void world_ready(struct core_world *w)
{
	world_alice_and_bob(w);
	settle(w);
}

static kith_op say(struct core_world *w, int from, const char *name, const char *text, size_t len)
{
	kith_op op;
	const struct kith_span early = { (const uint8_t *)text, len };
	assert_int_equal(kith_core_call_early(w->nodes[from].core, world_clock(w), name, "chat", 0, early, &op), 0);
	world_drain(w, from);
	return op;
}

static const char words[KITH_EARLY_MAX + 1] = "are you there? the house is on fire";

static void it_is_told_with_the_call_and_before_it_is_answered(void **state)
{
	struct core_world w;
	(void)state;
	world_ready(&w);
	accepts = false;
	int since = w.events_n;
	kith_op op = say(&w, WORLD_ALICE, "bob", words, KITH_EARLY_MAX);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(told[WORLD_BOB].n, 1);
	assert_int_equal(told[WORLD_BOB].after, KITH_EVENT_INCOMING);
	assert_int_equal(told[WORLD_BOB].len, KITH_EARLY_MAX);
	assert_memory_equal(told[WORLD_BOB].bytes, words, KITH_EARLY_MAX);
	assert_int_equal(kith_core_accept(w.nodes[WORLD_BOB].core, world_clock(&w), ringing.session), 0);
	world_drain(&w, WORLD_BOB);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(outcome(&w, WORLD_ALICE, op, since), 1);
	assert_int_equal(told[WORLD_BOB].n, 1);
	assert_int_equal(told[WORLD_ALICE].n, 0);
	core_world_deinit(&w);
}

static void who_is_blocked_or_calls_what_is_not_offered_is_not_heard(void **state)
{
	struct core_world w;
	kith_op op;
	const struct kith_span early = { (const uint8_t *)words, 20 };
	(void)state;
	world_ready(&w);
	struct kith_core *alice = w.nodes[WORLD_ALICE].core, *bob = w.nodes[WORLD_BOB].core;
	assert_int_equal(kith_core_call_early(alice, world_clock(&w), "bob", "voice", 0, early, &op), 0);
	world_drain(&w, WORLD_ALICE);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(told[WORLD_BOB].n, 0);
	assert_int_equal(kith_core_pin(bob, world_clock(&w), "alice", &w.nodes[WORLD_ALICE].id.identity,
				       KITH_CONTACT_BLOCKED, false),
			 0);
	world_drain(&w, WORLD_BOB);
	say(&w, WORLD_ALICE, "bob", words, 20);
	world_run(&w, 10 * KITH_US_PER_S);
	assert_int_equal(told[WORLD_BOB].n, 0);
	assert_int_equal(ringing.rings, 0);
	core_world_deinit(&w);
}

static void a_callee_that_rejects_has_heard_it_once(void **state)
{
	struct core_world w;
	(void)state;
	world_ready(&w);
	accepts = false;
	int since = w.events_n;
	kith_op op = say(&w, WORLD_ALICE, "bob", words, 20);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(
		kith_core_reject(w.nodes[WORLD_BOB].core, world_clock(&w), ringing.session, KITH_CLOSE_REJECTED), 0);
	world_drain(&w, WORLD_BOB);
	world_run(&w, 10 * KITH_US_PER_S);
	assert_int_equal(outcome(&w, WORLD_ALICE, op, since), KITH_EREJECTED);
	assert_int_equal(told[WORLD_BOB].n, 1);
	core_world_deinit(&w);
}

/* Copies of everything, late ones too. */
static int storm(struct core_world *w, struct world_packet *p)
{
	struct weather *weather = w->tap_ctx;
	if (weather_tap(w, p) == 0)
		return 0;
	return 1 + (int)(test_random_next(&weather->random) % 3);
}

static void loss_copies_and_another_order_tell_it_once(void **state)
{
	(void)state;
	for (unsigned seed = 0; seed < 40; seed++) {
		struct core_world w;
		struct weather weather = { .loss_percent = seed % 3 * 10, .late_us = 400 * KITH_US_PER_MS };
		test_random_init(&weather.random, seed);
		world_alice_and_bob_sim(&w);
		settle(&w);
		w.tap = storm;
		w.tap_ctx = &weather;
		int since = w.events_n;
		kith_op op = say(&w, WORLD_ALICE, "bob", words, seed * 5 + 1);
		world_run(&w, 20 * KITH_US_PER_S);
		assert_int_equal(outcome(&w, WORLD_ALICE, op, since), 1);
		assert_int_equal(told[WORLD_BOB].n, 1);
		assert_int_equal(told[WORLD_BOB].len, (int)seed * 5 + 1);
		core_world_deinit(&w);
	}
}

static void when_both_call_both_are_heard_once(void **state)
{
	(void)state;
	for (int ms = 0; ms <= 300; ms += 10) {
		struct core_world w;
		world_alice_and_bob_sim(&w);
		settle(&w);
		accepts = false;
		int since = w.events_n;
		kith_op a = say(&w, WORLD_ALICE, "bob", "from alice", 10);
		world_run(&w, ms * KITH_US_PER_MS);
		kith_op b = say(&w, WORLD_BOB, "alice", "from bob", 8);
		world_run(&w, 5 * KITH_US_PER_S);
		assert_int_equal(outcome(&w, WORLD_ALICE, a, since), 1);
		assert_int_equal(outcome(&w, WORLD_BOB, b, since), 1);
		assert_int_equal(told[WORLD_BOB].n, 1);
		assert_int_equal(told[WORLD_ALICE].n, 1);
		assert_memory_equal(told[WORLD_BOB].bytes, "from alice", 10);
		assert_memory_equal(told[WORLD_ALICE].bytes, "from bob", 8);
		core_world_deinit(&w);
	}
}

/* Who hears all that comes to bob, and keeps the first message of a call. */
static struct world_packet record;
static int recorder(struct core_world *w, struct world_packet *p)
{
	const uint8_t *inner = p->data + KITH_PACKET_HEADROOM;
	if (inner[0] == KITH_PKT_TUNNEL && inner[KITH_TUNNEL_HEADER] == KITH_PKT_HELLO &&
	    kith_addr_equal(&p->to, &w->nodes[WORLD_BOB].addr))
		record = *p;
	return 1;
}

/* It comes again, as if from that supernode. */
static void replay(struct core_world *w, int home)
{
	record.at = w->now;
	record.from = w->nodes[home].addr;
	w->packets[w->packets_n++] = record;
	world_run(w, KITH_US_PER_S);
}

static void what_is_replayed_later_or_through_another_home_is_not_told(void **state)
{
	struct core_world w;
	(void)state;
	world_ready(&w);
	w.tap = recorder;
	say(&w, WORLD_ALICE, "bob", words, 20);
	world_run(&w, KITH_US_PER_S);
	assert_int_equal(told[WORLD_BOB].n, 1);
	assert_int_equal(record.data[KITH_PACKET_HEADROOM], KITH_PKT_TUNNEL);
	for (int home = 0; home < 3; home++)
		replay(&w, home);
	struct world_packet first = record;
	for (int i = 0; i < 2 * KITH_GUARD_REMEMBERED; i++) { /* it is forgotten */
		say(&w, WORLD_ALICE, "bob", words, 20);
		world_run(&w, 2 * KITH_US_PER_S);
	}
	assert_int_equal(told[WORLD_BOB].n, 1 + 2 * KITH_GUARD_REMEMBERED);
	record = first;
	for (int home = 0; home < 3; home++)
		replay(&w, home);
	assert_int_equal(told[WORLD_BOB].n, 1 + 2 * KITH_GUARD_REMEMBERED);
	core_world_deinit(&w);
}

static void restart(struct core_world *w, int i)
{
	struct kith_core_options o;
	world_stop(w, i);
	world_options(w, i, &o);
	assert_int_equal(world_try_start(w, i, &o), 0);
}

/* Alice's clock is ahead, so that what she said is newer than bob's start: it rings, and nobody speaks. */
static void what_is_replayed_after_a_restart_is_not_told(void **state)
{
	struct core_world w;
	(void)state;
	world_alice_and_bob(&w);
	w.nodes[WORLD_ALICE].skew_ms = KITH_EARLY_AHEAD_MS - 500;
	settle(&w);
	accepts = false;
	w.tap = recorder;
	say(&w, WORLD_ALICE, "bob", words, 20);
	world_run(&w, 200 * KITH_US_PER_MS);
	assert_int_equal(told[WORLD_BOB].n, 1);
	restart(&w, WORLD_BOB);
	world_stop(&w, WORLD_ALICE);
	world_run(&w, 3 * KITH_US_PER_S);
	int rings = ringing.rings;
	for (int home = 0; home < 3; home++)
		replay(&w, home);
	assert_int_equal(ringing.rings, rings + 1); /* it is new, as far as calls need it */
	assert_int_equal(told[WORLD_BOB].n, 1);
	restart(&w, WORLD_ALICE);
	core_world_deinit(&w);
}

static void to_a_callee_that_has_just_started_it_is_told_when_the_call_opens(void **state)
{
	struct core_world w;
	(void)state;
	world_ready(&w);
	restart(&w, WORLD_BOB);
	world_run(&w, 2 * KITH_US_PER_S);
	int since = w.events_n;
	kith_op op = say(&w, WORLD_ALICE, "bob", words, 20);
	world_run(&w, 2 * KITH_US_PER_S);
	assert_int_equal(outcome(&w, WORLD_ALICE, op, since), 1);
	assert_int_equal(told[WORLD_BOB].n, 1);
	assert_int_equal(told[WORLD_BOB].after, KITH_EVENT_OPENED);
	core_world_deinit(&w);
}

/* The callee's homes are not the caller's: the HELLO is nested, and has less room. */
static void what_does_not_fit_a_nested_hello_is_told_when_the_call_opens(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct core_world w;
		world_far_apart(&w);
		settle(&w);
		int since = w.events_n;
		kith_op op = say(&w, WORLD_FAR_ALICE, "bob", words, i == 0 ? 149 : KITH_EARLY_MAX);
		world_run(&w, 2 * KITH_US_PER_S);
		assert_int_equal(outcome(&w, WORLD_FAR_ALICE, op, since), 1);
		assert_int_equal(told[WORLD_FAR_BOB].n, 1);
		assert_int_equal(told[WORLD_FAR_BOB].len, i == 0 ? 149 : KITH_EARLY_MAX);
		assert_memory_equal(told[WORLD_FAR_BOB].bytes, words, (size_t)told[WORLD_FAR_BOB].len);
		if (i == 0)
			assert_int_not_equal(told[WORLD_FAR_BOB].after, KITH_EVENT_OPENED);
		core_world_deinit(&w);
	}
}

static void too_much_or_nothing_is_refused(void **state)
{
	struct core_world w;
	kith_op op;
	uint8_t out[KITH_EARLY_MAX];
	const uint8_t much[KITH_EARLY_MAX + 1] = { 0 };
	(void)state;
	world_ready(&w);
	struct kith_core *c = w.nodes[WORLD_ALICE].core;
	const struct kith_now now = world_clock(&w);
	assert_int_equal(kith_core_call_early(c, now, "bob", "chat", 0, test_span(much, sizeof much), &op),
			 KITH_EMSGSIZE);
	assert_int_equal(kith_core_call_early(c, now, "bob", "chat", 0, (struct kith_span){ NULL, 3 }, &op),
			 KITH_EINVAL);
	assert_int_equal(kith_core_early(c, 12345, out), KITH_ENOENT);
	assert_int_equal(kith_core_early(c, 12345, NULL), KITH_EINVAL);
	assert_int_equal(kith_core_early(NULL, 12345, out), KITH_EINVAL);
	core_world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_told_with_the_call_and_before_it_is_answered),
		cmocka_unit_test(who_is_blocked_or_calls_what_is_not_offered_is_not_heard),
		cmocka_unit_test(a_callee_that_rejects_has_heard_it_once),
		cmocka_unit_test(loss_copies_and_another_order_tell_it_once),
		cmocka_unit_test(when_both_call_both_are_heard_once),
		cmocka_unit_test(what_is_replayed_later_or_through_another_home_is_not_told),
		cmocka_unit_test(what_is_replayed_after_a_restart_is_not_told),
		cmocka_unit_test(to_a_callee_that_has_just_started_it_is_told_when_the_call_opens),
		cmocka_unit_test(what_does_not_fit_a_nested_hello_is_told_when_the_call_opens),
		cmocka_unit_test(too_much_or_nothing_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
